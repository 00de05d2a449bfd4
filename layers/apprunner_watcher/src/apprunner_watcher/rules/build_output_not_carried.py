"""What the build of a managed runtime installed outside of /app is not there at run time."""

import re

from apprunner_watcher.build_log import is_printed
from apprunner_watcher.module_name import is_built_in
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

# the revised build copies /app alone into the image that runs
_REVISED = re.compile(r"PYTHON_3\d\d|NODEJS_(?:18|2\d)")
_PIP = re.compile(
    r"\b(?:pip[\d.]*|python[\d.]*\s+-m\s+pip)\s+install\b(?![^&|;\n]{0,200}(?:\s-t\b|--target|--prefix))|\b(?:poetry|pipenv|pdm|uv pip) (?:install|sync)\b"
)
_INTO_APP = re.compile(r"venv|virtualenv|PYTHONUSERBASE|PIPENV_VENV_IN_PROJECT|virtualenvs\.in-project")
_GLOBAL = re.compile(
    r"\b(?:npm|pnpm)\s+(?:i|install|add)\b[^&|;\n]{0,120}?\s(?:-g|--global|--location=global)\b|\byarn global add\b|\bcorepack (?:enable|prepare)\b"
)
_NODE_TOOLS = frozenset(
    {
        "pm2",
        "pm2-runtime",
        "pnpm",
        "yarn",
        "ts-node",
        "tsx",
        "nodemon",
        "serve",
        "http-server",
        "nest",
        "next",
        "tsc",
        "bun",
        "forever",
        "concurrently",
        "dotenv",
    }
)
# names of people's own modules
_OWN = frozenset(
    {
        "app",
        "application",
        "main",
        "src",
        "api",
        "server",
        "config",
        "settings",
        "core",
        "backend",
        "wsgi",
        "asgi",
        "manage",
        "project",
        "run",
        "utils",
        "models",
        "routes",
        "lib",
    }
)
_INSTALLED = re.compile(r"([A-Za-z0-9][\w.]*(?:-[A-Za-z_][\w.]*)*)-\d[\w.!+]*")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a package that is missing at the start, in a service whose build installed it where nothing is kept."""
    if not snapshot.configuration.is_from_source:
        return None
    confidence = weight(snapshot)
    missing = [*matches.application("module"), *matches.application("program"), *matches.service("program")]
    missing = [match for match in missing if not is_built_in(_named(match))]
    if not confidence or not missing:
        return None
    first = missing[0]
    found = _python(first, snapshot, matches) or _node(first, snapshot, matches)
    if not found:
        return None
    limit, proof, runtime = found
    return Finding(
        at_most(limit, confidence), (Evidence.of(first.line), proof), {"what": _named(first), runtime: "yes"}
    )


def _named(match: Match) -> str:
    return next((name for name in match.found.groups() if name), "").rpartition("/")[2]


def _python(missing: Match, snapshot: Snapshot, matches: Matches) -> tuple[Confidence, Evidence, str] | None:
    """How sure it is that pip installed it in the build, and what shows that."""
    configuration = snapshot.configuration
    name = _plain(_named(missing).partition(".")[0])
    installs = [match for match in matches.service("pip") if _keeps_nothing(match.line.text)]
    if _PIP.search(configuration.start_command) or name in _NODE_TOOLS:
        return None
    for match in matches.service("installed"):
        if is_printed(match.line) and name in _packages(match.line.text):
            return Confidence.CERTAIN, Evidence.of(match.line), "python"
    if _keeps_nothing(configuration.build_command) and _PIP.search(configuration.build_command):
        proof = Evidence.setting("BuildCommand", configuration.build_command)
    elif installs:
        proof = Evidence.of(installs[0].line)
    else:
        return None
    if not (_REVISED.fullmatch(configuration.runtime) or matches.service("revised")) or name in _OWN:
        return None
    # pip says what it installed, and the name is not among it: it may be listed under another name, or nowhere
    return (Confidence.POSSIBLE if matches.service("installed") else Confidence.LIKELY), proof, "python"


def _keeps_nothing(command: str) -> bool:
    return not _INTO_APP.search(command)


def _packages(text: str) -> set[str]:
    """The modules that `Successfully installed Flask-3.0.3 python-dotenv-1.0.1` may stand for."""
    names = {_plain(one) for one in _INSTALLED.findall(text)}
    return names | {part for name in names for part in name.split("_")}


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def _node(missing: Match, snapshot: Snapshot, matches: Matches) -> tuple[Confidence, Evidence, str] | None:
    """The same for a program that npm installed globally."""
    configuration = snapshot.configuration
    name = _named(missing)
    is_revised = _REVISED.fullmatch(configuration.runtime) or matches.service("revised")
    if not is_revised or name not in _NODE_TOOLS or _GLOBAL.search(configuration.start_command):
        return None
    if _GLOBAL.search(configuration.build_command) and re.search(
        rf"\b{re.escape(name)}\b|corepack", configuration.build_command
    ):
        return Confidence.CERTAIN, Evidence.setting("BuildCommand", configuration.build_command), "node"
    return next(
        (
            (Confidence.CERTAIN, Evidence.of(match.line), "node")
            for match in matches.service("global")
            if is_printed(match.line) and (name in match.line.text or "corepack" in match.line.text)
        ),
        None,
    )


RULE = Rule(
    id="build-output-not-carried",
    code="build-output-not-carried",
    title="What the build installed is not there at run time: {what}",
    phase=Phase.BUILD,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The managed runtimes Python 3.11, Node.js 18 and Node.js 22 build in one image and run in another, which gets"
        " /app and nothing else. What pip, or npm with `-g`, installs lies elsewhere and stays behind."
    ),
    fix=(
        Step(
            "Install the packages for the run: `pip3 install -r requirements.txt` under `run.pre-run` of apprunner.yaml.",
            when="python",
        ),
        Step(
            "Or install them into /app in the build (`pip3 install --target ./packages -r requirements.txt`), set"
            " PYTHONPATH=/app/packages, and start with `python3 -m gunicorn …`, since programs of packages are not on PATH.",
            when="python",
        ),
        Step("Make it a dependency of package.json, and start it with `npx` or by an npm script.", when="node"),
        Step("Use `pip3` and `python3` in the commands: the short names are not there.", when="python"),
    ),
    false_alarms=(
        "A package that the build did not install either is module-missing. The older managed runtimes (Python 3.7 and 3.8,"
        " Node.js 12 to 16) run in the image that they were built in."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code-python.html",
    rollback="helps",
    check=check,
    application_patterns={
        "module": re.compile(
            r"(?<![\w.])(?:ModuleNotFound|Import)Error: No module named '?(?P<module>[\w.]+)|\bpython[\d.]*: No module named (?P<run>[\w.]+)"
        ),
        "program": re.compile(
            r"exec: \"?(?P<runtime>[\w./-]+)\"?: (?:executable file not found|not found|stat )|\b(?:ba|da|a)?sh: (?:line )?(?:\d+: )?(?:exec: )?(?P<shell>[\w./-]+): (?:command )?not found"
            r"|exec (?P<exec>[\w./-]+) failed: No such file or directory|\benv: ['\u2018]?(?P<env>[\w./-]+)['\u2019]?: No such file or directory"
        ),
    },
    service_patterns={
        "program": re.compile(r"exec: \"(?P<runtime>[\w./-]+)\": (?:executable file not found|stat )"),
        "pip": re.compile(
            r"^\[(?:Pre)?Build\] (?:Step \d+/\d+ : )?(?:RUN )?[^\n]{0,120}?\b(?:pip[\d.]* install|poetry install|pipenv (?:install|sync))\b"
        ),
        "installed": re.compile(r"Successfully installed \S+-\d"),
        "global": re.compile(
            r"\b(?:npm|pnpm) (?:i|install|add) [^\n]{0,80}?(?:-g|--global)\b|\byarn global add\b|\bcorepack (?:enable|prepare)\b"
        ),
        "revised": re.compile(r"awsfusionruntime-(?:python3\d\d|nodejs(?:18|2\d))"),
    },
)
