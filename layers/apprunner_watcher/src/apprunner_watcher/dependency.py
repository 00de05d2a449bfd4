"""Here you find what the service depends on: hosts and ports in its environment, and what AWS knows of them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, NamedTuple

from apprunner_watcher.missing import Missing
from apprunner_watcher.redaction import Variable

Protocol = Literal[
    "postgres", "mysql", "sqlserver", "oracle", "redis", "memcached", "mongodb", "amqp", "kafka", "http", ""
]
"""What is spoken there; empty where the environment does not say."""

ResourceKind = Literal[
    "RDS instance",
    "RDS cluster",
    "RDS proxy",
    "ElastiCache cluster",
    "ElastiCache replication group",
    "ElastiCache serverless cache",
]


@dataclass(frozen=True, slots=True)
class Resource:
    """A database or cache of this account and Region that a host name belongs to."""

    kind: ResourceKind
    id: str
    status: str  # RDS's and ElastiCache's own words: available, creating, stopped …
    engine: str
    engine_version: str
    port: int | None
    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    is_public: bool | None = None  # PubliclyAccessible; None where the kind has no such setting, or AWS does not say
    demands_tls: bool | None = None  # None where that could not be told
    demands_password: bool | None = None
    unread: tuple[Missing, ...] = ()  # why vpc_id, subnets, groups or demands_tls are empty where AWS has them


@dataclass(frozen=True, slots=True)
class Dependency:
    """A host and port that the environment names. `resource` is None where the name is none that AWS gives.

    Missing where it is such a name and the resource could not be read, or is not in this account and Region.
    """

    host: str
    port: int | None
    protocol: Protocol
    variables: tuple[str, ...]  # names of the environment variables that say so
    uses_tls: bool | None = None  # what the URL asks for: rediss://, sslmode=require; None where it does not say
    resource: Resource | Missing | None = None

    def __str__(self) -> str:
        """The host's first label and the port: what a reader recognises."""
        name = self.host.partition(".")[0] if not self.host[:1].isdigit() else self.host
        return f"{name}:{self.port}" if self.port else name


def default_port(protocol: Protocol) -> int | None:
    """The port where a driver looks when it is told none; 80 for http, None where the protocol is not known."""
    return next((port for port, of in _PROTOCOLS_OF_PORTS.items() if of == protocol), None)


def named(variables: Iterable[Variable]) -> tuple[Dependency, ...]:
    """What the environment names, from its redacted values: databases first, then caches, brokers and the web.

    Left out are the service's own addresses, files, and what cannot be understood. At most 40.
    """
    environment = _Environment(variables)
    return tuple(sorted(_merged(environment.places()), key=_rank)[:_MOST])


_MOST = 40
_LONGEST_VALUE = 1_000  # characters
_HIGHEST_PORT = 65_535
_ORDER: tuple[Protocol, ...] = (
    *("postgres", "mysql", "sqlserver", "oracle", "mongodb"),
    *("redis", "memcached"),
    *("amqp", "kafka"),
    "",
    "http",
)

# The first port of a protocol is its default.
_PROTOCOLS_OF_PORTS: dict[int, Protocol] = {
    5432: "postgres",
    3306: "mysql",
    1433: "sqlserver",
    1521: "oracle",
    27017: "mongodb",
    6379: "redis",
    6380: "redis",
    11211: "memcached",
    5672: "amqp",
    5671: "amqp",
    # https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html
    9092: "kafka",
    9094: "kafka",
    9096: "kafka",
    9098: "kafka",
    80: "http",
    443: "http",
}


class _Scheme(NamedTuple):
    """What a URL's scheme says; the port is the protocol's default where it is None."""

    protocol: Protocol
    uses_tls: bool | None = None
    port: int | None = None


