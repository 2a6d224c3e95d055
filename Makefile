# Atlas. `make` prints the targets. mk/*.mk holds those of each language.
.DEFAULT_GOAL := help
SHELL := /bin/bash
GO ?= go
PREFIX ?= /usr/local
BUILD := build
export ATLAS_LIBRARY ?= $(CURDIR)/$(BUILD)/libexatlas.so
export ATLAS_CLI ?= $(CURDIR)/$(BUILD)/exatlas

include $(sort $(wildcard mk/*.mk))

.PHONY: help
help: ## Print this list
	@bold=; plain=; if [ -t 1 ] && [ "$${TERM:-dumb}" != dumb ]; then bold=$$'\e[1m'; plain=$$'\e[0m'; fi; \
	awk -F':.*## ' -v bold="$$bold" -v plain="$$plain" '/^[a-zA-Z0-9_-]+:.*## / {printf "  %s%-15s%s %s\n", bold, $$1, plain, $$2}' $(MAKEFILE_LIST) | sort

.PHONY: all
all: plugins lib cli ## Build everything a user links or runs: plugins, library, command line

.PHONY: plugins
plugins: ## Build the provider plugins (WebAssembly) that the library embeds
	$(GO) run ./internal/buildplugins

.PHONY: cli
cli: plugins ## Build the command line, build/exatlas
	$(GO) build -trimpath -ldflags '-s -w' -o $(BUILD)/exatlas ./cmd/exatlas

.PHONY: gen
gen: ## Regenerate docs, schemas and types from the method table
	$(GO) run ./internal/gen

.PHONY: test
test: ## Run every suite in every language: the one command
	@bash mk/test.sh

.PHONY: test-go
test-go: plugins provider-tools ## Go suites, then all that runs at once again with the race detector
	$(GO) vet ./...
	GO='$(GO)' $(PYTHON) mk/gotest.py -timeout 15m ./...
	GO='$(GO)' $(PYTHON) mk/gotest.py -race -short -timeout 15m $$($(GO) list ./... | grep -Ev '$(RACE_APART)')

# Where the race detector has nothing to find: guests have one thread, and the
# generators and checks of this repository one goroutine. test/canary compiles
# guests and reads memory and files for minutes; what it runs at once, the other
# folders of test/ run at once under the detector. test/thirdparty runs compilers.
RACE_APART := /(plugins/.*|internal/(buildplugins|gen|lint|openapicheck)|test/(canary|thirdparty))$$

.PHONY: lint
lint: ## Formatting, vet, generated files, architecture rules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt -w on these'; exit 1; }
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet -unsafeptr=false ./plugins/... ./examples/providers/go/...
	cd bench && $(GO) vet ./...
	$(GO) test -count=1 ./internal/lint
	$(GO) run ./internal/gen -check

.PHONY: demo
demo: cli ## Rent, use and give back a simulated RunPod GPU; needs no account
	@$(BUILD)/exatlas demo

.PHONY: demo-live
demo-live: cli ## The same story on RunPod itself; spends money; needs RUNPOD_API_KEY
	@$(BUILD)/exatlas demo --live

.PHONY: bench
bench: all node ## Print one JSON line per figure, each with its peer measured in the same run
	@bash bench/run.sh

.PHONY: chaos
chaos: lib cli ## Kill processes at random moments and audit cloud, store and bill: SEED, KILLS (50), STORE (sqlite, postgres), NODES, CLOCK=-clock
	@go run ./test/chaos $(if $(SEED),-seed $(SEED)) -kills $(or $(KILLS),50) -store $(or $(STORE),sqlite) -nodes $(or $(NODES),$(if $(filter postgres,$(STORE)),3,1)) $(CLOCK)

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (default 20s)
	@bash mk/fuzz.sh

.PHONY: clean
clean: ## Remove what was built
	rm -rf $(BUILD) bindings/python/build plugins/builtin/*.wasm.*

.PHONY: test-readme
test-readme: all node $(PYTHON_VENV)/installed ## Run every command and program of the README and of docs
	@python3 mk/readme.py
