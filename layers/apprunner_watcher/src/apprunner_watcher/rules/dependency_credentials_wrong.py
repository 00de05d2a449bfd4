"""A database, cache or broker refuses user, password, tenant or database name."""

import re

from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Occasion, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot

# a script or a framework that finds no database may make one
_IS_MADE = re.compile(r"\bcreat(?:ed|ing)\b|\bcreate (?:it|one|the)\b", re.IGNORECASE)

# SQLite knows no login: its database is a file, which is not there
_FILE = re.compile(r"\bP1003\b[^\n]{0,200}\bdoes not exist at\b|\bP1003\b[^\n]{0,80}\.(?:db|sqlite3?)\b")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the server's own words for a refused login, in an application that never serves."""
    refused = [match for match in matches.application("refused") if not _is_made(match) and not _is_file(match)]
    if found := proved(snapshot, refused, heals=False):
        match, confidence = found
        return Finding(confidence, (Evidence.of(match.line),))
    if found := proved(snapshot, matches.application("doubtful")):
        match, confidence = found
        return Finding(at_most(Confidence.POSSIBLE, confidence), (Evidence.of(match.line),))
    return None


def _is_made(match: Match) -> bool:
    return "does not exist" in match[0] and bool(_IS_MADE.search(match.line.said + match.after))


def _is_file(match: Match) -> bool:
    return bool(_FILE.search(f"{match.line.said} {match.after}"))


