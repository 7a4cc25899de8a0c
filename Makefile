# The two commands are `make book` and `make test`. PYTHON, PORT and SERVE can be set:
#   make book PORT=9000      make book SERVE=0      make setup PYTHON=python3.12

PYTHON ?= python3
SERVE ?= 1
PORT ?=
PY = .venv/bin/python
READY = .venv/ready
AS_ROOT = $(if $(filter 0,$(shell id -u)),--allow-root)  # JupyterLab asks for it

help:
	@echo "make book    execute and build the book, then serve it (SERVE=0, PORT=,"
	@echo "             LANGUAGES=en without the Chinese pages)"
	@echo "make test    every test: library, chapters, pages in a real browser"
	@echo "make setup   only the environment, in .venv"
	@echo "make lab     JupyterLab on the chapters"
	@echo "make bench   speed and memory, and how soon a page can be used, as tables"
	@echo "make bench-peers   the same work in other libraries, in an environment apart"
	@echo "make campaign      the long forms of the fault tests, about half an hour"
	@echo "make lint    style of code and notebooks; the JavaScript needs npm"
	@echo "make stamp   write the repository's address wherever it is needed"
	@echo "make clean   remove what was built (.venv stays)"

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -m tools.environment
	@touch $@

book: $(READY)
ifeq ($(SERVE),0)
	@$(PY) -m tools.book
else
	@$(PY) -m tools.serve "$(PORT)"
endif

test: $(READY)
	@$(PY) -m tools.browser
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lab: $(READY)
	@.venv/bin/jupyter lab book $(AS_ROOT)

bench: $(READY)
	@$(PY) -m tools.bench
	@$(PY) -m tools.bench_pages

PEERS = .venv-peers/ready

$(PEERS): tools/bench_peers/requirements.txt
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install -q -r tools/bench_peers/requirements.txt
	@.venv-peers/bin/python -m pip install -q --no-deps solo-learn==1.0.2
	@touch $@

bench-peers: $(READY) $(PEERS)
	@$(PY) -m tools.bench_peers

campaign: $(READY)
	@$(PY) -m tools.campaign

BIOME = node_modules/.package-lock.json

$(BIOME): package.json package-lock.json
	@npm ci --no-audit --no-fund --silent
	@touch $@

lint: $(READY) $(BIOME)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@npx --no-install biome ci
	@.venv/bin/nbstripout --verify book/*.ipynb

stamp: $(READY)
	@$(PY) -m tools.stamp

clean:
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path "./.venv/*" -prune -exec rm -rf {} +

.PHONY: help setup book test lab bench bench-peers campaign lint stamp clean
