"""A number, a duration, a log level, a time zone or an option of a runtime is set to what it cannot be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from apprunner_watcher.knowledge.wanted import MOST_LOOKED_AROUND, first_of, is_harmless, is_last, read_above
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

_NAME = re.compile(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]{2,80}|PORT)\b")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a loader's or runtime's refusal; of plain conversions only where the trace shows that a variable is read."""
    confidence = weight(snapshot)
    seen = (*_refused(matches), *_converted(matches, snapshot), *_said_last(matches, snapshot))
    grave = (one for one in seen if not _is_passing(one.lines[0]))
    if not confidence or not (first := next(grave, None)):
        return None
    return Finding(
        at_most(first.limit, confidence),
        tuple(map(Evidence.of, first.lines)),
        {"named": f" of {first.name}" if first.name else "", "service_arn": snapshot.service.arn},
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    lines: tuple[Line, ...]
    limit: Confidence
    name: str = ""


def _is_passing(line: Line) -> bool:
    # the levels of a logger are words of warnings
    return is_harmless(line) and not re.search(r"(?i)error[^\n]{0,20}level", line.said)


def _refused(matches: Matches) -> Iterator[_Seen]:
    for match in matches.application("refused"):
        # a variable that no shell has filled in is another rule's
        if "$" not in match.line.said:
            yield _Seen((match.line,), Confidence.CERTAIN)
    yield from (_Seen((match.line,), Confidence.LIKELY) for match in matches.application("usual"))


def _converted(matches: Matches, snapshot: Snapshot) -> Iterator[_Seen]:
    for match in matches.application("conversion")[:MOST_LOOKED_AROUND]:
        name, read = read_above(match.line, snapshot)
        named = _NAME.search(match.line.said)
        if read or named:
            lines = (match.line, read) if read and read is not match.line else (match.line,)
            yield _Seen(lines, Confidence.CERTAIN, name or (named[1] if named else ""))


def _said_last(matches: Matches, snapshot: Snapshot) -> Iterator[_Seen]:
    for match in matches.application("named"):
        if is_last(match.line, snapshot):
            yield _Seen((match.line,), Confidence.LIKELY, first_of(match.found))
    yield from (_Seen((match.line,), Confidence.POSSIBLE) for _, match in matches.of("file", "driver"))
    for match in matches.application("conversion"):
        if not match[0].startswith(_OF_DATA) and is_last(match.line, snapshot):
            yield _Seen((match.line,), Confidence.POSSIBLE)


# Python shows the row that converts: it is none that reads a variable; Rust unwraps whatever it parses
_OF_DATA = ("invalid literal", "could not convert", "not enough", "ParseIntError")
_VARIABLE = r"[`'\"]?(?<![A-Za-z0-9_])(?!ERR_|E_|ER_|HTTP_|SSL_)((?=[A-Z0-9]{1,60}_)[A-Z][A-Z0-9_]{2,80})(?![A-Za-z0-9_])[`'\"]?"

RULE = Rule(
    id="config-value-malformed-option",
    code="config-value-malformed",
    title="The value{named} is not what it has to be",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "service", "service_log"}),
    why="The variable is set, and what it holds is no number, duration, level or option that the application can use.",
    fix=(
        Step(
            "Correct the value that the line quotes: no quotes, blanks or comments around it, and the unit where one is"
            " wanted.",
            CHANGE_SOURCE_CONFIGURATION,
        ),
    ),
    false_alarms="Data may be converted as badly: without a variable that is read this is not said.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"start-command-needs-shell"}),
    application_patterns={
        "refused": (
            # loaders of variables: Go, Python, Ruby
            r"envconfig\.Process: assigning \w+ to \w+|parse error on field \"\w+\" of type|Environment variable \"\w+\" invalid: \['Not a valid|env-var: \"\w+\" should be (?:a )?valid |ValueError: (?:Not a boolean: |[Ii]nvalid truth value)|Invalid truth value: |(?:[Cc]ould not|[Uu]nable to|[Ff]ailed to|[Cc]annot) (?:parse|convert|read|decode) (?:the )?(?:value|contents?) (?:of|for|from) (?:the )?(?:environment variable|env var|config|configuration|setting|option|property)|Failed to convert value to \w+\. Please check|environment variable [`'\"]?\w+[`'\"]? (?:is|has) (?:an )?invalid value"
            # runtimes and their options
            # those that came with a version of Node.js or Java are that version's matter
            r"|(?<![\w-])--?(?!-|openssl-|import\b|disable-warning|experimental-|max-old-space-size-percentage|env-file|dns-result-order|network-family-|unhandled-rejections|enable-source-maps)[\w-]+=? is not allowed in NODE_OPTIONS|Unrecognized VM option '(?![+-]?(?:Use|CMS|MaxRAMPercentage|InitialRAMPercentage|MaxPermSize|PermSize|Print|AggressiveOpts))|Invalid (?:maximum|initial) heap size|Unrecognized option: -(?!-(?:add-opens|add-exports|add-modules|illegal-access|enable-preview|enable-native-access|sun-misc))|PYTHONHASHSEED must be|ERR_SOCKET_BAD_PORT|[Pp]ort should be (?:>= 0|> 0|>= 1) and < 65536"
            # figment, config and clap of Rust; Elixir
            r"|invalid type: (?:found )?(?:string|unsigned|signed|bool|unit|map|sequence)[^\n]{0,80}, expected [^\n]{1,60}(?:for key|in the environment|in environment)"
            # Spring
            r"|Reason: failed to convert java\.lang\.String to |Failed to convert (?:property )?value of type '?java\.lang\.String'? to required type"
            # SmallRye of Quarkus and Helidon
            r"|SRCFG00029|SRCFG00039|SRCFG00049"
            # Elixir's releases
            r"|:erlang\.binary_to_(?:integer|float|existing_atom)\(\""
            # log levels
            r"|ValueError: Unknown level: |not a valid logrus Level|unrecognized level: \"|default level:\w+ must be included in custom levels|[Ii]nvalid log[ _-]?level|[Uu]nknown log(?:ging|ger)? level|error parsing level filter|LOG_LEVEL[^\n]{0,20} (?:is )?(?:invalid|unknown|not valid)"
        ),
        # a time zone may also be unknown because the image lacks the time zones
        "usual": (
            r"config/[\w/]{1,60}\.rb:\d+[^\n]{0,60}invalid value for (?:Integer|Float)|Invalid time zone specified|UnknownTimeZoneError|Unknown time-zone ID|invalid value for parameter \"TimeZone\"|TimeZoneNotFoundException|[Ii]nvalid cron expression|Cron expression must consist of|time: (?:invalid duration|missing unit in duration|unknown unit)|invalid PORT|Invalid port (?:number|value)?:|[Ii]nvalid value for PORT|cannot unmarshal \w+ into Go struct field \w*(?:[Cc]onf|[Ss]ettings|[Oo]ptions)\w*\.|\"options\.port\" property must be of type [^\n]{1,80} Received (?:NaN|undefined|null)|expected :(?:port|pool_size|timeout) to be [^\n]{1,60}, got|no such time zone|invalid IANA time zone"
        ),
        # the path is set, and the file is not in the image
        "file": (
            r"Failed to load configuration from file '|DefaultCredentialsError: File [^\n]{1,200} was not found|GOOGLE_APPLICATION_CREDENTIALS environment variable: open |The file at [^\n]{1,200} does not exist, or it is not a file|Error reading credential file from location"
        ),
        # the application's own words: no number, no choice
        "named": (
            rf"{_VARIABLE}[^\n]{{0,40}}?\b(?:is NaN|(?:is|was) not (?:an? )?(?:valid )?(?:number|numeric|integer|int|bool|boolean|float|duration|parseable)\b|expected (?:an? )?(?:integer|number|boolean|bool|int|float)|(?:could not|cannot|couldn't|failed to|unable to) (?:be )?(?:parsed?|convert))"
            rf"|\b(?:[Uu]nsupported|[Uu]nknown|[Uu]nrecogni[sz]ed|[Ii]llegal|[Uu]nexpected|[Ii]nvalid) (?:value|setting|option|format) (?:for|of) {_VARIABLE}"
            rf"|\b(?:[Uu]nsupported|[Uu]nknown|[Uu]nrecogni[sz]ed|[Ii]nvalid) {_VARIABLE}(?:[:=] ?\S| [`'\"(])"
            rf"|{_VARIABLE}[^\n]{{0,80}}?\b(?:[Ee]xpected|choose|must be) (?:one of|from|either)\b"
        ),
        # MySQL's driver for Java, without TLS: an option, or TLS
        "driver": r"Public Key Retrieval is not allowed",
        "conversion": (
            r"invalid literal for int\(\) with base 10: '(?!None|undefined|null|\$)|could not convert string to float: '(?!None|undefined|\$)|strconv\.\w+: parsing |NumberFormatException: For input string: |invalid value for (?:Integer|Float)\(\): |ParseIntError|invalid digit found in string|Input string was not in a correct format|was not recognized as a valid (?:Boolean|TimeSpan)|The input string '[^']*' was not in a correct format|not enough values to unpack"
        ),
    },
)
