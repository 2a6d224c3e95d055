# The Node binding: its addon, its suite.
NODE ?= node
NPM ?= npm
NODE_DIR := bindings/node

.PHONY: node
node: ## Build the Node addon, bindings/node/native/exatlas.node
	@command -v $(NODE) >/dev/null && command -v $(NPM) >/dev/null || { echo 'node and npm are missing: install Node 18 or later'; exit 1; }
	@cd $(NODE_DIR) && { [ node_modules/.package-lock.json -nt package-lock.json ] || $(NPM) ci --silent --no-audit --no-fund; }
	@cd $(NODE_DIR) && CC="$(CC)" $(NODE) build.js
	@mkdir -p examples/node/node_modules && ln -sfn ../../../$(NODE_DIR) examples/node/node_modules/exatlas

.PHONY: test-node
test-node: lib cli node ## Node suite: calls, streams, cancelling, workers, exits, types, conformance files, the example
	cd $(NODE_DIR) && $(NODE) --test --test-timeout=120000 --test-reporter=spec test/*.test.js

.PHONY: test-dashboard
test-dashboard: lib cli node ## The dashboard's page in a simulated browser, against the library
	@cd test/dashboard && { [ node_modules/.package-lock.json -nt package-lock.json ] || $(NPM) ci --silent --no-audit --no-fund; }
	cd test/dashboard && $(NODE) --test --test-timeout=120000 --test-reporter=spec *.test.js
