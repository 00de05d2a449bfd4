"""The application opens another port beside the service's, which App Runner does not serve."""

from collections.abc import Iterator

from apprunner_watcher.log import Line
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_MOST_PORTS = 3


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find lines in which an application that listens on the service's port listens on others as well."""
    port = snapshot.checked_port
    if not any(one.port == port and not one.is_loopback for one in snapshot.application_log.listening):
        return None
    others: dict[int, Line] = {}
    for number, line in _ports(snapshot, matches):
        if number != port:
            others.setdefault(number, line)
    if not others:
        return None
    first = list(others.items())[:_MOST_PORTS]
    names = " and ".join(str(number) for number, _ in first)
    return Finding(
        Confidence.CERTAIN,
        tuple(Evidence.of(line) for _, line in first),
        {"ports": names, "port": str(port)},
    )


def _ports(snapshot: Snapshot, matches: Matches) -> Iterator[tuple[int, Line]]:
    for one in snapshot.application_log.listening:
        if not one.is_loopback:
            yield one.port, one.line
    for match in matches.application("other"):
        yield int(match["port"] or match["at"]), match.line


RULE = Rule(
    id="second-port-unreachable",
    code="second-port-unreachable",
    title="Nobody reaches port {ports}: App Runner serves {port} alone",
    phase=Phase.LISTEN,
    looks_at=frozenset({"application_log", "configuration"}),
    why="A service of App Runner has one port. What the application opens beside it is closed to users, and to collectors of metrics.",
    fix=(
        Step(
            "Serve it on the service's port, under a path of its own, or push metrics in place of having them fetched."
        ),
        Step("Or run it as a service of its own. App Runner passes neither WebSocket connections nor gRPC on."),
    ),
    false_alarms="A port that only processes of the same container use is in order.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="does-not-help",
    check=check,
    application_patterns={
        # what other rules do not take for the application's own port
        "other": (
            r"(?i:\b(?:metrics|prometheus|web ?sockets?|grpc|admin|management|actuator)\b[^\n]{0,80}?\b(?:listening|started|running|serving|available|exposed|bound)\b"
            r"[^\n]{0,80}?(?:\bport(?:\(s\))?:? ?|(?:0\.0\.0\.0|\[?::\]?|\*|\s):)(?P<port>\d{4,5})\b"
            r"|\b(?:listening|started|running|serving)\b[^\n]{0,60}?\bwss?://(?:0\.0\.0\.0|\[::\]|\*):(?P<at>\d{4,5})\b)"
        )
    },
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
