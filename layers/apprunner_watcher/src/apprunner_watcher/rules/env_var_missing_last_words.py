"""The last words of an application name a variable beside words of absence, in a sentence of its own."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from apprunner_watcher.knowledge.wanted import (
    NO_VARIABLE,
    SET_IT,
    Wanted,
    first_of,
    is_last,
    is_source_code,
    missed,
)
from apprunner_watcher.rule import Confidence, Finding, Match, Matches, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot

_DEMAND = re.compile(r"(?i)error|fatal|panic|exception|critical|throw|abort|\bexit|\bmust\b|require|❌|✗|✖")
# it is set then, and something else is wrong
_OF_A_VALUE = re.compile(
    r"(?i)\b(?:invalid|malformed|valid (?!value)\w+|integer|number|numeric|boolean|json|pars(?:e|ing)|cast|convert\w*|assigning|duration|one of: |one of \[|unknown|unsupported|incorrect|wrong|expired|denied|refused|unauthori[sz]ed|forbidden|timed out|connect(?:ion|ing|ed)? (?:to|refused|failed|error|reset|closed)|characters|bytes|too (?:short|long)|default)\b"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find such a line where nothing else is said before the end, and the service not setting that variable."""
    finding = missed(_last(matches.of("of_environment", "of_its_name"), snapshot), snapshot)
    return finding and replace(finding, confidence=at_most(Confidence.LIKELY, finding.confidence))


def _last(found: Iterable[tuple[str, Match]], snapshot: Snapshot) -> Iterator[Wanted]:
    for _, match in found:
        is_message = is_last(match.line, snapshot) and not is_source_code(match.line)
        if is_message and not (NO_VARIABLE.search(match.line.text) or _OF_A_VALUE.search(match.line.text)):
            yield Wanted(match.line, first_of(match.found), bool(_DEMAND.search(match.line.text)))


_NAME = r"[`'\"]?(?<![A-Za-z0-9_])(?!ERR_|E_|ER_|INVALID_|MISSING_|BAD_|NO_|WRONG_|UNKNOWN_|EXPIRED_|HTTP_|SSL_|AWS_)((?=[A-Z0-9]{1,60}_)[A-Z][A-Z0-9_]{2,80})(?![A-Za-z0-9_=])[`'\"]?"
_ENDS = r"_(?:URL|URI|DSN|HOST|HOSTNAME|PORT|KEYS?|SECRET|TOKEN|PASSWORD|PASSPHRASE|USERNAME|EMAIL|BUCKET|REGION|ENDPOINT|DOMAIN|SALT|CREDENTIALS|ADDR|ADDRESS|CONNECTION)"
_SETTING = rf"[`'\"]?(?<![A-Za-z0-9_])(?!ERR_|E_|ER_|INVALID_|MISSING_|BAD_|NO_|WRONG_|UNKNOWN_|EXPIRED_|PRIMARY_|FOREIGN_|AWS_)([A-Z][A-Z0-9_]{{0,60}}{_ENDS})(?![A-Za-z0-9_=])[`'\"]?"
_ENVIRONMENT = r"\b(?:environment|env(?:iron)?\b|[Ee]nvironment|process\.env|os\.Getenv|getenv|env[_ ]?vars?\b|ENV\b)"
_SAYS_NO = r"(?:\b(?i:no|not|missing|miss(?:es)?|lacks?|lacking|without|absent|unset|undefined|null|empty|blank|falsy|required?s?|needs?|needed|expected|expects?|must|should|cannot|neither|none of|unable|failed|returned (?:false|null|nothing))\b|n't\b)"
_ABSENT = r"(?:\b(?i:missing|miss(?:es)?|lacks?|absent|unset|undefined|null|nil|empty|blank|required?|mandatory|needed|is a must|not (?:been )?(?:set|defined|found|provided|configured|given|supplied|specified|present|there|filled|in)|(?:must|should|has to|have to|needs? to) be (?:set|defined|provided|configured|given|supplied|specified|filled|present|in))\b|got undefined)"
_ASKS = r"\b(?i:missing|no|without|requires?|needs?|lacks?|(?:must|please|should|need to|have to|did not|didn't|forgot to|to|or) (?:set|define|provide|supply|specify|give|configure|export|pass|fill in)|(?:or|by|via) (?:setting|exporting|providing|defining|supplying))\b"

RULE = Rule(
    id="env-var-missing-last-words",
    code="env-var-missing",
    title="The environment variable {name} is not set",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="The last that the application says before its end is that it lacks this variable, which the service does not set.",
    fix=(
        SET_IT,
        Step("Set these as well, which it misses too: {others}.", when="others"),
    ),
    false_alarms="The line may be about an optional variable, if what ended the application printed nothing.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        # no DB_CONN in env; environment lacks X; Expected process.env.X; getenv("X") returned empty
        "of_environment": (
            rf"{_NAME}[^\n]{{0,40}}?{_SAYS_NO}[^\n]{{0,40}}?{_ENVIRONMENT}"
            rf"|{_SAYS_NO}[^\n]{{0,40}}?{_NAME}[^\n]{{0,40}}?{_ENVIRONMENT}"
            rf"|{_SAYS_NO}[^\n]{{0,40}}?{_ENVIRONMENT}[^\n]{{0,40}}?{_NAME}"
            rf"|{_ENVIRONMENT}[^\n]{{0,40}}?{_SAYS_NO}[^\n]{{0,40}}?{_NAME}"
            rf"|{_ENVIRONMENT}[^\n]{{0,40}}?{_NAME}[^\n]{{0,40}}?{_SAYS_NO}"
            rf"|{_NAME} {_ENVIRONMENT}[^\n]{{0,60}}?{_SAYS_NO}"
        ),
        # a name that ends as those of settings do: SERVICE_URL has to be supplied; provide --key or SERVICE_KEY
        "of_its_name": rf"{_SETTING}[^\n]{{0,30}}?{_ABSENT}|{_ASKS}[^\n]{{0,40}}?{_SETTING}",
    },
)
