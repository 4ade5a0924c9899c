"""Compiles every model for an engine that nobody has run it on, and reads the SQL as it does.

Run in the environment of requirements-engines.lock, without network, with the engine's name and a
folder for what dbt writes; what fails is written there too, name -> error, as failed.json.
BigQuery's SQL is analysed by ZetaSQL over a catalog of this project: sources with their contracts'
columns, seeds, and models with the columns that the analyser found; tests of macros are evaluated.
That of Redshift and Databricks is parsed, and calls only functions that are known to be there.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dbt.adapters.factory import get_adapter_class_by_name
from dbt.cli.main import dbtRunner

Check = Callable[[Any], str | None]

HERE = Path(__file__).parent
MACROS = "tests/dbt/macros"
# What the loader adds to a contract's columns.
ORIGIN = dict.fromkeys(("_load_id", "_source_file", "_payload"), "varchar")
ORIGIN |= {"_line": "bigint", "_loaded_at": "timestamp"}
# What looks like a call in SQL and is none.
WORDS = """
and as between by cast date decimal distinct else end exists filter from group in join not numeric
on or over select then values varchar when where"""
# Functions that both Redshift and Databricks have, and those of either.
BOTH = """
abs avg ceil chr coalesce count date_trunc exp extract first_value floor greatest lag lead least
length listagg ln lower max md5 min mod nullif percent_rank percentile_cont position rank
regexp_replace replace round row_number sha2 split_part sqrt substring sum trim"""
OWN = {
    "redshift": "convert_timezone dateadd datediff fnv_hash",
    "databricks": """concat concat_ws from_utc_timestamp get regexp_extract split timestampadd
    timestampdiff xxhash64""",
}


def compiled(engine: str, folder: Path) -> tuple[Any, list[Any]]:
    """The manifest, and models and tests of macros with their SQL, each after what it reads."""
    paths = ["--profiles-dir", str(HERE), "--target-path", str(folder), "--log-path", str(folder)]
    chosen = [*paths, "--target", engine, "--quiet"]
    manifest: Any = dbtRunner().invoke(["parse", *chosen]).result
    for node in manifest.nodes.values():
        if node.resource_type in ("model", "test"):
            # As it goes out to a warehouse: macros/cross_db/spelled.sql.
            text = node.raw_code
            node.raw_code = f"{{% set sql %}}{text}{{% endset %}}{{{{ spelled(sql) }}}}"
    offline = ["--no-populate-cache", "--no-introspect", "--indirect-selection", "empty"]
    select = ["--select", "resource_type:model", f"path:{MACROS}"]
    adapter: Any = get_adapter_class_by_name(engine)
    # An incremental model asks whether its table is there; before a first build it is not. What
    # dbt-databricks asks of a cluster, the newest can do.
    adapter.has_dbr_capability = lambda *_: True
    with patch.object(adapter, "get_relation", lambda *_, **__: None):
        done = dbtRunner(manifest).invoke(["compile", *offline, *select, *chosen])
    if not done.success:
        raise SystemExit(f"{engine}: {done.exception}")
    results: Any = done.result
    return manifest, [one.node for one in results]


def by_zetasql(manifest: Any) -> Check:
    """What BigQuery's analyser says of a model, of which it keeps the columns, or of a test."""
    from wasmtime import Config  # ty: ignore[import-not-found]
    from zetasql import types  # ty: ignore[import-not-found]
    from zetasql.core import (  # ty: ignore[import-not-found]
        ZetaSqlLocalService,
        wasm_client,
    )

    # The analyser is made ready for a machine once an environment, which takes two minutes.
    settings = Path(sys.prefix, "zetasql.toml")
    settings.write_text(f"[cache]\ndirectory = '{sys.prefix}/zetasql'\n", encoding="utf-8")

    def cached() -> Config:
        config = Config()
        config.cache = str(settings)
        return config

    with patch.object(wasm_client, "Config", cached):
        service = ZetaSqlLocalService.get_instance()
    language = types.LanguageOptions.maximum_features()
    language.product_mode = types.ProductMode.PRODUCT_EXTERNAL
    options = types.AnalyzerOptions(language_options=language, default_timezone="UTC")
    builtin = types.ZetaSQLBuiltinFunctionOptions(language_options=language)
    kinds = {
        **dict.fromkeys(("bigint", "integer"), "INT64"), "varchar": "STRING", "double": "DOUBLE",
        "boolean": "BOOL", "timestamp": "TIMESTAMP", "date": "DATE",
    }  # fmt: skip
    stored = {n: types.Type(type_kind=types.TypeKind[f"TYPE_{kind}"]) for n, kind in kinds.items()}
    # BigQuery's own other names for a type.
    aliases = [types.SimpleCatalog.NamedType(name=n, type=stored[n]) for n in ("bigint", "integer")]
    tables: dict[str, Any] = {}

    def keep(node: Any, columns: Iterable[tuple[str, Any]]) -> None:
        listed = [types.SimpleColumn(name=name, type=kind) for name, kind in columns]
        tables[node.unique_id] = types.SimpleTable(name=node.identifier, column=listed)

    for node in manifest.sources.values():
        own = {column.name: column.data_type for column in node.columns.values()}
        own |= {} if node.name in ("loads", "quarantine") else ORIGIN
        keep(node, ((name, stored[kind]) for name, kind in own.items()))
    for node in manifest.nodes.values():
        if node.resource_type == "seed":
            keep(node, ((n, stored[kind]) for n, kind in node.config.column_types.items()))

    def catalog(sql: str) -> Any:
        """The tables that the SQL names, by database and schema."""
        named: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for key, table in tables.items():
            node = manifest.sources.get(key) or manifest.nodes[key]
            if node.relation_name in sql:
                named[node.database][node.schema].append(table)
        inner = [
            types.SimpleCatalog(
                name=database,
                catalog=[types.SimpleCatalog(name=name, table=of) for name, of in schemas.items()],
            )
            for database, schemas in named.items()
        ]
        return types.SimpleCatalog(
            name="all", catalog=inner, named_type=aliases, builtin_function_options=builtin
        )

    def check(node: Any) -> str | None:
        unknown = [one for one in node.depends_on.nodes if one not in tables]
        if unknown:
            return f"reads `{unknown[0].split('.')[-1]}`, which fails"
        sql = node.compiled_code
        try:
            query = service.prepare_query(
                sql=sql, options=options, simple_catalog=catalog(sql)
            ).prepared
            if node.resource_type == "model":
                keep(node, ((one.name, one.type) for one in query.columns))
                return None
            rows = service.evaluate_query(
                prepared_query_id=query.prepared_query_id
            ).content.table_data
            return f"gives other values in {len(rows.row)} rows" if rows and rows.row else None
        except Exception as error:
            return str(error)

    return check


