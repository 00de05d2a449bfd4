"""Here you find where an application says that it listens, in the words of servers, frameworks and people.

The patterns have no lookarounds, so that RE2 reads just this and not something broader.
"""

import re

SAYS_IT_LISTENS = (
    r"(?i)\b(?:listening|running|started|serving|ready)\b"  # nearly everybody
    r"|\bstarting [^\n]{0,40}\b(?:server|listener)\b|\bstarting\b[^\n]{0,80}\b(?:on|at)\b"  # Rails, Vapor, vLLM, Go
    r"|\b[\d.]{3,12} at https?:"  # TensorBoard
    r"|\b(?:available|accessible|accepting connections|hosted|live|online|responding) (?:at|on|via)\b"  # Hugo
    r"|\bup (?:at|on|via)\b"  # Ktor
    r"|\b(?:server|app|application) is (?:at|on) |^\W{0,4}(?:server|app|application) (?:at|on) port\b"  # people
    r"|\b(?:local|network)(?: url)?(?: \(ipv\d\))?:?\W{1,30}https?:"  # Vite, Next.js, Streamlit
    r"|^\W{0,4}(?:url: |(?:web|http|api|app)? ?server:? https?://)"
    r"|^\W{0,8}https?://[^\s/]{1,60}:\d{2,5}/?\s{0,9}$"  # n8n, Strapi, http-server: below a line that announces it
    r"|\blaunching\b[^\n]{0,30}\b(?:web)?server\b|\bstarting new web server\b|\bprocess port:"  # Metabase; Gitea
    r"|\blistenandserve\b|\bserver (?:is )?up\b"  # people
    r"|\b(?:server|lab|notebook)app\] {1,8}https?:"  # Jupyter
    r"|^\W{0,12}(?:access|open|visit|browse|view|go to)\b[^\n]{0,60}https?:"  # Langflow, people
    r"|\blaunched from\b|\bstarting protocolhandler\b"  # Rocket; Tomcat
    r"|\bbound (?:on|to)\b|\bbind(?:ing)? to: "  # uWSGI, Fiber, http4s; TorchServe, Falcon
    r"|\bdevelopment server\b|\bserver address:"  # Django, PHP; Jekyll
    r"|\bgoin' fast\b|\btaken the stage on\b|\bphasers to stun\b"  # Sanic, Sinatra, Scotty
    r"|\bhttp server listen\b|\blisten: http"  # Grafana, Gitea
    r"|\bhttpserver#start\b"  # WEBrick
    r"|\bs3-api: |\bwebui: "  # MinIO
    # people who write Spanish, Portuguese, French, German, Russian, Chinese
    r"|\b(?:escuchando|corriendo|iniciado|levantado|rodando|ouvindo)\b|d[ée]marr[ée]|lanc[ée]|coute sur"
    r"|\bläuft\b|\blaeuft\b|\bgestartet\b|запущен|监听|启动|运行"
)
_SOMETHING_ELSE = re.compile(
    r"redis|postgres|mysql|mongo|elasticsearch|database|\bdb\b|kafka|rabbitmq|amqp|memcached|smtp|metrics|prometheus|debugger|inspector"
    r"|ws://|websocket|grpc|admin|connect(?:ed|ing)\b|worker\b|queue|profil|upstream|proxy|livereload"
    r"|pprof|\bhealth[ -]?(?:probe|check)? ?(?:server|listener)"
    # WildFly and Keycloak; Quarkus names its management interface behind the address that counts
    r"|\bhttps? management interface|^\W*management (?:interface|api)|\bmanagement api"
    r"|mode=standalone|uwsgi socket|overriding address"  # Redis; behind uWSGI's HTTP router; what Kestrel leaves
    r"|\b(?:EADDRINUSE|EACCES|in use|already running|fail(?:ed|ure)?"
    r"|refused|denied|cannot|could not|unable|timed out)\b"
    r"|\berror: ",
    re.IGNORECASE,
)
WEB_SERVER_IN_FRONT = (
    r"nginx/\d|\[notice\] \d+#\d+: (?:start worker process|using the)|/docker-entrypoint\.d/"  # nginx
    r"|(?:spawned|success): '?(?:nginx|apache2?|httpd|caddy|haproxy)\b"  # supervisord
    r"|Apache/2\.\d[^\n]{0,80} configured -- resuming normal operations"
)
"""A web server that runs beside the application, and may be what listens on the service's port in silence."""
_HOST = r"(?P<host>localhost|\*|[\d.]{7,15}|[0-9a-f]{0,4}:[0-9a-f:.]*)"
ADDRESSES = (
    # Next.js on a host name
    r"(?i)\bport \d{2,5},? url: https?://(?P<host>[\w.-]+):(?P<port>\d{2,5})\b",
    r"(?i)(?:https?|tcp)://(?:\[(?P<v6>[0-9a-f:]+)\]|(?P<host>[\w.*+-]+)):(?P<port>\d{2,5})\b",
    # not the number behind a key of JSON: "level":30
    (
        r"(?i)(?:^|[^\w.:\"]|(?:^|\W)\")"
        r"(?:\[(?P<v6>[0-9a-f:]*)(?:%\w{1,9})?\]|(?P<host>\d{1,3}(?:\.\d{1,3}){3}|localhost|\*)?):(?P<port>\d{2,5})(?:[^\d:]|$)"
    ),
    # Phoenix: at :::4000
    r"(?:^|\s)(?P<v6>::1?):(?P<port>\d{2,5})\b",
    # n8n, Python: on 0.0.0.0, port 5678. Fiber: host 0.0.0.0 and port 3000. Liberty: host *  (IPv6) port 9080
    r"(?i)\b(?:on|host(?:name)?:?) " + _HOST + r"(?:\s{1,3}\([^)]{1,40}\))?,?(?: and)? port:? (?P<port>\d{2,5})\b",
    # Node.js: { address: '::', family: 'IPv6', port: 3000 }; loggers: host=0.0.0.0 port=8080
    (
        r"(?i)\b(?:address|host)[\"']?\s?[:=]\s?[\"']?"
        + _HOST
        + r"[\"']?,?\s?(?:[\"']?family[\"']?:\s?[\"']?\w{1,5}[\"']?,\s?)?"
        r"[\"']?port[\"']?\s?[:=]\s?[\"']?(?P<port>\d{2,5})\b"
    ),
    # Gitea
    r"\btcp[46]?:(?:\[(?P<v6>[0-9a-f:]*)\]|(?P<host>\d{1,3}(?:\.\d{1,3}){3})?):(?P<port>\d{2,5})\b",
    # Twisted, Daphne: tcp:port=8000:interface=0.0.0.0
    r"\btcp:(?:port=)?(?P<port>\d{2,5}):interface=(?P<host>[\d.]{7,15})",
    # Tomcat, of a connector: "http-nio-8080"
    r"\[\"https?-(?:\w{1,9}-){1,2}(?:(?P<host>\d{1,3}(?:\.\d{1,3}){3})-)?(?P<port>\d{2,5})\"\]",
    r"(?i)\b(?:port(?:\(s\))?|puerto|porta)(?: is)?[\s:=\"'`#\[(>-]{0,8}(?P<port>\d{2,5})\b",
    r"(?:порту|端口)\W{0,3}(?P<port>\d{2,5})",
    (
        r"(?i)\b(?:listening(?: on| at| to)?"
        r"|(?:running|started|starting|serving|ready|up|live|stage|rodando|corriendo)(?: on| at| en| na|:))"
        r":? (?P<port>\d{4,5})(?:[^\d:./-]|$)|\blistening (?:on|at):? (?P<low>\d{2,3})(?:[^\d:./-]|$)"
    ),
)
# where databases, brokers, debuggers and collectors listen that run beside the application
_PORTS_OF_OTHERS = frozenset({1433, 1521, 2181, 3306, 4317, 4318, 5432, 5672, 6379, 9092, 9229, 11211, 27017})
# A name or a public address in such a line is somebody else's; these are the container's own.
_OWN_HOST = re.compile(
    r"[*+0]?|localhost|0\.0\.0\.0|127\.[\d.]+|[0-9a-f]*:[0-9a-f:]*"
    r"|(?:10|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.[\d.]+|ip-\d[\w.-]*|[0-9a-f]{12}"
)


def is_loopback(host: str) -> bool:
    """Whether nobody outside of the container can reach it."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def place(text: str) -> tuple[str, int] | None:
    """The host (empty where it does not say) and the port that a line says the application listens on.

    Of several addresses with one port, as NiceGUI and Remix print them, the one that others can reach.
    """
    if not re.search(SAYS_IT_LISTENS, text) or _SOMETHING_ELSE.search(text):
        return None
    found = sorted((one for address in ADDRESSES for one in re.finditer(address, text)), key=lambda one: one.start())
    places = list(map(_place, found))
    if not places or not _OWN_HOST.fullmatch(places[0][0]):
        return None
    first = places[0]
    if first[1] in _PORTS_OF_OTHERS:
        return None
    if not is_loopback(first[0]):
        return first
    others = (one for one in places if one[0] and one[1] == first[1] and _OWN_HOST.fullmatch(one[0]))
    return next((one for one in others if not is_loopback(one[0])), first)


def _place(found: re.Match[str]) -> tuple[str, int]:
    groups = found.groupdict()
    host = groups.get("v6") or groups.get("host") or ""
    return host.lower(), int(groups.get("port") or groups["low"])
