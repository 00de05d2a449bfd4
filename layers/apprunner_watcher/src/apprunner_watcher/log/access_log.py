"""Here you find what an application says it answered to GET and HEAD, in the formats of servers and frameworks."""

import re
from collections.abc import Iterable, Iterator, Sequence

from apprunner_watcher.patterns import pattern_set

_GET = r"(?:GET|HEAD)"
_STATUS = r"(?P<status>[1-5]\d\d)"
_PATH_KEY = (
    r"\"(?:url|path|uri|request_?[uU]ri|requestUrl|[rR]equest_?[pP]ath|http\.target|url\.path)\":"
    r"\s*\"(?P<path>/[^\"]*)\""
)
_STATUS_KEY = (
    r"\"(?:(?:http_?|response_?)?[sS]tatus(?:_?[cC]ode)?|response_code|http\.(?:response\.)?status_code)\":\s*\"?"
    + _STATUS
    + r"\b"
)
_LINES = (
    # combined and common log format, uvicorn, hypercorn ("GET /health 1.1"), Daphne ("GET /health")
    rf"\"{_GET} (?:https?://[^/\s\"]+)?(?P<path>/[^\s\"]*)(?: (?:HTTP/)?\d(?:\.\d)?)?\"\s+{_STATUS}\b",
    # morgan, Hono, Serilog, Directus, Strapi, Sanic: GET /health 404 1.2 ms
    (
        rf"\b{_GET}\s+\"?(?:https?://[^/\s\"]+)?(?P<path>/[^\s\"]*)\"?\s+(?:HTTP/[\d.]+\s+)?"
        rf"(?:responded |returned |[-=]+> |- |\([\d.]{{1,9}} ?m?s\) )?{_STATUS}\b(?! ?[mµun]?s\b)"
    ),
    # gin, Beego: | 404 | 1.2µs | 169.254.1.1 | GET "/health". Fiber: | GET | /health
    rf"\|\s*{_STATUS}\s*\|[^\n]{{0,120}}\|\s*{_GET}\s*\|?\s*\"?(?P<path>/[^\"\s|]*)",
    # chi: "GET http://10.0.1.5:8080/health HTTP/1.1" from 169.254.1.1:4567 - 404 19B in 12µs
    rf"\"{_GET} https?://[^/\s]+(?P<path>/\S*) HTTP/[\d.]+\" from \S+ - {_STATUS}\b",
    # ASP.NET: Request finished HTTP/1.1 GET http://10.0.1.5:8080/health - 404 0 - 1.2ms
    rf"Request finished HTTP/[\d.]+ {_GET} https?://[^/\s]+(?P<path>/\S*) [^\n]{{0,60}}?- {_STATUS}\b",
    # Tornado, Octane: 404 GET /health. Ktor: 404 Not Found: GET - /health. Iris: 404 1.2ms 10.0.1.5 GET /health
    (
        rf"\b{_STATUS}(?: [A-Z][A-Za-z ]{{1,30}}:| [\d.]{{1,12}}[mµn]?s \S{{1,40}})?"
        rf"\s{{1,4}}{_GET}(?: -)?\s{{1,4}}(?P<path>/[^\s\"]*)"
    ),
    # PHP, SvelteKit: [404]: GET /health
    rf"\[{_STATUS}\]:? {_GET} (?P<path>/\S*)",
    # http-server: "GET /health" Error (404): "Not found"
    rf"\"{_GET} (?P<path>/[^\s\"]*)\" Error \({_STATUS}\)",
    # logfmt: method=GET path=/health status=404
    rf"\b(?:path|ur[il])=\"?(?P<path>/[^\s\"}}]*)[\"}}:]{{0,3}}\s[^\n]{{0,300}}\b(?:status_?(?:[cC]ode)?|code)={_STATUS}\b",
    rf"\b(?:status_?(?:[cC]ode)?|code)={_STATUS}\b[^\n]{{0,300}}\b(?:path|ur[il])=\"?(?P<path>/[^\s\"]*)",
    # JSON: "url":"/health" … "statusCode":404
    rf"{_PATH_KEY}[^\n]{{0,1000}}{_STATUS_KEY}",
    rf"{_STATUS_KEY}[^\n]{{0,1000}}{_PATH_KEY}",
)

