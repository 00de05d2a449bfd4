"""A migration that is run at start fails, and the application does not come up."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot

# what a tool for migrations reports as well, and what is another cause
_NOT_CONNECTED = re.compile(
    r"ECONNREFUSED|ETIMEDOUT|ENOTFOUND|ENETUNREACH|refused|timed? ?out|could not connect|[Cc]an't (?:connect|reach)|unreachable|getaddrinfo"
    r"|translate host name|[Nn]ame or service not known|no such host|[Aa]uthentication failed|Access denied for user|no pg_hba\.conf|SSL|Unable to obtain connection"
    r"|Connection (?:is not|reset|terminated|closed)|\bP10\d\d\b"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the migration tool's own words, or an error of SQL within a migration."""
    if found := proved(snapshot, matches.application("failed")):
        return _finding(*found, matches.application("failed"))
    if found := proved(snapshot, [match for match in matches.application("sql") if _is_in_migration(match, matches)]):
        return _finding(*found)
    if found := proved(snapshot, matches.application("of_schema")):
        match, confidence = found
        return _finding(match, at_most(Confidence.LIKELY, confidence))
    waits = matches.application("waits")
    if len(waits) > 1 and not snapshot.is_live and not snapshot.came_up:
        return _finding(waits[-1], Confidence.LIKELY)
    # that it failed is told, and not why: it may be the way to the database
    told = [*matches.application("said"), *(matches.application("at_work") if snapshot.has_ended else ())]
    if (found := proved(snapshot, told)) and not any(
        map(_is_unconnected, (*told, *matches.application("unconnected")))
    ):
        return _finding(found[0], Confidence.POSSIBLE)
    return None


def _finding(match: Match, confidence: Confidence, more: Sequence[Match] = ()) -> Finding:
    beside = [one.line for one in more if one.line is not match.line and one.line.stream == match.line.stream]
    return Finding(confidence, tuple(Evidence.of(line) for line in (match.line, *beside[:2])))


def _is_unconnected(match: Match) -> bool:
    return bool(_NOT_CONNECTED.search(match.line.said + match.after))


def _is_in_migration(error: Match, matches: Matches) -> bool:
    """Whether a migration is at work: the tool's frames are in the trace, or the last step before it did not end."""
    stream = error.line.stream
    if any(mark.line.stream == stream for mark in (*matches.application("at_work"), *matches.application("said"))):
        return True
    steps = matches.application("step")
    before = steps[: bisect_right(steps, error.line.at, key=lambda one: one.line.at)]
    last = next((one for one in reversed(before) if one.line.stream == stream), None)
    return last is not None and not any(last.found.groups())


