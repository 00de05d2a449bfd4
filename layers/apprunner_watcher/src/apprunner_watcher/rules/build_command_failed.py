"""The build or pre-build command exits with an error."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_MOST_LINES = 3


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner saying that the build command failed, and the first errors that the build printed."""
    failed = matches.service("failed")
    if not failed or snapshot.service_log.built:
        return None
    errors = tuple(Evidence.of(match.line) for match in matches.service("error")[:_MOST_LINES])
    step = failed[0]["step"]
    if matches.service("finer") or not step:
        confidence = Confidence.POSSIBLE
    else:
        confidence = Confidence.CERTAIN if errors else Confidence.LIKELY
    is_build = step in {"", "build"}
    command = snapshot.configuration.build_command if is_build else ""
    return Finding(
        confidence,
        (*errors, Evidence.of(failed[0].line)),
        {"command": command or f"the {step or 'build'} command of apprunner.yaml"},
    )


RULE = Rule(
    id="build-command-failed",
    code="build-command-failed",
    title="The build failed: {command}",
    phase=Phase.BUILD,
    looks_at=frozenset({"configuration", "service_log"}),
    why="A command of the build ended with an error, so no image came out of it.",
    fix=(
        Step("Cure the first error that the build printed; the ones after it often follow from it."),
        Step("Run the same command in a clean checkout with the same runtime version, lock file included."),
    ),
    false_alarms="A build that says it succeeded did; what fails after it is another cause.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html",
    rollback="helps",
    check=check,
    service_patterns={
        "failed": re.compile(
            r"Failed to build your application source code\.(?![^\n]{0,60}(?:runtime version|apprunner\.yaml))"
            r"(?: Reason: Failed to execute '(?P<step>[\w-]+)' command)?"
        ),
        "error": re.compile(
            r"^\[(?:Pre|Post)?Build\](?![^\n]{0,40}\b(?:WARN|warn(?:ing)?|DEPRECATION)\b)[^\n]{0,200}?"
            r"(?:\bERROR\b|\berror[:!]|npm (?:ERR!|error) |ERR_PNPM_|error TS\d+|(?<![\w])\w*Error:|fatal:|not found\b|No matching distribution"
            r"|returned a non-zero code|Could not resolve)"
        ),
        # causes with codes of their own
        "finer": re.compile(
            r"^\[(?:Pre|Post)?Build\][^\n]{0,200}?(?:\b(?:apt-get|apt|apk|dnf|yum|microdnf): (?:command )?not found|No space left on device|\bENOSPC\b"
            r"|Could not read package\.json|Could not open requirements file|JavaScript heap out of memory|\bKilled$"
            r"|requires a different Python|The engine \"node\" is incompatible)"
        ),
    },
    is_generic=True,
)
