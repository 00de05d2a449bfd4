"""The managed runtime or its version is not offered."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(_: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner refusing the runtime version."""
    refused = matches.service("refused")
    return Finding(Confidence.CERTAIN, (Evidence.of(refused[0].line),)) if refused else None


RULE = Rule(
    id="runtime-version-unsupported",
    code="runtime-version-unsupported",
    title="App Runner does not offer the runtime version asked for",
    phase=Phase.BUILD,
    looks_at=frozenset({"service_log"}),
    why="The runtime or the runtime-version in apprunner.yaml or in the service's configuration is not in its list.",
    fix=(
        Step(
            "Name a version that the release information of the managed runtime lists (exactly as it is written there)."
        ),
        Step("Or build a container image, which may hold any version."),
    ),
    false_alarms="A version that the application's own package manager refuses is runtime-version-mismatch.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html",
    rollback="helps",
    check=check,
    service_patterns={"refused": re.compile(r"specified runtime(?: version)? is not supported")},
)