RULE = Rule(
    id="dependency-credentials-wrong",
    code="dependency-credentials-wrong",
    title="The database, cache or broker refuses the login",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why="The server was reached and answered: user, password, tenant or database name is not what it knows.",
    fix=(
        Step("Compare user and database name in the service's variables with the server's."),
        Step(
            "Store the password anew as a secret, percent-encoded where it stands in a URL, and deploy:"
            " App Runner reads secrets only during a deployment."
        ),
    ),
    false_alarms=(
        "A client that tries several logins, or makes the database that it does not find, may log a refusal and go on:"
        " then the application listens."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="does-not-help",
    check=check,
    application_patterns={
        "refused": (
            # PostgreSQL, its poolers and RDS Proxy
            r"(?:password|PAM|IAM|LDAP|RADIUS|GSSAPI|Peer|Ident|[Cc]ertificate) authentication failed\b(?! for (?:API|HTTP))"
            r"|\b(?:28P01|invalid_authorization_specification|invalid_catalog_name)\b|['\"]3D000['\"]|SQLSTATE 3D000"
            r"|\b(?:role|database) [\"'][^\"']{0,80}[\"'] (?:does not exist|is not permitted to log in|is not currently accepting connections)"
            r"|permission denied for database \"|FATAL:?\s+(?:no such (?:user|database)\b|auth failed|login rejected)|SASL authentication failed"
            r"|RDS [Pp]roxy has no credentials for the role|password that was provided for the role [^\n]{1,80} is wrong"
            # Supabase, Neon, Azure, CockroachDB
            r"|Invalid Username specified\. Please check|codeParamsRoutingFailed|missing cluster (?:identifier|name)\b|[Tt]enant (?:or user|identifier) not found|tenant/user [^\n]{1,80} not found|Authentication error, reason: \"?Wrong password"
            r"|requested endpoint could not be found, or you don't have access"
            # Prisma, Active Record
            r"|Authentication failed against (?:the )?database server|\bP1000\b|\bP1003\b|\bP1010\b|was denied access on the database"
            r"|We could not find your database|issue connecting to your database with your username/password"
            # MySQL and MariaDB
            r"|Access denied for user '|Unknown database '|\bER_(?:ACCESS_DENIED|DBACCESS_DENIED|BAD_DB|HOST_NOT_PRIVILEGED)_ERROR\b"
            r"|Host '[^']{0,255}' is not allowed to connect to this (?:MySQL|MariaDB) server|SQLSTATE\[HY000\] \[10(?:44|45|49)\]"
            # MongoDB and DocumentDB
            r"|\bbad auth ?: ?[Aa]uthentication failed|Mongo\w*(?:Error|Exception): (?:Authentication failed|auth fail)|\bAuthenticationFailed\b[^\n]{0,60}Authentication failed"
            r"|[\"']?codeName[\"']?: [\"']AuthenticationFailed|OperationFailure: Authentication failed|Exception authenticating MongoCredential|error 18 \(AuthenticationFailed\)"
            r"|Unable to authenticate (?:username '|using (?:sasl protocol )?mechanism)|unable to authenticate using mechanism|Mongo::Auth::Unauthorized"
            r"|\bcommand \w{1,40} requires authentication|not authorized on [\w-]{1,64} to execute command|user is not allowed to do action \["
            # Redis and Valkey
            r"|\bWRONGPASS\b|\bNOAUTH\b|\bNOPERM\b[^\n]{0,20}\buser\b|ERR invalid password|invalid username-password pair"
            r"|Client sent AUTH, but no password is set|AUTH <password> called without any password|wrong number of arguments for 'auth' command"
            r"|AuthenticationError: (?:Authentication required|[Ii]nvalid (?:password|username))"
            # SQL Server and Oracle
            r"|Login failed for user ['\"](?![^\n]{0,160}script upgrade mode)|Login failed\. The login is from an untrusted domain|Cannot open database \"[^\"]{0,128}\" requested by the login"
            r"|The server principal \"[^\"]{0,128}\" is not able to access the database|code: 'ELOGIN'"
            r"|ORA-(?:01017|01045|28000|28001|12514|12505|01005)\b|Service \"[^\"]{0,128}\" is not registered with the listener"
            # RabbitMQ, NATS, Kafka
            r"|ACCESS[_-]REFUSED\b|username or password not allowed|no access to this vhost|NOT_ALLOWED - (?:vhost [^\n]{1,80} not found|access to vhost (?![^\n]{1,120}limit))"
            r"|AuthenticationFailureException|Probable(?:Authentication|AccessDenied)Error|Authorization Violation"
            r"|SaslAuthenticationException(?!: \[[0-9a-f-]{36}\]: Access denied)|SASLAuthenticationError|SaslAuthenticationFailed(?:Error)?\b|kafka\.errors\.AuthenticationFailed|SASL [Aa]uthentication (?:error|failed|Failed)|SASL \S{1,20} (?:authentication failed|mechanism handshake failed)|KafkaJSSASL\w+"
            # Elasticsearch, OpenSearch, Cassandra, Neo4j
            r"|unable to authenticate user \[|missing authentication credentials for REST request|failed to authenticate user \["
            r"|AuthenticationException\(401|Provided username [^\n]{1,80} and/or password are incorrect|unauthorized due to authentication failure"
            # ClickHouse, Snowflake, InfluxDB, ArangoDB, etcd
            r"|password is incorrect, or there is no user with such name|\bcode: (?:81|516), message: |Database \S{1,128} does(?:n't| not) exist\W{1,3}(?:UNKNOWN_DATABASE|$)"
            r"|Incorrect username or password was specified|Snowflake\w{1,40}: JWT token is invalid\b|Failed to connect to DB\. Verify the account name"
            r"|\"code\": ?\"unauthorized\", ?\"message\": ?\"unauthorized access|\[ERR 11\] ?not authorized|ArangoError: not authorized"
            r"|etcdserver: (?:authentication failed|invalid auth token)|DPY-4001\b"
        ),
        # where the password is not set at all, where the server knows the user and refuses the address, and the like
        "doubtful": (
            r"client password must be a string|fe_sendauth: no password supplied|[Nn]o password (?:has been |was )?provided"
            r"|empty password returned by client|no pg_hba\.conf entry for host [^\n]{0,200}(?:SSL on|SSL encryption)"
            r"|permission denied for (?:schema|table|relation|sequence) |No database selected|[Ee]ndpoint ID is not specified"
            r"|Unsupported mechanism \[ ?-301 ?\]|LibsqlError[^\n]{0,60}HTTP status 40[134]|ERR (?:DB index is out of range|invalid DB index)"
            r"|Cannot authenticate using Kerberos|There was an authentication failure; check that passwords"
        ),
    },
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
