"""An environment variable that the application requires is not set or empty."""

import re
from collections.abc import Iterable

from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

# of their own: the instance role makes them needless
_AWS_KEYS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
_OPTIONAL = re.compile(
    r"(?i)\bdisabl|\boptional|\bfall(?:ing|s)? back|\b(?:using|use) (?:the |a |an )?(?:default|built-in|in-memory)|\bdefault(?:s|ing)? to|\bskip|\bignor"
    r"|\bwill not be\b|\bnot enabled\b"
)
_DEMAND = re.compile(
    r"(?i)error|fatal|panic|exception|critical|throw|abort|exit|\bmust\b|require|❌|parameter|unbound|KeyNotFound"
)
_SET_AGAIN = "set in the configuration that App Runner shows, which may be the previous one"
_OF_ENVIRON = re.compile(r"raise KeyError\(key\) from None|<frozen os>|os\.py")
_NAME_ALONE = re.compile(r"^\W*(?:at )?([A-Za-z][\w.]*)\W*(?::|$)")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the application naming a variable that it misses, and the service not setting it."""
    confidence = weight(snapshot)
    missed = [one for one in _named(matches) if not _is_optional(one[0]) and _state(one[1], snapshot)]
    if not missed or not confidence:
        return None
    match, name, is_demand = next((one for one in missed if one[2]), missed[0])
    state = _state(name, snapshot)
    return Finding(
        confidence if is_demand and state != _SET_AGAIN else at_most(Confidence.LIKELY, confidence),
        (Evidence.of(match.line), Evidence.setting("RuntimeEnvironmentVariables", f"{name} is {state}")),
        {"name": name, "service_arn": snapshot.service.arn},
    )


def _is_optional(match: Match) -> bool:
    return match.line.is_warning or bool(_OPTIONAL.search(match.line.text))


def _state(name: str, snapshot: Snapshot) -> str:
    """How the service misses the variable; empty: it does not, whatever the line means."""
    configuration = snapshot.configuration
    variable = configuration.variable(name)
    if name in _AWS_KEYS:
        return ""
    if name not in configuration.secrets and not variable:
        return "not set"
    if variable and variable.is_empty:
        return "empty"
    return "" if configuration.standing == "attempted" else _SET_AGAIN


def _named(matches: Matches) -> Iterable[tuple[Match, str, bool]]:
    """Every variable that is missed, and whether the words demand it (or only remark that it is absent)."""
    found = [
        *((match, _first(match), bool(_DEMAND.search(match.line.text))) for match in matches.application("says_so")),
        *((match, _first(match).upper().replace(".", "__"), True) for match in matches.application("framework")),
        *((match, match[1], bool(_OF_ENVIRON.search(match.before))) for match in matches.application("key_error")),
        *((match, re.sub(r"[.-]", "_", _first(match)).upper(), True) for match in matches.application("property")),
        *((match, f"ConnectionStrings__{_first(match)}", True) for match in matches.application("connection_string")),
        *((match, name[1].upper().replace(".", "__"), True) for match, name in _beside(matches)),
        *((match, _WELL_KNOWN[match[0]], True) for match in matches.application("well_known")),
        *((match, _USUAL_NAMES[match[0]], False) for match in matches.application("usual_name")),
    ]
    return sorted(found, key=lambda one: one[0].line.at)


def _beside(matches: Matches) -> Iterable[tuple[Match, re.Match[str]]]:
    """Messages of two lines: pydantic names the field above `Field required`, lists stand below their headline."""
    for match in matches.application("above"):
        if name := _NAME_ALONE.search(match.before):
            yield match, name
    for match in matches.application("below"):
        if (name := _NAME_ALONE.search(match.after)) and name[1].isupper():
            yield match, name


def _first(match: Match) -> str:
    return next(text for text in match.found.groups() if text)


_WELL_KNOWN = {
    "No application encryption key has been specified": "APP_KEY",
    "Missing `secret_key_base` for 'production' environment": "SECRET_KEY_BASE",
    "Missing secret_key_base for 'production' environment": "SECRET_KEY_BASE",
    "Missing encryption key to decrypt file with": "RAILS_MASTER_KEY",
    "The SECRET_KEY setting must not be empty": "SECRET_KEY",
}
# the code gives the value under another name; the variable's is the usual one
_USUAL_NAMES = {
    "supabaseUrl is required": "SUPABASE_URL",
    "supabaseKey is required": "SUPABASE_KEY",
    "Value cannot be null. (Parameter 'connectionString')": "ConnectionStrings__DefaultConnection",
}
_NAME = r"[`'\"$]{0,2}\{?(?<![A-Z0-9_])((?=[A-Z0-9]{1,60}_)[A-Z][A-Z0-9_]{2,80})\}?[`'\"]?"
_ANY_NAME = r"[`'\"$]{0,2}\{?(?<![A-Z0-9_])([A-Z][A-Z0-9_]{2,80})\}?[`'\"]?"

RULE = Rule(
    id="env-var-missing",
    code="env-var-missing",
    title="The environment variable {name} is not set",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="The application reads it while it starts, and does not come up without it.",
    fix=(
        Step(
            "Set it; a secret belongs into Secrets Manager or Parameter Store and is referenced by its ARN"
            " (RuntimeEnvironmentSecrets).",
            CHANGE_SOURCE_CONFIGURATION,
        ),
    ),
    false_alarms="A warning about an optional variable is not it: here the container ended, or never listened.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "says_so": re.compile(
            r"(?:[Mm]issing|MISSING|[Uu]nset|[Uu]ndefined|[Rr]equired)(?: required| mandatory)?(?: env(?:ironment)?)?(?: var(?:iable)?s?| config(?:uration)?(?: keys?)?| settings?)?"
            rf"\s?:?(?: named| \[)? ?{_NAME}"
            rf"|{_NAME}(?: (?:environment |env )?(?:variable|var|setting))?"
            r" (?:(?:is|are|was|were|has|have)(?: not|n't)(?: been)? (?:set|defined|provided|configured|found|present|specified)"
            r"|(?:is|are|was|were) (?:a )?(?:required|missing|undefined|empty|null|mandatory|unset)|(?:must|should|has to|have to|needs to|need to) (?:be )?(?:set|defined|provided|configured|present|specified|exist)"
            r"|(?:must not|can ?not|can't|should not|may not) be (?:empty|blank|null|undefined)|not (?:set|defined|found|provided|configured|present)|missing)\b"
            rf"|(?:[Ee]nvironment variable|[Ee]nv var) {_ANY_NAME}:?(?: is| was)? (?:not (?:found|set|defined|provided|present)|missing|required|unset|undefined|empty|must be set|should not be empty)"
            rf"|(?:[Pp]lease )?(?:[Ss]et(?:ting)?|[Dd]efine|[Pp]rovide)(?: the| a)? {_NAME} (?:environment|env)"
            rf"|[Ee]nvironment variable (?:not found|missing|required)?: ?{_ANY_NAME}"
            rf"|could not find environment variable {_ANY_NAME}"
        ),
        # messages of loaders and shells that mean a variable whatever its name looks like
        "framework": re.compile(
            r"required key ([A-Za-z_]\w*) missing value"  # envconfig of Go
            r"|required environment variable \"(\w+)\" is not set"  # env of Go
            r"|environment variable \"(\w+)\" should not be empty"
            r"|UndefinedValueError: (\w+) not found"  # decouple
            r"|key not found: \"([A-Z][A-Z0-9_]*)\""  # ENV.fetch of Ruby
            r"|Config validation error: \"?([A-Z][A-Z0-9_]*)\"? is required"  # Joi in Nest
            r"|property ([A-Z][A-Z0-9_]*) has failed the following constraints: isNotEmpty"
            r"|\b([A-Z][A-Z0-9_]{0,80}): (?:parameter (?:null or not set|not set)|unbound variable)"  # shells
            r"|\b([A-Z][A-Z0-9_]{0,80})\"?: (?:\(required\)|\[ ?['\"](?:Required|Invalid input: expected \w+, received undefined)['\"])"  # envalid, t3-env
            r"|(?<![\w.])([A-Za-z_][\w.]{0,80})\s+Field required \[type=missing"  # pydantic, put into one line
            r"|received: 'undefined', path: \[ '([A-Z][A-Z0-9_]*)' \]"
        ),
        # os.environ["X"]; a KeyError of an ordinary dictionary is seldom written in capitals
        "key_error": re.compile(r"KeyError: '([A-Z][A-Z0-9_]{2,})'(?:$|[\s\"])"),
        # properties of Java, which the environment sets in capitals
        "property": re.compile(
            r"Could not resolve placeholder '([\w.-]+)'|The config property ([\w.-]+) is required but it could not be found"
        ),
        "connection_string": re.compile(
            r"[Cc]onnection string ['\"]?(\w+)['\"]? (?:is |was )?(?:not (?:found|set|configured)|missing|null)"
            r"|[Cc]onnectionString(?:s:| )['\"]?(\w+)['\"]? (?:is |was )?(?:not (?:found|set|configured)|missing)"
        ),
        # pydantic and Zod
        "above": re.compile(r"^\s+[Ff]ield required [\[(]type="),
        "below": re.compile(
            r"(?i)(?:missing|required|invalid)[^\n]{0,30}\b(?:env(?:ironment)?|variables?|settings|configuration)\b[^\n]{0,40}:\s*$|^\s*\"path\": \[$|received undefined$"
        ),
        "well_known": re.compile("|".join(map(re.escape, _WELL_KNOWN))),
        "usual_name": re.compile("|".join(map(re.escape, _USUAL_NAMES))),
    },
)
