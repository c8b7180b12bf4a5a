# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
VENV ?= .venv
PYTHON ?= python3
# Folder of real recordings (soundbank.csv, or one folder per class); empty: a synthetic bank.
SOUNDBANK ?=

BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.audiodet-installed

.PHONY: install demo test clean-demo

install: $(STAMP)

# detectron2 is on no registry: its sources come from labgym, whose own dependencies are not
# wanted. A venv that already holds a genuine detectron2 keeps it, and it is the one used.
$(STAMP): setup.py requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.txt \
		--editable ".[test]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--ignore-requires-python labgym==3.1.2
	$(BIN)/audiodet doctor
	touch $(STAMP)

demo: install
	$(BIN)/python tools/demo.py $(if $(SOUNDBANK),--soundbank "$(SOUNDBANK)")

test: install
	$(BIN)/python -m pytest tests
