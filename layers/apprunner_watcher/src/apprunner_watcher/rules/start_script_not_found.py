"""The file that the command gives to an interpreter or server is not in the image, or not where it is looked for."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_BUILD_OUTPUT = re.compile(r"/(?:dist|build|out|lib|\.next|\.output|target|publish|bin)(?:/|$)")
# of the file that it was started with, Node.js says that the folder imports it
_PARENT = re.compile(r"imported from \S*[^\s/](?:\s|$)|^\s*- /|Require stack: +-")
_ITS_MAIN = re.compile(r"imported from \S*/(?:\s|$)|executeUserEntryPoint|\[as runMain\]|run_main|requireStack: \[\]")
# a name that nobody filled in, a whole command taken for a file
_NEEDS_SHELL = re.compile(
    r"^\$\{?[A-Z_]|/\$\{?[A-Z_]|/(?:node|npm|npx|yarn|pnpm|next|nest|serve|ts-node|pm2(?:-runtime)?|tsx|bun) \S"
)
# Node.js has found the package, and not the file that it says is its main one
_BROKEN_PACKAGE = re.compile(r"/node_modules/[^']+'\. Please verify that the package\.json has a valid")
_IMPORTED_AT = re.compile(r"\s+at (?:file|https?)://")
_FRAMES = 14


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an interpreter or server that has not found what it was started with."""
    missing = [match for match in matches.application("file") if not _has_parent(match, snapshot)]
    missing += [*matches.application("folder"), *matches.application("module")]
    missing = [match for match in missing if not _NEEDS_SHELL.search(_named(match))]
    confidence = weight(snapshot)
    if not missing or not confidence:
        return None
    first = min(missing, key=lambda match: match.line.at)
    return Finding(
        at_most(_limit(first, snapshot, matches), confidence),
        (Evidence.of(first.line),),
        {"file": _named(first) or "what it names"},
    )


def _named(match: Match) -> str:
    return next((text for text in match.found.groups() if text), "")


def _after(match: Match, snapshot: Snapshot) -> list[str]:
    return [line.said for line in snapshot.application_log.near(match.line, below=_FRAMES)]


def _has_parent(match: Match, snapshot: Snapshot) -> bool:
    """Whether another file asked for it: Node.js and Deno name those behind the module."""
    if match.found.groupdict().get("deno"):
        return _IMPORTED_AT.match(match.after) is not None
    node = match.found.groupdict().get("node") or ""
    if not node:
        return False
    if _BROKEN_PACKAGE.search(match.line.said) and node not in snapshot.configuration.start_command:
        return True
    after = _after(match, snapshot)
    return any(_PARENT.search(text) for text in after)


def _limit(match: Match, snapshot: Snapshot, matches: Matches) -> Confidence:
    """How sure the words can be; some have another cause as well."""
    node = match.found.groupdict().get("node") or ""
    if node:
        is_named = node.rpartition("/")[2] in snapshot.configuration.start_command.replace("/", " ").split()
        is_main = is_named or any(_ITS_MAIN.search(text) for text in _after(match, snapshot))
        return Confidence.CERTAIN if is_main and not _BUILD_OUTPUT.search(node) else Confidence.LIKELY
    if match in matches.application("module"):
        return Confidence.LIKELY  # a module that it imports may be what is missing
    if snapshot.configuration.is_from_source:
        return Confidence.POSSIBLE  # a managed runtime drops what its build makes outside of /app
    return Confidence.LIKELY if match in matches.application("folder") else Confidence.CERTAIN


