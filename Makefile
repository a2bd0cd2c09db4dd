# The commands of the book; `make help` lists them. They need Python 3.11 or later, and nothing else.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.PHONY: help book serve test lint types check notebooks runs shown lab bench editor lighthouse shares lock wheels kafka rabbitmq clean

BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
NOTEBOOKS := index.ipynb $(wildcard chapters/*.ipynb appendix/*.ipynb)
SOURCES := $(shell find _config.yml _toc.yml *.ipynb claims.md chapters appendix _ext _static src tools/house.py tools/get_pyodide.py tools/pyodide -type f 2>/dev/null \
             | grep -v -e __pycache__ -e .ipynb_checkpoints)

help:  ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1 - /p' Makefile

book: _build/html/index.html  ## build the book into _build/html
	@echo "The book is in _build/html: run make serve to read it. From the file itself, index.html, all works but games and exercises."

serve: _build/html/index.html  ## show the book on this machine's loopback; PORT=8000 chooses the port
	@$(BIN)/python tools/serve.py --port $(or $(PORT),0)

test: .venv/package.made  ## check everything: style, types, code, every output of every chapter, every page
	@$(MAKE) --keep-going _build/html/index.html lint types check

lint: .venv/package.made  ## check the style of the code and of the notebooks
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/package.made  ## check the types
	$(BIN)/mypy

check: .venv/package.made  ## run the tests and compare the notebooks' outputs; ARGS="-k audit" chooses some
	$(BIN)/pytest --nbval --numprocesses auto --maxprocesses 4 --dist loadscope tests $(NOTEBOOKS) $(ARGS)

notebooks: .venv/package.made  ## run every notebook and the README again and store what they show
	$(BIN)/python tools/store_notebooks.py $(NOTEBOOKS)
	$(BIN)/python tools/store_readme.py

runs: .venv/package.made  ## make the stored runs of A Million Runs again; takes many minutes
	$(BIN)/python tools/store_runs.py $(ARGS)

shown: .venv/package.made  ## list the lines of the package that the book never shows
	@$(BIN)/python tools/shown.py

lab: .venv/package.made  ## open the chapters in JupyterLab; ARGS="--no-browser" passes options on
	@$(BIN)/jupyter trust $(NOTEBOOKS) >/dev/null  # else JupyterLab hides the stored pictures
	$(BIN)/jupyter lab --ip=127.0.0.1 --LabApp.default_url=/lab/tree/chapters \
	    --LabApp.app_settings_dir=tools/lab --LabApp.extra_labextensions_path=tools/lab $(ARGS)

bench: _build/html/index.html  ## measure the package and the book
	PYTHONPATH=tools $(BIN)/python benchmarks/run.py $(ARGS)

editor:  ## bundle the exercises' editor into _static; needs node and npm
	@cd tools/editor && npm ci --silent --no-audit --no-fund && node build.js ../../_static/editor.js

lighthouse: _build/html/index.html  ## measure each page as a phone sees it; needs node and a Chromium
	$(BIN)/python tools/lighthouse.py

# The environment is the lock, nothing more: a changed lock makes it anew.
.venv/lock.made: requirements.lock
	@python=$$(sh tools/find_python.sh) \
	    && echo "Making the environment in .venv with $$("$$python" --version); this takes a minute or two." \
	    && "$$python" -m venv --clear .venv
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python tools/left_out.py
	@touch $@

.venv/package.made: .venv/lock.made pyproject.toml
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

_build/html/index.html: .venv/package.made Makefile $(SOURCES)
	$(BIN)/jupyter-book build --all --quiet --warningiserror --keep-going .
	@touch $@

# One resolution for every supported Python and system: where a package has dropped an older Python, the
# lock has a version of it for each.
RESOLVE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
    --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
ALL = $(RESOLVE) --all-extras --group build --group pages --group lab

shares: _build/html/index.html  ## measure what each page's height is given to: code, panels, questions, pictures, tables, prose
	@$(BIN)/python tools/shares.py $(ARGS)

lock: .venv/lock.made  ## resolve the dependencies of pyproject.toml again, for the book and for Binder
	$(ALL) --group book --group test --group bench --group lock --output-file requirements.lock pyproject.toml
	$(ALL) --constraint requirements.lock --output-file binder/requirements.lock pyproject.toml
	$(RESOLVE) --group node --output-file tools/pyodide/node.lock

wheels: .venv/lock.made  ## ask the package index whether the lock installs from wheels on every Python
	@$(BIN)/python tools/wheels.py

kafka: .venv/package.made  ## get Kafka: its jars, 42 MB in ~/.cache; needs Java 17 or later, and Maven
	@$(BIN)/python -m delivery_semantics.systems.kafka.fetch

rabbitmq:  ## get RabbitMQ 4 and mosquitto, as root or by sudo: installed, or 240 MB in ~/.cache
	@bash tools/get_rabbitmq.sh

clean:  ## remove what was built, the environment included
	rm -rf _build .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache
