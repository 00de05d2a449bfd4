"""What an application answered is understood, in the formats of servers and frameworks."""

# ruff: noqa: E501  lines of logs are as long as they are

from datetime import UTC, datetime

import pytest

from apprunner_watcher.log import ApplicationLog, Line

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def answers(*texts: str, path: str = "/health") -> list[int]:
    lines = tuple(Line(NOON, text, "instance/a") for text in texts)
    return [answer.status for answer in ApplicationLog(lines, ()).answers(path)]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (
            '10.0.1.5 - - [02/Mar/2026:09:01:05 +0000] "GET /health HTTP/1.1" 404 153 "-" "ELB-HealthChecker/2.0" "-"',
            404,
        ),
        ('10.0.1.5:40322 - - [02/Mar/2026:09:01:05] "GET /health 1.1" 404 22 "-" "x"', 404),
        ('10.0.1.5:40322 - - [02/Mar/2026:09:01:05] "GET /health" 404 179', 404),
        ('[02/Mar/2026 09:01:05] "GET /health HTTP/1.1" 404 179', 404),
        ("(sanic.access)[INFO][10.0.1.5:4322]: GET http://10.0.1.5:8000/health  404 733", 404),
        ("WARNING:tornado.access:404 GET /health (10.0.1.5) 0.45ms", 404),
        ("[W 260302 09:01:05 web:2271] 404 GET /health (10.0.1.5) 0.5ms", 404),
        ("  --> GET /health 404 3ms 9b", 404),
        ("--> GET /health 404 3ms", 404),
        (" GET /health 404 in 32ms", 404),
        ("GET /health 404 - - 1.2 ms", 404),
        ("[2026-03-02 09:01:05.123] http: GET /health (5 ms) 404", 404),
        ("[09:01:05.123] GET /health 503 12ms", 503),
        ("HTTP GET /health responded 404 in 1.2345 ms", 404),
        ("[09:01:05 INF] HTTP GET /health responded 401 in 1.2345 ms", 401),
        ("[Mon Mar  2 09:01:05 2026] 10.0.1.5:40322 [404]: GET /health - No such file or directory", 404),
        ("[404] GET /health", 404),
        ("  404    GET /health .......... 12.3 MB 1.2 ms", 404),
        ("404 Not Found: GET - /health in 3ms", 404),
        ("09:01:05 | 404 |     0s | 10.0.1.5 | GET | /health | Cannot GET /health", 404),
        ("[INFO] 2026/03/02 09:01 404 1.2ms 10.0.1.5 GET /health", 404),
        ('[2026]  "GET /health" Error (404): "Not found"', 404),
        ('at=info method=GET path="/health" host=x request_id=1 status=404 bytes=1', 404),
        ("level=info status=404 method=GET path=/health", 404),
        (
            "request{method=GET uri=/health version=HTTP/1.1}: tower_http::trace::on_response: finished processing request latency=0 ms status=404",
            404,
        ),
        ('{"level":"info","status":404,"method":"GET","path":"/health","msg":"x"}', 404),
        (
            '{"level":"info","logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.1.5","method":"GET","host":"x","uri":"/health","headers":{"User-Agent":["x"]}},"bytes_read":0,"status":404}',
            404,
        ),
        (
            '{"@t":"x","@mt":"HTTP {RequestMethod} {RequestPath} responded {StatusCode}","RequestMethod":"GET","RequestPath":"/health","StatusCode":404}',
            404,
        ),
        ('{"level":"info","message":"10.0.1.5 - - \\"GET /health HTTP/1.1\\" 404 12"}', 404),
        ('{"message":"GET /health 404 1.2 ms - 12","level":"info"}', 404),
        ("Not Found: /health", 404),
        ("Error: Not found: /health", 404),
        ('ActionController::RoutingError (No route matches [GET] "/health"):', 404),
        ("** (Phoenix.Router.NoRouteError) no route found for GET /health (ShopWeb.Router)", 404),
        ("No mapping for GET /health", 404),
        (
            "Resolved [org.springframework.web.servlet.resource.NoResourceFoundException: No static resource health.]",
            404,
        ),
        ("No static resource health for request '/health'.", 404),
        ("[Nest] 1 - ERROR [ExceptionsHandler] Cannot GET /health", 404),
        ("Forbidden (Permission denied): /health", 403),
        ("Unauthorized: /health", 401),
        ("Internal Server Error: /health", 500),
        ("[2026-03-02 09:01:05,123] ERROR in app: Exception on /health [GET]", 500),
        (
            '2026/03/02 09:01:05 [error] 29#29: *1 "/usr/share/nginx/html/health" is not found (2: No such file or directory), client: 10.0.1.5, server: localhost, request: "GET /health HTTP/1.1", host: "10.0.1.5"',
            404,
        ),
        (
            '2026/03/02 09:01:05 [error] 29#29: *1 FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught Error: Call to a member function" while reading response header from upstream, client: 10.0.1.5, server: _, request: "GET /health HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000"',
            500,
        ),
        ("No mapping found for HTTP request with URI [/health] in DispatcherServlet with name 'dispatcher'", 404),
        ("Liveness probe failed: HTTP probe failed with statuscode: 404", 404),
        ("(reason Health checks failed with these codes: [503])", 503),
        (
            "DEBUG request{method=GET uri=/health version=HTTP/1.1}: tower_http::trace::on_response: finished processing request latency=0 ms status=404",
            404,
        ),
        (
            '2026/03/02 09:01:05 [error] 29#29: *1 open() "/usr/share/nginx/html/health" failed (2: No such file or directory), client: 10.0.1.5, server: localhost, request: "GET /health HTTP/1.1", host: "10.0.1.5"',
            404,
        ),
        (
            '2026/03/02 09:01:05 [error] 29#29: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.1.5, server: , request: "GET /health HTTP/1.1", upstream: "http://127.0.0.1:3000/health"',
            502,
        ),
        (
            'Symfony\\Component\\HttpKernel\\Exception\\NotFoundHttpException: No route found for "GET http://10.0.1.5/health"',
            404,
        ),
        ("    Request finished HTTP/1.1 GET http://10.0.1.5:8080/health - 404 0 - 12.3ms", 404),
    ],
)
def test_the_status_of_an_answer(text: str, status: int) -> None:
    assert answers(text) == [status]


