# Everything runs in .venv, which the first target makes from the hashed lock.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
PAYDOWN_HOME ?= $(if $(PAYDOWN_LANDING)$(PAYDOWN_SOURCES),.paydown/live,.paydown/demo)
SIZE ?= 100k

export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1
export UV_PYTHON_DOWNLOADS := never

TEST_WORKERS ?= auto

.PHONY: run test test-all bench dev bi docs manifest lint format lock clean

run: .venv/ready  ## load, build, test, score, publish, open epics
	@.venv/bin/paydown run

# Property tests draw the same examples each time here, and others each time in test-all.
test: .venv/ready  ## all tests but the slow ones
	.venv/bin/pytest -n $(TEST_WORKERS) --dist worksteal -m "not slow" --hypothesis-profile=ci

test-all: .venv/ready .venv-snowflake/ready .venv-emulator/ready .venv-spark/ready .venv-engines/ready .venv-bi/ready  ## all tests, also the exhaustive ones and those at scale
	.venv/bin/pytest -n $(TEST_WORKERS) --dist worksteal

bench: .venv/ready  ## what runs at SIZE=10k, 100k or 1m incidents cost
	.venv/bin/python benchmarks/run.py --size $(SIZE)

# Runs in the folder of its instance, whose dagster.yaml it would otherwise warn of, and in a session
# of its own: where Ctrl-C reaches its servers too, it starts them anew and never ends.
ALONE := import os, signal, sys; os.setsid(); signal.signal(signal.SIGINT, signal.SIG_DFL); \
	os.execv(sys.argv[1], sys.argv[1:])
dev: .venv/ready  ## Dagster's UI with the whole asset graph, on port 3000
	@mkdir -p "$(PAYDOWN_HOME)/dagster" && cp dagster.yaml "$(PAYDOWN_HOME)/dagster/"
	@cd "$(PAYDOWN_HOME)/dagster" && export DAGSTER_HOME="$$PWD" PYTHONWARNINGS="ignore:Function"; \
		"$(CURDIR)/.venv/bin/python" -c '$(ALONE)' "$(CURDIR)/.venv/bin/dagster" dev \
			-m orchestration.definitions -d "$(CURDIR)" & pid=$$!; \
		trap "kill -INT $$pid" INT TERM; wait $$pid; wait $$pid || true

# Of a copy, since a reader would block the next run.
docs: export DBT_PROFILES_DIR := profiles
docs: export DBT_TARGET_PATH := .paydown/docs/target
docs: export PAYDOWN_WAREHOUSE := .paydown/docs/warehouse.duckdb
docs: .venv/ready  ## dbt's documentation of all models, in .paydown/docs/index.html
	@test -f "$(PAYDOWN_HOME)/warehouse.duckdb" || { echo "no warehouse yet: make run"; exit 1; }
	@mkdir -p .paydown/docs && cp "$(PAYDOWN_HOME)/warehouse.duckdb" .paydown/docs/
	@.venv/bin/dbt --quiet docs generate --static
	@mv .paydown/docs/target/static_index.html .paydown/docs/index.html
	@rm .paydown/docs/warehouse.duckdb
	@echo "open .paydown/docs/index.html"

bi: .venv-bi/ready  ## Superset with the dashboard of bi/superset over the published marts, on port 8088
	@PAYDOWN_HOME="$(PAYDOWN_HOME)" bi/superset/start.sh

manifest: .venv/ready  ## parse the dbt project for Dagster, as a deployment does while it is built
	@.venv/bin/python -m orchestration.dbt_project

lint: .venv/ready .venv-snowflake/ready  ## everything that can be checked without running it
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/ty check orchestration tests
	tests/offline/lint_sql.sh

format: .venv/ready  ## mend what can be mended
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: .venv/ready  ## write all locks anew from pyproject.toml
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra postgres --extra metrics --extra dev pyproject.toml \
		-o requirements.lock
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra postgres --extra metrics --extra dev --extra snowflake \
		-c requirements.lock pyproject.toml -o requirements-snowflake.lock
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 tests/emulator/requirements.in -o requirements-emulator.lock
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 tests/spark/requirements.in -o requirements-spark.lock
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 tests/offline/requirements.in -o requirements-engines.lock
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 bi/superset/requirements.in -o bi/superset/requirements.lock

clean:  ## forget what runs wrote, keep the environment
	rm -rf .paydown

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install -q --disable-pip-version-check uv

.venv/ready: requirements.lock pyproject.toml | $(filter .uv/bin/uv,$(UV))
	@echo "setting up .venv (once, a minute or two)"
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync -q --require-hashes --compile-bytecode requirements.lock
	@VIRTUAL_ENV=.venv $(UV) pip install -q --no-deps --no-build-isolation --editable .
	@touch $@

.venv-snowflake/ready: requirements-snowflake.lock | .venv/ready
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv-snowflake
	@VIRTUAL_ENV=.venv-snowflake $(UV) pip sync -q --require-hashes requirements-snowflake.lock
	@touch $@

.venv-emulator/ready: requirements-emulator.lock | .venv/ready
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv-emulator
	@VIRTUAL_ENV=.venv-emulator $(UV) pip sync -q --require-hashes requirements-emulator.lock
	@touch $@

.venv-spark/ready: requirements-spark.lock | .venv/ready
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv-spark
	@VIRTUAL_ENV=.venv-spark $(UV) pip sync -q --require-hashes requirements-spark.lock
	@touch $@

.venv-engines/ready: requirements-engines.lock | .venv/ready
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv-engines
	@VIRTUAL_ENV=.venv-engines $(UV) pip sync -q --require-hashes requirements-engines.lock
	@touch $@

.venv-bi/ready: bi/superset/requirements.lock | $(filter .uv/bin/uv,$(UV))
	@echo "setting up Superset in .venv-bi (once, a minute or two)"
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv-bi
	@VIRTUAL_ENV=.venv-bi $(UV) pip sync -q --require-hashes bi/superset/requirements.lock
	@touch $@
