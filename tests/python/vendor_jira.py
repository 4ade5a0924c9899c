"""A Jira on loopback, as Cloud (REST 3) or Data Center (REST 2): its search lags behind writes."""

from __future__ import annotations

from typing import Any

from .loopback import Answer, Request
from .vendor_jira_queries import JiraQueries
from .vendor_jira_state import CATEGORIES, Issue, Json, refusal, route


class Jira(JiraQueries):
    """The whole of it; here are issues by their id: edited, told, closed."""

    @route("POST", "/issue/bulkfetch")
    def bulk_fetch(self, request: Request) -> Answer:
        names = request.body["issueIdsOrKeys"]
        if not self.is_cloud or len(names) > 100:
            return refusal("no", status=404)
        issues = filter(None, map(self.issue, names))
        page = [self.shown(one, one.fields, request.body["fields"]) for one in issues]
        return Answer({"issues": page, "issueErrors": []})

    @route("GET", r"/issue/([\w-]+)")
    def get_issue(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        if issue is None:
            return refusal("Issue does not exist or you do not have permission.", status=404)
        shown = self.shown(issue, issue.fields, request.one("fields").split(","))
        expand = request.one("expand").split(",")
        if "editmeta" in expand:
            shown["editmeta"] = {"fields": {one: self.entry(one) for one in self.editable()}}
        if "changelog" in expand:
            cap = self.history_cap if self.is_cloud else len(issue.changes)
            shown["changelog"] = {"histories": issue.changes[:cap], "total": len(issue.changes)}
        return Answer(shown)

    def editable(self) -> list[str]:
        if "EDIT_ISSUES" not in self.permissions:
            return []
        return [one for one in self.fields if self.edit_screen is None or one in self.edit_screen]

    @route("PUT", r"/issue/([\w-]+)")
    def put_issue(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        if issue is None:
            return refusal("Issue does not exist", status=404)
        if issue.project.is_archived:
            return refusal("The issue is archived.")
        fields = request.body["fields"]
        wrong = {one: "cannot be set" for one in fields if one not in self.editable()}
        wrong |= self.wrong_values(fields)
        if wrong:
            return refusal(errors=wrong)
        self.edit(issue, "bot", **fields)
        return Answer(b"", 204)

    @route("GET", r"/issue/([\w-]+)/comment")
    def comments(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        assert issue
        newest = issue.comments[::-1] if request.one("orderBy") == "-created" else issue.comments
        return self.history(request, "comments", newest)

    @route("GET", r"/issue/([\w-]+)/changelog")
    def changelog(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        assert issue
        assert self.is_cloud
        return self.history(request, "values", issue.changes)

    def history(self, request: Request, name: str, items: list[Json]) -> Answer:
        start = int(request.one("startAt", "0"))
        page = items[start : start + self.history_cap]
        return Answer({name: page, "startAt": start, "total": len(items)})

    def comment(self, issue: Issue, body: Any, by: str = "ana") -> Json:
        comment = {
            "id": str(len(issue.comments)), "author": self.people[by],
            "updateAuthor": self.people[by], "body": body, "created": self.stamp(),
        }  # fmt: skip
        issue.comments.append(comment)
        return comment

    @route("POST", r"/issue/([\w-]+)/comment")
    def post_comment(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        if issue is None:
            return refusal("Issue does not exist", status=404)
        if "ADD_COMMENTS" not in self.permissions or issue.id in self.locked:
            return refusal("You do not have the permission to comment on this issue.", status=403)
        body = request.body["body"]
        if isinstance(body, dict) is not self.is_cloud or issue.project.is_archived:
            return refusal(errors={"comment": "Comment body is not valid!"})
        return Answer(self.comment(issue, body, "bot"), 201)

    @route("GET", r"/issue/([\w-]+)/transitions")
    def transitions(self, _: Request, name: str) -> Answer:
        issue = self.issue(name)
        assert issue
        return Answer({"transitions": self.ways(issue)})

    def ways(self, issue: Issue) -> list[Json]:
        if "TRANSITION_ISSUES" not in self.permissions:
            return []
        return [
            {
                "id": str(number),
                "name": f"Move to {status}",
                "to": {"name": status, "statusCategory": {"key": CATEGORIES[status]}},
                "fields": self.transition_fields if status == "Done" else {},
            }
            for number, status in enumerate(self.workflow.get(issue.fields["status"], ()), 11)
        ]

    @route("POST", r"/issue/([\w-]+)/transitions")
    def transition(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        assert issue
        for way in self.ways(issue):
            if way["id"] != request.body["transition"]["id"]:
                continue
            given = request.body.get("fields", {})
            missing = {one: "is required" for one in way["fields"] if one not in given}
            if missing:
                return refusal(errors=missing)
            moved = {"resolutiondate": self.stamp()} if "resolution" in given else {}
            self.edit(issue, "bot", **moved)
            self.move_to(issue, way["to"]["name"], "bot")
            return Answer(b"", 204)
        return refusal("It seems that you have tried to perform an illegal workflow operation.")
