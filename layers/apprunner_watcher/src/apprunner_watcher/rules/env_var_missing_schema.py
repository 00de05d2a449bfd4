"""A schema that the application's settings are read with (pydantic, Zod, Joi, envalid …) lists what is missing."""

import re
from collections.abc import Iterator

from apprunner_watcher.knowledge.wanted import MOST_LOOKED_AROUND, Wanted, first_of, missed
from apprunner_watcher.log import Line
from apprunner_watcher.rule import CHANGE_SOURCE_CONFIGURATION, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_ROWS = 8  # of one issue, from its path to its message
_PATH = re.compile(
    r"\bpath['\"]?: \[ ?['\"]([A-Za-z_]\w*)['\"](?:, ?['\"]([A-Za-z_]\w*)['\"])?|(?:^|\|)\W*([A-Za-z_]\w*)['\"]?: (?:\[|\{ ?)$"
)
_PATH_OPENS = re.compile(r"\bpath['\"]?: \[\s*$")
_QUOTED = re.compile(r"^[^'\"]*['\"]([A-Za-z_]\w*)['\"],?\s*$")
_FIELD = re.compile(r"(?:^|[|:\]>])\s*\W?([A-Za-z_][\w.]*)(?: -> [\w.]{1,60}){0,5}\W{0,3}$")
_IS_ABSENT = re.compile(r"received undefined|\bRequired\b|>=1 char")
_PROPERTY = re.compile(r"Property: ([\w.-]+)")
_OF_SETTINGS = re.compile(
    r"(?i)validation errors? for \w*(?:setting|config|conf\b|env|secret|option|param|app|credential)"
)
_ABOUT_SETTINGS = re.compile(r"(?i)config|setting|\benv|figment")
_OF_SOMETHING_ELSE = re.compile(r"validation errors? for \w+")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the settings that the schema does not get, and the service not setting them."""
    return missed(_named(snapshot, matches), snapshot)


def _named(snapshot: Snapshot, matches: Matches) -> Iterator[Wanted]:
    for match in matches.application("named"):
        yield Wanted(match.line, _variable(first_of(match.found)))
    for match in matches.application("deserialized"):
        yield Wanted(match.line, _variable(match[1]), bool(_ABOUT_SETTINGS.search(match.line.text)))
    for match in matches.application("member"):
        yield Wanted(match.line, "__".join(match.found.groups()))
    for match in matches.application("pretty"):
        if _IS_ABSENT.search(match.before):
            yield Wanted(match.line, _variable(match[1]))
    for match in matches.application("beside_its_path")[:MOST_LOOKED_AROUND]:
        name, row = _path_beside(match.line, snapshot)
        # fields of requests are checked as well, and later than settings
        if row and (name in row.said or not _listens_before(match.line, snapshot)):
            yield Wanted(match.line, name, named_in=row if row is not match.line else None)
    yield from _of_pydantic(snapshot, matches)


def _listens_before(line: Line, snapshot: Snapshot) -> bool:
    return any(one.line.stream == line.stream and one.line.at < line.at for one in snapshot.application_log.listening)


def _of_pydantic(snapshot: Snapshot, matches: Matches) -> Iterator[Wanted]:
    is_of_settings = _is_of_settings(matches)
    for match in matches.application("field"):
        yield Wanted(match.line, _variable(match[1]), is_of_settings or match[1].isupper())
    for match in matches.application("below_its_field")[:MOST_LOOKED_AROUND]:
        rows = snapshot.application_log.near(match.line, above=1)
        if (field := _FIELD.search(rows[0].said)) and rows[0] is not match.line:
            yield Wanted(match.line, _variable(field[1]), is_of_settings or field[1].isupper(), rows[0])


def _is_of_settings(matches: Matches) -> bool:
    headlines = matches.application("headline")
    told = [match for match in headlines if _OF_SOMETHING_ELSE.search(match.found.string)]
    return not told or any(_OF_SETTINGS.search(match.found.string) for match in told)


def _path_beside(line: Line, snapshot: Snapshot) -> tuple[str, Line | None]:
    """The path of the issue that this line belongs to: Zod prints it above its message, in one row or in three."""
    rows = snapshot.application_log.near(line, above=_ROWS)
    for place in range(len(rows) - 1, -1, -1):
        text = rows[place].said
        if _PATH_OPENS.search(text) and (quoted := _QUOTED.search(rows[place + 1].said)):
            return _variable(quoted[1]), rows[place + 1]
        if (found := _PATH.search(text)) and (names := [name for name in found.groups() if name and name != "_errors"]):
            return _variable("__".join(names)), rows[place]
        if found := _PROPERTY.search(text):
            return re.sub(r"[.-]", "_", found[1]).upper(), rows[place]
    return "", None


def _variable(field: str) -> str:
    """The variable that fills a field: DATABASE_URL, databaseUrl, database.url."""
    if field.isupper():
        return field
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|-", "_", field).upper().replace(".", "__")


_ABSENT = r"(?:Required|Invalid input: expected [\w |]{1,40}, received (?:undefined|NaN)|Expected [\w |]{1,40}, received (?:undefined|nan)|Invalid type: Expected [\w |]{1,40} but received undefined|String must contain at least 1 character|Too small: expected string to have >=1 char|Missing data for required field|[^'\"\n]{0,60}\bis (?:required|missing)\b)"
_UPPER = r"([A-Z][A-Z0-9_]{1,80})"

RULE = Rule(
    id="env-var-missing-schema",
    code="env-var-missing",
    title="The setting {name} is missing",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The application reads its settings from the environment by a schema that names what is required, and ends"
        " where something of that is absent."
    ),
    fix=(
        Step(
            "Set the variable of that setting (with the prefix that the schema may give to names); a secret belongs"
            " into Secrets Manager or Parameter Store and is referenced by its ARN (RuntimeEnvironmentSecrets).",
            CHANGE_SOURCE_CONFIGURATION,
        ),
        Step("Set these as well, which it misses too: {others}.", when="others"),
    ),
    false_alarms="A schema refuses the data of requests in the same words: that comes after the application listens.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "headline": r"\bvalidation errors? for \w+",
        "named": (
            # envalid
            rf"\b{_UPPER}\"?: \(required\)"
            # Zod: what its errors look like in one row, flattened, formatted, or made pretty
            rf"|\b{_UPPER}['\"]?: ?(?:\{{ ?['\"]?_errors['\"]?: ?)?\[\s?['\"]{_ABSENT}"
            rf"|\bpath['\"]?: ?\[\s{{0,20}}['\"]([A-Za-z_]\w*)['\"]\s{{0,20}}\],?\s{{0,20}}['\"]?message['\"]?: ?['\"]{_ABSENT}"
            r"|received['\"]?: ?['\"]undefined['\"],\s{0,20}['\"]?path['\"]?: ?\[\s{0,20}['\"]([A-Za-z_]\w*)['\"]"
            rf"|(?:Required|received undefined)\W{{1,5}}(?:→ )?at ['\"]?{_UPPER}\b"
            rf"|\b{_UPPER}\b['\"\])]?\W{{1,4}}(?:Invalid input: )?[Ee]xpected [\w |]{{1,40}}, received undefined"
            # valibot, arktype, superstruct, io-ts, runtypes
            r"|Invalid key: Expected \"(\w+)\" but received undefined|\b(\w+) must be [^\n]{1,60}\(was (?:missing|undefined)\)|At path: (\w+) -- Expected [\w ]{1,30}, but received: undefined"
            rf"|Invalid value undefined supplied to[^\n]{{0,300}}/{_UPPER}: |\b{_UPPER}\"?: ?\"Expected \w+, but was (?:missing|undefined)"
            # Joi, as Nest uses it and alone; yup
            r"|Config validation error: [^\n]{0,300}?\"?\b(\w+)\"? is (?:required|not allowed to be empty)"
            rf"|\"{_UPPER}\" is (?:required|not allowed to be empty)|\b{_UPPER} is a required field"
            # class-validator: the environment holds strings, so what is no string is absent
            r"|property (\w+) has failed the following constraints: (?:[a-zA-Z]{1,40}, ){0,6}(?:isNotEmpty|isDefined|isString)"
            # Ajv, env-schema
            rf"|\b(?:must|should) have required property '{_UPPER}'|\benv (?:must|should) have required property '(\w+)'"
            # Effect's Config
            r"|Missing data at (\w+)"
            # dynaconf, marshmallow, cerberus
            rf"|\b(\w+) is required in env \w+|'{_UPPER}': \['(?:Missing data for required field|required field)"
            # django-configurations, everett
            r"|is required to be set as the environment variable '(\w+)'|ConfigurationMissingError: '?(\w+)"
            # envy, figment, clap of Rust
            r"|missing value for field (\w+)|\bMissingValue\(\"(\w+)\"\)|missing configuration field \"([\w.]+)\"|\s--[\w-]+ <([A-Z][A-Z0-9_]*)>\s*$"
            # Go's validator, cleanenv, ardanlabs/conf
            r"|Field validation for '(\w+)' failed on the 'required' tag|field \"(\w+)\" is required but the value is not provided|required field ([\w/]+) is missing value"
            # PureConfig, Hoplite, micronaut
            r"|Key not found: '([\w-]+)'|missing setting: ([\w-]+)|- Could not resolve '([\w.-]+)': Missing|'([\w.-]+)': Missing \w+ from config"
        ),
        # pydantic's field, put into one row
        "field": r"(?<![\w.])([A-Za-z_][\w.]{0,80})(?: -> [\w.]{1,60}){0,5}\s+[Ff]ield required [\[(]type=",
        # serde: where it reads a document it tells the line
        "deserialized": r"missing field [`'\"](\w+)[`'\"](?! at line)",
        "member": (
            r"DataAnnotation validation failed for '(\w+)' members: '(\w+)' with the error: 'The [^']{1,80} field is required"
        ),
        # pydantic names the field in the row above
        "below_its_field": (
            r"(?:^|[|\]:])\s*(?:[Ff]ield required(?: [\[(]type=|$)|none is not an allowed value|String should have at least 1 character)"
        ),
        # Zod, made pretty: the words stand above the name
        "pretty": r"→ at ([A-Za-z_][\w.]*)",
        # Zod, in rows; Spring's binding
        "beside_its_path": (
            rf"(?:^|\|)\W*['\"]?message['\"]?: ?['\"]{_ABSENT}|(?:^|\|)\s*['\"]{_ABSENT}['\"],?\s*$|Reason: must not be (?:null|blank|empty)\b"
        ),
    },
)
