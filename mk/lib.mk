# The shared library, its header, and the suites of C and Rust.
# The version has one home, capi/shim.h; a Go test holds atlas.Version equal to it.
VERSION := $(shell sed -n 's/^\#define EXATLAS_VERSION "\(.*\)"/\1/p' capi/shim.h)
SONAME := libexatlas.so.1
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DOCDIR ?= $(PREFIX)/share/doc/exatlas
# What lies below PREFIX is written by ${prefix}, so that pkg-config finds it in a
# tree that was moved (--define-prefix).
below-prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
CC ?= cc
CXX ?= c++
CARGO ?= cargo

# The Go resolver (netgo) holds no thread in getaddrinfo and adds no glibc
# symbol. The dashboard speaks plain HTTP, to which HTTP/2 belongs not: without it
# net/http is 0.4 MB smaller. -z nodelete: Go cannot be unloaded. -z now: no lazy binding in the
# middle of a fork.
# Two folders build the same bytes: Go's own build id, which holds the paths of the
# flags below, is left out, and the linker makes one of the contents.
LIB_TAGS := netgo,osusergo,nethttpomithttp2
LIB_LINK := -Wl,--build-id=sha1 -Wl,-soname,$(SONAME) -Wl,--version-script=$(CURDIR)/capi/exports.map -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now

.PHONY: lib
lib: plugins ## Build the shared library, build/libexatlas.so
	@$(MAKE) --no-print-directory lib-only

# lib-only builds without the plugins. It links into a new file and moves it in
# place, so that programs which have the old one loaded keep it.
.PHONY: lib-only
lib-only:
	@mkdir -p $(BUILD)/lib.tmp
	CGO_ENABLED=1 $(GO) build -buildmode=c-shared -trimpath -tags $(LIB_TAGS) -ldflags "-s -w -buildid= -extldflags '$(LIB_LINK)'" -o $(BUILD)/lib.tmp/$(SONAME) ./capi
	@mv -f $(BUILD)/lib.tmp/$(SONAME) $(BUILD)/$(SONAME)
	@rm -rf $(BUILD)/lib.tmp
	@ln -sfn $(SONAME) $(BUILD)/libexatlas.so
	@printf '%s: %s bytes\n' $(BUILD)/$(SONAME) "$$(stat -c %s $(BUILD)/$(SONAME))"

.PHONY: abi-check
abi-check: lib ## Prove symbols, SONAME, header, glibc floor and size of the library
	@CC="$(CC)" CXX="$(CXX)" bash test/c/abi-check.sh $(BUILD)/$(SONAME) $(SONAME)
	$(GO) test -count=1 ./capi

.PHONY: install
install: ## Install library, header, pkg-config file, command line and docs: make install PREFIX=/usr/local DESTDIR=
	@test -f $(BUILD)/$(SONAME) && test -f $(BUILD)/exatlas || { echo 'run make all first'; exit 1; }
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(BINDIR) $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(DOCDIR)/schema
	install -m 755 $(BUILD)/$(SONAME) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sfn $(SONAME) $(DESTDIR)$(LIBDIR)/libexatlas.so
	install -m 755 $(BUILD)/exatlas $(DESTDIR)$(BINDIR)/exatlas
	install -m 644 include/atlas.h $(DESTDIR)$(INCLUDEDIR)/atlas.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call below-prefix,$(LIBDIR))|' -e 's|@INCLUDEDIR@|$(call below-prefix,$(INCLUDEDIR))|' -e 's|@VERSION@|$(VERSION)|' exatlas.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/exatlas.pc
	install -m 644 LICENSE docs/*.md $(DESTDIR)$(DOCDIR)
	install -m 644 docs/schema/*.json $(DESTDIR)$(DOCDIR)/schema

.PHONY: test-c
test-c: lib cli ## C suite: ownership, misuse, threads, fork, signals, leaks, conformance, example, install
	@CC="$(CC)" bash test/c/run.sh

.PHONY: test-rust
test-rust: lib cli ## Rust suite: the wrapper, conformance files, the example
	cd examples/rust && $(CARGO) fmt --check && $(CARGO) clippy --locked --all-targets --quiet -- -D warnings && $(CARGO) test --locked --quiet
