# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
VENV ?= .venv
PYTHON ?= python3
# Folder of real recordings (soundbank.csv, or one folder per class); empty: a synthetic bank.
SOUNDBANK ?=

ifneq ($(words $(CURDIR)/$(VENV)),1)
$(error "$(CURDIR)/$(VENV)" has a space in it, expected paths without)
endif

BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.audiodet-installed

.PHONY: install demo test clean-demo

install: $(STAMP)

# detectron2 is on no registry: its sources come from labgym, whose own dependencies are not
# wanted. A venv that already holds a genuine detectron2 keeps it, and it is the one used.
$(STAMP): setup.py requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
		f"error: Python {v[0]}.{v[1]} found, expected 3.11 or newer: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.txt \
		--editable ".[test]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--ignore-requires-python --constraint requirements.txt labgym
	$(BIN)/audiodet doctor
	touch $(STAMP)

demo: install
	$(BIN)/python tools/demo.py $(if $(SOUNDBANK),--soundbank "$(SOUNDBANK)")

# The folder that tools/demo.py writes when it is not told another one.
clean-demo:
	rm -rf output/demo

test: install
	$(BIN)/python -m pytest tests
