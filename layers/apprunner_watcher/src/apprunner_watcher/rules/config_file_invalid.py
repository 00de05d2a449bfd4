"""apprunner.yaml is missing or malformed."""

from apprunner_watcher.knowledge.build_log import has_failed, is_printed
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_FROM_REPOSITORY = "REPOSITORY"


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner's words for the file, or a build that ended right behind reading it."""
    if refused := [*matches.service("refused"), *matches.service("yaml")]:
        return Finding(Confidence.CERTAIN, (Evidence.of(refused[0].line),))
    log = snapshot.service_log
    read, failed = matches.service("read"), matches.service("failed")
    if not read or not failed or not has_failed(log) or any(is_printed(line) for line in log.lines):
        return None
    source = snapshot.configuration.configuration_source
    settings = (Evidence.setting("ConfigurationSource", source),) if source == _FROM_REPOSITORY else ()
    # nothing was built, as far as the build's own stream was read
    confidence = Confidence.LIKELY if log.deployment and not matches.service("began") else Confidence.POSSIBLE
    return Finding(confidence, (Evidence.of(read[-1].line), Evidence.of(failed[0].line), *settings))


RULE = Rule(
    id="config-file-invalid",
    code="config-file-invalid",
    title="App Runner cannot use apprunner.yaml",
    phase=Phase.BUILD,
    looks_at=frozenset({"configuration", "service_log"}),
    why=(
        "The service takes its build and start settings from apprunner.yaml in its source directory. Where the file is"
        " not there, is no valid YAML, or lacks what App Runner demands, nothing is built."
    ),
    fix=(
        Step("Check that apprunner.yaml is committed, on the service's branch, in its source directory."),
        Step(
            "Check indentation (blanks, no tabs) and the keys: `version: 1.0`, `runtime`, `build.commands.build` as a list,"
            " `run.command`, `run.network.port`, and `run.env` as a list of name and value."
        ),
        Step("Or configure the build in the service itself, and leave the file out."),
    ),
    false_alarms=(
        "App Runner gives a reason for a runtime version that it does not offer and for a command that failed. Without any"
        " reason, the file is the usual one."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/config-file.html",
    rollback="helps",
    check=check,
    service_patterns={
        "refused": (
            r"^\[AppRunner\][^\n]{0,160}?(?i:\b(?:apprunner\.ya?ml|config(?:uration)? file)\b[^\n]{0,160}?"
            r"(?:invalid|not valid|malformed|could(?:n't| not)|can(?:not|'t)|not found|missing|(?:does|did)(?: not|n't)|unable|fail(?:ed|ure)|error|unsupported|unrecogni[sz]ed|incorrect|is empty|no such|must|contains (?:an? )?(?:unknown|duplicate|unexpected))"
            r"|(?:failed to|unable to|could(?:n't| not)|can(?:not|'t)|error(?: while)?|invalid|missing|malformed|(?:does|did)(?: not|n't) (?:contain|have|include)|no|(?:unsupported|unknown|unexpected|duplicated?|required) (?:key|keys|property|field|section|attribute|value))\b[^\n]{0,80}?\b(?:apprunner\.ya?ml|config(?:uration)? file)\b)"
        ),
        # the words of YAML parsers
        "yaml": (
            r"^\[AppRunner\][^\n]{0,200}?(?:mapping values are not allowed|cannot start any token|did not find expected|could not find expected ':'|[Uu]nrecognized (?:field|key|property)|while (?:parsing|scanning) a )"
        ),
        "read": r"^\[AppRunner\] Reading apprunner\.ya?ml",
        "began": r"^\[AppRunner\] Starting to build your application source code",
        "failed": r"^\[AppRunner\] Failed to build your application source code\.?\s*$",
    },
)
