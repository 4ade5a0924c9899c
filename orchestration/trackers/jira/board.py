"""The board's query, and the saved filter that a board is made of."""

from __future__ import annotations

import re

from orchestration.trackers.jira.client import Client
from orchestration.trackers.jira.reading import jql_string
from orchestration.trackers.protocol import RejectedError

_PLAIN = re.compile(r"[A-Za-z][\w-]*")
_CUSTOM_ID = re.compile(r"customfield_(\d+)")
# Words that JQL keeps to itself; as a project's key they need quotes.
_RESERVED = {
    "abort", "access", "add", "after", "alias", "all", "alter", "and", "any", "as", "asc",
    "audit", "before", "begin", "between", "boolean", "by", "byte", "catch", "cf", "change",
    "char", "check", "checkpoint", "collate", "collation", "column", "commit", "connect",
    "continue", "count", "create", "current", "date", "default", "delete", "desc", "distinct",
    "do", "double", "drop", "else", "empty", "end", "equals", "escape", "exec", "execute",
    "exists", "explain", "false", "fetch", "file", "field", "first", "float", "for", "from",
    "function", "go", "goto", "grant", "group", "having", "if", "immediate", "in",
    "increment", "index", "initial", "inner", "insert", "int", "integer", "intersect", "into",
    "is", "isempty", "isnull", "join", "last", "left", "less", "like", "limit", "lock",
    "long", "max", "min", "minus", "mode", "modify", "next", "noaudit", "not", "notin",
    "null", "number", "of", "on", "option", "or", "order", "outer", "output", "power",
    "previous", "prior", "privileges", "public", "raise", "raw", "remainder", "rename",
    "resource", "return", "returns", "revoke", "right", "row", "rowid", "rownum", "rows",
    "select", "session", "set", "share", "size", "sqrt", "start", "strict", "string",
    "subtract", "sum", "then", "to", "trans", "transaction", "trigger", "true", "uid",
    "union", "unique", "update", "user", "validate", "values", "view", "when", "whenever",
    "where", "while", "with",
}  # fmt: skip


class Board:
    """Open epics, most urgent first."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def jql(self) -> str:
        config = self._client.config
        burn = config.fields.slo_burn
        order = f", {_field(burn)} DESC" if burn else ""
        words = [_word(one) for one in dict.fromkeys((config.project, *config.other_projects))]
        where = f"in ({', '.join(words)})" if len(words) > 1 else f"= {words[0]}"
        return (
            f"project {where} AND labels = {_word(config.board_label)} "
            f"AND statusCategory != Done ORDER BY priority DESC{order}"
        )

    def faults(self) -> str:
        """What Jira doesn't understand of the query; empty if nothing.

        Raises TrackerError.
        """
        if self._client.config.is_cloud:
            answer = self._client.ask(
                "/jql/parse", {"queries": [self.jql]}, {"validation": "strict"}
            )
            faults = [text for one in answer.get("queries") or () for text in one.get("errors", ())]
            return self._client.said({"errorMessages": faults})
        params = {"jql": self.jql, "maxResults": 0, "validateQuery": "true", "fields": "key"}
        try:
            self._client.get("/search", params)
        except RejectedError as error:
            return str(error)
        return ""


def _word(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    return text if is_plain else jql_string(text)


def _field(name: str) -> str:
    match = _CUSTOM_ID.fullmatch(name)
    return f"cf[{match[1]}]" if match else jql_string(name)
