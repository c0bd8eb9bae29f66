# Every target sets up .venv by itself: Python 3.11 to 3.14 and make are all it takes. Once installed, none of them
# needs the network.

# 3.11 first: what is tried most. constraints.txt holds for the others too.
ifndef PYTHON
PYTHON := $(shell for candidate in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$candidate" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1 \
	&& { echo "$$candidate"; break; }; done)
endif

BIN := .venv/bin
# Tools that look at the environment, so they stand beside it.
SUPPLY := .venv/supply/bin
# Each process gets a run of neighbouring files, so that most files and servers start in one; the first to be idle takes
# over the end of the longest queue.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal
# Seconds of `long` tests that `make test-slow` runs besides, chosen by the commit; CI sets it.
LONG_BUDGET ?=
LONG_SEED ?= $(shell git rev-parse HEAD 2>/dev/null)
# After this time, in seconds since the epoch, `make test-slow` starts no further test and says what it did not reach.
LAST_START ?=
# -qq: errors only; what is going on is said in words below.
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
# What is installed is a file that constraints.txt lists, by its sha256, and runs no script of its own before.
LOCKED := install --require-hashes --only-binary :all: -c constraints.txt
# The extra `nudity` is AGPL-3.0, so it comes only where it is asked for: make test EXTRAS=s3,torch,ocr,onnx,ray,explicit,cutout,nudity
EXTRAS ?= s3,torch,ocr,onnx,ray,explicit,cutout
TORCH_CPU := https://download.pytorch.org/whl/cpu

# A caller's Python must not reach into ours.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help rehearse test test-slow test-all bench nano-check lint docs constraints sbom audit

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name words; do \
		printf 'make %-12s %s\n' "$$name" "$$words"; done

rehearse: .venv/.installed ## Run the whole nightly flow on the sample catalogue: no GPU, no network, no server
	@$(BIN)/packshot rehearse

test: lint ## Lint, then every test that takes seconds
	$(PYTEST) -m "not slow and not long"

test-slow: .venv/.installed ## Only the tests that take minutes; LONG_BUDGET=900 adds a choice of the longest ones
	$(PYTEST) --durations=25 --durations-min=10 $(if $(LONG_BUDGET),-m "slow or long" --long-budget=$(LONG_BUDGET) \
		--long-seed=$(LONG_SEED),-m "slow and not long") $(if $(LAST_START),--last-start=$(LAST_START))

test-all: lint ## Lint, then every test of all three levels: hours
	$(PYTEST)

bench: .venv/.installed ## Measure planning, overhead an image and engine use on this machine
	@$(BIN)/python -m bench

nano-check: .venv/.installed ## Measure the rehearsal's model on sampled prompts: does it draw what it is asked for?
	@$(BIN)/python -m infra.nano.training.check

lint: .venv/.installed ## ruff, mypy, the contracts between the four rooms, and whether docs/reference is up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/build_reference.py --check

docs: .venv/.installed ## Rewrite docs/reference from the code
	@$(BIN)/python docs/build_reference.py

constraints: .venv/.supply ## Resolve every dependency anew and rewrite constraints.txt, with the sha256 of every file
	@PATH="$(CURDIR)/$(SUPPLY):$$PATH" $(BIN)/python -m supply.lock
	@git --no-pager diff --stat constraints.txt

sbom: .venv/.installed .venv/.supply ## What is installed and under which licences: dist/sbom.cdx.json, dist/licences.json
	@mkdir -p dist
	@$(SUPPLY)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o dist/sbom.cdx.json $(BIN)/python
	@$(BIN)/python -m supply.licences dist/licences.json

audit: .venv/.supply ## Known vulnerabilities of what constraints.txt lists; needs PyPI's JSON interface
	@$(SUPPLY)/pip-audit --strict --disable-pip -r constraints.txt

# The environment

.venv/.pip:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Packshot needs Python 3.11, 3.12, 3.13 or 3.14: install one, or say which by make PYTHON=/path/to/python3" >&2; \
		exit 2; fi
	@echo "Setting up .venv with $$($(PYTHON) --version) (once, some minutes):"
	@echo "  1/3 pip"
	@$(PYTHON) -m venv .venv
	@sed -n '/^pip==/,/[^\\]$$/p' constraints.txt > .venv/pip.txt
	@$(PIP) install --require-hashes --only-binary :all: -r .venv/pip.txt
	@touch $@

.venv/.supply: .venv/.pip pyproject.toml constraints.txt
	@echo "Setting up .venv/supply (once)"
	@$(BIN)/python -m venv --without-pip .venv/supply
	@$(PIP) --python .venv/supply/bin/python $(LOCKED) --group supply
	@touch $@

# Without an NVIDIA GPU the CUDA packages would be gigabytes for nothing, so PyTorch's own CPU index comes first.
# The checkout itself has no hash: what it needs is listed, installed by hash, and then it alone without its needs.
.venv/.installed: .venv/.pip pyproject.toml constraints.txt
	@echo "  2/3 PyTorch"
	@if command -v nvidia-smi >/dev/null 2>&1; then \
		echo "      for the NVIDIA GPU of this machine"; $(PIP) $(LOCKED) torch; \
	else \
		$(PIP) $(LOCKED) --no-deps --index-url $(TORCH_CPU) --retries 1 --timeout 15 torch 2>/dev/null \
		|| { echo "      its CPU index cannot be reached; taking the plain one"; $(PIP) $(LOCKED) torch; }; \
	fi
	@echo "  3/3 Packshot and what it needs"
	@$(BIN)/python -m supply.needs '$(EXTRAS)' > .venv/needs.txt
	@$(PIP) $(LOCKED) -r .venv/needs.txt --group dev --group fuzzing
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(PIP) $(LOCKED) --group reference-tools
	@$(PIP) $(LOCKED) --no-binary pdqhash --no-build-isolation --group reference 2>.venv/pdqhash.log \
		|| echo "      pdqhash could not be built (no C++ compiler? see .venv/pdqhash.log): the tests that compare with it skip"
	@touch $@