_SCHEMES = {
    "postgres": _Scheme("postgres"),
    "postgresql": _Scheme("postgres"),
    "postgis": _Scheme("postgres"),
    "pgsql": _Scheme("postgres"),
    "mysql": _Scheme("mysql"),
    "mysql2": _Scheme("mysql"),
    "mariadb": _Scheme("mysql"),
    "sqlserver": _Scheme("sqlserver"),
    "mssql": _Scheme("sqlserver"),
    "sqlsrv": _Scheme("sqlserver"),
    "oracle": _Scheme("oracle"),
    "redis": _Scheme("redis", uses_tls=False),
    "rediss": _Scheme("redis", uses_tls=True),
    "valkey": _Scheme("redis", uses_tls=False),
    "valkeys": _Scheme("redis", uses_tls=True),
    "memcached": _Scheme("memcached"),
    "memcache": _Scheme("memcached"),
    "mongodb": _Scheme("mongodb"),
    "mongodb+srv": _Scheme("mongodb", uses_tls=True),  # https://www.mongodb.com/docs/manual/reference/connection-string
    "amqp": _Scheme("amqp", uses_tls=False),
    "pyamqp": _Scheme("amqp"),
    "amqps": _Scheme("amqp", uses_tls=True, port=5671),
    "kafka": _Scheme("kafka"),
    # Kafka's security.protocol: https://kafka.apache.org/documentation/#listener_configuration
    "plaintext": _Scheme("kafka", uses_tls=False),
    "sasl_plaintext": _Scheme("kafka", uses_tls=False),
    "ssl": _Scheme("kafka", uses_tls=True),
    "sasl_ssl": _Scheme("kafka", uses_tls=True),
    "http": _Scheme("http", uses_tls=False),
    "https": _Scheme("http", uses_tls=True, port=443),
}
_PROTOCOLS_OF_NAMES: tuple[tuple[Protocol, re.Pattern[str]], ...] = (
    ("postgres", re.compile(r"POSTGRES|PSQL|(?:^|_)PG(?=_|HOST|BOUNCER|$)")),
    ("mysql", re.compile(r"MYSQL|MARIADB")),
    ("sqlserver", re.compile(r"MSSQL|SQL_?SERVER")),
    ("oracle", re.compile(r"ORACLE")),
    ("mongodb", re.compile(r"MONGO")),
    ("redis", re.compile(r"REDIS|VALKEY")),
    ("memcached", re.compile(r"MEMCACHE")),
    ("amqp", re.compile(r"RABBIT|AMQP")),
    ("kafka", re.compile(r"KAFKA|BOOTSTRAP_?SERVERS")),
)

# Where the service itself is, or whom it lets in: a URL that it hands out and does not call. One such word is enough …
_HANDED_OUT = re.compile(
    r"(?:.*_)?(?:ALLOWED|ASSETS|BIND|CALLBACK|CANCEL|CANONICAL|COOKIE|CORS|CSRF|FRONTEND|LISTEN|LOGO|NEXTAUTH|ORIGINS?|PHX"
    r"|PRIVACY|PUBLIC|REDIRECT|RETURN|STATIC|SUCCESS|TERMS|TRUSTED|VIRTUAL|VITE)(?:_.*)?"
)
# … or nothing but such words: APP_URL, SERVER_ADDRESS, HOST. OPENAI_BASE_URL has another one, and is called.
_OWN = re.compile(
    r"(?:(?:ADDR|ADDRESS|APP|APPLICATION|AUTH|BASE|CLIENT|DASHBOARD|DOMAIN|EXTERNAL|FRONT|END|HOST|HOSTNAME|HOSTS|HTTPS?"
    r"|NAME|NO|PROXY|ROOT|SELF|SERVER|SERVICE|SITE|UI|URI|URL|WEB|WEBAPP|WEBSITE)(?:_|$))+"
)
_CALLED_ALL_THE_SAME = frozenset({"HTTP_PROXY", "HTTPS_PROXY"})

_HOST_NAMES = re.compile(r"(?P<prefix>.*?)_?HOST(?:NAME)?S?")
_ADDRESS_NAMES = re.compile(
    r"(?P<prefix>.*?)_?(?:ENDPOINT|(?:BOOTSTRAP_?)?SERVER|BROKER|NODE|ADDR|ADDRESS|URL|URI|DSN)(?:E?S)?"
)
_PORT_NAMES = re.compile(r"(?P<prefix>.*?)_?PORT")
_TLS_NAMES = re.compile(
    r"(?P<prefix>.*?)_?(?:USE_|REQUIRE_|ENABLE_)?(?:SSL|TLS)(?:_?(?:MODE|ENABLED?|REQUIRED?|ON))?",
)
_TLS_OPTIONS = frozenset({"ssl", "tls", "sslmode", "usessl", "usetls", "requiressl", "encrypt", "sslenabled"})
# https://www.postgresql.org/docs/current/libpq-ssl.html, and the words of the drivers of MySQL, MongoDB and SQL Server
_TLS = re.compile(r"require|required|verifyca|verifyfull|verifyidentity|noverify|true|1|yes|on|strict")
_NO_TLS = re.compile(r"disabled?|false|0|no|off|none")

