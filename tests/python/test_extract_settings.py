"""What `sources.yaml` may say of a source, and what is missing before anything is asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from orchestration.http import SourceError
from orchestration.vendors.base import Context
from orchestration.vendors.sources import Sources

REMOTE = {"url": "https://example.com/a/x.git", "paths": {"backstage": "**/catalog-info.yaml"}}
QUERY = {"name": "errors", "query": "errors", "kind": "error_ratio"}
SERVICENOW = {"url": "https://example.service-now.com"}
USER = {"SERVICENOW_USER": "me", "SERVICENOW_PASSWORD": "pa55"}


@pytest.mark.parametrize(
    ("source", "values", "message"),
    [
        ("servicenow", {"query": "active=true^NQpriority=1"}, "be joined with other conditions"),
        ("servicenow", {"query": "^active=true"}, "be joined with other conditions"),
        ("servicenow", {"query": "a=1^ORDERBYnumber"}, "be joined with other conditions"),
        ("datadog", {"site": "app.datadoghq.eu"}, "is not a Datadog site"),
        ("datadog", {"site": "datadog.example.com"}, "is not a Datadog site"),
        ("datadog", {"window_hours": 7}, "should be 1, 2, 3, 4, 6, 8, 12 or 24"),
        ("backstage", {"url": "https://me:pw@example.com"}, "holds a user name or password"),
        (
            "pagerduty",
            {"token_env": "u+8zQ4pLivePd77xw"},
            "not the name of an environment",
        ),
        ("prometheus", {"queries": [{**QUERY, "window": "5"}]}, "is not a duration"),
        ("prometheus", {"queries": [QUERY, QUERY]}, "'errors' is given twice"),
        (
            "git",
            {"repositories": [REMOTE, {**REMOTE, "url": "git@example.com:b/x.git"}]},
            "two repositories called x",
        ),
    ],
)
def test_what_would_not_work_is_refused(source: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Sources.model_validate({source: values})


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ext::sh -c touch% /tmp/x"},
        {"url": "git://example.com/x.git"},
        {"url": "--upload-pack=touch"},
        {"url": "https://me:secret@example.com/x.git"},
        {"url": "https://token@example.com/x.git"},
        {"url": "ssh://-oProxyCommand=touch/x"},
        {"url": "-oProxyCommand@example.com:x"},
        {"url": "http://example.com/x.git", "token_env": "T"},
        {"url": "git@example.com:x.git", "token_env": "T"},
        {"folder": "x"},
        {"url": None},
        {"ref": "-x"},
        {"ref": "a..b"},
        {"ref": "a:b"},
        {"name": ".."},
        {"paths": {}},
        {"paths": {"../x": "*"}},
        {"paths": {"paydown/syncs": "*"}},
        {"paths": {"git": "*"}},
        {"token_env": "ghp_abcdef"},
    ],
)
def test_a_repository_that_could_do_harm_is_refused(wrong: dict[str, Any]) -> None:
    Sources.model_validate({"git": {"repositories": [REMOTE]}})
    with pytest.raises(ValidationError):
        Sources.model_validate({"git": {"repositories": [{**REMOTE, **wrong}]}})


@pytest.mark.parametrize(
    ("source", "values", "environment", "message"),
    [
        ("servicenow", {}, USER, "has no url; write"),
        ("servicenow", SERVICENOW, {}, "SERVICENOW_USER is not set"),
        ("servicenow", SERVICENOW, {"SERVICENOW_USER": "me"}, "SERVICENOW_PASSWORD is not set"),
        ("servicenow", SERVICENOW, {**USER, "PAYDOWN_SERVICENOW_TIMEZONE": "CET"}, "unset it"),
        ("backstage", {}, {"BACKSTAGE_TOKEN": "t"}, "has no url"),
        ("git", {}, {}, "has no repositories"),
        ("datadog", {}, {"DD_API_KEY": "x"}, "DD_APP_KEY is not set"),
        ("prometheus", {}, {"PROMETHEUS_USER": "ana"}, "PROMETHEUS_PASSWORD is not set"),
        ("opsgenie", {}, {}, "OPSGENIE_API_KEY is not set"),
        ("pagerduty", {}, {"PAGERDUTY_TOKEN": "a b\u2026"}, "no header may"),
    ],
)
def test_what_is_missing_is_reported_before_anything_is_asked(
    source: str, values: dict[str, Any], environment: dict[str, str], message: str
) -> None:
    config = getattr(Sources.model_validate({source: values}), source)
    with pytest.raises(SourceError, match=message):
        config.extractor(Context(environment=environment))
