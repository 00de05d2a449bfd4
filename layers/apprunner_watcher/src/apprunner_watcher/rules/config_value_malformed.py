"""An address or connection string is set, and cannot be parsed or used as it is."""

import re
from collections.abc import Iterator

from apprunner_watcher.knowledge.wanted import MOST_LOOKED_AROUND, is_harmless, is_source_code
from apprunner_watcher.redaction import Variable
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

_NAMES = re.compile(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]{2,80})\b")
_MALFORMED = {"unencoded percent", "unencoded character", "quoted", "blank inside", "blank at the ends", "line break"}
# A variable that is not set gives errors about the address None: that is another rule's.
_NOTHING = re.compile(r"(?:^|[\s'\"/@:`])(?:undefined|None)(?:$|[\s'\"/:,`)])|string ''")
_INPUT_IS_NOTHING = re.compile(r"input: ['\"](?:undefined|null|None)?['\"]")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find what a client or parser says of an address that it cannot read, and the variable that holds it."""
    confidence = weight(snapshot)
    found = [
        (match, name)
        for name in RULE.application_patterns
        for match in matches.application(name)[:MOST_LOOKED_AROUND]
        if not is_harmless(match.line) and not _is_nothing(match, snapshot)
    ]
    if not found or not confidence:
        return None
    match, kind = min(found, key=lambda one: (one[1] == "address", is_source_code(one[0].line), one[0].line.at))
    variables = list(_suspects(match, snapshot))
    if kind == "address" and not variables:
        confidence = at_most(Confidence.LIKELY, confidence)
    return Finding(
        confidence,
        (Evidence.of(match.line), *(Evidence.setting(one.name, _described(one)) for one in variables[:1])),
        {
            "named": f" in {variables[0].name}" if variables else "",
            "encoding": "yes" if kind in {"unescaped", "address"} else "",
            "scheme": "yes" if kind == "scheme" else "",
            "host": "yes" if kind == "host" else "",
            "option": "yes" if kind == "option" else "",
            "service_arn": snapshot.service.arn,
        },
    )


def _is_nothing(match: Match, snapshot: Snapshot) -> bool:
    if _NOTHING.search(match.found.string[match.found.start() :]):
        return True
    # Node.js prints what it could not parse some rows below
    return any(_INPUT_IS_NOTHING.search(one.said) for one in snapshot.application_log.near(match.line, below=20))


def _suspects(match: Match, snapshot: Snapshot) -> Iterator[Variable]:
    """The variable that the line names, or the only address whose value shows by itself that it is malformed."""
    configuration = snapshot.configuration
    named = (configuration.variable(name) for name in _NAMES.findall(match.found.string))
    yield from (variable for variable in named if variable)
    malformed = [one for one in configuration.variables if one.kind == "url" and _MALFORMED & set(one.marks)]
    if len(malformed) == 1:
        yield malformed[0]


def _described(variable: Variable) -> str:
    marks = ", ".join(mark for mark in variable.marks if mark in _MALFORMED)
    return f"{variable.shown} ({marks})" if marks else variable.shown


# as variables are called that can be malformed, and no headers or codes of errors
_NAME = r"(?!HTTP_)(?=[A-Z0-9]{1,60}_)(?=[A-Z0-9_]{0,60}(?:URL|URI|DSN|HOST|PORT|KEY|SECRET|TOKEN|CONNECTION|STRING|ENDPOINT|ORIGINS?|DOMAIN|CREDENTIALS|CONFIG|JSON|REGION|DATABASE|REDIS|LEVEL|ENV|TIMEOUT|SIZE|LIMIT|INTERVAL|TTL|PEM|CERT|DB)\b)[A-Z][A-Z0-9_]{2,80}"

RULE = Rule(
    id="config-value-malformed",
    code="config-value-malformed",
    title="An address or connection string{named} cannot be used as it is",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The variable is set, but its value cannot be parsed: characters of the password that are not percent-encoded,"
        " another scheme or option than the client knows, quotes or blanks around it."
    ),
    fix=(
        Step(
            "Percent-encode user and password where they stand in a URL: % is %25, @ is %40, / is %2F.", when="encoding"
        ),
        Step(
            "Write the scheme that this client knows (postgresql:// for postgres://, jdbc:, mongodb://).", when="scheme"
        ),
        Step(
            "Give the host name alone where one is wanted: no scheme before it, no port and no path after it.",
            when="host",
        ),
        Step("Take the option that the line names out of the connection string.", when="option"),
        Step("Set the value without quotes, blanks and line breaks around it.", CHANGE_SOURCE_CONFIGURATION),
    ),
    false_alarms="The address of one request may be malformed as well: that ends no application.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        # the application names its variable
        "named": (
            rf"(?:[Ii]nvalid|[Mm]alformed|INVALID|[Bb]ad)(?: value (?:for|of)| format (?:for|of)| (?:environment|env) var(?:iable)?)?:? [`'\"]?{_NAME}[`'\"]?(?!=)(?: |:|$|\.|,)"
            rf"|(?:[Cc]ould not|[Cc]annot|[Cc]an't|[Uu]nable to|[Ff]ailed to|[Ee]rror) (?:parse|parsing|decode|decoding) (?:the )?(?:environment variable |env var )?[`'\"]?{_NAME}\b(?!=)"
            rf"|\b{_NAME}[`'\"]?:? (?:environment variable |env var )?(?:is (?:not (?:a )?(?:valid|well[- ]formed|parse?able)|invalid|malformed|badly formatted)|has (?:an )?invalid|could not be parsed|must (?:be (?:a )?valid (?:URL|URI|url|uri|JSON|json|number|integer|port|connection string|host|domain|email|base64)|start with|begin with)|contains invalid)"
        ),
        "unescaped": (
            # MongoDB's drivers
            r"(?:Password|Username) contains (?:unescaped|an illegal unescaped) characters|must be escaped according to RFC 3986|[Uu]nescaped (?:slash|at-sign|colon|@ sign)|contains invalid user information|illegal unescaped"
            # Node.js, configparser and Alembic, libpq, Go, Ruby, dj-database-url
            r"|URIError: URI malformed|invalid interpolation syntax|invalid percent-encoded token|net/url: invalid userinfo|invalid URL escape \"|the scheme \w+ does not accept registry part|This string is not a valid url, possibly because some of its parts"
        ),
        "scheme": (
            # SQLAlchemy, Django, Celery, Redis
            r"Can't load plugin: sqlalchemy\.dialects:(?!snowflake|redshift|bigquery|cockroachdb|clickhouse|duckdb|databricks|awsathena|trino|teradata|hana|db2|ibm_db|vertica|libsql|access|firebird|\w+\.(?:psycopg|asyncpg|aiomysql|asyncmy|aiosqlite|oracledb)\b)|asyncio extension requires an async driver to be used|UnknownSchemeError|Scheme '[^']*' is unknown|isn't an available database backend|No such transport: |Redis URL must specify one of the following schemes|redis: invalid URL scheme|Invalid URI scheme: URI must begin with"
            # Prisma, MongoDB
            r"|the URL must start with the protocol|Invalid scheme, expected connection string to start with|scheme must be \\?\"mongodb|Connection strings must start with either 'mongodb|invalid DSN: scheme is expected"
            # Symfony
            r"|The \"[\w+-]*\" scheme is not supported"
            # addresses of listeners of Go; Laravel
            r"|(?:listen|dial) tcp[46]?: (?:address [^\s$]{0,200}: (?:missing port in address|too many colons in address)|lookup tcp/[^\s$]{0,200}: unknown port)|(?:listen|dial) tcp[46]?: address [^\s$]{0,100}: invalid port|Database connection \[\w*\] not configured|(?:Cache store|Mailer|Queue connection|Disk|Broadcast connection) \[\w*\] (?:is not defined|does not have a configured driver)|Driver \[\w+\] (?:is )?not supported|No connector for \[\w*\]|unsupported (?:database )?scheme\b"
            # JDBC, Rails, golang-migrate, AMQP, Laravel
            r"|claims to not accept jdbcUrl|URL must start with '?jdbc|does not start with the r2dbc scheme|No suitable driver(?! module| found for jdbc:(?:postgresql|mysql|mariadb|sqlserver|clickhouse|redshift|vertica)://)|specifies nonexistent '?\w+'? (?:database )?adapter|database driver: unknown driver|source driver: unknown driver|AMQP scheme must be either|Unsupported driver \[|Expected amqp: or amqps: (?:as the )?protocol|Unknown database dialect|The dialect \w+ is not supported"
        ),
        # an address where a host name alone is wanted, or what a password with an @ leaves of it; old Node.js prints "host host:port"
        "host": (
            r"\b(?:ENOTFOUND|EAI_AGAIN) (?:https?(?::|/|\s|$)|[a-z0-9+]{2,20}://|[\w.-]{1,200}[:/]\d{2,5}\b)|translate host name \"\w{2,20}://|\blookup \w{2,20}://[^\n]{0,100}: no such host"
            r"|translate host name \"[^\"\n]{0,200}@|\b(?:ENOTFOUND|EAI_AGAIN) [^\s@]{1,100}@|[Uu]nknown (?:MySQL )?server host '[^'\n]{0,200}@|\blookup [^\s@]{1,100}@[\w.-]{1,200}(?: on \S{1,60})?: no such host"
        ),
        "option": (
            r"connect\(\) got an unexpected keyword argument '(?:sslmode|ssl_mode|ssl-mode|sslrootcert|channel_binding|pgbouncer|schema|connection_limit|charset|ssl|options|connect_timeout|sslaccept)'|invalid connection option \"|invalid URI query parameter|invalid (?:dsn: invalid )?sslmode value|unsupported sslmode|unrecognized configuration parameter \"(?:schema|pgbouncer|sslaccept|connection_limit)"
            r"|Retryable writes are not supported|does not support retryable writes|MongoParseError: (?:options? )?[\w, ]{1,120}(?:is|are) not supported|Keyword (?:'[^']+' is )?not supported|parameter \"\w+\" requires a \w+ value|Option '[^']+' not supported|Couldn't set \w[\w ]{0,30} \(Parameter|unsupported startup parameter|unknown option \"\w+\" in (?:DSN|connection)"
        ),
        "connection_string": (
            # Prisma, SQLAlchemy, libpq, asyncpg, pgx
            r"provided database string is invalid|invalid port number in database URL|Error parsing connection string|Could not parse (?:SQLAlchemy|rfc1738) URL from|[Ii]nvalid (?:dsn|DSN): |missing \\?\"=\\?\" after|invalid integer value \"[^\"]*\" for connection option|failed to parse as (?:URL|keyword/value|DSN)|invalid connection string\b"
            # MongoDB
            r"|mongodb\+srv URI cannot have|MongoParseError: |pymongo\.errors\.InvalidURI|error parsing uri: (?!lookup )|The connection string is invalid|The connection string contains |MongoDB\.Driver\.MongoConfigurationException"
            # Go's MySQL, .NET, JDBC, Ecto, Symfony, Rust, Redis, Kafka
            r"|missing the slash separating the database name|did you forget to escape a param value|default addr for network '[^']*' unknown|Format of the initialization string does not conform|Malformed database URL|Invalid JDBC URL|URL format error; must be |PSQLException: Unable to parse URL|JDBC URL[^\n]{0,60}\b(?:invalid|malformed)|Ecto\.InvalidURLError|path should contain the database name|MalformedDsnException|DSN is invalid|Malformed parameter \"url\"|error with configuration: |RelativeUrlWithoutBase|relative URL without a base|Configuration\((?:Invalid|Empty|Relative)|due invalid URI|Invalid (?:redis|Redis) (?:URL|URI)|Invalid url in bootstrap\.servers"
            # object stores, Azure, Sentry
            r"|Invalid endPoint : |path in endpoint is not allowed|Endpoint url cannot have fully qualified paths|Connection string is either blank or malformed|Settings must be of the form \"name=value\"|No valid combination of account information found|connection string used for an? [\w ]{1,40} client must specify|BadDsn: |Invalid Sentry Dsn|SentryError: Invalid|Invalid DSN\b"
            # Symfony, redis-rb, SmallRye's and Hasura's addresses, Supabase
            r"|The (?:\"\w+\" )?(?:mailer|notifier|messenger|lock|cache|\w+) DSN is invalid|ArgumentError: invalid (?:URL|uri|url)\b|[Ii]nvalid (?:connection|database|db|supabase|base|redis|mongo(?:db)?|postgres(?:ql)?|mysql|server|site|api|webhook|public|app|service|amqp|broker|rabbitmq|issuer|callback|nats|kafka) ?(?:url|URL|Url|uri|URI|dsn|DSN)\b(?! (?:provided )?in request)|Vapid subject is not a valid URL|ASPNETCORE_URLS|FormatException: Invalid url|Unrecognized scheme in server address"
        ),
        # an address of any kind: likely, where no variable is seen to hold it
        "address": (
            r"TypeError(?: \[ERR_INVALID_URL\])?: Invalid URL|TypeError: Failed to parse URL|TypeError: Invalid protocol$|\bInvalid URL: |code: 'ERR_INVALID_URL'|Port could not be cast to integer value|Invalid IPv6 URL|Port out of range 0-65535|nonnumeric port|\bparse \\?\"[^\n]{0,300}\": (?:invalid port|first path segment in URL|missing protocol scheme|invalid character|net/url)|URISyntaxException|IllegalArgumentException: Illegal character in \w+ at index|MalformedURLException|Invalid URI: (?!The URI is empty)|UriFormatException|URI::InvalidURIError|bad URI ?\(is not URI\?\)|no protocol: |httpx\.UnsupportedProtocol|MissingSchema: Invalid URL|unsupported protocol scheme|ERR_INVALID_PROTOCOL|Only absolute URLs are supported|Only HTTP\(S\) protocols are supported|AddrParseError|invalid socket address syntax|with 'idna' codec failed|label (?:empty or )?too long|(?:Illegal|Invalid) header value b'|Invalid leading whitespace, reserved character|invalid header field value for \"|Invalid character in header content \[\"(?:[Aa]uthorization|x-api-key|api-key)|ERR_INVALID_CHAR|Invalid endpoint: |doesn't match a supported format\.|InvalidRegionError|endpoint URL: \"https://[\w-]+\.\.amazonaws|InvalidEndpoint|Expected scheme-specific part"
        ),
    },
)