@pytest.mark.parametrize(
    "texts",
    [
        ("Request starting HTTP/1.1 GET http://10.0.1.5:8080/health", "Request finished in 12.3ms 404 text/plain"),
        (" HTTP  3/2/2026 9:01:05 AM 10.0.1.5 GET /health", " HTTP  3/2/2026 9:01:05 AM 10.0.1.5 Returned 404 in 1 ms"),
    ],
)
def test_one_line_begins_a_request_and_another_ends_it(texts: tuple[str, str]) -> None:
    begins, ends = texts
    assert answers(begins, ends) == [404]
    assert answers(begins.replace("/health", "/orders"), ends) == []


@pytest.mark.parametrize(
    "text",
    [
        "GET /health took 404 ms",
        "GET /health 150 ms",
        "GET /health 200ms",
        "Registered route /health",
        "GET /health/deep 404",
    ],
)
def test_what_is_no_answer(text: str) -> None:
    assert answers(text) == []


def test_the_root_is_named_without_a_name() -> None:
    assert answers("NoResourceFoundException: No static resource .", path="/") == [404]


@pytest.mark.parametrize(
    ("path", "expected"), [("/health", [500]), ("/health?strict=1", [500]), ("/health?deep=1", [])]
)
def test_a_path_may_ask_for_something(path: str, expected: list[int]) -> None:
    assert answers('"GET /health?strict=1 HTTP/1.1" 500 12', path=path) == expected