RULE = Rule(
    id="start-script-not-found",
    code="start-command-not-found",
    title="The file to start is not in the image: {file}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The command starts an interpreter or server, and the file that it is to run does not exist in the image under"
        " that path; a relative path is looked for in the image's WORKDIR."
    ),
    fix=(
        Step(
            "Look where it is in the image.",
            "docker run --rm --entrypoint sh YOUR_IMAGE -c 'pwd; ls -la'",
        ),
        Step("Copy it in the Dockerfile (and see that .dockerignore does not leave it out), or build it there."),
        Step("Or correct the path in the start command, with the full path of the file."),
    ),
    false_alarms="A module that a started program does not find is module-missing.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"build-output-missing", "build-output-not-carried"}),
    application_patterns={
        "file": (
            # Python, Node.js, Deno, Bun, pm2
            r"\bpython[\d.]*: can't open file '?(?P<python>[^'\\]+?)'?: \[Errno 2\]|\bpython[\d.]*: can't find '__main__' module in '?(?P<package>[^']+)"
            r"|\bCannot find module '(?P<node>(?:/|[A-Z]:\\)[^']+)'"
            r"|\berror: Module not found \"(?P<deno>[^\"]+)\"|\[PM2\](?:\[ERROR\])?[^\n]{0,20}(?:Script not found:?|Error: Script not found:?|File|Process or Namespace) (?P<pm2>\S+)(?: not found)?$"
            # Java, .NET
            r"|\bUnable to access jarfile (?P<jar>\S+)|The application '(?P<dotnet>[^']+)' does not exist|The application to execute does not exist: '(?P<dotnet_core>[^']+)'"
            # PHP, Ruby, Perl, R
            r"|\bCould not open input file: (?P<php>\S+)|\bruby: No such file or directory -- (?P<ruby>\S+)|\bconfiguration (?P<rack>\S+) not found|Can't open perl script \"(?P<perl>[^\"]+)\""
            r"|cannot open file '(?P<r>[^']+\.[rR])': No such file"
            # Streamlit, Procfile runners, gunicorn's own file, Go, Bun
            r"|File does not exist: (?P<streamlit>\S+\.py)|\bPath does not exist (?P<fastapi>\S+\.py)|\b(?P<procfile>Procfile) does not exist|^Error: (?:can't open file )?'(?P<gunicorn>[^']+\.py)'(?: doesn't exist)?$"
            r"|realpath\(\) of (?P<uwsgi_ini>\S+\.(?:ini|ya?ml|xml|json)) failed: No such file"
            r"|^unable to load configuration from (?P<uwsgi>\S+\.(?:ini|ya?ml|xml|json))$|^Directory (?P<served>\S+) does not exist\.$|Could not execute because the (?P<dotnet_muxer>application) was not found or a compatible"
            r"|^Error: could not find config file (?P<supervisord>/\S+)"
            r"|^stat (?P<go>\S+\.go): no such file or directory|Could not find or load main class (?P<main>\S+\.jar)"
        ),
        "folder": (
            r"\bcan't cd to (?P<dash>\S+)|\bcd: (?:can't cd to )?(?P<bash>[\w./-]+): No such file or directory|can't chdir to '?(?P<gunicorn>[^'\s]+)"
            r"|Invalid project directory provided, no such directory: (?P<next>\S+)"
            # a build tool that starts the application: Maven, Gradle, MSBuild, Go, Cargo, Mix
            r"|there is no POM in this directory \((?P<maven>[^)\s]+)|Directory '(?P<gradle>[^']+)' does not contain a Gradle build|(?P<msbuild>MSB1003): Specify a project or solution file"
            r"|(?P<go_mod>go\.mod) file not found in current directory|^no Go files in (?P<go_files>/\S+)"
            r"|could not find `(?P<cargo>Cargo\.toml)` in|Could not find a (?P<mix>Mix\.Project), please ensure"
            # Dart, Elixir, npx
            r"|Could not find `(?P<dart>[^`]+\.dart)` in package|\(Code\.LoadError\) could not load (?P<elixir>\S+?)\.? Reason: enoent"
            r"|could not determine (?P<npx>executable) to run"
            # java without its file; PHP's own server and PHP-FPM
            r"|-jar requires (?P<java>jar file) specification|Failed opening required '(?P<php_front>[^']+)' [^\n]{0,200} in Unknown\b"
            r"|chdir to cwd \(\"(?P<runc>[^\"]+)\"\) set in config\.json failed: no such file or directory"
        ),
        "module": (
            r"Error loading ASGI app\. Could not import module \"(?P<asgi>[^\"]+)\"|Could not find or load main class (?P<main>[\w.$]+)(?!\S*\.jar)"
            r"|No module named (?P<package>[\w.]+)\.__main__; '[\w.]+' is a package and cannot be directly executed"
        ),
    },
)
