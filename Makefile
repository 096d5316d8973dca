# Everything runs in .venv, made here: python3 (3.11 or later), make and pip are all it takes.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check format docs site wheel

demo: .venv/installed  ## from a table of ratings to ten recommendations
	@rm -f movies.palate.checkpoint
	$(BIN)/palate train movielens-small --model neural --preset sgd --watch-test --output movies.palate
	$(BIN)/palate recommend movies.palate --user 1
	@echo "Try next:"
	@echo "  $(BIN)/palate recommend movies.palate --rate 'Toy Story (1995)=5' --rate 'Fargo (1996)=2'"
	@echo "  $(BIN)/palate similar movies.palate --item 'Toy Story (1995)' --min-ratings 20"
	@echo "  $(BIN)/palate curves movies.palate -o curves.svg"
	@echo "  $(BIN)/palate train your-ratings.csv --items your-items.csv"

test: .venv/installed-dev  ## every test, as many files at once as there are cores
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --cov --cov-report=

check: .venv/installed-dev  ## what else must hold: style, types, import order, coverage of the last test run
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/coverage report

format: .venv/installed-dev
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

docs: .venv/installed-dev  ## the pages made from the code
	$(BIN)/python -m scripts.make_docs

site: .venv/installed-dev  ## the documentation as a site, in site/: nothing in it asks another host for anything
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --fresh-env docs site
	$(BIN)/python -m scripts.check_site site

wheel: .venv/installed-dev  ## the wheel, built, installed into an empty environment and used there
	$(BIN)/python -m scripts.smoke_test

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Palate needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "Creating .venv and installing Palate: PyTorch alone is a download of some 200 MB ..."
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	@echo "Installing what development needs: the service, tests, linters ..."
	$(PIP) --editable '.[dev]'
	@touch $@

benchmarks/.venv:  ## what benchmarks/accuracy.py and benchmarks/als.py compare with
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check scikit-surprise==1.1.5 implicit==0.7.3
