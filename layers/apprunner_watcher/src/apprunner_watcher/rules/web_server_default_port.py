"""A web server came up on its default port, which is not the service's."""

from apprunner_watcher.image import Image
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

_DEFAULT = 80


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find Apache or nginx saying that it is ready, and not where, under a check of another port that fails."""
    ready = matches.application("ready")
    port = snapshot.checked_port
    if not ready or port == _DEFAULT or snapshot.has_ended or not snapshot.service_log.health_check_failed:
        return None
    if snapshot.application_log.listening or snapshot.health_check_answers:
        return None
    exposed = _exposed(snapshot)
    if exposed and _DEFAULT not in exposed:
        return None
    seen = (Evidence("image", "EXPOSE 80"),) if exposed else ()
    return Finding(
        Confidence.LIKELY if exposed else Confidence.POSSIBLE,
        (Evidence.of(ready[0].line), *seen, Evidence.setting("Port", port)),
        {"port": str(port), "service_arn": snapshot.service.arn},
    )


def _exposed(snapshot: Snapshot) -> tuple[int, ...]:
    image = snapshot.parts.image
    return image.config.exposed_ports if isinstance(image, Image) and image.config else ()


RULE = Rule(
    id="web-server-default-port",
    code="port-mismatch",
    title="The web server came up, probably on port 80 and not on {port}",
    phase=Phase.LISTEN,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "Images of Apache, nginx and PHP listen on port 80 unless their configuration says otherwise, and they do not log"
        " the port. App Runner checks the service's port only."
    ),
    fix=(
        Step("Set Port, the service's port, to 80.", CHANGE_SOURCE_CONFIGURATION),
        Step("Or let the web server listen on {port}: `Listen` of Apache (ports.conf), `listen` of nginx."),
    ),
    false_alarms="A server that was configured for the service's port, and fails its check for another reason, says the same.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    application_patterns={
        "ready": (
            r"AH00094: Command line: '\S*(?:apache2|httpd)\b|AH00163: [^\n]{0,200}resuming normal operations"
            r"|\[notice\] \d+#\d+: start worker processes?\b|Configuration complete; ready for start up"
        ),
    },
)
