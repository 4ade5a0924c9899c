"""A loopback Jira's queries: a search that lags behind writes, JQL's faults, saved filters."""

from __future__ import annotations

import re
from typing import Any

from .loopback import Answer, Request
from .vendor_jira_screens import JiraScreens
from .vendor_jira_state import Issue, Json, refusal, route


class JiraQueries(JiraScreens):
    """Whatever hangs on JQL."""

    @route("POST", "/search/jql")
    def search_by_token(self, request: Request) -> Answer:
        found = self.found(request.body["jql"])
        start = int(request.body.get("nextPageToken", "token-0").removeprefix("token-"))
        end = start + min(self.page_cap, request.body["maxResults"])
        page = [self.shown(one, fields, request.body["fields"]) for one, fields in found[start:end]]
        last = end >= len(found)
        return Answer(
            {"issues": page, "isLast": last} | ({} if last else {"nextPageToken": f"token-{end}"})
        )

    @route("POST", "/search")
    def search_posted(self, request: Request) -> Answer:
        return self.search_page(request.body)

    @route("GET", "/search")
    def search_got(self, request: Request) -> Answer:
        asked = dict(request.query)
        return self.search_page({
            "jql": asked["jql"],
            "fields": asked["fields"].split(","),
            "maxResults": int(asked["maxResults"]),
            "validateQuery": asked.get("validateQuery") != "false",
        })  # fmt: skip

    def search_page(self, asked: Json) -> Answer:
        if self.is_cloud:
            return refusal("The requested API has been removed.", status=410)
        wrong = self.wrong_query(asked["jql"])
        if asked.get("validateQuery", True) and wrong:
            return refusal(*wrong)
        found = self.found(asked["jql"])
        start, size = asked.get("startAt", 0), min(self.page_cap, asked["maxResults"])
        page = [self.shown(one, fields, asked["fields"]) for one, fields in found[start:][:size]]
        return Answer({"issues": page, "startAt": start, "maxResults": size, "total": len(found)})

    def found(self, jql: str) -> list[tuple[Issue, Json]]:
        """Issues as the index knows them."""
        labels = re.match(r"labels in \((.*)\)", jql)
        wanted = set(re.findall(r'"((?:[^"\\]|\\.)*)"', labels[1])) if labels else set()
        ids = re.match(r"id in \((.*)\)", jql)
        named = set(ids[1].split(", ")) if ids else set()
        found = []
        for issue_id, versions in self.index.items():
            seen = [fields for visible, fields in versions if visible <= self.clock]
            fields, issue = seen[-1] if seen else None, self.issues.get(issue_id)
            if fields is None or issue is None or issue.project.is_archived:
                continue
            if issue_id in named or wanted & set(fields.get("labels", ())):
                found.append((issue, fields))
        return found

    def wrong_query(self, jql: str) -> list[str]:
        names = {name for name, _ in self.fields.values()}
        wrong = [
            f"Field '{name}' does not exist or you do not have permission to view it."
            for name in re.findall(r'"([^"]+)" DESC', jql)
            if name not in names
        ]
        wrong += [
            f"A value with ID '{one}' does not exist for the field 'id'."
            for ids in re.findall(r"^id in \((.*)\)", jql)
            for one in ids.split(", ")
            if one not in self.issues
        ]
        return wrong

    @route("POST", "/jql/parse")
    def parse(self, request: Request) -> Answer:
        queries = [
            {"query": one, "errors": wrong} if (wrong := self.wrong_query(one)) else {"query": one}
            for one in request.body["queries"]
        ]
        return Answer({"queries": queries})

    @route("GET", "/filter/search")
    def filters_by_name(self, request: Request) -> Answer:
        wanted = request.one("filterName").lower()
        found = [one for one in self.filters if wanted in one["name"].lower()]
        start = int(request.one("startAt", "0"))
        page = found[start : start + self.meta_cap]
        return Answer(
            {"values": page, "total": len(found), "isLast": start + len(page) >= len(found)}
        )

    @route("GET", "/filter/favourite")
    def favourites(self, _: Request) -> Answer:
        return Answer([one for one in self.filters if one["favourite"]])

    @route("POST", "/filter")
    def post_filter(self, request: Request) -> Answer:
        name = request.body["name"]
        if any(one["name"] == name and one["owner"] == self.me for one in self.filters):
            return refusal(errors={"filterName": "Filter with same name already exists."})
        return Answer(self.add_filter(owner=self.me, **request.body))

    @route("PUT", r"/filter/(\d+)")
    def put_filter(self, request: Request, filter_id: str) -> Answer:
        (one,) = (one for one in self.filters if one["id"] == filter_id)
        if one["owner"] != self.me:
            return refusal("The filter is not yours.")
        # What isn't said is emptied.
        one |= {"description": "", "favourite": False} | request.body
        return Answer(one)

    def add_filter(self, *, name: str, jql: str, owner: Json, **more: Any) -> Json:
        made = {
            "id": str(500 + len(self.filters)), "name": name, "jql": jql, "owner": owner,
            "favourite": more.get("favourite", False), "description": more.get("description", ""),
        }  # fmt: skip
        self.filters.append(made)
        return made
