"""The main process ends by itself with exit code 0: nothing stays in the foreground."""

import re
from collections.abc import Iterator

from apprunner_watcher.log import Line
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_DONE_WELL = 0
_KINDS = ("clean", "pm2", "service", "built")
_TABLE = re.compile(r"^\s*(?:$|[┌│├└⇆+|─-]|\[PM2\]|Use `?pm2)")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find exit code 0 before anybody asked the container to stop, or a log that ends where something went into the background."""
    log = snapshot.service_log
    if matches.application("stopped"):
        return None
    kind = next((kind for kind in _KINDS if matches.application(kind)), "")
    told = matches.application(kind)[-1:] if kind else ()
    evidence = tuple(Evidence.of(match.line) for match in told)
    values = {kind or "script": "yes"}
    # it gave up over an error, and forgot to say so in its exit code
    has_raised = not told and bool(snapshot.application_log.traces or matches.application("raised"))
    if log.exit and log.exit_code == _DONE_WELL and log.has_ended_by_itself and not has_raised:
        confidence = _confidence(snapshot, matches, says_why=bool(told))
        return Finding(confidence, (Evidence.of(log.exit), *(evidence or _last_words(snapshot))), values)
    if told and not log.exit and not snapshot.came_up and _ends_with(snapshot, told[0].line):
        return Finding(Confidence.LIKELY, evidence, values)
    return None


def _confidence(snapshot: Snapshot, matches: Matches, *, says_why: bool) -> Confidence:
    log = snapshot.application_log
    if log.listening or (not says_why and matches.application("error")):
        return Confidence.POSSIBLE  # it did serve, or something was the matter with it
    return Confidence.CERTAIN if log.failing else Confidence.LIKELY


def _ends_with(snapshot: Snapshot, line: Line) -> bool:
    """Whether nothing but a table, as PM2 draws one, stands below the line in its stream."""
    return all(_TABLE.match(one.text) for one in snapshot.application_log.below(line))


def _last_words(snapshot: Snapshot) -> Iterator[Evidence]:
    return (Evidence.of(line) for line in snapshot.application_log.failing[-1:])


RULE = Rule(
    id="process-exits-at-once",
    code="process-exits-at-once",
    title="The main process ends at once, without an error",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "A container lives as long as the process that its command starts. This one was done, with exit code 0: it went into"
        " the background, or was a script or a build and not a server."
    ),
    fix=(
        Step(
            "Start it in the foreground: pm2-runtime in place of pm2.",
            "pm2-runtime start ecosystem.config.js",
            when="pm2",
        ),
        Step(
            "Start the server itself in place of `service … start`, and let it stay in the foreground.",
            'nginx -g "daemon off;"   # Apache: apachectl -D FOREGROUND, PHP: php-fpm -F',
            when="service",
        ),
        Step(
            "Build in the Dockerfile (`RUN npm run build`) or in the build command, and let the start command start a server.",
            when="built",
        ),
        Step(
            "Let the last command of the start script be the server, with `exec` before it and without `&` behind it.",
        ),
        Step(
            "See that the file that is started really starts a server: one that only exports it (`module.exports = app`, an"
            ' `if __name__ == "__main__":` that is never true) ends at once, as does a program that waits for a terminal.',
            when="script",
        ),
    ),
    false_alarms="An application that is asked to stop, after a failed health check, ends with 0 as well if it does so well.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    # it gave up over something else, and left with 0
    gives_way_to=frozenset(
        {
            "address-in-use",
            "config-validation-failed",
            "database-migration-failed",
            "dependency-credentials-wrong",
            "dependency-name-unresolved",
            "dependency-on-localhost",
            "dependency-unreachable",
            "dev-server",
            "egress-no-connector",
            "env-var-missing",
            "module-missing",
            "security-group-blocks",
            "start-command-needs-shell",
            "start-command-not-found",
            "start-command-stale",
            "tls-required",
        }
    ),
    application_patterns={
        "pm2": r"PM2 Successfully daemonized|^\[PM2\] (?:Done\.|Spawning PM2 daemon)",
        "service": (
            # init scripts of Debian, with the names that they give to servers
            r"\b(?:Starting|Restarting) (?:nginx|[Aa]pache|httpd|web server|PHP [\d.]+ FastCGI|php[\d.]*-fpm|periodic command scheduler|cron|redis|PostgreSQL|MySQL|MariaDB|memcached|supervisor|Tomcat|OpenBSD)\b"
            r"|^waiting for server to start\.{2,}|^server started$"
        ),
        # yarn, Create React App, Vite, webpack, Angular, Next.js
        "built": (
            r"^✨? *Done in \d[\d.]*m?s\.?$|The (?:build|\S+) folder is ready to be deployed|^✓ built in \d|Build at: \S+ - Hash: "
            r"|\bwebpack [\d.]+ compiled (?:successfully|with \d+ warnings?) in \d|^Application bundle generation complete"
        ),
        "clean": r"\[nodemon\] clean exit - waiting for changes|exited with (?:code|status) 0$",
        # App Runner asked it to
        "stopped": (
            r"(?i)SIGTERM|SIGINT|\bsignal 15\b|signal: terminated|Handling signal: term|TERM signal|graceful(?:ly)? (?:shut|stop|exit)"
        ),
        "raised": r"\b\w*(?:Error|Exception)\b|\bpanic: ",
        "error": (
            r"(?i)\busage: |\b(?!could not reliably determine)(?:err(?:or)?s?|fatal|critical|fail(?:s|ed|ure)?|cannot|unable|refused|denied|missing|invalid|not found|could not|timeout|timed? out|no such)\b"
        ),
    },
)
