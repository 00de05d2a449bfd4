"""A development server is what runs in production, and is why the deployment fails."""

import re
from collections.abc import Mapping

from apprunner_watcher.knowledge.local_run import command
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_DONE_WELL = 0
_QUITS_WITHOUT_TERMINAL = frozenset({"react", "vite"})
_BUILDS_AT_START = frozenset({"react", "angular"})
# what a start command says of its framework
_OF_COMMANDS: Mapping[str, re.Pattern[str]] = {
    "flask": re.compile(r"\bflask\b[^\n]{0,60}\brun\b"),
    "django": re.compile(r"\bmanage\.py runserver\b"),
    "fastapi": re.compile(r"\bfastapi dev\b|\buvicorn\b[^\n]{0,200}--reload\b"),
    "next": re.compile(r"\bnext dev\b"),
    "react": re.compile(r"\breact-scripts start\b|\bcraco start\b"),
    "angular": re.compile(r"\bng serve\b"),
    "vite": re.compile(r"\bvite(?: dev| serve)?\s*(?:$|--)"),
    "nuxt": re.compile(r"\bnux[ti] dev\b"),
    "rails": re.compile(r"\brails (?:server|s)\b(?![^\n]{0,80}production)"),
    "php": re.compile(r"\bphp -S\b|\bartisan serve\b"),
    "node": re.compile(r"\bnodemon\b|\bts-node-dev\b|\bnode --watch\b|\btsx watch\b"),
    "any_node": re.compile(r"\b(?:npm|yarn|pnpm|bun) (?:run )?(?:dev|develop|serve:dev|start:dev)\b"),
}
_SCRIPT = re.compile(r"^python3? (?:-u )?[\w./-]+\.py\s*$")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a development server that quits, cannot watch its files, or never opens its port; or a start command for one."""
    log = snapshot.service_log
    kind, first = _printed(matches)
    values = {"port": str(snapshot.checked_port), kind: "yes"}
    if (watched := matches.application("watchers")) and not snapshot.came_up:
        confidence = Confidence.CERTAIN if snapshot.has_ended else Confidence.LIKELY
        return Finding(confidence, (Evidence.of(watched[0].line),), values if kind else {**values, "any_node": "yes"})
    if not first:
        return _suspected(snapshot, matches)
    if log.exit and log.exit_code == _DONE_WELL and log.has_ended_by_itself and not snapshot.application_log.traces:
        # without a terminal their standard input is at its end, and that they take for a farewell
        confidence = Confidence.CERTAIN if kind in _QUITS_WITHOUT_TERMINAL else Confidence.POSSIBLE
        return Finding(confidence, (Evidence.of(first.line), Evidence.of(log.exit)), values)
    if kind == "react" and matches.application("ended too early"):
        return Finding(Confidence.LIKELY, (Evidence.of(first.line),), values)
    has_ended = snapshot.has_ended or bool(matches.application("ended"))
    if has_ended or snapshot.application_log.traces or snapshot.health_check_answers:
        return None
    # one that builds before it listens, and never gets as far; what is the matter with the others is not known
    is_building = kind in _BUILDS_AT_START and not snapshot.application_log.listening
    return Finding(Confidence.LIKELY if is_building else Confidence.POSSIBLE, (Evidence.of(first.line),), values)


def _printed(matches: Matches) -> tuple[str, Match | None]:
    for kind in (*_OF_COMMANDS, "any_node"):
        if found := matches.application(kind):
            return kind, found[0]
    return "", None


def _suspected(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """A start command for a development server, where the application says nothing that explains more."""
    runs = command(snapshot)
    if not runs or snapshot.application_log.failing or snapshot.service_log.health_check_passed:
        return None
    setting = Evidence.setting("StartCommand", runs)
    port = str(snapshot.checked_port)
    if kind := next((kind for kind, pattern in _OF_COMMANDS.items() if pattern.search(runs)), ""):
        return Finding(Confidence.POSSIBLE, (setting,), {"port": port, kind: "yes"})
    flask = matches.service("flask")
    if flask and _SCRIPT.search(runs) and not matches.service("wsgi"):
        evidence = (setting, Evidence.of(flask[0].line))
        return Finding(Confidence.POSSIBLE, evidence, {"port": port, "flask": "yes", "script": "yes"})
    return None


RULE = Rule(
    id="dev-server",
    code="dev-server",
    title="A development server runs in production",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Development servers are made for one person's machine: they listen on localhost, build when they start, watch files,"
        " restart themselves, or quit when no terminal is there. A health check waits for none of that."
    ),
    fix=(
        Step(
            "Find out whether the script calls `app.run`: that is Flask's development server, and the build installs no other.",
            when="script",
        ),
        Step(
            "Start Flask with gunicorn (add it to requirements.txt; main:app is FILE:OBJECT).",
            "gunicorn --bind 0.0.0.0:{port} --workers 2 main:app",
            when="flask",
        ),
        Step(
            "Start Django with gunicorn (add it to requirements.txt; mysite is the folder of settings.py).",
            "gunicorn --bind 0.0.0.0:{port} --workers 2 mysite.wsgi:application",
            when="django",
        ),
        Step("Start it without --reload.", "uvicorn main:app --host 0.0.0.0 --port {port}", when="fastapi"),
        Step("Run `next build` in the build, and start what it made.", "next start -H 0.0.0.0 -p {port}", when="next"),
        Step(
            "Run `npm run build` in the build, and serve the static files that it makes.",
            "npx serve -s build -l tcp://0.0.0.0:{port}",
            when="react",
        ),
        Step(
            "Run `vite build` in the build, and serve the static files that it makes.",
            "npx serve -s dist -l tcp://0.0.0.0:{port}",
            when="vite",
        ),
        Step(
            "Run `ng build` in the build, and serve the static files that it makes (the folder is below dist).",
            "npx serve -s dist/YOUR_APP/browser -l tcp://0.0.0.0:{port}",
            when="angular",
        ),
        Step(
            "Run `nuxt build` in the build, and start what it made.",
            "HOST=0.0.0.0 PORT={port} node .output/server/index.mjs",
            when="nuxt",
        ),
        Step(
            "Set RAILS_ENV=production, run `rails assets:precompile` in the build, and start Puma.",
            "bundle exec puma -e production -b tcp://0.0.0.0:{port}",
            when="rails",
        ),
        Step(
            "Serve PHP with Apache, nginx with PHP-FPM, or FrankenPHP.",
            "frankenphp php-server --listen :{port}",
            when="php",
        ),
        Step("Start what the build made with node itself.", "node dist/server.js", when="node"),
        Step(
            "Build in the build, and start what it made: `npm run build`, then `npm start`, with the host 0.0.0.0 and port"
            " {port}.",
            when="any_node",
        ),
        Step("Set NODE_ENV, FLASK_ENV, RAILS_ENV or APP_ENV to production as well."),
    ),
    false_alarms=(
        "A development server that does come up, on the right port and host, is no reason for a failure. nodemon's"
        " `app crashed` repeats an error that stands above it: that is the cause."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    # what is the matter with it, where it is known
    gives_way_to=frozenset(
        {
            "address-in-use",
            "bind-address",
            "health-path-errors",
            "health-path-not-found",
            "health-path-redirects",
            "host-header-rejected",
            "out-of-memory",
            "port-mismatch",
        }
    ),
    application_patterns={
        "flask": (
            r"This is a development server\. Do not use it in a production|\* Serving Flask app\b|\* Debugger is active!"
        ),
        "django": (
            r"^Starting development server at http|Watching for file changes with StatReloader|\bmanage\.py runserver\b|Performing system checks\.\.\."
        ),
        "fastapi": (
            r"Started reloader process \[|Will watch for changes in these directories|FastAPI +Starting development server"
        ),
        "next": (
            r"(?:^|\s)next dev\b|▲ Next\.js [\d.]+ \((?:turbo|Turbopack)|- (?:event|wait) compil(?:ed|ing)|^\s*○ Compiling /"
        ),
        "react": (
            r"(?:^|\s)(?:react-scripts|craco|react-app-rewired) start\b|^Starting the development server\.\.\.|Note that the development build is not optimized|｢wds｣"
        ),
        "angular": r"(?:^|\s)ng serve\b|Angular Live Development Server is listening",
        "vite": (
            r"^\s*VITE v[\d.]+ +ready in|^\s*vite v[\d.]+ dev server running|use --host to expose|press h(?: \+ enter)? to show help|^> vite(?: dev| serve)?(?: --[^\n]{1,80})?$"
        ),
        "nuxt": r"(?:^|\s)nux[ti] dev\b|Nuxt[^\n]{0,40}dev server|Vite client warmed up in",
        "rails": r"Rails [\d.]+ application starting in development\b",
        "php": (
            r"PHP [\d.]+ Development Server \(http|Laravel development server started|Server running on \[http://127\.0\.0\.1"
        ),
        "node": r"\[nodemon\] (?:watching|starting)|\[INFO\] [\d:]+ ts-node-dev|Starting compilation in watch mode",
        "any_node": (
            r"<i> \[webpack-dev-server\]|^> (?:gatsby develop|astro dev|remix dev|svelte-kit dev|vue-cli-service serve|parcel [^\n]{1,60}\.html|webpack serve|strapi develop|nest start --watch)\b"
        ),
        "ended too early": r"^The build failed because the process exited too early",
        # what it watches over
        "ended": r"\[nodemon\] (?:clean exit|app crashed)",
        "watchers": (
            r"ENOSPC: System limit for number of file watchers reached|\bwatch [^\n]{0,200}ENOSPC|inotify watch limit reached"
        ),
    },
    service_patterns={
        "flask": r"^\[Build\] (?:Collecting|Successfully installed [^\n]{0,900}?)\s?[Ff]lask[=<>~\s-]",
        "wsgi": r"^\[Build\][^\n]{0,900}\b(?:gunicorn|waitress|u[wW][sS][gG][iI]|hypercorn|uvicorn|gevent|cheroot)\b",
    },
)
