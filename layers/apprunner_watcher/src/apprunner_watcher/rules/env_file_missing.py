"""The application insists on a file of settings, .env or secrets.toml, that no image should hold."""

from apprunner_watcher.knowledge.wanted import is_optional
from apprunner_watcher.log import Line
from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_MOST_AFTER = 8  # the trace of the loader itself


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the loader of such a file ending the application, and not going on without it."""
    confidence = weight(snapshot)
    found = [match for match in matches.application("not_there") if not is_optional(match.line)]
    if not found or not confidence:
        return None
    # what ends it may as well be said below: many only note that the file is not there
    confidence = at_most(Confidence.LIKELY if _is_last(found[-1].line, snapshot) else Confidence.POSSIBLE, confidence)
    return Finding(confidence, (Evidence.of(found[-1].line),), {"service_arn": snapshot.service.arn})


def _is_last(line: Line, snapshot: Snapshot) -> bool:
    return len(snapshot.application_log.below(line, _MOST_AFTER)) < _MOST_AFTER


RULE = Rule(
    id="env-file-missing",
    code="env-var-missing",
    title="The application wants a file of variables that is not in the image",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "service", "service_log"}),
    why=(
        "A .env file stays out of images, as it should; the code ends where it cannot load it, though App Runner could"
        " give it the same variables."
    ),
    fix=(
        Step("Set what the file holds as variables and secrets of the service.", CHANGE_SOURCE_CONFIGURATION),
        Step("Let the code go on without the file: load it only if it is there."),
    ),
    false_alarms="Most loaders only note that the file is not there, and go on.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    gives_way_to=frozenset(
        {
            "dependency-unreachable",
            "dependency-on-localhost",
            "dependency-name-unresolved",
            "dependency-credentials-wrong",
            "egress-no-connector",
            "security-group-blocks",
            "tls-required",
            "port-mismatch",
            "bind-address",
        }
    ),
    application_patterns={
        "not_there": (
            # phpdotenv, Laravel
            r"Unable to read any of the environment file\(s\)|Unable to read the environment file|Unable to read the \"[^\n\"]{1,200}\" environment file"
            # shells
            r"|\b(?:source|\.): can't open '?[\w./-]{0,80}\.env\b|\b(?:line )?\d{1,4}: (?:(?:source|\.): )?(?:can't open '?|cannot open )?[\w./-]{0,80}\.env\b[\w.]{0,20}'?: (?:No such file|not found)"
            # Go: godotenv, viper, and what everybody prints around them
            r"|(?i:(?:error|failed|unable|could not|cannot|can't|couldn't)(?: while| when| to)? (?:load|read|open|find|locat)(?:ing)?(?: the| a| your)? \.?env(?:ironment)? ?file)|open [\w./-]{0,80}\.env: no such file|(?i:(?<![a-z])env file (?:was |is )?(?:not found|missing|does not exist|doesn't exist|could not be found))|Config File \"(?:\.env|app|config)\" Not Found"
            # Python, Node.js, Ruby
            r"|No such file or directory: '[^'\n]{0,80}\.env'|ENOENT: no such file or directory, open '[^'\n]{0,80}\.env[\w.]{0,20}'|\bnode: [\w./-]{0,80}\.env[\w.]{0,20}: not found|No such file or directory @ rb_sysopen - [^\n]{0,80}\.env|(?i:failed to (?:load|read|open) \.env)"
            # Streamlit
            r"|No secrets (?:files )?found\. Valid paths for a secrets\.toml|st\.secrets has no (?:key|attribute) \""
        ),
    },
)
