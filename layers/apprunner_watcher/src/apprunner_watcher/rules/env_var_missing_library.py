"""A library or a public image gets nothing for an option that it requires, and does not know the variable's name."""

from apprunner_watcher.knowledge.wanted import SET_IT, usually
from apprunner_watcher.rule import (
    Finding,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the library's complaint, in an application that never serves."""
    return usually({name: matches.application(name) for name in RULE.application_patterns}, _MAY_BE_WRONG, snapshot)


# what is set, and refused, is complained of in the same words
_MAY_BE_WRONG = {"DB_PASSWORD"}

RULE = Rule(
    id="env-var-missing-library",
    code="env-var-missing",
    title="A required option is not set: usually the environment variable {name} fills it",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "A library is given nothing where it requires a value: the application reads that from an environment variable"
        " that is not set, is empty, or has another name in the service."
    ),
    fix=(
        Step("Look up in the code which variable fills the option; {name} is usual."),
        SET_IT,
    ),
    false_alarms="The same error may come from one request of an application that listens: that is no failed start.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    # by the variable that is usual
    application_patterns={
        "DATABASE_URL": (
            # SQLAlchemy, Flask-SQLAlchemy, Django, databases
            r"Expected string or URL object, got None|Either '?SQLALCHEMY_DATABASE_URI'? or '?SQLALCHEMY_BINDS'? must be set|'NoneType' object has no attribute '(?:drivername|get_backend_name|_instantiate_plugins)'"
            r"|settings\.DATABASES is improperly configured|Please supply the (?:NAME|ENGINE) value"
            # Rails
            r"|AdapterNotSpecified|database is not configured for the `?\w+`? environment|'production' database is not configured"
            # Prisma, Drizzle, Knex, TypeORM, Sequelize, Neon, Vercel, Payload
            r"|Invalid value undefined for datasource|The datasource\.url property is required|Either connection \"url\" or \"host\", \"database\" are required|knex: Required configuration option|Wrong driver: \"undefined\" given"
            r"|Dialect needs to be explicitly supplied|No database connection string was provided to `neon|missing_connection_string|The \"(?:url|uri|connectionString)\" argument must be of type string\. Received (?:undefined|null)|Connection string is (?:undefined|not set|missing|empty|required)"
            # Airflow, MLflow, Kysely, Spring's Hibernate
            r"|section/key \[(?:core|database)/sql_alchemy_conn\] not found|Option 'default-artifact-root' is required|Please supply a (?:connection string|database url)"
            # Go, JDBC pools, Flyway, Ecto
            r"|dataSource or dataSourceClassName or jdbcUrl is required|Unable to connect to the database\. Configure the url, user and password|missing the :(?:database|url|hostname) key in options for"
            r"|Metadata database url (?:is )?not (?:provided|set)|[Dd]atabase (?:URL|url|connection string|DSN) (?:is |was |has )?(?:not (?:been )?(?:set|provided|configured|defined|specified)|missing|required|empty|undefined)|(?:[Mm]issing|[Nn]o) [Dd]atabase (?:URL|url|connection string|DSN)\b"
        ),
        "ConnectionStrings__DefaultConnection": (
            r"(?:Value cannot be null|[Vv]alue cannot be an empty string)\.\s{1,3}\(?Parameter(?: name:)? '?(?:connectionString|nameOrConnectionString)\b|The ConnectionString property has not been initialized|[Aa] named connection string was used, but the name '|Host can't be null"
        ),
        "S3_BUCKET": (
            # boto3, JavaScript v2 and v3, Ruby, Java
            r"Invalid type for parameter Bucket, value: None|Invalid bucket name \"(?:None|undefined|null)?\"|HTTP label: Bucket\b|Missing required key 'Bucket'|params\[:bucket\]|ArgumentError: missing required option :name\b|[Bb]ucketName parameter must be specified|[Bb]ucket name (?:cannot|must not|should not) be (?:null|empty|blank)|[Rr]equired bucket name"
        ),
        "SQS_QUEUE_URL": (
            r"Missing required key 'QueueUrl'|Invalid type for parameter QueueUrl, value: None|params\[:queue_url\]"
        ),
        "DYNAMODB_TABLE": (
            r"Missing required key 'TableName'|Invalid type for parameter TableName, value: None|params\[:table_name\]"
        ),
        "COUCHDB_USER": r"You \*MUST\* specify an admin user",
        "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY": r"Missing Active Record encryption credential",
        "DB_PASSWORD": (
            r"client password must be a string|fe_sendauth: no password supplied|no password (?:has been )?provided but the backend requires"
        ),
        "MONGODB_URI": (
            r"The `uri` parameter to `openUri\(\)` must be a string, got \"?(?:undefined|null)|Invalid connection string \"?undefined|MongooseError: [^\n]{0,40}\buri\b[^\n]{0,40}undefined|[Mm]ongo(?:DB)? (?:URI|URL|uri|connection string) (?:is |was )?(?:not (?:set|defined|provided|found)|missing|undefined|required)"
        ),
        "REDIS_URL": (
            r"(?:Value cannot be null|[Vv]alue cannot be an empty string)\.\s{1,3}\(?Parameter(?: name:)? '?configuration\b|(?:^|Error: ?)\[Upstash Redis\] The '(?:url|token)' property is missing|[Rr]edis (?:URL|url|host) (?:is |was )?(?:not (?:set|defined|provided|configured)|missing|undefined|required)"
        ),
        "JWT_SECRET": (
            r"secretOrPrivateKey must have a value|JwtStrategy requires a secret or key|secretOrKey|InvalidArgument\w*: `?secret`? should be set|express-jwt: [^\n]{0,30}secret[^\n]{0,30}should be set|JWT_SECRET_KEY or flask SECRET_KEY must be set|secret or public key must be provided|Missing jwtSecret|http\.(?:jwt|cookie)Secret`? not found|jwtSecret not found|The \"key\" argument must be of type [^\n]{1,200}Received (?:undefined|null)"
            r"|String reference not set to an instance of a String\.? \(?Parameter(?: name:)? '?s\b|IDX10703|secret key byte array cannot be null or empty|The Secret cannot be null|IllegalArgumentException: Empty key|JWT (?:secret|SECRET) (?:is |was )?(?:not (?:set|defined|provided|configured|found)|missing|undefined|required|must be (?:set|provided|defined))"
        ),
        "SESSION_SECRET": (
            r"secret option required for sessions|\.keys required for signed cookies|\.keys required\b|iron-session: Bad usage: Missing password|SessionMiddleware[^\n]{0,60}missing 1 required|no secret key was set\. Set the secret_key|app\.keys required"
        ),
        "AUTH_SECRET": (
            r"\[auth\]\[error\] MissingSecret|MissingSecret: |MissingSecretError|Please define a `?secret`?(?: in production)?\b|\[next-auth\]\[error\](?:\[| )NO_SECRET"
        ),
        "APP_KEYS": r"App keys are required|app\.keys are required|Please set app\.keys in config",
        "ADMIN_JWT_SECRET": (
            r"Missing admin\.auth\.secret configuration|Missing apiToken\.salt|admin\.apiToken\.salt|Missing `?auth\.secret"
        ),
        "SECRET_KEY_BASE": r"expects conn\.secret_key_base to be set",
        "AIRFLOW__CORE__FERNET_KEY": r"section/key \[core/fernet_key\] not found",
        "AIRFLOW__API_AUTH__JWT_SECRET": r"section/key \[api_auth/jwt_secret\] not found",
        "ROCKET_SECRET_KEY": r"without a stable `secret_key`",
        "CHAINLIT_AUTH_SECRET": r"You must provide a JWT secret in the environment",
        "APP_KEY": r"E_MISSING_APP_KEY|MissingAppKeyException",
        "COOKIE_VALIDATION_KEY": r"cookieValidationKey must be configured",
        "COOKIE_SECRET": (
            r"missing setting: cookie-secret|cookieSecret is required|Missing required (?:config value|configuration): cookieSecret"
        ),
        "PAYLOAD_SECRET": r"missing secret key\. A secret key is needed to secure Payload",
        "SECRET_KEY": r"Secret key missing, check https|^\s*secret[ _]key is (?:not set|missing|required)",
        "AWS_REGION": (
            r"You must specify a region\.|(?:Config)?Error: (?:Missing r|R)egion (?:in config|is missing)|could not find region configuration|an AWS region is required, but was not found|Unable to load region from any of the providers|No RegionEndpoint or ServiceURL configured|Unable to find a region via the region provider chain|MissingRegionError|Missing required client configuration options:\s+region"
        ),
        "POSTGRES_PASSWORD": r"Database is uninitialized and superuser password is not specified",
        "ACCEPT_EULA": r"End-User License Agreement \(EULA\) must be accepted",
        "MYSQL_ROOT_PASSWORD": r"Database is uninitialized and password option is not specified",
        "MINIO_ROOT_USER": (
            r"Missing credential environment variable|Unable to (?:validate|get) credentials inherited from the shell environment"
        ),
        "MEILI_MASTER_KEY": (
            r"a master key is mandatory|MEILI_MASTER_KEY[^\n]{0,30} is mandatory|you must provide a master key"
        ),
        "KC_HOSTNAME": (
            r"hostname resolution configured but no hostname|hostname is not configured; either configure hostname"
        ),
        "TUNNEL_TOKEN": r"\"cloudflared tunnel run\" requires the ID or name of the tunnel",
    },
)
