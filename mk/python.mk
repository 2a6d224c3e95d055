# The Python binding. Its tools live in a virtual environment of their own.
PYTHON ?= python3
PYTHON_VENV := $(CURDIR)/$(BUILD)/python-venv
PYTHON_RUN := PYTHONPATH=$(CURDIR)/bindings/python $(PYTHON_VENV)/bin/python

$(PYTHON_VENV)/installed: bindings/python/requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo 'install Python 3.9 or later, or set PYTHON'; exit 1; }
	@$(PYTHON) -m venv $(PYTHON_VENV) || { echo 'install the venv module of Python (Debian: python3-venv)'; exit 1; }
	$(PYTHON_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-python
test-python: lib cli test-python-only ## Python suite: the binding, its types, conformance files, examples

# test-python-only takes the library and the command line as they are.
.PHONY: test-python-only
test-python-only: $(PYTHON_VENV)/installed
	cd bindings/python && $(PYTHON_VENV)/bin/mypy
	cd bindings/python && $(PYTHON_RUN) -m pytest

.PHONY: bench-python
bench-python: lib cli ## Cost of a call from Python on top of the C function, one JSON line
	PYTHONPATH=$(CURDIR)/bindings/python $(PYTHON) bench/python/callbench.py
