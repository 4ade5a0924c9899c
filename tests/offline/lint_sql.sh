#!/usr/bin/env bash
# SQL and YAML checks that need no warehouse: style, deprecations, and every model compiled for
# Snowflake with dummy credentials and linted as Snowflake's dialect.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DBT_PROFILES_DIR=profiles DBT_TARGET_PATH="$work/target" DBT_LOG_PATH="$work/logs"
export PAYDOWN_WAREHOUSE="$work/warehouse.duckdb"

.venv/bin/dbt parse --quiet --show-all-deprecations --warn-error
.venv/bin/sqlfluff lint --processes 2 models tests/dbt

export PAYDOWN_SNOWFLAKE_ACCOUNT=dummy PAYDOWN_SNOWFLAKE_USER=dummy \
    PAYDOWN_SNOWFLAKE_PASSWORD=dummy PAYDOWN_SNOWFLAKE_ROLE=dummy \
    PAYDOWN_SNOWFLAKE_WAREHOUSE=dummy PAYDOWN_SNOWFLAKE_DATABASE=dummy
export DBT_TARGET_PATH="$work/snowflake"
# An incremental model asks the warehouse whether its table is there.
.venv-snowflake/bin/dbt compile --quiet -t snowflake --no-populate-cache --no-introspect \
    --exclude config.materialized:incremental
# A macro names a relation that may be a subquery, which needs a name though nothing uses it; where
# Snowflake needs no cleaning of a text, the macro that cleans it leaves `x as x`.
# Models that are made from all contracts are longer than sqlfluff reads unless told to.
printf '[sqlfluff]\nlarge_file_skip_byte_limit = 0\n' >"$work/all-lengths.cfg"
find "$work/snowflake/compiled/paydown/models" -name '*.sql' -not -path '*.yml/*' -print0 |
    xargs -0 .venv-snowflake/bin/sqlfluff lint --processes 2 --dialect snowflake --templater raw \
        --ignore-local-config --config "$work/all-lengths.cfg" --rules core \
        --exclude-rules layout,ambiguous.union,aliasing.unused,aliasing.self_alias.column
echo "every model compiles for Snowflake and reads as its SQL"
