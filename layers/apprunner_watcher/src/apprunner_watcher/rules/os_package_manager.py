"""The build calls a package manager of the operating system that the build image does not have."""

import re

from apprunner_watcher.knowledge.build_log import has_failed, is_error
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_TOOL = (
    r"(?:apt-get|apt|aptitude|add-apt-repository|apt-key|dpkg|apk|yum|dnf|microdnf|tdnf|zypper|pacman|brew|snap"
    r"|amazon-linux-extras)"
)
_NOT_FOUND = (
    rf"(?:^|[\s:/'\"`])(?P<shell>{_TOOL})['\"`]?: (?:command )?not found"
    rf"|(?:^|[\s/])(?P<path>{_TOOL}): No such file or directory|[Cc]ommand not found: (?P<zsh>{_TOOL})\b"
    rf"|exec: \"(?P<exec>{_TOOL})\": (?:executable file not found|stat )"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the shell's words for such a program, in the build or in what a managed runtime runs before the start."""
    in_build = [match for match in matches.service("not found") if is_error(match.line)]
    if in_build and has_failed(snapshot.service_log):
        return _finding(in_build[0].line.text, Evidence.of(in_build[0].line), Confidence.CERTAIN)
    at_start = matches.application("not found") if snapshot.configuration.is_from_source else ()
    if at_start and (confidence := weight(snapshot)):
        # a script may go on without it
        return _finding(at_start[0].line.said, Evidence.of(at_start[0].line), at_most(Confidence.LIKELY, confidence))
    return None


def _finding(text: str, evidence: Evidence, confidence: Confidence) -> Finding:
    found = re.search(_NOT_FOUND, text)
    tool = next((name for name in found.groups() if name), "") if found else ""
    return Finding(confidence, (evidence,), {"tool": tool})


RULE = Rule(
    id="os-package-manager",
    code="os-package-manager",
    title="The build image has no {tool}",
    phase=Phase.BUILD,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "App Runner's managed runtimes are built on Amazon Linux. The package managers of Debian, Ubuntu and Alpine are"
        " not there, and the slim images have none at all."
    ),
    fix=(
        Step("Remove {tool} from the commands, if a ready-made package of the language brings what it installed."),
        Step(
            "Or build a container image with a Dockerfile, where the base image and its package manager are yours, push"
            " it to ECR, and let the service run it."
        ),
    ),
    false_alarms="Scripts that try one package manager after the other print the same and go on: then the build succeeds.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html",
    rollback="helps",
    check=check,
    application_patterns={"not found": _NOT_FOUND},
    service_patterns={"not found": _NOT_FOUND},
)
