"""Another process of the container already has the port."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_PORT = re.compile(r"(?:\b[Pp]ort(?:\(s\))?\W{0,3}|:|', )([1-9]\d{1,4})\b")
_LOWEST = 80  # what is lower behind a colon is a minute or a second
# the server takes the next port, or it is only the debugger that has none
_GOES_ON = re.compile(
    r"\b(?:trying|(?<!already )using|instead|alternative|fall(?:ing)? back)\b|inspector|debugger|dev ?tools",
    re.IGNORECASE,
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a server that could not bind its port because it was taken, in an application that then never serves."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    if found := [match for match in matches.application("taken") if not _GOES_ON.search(match.line.said)]:
        # the line that names the port says most
        first = next((match for match in found if _port(match)), found[0])
        port = _port(first)
        values = {"port_named": f"Port {port}" if port else "The port"}
        return Finding(confidence, (Evidence.of(first.line),), values)
    if unsure := matches.application("unsure"):
        values = {"port_named": f"Port {unsure[0][1]}"}
        return Finding(at_most(Confidence.LIKELY, confidence), (Evidence.of(unsure[0].line),), values)
    if stale := matches.application("stale"):
        values = {"port_named": "The port (as an old PID file says)", "stale": "yes"}
        return Finding(at_most(Confidence.LIKELY, confidence), (Evidence.of(stale[0].line),), values)
    return None


def _port(match: Match) -> str:
    named = [port for port in _PORT.findall(match.line.said) if int(port) >= _LOWEST]
    return named[-1] if named else ""


RULE = Rule(
    id="address-in-use",
    code="address-in-use",
    title="{port_named} is already taken inside the container",
    phase=Phase.LISTEN,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "A container has its ports for itself, so another process of the same container has it: a second server that the"
        " start script begins, a proxy beside the application, or the application listening twice."
    ),
    fix=(
        Step(
            "Remove the file before the server starts, at the top of the start script, and keep it out of the image"
            " (.dockerignore: tmp/pids).",
            "rm -f tmp/pids/server.pid",
            when="stale",
        ),
        Step(
            "See what listens: start the image locally and look.",
            "docker exec YOUR_CONTAINER sh -c 'ss -ltnp || netstat -ltnp'",
        ),
        Step(
            "Look for a second start: `listen` called twice, a server started while a module is imported (guard it with"
            ' `if __name__ == "__main__":`, `require.main === module`), more workers than one that each bind by themselves.'
        ),
        Step(
            "Give a proxy and the application behind it ports of their own: App Runner sets PORT for all processes of the"
            " container, so set the inner one's port explicitly."
        ),
    ),
    false_alarms=(
        "Development servers and Jupyter take the next free port and go on: that is port-mismatch. Node's debugger says"
        " the same of port 9229 and does no harm."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    application_patterns={
        "taken": (
            r"\bEADDRINUSE\b|(?i:\baddress (?:already )?in use\b)|\bAddrInUse\b|\[[Ee]rrno 98\]|\(os error 98\)|\beaddrinuse\b"
            # Spring Boot, Express, Vite, Streamlit; Django; Flask; Create React App; Bun
            r"|\b[Pp]ort:? \d+ (?:is|was) already in use|That port is already in use|\b[Pp]ort \d+ is in use by another program"
            r"|\b[Pp]ort\b[^\n]{0,20} (?:(?:is|was) )?already (?:in use|being used|used|occupied)\b|\balready (?:using|bound to) (?:the )?port\b|\balready running (?:at|on) (?:port|https?:)"
            r"|Only one usage of each socket address"  # Windows
            r"|Something is already running on port|Is port \d+ in use\?|\b[Pp]ort \d+ is already (?:allocated|taken|used|bound)"
            r"|\b[Pp]ort \d+ seems to be in use\b"
            # gunicorn, uWSGI, nginx, Quarkus, supervisord, PHP-FPM
            r"|\bConnection in use: \(|another instance of uWSGI is running on the same address|\[emerg\][^\n]{0,40}still could not bind\(\)"
            r"|Cannot find empty port in range: "  # Gradio
            r"|\bPort(?:\(s\))? (?:[\d, ]+ )?already bound|Another program is already listening on a port|An another FPM instance seems to already listen"
        ),
        # Spring Boot 2
        "unsure": r"connector configured to listen on port (\d+) failed to start",
        # Rails, gunicorn, Apache: a PID file that came with the image or is from the container's life before
        "stale": (
            r"A server is already running[.!]? (?:Check |\(pid: )|Already running on PID \d+|pid file '[^']*' is stale|Another server is already running"
        ),
    },
)
