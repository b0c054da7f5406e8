# Everything a developer does here. `make help` lists it.
#
# A fresh machine needs Python >= 3.11, a stable Rust toolchain and make; the rest goes into .venv from the package
# registries. Variables: PYTHON (the interpreter .venv is made with), ARGS (passed on to the command a target runs),
# SECONDS and TARGET (fuzz), HOURS and OUT (soak).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python
ARGS ?=

# Real vocabularies and corpora, where a checkout has them beside it; without them the tests that need them skip.
ifneq ($(wildcard ../shared/data),)
export TOKENGROVE_TEST_DATA ?= $(abspath ../shared/data)
endif

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_QUIET ?= 1

# Prints the requirements of the extras named, so that they can be installed without building the package.
requirements = $(PY) -c 'import sys, tomllib; from pathlib import Path; \
	p = tomllib.loads(Path("pyproject.toml").read_text())["project"]; \
	print(*p["dependencies"], *(r for e in sys.argv[1:] for r in p["optional-dependencies"][e]), sep="\n")'

# What the extension is built from. A change in any of it, and only that, rebuilds.
RUST_SOURCES := $(shell find rust -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.bin' \) 2>/dev/null)
BUILD_INPUTS := $(RUST_SOURCES) Cargo.toml Cargo.lock pyproject.toml

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- environment and build ---------------------------------------------------------------------------------------

.PHONY: toolchain
toolchain:
	@command -v cargo >/dev/null || { echo "cargo not found: install a stable Rust toolchain (https://rustup.rs)" >&2; exit 1; }

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Python >= 3.11 is needed; $(PYTHON) is {sys.version.split()[0]}")'
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install 'maturin>=1.14,<2' 'numpy>=1.26'
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo "Installing the development tools into $(VENV)"
	@$(requirements) dev torch transformers | $(PY) -m pip install -r /dev/stdin
	@touch $@

$(VENV)/.bench: $(VENV)/.made pyproject.toml
	@echo "Installing the libraries to compare with into $(VENV)"
	@$(requirements) bench | $(PY) -m pip install -r /dev/stdin
	@touch $@

.PHONY: venv
venv: $(VENV)/.dev ## Make .venv with every tool that development needs

# $(call extension,MESSAGE,OPTIONS): builds in place; the output shows only if it fails. PYO3_PYTHON is fixed so that
# cargo sees one configuration whatever else is on PATH, and rebuilds nothing.
extension = @echo "$(1)"; \
	log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	PYO3_PYTHON=$(abspath $(PY)) VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --locked $(2) >"$$log" 2>&1 \
	|| { cat "$$log" >&2; exit 1; }

$(VENV)/.release: $(VENV)/.made $(BUILD_INPUTS) | toolchain
	$(call extension,Building the extension. From nothing this takes a minute or two.,--release)
	@rm -f $(VENV)/.quick; touch $@

$(VENV)/.quick: $(VENV)/.made $(BUILD_INPUTS) | toolchain
	$(call extension,Building the extension without link-time optimisation.,--profile dev-release)
	@rm -f $(VENV)/.release; touch $@

.PHONY: build
build: $(VENV)/.release ## Build the release extension and install the package into .venv (editable)

.PHONY: develop
develop: $(VENV)/.dev $(VENV)/.quick ## The same without link-time optimisation: seconds instead of a minute after a change

.PHONY: demo
demo: build ## Show what the package does, on a vocabulary it carries
	@$(BIN)/tokengrove demo $(ARGS)

# --- checks ------------------------------------------------------------------------------------------------------

.PHONY: test
test: lint stubs test-rust test-python ## Everything: Rust and Python tests, doctests, lints, types, stubs

.PHONY: test-rust
test-rust: toolchain ## Rust unit, property and documentation tests, and the fuzz regressions
	cargo test --locked --workspace --exclude tokengrove-python --quiet $(ARGS)

.PHONY: test-python
test-python: $(VENV)/.dev $(VENV)/.release ## Python tests against the release build
	$(PY) -m pytest -m 'not soak' $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev toolchain ## rustfmt, clippy, ruff and mypy
	cargo fmt --all --check
	PYO3_PYTHON=$(abspath $(PY)) cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy $(wildcard tests tools benches/python)

.PHONY: stubs
stubs: $(VENV)/.dev $(VENV)/.release ## Compare _native.pyi with the built extension
	$(PY) -m mypy.stubtest tokengrove._native --ignore-disjoint-bases

.PHONY: fmt
fmt: $(VENV)/.dev toolchain ## Format Rust and Python sources in place
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet . || true

# --- long runs ---------------------------------------------------------------------------------------------------

.PHONY: bench
bench: $(VENV)/.bench $(VENV)/.release ## Compare speed with the installed peers; JSON to benches/results
	$(PY) benches/python/run.py $(ARGS)
	@$(if $(strip $(ARGS)),echo "Training was left out, as ARGS are those of encoding: make bench-train",$(MAKE) --no-print-directory bench-train)

.PHONY: bench-train
bench-train: $(VENV)/.bench $(VENV)/.release ## Compare the speed of training with the installed trainers
	$(requirements) bench-train | $(PY) -m pip install -r /dev/stdin
	$(PY) benches/python/train.py $(ARGS)

.PHONY: bench-speculative
bench-speculative: $(VENV)/.dev $(VENV)/.release ## Tokens per forward pass of every way to draft, to benches/results and docs
	$(PY) benches/python/speculation.py --json benches/results/speculation-$(or $(NAME),new).json $(ARGS)
	$(PY) benches/python/speculation_report.py --write

.PHONY: bench-gpu
bench-gpu: $(VENV)/.dev $(VENV)/.release ## Time of a step at 7B and 8B shapes on a GPU; without one a smoke test
	$(PY) benches/python/gpu_latency.py --out benches/results/gpu-latency-$(or $(NAME),new).json $(ARGS)

.PHONY: bench-peers
bench-peers: $(VENV)/.bench ## Install more peers for `make bench`: those that not every platform has wheels of
	$(requirements) bench-more | $(PY) -m pip install -r /dev/stdin

.PHONY: report
report: $(VENV)/.bench ## Rewrite the README's benchmark table and docs/benchmarks.md from the newest result
	$(PY) benches/python/report.py --write $(ARGS)

.PHONY: fuzz
fuzz: toolchain ## Fuzz every target for SECONDS (60) each, or TARGET alone
	fuzz/run.sh "$(or $(TARGET),all)" "$(if $(filter-out file environment,$(origin SECONDS)),$(SECONDS),60)" $(ARGS)

# Not every interpreter has wheels of Ray and PySpark; the tests that need one that is missing skip, and say so.
$(VENV)/.soak: $(VENV)/.dev pyproject.toml
	@echo "Installing Ray and PySpark into $(VENV)"
	@for extra in ray spark; do $(requirements) $$extra | $(PY) -m pip install -r /dev/stdin \
		|| echo "not installed: $$extra" >&2; done
	@touch $@

.PHONY: soak
soak: $(VENV)/.dev $(VENV)/.soak $(VENV)/.release ## Runs of HOURS (1), after the Rust tests too long for make test; JSON to OUT
	cargo test --locked --workspace --exclude tokengrove-python -- --ignored
	TOKENGROVE_SOAK_HOURS=$(or $(HOURS),1) TOKENGROVE_SOAK_OUT=$(or $(OUT),benches/results) \
		$(PY) -m pytest -m soak --timeout=0 $(ARGS)

.PHONY: clean
clean: ## Remove what the targets above made, .venv included
	rm -rf $(VENV) target dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find python -name '*.so' -delete -o -name '*.pyd' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
