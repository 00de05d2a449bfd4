"""The database or cache refuses a connection that is not encrypted, or the encryption cannot be agreed on."""

import re

from apprunner_watcher.dependency import Dependency
from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.missing import Missing
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Occasion, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the server's refusal of a plain connection, or the failed TLS set-up with a database, cache or broker."""
    if found := proved(snapshot, matches.application("refused")):
        return _finding(*found)
    certificates = matches.application("certificate")
    failed = (*certificates, *matches.application("handshake"))
    if found := proved(snapshot, [match for match in failed if _names_client(match.line.said)]):
        return _finding(*found)
    unnamed = [match for match in failed if not _is_of_other_client(snapshot, match)]
    if (found := proved(snapshot, unnamed)) and (finding := _unnamed(snapshot, *found, matches)):
        return finding
    return _truncated(snapshot, matches)


def _finding(match: Match, confidence: Confidence) -> Finding:
    return Finding(confidence, (Evidence.of(match.line),))


def _unnamed(snapshot: Snapshot, match: Match, confidence: Confidence, matches: Matches) -> Finding | None:
    """The certificate of something else is refused in the same words: a client must be named beside it."""
    near = snapshot.application_log.near(match.line, above=20, below=20)
    frame = next((frame.line for frame in matches.application("frame") if frame.line in near), None)
    if frame:
        evidence = (Evidence.of(match.line), Evidence.of(frame))
        return Finding(at_most(Confidence.LIKELY, confidence), evidence)
    if not snapshot.has_ended or match not in matches.application("certificate"):
        return None
    dependencies = [one for one in _dependencies(snapshot) if one.protocol not in {"", "http"}]
    return Finding(Confidence.LIKELY if dependencies else Confidence.POSSIBLE, (Evidence.of(match.line),))