def by_dialect(dialect: str) -> Check:
    """Whether SQL can be parsed, and the functions that it calls exist."""
    import sqlglot

    known = {*WORDS.split(), *BOTH.split(), *OWN[dialect].split()}

    def check(node: Any) -> str | None:
        plain = re.sub(r"--[^\n]*|'(?:[^'\\]|''|\\.)*'", "''", node.compiled_code)
        called = set(re.findall(r"\b([a-z_][a-z0-9_]*)\(", plain)) - known
        if called:
            return f"not known to be a function: {', '.join(sorted(called))}"
        try:
            sqlglot.parse_one(node.compiled_code, read=dialect)
        except sqlglot.errors.ParseError as error:
            return str(error)
        return None

    return check


def main(engine: str, folder: Path) -> None:
    manifest, nodes = compiled(engine, folder)
    check = by_zetasql(manifest) if engine == "bigquery" else by_dialect(engine)
    failed = {node.name: error for node in nodes if (error := check(node))}
    by_kind: dict[str, list[str]] = defaultdict(list)
    for name, error in failed.items():
        # Without what is the model's own: names, places and numbers.
        by_kind[re.sub(r"\[at .*|`[^`]*`|\d+", "_", error.splitlines()[0])].append(
            f"  {name}: {error}"
        )
    for kind, lines in sorted(by_kind.items(), key=lambda item: -len(item[1])):
        print(f"{len(lines)} x {kind}", *lines, sep="\n")
    for what in ("model", "test"):
        of_all = [node.name in failed for node in nodes if node.resource_type == what]
        print(f"{engine}: {of_all.count(False)} of {len(of_all)} {what}s pass")
    (folder / "failed.json").write_text(json.dumps(failed, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
