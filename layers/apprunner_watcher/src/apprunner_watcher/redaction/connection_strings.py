"""Here you find connection strings taken apart: URLs, JDBC, ADO.NET, libpq and others, their secrets hidden."""

import re
from urllib.parse import unquote, unquote_plus

from apprunner_watcher.redaction.values import (
    BARE_HOST,
    HIDDEN,
    LABEL,
    LONGEST_SHOWN,
    LONGEST_TOKEN,
    SHORTEST_KNOWN,
    Piece,
    Reading,
    format_of,
    is_harmless,
    is_made_of_words,
    is_secret_name,
    is_word,
)

URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.:_-]{0,40}):(?P<slashes>//)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_DATABASE = re.compile(
    r"(?:r2dbc:|jdbc:)?(?:postgres(?:ql)?|postgis|pgsql|mysql2?|mariadb|rediss?|valkeys?|mongodb|amqps?|mssql|sqlserver"
    r"|oracle|cockroachdb|clickhouse|neo4j|bolt|cassandra|ecto|db2|kafka|nats|stomp|mqtts?|couchdb|influxdb|trino"
    r"|snowflake|jdbc)(?:[+:][\w+.-]+)?",
    re.IGNORECASE,
)
_OTHER_SCHEME = re.compile(
    r"(?:https?|wss?|s?ftp|smtps?|imaps?|ldaps?|sqlite3?(?:\+\w+)?|tcp|udp|tls|ssl|grpcs?|sqs|s3|gs|file|unix|memory"
    r"|memcached?|elasticsearch|cloudinary|jdbc:[a-z0-9:]+|sb|git|ssh|git\+\w+)",
    re.IGNORECASE,
)
_SOME_SCHEME = re.compile(r"[a-z]{2,15}(?:\+[a-z]{2,15})?", re.IGNORECASE)
_HOSTS = re.compile(
    rf"(?:{BARE_HOST}|{LABEL})?(?::\d{{0,5}})?(?:,(?:{BARE_HOST}|{LABEL})(?::\d{{1,5}})?){{0,20}}", re.IGNORECASE
)
_DOTTED_HOSTS = re.compile(rf"{BARE_HOST}(?::\d{{1,5}})?", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/?#;\\]*")
_AFTER_HOST = re.compile(r"(?P<path>[^?#;]*)(?P<tail>.*)", re.DOTALL)
_PLAIN_QUERY = re.compile(r"(?:/[^?;@]*)?[?;](?:[A-Za-z][\w.-]*=[^&;]*(?:[&;]|$))+")
LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def address(value: str, *, any_scheme: bool) -> Reading | None:
    """A URL. `any_scheme`: also of a scheme that is not known here."""
    url = URL.fullmatch(value)
    if not url:
        return None
    scheme, rest = url["scheme"].lower(), url["rest"]
    is_known = _DATABASE.fullmatch(scheme) or _OTHER_SCHEME.fullmatch(scheme)
    if not is_known and not (any_scheme and _SOME_SCHEME.fullmatch(scheme)):
        return None
    userinfo, after = _split_userinfo(rest, is_database=bool(_DATABASE.fullmatch(scheme)))
    before = Piece(f"{value[: url.start('rest')]}")
    pieces = (before, *_userinfo(userinfo), *_after_userinfo(after))
    return Reading("url", pieces, "", scheme, userinfo or "")


def _split_userinfo(rest: str, *, is_database: bool) -> tuple[str | None, str]:
    """Userinfo (None where there is none) and what follows it, also where the password is not encoded.

    In doubt it is userinfo: then more is hidden than need be.
    """
    userinfo, at, after = rest.rpartition("@")
    if not at:
        return None, rest
    authority = _AUTHORITY.match(rest)
    standard = authority[0][: LONGEST_SHOWN + 1] if authority else ""
    if "@" not in standard and _HOSTS.fullmatch(standard):
        is_plain = _PLAIN_QUERY.fullmatch(rest[len(standard) :]) if is_database else _DOTTED_HOSTS.fullmatch(standard)
        if is_plain:
            return None, rest
    return userinfo, after


def _userinfo(userinfo: str | None) -> tuple[Piece, ...]:
    if userinfo is None:
        return ()
    user, colon, password = userinfo.partition(":")
    found = [password] if colon else []
    if user and not is_word(user) and not is_made_of_words(user):
        found.append(user)
    decoded = [unquote(secret) for secret in found]
    return (Piece(f"{HIDDEN}@", tuple(secret for secret in (*found, *decoded) if secret)),)


def _after_userinfo(after: str) -> tuple[Piece, ...]:
    authority = _AUTHORITY.match(after)
    host = authority[0] if authority else ""
    if len(host) > LONGEST_SHOWN or not _HOSTS.fullmatch(host):
        return (Piece(HIDDEN, (after,)),)
    parts = _AFTER_HOST.fullmatch(after[len(host) :])
    path, tail = (parts["path"], parts["tail"]) if parts else ("", "")
    # of a long path nobody needs more than its beginning; the rest counts as a secret
    cut = len(path) if len(path) <= _LONGEST_PATH else path.rfind("/", 0, _LONGEST_PATH) + 1
    rest = path[cut:]
    segments = (piece for piece in re.split(r"(/)", path[:cut]) if piece)
    end = (Piece(HIDDEN, (rest,)),) if rest else ()
    return (Piece(host), *map(_segment, segments), *end, *_tail(tail))


_LONGEST_PATH = 2 * LONGEST_SHOWN
_RANDOM_FROM = 16
"""Characters from which on a segment of a path that is not made of words is a secret: a webhook's, a bot's."""
_MIXED = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{8,}")


def _segment(segment: str) -> Piece:
    if len(segment) < SHORTEST_KNOWN and "@" not in segment:
        return Piece(segment)
    is_random = len(segment) >= _RANDOM_FROM and not (is_word(segment) or is_made_of_words(segment))
    if is_random or _MIXED.fullmatch(segment) or format_of(segment) not in {"", "uuid", "json"}:
        return Piece(HIDDEN, (segment, unquote(segment)))
    return Piece(segment)


def _tail(tail: str) -> tuple[Piece, ...]:
    """The parameters behind a host and path: `?sslmode=require&pool_size=5`, `;databaseName=shop;user=u`."""
    return tuple(
        Piece(piece) if piece in {"?", "&", ";", "#"} else _pair(piece)
        for piece in re.split(r"([?&;#])", tail)
        if piece
    )


_KEY = re.compile(r"(?P<key>\s*[A-Za-z][A-Za-z_. -]{0,40}\s*)=(?P<value>.*)", re.DOTALL)
_SERVER = re.compile(rf"(?:tcp:)?(?:{BARE_HOST}|{LABEL})(?:[,:]\d{{1,5}})?(?:\\\w{{1,30}})?")
_ABOUT_A_SERVER = re.compile(
    r"(?:server|host(?:addr|name)?|data ?source|addr(?:ess)?|network address|port|database(?: ?name)?|initial ?catalog"
    r"|db(?:name)?|user(?: ?(?:id|name))?|uid|login|account ?name|schema|endpoint|options|application_name"
    r"|sharedaccesskeyname|entitypath)",
    re.IGNORECASE,
)


def _pair(pair: str) -> Piece:
    """`key=value`, the value only where neither it nor its key is a secret."""
    found = _KEY.fullmatch(pair)
    if not found:
        return Piece(pair) if not pair.strip() else Piece(HIDDEN, (pair, unquote(pair)))
    key, value = found["key"], found["value"]
    bare = value.strip().strip("'\"")
    if inner := address(bare, any_scheme=False):
        return Piece(f"{key}={inner.shown}", tuple(secret for piece in inner.pieces for secret in piece.secrets))
    is_about_server = bool(_ABOUT_A_SERVER.fullmatch(key.strip()))
    is_name = _SERVER.fullmatch(bare) or is_made_of_words(bare)
    if not is_secret_name(key.strip()) and (not bare or is_harmless(bare) or (is_about_server and is_name)):
        return Piece(pair)
    return Piece(f"{key}={HIDDEN}", tuple(one for one in (bare, unquote(bare), unquote_plus(bare)) if one))


_SEMICOLON_KEY = re.compile(
    r"(?:^|;)\s*(?:server|host|hostname|data source|datasource|addr|address|endpoint|accountname"
    r"|defaultendpointsprotocol)\s*=",
    re.IGNORECASE,
)
_LIBPQ_KEY = re.compile(r"(?:^|\s)(?:host|hostaddr|dbname|service)\s*=")
_LIBPQ = re.compile(r"(\s*\w+\s*=\s*(?:'(?:[^'\\]|\\.)*+'|[^\s']\S*|))(?=\s|$)")
_REDIS_OPTIONS = re.compile(
    rf"(?P<hosts>(?:{BARE_HOST}|{LABEL}):\d{{2,5}}(?:,(?:{BARE_HOST}|{LABEL}):\d{{2,5}}){{0,10}})"
    r"(?P<options>(?:,\s*[A-Za-z]+=[^,]*)+)"
)
_GO_MYSQL = re.compile(
    r"(?P<userinfo>.*)@(?P<host>(?:tcp|unix)\([\w.:/-]{1,200}\))(?P<path>/[\w-]*)(?P<tail>(?:\?.*)?)", re.DOTALL
)
_ORACLE = re.compile(
    r"(?P<scheme>jdbc:oracle:\w{2,5}):(?:(?P<userinfo>.*))?@(?P<host>(?://)?[\w.-]+(?::\d{1,5})?(?:[:/][\w.]+)?)",
    re.DOTALL | re.IGNORECASE,
)
_NO_SCHEME = re.compile(rf"(?P<userinfo>[^\s@/:]+:.+)@(?P<host>(?:{BARE_HOST})(?::\d{{2,5}})?)(?P<path>(?:/[\w-]*)?)")


def connection(value: str) -> Reading | None:
    """Connection strings that are no URLs: ADO.NET's, libpq's, Redis clients', Go's and Oracle's."""
    if len(value) > LONGEST_TOKEN:
        return None
    if ";" in value and "=" in value and _SEMICOLON_KEY.search(value):
        return Reading("url", _tail(value), "ado.net")
    if _LIBPQ_KEY.search(value):
        pairs = _LIBPQ.split(value)
        if not any(between.strip() for between in pairs[::2]):
            return Reading("url", tuple(_spaced_pair(pair) for pair in pairs if pair), "libpq")
    if options := _REDIS_OPTIONS.fullmatch(value):
        pairs = [piece for piece in re.split(r"(,)", options["options"]) if piece]
        return Reading(
            "url", (Piece(options["hosts"]), *(Piece(one) if one == "," else _pair(one) for one in pairs)), "redis"
        )
    return _with_userinfo(value)


def _spaced_pair(pair: str) -> Piece:
    blanks = pair[: len(pair) - len(pair.lstrip())]
    shown = _pair(pair.lstrip())
    return Piece(f"{blanks}{shown.shown}", shown.secrets)


def _with_userinfo(value: str) -> Reading | None:
    if oracle := _ORACLE.fullmatch(value):
        start = Piece(f"{oracle['scheme']}:")
        userinfo = (oracle["userinfo"] or "").replace("/", ":", 1) or None
        pieces = (start, *(_userinfo(userinfo) or (Piece("@"),)), Piece(oracle["host"]))
        return Reading("url", pieces, "oracle", oracle["scheme"].lower(), userinfo or "")
    if mysql := _GO_MYSQL.fullmatch(value):
        pieces = (*_userinfo(mysql["userinfo"]), Piece(mysql["host"] + mysql["path"]), *_tail(mysql["tail"]))
        return Reading("url", pieces, "go mysql")
    if bare := _NO_SCHEME.fullmatch(value):
        return Reading("url", (*_userinfo(bare["userinfo"]), Piece(bare["host"] + bare["path"])))
    return None
