"""What Argo CD, Argo Rollouts and Flux say of deliveries, as `kubectl get -o json` answers."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
ROLLOUT = "argoproj.io/Rollout:production"
PAUSE = {"pause": {"duration": "24h"}}
STEPS: list[Json] = [{"setWeight": 10}, PAUSE, {"setWeight": 50}, PAUSE]
ANALYSIS: Json = {"analysis": {"templates": [{"templateName": "success-rate"}]}}


def rollout_states() -> list[Json]:
    """The states that a watch of rollouts saw, oldest first."""
    judged = [STEPS[0], ANALYSIS, *STEPS[2:]]
    return [
        # The article's case: 10 %, 50 %, 100 % over 48 hours.
        *_states("partner-gateway", STEPS, "6c9d5b7f44", [
            ("2026-04-26T16:00:00Z", 0, "Progressing"),
            ("2026-04-26T16:10:00Z", 1, "Paused"),
            ("2026-04-27T16:00:00Z", 3, "Paused"),
            ("2026-04-28T16:00:00Z", 4, "Healthy"),
        ]),
        *_states("payments-api", judged, "7f8b6c55d9", [
            ("2026-05-19T08:00:00Z", 1, "Progressing"),
            ("2026-05-20T09:30:00Z", 4, "Healthy"),
        ]),
        *_states("card-processor", judged, "5d4c8f9b66", [
            ("2026-06-18T13:00:00Z", 1, "Progressing"),
            ("2026-06-18T13:20:00Z", 0, "Degraded"),
        ]),
    ]  # fmt: skip


def _states(
    name: str, steps: list[Json], pod_hash: str, seen: list[tuple[str, int, str]]
) -> list[Json]:
    return [
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {
                "name": name,
                "namespace": "production",
                "resourceVersion": str(880_000 + 1_000 * len(name) + number),
                "annotations": {"argocd.argoproj.io/tracking-id": f"{name}:{ROLLOUT}/{name}"},
                "labels": {"app.kubernetes.io/name": name},
            },
            "spec": {"strategy": {"canary": {"steps": steps}}},
            "status": {
                "phase": phase,
                "abort": phase == "Degraded",
                "currentPodHash": pod_hash,
                "stableRS": pod_hash if phase == "Healthy" else "54bd6f7c88",
                "currentStepIndex": index,
                "conditions": [
                    {"type": "Available", "status": "True", "lastUpdateTime": seen[0][0]},
                    {"type": "Progressing", "status": "True", "lastUpdateTime": at},
                ],
            },
        }
        for number, (at, index, phase) in enumerate(seen)
    ]


def applications() -> list[Json]:
    """Applications without rollouts of their own; nobody's catalog has the last one."""
    return [
        _application(
            "webhooks", [("2026-05-04T10:00:00Z", "3f1c"), ("2026-06-11T14:30:00Z", "9ab2")]
        ),
        _application("fx", [("2026-06-02T09:00:00Z", "77e0")], "Degraded"),
        _application("legacy-console", [("2026-03-02T12:00:00Z", "01aa")]),
    ]  # fmt: skip


def _application(name: str, history: list[tuple[str, str]], health: str = "Healthy") -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "status": {
            "health": {"status": health},
            "sync": {"status": "Synced", "revision": history[-1][1] * 10},
            "history": [
                {"id": number, "revision": revision * 10, "deployedAt": at}
                for number, (at, revision) in enumerate(history)
            ],
        },
    }


def kustomizations() -> list[Json]:
    """One kustomization of Flux."""
    ready = {"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}
    return [
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {
                "name": "notifications", "namespace": "flux-system", "resourceVersion": "41",
            },
            "status": {
                "lastAppliedRevision": "main@sha1:c0ffee12",
                "conditions": [ready | {"lastTransitionTime": "2026-06-05T12:00:00Z"}],
            },
        }
    ]  # fmt: skip
