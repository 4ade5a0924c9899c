"""Builds models on Spark: a master and two workers on this machine, through dbt-spark.

Run by tests/python/test_warehouse_spark.py in Spark's environment, with a folder that holds the
tables of `raw` as Parquet and the moment to build as of; what Spark makes goes to `tables` beside
them. Further arguments are dbt's.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pyspark  # ty: ignore[import-not-found]
from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession  # ty: ignore[import-not-found]

HOST = "127.0.0.1"
DAEMON = [str(Path(pyspark.__file__).parent / "bin" / "spark-class")]
# A query is planned and run once: compiling Java thoroughly takes longer than it saves.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SETTINGS = {
    "spark.driver.extraJavaOptions": JAVA,
    "spark.executor.extraJavaOptions": JAVA,
    "spark.driver.host": HOST,
    "spark.executor.memory": "768m",
    # What is a timestamp elsewhere is one here, read from Parquet too.
    "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    # Tables are small here: planning them again and compiling each query takes longer than reading.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@contextmanager
def cluster(folder: Path) -> Generator[str]:
    """The address of a master that has two workers with a core and 1 GB each."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = str(free.getsockname()[1])
    master = f"spark://{HOST}:{port}"
    own = ["--host", HOST, "--webui-port", "0"]
    worker = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work"), master]
    commands = [
        [*DAEMON, "org.apache.spark.deploy.master.Master", *own, "--port", port],
        *(2 * [[*DAEMON, "org.apache.spark.deploy.worker.Worker", *own, *worker]]),
    ]
    with (folder / "daemons.log").open("wb") as log:
        daemons = [subprocess.Popen(command, stdout=log, stderr=log) for command in commands]
    try:
        yield master
    finally:
        for daemon in daemons:
            daemon.terminate()
            daemon.wait()


def main(folder: Path, as_of: str, *arguments: str) -> bool:
    os.environ |= {"SPARK_LOCAL_IP": HOST, "SPARK_DAEMON_MEMORY": "256m"}
    with cluster(folder) as master:
        settings = SETTINGS | {"spark.sql.warehouse.dir": str(folder / "tables")}
        spark = SparkSession.builder.master(master).config(map=settings).getOrCreate()
        spark.sql("create schema raw")
        for table in (folder / "raw").glob("*.parquet"):
            spark.sql(f"create table raw.{table.stem} using parquet location '{table}'")
        stated = ["--vars", f"{{as_of: '{as_of}'}}"]
        own = ["--full-refresh", "--exclude-resource-type", "unit_test"]
        done = dbtRunner().invoke(["build", *own, *stated, *arguments])
        spark.stop()
    return bool(done.success)


if __name__ == "__main__":
    sys.exit(not main(Path(sys.argv[1]), *sys.argv[2:]))
