"""What the build of a managed runtime installed outside of /app is not there at run time."""

from apprunner_watcher.knowledge.build_log import is_printed
from apprunner_watcher.knowledge.managed_runtime import (
    installed_by_pip,
    installs_by_npm,
    installs_by_pip,
    is_own_module,
    is_program_of_node,
    is_program_of_python,
    is_revised,
    plain,
)
from apprunner_watcher.knowledge.module_name import is_built_in
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_Proof = tuple[Confidence, Evidence]


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a package that is missing at the start, in a service whose build installed it where nothing is kept."""
    configuration = snapshot.configuration
    if not configuration.is_from_source or (configuration.runtime and not is_revised(configuration.runtime)):
        return None
    confidence = weight(snapshot)
    missing = [*matches.application("module"), *matches.application("program"), *matches.service("program")]
    missing = [one for one in missing if not is_built_in(_named(one)) and not one.line.is_warning]
    if not confidence or not missing:
        return None
    first = missing[0]
    runtime = "node" if is_program_of_node(_named(first)) else "python"
    found = _by_npm(first, snapshot, matches) if runtime == "node" else _by_pip(first, snapshot, matches)
    if not found:
        return None
    limit, proof = found
    return Finding(
        at_most(limit, confidence), (Evidence.of(first.line), proof), {"what": _named(first), runtime: "yes"}
    )


def _named(match: Match) -> str:
    return next((name for name in match.found.groups() if name), "").rpartition("/")[2]


def _by_pip(missing: Match, snapshot: Snapshot, matches: Matches) -> _Proof | None:
    """How sure it is that pip installed it in the build, and what shows that."""
    configuration = snapshot.configuration
    name = plain(_named(missing).partition(".")[0])
    lists = [match for match in matches.service("installed") if is_printed(match.line)]
    if installs_by_pip(configuration.start_command):
        return None
    installed = next((match for match in lists if name in installed_by_pip(match.line.text)), None)
    proof = _of_pip(snapshot, matches)
    if installed and (proof or not configuration.build_command):
        return Confidence.CERTAIN, Evidence.of(installed.line)
    is_package = is_program_of_python(_named(missing)) if missing not in matches.application("module") else True
    if not proof or not is_package or is_own_module(name):
        return None
    is_known = is_revised(configuration.runtime) or matches.service("revised")
    # where pip tells what it installed, and this is not among it, it has another name there, or was never listed
    return (Confidence.LIKELY if is_known and not lists else Confidence.POSSIBLE), proof


def _of_pip(snapshot: Snapshot, matches: Matches) -> Evidence | None:
    """What shows that the build installs packages where nothing is kept."""
    command = snapshot.configuration.build_command
    if command:
        return Evidence.setting("BuildCommand", command) if installs_by_pip(command) else None
    lines = (match.line for match in matches.service("pip"))
    return next((Evidence.of(line) for line in lines if installs_by_pip(line.text)), None)


def _by_npm(missing: Match, snapshot: Snapshot, matches: Matches) -> _Proof | None:
    """The same for a program that npm installed globally."""
    command, name = snapshot.configuration.build_command, _named(missing)
    if not (is_revised(snapshot.configuration.runtime) or matches.service("revised")):
        return None
    if installs_by_npm(command, name):
        return Confidence.CERTAIN, Evidence.setting("BuildCommand", command)
    lines = (match.line for match in matches.service("global") if is_printed(match.line))
    return next(((Confidence.CERTAIN, Evidence.of(line)) for line in lines if installs_by_npm(line.text, name)), None)


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
        "module": (
            r"(?<![\w.])(?:ModuleNotFound|Import)Error: No module named '?(?P<module>[\w.]+)|\bpython[\d.]*: No module named (?P<run>[\w.]+)"
        ),
        "program": (
            r"exec: \"?(?P<runtime>[\w./-]+)\"?: (?:executable file not found|not found|stat )|\b(?:ba|da|a)?sh: (?:line )?(?:\d+: )?(?:exec: )?(?P<shell>[\w./-]+): (?:command )?not found"
            r"|exec (?P<exec>[\w./-]+) failed: No such file or directory|\benv: ['\u2018]?(?P<env>[\w./-]+)['\u2019]?: No such file or directory"
        ),
    },
    service_patterns={
        "program": r"exec: \"(?P<runtime>[\w./-]+)\": (?:executable file not found|stat )",
        "pip": (
            r"^\[(?:Pre)?Build\] (?:Step \d+/\d+ : )?(?:RUN )?[^\n]{0,120}?\b(?:pip[\d.]* install|poetry install|pipenv (?:install|sync))\b"
        ),
        "installed": r"Successfully installed \S+-\d",
        "global": (
            r"\b(?:npm|pnpm) (?:i|install|add) [^\n]{0,80}?(?:-g|--global)\b|\byarn global add\b|\bcorepack (?:enable|prepare)\b"
        ),
        "revised": r"awsfusionruntime-(?:python3\d\d|nodejs(?:18|2\d))",
    },
)
