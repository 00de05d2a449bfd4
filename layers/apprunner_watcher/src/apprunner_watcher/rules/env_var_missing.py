"""An environment variable that the application requires is not set or empty."""

import re
from collections.abc import Iterator

from apprunner_watcher.knowledge.wanted import (
    MOST_LOOKED_AROUND,
    NO_VARIABLE,
    SET_IT,
    Wanted,
    first_of,
    is_drowned,
    missed,
)
from apprunner_watcher.log import Line
from apprunner_watcher.rule import Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_DEMAND = re.compile(
    r"(?i)error|fatal|panic|exception|critical|throw|abort|exit|\bmust\b|require|❌|✗|✖|mandatory|NotPresent|\bneed"
)
# said of what is optional as well: then something louder comes below
_MAY_BE_OPTIONAL = re.compile(r"(?i)missing")
_LONGEST_LIST = 12
# A list of names stands below its headline.
_LISTED = re.compile(r"^\s*(?:\S{1,40}\s*\| )?[\s\-*•>✗✘❌·\d.)\['\"`]*([A-Z][A-Z0-9_]{2,80})\b(?!=)")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the application naming a variable that it misses, and the service not setting it."""
    return missed(_named(snapshot, matches), snapshot)


def _named(snapshot: Snapshot, matches: Matches) -> Iterator[Wanted]:
    for match in (*matches.application("says_so"), *matches.application("asks")):
        if not NO_VARIABLE.search(match.line.text):
            yield Wanted(match.line, first_of(match.found), _is_demand(match.line, snapshot))
    for match in matches.application("headline")[:MOST_LOOKED_AROUND]:
        for row in snapshot.application_log.below(match.line, _LONGEST_LIST):
            if name := _LISTED.search(row.said):
                yield Wanted(match.line, name[1])
            elif row.said.strip():
                break


def _is_demand(line: Line, snapshot: Snapshot) -> bool:
    if "⚠" in line.text:
        return False
    if _DEMAND.search(line.text):
        return True
    return bool(_MAY_BE_OPTIONAL.search(line.text)) and not is_drowned(line, snapshot)


_NAME = r"[`'\"$%]{0,2}(?:process\.env\.|import\.meta\.env\.|env\.|ENV\.)?\{?(?<![A-Z0-9_])((?:(?=[A-Z0-9]{1,60}_)[A-Z][A-Z0-9_]{2,80})|[A-Z]{2,30}(?:URL|URI|KEY|TOKEN|SECRET|HOST|DSN|PASSWORD|USER|DATABASE)|PORT|TOKEN|SECRET|DOMAIN|DSN|BUCKET|PASSWORD)\b\}?[`'\"\]]{0,2}"
_ANY_NAME = (
    r"(?:process\.env\.|env\.|ENV\[)?[`'\"$%]{0,2}\{?(?<![A-Za-z0-9_])([A-Z][A-Za-z0-9_]{2,80})\}?[`'\"]{0,2}\]?"
)
_NOUN = r"(?:,? (?:the |an? |required )?(?:[Ee]nvironment|[Ee]nv|ENV|config(?:uration)?)? ?(?:[Vv]ariables?|[Vv]ars?|[Ee]nv|setting|secret|key|option|value|parameter|config(?:uration)?)(?:\(s\))?| in (?:the )?(?:env(?:ironment)?|\.env))?"
# "is missing a scheme" is about what is set
_GONE = r"missing(?! (?:the|an?|its?|scheme|protocol|port|host|netloc|path|required|one|some|parts?|trailing|leading|quotes?|values? for)\b)"
_BE = r"(?:is|are|was|were|has|have|does|did)"
_SET = r"(?:set|defined|provided|configured|found|present|specified|supplied|given|exported|declared|available|filled|populated|passed|included|exist|initiali[sz]ed)"
_ENV = r"(?:[Ee]nvironment[ _][Vv]ar(?:iable)?s?|ENVIRONMENT VARIABLES?|[Ee]nv(?:\.|ironment)? ?[Vv]ars?|ENV VARS?|[Ee]nv(?: [Vv]ariables?)?)(?:\(s\))?"

RULE = Rule(
    id="env-var-missing",
    code="env-var-missing",
    title="The environment variable {name} is not set",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="The application reads it while it starts, and does not come up without it.",
    fix=(
        SET_IT,
        Step("Set these as well, which it misses too: {others}.", when="others"),
    ),
    false_alarms="A warning about an optional variable is not it: here the container ended, or never listened.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "says_so": (
            # Missing required environment variable: X; Missing X; undefined env var "X"
            rf"(?:\b[Mm]issing|\bMISSING|\b[Uu]nset|\b[Uu]ndefined|\b[Ee]mpty|\b[Rr]equired?s?)(?:,? [A-Za-z/()]{{1,20}}){{0,6}}?(?:\(s\))?[ :=(\[\-]{{1,5}}{_NAME}"
            # X is not set; the X environment variable has not been set; X must be set; X is required; X missing
            rf"|{_NAME}{_NOUN}:?,?"
            rf" (?:(?:{_BE}|could|can|were) ?(?:not|n't)(?: been| be)?(?: yet)?(?: properly| correctly)? {_SET}|(?:is|are|was|were) (?:a |an )?(?:required|{_GONE}|undefined|empty|null|nil|None|blank|mandatory|unset|necessary|needed|absent|not there)"
            rf"|(?:must|should|has to|have to|needs? to|required to|to|shall) (?:also )?(?:be |have been )?(?:set|defined|provided|configured|present|specified|supplied|given|exist|populated|passed|included|non-empty|not be empty)"
            rf"|(?:must not|cannot|can ?not|can't|should not|shouldn't|may not) be (?:an? )?(?:empty|blank|null|undefined|unset|missing|None|nil|omitted)|(?:wasn't|isn't|aren't|weren't|hasn't been) {_SET}|not {_SET}|{_GONE}|required|unset|NOT SET|MISSING|has no value|expected(?= but|$|[.,!]))(?:\b|$)"
            # DATABASE_URL: NotPresent; ✗ DATABASE_URL - missing
            rf"|{_NAME}\s{{0,3}}(?::|=|[-\u2013\u2014]|=>|->|\.{{3}})\s{{0,3}}[❌✗✘]?\s?[\[(<'\"]?(?:NotPresent|[Mm]issing(?! the| a)|MISSING|[Nn]ot (?:set|found|defined|provided)|NOT SET|NOT FOUND|[Uu]nset|[Rr]equired|environment variable not found|getEnv: does not exist)\b"
            # a name of any form, where the words leave no doubt; Environment variable not found: X
            rf"|\b{_ENV} {_ANY_NAME}:?,?(?: ?\([^)\n]{{0,60}}\))?(?: (?:is|was|are|must|should|needs to|has|does|could|cannot|can't|isn't|wasn't|to))?(?: (?:a|be|not|been)){{0,3}} ?(?:{_SET}|missing|required|unset|undefined|empty|null|mandatory)"
            rf"|\b{_ENV} (?:(?:is |was )?(?:not (?:found|set|defined|provided|present)|missing|required|unset|undefined|empty))? ?[:=] ?\[?{_ANY_NAME}(?!=)"
            rf"|{_ANY_NAME}(?: in (?:the )?| )(?:environment|env|ENV)(?: (?:variables?|vars?))? (?:(?:is|was|were|has|does|did|could|must|should)(?: not|n't)?(?: been| be)?|not|must be|isn't|wasn't|needs to be) ?(?:{_SET}|missing|required|empty|mandatory|undefined|null)\b"
            rf"|\b{_ENV}[^\n]{{0,40}}\b(?:missing|required|not set|must be set|need to be set|expected)[^\n:]{{0,30}}: ?[\[('\"]*{_ANY_NAME}"
            rf"|\b{_ENV} {_ANY_NAME} resolved to an empty string"
            rf"|\b(?:[Mm]issing|[Uu]nset|[Uu]ndefined)(?: [a-z]{{1,12}}){{0,2}} {_ENV} ?[:=]? ?[\[(]?{_ANY_NAME}(?!=)"
            rf"|\b[Ll]ookup of {_ENV} {_ANY_NAME} failed"
            # the dollar says that it is a variable: $PORT must be set
            r"|\$\{?([A-Z][A-Z0-9_]*)\}? (?:must be|is not|is|has to be|not|should be|was not|needs to be) (?:set|defined|required|missing|empty|unset|specified|provided)\b"
            # cannot find env var; could not read X: environment variable not found
            rf"|(?:[Cc]ould not|[Cc]ouldn't|[Cc]annot|[Cc]an't|[Uu]nable to|[Ff]ailed to) (?:find|read|get|load|fetch|retrieve|resolve|locate|look ?up|obtain|parse)(?: the)?(?: required)? (?:{_ENV}|ENV|config(?:uration)? (?:key|value)):? {_ANY_NAME}"
            rf"|(?:[Cc]ould not|[Cc]annot|[Uu]nable to|[Ff]ailed to) (?:find|read|get|load|fetch|retrieve|resolve|locate)(?: the)? {_NAME} (?:from|in) (?:the )?(?:env|config|\.env|process)"
            # No DATABASE_URL found in the environment
            rf"|\b[Nn]o (?:value (?:set |found |given |provided )?for )?(?:{_ENV} )?{_NAME}{_NOUN} (?:was |has been |is )?{_SET}"
            # Expected env var X; requires the X environment variable
            rf"|\b(?:[Ee]xpect(?:s|ed|ing)?|[Rr]equires?|[Nn]eeds?)(?: the| an?| that)?(?: {_ENV})?:? {_NAME} (?:{_ENV}|to (?:be|exist)|in (?:the )?env)"
        ),
        "asks": (
            rf"\b(?:[Pp]lease|[Mm]ust|MUST|[Nn]eed to|have to|has to|forg[eo]t(?:ten)? to|should|required to|make sure (?:to|you)|ensure you(?: have)?)(?: also| first| either| correctly| at least){{0,2}} (?:set|define|provide|specify|supply|configure|add|export|pass|include|fill|give)(?: in)?(?: up)?(?: the| an?| your| valid| following| required| value| for| of| either| env| environment| variables?| vars?){{0,6}}:? {_NAME}(?!=)"
            rf"|(?<!\bcan )(?<!\bmay )\b(?:[Ss]et(?:ting)?|[Dd]efine|[Pp]rovide)(?: it in)?(?: the| a| an| your)? {_ANY_NAME} (?:environment|env) var"
            rf"|\b(?:[Pp]lease )?(?:[Ss]et|[Dd]efine|[Pp]rovide|[Ee]xport)(?: the| a| an)? {_ENV} {_ANY_NAME}(?!=)"
        ),
        # the names stand in the lines below
        "headline": (
            r"(?i)(?:\b(?:missing|required?s?|needs?|undefined|unset)\b[^\n]{0,40}\b(?:env(?:ironment)?|variables?|vars?|settings|config(?:uration)?|secrets|keys)\b[^\n]{0,60}|\b(?:env(?:ironment)?|variables?|vars?|settings|config(?:uration)?)\b[^\n]{0,50}\b(?:missing|not set|required|undefined|must be set|not present in the environment|not defined|unset)\b[^\n]{0,60})[:\[{(]\s*$"
        ),
    },
)
