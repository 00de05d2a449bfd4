"""The managed runtime or its version is not offered."""

import re

from apprunner_watcher.knowledge.build_log import has_failed, is_error
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner, or the builder that sets up the runtime, refusing the version."""
    if refused := matches.service("app runner"):
        return _finding(refused[0].line.text, Evidence.of(refused[0].line), snapshot)
    refused = tuple(match for match in matches.service("builder") if is_error(match.line))
    if refused and has_failed(snapshot.service_log):
        return _finding(refused[0].line.text, Evidence.of(refused[0].line), snapshot)
    return None


_VERSION = re.compile(r"\b\d+(?:\.\d+){1,2}\b")


def _finding(text: str, evidence: Evidence, snapshot: Snapshot) -> Finding:
    configuration = snapshot.parts.configuration
    runtime = getattr(configuration, "runtime", "")
    version = _VERSION.search(text)
    asked = version[0] if version else runtime
    settings = (Evidence.setting("Runtime", runtime),) if runtime else ()
    return Finding(Confidence.CERTAIN, (evidence, *settings), {"asked": f": {asked}" if asked else ""})


RULE = Rule(
    id="runtime-version-unsupported",
    code="runtime-version-unsupported",
    title="App Runner does not offer the runtime version asked for{asked}",
    phase=Phase.BUILD,
    looks_at=frozenset({"configuration", "service_log"}),
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
    service_patterns={
        "app runner": (
            r"^\[AppRunner\][^\n]{0,160}?(?:[Rr]untime(?: [Vv]ersion|-version)?\b[^\n]{0,60}? (?:is|are) (?:not supported|unsupported|not valid|invalid|no longer supported|not available|deprecated)"
            r"|[Uu]nsupported runtime|[Ii]nvalid runtime|[Uu]nknown runtime|[Rr]untime\b[^\n]{0,60}(?:end of support|end-of-support|doesn't exist))"
        ),
        # buildpacks
        "builder": (
            r"Requested runtime '?\(?[\w.-]+\)?'? is not available|[Rr]untime(?: version)? \S+ is not (?:available|supported)|No matching version found for (?:Node|engine): |Unable to resolve node version"
            r"|Could not find Node version|The Ruby version you are trying to install is not available|not available for this stack|invalid (?:Python|Node\.js|Go|Java|Ruby|PHP|\.NET) version specified"
        ),
    },
)
