"""Postmortems as people write them: YAML front matter, or the bullet template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import yaml

from .model import EXPORTED_AT, Incident
from .tables import services, table

Row = dict[str, Any]
TARGETS = {"availability": 99.9, "latency": 99.0, "error_rate": 99.5}
FIX_WORDS = {
    "config_only": "config-only",
    "code_refactor": "code refactor",
    "infra_modernization": "infra modernization",
    "process_automation": "process automation",
    "ai_code_cleanup": "AI code cleanup",
}
ACTIONS = {
    "config_only": "Set limits and time-outs for {service} in configuration",
    "code_refactor": "Rework the failing path of {service} and cover it with tests",
    "infra_modernization": "Move the settings of {service} into the common Terraform module",
    "process_automation": "Automate the manual step around {service}",
    "ai_code_cleanup": "Replace the AI-written code of {service}",
}
DECISIONS = {
    "promote": "Promote epic",
    "bundle": "Bundle with existing epic",
    "close": "Close as hygiene",
}


@dataclass(frozen=True)
class Postmortem:
    """One story's review, with its failure mode's defaults filled in."""

    row: Row
    mode: Row
    incident: Incident
    copies: list[Incident]

    @property
    def stem(self) -> str:
        """The file name: day, service and id, which is also the record's key."""
        return f"{self.incident.created:%Y-%m-%d}-{self.row['service']}-{self.row['id']}"

    @property
    def failure_mode(self) -> str:
        """The enum value."""
        return self.mode.get("mode", self.row["mode"])

    @property
    def completed(self) -> datetime | None:
        """When the last field was filled in, never after the export."""
        if "done" not in self.row or self.incident.resolved is None:
            return None
        done = (self.incident.resolved + timedelta(days=self.row["done"])).replace(
            minute=0, second=0
        )
        return done if done <= EXPORTED_AT else None

    @property
    def review_date(self) -> date:
        """Six weeks later, somebody looks again."""
        return (self.incident.created + timedelta(days=42)).date()

    def get(self, name: str, default: Any = None) -> Any:
        """What the story says, else what its failure mode says."""
        return self.row.get(name, self.mode.get(name, default))

    @property
    def factors(self) -> list[str]:
        """Contributing factors, AI-written code among them where nobody tested it."""
        untested = self.row.get("ai") == "untested"
        return self.get("factors") + (["ai_generated_code"] if untested else [])

    @property
    def owner(self) -> str | None:
        """The owning team, None where the service has no owner."""
        return services()[self.row["service"]].team

    @property
    def chart_url(self) -> str:
        """The service's SLO dashboard."""
        return f"https://grafana.tidalpay.example/d/{self.row['service']}/slo"


def build_postmortems(incidents: list[Incident]) -> dict[str, str]:
    """File name to text, for every story."""
    by_id = {one.id: one for one in incidents}
    texts = {}
    for index, row in enumerate(table("stories")["postmortems"]):
        incident = by_id[row["id"]]
        copies = [one for one in incidents if one.duplicate_of == incident.vendor_id]
        review = Postmortem(
            row, table("modes")[row["mode"]] if row["mode"] else {}, incident, copies
        )
        render = {"front": front_matter, "bullets": bullets, "template": template}[row["form"]]
        texts[f"{review.stem}.md"] = render(review, index)
    return texts


def _references(review: Postmortem, index: int) -> list[str]:
    """The forms people use: `tool:id`, a bare id or number, or every tool's id in a list."""
    one = review.incident
    if index % 4 == 1:
        return [one.vendor_id]
    prefixed = [f"{each.tool}:{each.vendor_id}" for each in (one, *review.copies)]
    return prefixed if index % 4 == 3 else prefixed[:1]


