"""A user other than root binds a port below 1024."""

from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_FIRST_FREE = 1024


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a port below 1024 that may not be bound: named in the line, or the one that the service has."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    is_taken = bool(matches.application("taken"))  # gunicorn gives up on both with the same words
    for match in matches.application("named"):
        name, port = next((name, text) for name, text in match.found.groupdict().items() if text)
        if int(port) < _FIRST_FREE and not (name == "gunicorn_gives_up" and is_taken):
            return _finding(snapshot, matches, Evidence.of(match.line), port, confidence)
    is_low = snapshot.checked_port < _FIRST_FREE
    for pattern, is_about_a_port in (("unnamed", True), ("any_kind", False)):
        if (found := matches.application(pattern)) and (is_about_a_port or is_low):
            limit = Confidence.CERTAIN if is_about_a_port and is_low else Confidence.LIKELY
            port = str(snapshot.checked_port) if is_low else "below 1024"
            return _finding(snapshot, matches, Evidence.of(found[0].line), port, at_most(limit, confidence))
    return None


def _finding(snapshot: Snapshot, matches: Matches, evidence: Evidence, port: str, confidence: Confidence) -> Finding:
    servers = {name: "yes" for name in ("nginx", "apache", "dotnet") if matches.application(name)}
    return Finding(
        confidence,
        (evidence, Evidence.setting("Port", snapshot.checked_port)),
        {**servers, "low_port": port, "service_arn": snapshot.service.arn},
    )


RULE = Rule(
    id="privileged-port",
    code="privileged-port",
    title="The container's user may not listen on port {low_port}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "Ports below 1024 are for root, and the container runs as another user. App Runner itself needs no low port: it"
        " serves on 443 whatever port the application has."
    ),
    fix=(
        Step("Let the application listen on a port from 1024 on, such as 8080."),
        Step(
            "In nginx write `listen 8080;` in the server block, or start from the image nginxinc/nginx-unprivileged, which"
            " has it.",
            when="nginx",
        ),
        Step("In Apache write `Listen 8080` in ports.conf, and `<VirtualHost *:8080>`.", when="apache"),
        Step("Set ASPNETCORE_HTTP_PORTS=8080 in place of ASPNETCORE_URLS with a low port.", when="dotnet"),
        Step("Set Port, the service's port, to the same.", CHANGE_SOURCE_CONFIGURATION),
        Step(
            "Or keep the low port: run as root (remove USER), or give the server the right in the Dockerfile"
            " (`setcap cap_net_bind_service=+ep` on its binary)."
        ),
    ),
    false_alarms="A file that may not be written gives the same `Permission denied`, with a path: path-not-writable.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    application_patterns={
        "named": (
            # Node.js of all versions
            r"\b(?:listen|bind) EACCES:? [^\n]{0,40}?:(?P<node>\d{1,5})\b"
            r"|\b[Pp]ort (?P<express>\d{1,5}) requires elevated privileges"
            r"|bind\(\) to \S*:(?P<nginx>\d{1,5}) failed \(13: Permission denied\)"
            r"|Permission denied: (?:AH00072: )?make_sock: could not bind to address \S*:(?P<apache>\d{1,5})"
            r"|\blisten (?:tcp|udp)[46]? \S*?:(?P<go>\d{1,5}): bind: permission denied"
            # uvicorn, aiohttp and sanic; gunicorn; daphne
            r"|(?i:attempting to bind on address \('[^']*', (?P<asyncio>\d{1,5})[^)]*\): permission denied)"
            r"|\[Errno 13\] Permission denied: \('[^']*', (?P<python>\d{1,5})"
            r"|[Cc]onnection to \('[^']*', (?P<gunicorn>\d{1,5})\) failed: \[Errno 13\]"
            r"|Can't connect to \('[^']*', (?P<gunicorn_gives_up>\d{1,5})\)"
            r"|Couldn't listen on \S+:(?P<twisted>\d{1,5}): \[Errno 13\]"
            # what loggers leave of Node's
            r"|[Pp]ermission denied (?:[\d.]{7,15}|::|\[::\]|\*):(?P<address>\d{1,5})\b"
            r"|\b[Ll]isten(?:ing)? (?:on|to) port (?P<in_words>\d{1,5})\b[^\n]{0,80}[Pp]ermission denied"
            # Dart
            r"|Failed to create server socket \(OS Error: Permission denied, errno = 13\), address = [^\s,]{1,80}, port = (?P<dart>\d{1,5})"
            # Puma, WEBrick; PHP's own server, Swoole, FPM
            r"|Permission denied - bind\(2\) for \"?[^\s\"]*\"?(?: port |:)(?P<ruby>\d{1,5})"
            r"|Failed to listen on \S+:(?P<php>\d{1,5}) \(reason: Permission denied"
            r"|failed to listen server port\[\S*:(?P<swoole>\d{1,5})\][^\n]{0,40}Permission denied"
            r"|unable to bind listening socket for address '(?:\S*:)?(?P<fpm>\d{1,5})': Permission denied"
            # Workerman, ReactPHP
            r"|stream_socket_server\(\): [Uu]nable to connect to \w+://\S*:(?P<stream>\d{1,5}) \(Permission denied\)"
            # Tomcat 8, lighttpd, HAProxy, Envoy; then Kestrel, hyper and whoever says bind or listen
            r"|Permission denied (?:\(Bind failed\) )?<null>:(?P<tomcat>\d{1,5})"
            r"|can't bind to port: +(?P<lighttpd>\d{1,5}) Permission denied"
            r"|cannot bind [^\n]{0,20}\(Permission denied\)[^\n]{0,60}?:(?P<haproxy>\d{1,5})\]"
            r"|\b(?i:bind(?:ing)?|listen(?:ing|er)?)\b[^\n]{0,80}?(?<!\d\d):(?P<other>\d{1,5})(?!\d|:\d|\.\d)[^\n]{0,120}\b[Pp]ermission denied"
        ),
        # about a port, without its number
        "unnamed": (
            r"You don't have permission to access that port"  # Django
            r"|java\.net\.(?:Socket|Bind)Exception: Permission denied(?! \(connect)"
            r"|bind\(\.\.\) failed(?: with error\(-13\))?: Permission denied"  # Netty
            r"|System\.Net\.Sockets\.SocketException \(13\): Permission denied"
            r"|\bbind\(\): Permission denied \[core/"  # uWSGI
            r"|\blisten[^\n]{0,200}[:{ ,]eacces\b"  # Ranch, Cowboy, Bandit
        ),
        # it may be about a file as well
        "any_kind": (
            r"(?:PermissionError|OSError|error): \[Errno 13\] Permission denied$"
            r"|kind: PermissionDenied, message: \"Permission denied\"|^[^/\n]{0,200}Permission denied \(os error 13\)"
        ),
        "taken": r"Connection in use: \(",
        "nginx": r"bind\(\) to \S+ failed \(13:",
        "apache": r"make_sock: could not bind",
        "dotnet": r"System\.Net\.Sockets|Kestrel",
    },
)