# Rails, Phoenix, Fastify, ASP.NET and serve write one line when a request begins and another when it ends.
BEGINS = (
    rf"\bStarted {_GET} \"(?P<rails>/[^\"]*)\"|\[info\] {_GET} (?P<phoenix>/\S*)$"
    r"|\"url\":\s*\"(?P<fastify>/[^\"]*)\"[^\n]{0,400}\"msg\":\s*\"incoming request\""
    rf"|Request starting HTTP/[\d.]+ {_GET} https?://[^/\s]+(?P<net>/\S*)|\bHTTP\s[^\n]{{0,60}} {_GET} (?P<serve>/\S*)$"
)
_ENDS = re.compile(
    r"\bCompleted (?P<rails>[1-5]\d\d)\b|\bSent (?P<phoenix>[1-5]\d\d) in\b"
    r"|\"statusCode\":\s*(?P<fastify>[1-5]\d\d)\b[^\n]{0,400}\"msg\":\s*\"request completed\""
    r"|Request finished in [\d.]+ms (?P<net>[1-5]\d\d)\b|\bReturned (?P<serve>[1-5]\d\d) in\b"
)

NAMES_PATH = (
    # Django, SvelteKit; Rails, Phoenix, Symfony; Fastify; Spring; Nest, Express; Laravel; Nitro; Rocket; nginx
    r"\b[Nn]ot [Ff]ound: (?P<p1>/\S*)|[Nn]o route (?:matches|found for) \W{0,2}(?:GET|HEAD)\]? \"?(?:https?://[^/\s\"]+)?(?P<p2>/[^\s\"]*)"
    r"|Route (?:GET|HEAD):(?P<p3>/[^\s\"]*) not found|No mapping for (?:GET|HEAD) \"?(?P<p4>/[^\s\"]*)"
    r"|No static resource (?P<bare>[\w/-]{0,100}?)\.?(?: for request\b|\W{0,2}$)|\bCannot (?:GET|HEAD) (?P<p5>/\S*)"
    r"|The route (?P<bare2>[\w/.-]{1,100}) could not be found|Cannot find any path matching (?P<p6>/[^\s]*?)\.?(?:\s|$)"
    r"|No matching routes for (?:GET|HEAD) (?P<p7>/[^\s]*?)\.?(?:\s|$)"
    r"|No mapping found for HTTP request with URI \[(?P<p9>/[^\s\]]*)"
    r"|(?:failed|is not found) \(2: No such file or directory\), client[^\n]{0,200}"
    r" request: \"(?:GET|HEAD) (?P<p8>/\S*)"
    # the same of other answers: Django; Flask; nginx
    r"|\bBad Request: (?P<s400>/\S*)|\bUnauthorized: (?P<s401>/\S*)|\bForbidden(?: \([^)]{1,100}\))?: (?P<s403>/\S*)"
    r"|\bMethod Not Allowed \((?:GET|HEAD)\): (?P<s405>/\S*)|\bInternal Server Error: (?P<s500>/\S*)"
    r"|\bException on (?P<s500b>/\S*) \[(?:GET|HEAD)\]|\bService Unavailable: (?P<s503>/\S*)"
    r"|directory index of \"[^\"]*\" is forbidden[^\n]{0,200} request: \"(?:GET|HEAD) (?P<s403b>/\S*)"
    r"|FastCGI sent in stderr: [^\n]{0,60}PHP (?:Fatal|Parse) error[^\n]{0,600}"
    r" request: \"(?:GET|HEAD) (?P<s500c>/\S*)"
    # the kubelet, and load balancers, of the path that they check
    r"|HTTP probe failed with statuscode: (?P<check>[1-5]\d\d)"
    r"|[Hh]ealth checks failed with these codes: \[(?P<check2>[1-5]\d\d)\]"
    r"|while connecting to upstream[^\n]{0,200} request: \"(?:GET|HEAD) (?P<s502>/\S*)"
)
_NOT_FOUND = 404


def answered(texts: Sequence[str], path: str) -> Iterator[tuple[int, int]]:
    """The places of the texts in which an access log says that this path was answered, each with the status."""
    for at, _, found in pattern_set(_LINES).search(texts):
        if _is_path(found["path"], path):
            yield at, int(found["status"])


def begins(found: re.Match[str]) -> str:
    """The path of the request that begins in this line."""
    return _named(found.groups())


def ends(text: str, path: str, asked: str) -> int | None:
    """The status with which a request ends here that began as `asked`; 0 where it was of another path."""
    found = _ENDS.search(text)
    if not found:
        return None
    return int(_named(found.groups())) if _is_path(asked, path) else 0


def names(found: re.Match[str], path: str) -> int | None:
    """The status that is behind an error in which a framework names this path; None where it names another one."""
    group, named = next((name, named) for name, named in found.groupdict().items() if named is not None)
    if group.startswith("check"):
        return int(named)
    if not _is_path(f"/{named}" if group.startswith("bare") else named, path):
        return None
    return int(group[1:4]) if group.startswith("s") else _NOT_FOUND


def _is_path(asked: str, path: str) -> bool:
    return path in {asked, asked.partition("?")[0]}


def _named(groups: Iterable[str | None]) -> str:
    return next(text for text in groups if text)