RULE = Rule(
    id="database-migration-failed",
    code="database-migration-failed",
    title="A database migration fails at the start",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The container runs migrations before it serves, and they stop: the schema is not in the state that they expect,"
        " an earlier migration failed half-way, or one that was applied has been changed. So no instance can come up."
    ),
    fix=(
        Step("Read which migration is quoted, and compare the tool's own table of what was applied with the schema."),
        Step(
            "Mend the history with the tool's own command: `prisma migrate resolve`, `flyway repair`, `liquibase releaseLocks`,"
            " `alembic stamp`, `manage.py migrate --fake`, `migrate force`."
        ),
        Step("Run migrations once per release, before the deployment, rather than at the start of each instance."),
    ),
    false_alarms=(
        "A migration tool that cannot reach the database, or is refused by it, fails as well: then that is the cause."
        " `already exists, skipping` is a notice."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting.html",
    rollback="unsafe",
    check=check,
    application_patterns={
        "failed": (
            # Prisma
            r"\bP30(?:0[5689]|1[24589])\b|database schema is not empty\. Read more|found failed migrations in the target database|advisory lock \(SELECT pg_advisory_lock"
            r"|failed to apply cleanly to the shadow database|--accept-data-loss flag|changes that cannot be executed"
            # Flyway
            r"|Flyway(?:Validate|Migrate|SqlScript)Exception|Validate failed: |Migrations have failed validation|Migration checksum mismatch|without schema history table"
            r"|but no schema history table|Detected (?:failed migration to version|applied migration not resolved)|contains a failed migration to version|Found more than one migration with version"
            # Liquibase, Mongock
            r"|Could not acquire change log lock|liquibase\.exception\.(?:ValidationFailed|MigrationFailed|Lock|ChangeLogParse|Setup)Exception|Migration failed for change ?set"
            r"|ValidationFailedException: Validation Failed|\bMongockException\b"
            # Alembic and Flask-Migrate
            r"|Can't locate revision identified by|Multiple head(?:s| revisions) are present|overlaps with other requested revisions|No '?script_location'? key found|Please use the 'init' command to create a new scripts"
            # Django
            r"|django\.db\.migrations\.exceptions\.|InconsistentMigrationHistory|Conflicting migrations detected|multiple leaf nodes in the migration graph|reference nonexistent parent node"
            r"|Unable to create the django_migrations table"
            # Rails
            r"|all later migrations canceled|ConcurrentMigrationError|because another migration process is currently running|(?:DuplicateMigration\w+|UnknownMigrationVersion|IrreversibleMigration)\b"
            # Laravel, Doctrine
            r"|\b\d{4}_\d\d_\d\d_\d{6}_\w{1,120} \.{2,}[^\n]{0,40}\bFAIL\b|Migration \S{1,160}Version\w{1,40} failed during|there are no registered migrations"
            # TypeORM, MikroORM, Umzug
            r"|Error during migration run|Migration \"[^\"\n]{1,160}\" failed, error|\bMigrationError: |Migration \S{1,160} \((?:up|down)\) failed"
            # Knex, node-pg-migrate, Drizzle, Ghost
            r"|migration directory is corrupt|Migration table is already locked|\bMigrationLocked\b|migration file \"[^\"\n]{1,160}\" failed|migration failed with error"
            r"|is preceding already run migration|Another migration is already running|MigrationsAreLockedError|MigrationScriptError|Can't find meta/_journal\.json"
            r"|Failed query: (?:CREATE|ALTER|DROP) |Migration lock was never released"
            # golang-migrate, goose, Gitea and others
            r"|Dirty database version \d|migration failed(?: in line \d+)?: (?!dial|EOF|context)|failed to run SQL migration|goose(?: run)?: (?:ERROR|failed to (?:run|apply|collect))|found \d+ missing migrations"
            r"|migration failed \(id = |no migration found for version|is for a newer Gitea|migrate: migration\[|has migration lock; cannot run migrations"
            r"|connected database is not clean"  # Atlas
            # sqlx, refinery, SeaORM, Diesel
            r"|migration \d+ was previously applied but|while executing migration \d|migration \d+ is partially applied|(?:value: |: ['\"]?)(?:VersionM\w+|ExecuteMigration|Dirty)\(|run migrations: Version\w+\("
            r"|is missing from the filesystem|is different than filesystem one|this migration has been applied but its file is missing|Failed to run \d{4}-\d\d-\d\d\S{1,160} with: "
            # Ecto, EF Core, DbUp
            r"|PendingModelChangesWarning|has pending changes\. Add a new migration|Ecto\.MigrationError|[Cc]ould not find migrations directory|There is already an object named '"
            # two processes make the same tables at once
            r"|\bpg_type_typname_nsp_index\b|\bpg_class_relname_nsp_index\b"
        ),
        # errors that a migration makes of a schema that it does not expect
        "sql": (
            r"already exists(?!,? skipping)|\bDuplicate (?:column name|key name|entry)|does(?:n't| not) exist\b|no such (?:table|column)|Cannot add foreign key|contains null values|could not create unique index"
            r"|must be owner of|permission denied for|syntax error|cannot be cast automatically|key was too long|without a key length|lock timeout|[Dd]eadlock (?:detected|found)"
            r"|other objects depend on it|violates|duplicate column name|Data too long|Multiple primary key"
        ),
        # the tool's frames and last words, which tell nothing of the reason
        "at_work": (
            r"File \"[^\"\n]{0,200}(?:django/core/management/commands/migrate|django/db/migrations/executor|/alembic/(?:env|command|runtime/migration)|/migrations/env"
            r"|/(?:alembic|migrations)/versions/\w{1,160})\.py\""
            r"|Tasks: TOP => db:(?:migrate|schema:load|structure:load|prepare)|/db/migrate/\d{8,14}_\w{1,160}\.rb|activerecord-[\d.]{3,12}/lib/active_record/migration\.rb"
            r"|Illuminate[/\\]+Database[/\\]+Migrations|database/migrations/\d{4}_\d\d_\d\d_\w{1,160}\.php|typeorm/migration/MigrationExecutor|node_modules/(?:umzug|sequelize-cli|node-pg-migrate|db-migrate)/"
            r"|knex/lib/migrations/|drizzle-orm/[^\n]{0,60}migrat|ecto_sql[^\n]{0,60}migrat|Microsoft\.EntityFrameworkCore\.(?:Migrations|RelationalDatabaseFacadeExtensions\.Migrate)|org\.flywaydb\.core|liquibase\.(?:changelog|Liquibase)|SQL: (?:create|alter|drop) table"
        ),
        # sequelize-cli, Rails, Laravel, Django
        "step": (
            r"== \S{1,200}[^\n]{0,120}: (?:migrating|(?P<done>migrated)) |^\s*Migrat(?:ing|(?P<done_too>ed)): |^\s*Applying [\w.]{3,200}\.\.\.(?!\s*OK)|\[alembic[^\n]{0,40}\] Running upgrade "
            # servers that are started when the migrations are done
            r"|(?P<serves>Started server process|Starting gunicorn|Booting worker with pid|Puma starting|[Ll]istening (?:on|at)\b)"
        ),
        "said": (
            r"(?i:\b(?:failed|unable|error|could not|couldn't|cannot|exception)\b (?:to |while |when |during |in )?(?:run|running|apply|applying|execute|executing|perform|performing)?(?: the)?(?: pending)?(?: database| db| schema| sql)? ?migrations?\b)"
            r"|(?i:\b(?:database |db |schema |prisma )?migrations? (?:\d[\w.-]{1,80} )?(?:has |have )?(?:failed|error|could not)\b)|(?:Schema|Migration) engine error|flywayInitializer|liquibase' defined"
        ),
        # what only a change of the schema is answered
        "of_schema": (
            r"do not have the SUPER privilege and binary logging is enabled|"
            r"\b(?:relation|table|column|index|type|constraint|Table|sequence|view) [\"'`][^\"'`\n]{1,160}[\"'`](?: (?:of|for) relation \"[^\"\n]{1,128}\")? already exists(?!,? skipping)"
            r"|\b42P07\b|\b42S01\b|\bER_TABLE_EXISTS_ERROR\b|DuplicateTable\b|\btable \w{1,128} already exists|Base table or view already exists"
            r"|Specified key was too long|in key specification without a key length|cannot be cast automatically|could not create unique index|Foreign key constraint is incorrectly formed"
            r"|mismatch between the models and the database|Cannot add foreign key constraint|column \"[^\"\n]{1,128}\"[^\n]{0,80} contains null values"
        ),
        # Liquibase waits for a lock that a killed container has left
        "waits": r"Waiting for changelog lock|[Mm]igrations are running at the moment",
        "unconnected": (
            r"ECONNREFUSED|ETIMEDOUT|could not connect to server|connection to server at|Can't (?:connect to|reach)|Connection refused|timed out|authentication failed|no pg_hba\.conf"
        ),
    },
    gives_way_to=frozenset(
        {
            "config-validation-failed",
            "config-value-malformed",
            "connections-exhausted",
            "dependency-credentials-wrong",
            "dependency-name-unresolved",
            "dependency-not-ready",
            "dependency-on-localhost",
            "dependency-unreachable",
            "egress-no-connector",
            "egress-no-internet",
            "env-var-missing",
            "module-missing",
            "security-group-blocks",
            "shared-library-missing",
            "tls-required",
        }
    ),
)
