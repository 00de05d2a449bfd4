"""A package, module or generated client is not in the image."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot

_FILE = re.compile(r"^(?:/|\.{1,2}/|[A-Za-z]:\\)")
# optional binary parts of packages have another cause: they were installed for another platform
_NATIVE = re.compile(r"\.node$|(?:linux|linuxmusl|darwin|win32)-(?:x64|arm64)|/build/Release/")
_NAMES_MAIN_CLASS = re.compile(r"Could not find or load main class")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the first import that failed; a file that the start command itself names belongs to another rule."""
    failed = [match for match in matches.application("import") if not _is_another(match, matches)]
    confidence = weight(snapshot)
    if not failed or not confidence:
        return None
    first = failed[0]
    is_of_python = bool(first["python"] or first["python_m"])
    if is_of_python and snapshot.configuration.is_from_source:
        confidence = Confidence.POSSIBLE  # a managed Python drops what its build installs outside of /app
    module = next((name for name in first.found.groups() if name), "its generated Prisma client")
    return Finding(confidence, (Evidence.of(first.line),), {"module": module})


def _is_another(match: Match, matches: Matches) -> bool:
    """Whether it is only a warning, the file that the command names, or a native part."""
    if match.line.is_warning or _NATIVE.search(match["node"]) or _NAMES_MAIN_CLASS.search(match.before):
        return True
    # Node names no requiring file when the missing one is the script that it was started with
    return bool(_FILE.match(match["node"])) and any(
        match.line.at <= end.line.at for end in matches.application("node_no_parent")
    )


RULE = Rule(
    id="module-missing",
    code="module-missing",
    title="A module is not in the image: {module}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why="The application imports it while it starts, does not find it, and ends.",
    fix=(
        Step(
            "Add it to the dependencies that the image installs (requirements.txt, dependencies in package.json and"
            " not devDependencies), rebuild without cache, and deploy."
        ),
        Step(
            "Prove it on the image before you deploy: run the start command locally.",
            "docker run --rm --platform linux/amd64 YOUR_IMAGE",
        ),
        Step("If it is a generated client (Prisma, gRPC) or compiled output, generate it in the image's build."),
    ),
    false_alarms=(
        "Optional imports that are caught are logged as warnings and the application goes on: then it listens. A"
        " missing start script is start-command-not-found, a missing `.node` file native-module-platform."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    application_patterns={
        "import": re.compile(
            r"(?<![\w.])(?:ModuleNotFound|Import)Error: No module named '?(?P<python>[\w.]+)"
            r"|\bpython[\d.]*: No module named (?P<python_m>[\w.]+)"
            r"|\bCannot find module '(?P<node>[^']+)'"
            r"|\bCannot find package '(?P<node_esm>[^']+)' imported from"
            r"|@prisma/client did not initialize yet"
            r"|java\.lang\.(?:NoClassDefFoundError|ClassNotFoundException): (?!Could not initialize)(?P<java>[\w./$]+)"
            r"|cannot load such file -- (?P<ruby>[^\s\"]+)|Could not find (?P<gem>[\w.-]+) in (?:any of the sources|locally installed gems)"
            r"|(?:Failed opening required|[Ff]ailed to open stream)[^\n]{0,120}?(?P<php>vendor/autoload\.php)|(?P<composer>vendor/autoload\.php)['\"]?\): [Ff]ailed to open stream"
            r"|Could not load file or assembly '(?P<dotnet>[\w.]+),"
        ),
        "node_no_parent": re.compile(r"requireStack: \[\]"),
    },
)
