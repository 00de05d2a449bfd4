"""A runtime, a shell or a loader of variables ends the application for a variable that is not set."""

import re
from collections.abc import Iterator
from dataclasses import replace

from apprunner_watcher.knowledge.wanted import SET_IT, Wanted, first_of, missed
from apprunner_watcher.rule import (
    Confidence,
    Finding,
    Match,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
)
from apprunner_watcher.snapshot import Snapshot

_OF_ENVIRON = re.compile(r"raise KeyError\(key\) from None|<frozen os>|\bos\.py|environ")
_IS_USUAL = re.compile(
    r"(?:^|_)(?:URL|URI|DSN|HOST|PORT|KEY|SECRET|TOKEN|PASSWORD|PASS|USER|USERNAME|BUCKET|REGION|ENV|ENDPOINT|DOMAIN|DB|DATABASE)(?:_|$)"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the words of the runtime, the name of the variable in them, and the service not setting it."""
    if finding := missed(_named(matches), snapshot):
        return finding
    # Prisma shows the row of its schema below its error, which a cut log may not hold
    if matches.application("prisma") and not matches.application("prisma_says_more"):
        shown = (Wanted(match.line, match[1]) for match in matches.application("prisma_url"))
        if finding := missed(shown, snapshot):
            return replace(finding, confidence=at_most(Confidence.LIKELY, finding.confidence))
    return None


def _named(matches: Matches) -> Iterator[Wanted]:
    for match in matches.application("loader"):
        yield Wanted(match.line, first_of(match.found))
    for match in matches.application("key_error"):
        yield Wanted(match.line, match[1], bool(_OF_ENVIRON.search(match.before) or _IS_USUAL.search(match[1])))
    for match in matches.application("key_error_of_any_case"):
        if _OF_ENVIRON.search(match.before):
            yield Wanted(match.line, match[1])
    for match in matches.application("property"):
        yield Wanted(match.line, re.sub(r"[.:-]", "_", first_of(match.found)).upper())
    for match in matches.application("connection_string"):
        yield Wanted(match.line, f"ConnectionStrings__{first_of(match.found)}")
    for match in matches.application("section"):
        yield Wanted(match.line, first_of(match.found).replace(":", "__"))
    for match in matches.application("well_known"):
        yield Wanted(match.line, _WELL_KNOWN[_bare(match)])


def _bare(match: Match) -> str:
    return match[0].replace("`", "")


_WELL_KNOWN = {
    "No application encryption key has been specified": "APP_KEY",
    "Missing secret_key_base for": "SECRET_KEY_BASE",
    "Missing encryption key to decrypt file with": "RAILS_MASTER_KEY",
    "The SECRET_KEY setting must not be empty": "SECRET_KEY",
    "You must either define the environment variable DJANGO_SETTINGS_MODULE": "DJANGO_SETTINGS_MODULE",
    "environment variable DJANGO_SETTINGS_MODULE is undefined": "DJANGO_SETTINGS_MODULE",
    "Devise.secret_key was not set": "SECRET_KEY_BASE",
    "The application secret has not been set, and we are in prod mode": "APPLICATION_SECRET",
    "Failed to configure a DataSource: 'url' attribute is not specified": "SPRING_DATASOURCE_URL",
    "Failed to determine a suitable driver class": "SPRING_DATASOURCE_URL",
    "A non-empty secret is required": "APP_SECRET",
}

RULE = Rule(
    id="env-var-missing-runtime",
    code="env-var-missing",
    title="The environment variable {name} is not set",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="The application, or the script that starts it, reads it without a default, and ends where it is not set.",
    fix=(
        SET_IT,
        Step("Set these as well, which it misses too: {others}.", when="others"),
    ),
    false_alarms=(
        "A key that an ordinary dictionary lacks gives the same KeyError; a .env file is often not in the image, so"
        " what works on a developer's machine misses its variables here."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "loader": (
            # Go: envconfig, env, go-envconfig
            r"required key ([A-Za-z_]\w*) missing value|required environment variable \"(\w+)\" is not set|environment variable \"(\w+)\" should not be empty|missing required value: (\w+)"
            # Python: decouple, environs, environ-config, Starlette, OmegaConf, prettyconf
            r"|UndefinedValueError: (\w+) not found|MissingEnvValueError: (\w+)|Config '(\w+)' is missing, and has no default|Environment variable '(\w+)' not found|UnknownConfiguration: Configuration '?(\w+)'? not found"
            # Ruby: ENV.fetch, dotenv, Figaro; Crystal
            r"|key not found: \"([A-Z][A-Z0-9_]*)\"|Missing required configuration keys?: \[\"(\w+)\"|Missing ENV key: \"(\w+)\""
            # Node.js: env-var, getenv, Prisma's configuration
            r"|env-var: \"(\w+)\" is a required variable|GetEnv\.Nonexistent: (\w+)|PrismaConfigEnvError: [^\n]{0,60}: (\w+)|Cannot resolve environment variable: (\w+)"
            # a variable that the build of SvelteKit or Astro wants
            r"|\"(\w+)\" is not exported by \"(?:virtual:|\$)env/static/\w+\""
            # PHP: Symfony, phpdotenv
            r"|Environment variable not found: \"(\w+)\"|environment variables failed assertions: (\w+) is (?:missing|empty)"
            r"|Undefined (?:array key|index:?) \"?([A-Z][A-Z0-9]*_[A-Z0-9_]+)"
            # Elixir, Haskell, Rust
            r"|could not fetch environment variable \"(\w+)\"|\b([A-Z][A-Z0-9_]+): getEnv: does not exist|EnvVarMissing \{ name: \"(\w+)\"|\b([A-Z][A-Z0-9_]+)[^\n:]{0,60}: NotPresent\b|\b([A-Z][A-Z0-9_]{2,})\W{1,3}environment variable not found"
            # Java: Kotlin's null check, Typesafe config
            r"|getenv\(\"(\w+)\"\) must not be null|Could not resolve substitution to a value: \$\{(\w+)\}"
            # shells, also ${X:?words}
            r"|\b([A-Z][A-Z0-9_]{0,80}): (?:parameter (?:null or not set|not set)|unbound variable)|: ([A-Z][A-Z0-9_]{1,80})\[?[\w@*]*\]?: unbound variable"
            r"|: (?:line )?\d{1,4}: ([A-Z][A-Z0-9_]{2,80}): (?:[^\n]{0,60}\b(?:not set|must be|required|missing|undefined|unset|is empty|needs? to be)\b)"
            # Node.js: config, nconf; Ghost
            r"|Missing required keys?: (\w+)"
            # Node.js: node-config, and what names its setting in camelCase; Activepieces
            r"|Configuration property \"([\w.]+)\" is not defined|[Mm]issing required (?:config(?:uration)?|settings?|options?) (?:value|key|property|setting|option|parameter)s?:? [`'\"]?([A-Za-z]\w+)|System property (AP_\w+) is not defined|SYSTEM_PROP_NOT_DEFINED[^\n]{0,60}\"prop\":\"(\w+)\""
            # parsers of options: clap, picocli, click, cobra, urfave/cli, kong, commander
            r"|Missing required option: '--([\w-]+)|Missing option '--([\w-]+)|[Rr]equired flags?(?:\(s\))? \"([\w-]+)\"[^\n]{0,80} not (?:set|provided)|required flag --([\w-]+) not provided|missing flags: --([\w-]+)|required option '--([\w-]+)[^\n]{0,40}' not specified"
            # anyway_config of Ruby
            r"|parameters for `\w+` are missing or empty: (\w+)"
            # Authelia, oauth2-proxy, Kafka's image
            r"|Configuration: [\w: ]{0,60}option '([\w.]+)' is required"
            r"|dub ensure (\w+)\] FAILED|dub\\?', 'ensure', '(\w+)'|ConfigException: Missing required configuration \"(zookeeper\.connect|node\.id|process\.roles)\""
            # Meteor
            r"|Must pass options\.rootUrl or set (ROOT_URL)"
        ),
        # os.environ["X"]; a KeyError of an ordinary dictionary is seldom written in capitals
        "key_error": r"KeyError: ['\"]([A-Z][A-Z0-9_]{2,})['\"](?:$|[\s\"\\,)])",
        "key_error_of_any_case": r"KeyError: ['\"]([A-Za-z_]\w*)['\"]$",
        # properties of Java, which the environment sets in capitals
        "property": (
            r"Could not resolve placeholder '([\w.-]+)'|The config property ([\w.-]+) is (?:required but it could not be found|defined as the empty String)"
            r"|Could not resolve placeholder \$\{([\w.-]+)|SRCFG00011: Could not expand value ([\w.-]+) in property|set the configuration property '(quarkus\.datasource\.jdbc\.url)'|No configuration setting found for key '([\w.-]+)'|(?:Exception: |^)Property (\w{1,40}(?:\.[\w-]{1,40}){1,6}) not found"
            r"|Error resolving property value \[\$\{([\w.-]+)\}\]\. Property doesn't exist|No config value of type \[?[\w. ]{1,80}\]? exists for: ([\w.-]+)"
            r"|'((?:[a-z][\w-]{0,40}\.){1,6}[\w-]{1,40})' (?:property )?(?:must be (?:set|specified|provided|configured)|is (?:required|not set|not configured))\b"
            r"|(?:API key|Api key|api-key) must be set\. Use the (?:connection )?property: ([\w.-]+)"
        ),
        "connection_string": (
            r"[Cc]onnection ?[Ss]tring ['\"]?(\w+)['\"]? (?:is |was |could )?(?:not (?:be )?(?:found|set|configured|provided|defined)|missing|null|required|empty)"
            r"|[Cc]onnectionStrings?(?::|__| )['\"]?(\w+)['\"]?\]? (?:is |was |could )?(?:not (?:be )?(?:found|set|configured|provided|defined)|missing|required|null|empty)"
            r"|No connection string named '(\w+)'|ConnectionString is missing\. It should be provided in 'ConnectionStrings:(\w+)'"
        ),
        "section": (
            r"Section '([\w:]+)' not found in configuration|[Mm]issing (?:required )?(?:configuration|config|setting)(?: (?:value|key|section))?(?: for)?:? ['\"]?((?:\w{1,40}:){1,5}\w{1,60})|['\"]((?:\w{1,40}:){1,5}\w{1,60})['\"]? (?:is |was )?(?:not (?:found|set|configured|provided|defined)|missing|required|must be (?:set|configured))\b"
            r"|(?<![\w/.:])((?:[A-Z]\w{1,40}:){1,4}[A-Z]\w{1,60}) (?:(?:is|was) )?(?:not (?:found|set|configured|provided|defined)|missing|required|must be (?:set|configured))\b"
        ),
        "prisma": r"P1012|Prisma schema validation",
        "prisma_url": r"\b(?:u|directU)rl\s{1,12}=\s{1,4}env\(\"(\w+)\"\)",
        "prisma_says_more": r"must start with the protocol|no longer supported|error: (?!Prisma schema)[A-Z]",
        "well_known": (
            "|".join(re.escape(words).replace("secret_key_base", "`?secret_key_base`?") for words in _WELL_KNOWN)
        ),
    },
)
