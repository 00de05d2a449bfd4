"""The database lacks tables, columns or types that the application asks for."""

import re

from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot

# Tools for migrations look for their own table first, and make it: EF Core and Alembic log that as an error.
_BOOKKEEPING = re.compile(
    r"__EFMigrationsHistory|alembic_version|flyway_schema_history|databasechangelog|_prisma_migrations|schema_migrations"
    r"|ar_internal_metadata|knex_migrations|SequelizeMeta|django_migrations"
    r"|\bir_module_module\b|\bmade by is_blog_installed\b",  # Odoo and WordPress see by it that they are new
    re.IGNORECASE,
)
# tools in which people write queries of their own
_OF_A_USER = re.compile(
    r"metabase\.|middleware\.catch-exceptions|clojure\.lang|\bsuperset\b|\bsql_?lab\b|\bredash\b|/api/ds/query",
    re.IGNORECASE,
)

_GOES_ON = re.compile(
    r"\b(?:ignor(?:ed|ing)|skipp(?:ed|ing)|fall(?:ing)? back|using (?:the )?defaults?)\b", re.IGNORECASE
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the server's or the framework's own words for what the schema lacks, in an application that never serves."""
    pending = list(matches.application("pending"))
    absent = [match for match in matches.application("absent") if not _BOOKKEEPING.search(match.line.said)]
    if snapshot.is_live:
        pending = [match for match in pending if not _GOES_ON.search(match.line.said)]
        absent = [match for match in absent if not _GOES_ON.search(match.line.said)]
        absent = [match for match in absent if not _OF_A_USER.search(match.line.said)]
    if found := proved(snapshot, [*pending, *absent], heals=False, least=1):
        match, confidence = found
        # it listens and fails an HTTP check, and this is what it fails with
        if confidence is Confidence.POSSIBLE and not match.line.is_passing:
            confidence = Confidence.LIKELY
        return Finding(confidence, (Evidence.of(match.line),))
    if found := proved(snapshot, matches.application("doubtful")):
        match, confidence = found
        return Finding(at_most(Confidence.POSSIBLE, confidence), (Evidence.of(match.line),))
    return None


RULE = Rule(
    id="database-not-migrated",
    code="database-not-migrated",
    title="The database lacks tables or columns that the application needs",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The application expects another schema than the database has: its migrations were not run against this"
        " database, or it is connected to another database or schema than they were."
    ),
    fix=(
        Step(
            "Run the application's migrations against this database before the deployment: as a step of the pipeline, or"
            " as a one-off task in the same VPC."
        ),
        Step("Compare the database's name and schema (`search_path`) with those that the migrations ran against."),
    ),
    false_alarms=(
        "Tools for migrations look for their own table first and make it. An unapplied migration that is only warned of"
        " hurts nothing as long as the application answers."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting.html",
    rollback="helps",
    check=check,
    application_patterns={
        "absent": (
            # PostgreSQL, by itself or behind any driver
            r"\b(?:relation|type|column|schema) \\?[\"'][^\"'\n]{1,128}[\"'](?: of relation \\?\"[^\"\n]{1,128}\")? does not exist(?!,? skipping)|\bcolumn [\w.]{3,128} does not exist"
            r"|\b42P01\b|(?:(?i:code|sqlstate)\W{1,6}|[(\[])42703\b|\b42703: |\bundefined_(?:table|column)\b|\bUndefined(?:Table|Column)(?:Error)?\b|\b3F000\b"
            # SQLite
            r"|\bno such (?:table|column): \w|has no column named \w"
            # MySQL, MariaDB, ClickHouse
            r"|\bTable '[^'\n]{1,160}' doesn't exist|Unknown column '[^'\n]{1,160}' in '|\bER_NO_SUCH_TABLE\b|\bER_BAD_FIELD_ERROR\b|SQLSTATE\[42[SP]0[12]\]: (?:Base table or view not found|Undefined table)"
            r"|\bTable \w{1,64}\.\w{1,128} does(?:n't| not) exist"
            # SQL Server, Oracle, H2
            r"|Invalid object name '(?!OPENJSON)|Invalid column name '|ORA-00942\b|ORA-00904\b|\bTable \"[^\"\n]{1,128}\" not found"
            # Prisma
            r"|\bP2021\b|\bP2022\b|The (?:table|column) `[^`\n]{1,160}` does not exist in the current database"
            # Active Record, Cassandra
            r"|Could not find table '|unconfigured table \w|InvalidRequest[^\n]{0,80}[Kk]eyspace '?\w{1,64}'? does not exist"
        ),
        "pending": (
            # Rails, Phoenix
            r"PendingMigrationError|Migrations are pending\b|there are pending migrations for repo"
            # Hibernate
            r"|Schema-validation: (?:missing (?:table|column|sequence)|wrong column type)"
            # Alembic, Doctrine, Airflow, MLflow, Keycloak, Temporal
            r"|Target database is not up to date|metadata storage is not up to date|You need to (?:initialize|upgrade) the database"
            r"|Detected out-of-date database schema|Database not up-to-date, please migrate|sql schema version compatibility check failed"
            r"|version mismatch for keyspace/database|Found database schema version \S{1,60} !="
            # Kong, Directus
            r"|[Dd]atabase needs bootstrapping|New migrations available; run|[Dd]atabase (?:doesn't|does not) have \w{3,40} tables"
            # in words of their own
            r"|[Dd]atabase (?:schema )?(?:is|seems|appears to be) (?:out[- ]of[- ]date|not (?:up[- ]to[- ]date|initiali[sz]ed|migrated))|[Dd]atabase (?:schema )?(?:has not|hasn't|was not|wasn't) (?:yet )?(?:been )?(?:initiali[sz]ed|migrated|upgraded)"
            r"|[Mm]igrations (?:have|were) not (?:all |yet )?(?:been )?(?:run|applied|executed)|(?:[Pp]lease|must|need to|should) (?:first )?run [`'\"]?(?:superset|airflow|flask|langflow|jupyterhub|mlflow|authentik|sentry|rails|bin/rails|rake) db[: ](?:upgrade|migrate|init|setup)"
        ),
        "doubtful": (
            r"\bfunction [\w.]{1,128}\([^)\n]{0,200}\) does not exist|Cannot do operations on a non-existent table|ResourceNotFoundException[^\n]{0,80}Requested resource not found|Requested resource not found: Table"
            r"|\bindex_not_found_exception\b"
            # a file that migrations would make
            r"|\bDatabase \S{1,80} does not exist at \S"
        ),
    },
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    gives_way_to=frozenset({"database-migration-failed", "database-version-unsupported"}),
)
