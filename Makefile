# Every target sets up .venv by itself: Python 3.11 to 3.14 and make are all it takes. Once installed, none of them
# needs the network.

# 3.11 first: constraints.txt was resolved with it. The others have wheels for the same versions.
ifndef PYTHON
PYTHON := $(shell for candidate in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$candidate" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1 \
	&& { echo "$$candidate"; break; }; done)
endif

BIN := .venv/bin
# Each process gets a run of neighbouring files, so that most files and servers start in one; the first to be idle takes
# over the end of the longest queue.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal
# Seconds of `long` tests that `make test-slow` runs besides, chosen by the commit; CI sets it.
LONG_BUDGET ?=
LONG_SEED ?= $(shell git rev-parse HEAD 2>/dev/null)
# -qq: errors only; what is going on is said in words below.
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
# The extra `nudity` is AGPL-3.0, so it comes only where it is asked for: make test EXTRAS=s3,torch,ocr,onnx,ray,nudity
EXTRAS ?= s3,torch,ocr,onnx,ray
TORCH_CPU := https://download.pytorch.org/whl/cpu

# A caller's Python must not reach into ours.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help rehearse test test-slow test-all bench nano-check lint docs constraints

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name words; do \
		printf 'make %-12s %s\n' "$$name" "$$words"; done

rehearse: .venv/.installed ## Run the whole nightly flow on the sample catalogue: no GPU, no network, no server
	@$(BIN)/packshot rehearse

test: lint ## Lint, then every test that takes seconds
	$(PYTEST) -m "not slow and not long"

test-slow: .venv/.installed ## Only the tests that take minutes; LONG_BUDGET=900 adds a choice of the longest ones
	$(PYTEST) --durations=25 --durations-min=10 $(if $(LONG_BUDGET),-m "slow or long" --long-budget=$(LONG_BUDGET) \
		--long-seed=$(LONG_SEED),-m "slow and not long")

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

constraints: .venv/.pip ## Resolve every dependency anew and rewrite constraints.txt
	@echo "Resolving; nothing is installed ..."
	@$(PIP) install --dry-run --ignore-installed --report .venv/resolved.json -e '.[s3,torch,ocr,onnx,ray,nudity]' --group dev --group reference
	@sed '/^[^#]/,$$d' constraints.txt > .venv/resolved.txt
	@$(BIN)/python -c 'import json; rows = [r["metadata"] for r in json.load(open(".venv/resolved.json"))["install"]]; \
		print(*sorted((r["name"] + "==" + r["version"].split("+")[0] for r in rows if r["name"] != "packshot"), \
		key=str.lower), sep="\n")' >> .venv/resolved.txt
	@mv .venv/resolved.txt constraints.txt && rm .venv/resolved.json
	@git --no-pager diff --stat constraints.txt

# The environment

.venv/.pip:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Packshot needs Python 3.11, 3.12, 3.13 or 3.14: install one, or say which by make PYTHON=/path/to/python3" >&2; \
		exit 2; fi
	@echo "Setting up .venv with $$($(PYTHON) --version) (once, some minutes):"
	@echo "  1/3 pip"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

# Without an NVIDIA GPU the CUDA packages would be gigabytes for nothing, so PyTorch's own CPU index comes first.
.venv/.installed: .venv/.pip pyproject.toml constraints.txt
	@echo "  2/3 PyTorch"
	@if command -v nvidia-smi >/dev/null 2>&1; then \
		echo "      for the NVIDIA GPU of this machine"; $(PIP) install -c constraints.txt torch; \
	else \
		$(PIP) install -c constraints.txt --no-deps --index-url $(TORCH_CPU) --retries 1 --timeout 15 torch 2>/dev/null \
		|| { echo "      its CPU index cannot be reached; taking the plain one"; $(PIP) install -c constraints.txt torch; }; \
	fi
	@echo "  3/3 Packshot and what it needs"
	@$(PIP) install -c constraints.txt -e '.[$(EXTRAS)]' --group dev
	@$(PIP) install -c constraints.txt --group reference 2>/dev/null \
		|| echo "      pdqhash could not be built (no C++ compiler?): the tests that compare with it will skip"
	@touch $@
