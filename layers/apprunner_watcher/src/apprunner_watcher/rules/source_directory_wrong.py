"""The build looks for the project in a folder where it is not."""

from apprunner_watcher.knowledge.build_log import has_failed, is_error
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the words of package managers and compilers for a folder that holds no project."""
    if not has_failed(snapshot.service_log):
        return None
    told = matches.service("app runner")
    surely = [match for match in matches.service("no project") if is_error(match.line)]
    maybe = [match for match in matches.service("no file") if is_error(match.line)]
    found = [*told, *surely, *maybe]
    if not found:
        return None
    confidence = Confidence.CERTAIN if told or surely else Confidence.LIKELY
    directory = snapshot.configuration.source_directory or "/"
    return Finding(
        confidence,
        (Evidence.of(found[0].line), Evidence.setting("SourceDirectory", directory)),
        {"what": next((name for name in found[0].found.groups() if name), "the project")},
    )


RULE = Rule(
    id="source-directory-wrong",
    code="source-directory-wrong",
    title="The build does not find {what} in the folder where it looks",
    phase=Phase.BUILD,
    looks_at=frozenset({"configuration", "service_log"}),
    why=(
        "The commands of the build run in the service's source directory, by default the top of the repository. In a"
        " repository with several projects that is not where this one is."
    ),
    fix=(
        Step(
            "Set the source directory to the project's folder; apprunner.yaml, if you use one, belongs there as well."
        ),
        Step("Write paths in the commands as seen from that folder, and let every command that does `cd` come back."),
        Step("Check that the file is committed, on the branch that the service follows, in the same capitals."),
    ),
    false_alarms="A package that is not installed is another matter: here it is the project itself that is not found.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html",
    rollback="helps",
    check=check,
    service_patterns={
        "app runner": (
            r"^\[AppRunner\][^\n]{0,120}[Ss]ource ?[Dd]irectory\b[^\n]{0,120}?(?:not found|not exist|n't exist|invalid|not valid|could(?:n't| not))"
        ),
        "no project": (
            # npm, yarn, pnpm, Bun
            r"ould not read (?P<npm>package\.json): Error: ENOENT|\bENOENT: no such file or directory, open '[^']{0,200}(?P<npm_6>package\.json)'"
            r"|Couldn't find a (?P<yarn>package\.json) file in|No project found in the initial directory|No (?P<pnpm>package\.json)(?: \(or [^)]{1,40}\))? (?:was )?found in"
            r"|Bun could not find a (?P<bun>package\.json) file"
            # Poetry, PDM, uv, pip
            r"|could not find a (?P<poetry>pyproject\.toml) file in|No `(?P<uv>pyproject\.toml)` found in|No (?P<pdm>pyproject\.toml) found"
            r"|is not installable\. (?:Neither '(?P<pip>setup\.py)' nor|File 'setup\.py')|No (?P<pipenv>Pipfile) present at project home"
            # Go, Rust
            r"|(?P<go>go\.mod) file not found in current directory|go: cannot find main module|could not find `(?P<cargo>Cargo\.toml)` in"
            # Maven, Gradle, MSBuild
            r"|requires a project to execute but there is no (?P<maven>POM) in this directory|POM file (?P<pom>\S+) specified with the -f/--file"
            r"|does not contain a (?P<gradle>Gradle build)|error (?:MSB1003|MSB1009): [^\n]{0,120}?(?P<msbuild>project)"
            # Bundler, Composer, Mix
            r"|Could not locate (?P<bundler>Gemfile)|Composer could not find a (?P<composer>composer\.json) file in|Could not find a Mix\.Project"
        ),
        "no file": (
            r"ould not open (?:requirements|constraint) file: \[Errno 2\][^\n]{0,60}?'(?P<pip>[^']+)'"
            r"|\b(?:cd|pushd): (?:can't cd to )?(?P<folder>[\w./-]+)(?:: No such file or directory)?$"
            r"|No targets specified and no (?P<make>makefile) found|[Nn]o such file or directory:? ['\"]?(?P<pom>(?:\S*/)?(?:pom\.xml|go\.mod|package\.json|requirements\.txt|Gemfile|composer\.json|Cargo\.toml))\b"
        ),
    },
)
