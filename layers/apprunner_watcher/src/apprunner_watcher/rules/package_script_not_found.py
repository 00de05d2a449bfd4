"""The package manager or task runner that the command starts does not find its script or its project file."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_OF_PACKAGES = ("artisan", "django", "npx", "npm_exec")  # the package that brings it may be what is missing


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a package manager that lacks the script or the project file that it is told to run."""
    found = matches.application("script") or matches.application("project")
    confidence = weight(snapshot)
    if not found or not confidence:
        return None
    # a managed runtime may have dropped it, or look in another folder
    limit = Confidence.LIKELY if snapshot.configuration.is_from_source else Confidence.CERTAIN
    # so may the Dockerfile; and the package that brings a command may be what is missing
    if found[0] in matches.application("script") and (found[0]["click"] or found[0]["argparse"]):
        limit = Confidence.POSSIBLE  # it may come with a package that is missing
    elif found is matches.application("project") or any(found[0][name] for name in _OF_PACKAGES):
        limit = Confidence.LIKELY
    return Finding(
        at_most(limit, confidence),
        (Evidence.of(found[0].line),),
        {"script": next((text for text in found[0].found.groups() if text), "its project file")},
    )


RULE = Rule(
    id="package-script-not-found",
    code="start-command-not-found",
    title="The package manager does not find what it is to run: {script}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The start command leaves it to npm, yarn, pnpm, Composer, make or the like to know what to run, and the project"
        " file in the image's working directory has no such script, or is not there."
    ),
    fix=(
        Step("Add the script to the project file, or name one that is there in the start command."),
        Step("Copy the project file (package.json, composer.json, Gemfile, Makefile) into the image's WORKDIR."),
        Step("Or start the program itself, without a package manager between: `node server.js`."),
    ),
    false_alarms="A program that a script names and that is not installed is start-command-not-found of that program.",
    docs="https://docs.npmjs.com/cli/commands/npm-run",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"build-output-not-carried", "module-missing"}),
    application_patterns={
        "script": (
            # npm, yarn, pnpm, Bun, Deno
            r"\b[Mm]issing script:? \"?(?P<npm>[\w:.-]+)|\berror Command \"(?P<yarn>[\w:.-]+)\" not found|Couldn't find a script named \"(?P<berry>[^\"]+)\""
            r"|ERR_PNPM_(?:NO_SCRIPT|RECURSIVE_EXEC)\S*\s+(?:Missing script:?|Command) \"?(?P<pnpm>[\w:.-]+)|\berror: Script not found \"(?P<bun>[^\"]+)\"|Task not found: (?P<deno>\S+)"
            r"|npx canceled due to missing packages and no YES option: \[\s*['\"](?P<npx>[^'\"]+)|could not determine (?P<npm_exec>executable) to run"
            # Composer, Artisan, make, rake, Mix, Django
            r"|\bCommand \"(?P<composer>[\w:.-]+)\" is not defined|(?:^|\s)(?:(?:def)?in)?ed in the \"(?P<artisan>[\w:.-]+)\" namespace\."
            r"|No rule to make target [`'](?P<make>[^']+)'|Don't know how to build task '(?P<rake>[^'&|]+)'|The task \"(?P<mix>[^\"]+)\" could not be found"
            r"|^Unknown command: '(?P<django>\w+)'|no bin target named `(?P<cargo>[\w-]+)`"
            # command lines of applications: click, argparse (Airflow)
            r"|^Error: No such command ['\"](?P<click>[\w:.-]+)['\"]|error: argument \S+: (?:invalid choice: '|Command `)(?P<argparse>[\w .-]+)[`'] (?:\(choose from|has been removed)"
        ),
        "project": (
            r"Could not read package\.json: Error: ENOENT[^\n]{0,60}open '(?P<npm>[^']+)'|ENOENT: no such file or directory, open '(?P<npm_before>[^']*/package\.json)'"
            r"|Couldn't find a (?P<yarn>package\.json) file in|(?P<pnpm>No package\.json) \(or package\.yaml"
            r"|Could not locate (?P<gemfile>Gemfile)|could not find a (?P<poetry>pyproject\.toml) file in|could not find `(?P<cargo>Cargo\.toml)` in|could not find (?P<composer>a composer\.json file) in"
            r"|Couldn't find a (?P<dotnet>project) to run\. Ensure|error MSB1009: (?P<msbuild>Project file) does not exist|^no (?P<go>Go files) in /"
        ),
    },
)
