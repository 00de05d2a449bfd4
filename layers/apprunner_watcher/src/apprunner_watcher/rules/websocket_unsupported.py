"""App Runner refuses `Upgrade: websocket`, which the application or its pages need."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_APP_RUNNER = ".awsapprunner.com"


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a handshake that App Runner answered, or one that reached the application without its Upgrade header."""
    if snapshot.has_ended:
        return None
    own = (_APP_RUNNER, snapshot.service.url or _APP_RUNNER)
    named = [match for match in matches.application("refused") if any(name in match.line.text for name in own)]
    refused = [match for match in matches.application("refused") if not match.line.is_warning]
    if named:
        return Finding(Confidence.CERTAIN, (Evidence.of(named[0].line),))
    if refused:
        return Finding(Confidence.LIKELY, (Evidence.of(refused[0].line),))
    dropped = matches.application("dropped")
    if not dropped or not (snapshot.is_live or snapshot.is_unhealthy):
        return None
    # crawlers ask for the address of a WebSocket without an upgrade as well
    confidence = Confidence.LIKELY if snapshot.is_live or len(dropped) > 1 else Confidence.POSSIBLE
    return Finding(confidence, tuple(Evidence.of(match.line) for match in dropped[:2]))


RULE = Rule(
    id="websocket-unsupported",
    code="websocket-unsupported",
    title="App Runner refuses WebSocket connections",
    phase=Phase.LIVE,
    looks_at=frozenset({"application_log", "operations", "service", "service_log"}),
    why=(
        "App Runner's proxy speaks HTTP/1.1 and HTTP/2 without upgrades: it answers a WebSocket handshake with 403, or"
        " passes it on without its Upgrade header. Nothing in the application can change that."
    ),
    fix=(
        Step(
            "Use long polling or server-sent events: Socket.IO `transports: ['polling']`, SignalR long polling, Phoenix longpoll."
        ),
        Step(
            "Or serve the WebSocket elsewhere: API Gateway WebSocket APIs, AppSync Events, or ECS behind a load balancer."
        ),
        Step(
            "Move applications that cannot do without (Streamlit, Gradio's queue, Blazor Server, n8n's editor) to ECS."
        ),
    ),
    false_alarms=(
        "Socket.IO and SignalR try WebSocket first, say that it failed, and go on by polling. A 403 that the application"
        " itself logs for a WebSocket (`connection rejected`) has reached it, and is its own."
    ),
    docs="https://github.com/aws/apprunner-roadmap/issues/13",
    rollback="does-not-help",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    application_patterns={
        "refused": (
            r"Error during WebSocket handshake: Unexpected response code: 403"  # Chrome
            r"|WebSocket connection to '?wss://\S{1,200} failed"
            r"|can't establish a connection to the server at wss://"  # Firefox
            r"|wss://[^\s'\"]{1,200}\.awsapprunner\.com[^\n]{0,200}(?:403|failed|error|bad handshake|closed before)"
            r"|(?:403|bad handshake|[Uu]nexpected server response|rejected WebSocket connection)[^\n]{0,200}wss://[^\s'\"]{1,200}\.awsapprunner\.com"
        ),
        "dropped": (
            r"Failed to upgrade to WebSocket \(REQUEST_METHOD: GET, HTTP_CONNECTION: [^,)]{0,20}, HTTP_UPGRADE: ?\)"  # Action Cable
            r"|Can \"Upgrade\" only to \"WebSocket\""  # Tornado: Jupyter, Bokeh, Streamlit
            r"|websocket: the client is not using the websocket protocol: 'upgrade' token not found"  # gorilla
            r"|WebSocket protocol violation: Connection header \"[^\"]{0,40}\" does not contain Upgrade"  # Go
            r"|Handshake failed due to invalid (?:Upgrade|Connection) header"  # Spring
            r"|InvalidUpgrade: (?:missing|invalid) (?:Connection|Upgrade) header"  # Python's websockets
            r"|`?Connection`? header did not include '?upgrade|WebSocket upgrade is expected"  # axum, actix
        ),
    },
)