def _truncated(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """PostgreSQL says at the end of the line whether there was encryption: it may be cut off."""
    found = proved(snapshot, matches.application("no_entry"))
    return Finding(Confidence.POSSIBLE, (Evidence.of(found[0].line),)) if found else None


def _dependencies(snapshot: Snapshot) -> tuple[Dependency, ...]:
    dependencies = snapshot.parts.dependencies  # helpful, and not needed
    return () if isinstance(dependencies, Missing) else dependencies


def _names_client(text: str) -> bool:
    return bool(_CLIENT.search(text)) and ("https://" not in text or bool(_OVER_HTTPS.search(text)))


def _is_of_other_client(snapshot: Snapshot, match: Match) -> bool:
    near = snapshot.application_log.near(match.line, above=3, below=15)
    return any(_OTHER_CLIENT.search(line.text) for line in near)


_CLIENT = re.compile(
    r"postgres|psycopg|asyncpg|\bpgx|\bpq:|sequelize|prisma|P1011|typeorm|knex|sqlalchemy|mysql|mariadb|mongo|redis|valkey|sqlstate|hy000"
    r"|connection to server at|\.(?:rds|cache|docdb)\.amazonaws\.com|\bsql[ :]|odbc|jdbc|hikari|sqlclient|tedious|npgsql|kafka|amqp|rabbit|kombu"
    r"|celery|\bPDO\b|mysqli|elastic(?:search|_transport)|opensearch|cassandra|ServerSelection|(?:connect to|initiali[sz]e|open|ping|communicating with) (?:the )?(?:database|db)\b|:(?:5432|3306|6379|6380|27017|5671|9094|9096|1433|9200)\b",
    re.IGNORECASE,
)
_OVER_HTTPS = re.compile(r"elastic(?:search|_transport)|opensearch|:9200\b", re.IGNORECASE)
_OTHER_CLIENT = re.compile(
    r"https?://|undici|axios|node-fetch|FetchError|fetch failed|/got/|superagent|nodemailer|ESOCKET|\bsmtp|googleapis"
    r"|requests\.exceptions|urllib|httpx|httpcore|aiohttp|HTTPSConnectionPool|Net::HTTP|[Ff]araday|cURL error|[Gg]uzzle|HttpRequestException"
    r"|okhttp|RestTemplate|WebClient|HttpClient|\bGet \"|\bPost \"|grpc|\bldaps?\b|otlp|opentelemetry|sentry",
)

RULE = Rule(
    id="tls-required",
    code="tls-required",
    title="The application and the database or cache do not agree on TLS",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "service_log"}),
    why=(
        "The server accepts TLS only (on RDS: rds.force_ssl, require_secure_transport) and the client connects"
        " without it; or the client does not trust its certificate, or demands TLS of a server that has none."
    ),
    fix=(
        Step(
            "Turn TLS on in the client: `sslmode=require` (libpq), `ssl: true` (node-postgres), `?ssl=true`, `rediss://`."
            " Turn it off where the server says that it does not support it."
        ),
        Step(
            "Let the client trust Amazon's certificate authority: put the RDS bundle into the image and name it"
            " (sslrootcert, ssl.ca), rather than switch verification off.",
            "curl -fsSO https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
        ),
    ),
    false_alarms=(
        "`no pg_hba.conf entry … SSL on` refuses the user or address, not the lack of encryption. The certificate of"
        " another HTTPS service may be refused with the same words."
    ),
    docs="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html",
    rollback="helps",
    check=check,
    application_patterns={
        "refused": (
            # PostgreSQL, Neon, Cloud SQL, RDS Proxy
            r"no pg_hba\.conf entry for (?:host|replication connection)[^\n]{0,250}(?:no encryption|SSL off)"
            r"|connection is insecure \(try using `?sslmode|connection requires a valid client certificate|RDS [Pp]roxy requires TLS"
            # libpq, node-postgres, lib/pq, pgx, asyncpg, tokio-postgres, pgjdbc, Npgsql
            r"|server does not support SSL|does not support SSL connections|SSL is not enabled on the server|server refused TLS connection"
            r"|rejected SSL upgrade|server does not support TLS|No SSL enabled connection from this host|root certificate file \"[^\"]{0,300}\" does not exist|Could not open SSL root certificate file"
            r"|ConnectionError\) ssl connect(?: \([^)\n]{1,200}\))?: |server certificate for \"[^\"]{0,255}\" does not match host name|[Ss]erver refused SSL|Postgrex\.Error\) ssl not available"
            # MySQL, MariaDB, PlanetScale, TiDB, Azure
            r"|Authentication requires secure connection|Connections using insecure transport are prohibited|\bER_SECURE_TRANSPORT_REQUIRED\b|SSL connection is required\b"
            r"|server does not allow insecure connections|SSL connection error: |MySqlException[^\n]{0,40}: SSL Connection error|TLS/SSL error: |HANDSHAKE_NO_SSL_SUPPORT"
            r"|Server does not support secure conn|Cannot connect to MySQL (?:by )?using SSL|SSL Authentication Error|TLS requested but server does not support TLS"
            # Prisma, sqlx
            r"|\bP1011\b|Error opening a TLS connection|attempting to establish a TLS connection"
            # SQL Server
            r"|certificate chain was issued by an authority that is not trusted|SSL Provider[:,]|Server requires encryption, set 'encrypt'"
            r"|could not establish a secure connection to SQL Server|error: 31 - Encryption|Encryption is required to connect to this server"
            # StackExchange.Redis, NATS, Kafka
            r"|client certificates\) are configured correctly:? \((?:IO|Authentication)Exception|AuthenticationFailure \(SSL\)"
            r"|nats: secure connection (?:required|not available)|Secure Connection - TLS Required|SslAuthenticationException\b|KafkaJSConnectionError: [^\n]{0,80}certificate"
            # the file of certificate authorities that the client is told of
            r"|(?:ENOENT|FileNotFound|[Nn]o such file|failed to open|unable to read)[^\n]{0,120}(?:rds-combined-ca|combined-ca-bundle|global-bundle|rds-ca-\d|DigiCertGlobalRoot|BaltimoreCyberTrust)[\w.-]{0,60}\.(?:pem|crt|cer)"
            # Oracle
            r"|ORA-(?:29024|29019|28860|28759|28864)\b|DPY-6001[^\n]{0,80}certificate"
            # MongoDB
            r"|SSL handshake failed: \S{1,255}:\d|ServerSelectionError: [^\n]{0,160}(?:certificate|tlsv1|SSL routines)"
        ),
        # what TLS libraries say, whoever the server is: OpenSSL, Node.js, Python, Go, Java, .NET, Rust
        "certificate": (
            r"self[- ]signed certificate|SELF_SIGNED_CERT|unable to get (?:local )?issuer certificate|UNABLE_TO_GET_ISSUER_CERT|unable to verify the first certificate"
            r"|UNABLE_TO_VERIFY_LEAF|certificate verify failed|CERTIFICATE_VERIFY_FAILED|tls: failed to verify certificate|x509: certificate|certificate has expired|CERT_HAS_EXPIRED"
            r"|PKIX path building failed|valid certification path to requested target|CertPathValidatorException|SSLPeerUnverifiedException|could not be verified by hostnameverifier|\btls_alert\b|CLIENT ALERT: Fatal|remote certificate (?:is|was) (?:invalid|rejected)|RemoteCertificate(?:Chain|Name)"
            r"|ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames|invalid peer certificate|(?:ee|ca|dh) key too small"
        ),
        "handshake": (
            r"wrong version number|WRONG_VERSION_NUMBER|first record does not look like a TLS handshake|Unsupported or unrecognized SSL message|not an SSL/TLS record"
            r"|tlsv1 (?:alert|unrecognized)|TLSV1_ALERT|sslv3 alert|SSLHandshakeException|handshake_failure|unsafe legacy renegotiation|UNSAFE_LEGACY_RENEGOTIATION"
            r"|unsupported protocol[^\n]{0,40}_ssl|SSL operation failed|[Cc]lient network socket disconnected before secure TLS connection"
        ),
        "frame": (
            r"^\s*at [^\n]{0,160}node_modules/(?:\.pnpm/[^/\s]{1,80}/node_modules/)?(?:pg|pg-pool|pg-connection-string|mysql2?|mariadb|mongodb|mongoose|ioredis|@redis|redis|typeorm|sequelize|knex|tedious|kafkajs|amqplib|postgres|@prisma)/"
            r"|^\s*File \"[^\"]{0,160}/(?:psycopg2?|asyncpg|pymysql|MySQLdb|mysql/connector|pymongo|redis|kafka|pika|amqp|kombu)/"
            r"|^\s*(?:at |Caused by: )?(?:org\.postgresql|com\.mysql|org\.mariadb|com\.mongodb|com\.microsoft\.sqlserver|com\.zaxxer\.hikari|io\.lettuce|redis\.clients)\."
            r"|^\s*(?:at |Caused by: )?(?:org\.apache\.kafka|com\.datastax|com\.rabbitmq|org\.redisson|org\.elasticsearch|org\.opensearch|org\.neo4j\.driver)\."
            # Ruby, Go, Elixir, PHP
            r"|/gems/(?:pg|mysql2|trilogy|redis|redis-client|mongo|bunny|ruby-kafka)-\d|^\s*(?:github\.com/(?:lib/pq|jackc/|go-redis/|redis/go-redis|go-sql-driver/|microsoft/go-mssqldb|rabbitmq/)|go\.mongodb\.org/)"
            r"|\((?:postgrex|myxql|redix|amqp) \d|\b(?:Postgrex|MyXQL)\.Protocol|/vendor/(?:predis|mongodb|php-amqplib)/|\[ioredis\] Unhandled|Redis (?:Client )?[Ee]rror\b"
            r"|(?:[Cc]an't|[Uu]nable to|[Cc]ould not|[Cc]annot|[Ff]ailed to) (?:connect to|ping|open) (?:the )?(?:[Dd]atabase|mysql|postgres|redis|mongo|DB|PostgreSQL|MySQL|Redis|MongoDB)\b|[Dd]atabase connection (?:failed|error)"
            r"|\b(?:Microsoft|System)\.Data\.SqlClient\.SqlException|\bNpgsql\.NpgsqlException|MySqlConnector\.MySqlException|PSQLException|MySQLNonTransientConnectionException|SQLServerException|Mongo\w*Exception"
            r"|^\s*at (?:Npgsql|MySqlConnector|MySql\.Data|Microsoft\.Data\.SqlClient|System\.Data\.SqlClient|StackExchange\.Redis|MongoDB\.Driver)\."
        ),
        "no_entry": r"no pg_hba\.conf entry for host (?![^\n]{0,250}(?:encryption|SSL o))",
    },
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
