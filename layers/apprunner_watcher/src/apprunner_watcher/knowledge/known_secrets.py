"""Here you find which environment variables hold a secret for sure: by what their names and formats say.

The redactor hides more than these: in doubt it hides. What is told to users as a secret must be one.
"""

import re
from collections.abc import Iterable

from apprunner_watcher.redaction import HIDDEN, Variable

_SECRET = re.compile(
    r"pass(?:word|wd|phrase)|(?:^|_)(?:pass|pwd|pw)$|secret|(?:^|_)token$|api_?key|access_?key$|private_?key|credential"
    r"|(?:encrypt(?:ion)?|signing|master|auth|storage|jwt|session|cookie|service|license|account|app|hmac|admin)_?key$|connection_?string",
    re.IGNORECASE,
)
# in the browser's code, or meant to be known; what is said about a secret is none
_PUBLIC = re.compile(
    r"^(?:NEXT_PUBLIC|VITE|REACT_APP|EXPO_PUBLIC|NUXT_PUBLIC|GATSBY|PUBLIC|NG_APP)_|publish|public|site_?key|anon_?key"
    r"|access_?key_?id$|secret_?(?:name|arn|id)$|client_?id|_(?:expir\w*|ttl|length|rounds|algorithm|header|url|path|file)$",
    re.IGNORECASE,
)
_TOKENS = frozenset(
    {"github token", "gitlab token", "slack token", "stripe key", "anthropic key", "openai key", "sendgrid key"}
)
_WITH_PASSWORD = re.compile(
    r"^(?:r2dbc:|jdbc:)?(?:postgres(?:ql)?|mysql2?|mariadb|rediss?|valkeys?|mongodb|amqps?|mssql|sqlserver|oracle|clickhouse|neo4j|smtps?)"
    rf"(?:\+[\w.]+)*://{re.escape(HIDDEN)}@"
    rf"|(?:password|pwd|accountkey|sharedaccesskey)\s*=\s*{re.escape(HIDDEN)}",
    re.IGNORECASE,
)
_SHORTEST = 6  # characters: what is shorter is a mode or a number


def is_secret(one: Variable) -> bool:
    """Whether its value is a secret: a password, key or token that the application proves itself with."""
    if _WITH_PASSWORD.search(one.shown):
        return True
    if one.kind != "secret" or 0 < one.length < _SHORTEST or _PUBLIC.search(one.name):
        return False
    return bool(_SECRET.search(one.name)) or one.format in _TOKENS


def secrets(variables: Iterable[Variable]) -> tuple[Variable, ...]:
    """Those of the variables that hold a secret for sure."""
    return tuple(one for one in variables if is_secret(one))
