"""The application's own start-up validation rejects a value, or a set of values."""

import re

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


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the words with which start-up checks refuse a configuration, in an application that then never serves."""
    refusals = [match for match in matches.application("refusal") if not match.line.is_warning]
    headlines = matches.application("headline")
    # of a schema's messages only those below its headline are about the configuration
    rejected = matches.application("rejected") if headlines else ()
    # a headline above nothing but absent variables is env-var-missing
    only_absent = bool(matches.application("absent")) and not (refusals or rejected)
    found = [*headlines, *refusals, *rejected]
    confidence = weight(snapshot)
    if not found or only_absent or not confidence:
        return None
    if not (refusals or rejected):
        confidence = at_most(Confidence.LIKELY, confidence)
    in_order = sorted(found, key=lambda match: match.line.at)
    lines = tuple(dict.fromkeys(match.line for match in in_order if match.line.stream == in_order[0].line.stream))
    return Finding(
        confidence, tuple(Evidence.of(line) for line in lines[:_MOST_LINES]), {"service_arn": snapshot.service.arn}
    )


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
        "headline": re.compile(
            r"(?i)\b(?:config(?:uration)?|environment|env|settings|startup|start-up|secrets?)\b[^\n]{0,30}\b(?:validation (?:failed|error)|check failed|is invalid)"
            r"|\binvalid (?:environment variables|environment configuration|env(?:ironment)? vars|(?:production )?configuration|settings)"
            r"|\bvalidation errors? for (?:\w*settings|\w*config|\w*environment)\b|\bfailed to validate (?:the )?(?:config|environment|settings)"
            r"|an instance of \w*(?:env|config)\w* has failed the validation|OptionsValidationException|\bConfigurationPropertiesBindException|Binding to target [^\n]{0,200} failed"
        ),
        # pydantic, Zod, Joi, envalid, class-validator, Spring
        "rejected": re.compile(
            r"\bValue error, |\[type=(?!missing)[a-z_]+, input_value|Input should be |\bInvalid (?:url|email|enum value|port input|bool input|choice)\b|must contain at least \d+ character"
            r"|\bToo small: expected|\bInvalid option: expected|\"[A-Z][A-Z0-9_]+\" (?:must|length must|fails|with value)|has failed the following constraints: (?!isNotEmpty|isDefined)"
            r"|^\s+Reason: |^\s+- .{0,120}\b(?:must|invalid|not allowed|too short)\b|\"code\": \"(?:too_small|invalid_string|invalid_format|invalid_enum_value|custom)\"|DataAnnotation validation failed"
        ),
        "absent": re.compile(
            r"[Ff]ield required|\bis required\b|'Required'|\"Required\"|received:? \"?'?undefined|: undefined$|\(required\)|\bmissing\b|\bMissing\b|is not set|must be set$|isNotEmpty|isDefined"
        ),
        "refusal": re.compile(
            r"(?i)\bnot (?:be )?allowed in (?:prod|production|staging|non-local)\b"
            r"|\bmust (?:not )?(?:be (?:set to|changed|at least|exactly|a valid|disabled|explicit|overridden|different|replaced)|use|contain|equal|have|start with)\b[^\n]{0,120}"
            r"\b(?:default|in prod|production|characters|chars|bytes|wildcard|localhost)\b"
            r"|\bmust be set\b[^\n]{0,40}\bnot\b[^\n]{0,40}\b(?:default|placeholder|example)\b"
            r"|\b(?:default|insecure|weak|placeholder) (?:secret|password|key|value)s? (?:\w+ ){0,4}(?:not allowed|in production|detected)"
            r"|\b(?:is|are) (?:still )?(?:set to )?(?:the |a |an )?(?:insecure |built-in )?(?:default|placeholder|example)(?: value)?[^\n]{0,60}\b(?:refus|production|exit|abort)"
            r"|\brefus(?:es|ing) to (?:start|boot|run)\b|\b(?:is|are) forbidden in production\b"
            r"|\b(?:secret|key|password|token)\b[^\n]{0,40}\b(?:too short|at least \d+ (?:characters|chars|bytes)|must be \d+ (?:characters|chars|bytes))"
            r"|Environment variable \"\w+\" invalid:|ArgumentError: secret_key_base for production must"
        ),
    },
)
