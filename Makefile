# `make run` and `make test` do all the set-up on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
IMAGES := $(or $(IMAGE_SEARCH_IMAGES),static/images)
EXAMPLES := static/examples
# A file's tests share what is made for them, so they stay in one process. The order is that of
# tests/tiers.py.
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

.PHONY: help setup demo index run test test-unit test-service test-browser test-slow golden lint types \
	lock licences sbom dist clean

help:
	@echo "make run     set up, draw the demo collection if there are no images, index, serve"
	@echo "make test    set up, then lint, check types and run every test"
	@echo "make test-unit, test-service, test-browser, test-slow"
	@echo "             one tier of the tests"
	@echo "make golden  record the vectors, rankings and verdicts that tests compare with"
	@echo "make lock    pin what requirments.txt and releasing/tools.txt need, with hashes"
	@echo "make licences  list the licence of every dependency; fail where one is not accepted"
	@echo "make sbom    write the software bill of materials to dist/"
	@echo "make dist    build the wheel and the sdist in dist/"
	@echo "make setup   create $(VENV) and install what is needed; EXTRAS=analysis adds"
	@echo "             scikit-learn, which learns labels"
	@echo "make index   bring the index up to date"
	@echo "make clean   remove $(VENV) and everything that tools leave behind"

$(READY): requirments.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14) and "Python 3.10 to 3.13 is needed; say make PYTHON=python3.12, for example.")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing what is needed: several GB, which takes minutes."
	$(BIN)/python -m pip install --disable-pip-version-check -r requirments.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --editable .
	touch $@

$(READY_TO_TEST): $(READY) releasing/tools.txt
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[test]' -r releasing/tools.txt
	touch $@

setup: $(READY)
	$(if $(EXTRAS),$(BIN)/python -m pip install --disable-pip-version-check --editable '.[$(EXTRAS)]')

demo: $(READY)
	$(BIN)/python -m image_search.demo $(IMAGES) $(EXAMPLES) --if-empty

index: $(READY)
	$(BIN)/image-search index

# A port that is taken is better known before the work than after it. The service finds the
# duplicates while it answers already.
run: $(READY)
	$(BIN)/image-search serve --check-port
	$(BIN)/python -m image_search.demo $(IMAGES) $(EXAMPLES) --if-empty
	$(BIN)/image-search index --only-search
	$(BIN)/image-search serve

lint: $(READY_TO_TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY_TO_TEST)
	$(BIN)/mypy --num-workers=auto

test: lint types
	$(PYTEST)

test-unit test-service test-browser test-slow: $(READY_TO_TEST)
	$(PYTEST) -m $(@:test-%=%)

golden: $(READY_TO_TEST)
	$(BIN)/python -m tests.golden

# What is pinned already stays as it is; remove a lock file first to take the newest of everything.
lock: requirments.lock releasing/tools.lock

%.lock: %.txt | $(READY_TO_TEST)
	$(BIN)/uv pip compile $< --output-file $@ --quiet --universal --python-version 3.10 \
		--generate-hashes --no-annotate --no-emit-index-url --custom-compile-command 'make lock'

licences: $(READY_TO_TEST)
	$(BIN)/python -m releasing.licences

sbom: $(READY_TO_TEST)
	mkdir -p dist
	$(BIN)/python -m releasing.sbom dist/image-search.cdx.json

dist: $(READY_TO_TEST)
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis test-output build dist *.egg-info
