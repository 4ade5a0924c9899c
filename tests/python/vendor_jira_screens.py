"""A loopback Jira's permissions, fields and screens, and issues that are created by them."""

from __future__ import annotations

from collections.abc import Mapping

from .loopback import Answer, Request
from .vendor_jira_state import TYPES, Issue, JiraState, Json, refusal, route


class JiraScreens(JiraState):
    """What it takes of whom, and why it refuses the rest."""

    @route("GET", "/serverInfo")
    def server_info(self, _: Request) -> Answer:
        kind = "Cloud" if self.is_cloud else "Server"
        version = ".".join(map(str, self.version))
        return Answer({"deploymentType": kind, "version": version, "versionNumbers": self.version})

    @route("GET", "/myself")
    def myself(self, _: Request) -> Answer:
        return Answer(self.me)

    @route("GET", "/mypermissions")
    def mypermissions(self, request: Request) -> Answer:
        if self.project(request.one("projectKey")) is None:
            return refusal("No project could be found", status=404)
        wanted = request.one("permissions").split(",")
        return Answer({
            "permissions": {one: {"havePermission": one in self.permissions} for one in wanted}
        })  # fmt: skip

    @route("GET", "/field")
    def all_fields(self, _: Request) -> Answer:
        known = [
            {"id": one, "name": name, "custom": one.startswith("custom"), "schema": schema}
            for one, (name, schema) in self.fields.items()
        ]
        return Answer(known)

    @route("GET", r"/project/([^/]+)")
    def one_project(self, _: Request, key: str) -> Answer:
        found = self.project(key)
        if found is None or "BROWSE_PROJECTS" not in self.permissions:
            return refusal(f"No project could be found with key '{key}'.", status=404)
        return Answer({"id": found.id, "key": found.key, "archived": found.is_archived})

    @route("GET", r"/issue/createmeta/([^/]+)/issuetypes")
    def types(self, request: Request, key: str) -> Answer:
        if self.project(key) is None or "CREATE_ISSUES" not in self.permissions:
            return self.meta(request, "issueTypes", [])
        return self.meta(
            request, "issueTypes", [{"id": one, "name": name} for one, name in TYPES.items()]
        )

    @route("GET", r"/issue/createmeta/([^/]+)/issuetypes/(\d+)")
    def type_fields(self, request: Request, _: str, type_id: str) -> Answer:
        entries = [{"fieldId": one, **self.entry(one)} for one in self.on_create(TYPES[type_id])]
        return self.meta(request, "fields", entries)

    def meta(self, request: Request, name: str, items: list[Json]) -> Answer:
        start = int(request.one("startAt", "0"))
        cap = min(self.meta_cap, int(request.one("maxResults", "50")))
        page: Json = {"startAt": start, "maxResults": cap, "total": len(items)}
        page[name if self.is_cloud else "values"] = items[start : start + cap]
        if not self.is_cloud:
            page["isLast"] = start + cap >= len(items)
        return Answer(page)

    def on_create(self, type_name: str) -> list[str]:
        hidden = {"customfield_10902", "parent"}
        if type_name == "Story":
            hidden = {"customfield_10901", *self.epic_only}
        return [
            one
            for one in self.fields
            if one not in hidden and (self.create_screen is None or one in self.create_screen)
        ]

    def entry(self, field_id: str) -> Json:
        name, schema = self.fields[field_id]
        is_required = field_id in {*self.required, "summary", "reporter", "customfield_10901"}
        entry = {"name": name, "schema": schema, "required": is_required, "hasDefaultValue": False}
        if field_id in self.allowed:
            word = "value" if schema["type"] == "option" else "name"
            entry["allowedValues"] = [{word: one} for one in self.allowed[field_id]]
        return entry

    @route("POST", "/issue/bulk")
    def bulk(self, request: Request) -> Answer:
        created, errors = [], []
        for number, update in enumerate(request.body["issueUpdates"]):
            fields = update["fields"]
            wrong = self.wrong_to_create(fields)
            if wrong:
                why = {"errorMessages": [], "errors": wrong}
                errors.append({"status": 400, "elementErrors": why, "failedElementNumber": number})
                continue
            properties = {one["key"]: one["value"] for one in update.get("properties", ())}
            project = self.projects[fields["project"]["id"]]
            issue = self.add(project, fields, self.me, properties)
            self.log_link(issue)
            created.append({"id": issue.id, "key": issue.key})
        return Answer({"issues": created, "errors": errors}, 201 if created else 400)

    def log_link(self, story: Issue) -> None:
        """What the history of an epic, and of its new story, tells of the two."""
        link = "parent" if self.is_cloud else "customfield_10902"
        if parent := story.fields.get(link):
            named = (parent.get("id") or parent["key"]) if self.is_cloud else parent
            epic = self.issue(named)
            assert epic
            self.log(epic, "bot", "Epic Child")
            self.log(story, "bot", "IssueParentAssociation" if self.is_cloud else link)

    def wrong_to_create(self, fields: Json) -> Mapping[str, str]:
        project = self.projects.get(fields["project"]["id"])
        if project is None or project.is_archived:
            return {"project": "valid project is required"}
        if "CREATE_ISSUES" not in self.permissions:
            return {"project": "Sie haben keine Berechtigung."}
        shown = self.on_create(TYPES[fields["issuetype"]["id"]])
        wrong = {
            one: f"Field '{one}' cannot be set. It is not on the appropriate screen, or unknown."
            for one in fields
            if one not in {*shown, "project", "issuetype"}
        }
        for one in shown:
            if self.entry(one)["required"] and one != "reporter" and not fields.get(one):
                wrong[one] = f"{self.fields[one][0]} is required."
        return wrong | self.wrong_values(fields)

    def wrong_values(self, fields: Json) -> dict[str, str]:
        wrong = {}
        for one, value in fields.items():
            schema = self.fields.get(one, ("", {}))[1]
            kind = schema.get("type")
            names = [value] if isinstance(value, dict) else value
            if one in self.allowed and value is not None:
                words = [next(iter(item.values())) for item in names]
                if not {*words} <= {*self.allowed[one]}:
                    wrong[one] = f"Option '{words}' is not valid."
            elif one == "assignee" and not any(
                value.items() <= person.items() for person in self.people.values()
            ):
                wrong[one] = "User cannot be assigned issues."
            elif kind == "number" and not isinstance(value, int | float | None):
                wrong[one] = "Operation value must be a number"
            elif one == "parent" and self.issue(value.get("id") or value.get("key")) is None:
                wrong[one] = "Could not find issue by id or key."
            elif schema.get("custom", "").endswith("gh-epic-link") and not self.issue(value):
                wrong[one] = "Issue does not exist or you do not have permission to see it."
            elif one == "description" or schema.get("custom", "").endswith(":textarea"):
                if isinstance(value, dict) is not self.is_cloud:
                    wrong[one] = "Operation value must be an Atlassian Document"
                elif len(str(value)) > 100_000:
                    wrong[one] = "The entered text is too long."
            elif one == "labels" and any(" " in label for label in value):
                wrong[one] = "The label contains spaces which is invalid."
            elif kind in {"string", "date"} and not isinstance(value, str | None):
                wrong[one] = "Operation value must be a string"
        return wrong

    @route("GET", "/user/assignable/search")
    def assignable(self, request: Request) -> Answer:
        name = "accountId" if self.is_cloud else "username"
        shown = "accountId" if self.is_cloud else "name"
        wanted = request.one(name)
        return Answer([one for one in self.people.values() if wanted in one[shown]])
