# `make demo` plays a full incident, `make test` runs every check. Both do all the set-up.
PYTHON ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS ?= never
export UV_NO_PROGRESS ?= 1
# The certificates that pip and git trust too: a company's own are not in uv's bundle.
export UV_SYSTEM_CERTS ?= 1

.PHONY: setup demo test lint bench constraints clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt $(wildcard integrations/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "aiprov needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt \
		--editable '.[cli,demo]' $(addprefix --editable ,$(wildcard integrations/*)) --group lint --group test
	@touch $@

demo: setup
	@$(BIN)/aiprov demo

test: setup lint
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses 2 --dist loadgroup tests
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --include='*/aiprov_runtime/*' --fail-under=95
	$(BIN)/coverage report --fail-under=90

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# On every Python that is here; each newer one gets an environment of its own.
bench: setup
	@$(BIN)/python tests/bench/report.py
	@$(BIN)/python tests/bench/report.py service
	@PATH="$$PATH$$(printf ':%s' "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[23].*/bin)"; for version in 3.12 3.13; do \
		python=$$($(BIN)/uv python find --no-project --system $$version 2>/dev/null) || { echo "no Python $$version here"; continue; }; \
		test -x .peers/bench-$$version/bin/python || $(BIN)/uv venv --quiet --python "$$python" .peers/bench-$$version; \
		$(BIN)/uv pip install --quiet --python .peers/bench-$$version/bin/python --constraints constraints.txt \
			--editable '.[cli,demo]' $(addprefix --editable ,$(wildcard integrations/*)) --group test && \
		.peers/bench-$$version/bin/python tests/bench/report.py; \
	done

constraints: setup
	$(BIN)/uv pip compile --quiet --universal --no-emit-index-url --no-header --no-annotate --python-version 3.11 \
		--all-extras --group lint --group test $(addprefix --no-emit-package ,aiprov $(addprefix aiprov-,$(notdir $(wildcard integrations/*)))) \
		pyproject.toml integrations/*/pyproject.toml --output-file constraints.txt

clean:
	rm -rf .venv .peers .wheels .mypy_cache .ruff_cache .pytest_cache .hypothesis
