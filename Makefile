# The commands of the project. Each sets up what it needs by itself: see
# scripts/setup.sh. ARGS="…" is passed on to what a target runs.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check format bench binary screenshots lock next clean

PYTHON_VENV := .venv/bin/python
ARGS ?=
# Test processes: most tests wait for something, so three keep two cores busy. 0: in one.
WORKERS ?= 3
# A file stays in one process, for what its tests share; tests/conftest.py orders the files.
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
export PYTHON

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(firstword $(MAKEFILE_LIST)) | \
	    while IFS='|' read -r name text; do printf 'make %-12s %s\n' "$$name" "$$text"; done

run: ## Open the window; with no display, host headless and say how to connect
	@scripts/setup.sh app
	@exec $(PYTHON_VENV) -m gui $(ARGS)

test: ## Run every test (ARGS="-k name" for some, WORKERS=0 for one process)
	@scripts/setup.sh app test
	@QT_QPA_PLATFORM=offscreen scripts/with_docker.sh $(PYTHON_VENV) -m pytest $(PARALLEL) $(ARGS)

check: ## Lint, formatting, types, the direction of imports, tested versions
	@scripts/setup.sh check
	$(PYTHON_VENV) -m scripts.dependencies
	$(PYTHON_VENV) -m ruff check .
	$(PYTHON_VENV) -m ruff format --check .
	$(PYTHON_VENV) -m mypy
	.venv/bin/lint-imports
	scripts/web.sh check

format: ## Put the code into shape
	@scripts/setup.sh check
	$(PYTHON_VENV) -m ruff check --fix .
	$(PYTHON_VENV) -m ruff format .

bench: ## Measure speed
	@scripts/setup.sh app test
	@QT_QPA_PLATFORM=offscreen scripts/with_docker.sh $(PYTHON_VENV) -m benchmarks $(ARGS)

binary: ## Build dist/hatchway, one program that needs no Python, and check it
	@scripts/setup.sh app build
	@$(PYTHON_VENV) -m scripts.compiled build/compiled || { [ -z "$$CI" ] && \
	    echo "binary: going on; its terminal will not be compiled, and slower for it"; }
	$(PYTHON_VENV) -m PyInstaller --noconfirm --clean --log-level WARN build.spec
	@$(PYTHON_VENV) scripts/binary_check.py dist/hatchway

screenshots: ## Make the pictures of the documentation from the real window
	@scripts/setup.sh app test
	@QT_QPA_PLATFORM=offscreen scripts/with_docker.sh $(PYTHON_VENV) -m scripts.screenshots $(ARGS)
	@QT_QPA_PLATFORM=offscreen $(PYTHON_VENV) -m scripts.terminal_screenshots $(ARGS)
	@scripts/with_docker.sh $(PYTHON_VENV) -m scripts.web_pictures $(ARGS)

lock: ## Recompile requirements/*.lock (UPGRADE=1: take the newest versions)
	@scripts/lock.sh

next: ## Try the newest versions of the libraries, inside our ranges and beyond them
	@scripts/setup.sh app test
	@QT_QPA_PLATFORM=offscreen scripts/with_docker.sh $(PYTHON_VENV) -m scripts.next_versions $(ARGS)

clean: ## Remove what the other targets made
	rm -rf .venv .setup build dist resources/web/dist resources/web/node_modules tests/engine/emulator/oracle/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