_NEXT_URL = re.compile(r"[,;\s]+(?=[a-z][\w+.-]*://)", re.IGNORECASE)
_URL = re.compile(r"(?P<scheme>[a-z][\w+.:@-]*)://(?P<authority>[^/?#;\s]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_OPTION = re.compile(r"[?&;,]\s*(?P<key>[\w -]{1,40})=(?P<value>[^&;,#]*)")
_ORACLE_THIN = re.compile(r"jdbc:oracle:\w+:[^@]*@(?://)?(?P<address>[^/:\s]+(?::\d+)?)(?:[:/].*)?", re.IGNORECASE)
_GO_MYSQL = re.compile(r"[^()]*@tcp\((?P<address>[^()]+)\)(?P<rest>.*)", re.DOTALL)
_PHP_DSN = re.compile(r"(?P<scheme>mysql|pgsql|sqlsrv):(?=\w+=)", re.IGNORECASE)
_LIBPQ_PAIR = re.compile(r"(?P<key>\w+)\s*=\s*(?P<value>'[^']*'|[^\s']\S*)")
_HOST_KEYS = ("host", "hostname", "server", "datasource", "addr", "address", "networkaddress")
_OTHER_KEYS = frozenset(
    {"database", "dbname", "initialcatalog", "password", "port", "pwd", "sslmode", "uid", "user", "userid", "username"}
)
_SQL_SERVER_KEYS = frozenset(
    {"encrypt", "initialcatalog", "integratedsecurity", "multipleactiveresultsets", "trustservercertificate"}
)

_ADDRESS = re.compile(
    r"(?:tcp:(?://)?)?(?:\[(?P<ipv6>[0-9a-f:.]{2,45})\]|(?P<host>[\w.-]{1,253}))"
    r"(?:\\[\w$-]+)?(?::(?P<port>\d{1,5})(?:/[\w./-]*)?)?",
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_AWS_HOST = re.compile(r"\.(?:rds|cache)\.(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")
_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # nothing is bound here: it is what a service binds to
_NO_HOSTS = re.compile(
    r"(?:en|dis)abled?|true|false|none|null|nil|undefined|unset|off|on|yes|no|memory|inmemory|changeme|todo|default"
)
_FILES = (".db", ".sqlite", ".sqlite3", ".mdf")


class _Address(NamedTuple):
    host: str
    port: int | None


class _Place(NamedTuple):
    """A host and port that one variable names."""

    host: str
    port: int | None
    protocol: Protocol
    uses_tls: bool | None
    variable: str


class _Told(NamedTuple):
    """What a value itself says of an address; the rest is in its variable's name, and in its neighbours."""

    address: _Address
    scheme: _Scheme | None = None
    uses_tls: bool | None = None


class _Environment:
    """The variables, with what ports and TLS settings say about their neighbours."""

    def __init__(self, variables: Iterable[Variable]) -> None:
        """`variables`: redacted."""
        self._variables = [(one.name, _plain(one.name), _bare(one.shown)) for one in variables]
        self._ports: dict[str, int] = {}
        self._tls: dict[str, bool] = {}
        for _, name, value in self._variables:
            if (named := _PORT_NAMES.fullmatch(name)) and (port := _port(value)):
                self._ports[named["prefix"]] = port
            if (named := _TLS_NAMES.fullmatch(name)) and (says := _tls_word(value)) is not None:
                self._tls[named["prefix"]] = says

    def places(self) -> Iterator[_Place]:
        """Every address that a variable names."""
        for name, plain, value in self._variables:
            is_own = _is_own(plain)
            for told in _told(plain, value):
                place = self._place(name, plain, told)
                if not is_own or place.protocol not in {"", "http"}:
                    yield place

    def _place(self, name: str, plain: str, told: _Told) -> _Place:
        (host, port), scheme, _ = told
        prefix = _prefix(plain)
        protocol: Protocol = scheme.protocol if scheme else _protocol_of(plain)
        port = port or (self._ports.get(prefix) if prefix else None)
        protocol = protocol or _PROTOCOLS_OF_PORTS.get(port or 0, "")
        port = port or (scheme.port if scheme else None) or default_port(protocol)
        return _Place(host, port, protocol, self._uses_tls(prefix, protocol, told), name)

    def _uses_tls(self, prefix: str, protocol: Protocol, told: _Told) -> bool | None:
        """The URL's option, then a scheme for TLS, then settings beside it, then a scheme without TLS."""
        of_scheme = told.scheme.uses_tls if told.scheme else None
        if told.uses_tls is not None or of_scheme or protocol == "http":
            return of_scheme if told.uses_tls is None else told.uses_tls
        prefixes = ["DB", "DATABASE"] if prefix in {"DB", "DATABASE"} else [prefix] if prefix else []
        if protocol == "postgres":
            prefixes.append("PG")  # libpq reads PGSSLMODE whatever else it is told
        return next((self._tls[one] for one in prefixes if one in self._tls), of_scheme)


def _told(name: str, value: str) -> list[_Told]:
    """The addresses in a value, by the form that it has."""
    if oracle := _ORACLE_THIN.fullmatch(value):
        return _with(oracle["address"], _SCHEMES["oracle"], None)
    if go := _GO_MYSQL.fullmatch(value):
        return _with(go["address"], _SCHEMES["mysql"], _tls_in(go["rest"]))
    if "://" in value:
        return [told for url in _NEXT_URL.split(value) for told in _told_by_url(url)]
    if "=" in value and (told := _told_by_pairs(value)):
        return told
    addresses = [part for part in re.split(r"[,;\s]+", value) if "=" not in part]
    uses_tls = _tls_in(value)  # host:6379,password=***,ssl=True
    return [
        _Told(address, uses_tls=uses_tls)
        for address in map(_address, addresses)
        if address and _is_address(name, address)
    ]


def _told_by_url(text: str) -> list[_Told]:
    url = _URL.fullmatch(text)
    if not url:
        return []
    scheme = _scheme(url["scheme"])
    _, signed_in, authority = url["authority"].rpartition("@")
    told = _with(authority, scheme, _tls_in(url["rest"]))
    # another scheme, say s3://bucket or sqlite://file, is of the network where it comes with a port or a user
    return [one for one in told if scheme or signed_in or one.address.port]


def _scheme(text: str) -> _Scheme | None:
    """The scheme of a URL with its driver: postgresql+psycopg2, jdbc:aws-wrapper:mysql, mongodb+srv."""
    words = text.lower().split(":")
    names = [name for word in words for name in (word, word.partition("+")[0])]
    return next((_SCHEMES[name] for name in names if name in _SCHEMES), None)


def _told_by_pairs(value: str) -> list[_Told]:
    """A connection string of ADO.NET (`Server=…;Port=…`), PHP (`mysql:host=…`) or libpq (`host=… port=…`)."""
    php = _PHP_DSN.match(value)
    text = value[php.end() :] if php else value
    if ";" in text:
        split = [part.partition("=") for part in text.split(";")]
        pairs = {_key(key): inner.strip() for key, _, inner in split}
    else:
        pairs = {_key(one["key"]): one["value"].strip("'") for one in _LIBPQ_PAIR.finditer(text)}
    addresses = next((pairs[key] for key in _HOST_KEYS if pairs.get(key)), "")
    if not addresses or not _OTHER_KEYS & pairs.keys() or addresses.lower().endswith(_FILES):
        return []
    said = (tls for key in _TLS_OPTIONS if (tls := _tls_word(pairs.get(key, ""))) is not None)
    scheme = _scheme(php["scheme"]) if php else _scheme_of_keys(pairs, is_ado=";" in text)
    port = pairs.get("port", "")
    # SQL Server writes host,port; the others write lists so
    addresses = re.sub(r",\s*(\d+)$", r":\1", addresses)
    told = _with(addresses, scheme, next(said, None))
    return [one._replace(address=_Address(one.address.host, one.address.port or _port(port))) for one in told]


def _scheme_of_keys(pairs: Mapping[str, str], *, is_ado: bool) -> _Scheme | None:
    if _SQL_SERVER_KEYS & pairs.keys():
        return _SCHEMES["sqlserver"]
    is_postgres = "host" in pairs if is_ado else "dbname" in pairs  # Npgsql says Host, the others Server
    return _SCHEMES["postgres"] if is_postgres and pairs.get("port", "5432") == "5432" else None


def _with(addresses: str, scheme: _Scheme | None, uses_tls: bool | None) -> list[_Told]:  # noqa: FBT001  # three answers
    found = map(_address, addresses.split(","))
    return [_Told(address, scheme, uses_tls) for address in found if address]


def _address(text: str) -> _Address | None:
    """`host`, `host:port`, `[IPv6]:port`; None where it is none that a packet could be sent to."""
    parts = _ADDRESS.fullmatch(text.strip())
    if not parts:
        return None
    host = _host(parts["ipv6"] or parts["host"])
    port = _port(parts["port"]) if parts["port"] else None
    return _Address(host, port) if host and (port or not parts["port"]) else None


def _host(text: str) -> str:
    """The host in lower case, empty where it is none."""
    host = text.lower().rstrip(".")
    if host in _ANYWHERE or _NO_HOSTS.fullmatch(host):
        return ""
    if re.fullmatch(r"[0-9.]+|.*:.*", host):
        try:
            return str(ip_address(host))
        except ValueError:
            return ""
    return host if _HOST.fullmatch(host) and re.search(r"[a-z]", host) else ""


def _is_address(name: str, address: _Address) -> bool:
    """Whether a value without a scheme is an address: many a word looks like a host."""
    host, port = address
    if _AWS_HOST.search(host) or _HOST_NAMES.fullmatch(name):
        return True
    is_whole = "." in host or ":" in host or host == "localhost"
    if _ADDRESS_NAMES.fullmatch(name) and (port or is_whole):
        return True
    return bool(port and is_whole)


def _is_own(plain: str) -> bool:
    """Whether the variable of that name says where the service itself is, or whom it lets in."""
    return plain not in _CALLED_ALL_THE_SAME and bool(_HANDED_OUT.fullmatch(plain) or _OWN.fullmatch(plain))


def _plain(name: str) -> str:
    """A variable's name as SCREAMING_SNAKE_CASE: spring.datasource.url, App__PublicUrl."""
    return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()).strip("_")


def _bare(shown: str) -> str:
    """A value without the blanks and quotes that somebody put around it."""
    return shown.strip().strip("\"'`").strip()[:_LONGEST_VALUE]


def _prefix(plain: str) -> str:
    """What stands before HOST or URL, and would before PORT and TLS."""
    named = _HOST_NAMES.fullmatch(plain) or _ADDRESS_NAMES.fullmatch(plain)
    return named["prefix"] if named else ""


def _protocol_of(plain: str) -> Protocol:
    return next((protocol for protocol, pattern in _PROTOCOLS_OF_NAMES if pattern.search(plain)), "")


def _port(text: str) -> int | None:
    is_number = re.fullmatch(r"[0-9]{1,5}", text)
    return int(text) if is_number and 0 < int(text) <= _HIGHEST_PORT else None


def _key(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).lower()


def _tls_word(text: str) -> bool | None:
    word = _key(text)
    return True if _TLS.fullmatch(word) else False if _NO_TLS.fullmatch(word) else None


def _tls_in(options: str) -> bool | None:
    """What the options of a URL say of TLS."""
    said = (_tls_word(one["value"]) for one in _OPTION.finditer(options) if _key(one["key"]) in _TLS_OPTIONS)
    return next((says for says in said if says is not None), None)


def _merged(places: Iterable[_Place]) -> list[Dependency]:
    """One dependency for each host and port; a host without a port joins the one that has one."""
    ordered = sorted(places, key=lambda place: place.port is None)
    merged: dict[tuple[str, int | None], list[_Place]] = {}
    for place in ordered:
        ports = [port for host, port in merged if host == place.host]
        port = place.port or (ports[0] if len(ports) == 1 else None)
        merged.setdefault((place.host, port), []).append(place)
    return [_dependency(host, port, same) for (host, port), same in merged.items()]


def _dependency(host: str, port: int | None, places: list[_Place]) -> Dependency:
    says = {place.uses_tls for place in places} - {None}
    return Dependency(
        host=host,
        port=port,
        protocol=next((place.protocol for place in places if place.protocol), ""),
        variables=tuple(dict.fromkeys(place.variable for place in places)),
        uses_tls=says.pop() if len(says) == 1 else None,  # two that contradict each other say nothing
    )


def _rank(dependency: Dependency) -> tuple[int, str, int]:
    return _ORDER.index(dependency.protocol), dependency.host, dependency.port or 0
