"""The container's user may not write a path that the application needs, or the file system is read-only."""

import re

from apprunner_watcher.image import Image
from apprunner_watcher.rule import (
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    at_most,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_REFUSAL = r"(?:[Pp]ermission denied|[Rr]ead-only file system|[Oo]peration not permitted)"
_LONGEST = 60  # characters of a path in the title
_SOURCE = re.compile(r"(?<!\.d)\.(?:[cm]?[jt]sx?|py|rb|php|sh|jar|dll)$|package\.json$|/bin/[^/]+$")
_ONLY_READS = re.compile(r"\b(?:scandir|l?stat|access|watch|readdir|realpath)\b")
_OWNER = re.compile(r"^ch(?:own|mod): ")  # entrypoints try it, and go on
# of these files nobody writes any; who serves asks for them, or is made to by a scanner
_OF_THE_SYSTEM = re.compile(r"\bch(?:own|mod)\b|(?<![\w.])/(?:proc|sys|etc|root/\.ssh)/")
# where applications write, if they look at it at all
_FOR_DATA = re.compile(r"/(?:uploads?|data|logs?|cache|te?mp|storage|backups?)(?:/|$)")
_OF_SCRIPT = re.compile(r"\b(?:mkdir|touch|cp|mv|rm|ln|chmod|chown|sed|tee|install): ")
# they say what they do in its place
_HELPS_ITSELF = re.compile(
    r"\b(?:instead|created a temporary|using /|fall(?:ing|s)? ?back|skipping|ignor(?:ed|ing)|will operate|(?:caching|cache has been) disabled)\b|configstore|heap ?snapshot|heap ?dump|\bautosave\b",
    re.IGNORECASE,
)
# Monolog
_WAS_TO_BE_LOGGED = re.compile(r"exception occurred while attempting to log: ([^\n]{0,300})")
# subprocess, child_process and others could not execute it: that is about the program's own permission
_RUNS_A_PROGRAM = re.compile(r"subprocess\.py|_execute_child|\bspawn\b|fork/exec|os\.exec|posix_spawn")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a write that was refused, in an application that then never serves."""
    confidence = weight(snapshot)
    refused = [match for match in matches.application("refused") if not _is_about_else(match, snapshot)]
    unopened = [match for match in matches.application("database") if not match.line.is_passing]
    if not confidence or not (refused or unopened):
        return None
    if refused:
        first = next(filter(_path, refused), refused[0])
        is_hint = _may_be_else(first) or _goes_on(first, snapshot)
        limit = (
            Confidence.POSSIBLE
            if is_hint
            else Confidence.LIKELY
            if _OWNER.search(first.found[0])
            else Confidence.CERTAIN
        )
    else:
        # the folder may not exist as well
        first, limit = unopened[0], Confidence.LIKELY
    path = _path(first)
    image = snapshot.parts.image
    user = image.config.user if isinstance(image, Image) and image.config else ""
    return Finding(
        at_most(limit, confidence),
        (Evidence.of(first.line), *([Evidence("image", f"USER: {user}")] if user else [])),
        {
            "path": (path if len(path) <= _LONGEST else f"{path[:_LONGEST]}…") or "a path that it needs",
            "sqlite": "yes" if matches.application("database") or "readonly database" in first.line.text else "",
            "home": "yes" if re.match(r"/(?:root|nonexistent)?/?\.|/nonexistent", path) else "",
            "nginx": "yes" if "[emerg]" in first.line.text else "",
        },
    )


def _path(match: Match) -> str:
    return next((text for text in match.found.groupdict().values() if text), "")


def _is_about_else(match: Match, snapshot: Snapshot) -> bool:
    said = match.line.said
    if (
        match.line.is_passing
        or _RUNS_A_PROGRAM.search(said)
        or _HELPS_ITSELF.search(said)
        or "syscall spawn" in match.after
    ):
        return True
    if snapshot.is_live and (
        _OF_THE_SYSTEM.search(said) or _HELPS_ITSELF.search(match.after) or _came_up_after(match, snapshot)
    ):
        return True
    trace = snapshot.application_log.trace_of(match.line)
    return bool(trace and any(_RUNS_A_PROGRAM.search(line.text) for line in trace.lines))


def _came_up_after(match: Match, snapshot: Snapshot) -> bool:
    """Whether a script tried it before the application began to listen, which needed it for nothing."""
    is_of_script = bool(_OF_SCRIPT.search(match.line.said))
    places = (one.line for one in snapshot.application_log.listening)
    return is_of_script and any(one.stream == match.line.stream and one.at >= match.line.at for one in places)


def _goes_on(match: Match, snapshot: Snapshot) -> bool:
    """Whether the application lived on to raise something else."""
    log = snapshot.application_log
    of_stream = (one for one in reversed(log.traces) if one.head.stream == match.line.stream)
    last = next(of_stream, None)
    return not log.trace_of(match.line) and last is not None and last.head.at > match.line.at


def _may_be_else(match: Match) -> bool:
    """Whether it was perhaps opened to be read, or a log could not take what is the real error."""
    is_source = any(text and _SOURCE.search(text) for text in match.found.groupdict().values())
    lost = _WAS_TO_BE_LOGGED.search(match.line.said)
    is_symptom = bool(lost and not re.search(_REFUSAL, lost[1]))
    reads = bool(_ONLY_READS.search(match.found[0])) and not _FOR_DATA.search(match.found[0].rstrip("'"))
    return is_source or is_symptom or reads


RULE = Rule(
    id="path-not-writable",
    code="path-not-writable",
    title="The container's user may not write {path}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The container runs as a user who does not own the path: files that COPY brings into an image belong to root, and so"
        " do folders that a USER other than root finds."
    ),
    fix=(
        Step(
            "Give the path to that user in the Dockerfile, before the USER line: `COPY --chown=USER:GROUP …`, or `RUN mkdir -p PATH"
            " && chown -R USER:GROUP PATH`."
        ),
        Step(
            "Or let the application write elsewhere: logs to stdout; caches and temporary files below /tmp.",
        ),
        Step(
            "Give the user a home (`adduser` without --no-create-home), or set HOME=/tmp: package managers and libraries keep"
            " their caches there.",
            when="home",
        ),
        Step("Start from nginxinc/nginx-unprivileged, whose paths its user may write.", when="nginx"),
        Step(
            "Make the folder of the SQLite file writable as well, not the file alone: its journal is written beside it. The"
            " file is lost with each instance, so use a database outside of the container for what must stay.",
            when="sqlite",
        ),
    ),
    false_alarms=(
        "Caches that cannot be written are mostly passed over with a warning. `permission denied for table` is the database's,"
        " and a script that may not be executed is entrypoint-permission-denied."
    ),
    docs="https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    application_patterns={
        "refused": (
            # Node.js, npm, yarn, pnpm, corepack, PM2, Vite, Next.js; before version 4
            r"\bE(?:ACCES|ROFS|PERM): [^\n]{0,40}?, [a-z]+ '(?P<node>[^']+)'"
            r"|\bE(?:ACCES|ROFS|PERM), (?:permission denied|[a-z]+) '(?P<old_node>[^']+)'|Your cache folder contains root-owned files"
            r"|\bnpm (?:ERR!|error) code E(?:ACCES|ROFS)\b"
            r"|Can't write to (?P<prisma>\S+) please make sure you install"
            # Python; pip
            rf"|\[Errno (?:1|13|30)\] {_REFUSAL}: b?['\"](?P<python>[^'\"]+)['\"]|could not create '(?P<distutils>[^']+)': {_REFUSAL}"
            r"|cannot cache function [^\n]{0,80}no locator available"
            # coreutils, busybox, dash, bash; docker entrypoints
            rf"|\b(?:mkdir|touch|cp|mv|rm|ln|chmod|chown|sed|tee|tar|install|rsync|unzip): [^\n]{{0,80}}?(?:['\u2018](?P<quoted>[^'\u2019\n]+)['\u2019]|(?P<bare>[\w.~-]*/[\w./-]*))[^\n]{{0,60}}?: {_REFUSAL}"
            rf"|can(?:not|'t) create (?P<redirected>[^:\s]+): {_REFUSAL}|couldn't open temporary file (?P<sed>\S+): {_REFUSAL}"
            rf"|line \d+: (?P<bash>\S+\.(?:conf|log|env|pid|txt|ya?ml|json|ini|toml|xml|html?|key|lock|db|sqlite3?|crt|pem)|(?:\S*/)?\.[\w.-]+): {_REFUSAL}|='(?P<folder_of_data>/[^']+)' is not writable"
            # nginx, Apache
            r"|\[emerg\][^\n]{0,40}?\b(?:mkdir|open|chown|rename|unlink)\(\)? ?\"(?P<nginx>[^\"]+)\"[^\n]{0,20} failed \((?:13: Permission|1: Operation|30: Read-only)"
            r"|\(13\)Permission denied: AH000(?:58|91|99): [^\n]{0,80}?(?P<apache>/[^\s:]+)"
            # PHP-FPM, Laravel, Symfony, PHP
            r"|failed to open (?:error_log|access log|the slow log) \((?P<fpm>[^)\n]+)\): Permission denied"
            r"|\"(?P<monolog>/[^\"]+)\" could not be opened[^\n]{0,120}Permission denied|The (?P<laravel>[\w./-]*/[\w./-]+) directory must be present and writable"
            rf"|\b(?:file_put_contents|fopen|mkdir|touch|rename|copy|unlink|chmod)\((?P<php>[^)\n]{{0,200}})\): (?:[Ff]ailed to open stream: )?{_REFUSAL}"
            r"|Unable to (?:create|write in) the \"?(?P<symfony>[\w-]+)\"? directory"
            # the JVM
            r"|java\.nio\.file\.(?:AccessDenied|ReadOnlyFileSystem|FileSystem)Exception: (?P<nio>/[^\s:,]+)(?=$|[\s:,])(?! -> )"
            rf"|FileNotFoundException: (?P<io>[^\s(]+) \({_REFUSAL}\)|java\.io\.IOException: (?:Permission denied|Read-only file system)"
            # .NET
            rf"|Access to the path '(?P<dotnet>[^']+)' is denied|IOException: {_REFUSAL} : '(?P<dotnet_io>[^']+)'"
            # Go, Rust, Elixir
            rf"|\b(?:open|mkdir|create|remove|rename|unlinkat|chmod|chown|symlink|lock) (?P<go>[\w@~-]*[./][\w./@-]+)(?: \S+)?: {_REFUSAL}"
            rf"|(?P<rust>/[\w./-]{{1,200}})[^\n]{{0,80}}{_REFUSAL} \(os error (?:1|13|30)\)|could not [^\n]{{0,40}}\"(?P<elixir>[^\"]+)\": {_REFUSAL}"
            # Ruby, Bundler
            rf"|{_REFUSAL} @ \w+ - (?P<ruby>[^\s()]+)|There was an error while trying to write to `(?P<bundler>[^`]+)`"
            r"|(?i:attempt to write a readonly database)|\bSQLITE_READONLY"
        ),
        # SQLite
        "database": r"(?i:unable to open(?: the)? database file)|\bSQLITE_CANTOPEN",
    },
)
