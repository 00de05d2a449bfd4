"""The application listens on loopback or on the container's internal host name only."""

import re

from apprunner_watcher.log import Listening
from apprunner_watcher.log.listening import WEB_SERVER_IN_FRONT
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot

_INTERNAL_NAME = re.compile(r"ip-\d{1,3}(?:-\d{1,3}){3}|[0-9a-f]{12}$")
# Next.js. Others (Micronaut, hapi, Jupyter) print the host name as well, and listen everywhere
_PRIVATE = re.compile(r"(?:10|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.")
_BOUND_TO_NAME = re.compile(r"\b(?:Local|Network|url):\s")

# by servers that print where they are bound, and by others
_STRONG = (Confidence.CERTAIN, Confidence.LIKELY)
_WEAK = (Confidence.LIKELY, Confidence.POSSIBLE)  # on another port than the one that is checked


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an application that says it listens where nobody outside of the container can reach it."""
    places = snapshot.application_log.listening
    if snapshot.health_check_answers or not snapshot.is_unhealthy or matches.application("everywhere"):
        return None
    if any(_is_next_on_its_name(place) for place in places):
        # it prints the name, and the private address that this has
        places = tuple(place for place in places if not _PRIVATE.match(place.host))
    unreachable = [place for place in places if place.is_loopback or _INTERNAL_NAME.match(place.host)]
    if not unreachable or len(unreachable) < len(places):
        return None
    first = next((place for place in unreachable if place.port == snapshot.checked_port), unreachable[0])
    only_local = matches.application("only_local")
    return Finding(
        _confidence(snapshot, first, only_local, matches),
        (Evidence.of(first.line), *(Evidence.of(match.line) for match in only_local[:1] if match.line != first.line)),
        {"host": first.host, "port": str(snapshot.checked_port), **_runtime(first.line.text)},
    )


def _is_next_on_its_name(place: Listening) -> bool:
    return bool(_INTERNAL_NAME.match(place.host) and _BOUND_TO_NAME.search(place.line.text))


def _confidence(snapshot: Snapshot, place: Listening, only_local: tuple[Match, ...], matches: Matches) -> Confidence:
    is_checked = place.port == snapshot.checked_port
    sure, less_sure = _STRONG if is_checked else _WEAK
    if matches.application("in_front"):
        return Confidence.POSSIBLE
    if _INTERNAL_NAME.match(place.host):
        if not _BOUND_TO_NAME.search(place.line.text):
            return Confidence.POSSIBLE
        return at_most(Confidence.LIKELY, sure) if snapshot.checked_path else sure  # HTTP may fail for its path as well
    if not only_local and (place.host == "localhost" or matches.application("nest")):
        return Confidence.POSSIBLE  # many servers print it and listen everywhere
    is_bound = any(match.line == place.line for match in matches.application("prints_bound_host"))
    return sure if only_local or is_bound else less_sure


_RUNTIMES = {
    "next": _BOUND_TO_NAME,
    "net": re.compile(r"Now listening on: "),
    "rails": re.compile(r"\* Listening on |application starting in"),
    "python": re.compile(r"Uvicorn|Hypercorn|\[INFO\]|Running on|waitress|development server at", re.IGNORECASE),
}


def _runtime(text: str) -> dict[str, str]:
    return next(({name: "yes"} for name, words in _RUNTIMES.items() if words.search(text)), {"other": "yes"})


RULE = Rule(
    id="bind-address",
    code="bind-address",
    title="The application listens on {host} only",
    phase=Phase.LISTEN,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Health checks and requests come from outside of the container and cannot reach it there. Next.js and others listen on the name in"
        " HOSTNAME, and App Runner sets HOSTNAME to the container's internal name."
    ),
    fix=(
        Step(
            "Listen on all addresses: `--host 0.0.0.0` (uvicorn, Flask, hypercorn), `--bind 0.0.0.0:{port}` (gunicorn),"
            " `runserver 0.0.0.0:{port}` (Django).",
            when="python",
        ),
        Step("Listen on all addresses: `-b 0.0.0.0` (rails, puma).", when="rails"),
        Step(
            "Set ASPNETCORE_URLS to `http://+:{port}`, or ASPNETCORE_HTTP_PORTS to {port} (.NET 8 and later).",
            when="net",
        ),
        Step(
            "Listen on 0.0.0.0: `--host 0.0.0.0` (Vite, Angular, Octane), `app.listen({port}, '0.0.0.0')` (Node.js),"
            " `-S 0.0.0.0:{port}` (PHP), `0.0.0.0:{port}` in the code (Go, Rust).",
            when="other",
        ),
        Step(
            "Set HOSTNAME in the start command of a Next.js standalone server, since App Runner overrides the variable.",
            "HOSTNAME=0.0.0.0 node server.js",
            when="next",
        ),
    ),
    false_alarms="Many servers print `localhost` although they listen everywhere: that alone is no more than possible.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    application_patterns={
        "only_local": (
            r"use --host to expose"  # Vite, Nuxt, Astro
            r"|PHP [\d.]+ Development Server \(http://(?:localhost|127\.0\.0\.1):"
            r"|Now listening on: https?://(?:localhost|127\.0\.0\.1|\[::1\]):"  # Kestrel
            r"|Listening on (?:localhost|127\.0\.0\.1):\d{2,5}, CTRL\+C to stop"  # Thin
            r"|\* Listening on (?:tcp|http)://(?:localhost|127\.0\.0\.1|\[::1\]):"  # Puma
            r"|application starting in \w+ on https?://(?:localhost|127\.0\.0\.1):"  # Rails up to 5.1
            r"|development server at https?://(?:localhost|127\.0\.0\.1):"  # Django
            r"|Development Server is listening on (?:localhost|127\.0\.0\.1):|wds.: Project is running at http://localhost:"  # Angular, webpack
            r"|\(bind address 127\.0\.0\.1\)"  # Hugo
            r"|listening for requests on host (?:localhost|127\.0\.0\.1) "  # Liberty
            r"|(?:Uvicorn|Hypercorn) running on https?://localhost:|Network: +not exposed"  # Python's say what they were given; Nuxt
            r"|pass --bind_all"  # TensorBoard
            r"|(?:(?:Server|Lab|Notebook)App\] {1,8}|Jupyter \w+[^\n]{0,30} is running at: ?)http://localhost:\d"  # Jupyter, which prints the host name otherwise
            r"|Rocket has launched from http://(?:localhost|127\.0\.0\.1):"
        ),
        "prints_bound_host": (
            r"Uvicorn running on |\[INFO\] (?:Listening at: |Running on )|^\s*\* Running on http|Serving on http|Goin' Fast @ "  # Python
            r"|Running on local URL: |Dash is running on |Listening on TCP address |TCP:interface=|tcp:port=\d+:interface="
            r"|Starting ProtocolHandler|Started \S{0,40}ServerConnector|Listening on: http|Responding at http"  # JVM
            r"|Server listening at http|Server running at: ?http|Server running at http://127\.0\.0\.1:\d+/$"  # Node.js
            r"|Running \S+ with |Server starting on http|Server running on \[|development server started: <"  # Phoenix, Vapor, Laravel
            r"|actix-web-service-|listening on 127\.0\.0\.1:|\baddr=127\.0\.0\.1:|Inference API bind to"  # Rust; TorchServe
            r"|Server started at http://127\.0\.0\.1:|Listening on 127\.0\.0\.1:\d+ \(version"  # PocketBase, Ollama
        ),
        # its getUrl() names loopback where it listens everywhere
        "nest": r"\[Nest(?:Application|Factory)?\]|Application is running on",
        "everywhere": r"Running on all addresses",  # Flask, which then names loopback first
        "in_front": WEB_SERVER_IN_FRONT,
    },
)
