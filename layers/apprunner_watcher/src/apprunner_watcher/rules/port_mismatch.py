"""The application listens on another port than the service's."""

import re

from apprunner_watcher.image import Image
from apprunner_watcher.log import Listening
from apprunner_watcher.log.listening import WEB_SERVER_IN_FRONT
from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Phase,
    Rule,
    Step,
)
from apprunner_watcher.snapshot import Snapshot

# servers that print where they are bound, though not to which host
_PRINTS_BOUND_PORT = re.compile(
    r"(?:Tomcat|Jetty|Netty|Undertow) started on port|Starting ProtocolHandler|serving HTTP on"
)
_NGINX_PORT = 80


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an application that says where it listens, and nowhere says the service's port."""
    port = snapshot.checked_port
    places = snapshot.application_log.listening
    if any(place.port == port for place in places) or snapshot.health_check_answers:
        return None
    if not places:
        return _unsaid(snapshot, matches, port)
    first = places[0]
    return Finding(
        _confidence(snapshot, places, in_front=bool(matches.application("in_front"))),
        (Evidence.of(first.line), Evidence.setting("Port", port)),
        {"listens": str(first.port), "port": str(port), "service_arn": snapshot.service.arn},
    )


def _confidence(snapshot: Snapshot, places: tuple[Listening, ...], *, in_front: bool) -> Confidence:
    first = places[0]
    if snapshot.has_ended or in_front or snapshot.service_log.health_check_passed:
        return Confidence.POSSIBLE  # what ended it comes first; a web server may listen for an application on loopback
    names_host = bool(first.host) or bool(_PRINTS_BOUND_PORT.search(first.line.text))
    if not names_host or first.is_loopback or len({place.port for place in places}) > 1:
        return Confidence.LIKELY
    return Confidence.CERTAIN


def _unsaid(snapshot: Snapshot, matches: Matches, port: int) -> Finding | None:
    """Where the application is silent: nginx's own configuration, and the ports that the image names."""
    if not snapshot.is_unhealthy or not snapshot.application_log.failing:
        return None
    values = {"port": str(port), "service_arn": snapshot.service.arn}
    if nowhere := matches.application("undefined"):
        return Finding(
            Confidence.LIKELY,
            (Evidence.of(nowhere[0].line), Evidence.setting("Port", port)),
            {**values, "listens": nowhere[0]["undefined"]},
        )
    if (untouched := matches.application("nginx")) and port != _NGINX_PORT:
        return Finding(
            Confidence.LIKELY,
            (Evidence.of(untouched[0].line), Evidence.setting("Port", port)),
            {**values, "listens": str(_NGINX_PORT)},
        )
    image = snapshot.parts.image
    exposed = image.config.exposed_ports if isinstance(image, Image) and image.config else ()
    if len(exposed) != 1 or port in exposed:
        return None
    return Finding(
        Confidence.POSSIBLE,  # EXPOSE is a note, and changes nothing
        (Evidence("image configuration", f"ExposedPorts: {exposed[0]}/tcp"), Evidence.setting("Port", port)),
        {**values, "listens": str(exposed[0])},
    )


RULE = Rule(
    id="port-mismatch",
    code="port-mismatch",
    title="The application listens on port {listens}, not on {port}",
    phase=Phase.LISTEN,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log", "image"}),
    why="App Runner sends health checks and requests to the service's port only, and nothing answers there.",
    fix=(
        Step("Listen on the port in the PORT variable, which App Runner sets to {port}, and deploy that."),
        Step(
            "Or set Port, the service's port, to {listens}.",
            CHANGE_SOURCE_CONFIGURATION,
        ),
    ),
    false_alarms="Second ports (metrics, debugger, WebSocket) are named in logs as well; they do not count.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    application_patterns={
        # a variable that is not set: Node.js then takes any port that is free
        "undefined": (
            r"(?i)\b(?:listening|running|started|ready|up|live)\b[^\n]{0,60}\bport:? (?P<undefined>undefined|NaN|null)\b"
        ),
        # the image's entrypoint says this of the file that it came with only, and that listens on 80
        "nginx": r"info: Enabled listen on IPv6 in /etc/nginx/conf\.d/default\.conf",
        "in_front": WEB_SERVER_IN_FRONT,
    },
)
