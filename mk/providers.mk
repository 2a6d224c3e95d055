# The example providers, in Go, AssemblyScript and C, and what they are built with.
EXAMPLES := examples/providers
ZIG := $(CURDIR)/$(BUILD)/zig

.PHONY: provider-tools
provider-tools: ## Install what the example providers are built with: AssemblyScript, and a clang for WebAssembly
	@command -v $(NODE) >/dev/null && command -v $(NPM) >/dev/null || { echo 'node and npm are missing: install Node 18 or later'; exit 1; }
	@cd $(EXAMPLES)/assemblyscript && { [ node_modules/.package-lock.json -nt package-lock.json ] || $(NPM) ci --silent --no-audit --no-fund; }
	@$(MAKE) --no-print-directory -C $(EXAMPLES)/c PYTHON=$(PYTHON) ZIG=$(ZIG) $(ZIG)/installed

.PHONY: providers
providers: provider-tools ## Build the example providers in Go, AssemblyScript and C
	@$(MAKE) --no-print-directory -C $(EXAMPLES)/go GO=$(GO)
	@cd $(EXAMPLES)/assemblyscript && $(NPM) run --silent build
	@$(MAKE) --no-print-directory -C $(EXAMPLES)/c ZIG=$(ZIG)
	@ls -l $(EXAMPLES)/*/*.wasm
