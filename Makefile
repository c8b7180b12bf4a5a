# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
VENV ?= .venv
LIGHT ?= .venv-light
PYTHON ?= python3
# Folder of real recordings (soundbank.csv, or one folder per class); empty: a synthetic bank.
SOUNDBANK ?=
# Processes that share the test files.
JOBS ?= 2

ifneq ($(words $(CURDIR)/$(VENV)),1)
$(error "$(CURDIR)/$(VENV)" has a space in it, expected paths without)
endif

BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.audiodet-installed
# PSDS and average precision need sed_scores_eval, which pip builds; all else needs no compiler.
PSDS := $(if $(shell command -v c++),sed_scores_eval lazy_dataset)

.PHONY: install install-light demo test lint format clean-demo

install: $(STAMP)

# detectron2 is on no registry: its sources come from labgym, whose own dependencies are not
# wanted, nor are all of sed_scores_eval's (see requirements.txt). A venv that already holds a
# genuine detectron2 keeps it, and it is the one used.
$(STAMP): setup.py requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
		f"error: Python {v[0]}.{v[1]} found, expected 3.11 or newer: make PYTHON=python3.11 ...")'
	@echo "Installing audiodet and what it needs into $(VENV). With PyTorch for CUDA that is 7 GB on disk;"
	@echo "pip says below how much it loads."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --constraint requirements.txt \
		--editable ".[test]"
	@echo "Installing detectron2's sources$(if $(PSDS), and PSDS, which is compiled)."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--ignore-requires-python --constraint requirements.txt labgym $(PSDS)
	$(BIN)/audiodet doctor
	touch $(STAMP)
	@echo "Installed. After 'source $(VENV)/bin/activate' the command audiodet is found."

# Detecting alone, without torch: 200 MB, in a venv of its own.
install-light:
	test -x $(LIGHT)/bin/python || $(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint requirements.txt --editable .
	$(LIGHT)/bin/audiodet doctor

demo: install
	$(BIN)/python tools/demo.py $(if $(SOUNDBANK),--soundbank "$(SOUNDBANK)")

# The folder that tools/demo.py writes when it is not told another one.
clean-demo:
	rm -rf output/demo

test: install
	@$(BIN)/python -c 'import audiodet, sed_scores_eval' || { echo "error: sed_scores_eval is missing, expected \
	it for the tests of PSDS: install a C++ compiler (apt install g++), rm $(STAMP), make test"; exit 1; }
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile tests

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
