"""A framework, a server or a public image refuses a value by a check of its own."""

from apprunner_watcher.knowledge.wanted import is_harmless
from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    at_most,
    gravest,
    weight,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the framework's words, in an application that never serves."""
    confidence = weight(snapshot)
    # once it serves, only a key is refused as late as in a request that needs it
    names = ("keys",) if snapshot.is_live else tuple(RULE.application_patterns)
    found = [match for _, match in matches.of(*names) if not is_harmless(match.line)]
    if not found or not confidence:
        return None
    match, confidence = gravest(found, confidence)
    if match in matches.application("surroundings"):
        confidence = at_most(Confidence.LIKELY, confidence)
    return Finding(confidence, (Evidence.of(match.line),), {"service_arn": snapshot.service.arn})


RULE = Rule(
    id="config-validation-failed-framework",
    code="config-validation-failed",
    title="The framework refuses a setting when it starts",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "service", "service_log"}),
    why="The framework or server checks its settings before it serves, and ends where one is unsafe or contradicts another.",
    fix=(
        Step("Change the setting that the line names.", CHANGE_SOURCE_CONFIGURATION),
        Step("Make a key with enough random bytes where it is too short: openssl rand -base64 48."),
    ),
    false_alarms="A check that only warns ends no application, and a key may be refused in one request alone.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    application_patterns={
        "keys": (
            # jjwt, Nimbus, .NET, PHP, Node.js
            r"key(?: byte array|'s size)? is \d+ bits which is not secure enough|secret length must be at least 256 bits|IDX10653|IDX10720|IDX10603|Key provided is shorter than \d+ bits|Provided key is too short|minimum key size of 2048 bits"
            # Laravel, Rails, Phoenix, Node.js, iron-session, Fastify, Keystone, Go
            r"|Unsupported cipher or incorrect key length|supported ciphers are AES-128-CBC and AES-256-CBC|key must be (?:16|24|32|64) bytes|ERR_CRYPTO_INVALID_KEYLEN|RangeError: Invalid key length|crypto/aes: invalid key size|secret_key_base to be at least 64 bytes"
            r"|iron-session: Bad usage: Password must be|the secret must have length 32 or greater|session secret must be at least|securecookie: [^\n]{0,40}key|masterkey must be 32 bytes|Invalid AES key length: \d+ bytes"
        ),
        "cors": (
            r"The CORS protocol does not allow specifying a wildcard|conflict settings: all origins enabled|bad origin: origins must contain|\[CORS\] Insecure setup|When allowCredentials is true, allowedOrigins cannot contain"
        ),
        # Django's system checks are of code as well: only those of settings
        "django": (
            r"\((?:security|corsheaders|caches|files|4_0|staticfiles|sites|mail|storages|axes|account|async|translation|csp|allauth|guardian|database|mysql|postgres|sqlite3)\.E\d{3}\)|You must set settings\.ALLOWED_HOSTS if DEBUG is False|Incorrect TIME_ZONE setting|ImproperlyConfigured: (?:CSRF_|CORS_|SECURE_|SESSION_|EMAIL_|STATIC_|MEDIA_|ALLOWED_|SECRET_KEY|DEBUG|CACHES|DATABASES)[A-Z_]*\b[^\n]{0,100}\b(?:must|should|cannot|invalid|not)\b"
        ),
        "self_hosted": (
            # Hasura, Ghost, Vaultwarden, Authelia, Supabase, oauth2-proxy
            r"Fatal Error: ?-? ?(?:--[\w-]+|JWT secret|jwt)[^\n]{0,80}\b(?:requires|must be|cannot be|present)\b|URL in config must be provided with protocol|DOMAIN variable needs to contain|looks like a MySQL URL, but|does not appear to be a valid email address\. Please reset"
            # Activepieces, AdonisJS, Sails, Medusa
            r"|SYSTEM_PROP_INVALID|E_INSECURE_APP_KEY|sockets\.onlyAllowOrigins`? (?:is required|must)"
            # Rocket of Rust, Next.js and its kin, Payload
            r"|secrets enabled in non-`?debug`?[^\n]{0,20} without|using the default secret\. Please set|\[BetterAuthError\][^\n]{0,40}default secret"
            # Elasticsearch, Kafka, MariaDB, Redis
            r"|default discovery settings are unsuitable for production use|advertised\.listeners cannot use the nonroutable|ConfigException: Invalid value [^\n]{1,200} for configuration|FATAL CONFIG FILE ERROR|Bad directive or wrong number of arguments"
            # Play
            r"|application secret (?:is too short|has been set to)"
            # Traefik and others that read their options from the environment
            r"|failed to decode configuration from (?:environment variables|flags)|field not found, node: "
        ),
        # Vault wants of the kernel what App Runner does not give: a setting does without
        "surroundings": r"Error initializing core: Failed to lock memory",
        "others": (
            # Keycloak, Vault, n8n, MinIO, Airflow, Superset, Strapi, Meilisearch, Ghost, Kestrel's OpenID Connect
            r"Key material not provided to setup HTTPS|A storage backend must be specified|Mismatching encryption keys|Access key length should be at least 3|cannot use (?i:sqlite) with the \w+|[Dd]atabase was encrypted with a different key|error: unrecognized executor|A Default SECRET_KEY was detected|master key must be at least 16 bytes|MetadataAddress or Authority must use HTTPS"
            # Spring
            r"|No spring\.config\.import property has been defined"
            r"|Invalid value '[^']*' for configuration property '[\w.-]+'|Property '?spring\.profiles|InvalidConfigDataPropertyException|InvalidConfigurationPropertyValueException|The following profiles are (?:invalid|mutually exclusive)"
            # Quarkus, SmallRye, Micronaut
            r"|Failed to load config value of type|BuildTimeConfigurationMismatch"
            # node-convict
            r"|: must be one of the possible values: \[|: must be (?:a port|an integer|a positive integer|of type (?:String|Number|Boolean)|ports or windows named pipes within range|an IP address): value was"
            # Twilio and others that know how their keys begin
            r"|accountSid must start with AC|publishable key (?:is|not) (?:in)?valid|Publishable key not valid|The publishableKey passed to Clerk is invalid|The secretKey is invalid"
        ),
    },
)
