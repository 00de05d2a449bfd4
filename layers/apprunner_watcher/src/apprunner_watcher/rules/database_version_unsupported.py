"""The database server is too old or too new for the framework or driver."""

from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot

_MOST = {"demanded": Confidence.CERTAIN, "mismatch": Confidence.LIKELY, "doubtful": Confidence.POSSIBLE}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the demand for another version, or what only a server of another version answers."""
    for name, most in _MOST.items():
        if found := proved(snapshot, matches.application(name)):
            match, confidence = found
            return Finding(at_most(most, confidence), (Evidence.of(match.line),))
    return None


_SERVERS = r"(?:PostgreSQL|Postgres|MySQL|MariaDB|MongoDB|Redis|Valkey|Elasticsearch|OpenSearch|SQL Server|Oracle)"

RULE = Rule(
    id="database-version-unsupported",
    code="database-version-unsupported",
    title="The database server's version is not one that the application supports",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Frameworks and drivers support a range of server versions and refuse, or fail with, what lies outside of it."
        " An update of the application or of the server has left that range."
    ),
    fix=(
        Step("Upgrade the database or cache to a version that the quoted line names."),
        Step("Or keep the server, and set the framework or driver back to a version that supports it."),
    ),
    false_alarms="A warning that a version is newer than what was tested is no refusal: the application goes on.",
    docs="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Upgrading.html",
    rollback="helps",
    check=check,
    application_patterns={
        "demanded": (
            # Django, and whoever says it like that
            _SERVERS + r" (?:version )?v?\d[\w.]{0,12} or (?:later|newer|higher|above|greater) is required"
            r"|" + _SERVERS + r" (?:version )?>= ?\d[\w.]{0,12} is required|\b" + _SERVERS + r" upgrade required: "
            # in free words
            r"|(?i:"
            + _SERVERS
            + r"(?: (?:server|database))?(?: version)? v?\d[\w.]{0,12} is (?:not|no longer|un)[ -]?(?:supported|compatible)"
            r"|" + _SERVERS + r"(?: server)? version (?:is )?(?:too (?:old|new|low)|unsupported|not supported|outdated)"
            r"|\b(?:requires|needs) (?:at least |a minimum of |an? )?"
            + _SERVERS
            + r" (?:server )?(?:version )?(?:>=? ?)?v?\d"
            r"|"
            + _SERVERS
            + r"[^\n]{0,80}\b(?:minimum|lowest|oldest) (?:supported |required )?(?:server |database )?version\b"
            r"|\bminimum (?:supported |required )"
            + _SERVERS
            + r" version|\b(?:upgrade|update) (?:your )?"
            + _SERVERS
            + r"(?: server| database)? to (?:at least )?(?:version )?v?\d|\bunsupported (?:database|db) (?:server )?version)"
            # Rails, GitLab, Mattermost, SonarQube, Quarkus, Zabbix, Drupal, Magento
            r"|Your version of (?:PostgreSQL|MySQL|MariaDB) \([^)\n]{1,40}\) is too old|minimum Postgres version requirements not met"
            r"|(?i:Unsupported "
            + _SERVERS
            + r" version)|(?:run with a|requires) database version of at least|Unsupported DB! \w"
            r"|less than the minimum required version|Current version of RDBMS is not supported"
            # Flyway
            r"|Unsupported Database: \w|Flyway upgrade required: |is no longer supported by Flyway"
            # MongoDB and its drivers
            r"|reports (?:maximum |minimum )?wire version \d|does not speak a compatible wire protocol|MongoCompatibilityError"
            r"|Unsupported OP_QUERY command|(?i:mongodb version[^\n]{0,40} is not supported by)"
            # BullMQ, Sidekiq
            r"|Redis version needs to be greater|(?:requires|needs) Redis (?:server )?(?:version )?v?>?=? ?\d[\w.]{0,12}"
            # Elasticsearch and OpenSearch
            r"|server is not (?:Elasticsearch|OpenSearch|a supported distribution of Elasticsearch)|UnsupportedProductError|ProductNotSupportedError|Missing \[X-Elastic-Product\] header"
            r"|media_type_header_exception|Accept version must be either version|is incompatible with the following Elasticsearch nodes"
            # Oracle
            r"|ORA-03134\b|ORA-28040\b|connections to this database server version are not supported"
            # catalogue columns that newer PostgreSQL servers no longer have, and what Rails 5 tells them
            r"|\bcolumn (?:\w{1,20}\.)?\"?(?:adsrc|consrc|relhasoids|proisagg|datlastsysoid|cataloid)\"? does not exist|parameter \"client_min_messages\": \"panic\""
            # MySQL 8 for older drivers and frameworks
            r"|Unknown system variable '(?:query_cache_size|tx_isolation|language|storage_engine)'|of 'NO_AUTO_CREATE_USER'|CLIENT_PLUGIN_AUTH is required"
            # EF Core
            r"|Invalid object name 'OPENJSON'"
        ),
        "mismatch": (
            # PostgreSQL itself, over the files of another version
            r"database files are incompatible with server|"
            # commands of newer Redis servers, or of modules
            r"unknown command [`'\"]?(?:XADD|XREADGROUP|XAUTOCLAIM|XGROUP|GETEX|GETDEL|LMPOP|BLMOVE|BZPOPMIN|ZPOPMIN|LPOS|FCALL|FUNCTION|HELLO|JSON\.\w+|FT\.\w+|TS\.\w+|BF\.\w+)\b"
            r"|Unknown collation: '|Server sent charset (?:\(\d+\) )?unknown to the client|Character set '\d+' unsupported|Unknown character set: 'utf8mb4"
            # SCRAM, asked of a driver that is older than it
            r"|[Aa]uthentication (?:type|method):? \W?10\b|SCRAM[\w -]{0,20} authentication (?:is )?not supported|Unknown authenticationOk message type|unsupported SASL auth"
            # operators, functions and settings of newer servers
            r"|Unrecognized pipeline stage name: |unrecognized configuration parameter \"(?:idle_\w+|transaction_timeout|lock_timeout|jit\w*|row_security|default_table_access_method)\b"
            # Kafka, SQL Server, Cassandra
            r"|UnsupportedVersionException: |Invalid usage of the option NEXT in the FETCH statement|Invalid or unsupported protocol version"
        ),
        "doubtful": (
            # a login that the client does not know: the server is newer, or the user is to be made otherwise
            r"Client does not support authentication protocol requested by server|\bER_NOT_SUPPORTED_AUTH_MODE\b|authentication method unknown to the client"
            r"|[Aa]uthentication (?:method|plugin) '?caching_sha2_password'?[^\n]{0,80}(?:unknown|cannot be loaded|not supported)|authentication type (?:10 is not supported|: 10\b)"
            r"|unknown authentication type: 10|NOPROTO unsupported protocol version|DPY-3015\b|server version mismatch"
            # extensions, replica sets
            r"|extension \"[^\"\n]{1,64}\" is not available|could not open extension control file|Cannot determine PostGIS version"
            r"|only allowed on a replica set member or mongos|to be run as a replica set|only supported on replica sets"
        ),
    },
)
