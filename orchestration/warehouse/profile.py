"""The credentials of a target, whose one source is dbt's profile (profiles/profiles.yml)."""

from __future__ import annotations

import os
import re
from typing import Any

import yaml
from jinja2 import Environment

from orchestration.settings import PROJECT_ROOT, SettingsError

PROFILE = PROJECT_ROOT / "profiles" / "profiles.yml"
# What dbt needs to connect, as named by its adapters.
NEEDED = {
    "postgres": ("host", "user", "dbname"),
    "snowflake": ("account", "user", "warehouse", "database"),
}


def read_profile(target: str) -> dict[str, str]:
    """The target's output, filled in from the environment; empty values are left out.

    Raises:
        SettingsError: a variable that the target needs isn't set.
    """
    stated: dict[str, Any] = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
    output = {k: str(v) for k, v in stated["paydown"]["outputs"][target].items()}
    jinja = Environment(autoescape=False)  # noqa: S701, values are no markup
    known = {"env_var": os.environ.get}
    filled = {name: jinja.from_string(value).render(known) for name, value in output.items()}
    if missing := [name for name in NEEDED[target] if not filled.get(name)]:
        variables = (re.findall(r"env_var\('(\w+)'", output.get(name, "")) for name in missing)
        names = [found[0] if found else key for found, key in zip(variables, missing, strict=True)]
        raise SettingsError(f"PAYDOWN_TARGET={target}: {', '.join(names)} isn't set; set it")
    return {name: value for name, value in filled.items() if value}
