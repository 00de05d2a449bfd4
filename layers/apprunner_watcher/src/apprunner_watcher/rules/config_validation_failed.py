"""A schema that the application's settings are read with rejects a value, or a set of values."""

import re
from collections.abc import Iterator
from itertools import islice

from apprunner_watcher.knowledge.wanted import is_harmless
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

_MOST_LINES = 4
_NAME = r"[A-Z][A-Z0-9_]{2,80}"
_NAME_ALONE = re.compile(rf"\s{{0,20}}['\"]{_NAME}['\"],?\s*$")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a schema's headline, and below it what it rejects, in an application that then never serves."""
    headlines = [match.line for match in matches.application("headline") if not is_harmless(match.line)]
    if not headlines and matches.application("of_zod"):
        headlines = list(islice(_paths(snapshot, matches), _MOST_LINES))
    # of a schema's messages only those below its headline are about the configuration
    rejected = [match.line for match in matches.application("rejected")] if headlines else []
    # a headline above nothing but absent variables is env-var-missing
    only_absent = bool(matches.application("absent")) and not rejected
    named = [match.line for match in matches.application("names_variable") if not is_harmless(match.line)]
    found = [*headlines, *rejected, *named]
    confidence = weight(snapshot)
    if not found or (only_absent and not named) or not confidence:
        return None
    if not (rejected or named):
        confidence = at_most(Confidence.LIKELY, confidence)
    in_order = sorted(found, key=lambda line: line.at)
    lines = tuple(dict.fromkeys(line for line in in_order if line.stream == in_order[0].stream))
    return Finding(
        confidence, tuple(Evidence.of(line) for line in lines[:_MOST_LINES]), {"service_arn": snapshot.service.arn}
    )


def _paths(snapshot: Snapshot, matches: Matches) -> Iterator[Line]:
    """Where an issue's path is a variable, in the row of the path or in the one below."""
    for match in matches.application("path"):
        yield match.line
    for match in matches.application("path_opens"):
        below = snapshot.application_log.below(match.line, 1)
        yield from (line for line in below if _NAME_ALONE.match(line.text))


RULE = Rule(
    id="config-validation-failed",
    code="config-validation-failed",
    title="The application's own start-up check refuses a setting",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The application checks its settings before it serves, finds values that it does not accept in this"
        " environment (a default secret, a stub, a wildcard, SQLite, localhost), and ends on purpose."
    ),
    fix=(
        Step(
            "Set real values for what the lines above name.",
            CHANGE_SOURCE_CONFIGURATION,
        ),
        Step("Do not switch the check off for good: it stops what would fail later, or be unsafe."),
    ),
    false_alarms=(
        "Validation errors of requests come after the application listens; here it never did. A check that only misses"
        " variables is env-var-missing."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "headline": (
            r"(?i)\b(?:config(?:uration)?|environment|env|settings|startup|start-up|secrets?)\b[^\n]{0,30}\b(?:validation (?:failed|errors?)|check failed|(?:is|are) invalid|validation has failed)"
            r"|\bconfig validation of \[|\bconfig errors? found\b|msg=\"validating config\" err="  # Kibana, Loki
            r"|\binvalid (?:environment variables?|environment configuration|env(?:ironment)? vars?|(?:production |server |app(?:lication)? )?config(?:uration)?|settings)\b"
            r"|\b(?:validation errors? for (?:\w*settings|\w*config|\w*environment|\w*env)\b|failed to validate (?:the )?(?:config|environment|settings)|E_INVALID_ENV_VARIABLES|EnvInvalidVariables)"
            r"|an instance of \w*(?:env|config)\w* has failed the validation|OptionsValidationException|\bConfigurationPropertiesBindException|Binding to target [^\n]{0,200} failed|Failed to bind properties under(?! '[\w.\[\]-]{1,100}' to java\.)|Could not bind properties to "
            r"|Can't continue due to the errors loading the configuration|errors? (?:found )?(?:while|when) (?:parsing|validating|loading) (?:the )?(?:environment|env|config|settings)|(?:environment|config(?:uration)?|env|settings) (?:variables )?(?:failed|did not pass) validation"
        ),
        # pydantic, Zod, Joi, envalid, class-validator, Spring, Go's validator
        "rejected": (
            r"\bCONFIG ERROR: |"
            r"\bValue error, |\[type=(?!missing)[a-z_]+, input_value|\(type=(?:value_error|type_error|assertion_error)(?!\.missing)|Input should be |\bInvalid (?:url|email|enum value|port input|bool input|number input|url input|email input|choice|string: must)\b|must contain at least (?!1 )\d+ character"
            r"|\bToo (?:small|big): expected (?!string to have >=1 )|\bInvalid (?:option|input): expected (?![^\n]{0,60}received undefined)|\bInvalid (?:URL|email address|UUID)\b|\"[A-Z][A-Z0-9_]+\" (?:must|length must|fails|with value|contains)|has failed the following constraints: (?!isNotEmpty|isDefined|isString)"
            r"|^\s*Reason: (?!failed to convert|must not be (?:null|blank|empty))|^\s+- .{0,120}\b(?:must|invalid|not allowed|too short)\b|\"code\": \"(?:too_small|too_big|invalid_string|invalid_format|invalid_enum_value|invalid_value|custom)\"|code: '(?:too_small|too_big|invalid_string|invalid_format|invalid_enum_value|invalid_value|custom)'"
            r"|DataAnnotation validation failed for [^\n]{1,200}(?<!field is required\.)'|failed on the '(?!required)\w+' tag|\bis not a valid \w+"
        ),
        "of_zod": r"\b\w*ZodError\b|\bValiError\b",
        "path": rf"\bpath['\"]?: ?\[ ?['\"]{_NAME}['\"]",
        "path_opens": r"\bpath['\"]?: \[\s*$",
        "absent": (
            r"[Ff]ield required|\bis required\b|'Required'|\"Required\"|received:? \"?'?undefined|: undefined$|\(required\)|\bmissing\b|\bMissing\b|is not set|must be set$|isNotEmpty|isDefined|isString|>=1 char|at least 1 char"
        ),
        # words that need no headline: a loader names the variable, and what is wrong with it
        "names_variable": (
            rf"Environment variable \"?{_NAME}\"? (?:is )?invalid: ?\[(?!'Not a valid (?:integer|number|boolean|list|URL|UUID|JSON|mapping|timedelta|date|time))|Config validation error: [^\n]{{0,300}}\"?{_NAME}\"? (?:length )?(?:must|fails|with value|contains)|property {_NAME} has failed the following constraints: (?!isNotEmpty|isDefined|isString)"
            rf"|env-var: \"{_NAME}\" should be (?!a valid |valid )|\b{_NAME}: Invalid (?:url|email|port|bool|number|json|choice|host|option|enum)\b|\b{_NAME}['\"]?: ?\[\s?['\"](?:Invalid (?!input: expected \w+, received undefined)|Too small: expected (?!string to have >=1 )|String must contain at least (?!1 )|Must be |must )"
            rf"|env/{_NAME} must |\benv{_NAME} must |error: {_NAME}: must be |field \"\w+\" [^\n]{{0,60}}validation failed"
            # Go's validator; what stands behind "Key" is redacted
            r"|Key: '(?:\*\*\*|\w*(?:[Cc]onf\w*|[Cc]fg|Settings?|Env\w*|Options?)(?:\.\w+){1,6})' Error:Field validation for '\w+' failed on the '(?!required)"
        ),
    },
)