def front_matter(review: Postmortem, index: int) -> str:
    """YAML between two rules, then prose nobody needs to parse."""
    row, references = review.row, _references(review, index)
    impact = {"users_percent": row["users"]}
    impact |= {"revenue_usd": row["revenue"]} if "revenue" in row else {}
    impact |= {"regulatory": row["reg"]} if "reg" in row else {}
    front: Row = {
        "incident": references[0] if len(references) == 1 else references,
        "title": review.incident.title,
        "services": row.get("services", [row["service"]]),
        "causal_service": row.get("causal", row["service"]),
        "failure_mode": review.failure_mode,
        "slos": [_slo(review, kind, rate) for kind, rate in row.get("burn", {}).items()],
        "impact": impact,
        "contributing_factors": [_factor(review, name) for name in review.factors],
        "fix_classes": review.get("fix"),
        "estimate_days": row.get("days"),
        "required_window": review.get("window"),
        "ai_generated_code": _ai_code(review),
        "owner": review.owner,
        "decision": _decision(row),
        "risk_ids": row.get("risk"),
        "review_date": review.review_date,
        "completed_at": review.completed,
        "action_items": [_action(review, index, fix) for fix in review.get("fix")],
    }
    front = {name: value for name, value in front.items() if value not in (None, [], {})}
    body = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=100)
    minutes, lesson = _minutes(review.incident), review.get("lesson")
    return (
        f"---\n{body}---\n\n# {review.incident.title}\n\n"
        f"## What happened\n\n{minutes} minutes, {row['users']}% of users: {lesson}.\n\n"
        f"## What we learned\n\n{_sentence(review.get('note', lesson))} "
        "The action items above are the part that counts.\n"
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _slo(review: Postmortem, kind: str, rate: float) -> Row:
    return {
        "name": f"{review.row['service']}-{kind.replace('_', '-')}",
        "type": kind,
        "target": TARGETS[kind],
        "burn_rate": rate,
        "chart_url": review.chart_url,
    }


def _ai_code(review: Postmortem) -> Row | None:
    """What the author said of AI-written code; a retry storm says nothing until somebody looked."""
    if "ai" not in review.row:
        return None if review.failure_mode == "retry_storm" else {"present": False}
    return {"present": True, "has_tests": review.row["ai"] == "tested"}


def _factor(review: Postmortem, name: str) -> str | Row:
    has_note = "note" in review.row and name == "ai_generated_code"
    return {"factor": name, "note": review.row["note"]} if has_note else name


def _decision(row: Row) -> Row:
    decision = {
        "action": row.get("action"),
        "epic": row.get("epic"),
        "target_maturity": row.get("target"),
    }
    return {name: value for name, value in decision.items() if value}


def _action(review: Postmortem, index: int, fix: str) -> Row:
    item: Row = {"title": ACTIONS[fix].format(service=review.row["service"])}
    item |= {"owner": review.owner} if review.owner else {}
    item["due_date"] = (review.incident.created + timedelta(days=30)).date()
    return item | ({"ref": f"MOD-{200 + index}"} if index % 2 == 0 else {})


def _minutes(one: Incident) -> int:
    assert one.resolved is not None, f"{one.id}: a postmortem of an open incident"
    return round((one.resolved - one.created).total_seconds() / 60)


def bullets(review: Postmortem, index: int) -> str:
    """The bullet template with the optional bullets a careful author adds."""
    row, minutes = review.row, _minutes(review.incident)
    hours = f"{round(minutes / 60, 1):g}h"
    burn = row.get("burn", {})
    slos = [f"{kind.replace('_', ' ')} {TARGETS[kind]:g}% breached ({hours})" for kind in burn]
    revenue = f", est ${row['revenue'] // 1000}k revenue" if "revenue" in row else ""
    lines = {
        "Title": review.incident.title,
        "Services": ", ".join(row.get("services", [row["service"]])),
        "SLOs": ", ".join(slos) or None,
        "Burn rate": ", ".join(f"{kind} {rate:g}" for kind, rate in burn.items()) or None,
        "Impact": f"{row['users']}% sessions{revenue}",
        "Failure mode": review.failure_mode,
        "Contributing factors": "; ".join(name.replace("_", " ") for name in review.factors),
        "Fix class": " + ".join(FIX_WORDS[fix] for fix in review.get("fix")),
        "Estimate": f"{row['days']} engineer-days" if "days" in row else None,
        "Window": review.get("window").replace("_", " "),
        "AI code": {"untested": "yes, no tests", "tested": "yes, with tests"}.get(
            row.get("ai", "")
        ),
        "Regulatory": ", ".join(row.get("reg", [])) or None,
        "Risk": ", ".join(row.get("risk", [])) or None,
        "SLO chart": review.chart_url if burn else None,
        "Owner/DRI": f"@{review.owner} EM" if review.owner else None,
        "Decision": _decision_text(row),
        "Review date": review.review_date.isoformat(),
        "Completed": f"{review.completed:%Y-%m-%dT%H:%M:%SZ}" if review.completed else None,
        "Action items": "; ".join(
            _action_text(_action(review, index, fix)) for fix in review.get("fix")
        ),
    }
    return _bullet_text(review, index, lines)


def template(review: Postmortem, index: int) -> str:
    """The template as published, almost to the letter: only the identifiers are ours."""
    lines = {
        "Services": ", ".join(review.row["services"]),
        "SLOs": "latency P99 breached (3h), error rate 5xx 2.3%",
        "Impact": f"{review.row['users']}% sessions, est ${review.row['revenue'] // 1000}k revenue",
        "Contributing factors": "missing circuit breaker; AI-generated retry code w/o backoff",
        "Fix class": "Istio config + refactor retry client + Terraform module update",
        "Owner/DRI": f"@{review.owner} EM",
        "Decision": "Promote epic MOD-123; target Silver maturity",
        "Review date": review.review_date.isoformat(),
    }
    return _bullet_text(review, index, lines)


def _bullet_text(review: Postmortem, index: int, lines: dict[str, str | None]) -> str:
    heading = f"# Postmortem: {', '.join(_references(review, index))}\n"
    return heading + "".join(f"- {name}: {value}\n" for name, value in lines.items() if value)


def _decision_text(row: Row) -> str:
    words = " ".join(part for part in (DECISIONS[row["action"]], row.get("epic")) if part)
    return words + (f"; target {row['target'].capitalize()} maturity" if "target" in row else "")


def _action_text(item: Row) -> str:
    inside = [item.get("owner"), f"due {item['due_date']}", item.get("ref")]
    return f"{item['title']} ({', '.join(part for part in inside if part)})"
