"""The word undefined, None or null stands where a value should: the variable behind it is not set."""

from apprunner_watcher.knowledge.wanted import (
    MOST_LOOKED_AROUND,
    is_harmless,
    is_last,
    is_optional,
    read_above,
    state_of,
)
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


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a place of an address or a login that is filled with such a word, or None where a text is expected."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    for match in matches.application("in_its_place"):
        if not is_optional(match.line):
            return _finding(match.line, "", confidence, snapshot)
    for match in matches.application("nothing")[:MOST_LOOKED_AROUND]:
        name, line = read_above(match.line, snapshot)
        if line and state_of(name, snapshot) and not is_harmless(match.line):
            return _finding(match.line, name, confidence, snapshot, line)
    for match in matches.application("environment"):
        return _finding(match.line, "", at_most(Confidence.LIKELY, confidence), snapshot)
    for match in matches.application("no_text"):
        if is_last(match.line, snapshot) and not is_harmless(match.line):
            return _finding(match.line, "", at_most(Confidence.POSSIBLE, confidence), snapshot)
    return None


def _finding(line: Line, name: str, confidence: Confidence, snapshot: Snapshot, read: Line | None = None) -> Finding:
    evidence = [Evidence.of(line)]
    if read and name:
        evidence += [
            Evidence.of(read),
            Evidence.setting("RuntimeEnvironmentVariables", f"{name} is {state_of(name, snapshot)}"),
        ]
    if read:
        confidence = at_most(Confidence.LIKELY, confidence)
    named = f": {name}" if name else ""
    return Finding(confidence, tuple(evidence), {"named": named, "service_arn": snapshot.service.arn})


_NOTHING = r"(?:undefined|None|null|nil)"

RULE = Rule(
    id="env-var-missing-undefined",
    code="env-var-missing",
    title="A variable that the application reads is not set{named}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="The application reads a variable that is not set, and what it makes of that (undefined, None, null) is used as if it were the value.",
    fix=(
        Step("Look up in the code which variable fills that place, and compare its name with the service's variables."),
        Step("Set it.", CHANGE_SOURCE_CONFIGURATION),
    ),
    false_alarms="A host, user or database that is really called so is hardly to be found.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "in_its_place": (
            # host names
            r"\b(?:ENOTFOUND|EAI_AGAIN) (?:undefined|null)\b|could not translate host name \"(?:None|undefined|null)\"|(?:MySQL|MariaDB) server on '(?:None|undefined|null)'|lookup (?:undefined|null|None)\b[^\n]{0,40}: no such host|\bUnknown host:? '?(?:null|undefined|None)\b|UnknownHostException: (?:null|undefined|None)\b|getaddrinfo for (?:undefined|null)\b"
            # users and databases
            rf"|authentication failed for user [\"']{_NOTHING}[\"']|(?:role|database|user) \"{_NOTHING}\" does not exist|Access denied for user '{_NOTHING}'@|Unknown database '{_NOTHING}'|no pg_hba\.conf entry for host [^\n]{{0,60}}user \"{_NOTHING}\""
            # addresses and numbers
            rf"|Invalid URL:? ['\"]?{_NOTHING}\b|\binput: ['\"](?:undefined|null|None)?['\"]|(?:Failed to )?parse URL from {_NOTHING}\b|The URL '{_NOTHING}' is not|(?:rfc1738|SQLAlchemy) URL from (?:given )?(?:URL )?string '(?:None|undefined|null)?'|\b[a-z][a-z0-9+]{{2,15}}://(?:{_NOTHING}|[^\s@]{{0,60}}@{_NOTHING})[:/]"
            r"|invalid literal for int\(\) with base 10: '(?:None|undefined|null)'|could not convert string to float: '(?:None|undefined)'|Port could not be cast to integer value as '(?:None|undefined|null)'|Invalid URI: The URI is empty|Value cannot be null\.\s{1,3}\(?Parameter(?: name:)? '?uriString\b|jdbcUrl, (?:null|undefined|\$\{[\w.]+\})|invalid port \":(?:undefined|null|None)\"|url must not be null|Invalid base ?URL:? ['\"]?(?:undefined|null|None)\b|input: 'undefined"
            # Elixir, Node.js at the top of a module
            r"|binary_to_integer\(nil|is not a valid URL: undefined"
            r"|\"undefined\" is not valid JSON|Unexpected token u in JSON at position 0|Cannot invoke \"[^\"]{1,80}\" because the return value of \"(?:java\.lang\.)?System\.getenv"
        ),
        # an error about None, below the row of source code that reads a variable
        "nothing": (
            r"'NoneType' object (?:has no attribute|is not (?:iterable|subscriptable))|(?:int|float)\(\) argument must be [^\n]{1,80}'NoneType'|argument of type 'NoneType' is not iterable|unsupported operand type\(s\) for [^\n]{1,10}: '(?:NoneType' and 'str|str' and 'NoneType)'|can only concatenate str \(not \"NoneType\"\)|must be str, not NoneType|expected str, bytes or os\.PathLike object, not NoneType|Cannot read propert(?:y|ies) (?:'\w+' )?of undefined|undefined method [`']\w+[`'] for nil|nil can't be coerced|no implicit conversion of nil into String|must be of type string[^\n]{0,80}\. Received (?:undefined|null)"
        ),
        # a text is taken apart that is none: mostly one of the environment, where nothing shows what was read
        "no_text": (
            r"'NoneType' object has no attribute '(?:split|encode|strip|lstrip|rstrip|replace|lower|upper|startswith|endswith)'|(?:reading|property) '(?:split|replace|replaceAll|trim|startsWith|endsWith|toLowerCase|toUpperCase)'|undefined method [`'](?:split|gsub|strip|downcase|start_with\?)' for nil|for \+: 'NoneType' and 'str'"
        ),
        # an environment that None is put into; Rust's VarError without the variable's name
        "environment": (
            r"TypeError: str expected, not NoneType|on an `?Err`? value: NotPresent|: NotPresent\b|because \"(?:this\.)?\w{0,40}(?i:secret|key|token|url|uri|password|dsn|host|env)\w{0,20}\" is null|^(?:Error: )?(?:NotPresent|environment variable not found)$|\(NotPresent\)|NumberFormatException: (?:Cannot parse null string|null$)|The first argument must be (?:of type string|one of type string)[^\n]{1,200}Received (?:type )?undefined|The \"(?:secret|cert|password|url|host|data)\" argument must be [^\n]{1,200}Received (?:type )?undefined"
        ),
    },
)
