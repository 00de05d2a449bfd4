"""Where an application says that it listens is understood, in the words that servers, frameworks and people use."""

# ruff: noqa: E501  lines of logs are as long as they are

import pytest

from apprunner_watcher.log.listening import ADDRESSES, SAYS_IT_LISTENS, place
from apprunner_watcher.patterns import pattern_set

SAID = [
    ("  Local URL: http://localhost:8501", "localhost", 8501),
    ("  Network URL: http://172.17.0.2:8501", "172.17.0.2", 8501),
    ("  URL: http://0.0.0.0:8501", "0.0.0.0", 8501),
    ("* Running on local URL:  http://127.0.0.1:7860", "127.0.0.1", 7860),
    ("  ➜  Local:   http://localhost:5173/", "localhost", 5173),
    (" ┃ Local    http://localhost:4321/", "localhost", 4321),
    ("  - Local:        http://ip-10-0-1-5.ec2.internal:3000", "ip-10-0-1-5.ec2.internal", 3000),
    ("Listening on port 3000 url: http://ip-10-0-1-5.ec2.internal:3000", "ip-10-0-1-5.ec2.internal", 3000),
    ("- ready started server on 0.0.0.0:3000, url: http://localhost:3000", "0.0.0.0", 3000),
    ("  On Your Network:  http://172.17.0.2:3000", "172.17.0.2", 3000),
    ('INFO [main] org.apache.coyote.AbstractProtocol.start Starting ProtocolHandler ["http-nio-8080"]', "", 8080),
    (
        'INFO [main] org.apache.coyote.AbstractProtocol.start Starting ProtocolHandler ["http-nio-127.0.0.1-8080"]',
        "127.0.0.1",
        8080,
    ),
    (
        "2026-03-02 09:01:09.001:INFO:oejs.AbstractConnector:main: Started ServerConnector@1b2c3d{HTTP/1.1, (http/1.1)}{0.0.0.0:8080}",
        "0.0.0.0",
        8080,
    ),
    ("Undertow started on port(s) 8080 (http)", "", 8080),
    ("Netty started on port 8080 (http)", "", 8080),
    ("WFLYUT0006: Undertow HTTP listener default listening on 0.0.0.0:8080", "0.0.0.0", 8080),
    (
        "shop 1.0.0 on JVM (powered by Quarkus 3.8.3) started in 1.234s. Listening on: http://0.0.0.0:8080. Management interface listening on http://0.0.0.0:9000.",
        "0.0.0.0",
        8080,
    ),
    ("Startup completed in 1234ms. Server Running: http://localhost:8080", "localhost", 8080),
    ("p.c.s.AkkaHttpServer - Listening for HTTP on /0.0.0.0:9000", "0.0.0.0", 9000),
    ("Listening for HTTP on /[0:0:0:0:0:0:0:0]:9000", "0:0:0:0:0:0:0:0", 9000),
    ("Responding at http://0.0.0.0:8080", "0.0.0.0", 8080),
    ("[info] Running ShopWeb.Endpoint with cowboy 2.9.0 at :::4000 (http)", "::", 4000),
    ("[info] Running ShopWeb.Endpoint with Bandit 1.5.2 at 127.0.0.1:4000 (http)", "127.0.0.1", 4000),
    ("* Listening on tcp://0.0.0.0:3000", "0.0.0.0", 3000),
    ("* Listening on http://[::1]:3000", "::1", 3000),
    ("I, [2026] INFO -- : listening on addr=0.0.0.0:8080 fd=9", "0.0.0.0", 8080),
    ("[2026-03-02 09:01:05] INFO  WEBrick::HTTPServer#start: pid=1 port=3000", "", 3000),
    ("=> Rails 4.2.7 application starting in development on http://localhost:3000", "localhost", 3000),
    ("== Sinatra (v3.0.5) has taken the stage on 4567 for development with backup from Puma", "", 4567),
    ("      Now listening on: http://[::]:80", "::", 80),
    ("Now listening on: http://+:80", "+", 80),
    ("[GIN-debug] Listening and serving HTTP on :8080", "", 8080),
    ("⇨ http server started on [::]:1323", "::", 1323),
    (" │               (bound on host 0.0.0.0 and port 3000)               │", "0.0.0.0", 3000),
    ("INFO Server started on: \thttp://127.0.0.1:3000 (bound on host 0.0.0.0 and port 3000)", "0.0.0.0", 3000),
    ("2026/03/02 09:01:02 Starting server on port 8080", "", 8080),
    ("Starting HTTP server on :8080", "", 8080),
    ("Server starting on port 3000...", "", 3000),
    ('time=2026-03-02T09:01:02Z level=INFO msg="starting server" addr=:8080', "", 8080),
    ('level=info msg="HTTP Server Listen" address=[::]:3000 protocol=http subUrl=', "::", 3000),
    ("INFO:waitress:Serving on http://0.0.0.0:8080", "0.0.0.0", 8080),
    ("======== Running on http://0.0.0.0:8080 ========", "0.0.0.0", 8080),
    ("[2026] [1] [INFO] Goin' Fast @ http://127.0.0.1:8000", "127.0.0.1", 8000),
    ("[2026-03-02 09:01:05 +0000] [1] [INFO] Running on http://127.0.0.1:8000 (CTRL + C to quit)", "127.0.0.1", 8000),
    ("Listening on TCP address 0.0.0.0:8000", "0.0.0.0", 8000),
    ("Starting server at tcp:port=8000:interface=127.0.0.1", "127.0.0.1", 8000),
    ("uWSGI http bound on 0.0.0.0:8080 fd 4", "0.0.0.0", 8080),
    ("Starting development server at http://127.0.0.1:8000/", "127.0.0.1", 8000),
    ("Starting ASGI/Daphne version 4.0.0 development server at http://0.0.0.0:8000/", "0.0.0.0", 8000),
    ("      server   Server started at http://0.0.0.0:8000", "0.0.0.0", 8000),
    ("Your app is available at http://localhost:8000", "localhost", 8000),
    ("Dash is running on http://127.0.0.1:8050/", "127.0.0.1", 8050),
    ("NiceGUI ready to go on http://localhost:8080, and http://172.17.0.2:8080", "172.17.0.2", 8080),
    ('Starting "actix-web-service-127.0.0.1:8080" service on 127.0.0.1:8080', "127.0.0.1", 8080),
    ("🚀 Rocket has launched from http://0.0.0.0:8000", "0.0.0.0", 8000),
    ("INFO shop: listening on 127.0.0.1:3000", "127.0.0.1", 3000),
    ("INFO axum: listening addr=127.0.0.1:3000", "127.0.0.1", 3000),
    ("Serving HTTP on 0.0.0.0 port 8000 (http://0.0.0.0:8000/) ...", "0.0.0.0", 8000),
    ("Serving HTTP on :: port 8000 (http://[::]:8000/) ...", "::", 8000),
    ("[Mon Mar  2 09:01:05 2026] PHP 8.1.2 Development Server (http://localhost:8000) started", "localhost", 8000),
    ("Laravel development server started: <http://127.0.0.1:8000>", "127.0.0.1", 8000),
    ("   INFO  Server running on [http://127.0.0.1:8000].", "127.0.0.1", 8000),
    ("n8n ready on 0.0.0.0, port 5678", "0.0.0.0", 5678),
    ("n8n ready on ::, port 5678", "::", 5678),
    ("http://localhost:5678", "localhost", 5678),
    ("Server started at http://0.0.0.0:8055", "0.0.0.0", 8055),
    ("⭐️ Server listening on :3000 (http://localhost:3000/)", "", 3000),
    ("   INFO  Accepting connections at http://localhost:3000", "localhost", 3000),
    (
        "** Angular Live Development Server is listening on localhost:4200, open your browser on http://localhost:4200/ **",
        "localhost",
        4200,
    ),
    ("Web Server is available at http://localhost:1313/ (bind address 127.0.0.1)", "localhost", 1313),
    ("server listening at { address: '0.0.0.0', family: 'IPv4', port: 55536 }", "0.0.0.0", 55536),
    ("HTTP server listening, hostname: 127.0.0.1, port: 8080", "127.0.0.1", 8080),
    (
        "CWWKO0219I: TCP Channel defaultHttpEndpoint has been started and is now listening for requests on host *  (IPv6) port 9080.",
        "*",
        9080,
    ),
    (
        "CWWKO0219I: TCP Channel defaultHttpEndpoint has been started and is now listening for requests on host localhost  (IPv4: 127.0.0.1) port 9080.",
        "localhost",
        9080,
    ),
    ("Network Listener http-listener-1 started in: 15ms - bound to [/0.0.0.0:8080]", "0.0.0.0", 8080),
    ("Server online at http://localhost:8080/", "localhost", 8080),
    ("Ember-Server service bound to address: 127.0.0.1:8080", "127.0.0.1", 8080),
    ("Serving HTTP at /[0:0:0:0:0:0:0:0%0]:8080 - http://127.0.0.1:8080/", "0:0:0:0:0:0:0:0", 8080),
    ("HTTP::Server::PSGI: Accepting connections at http://0:5000/", "0", 5000),
    ("Setting phasers to stun... (port 3000) (ctrl-c to quit)", "", 3000),
    ("Inference API bind to: http://127.0.0.1:8080", "127.0.0.1", 8080),
    ("Servidor rodando na porta 3333", "", 3333),
    ("Servidor corriendo en el puerto 3000", "", 3000),
    ("Serveur démarré sur le port 3000", "", 3000),
    ("Server läuft auf Port 3000", "", 3000),
    ("Сервер запущен на порту 3000", "", 3000),
    ("服务器运行在端口 3000", "", 3000),
    ("[ NOTICE ] Server starting on http://127.0.0.1:8080 [component: server]", "127.0.0.1", 8080),
    ('{"level":"info","message":"Server listening","port":"3000"}', "", 3000),
    ('{"level":30,"pid":17,"hostname":"ip-10-0-1-5","port":3000,"msg":"listening"}', "", 3000),
    ('{"host":"0.0.0.0","port":3000,"msg":"Server started"}', "0.0.0.0", 3000),
    ("Server is up and running at port: '3000'", "", 3000),
    ("Listening on 80", "", 80),
    ("App listening at 3000", "", 3000),
    ("🚀 Server ready at: http://localhost:4000/", "localhost", 4000),
    ("server listening on 0.0.0.0:8080 took 1200", "0.0.0.0", 8080),
    ("Server running on port 3000 in production mode", "", 3000),
    ("Express server listening on port: 5000", "", 5000),
]


@pytest.mark.parametrize(("text", "host", "port"), SAID)
def test_where_it_listens(text: str, host: str, port: int) -> None:
    assert place(text) == (host, port)


@pytest.mark.parametrize(("text", "host", "port"), SAID)
def test_no_line_is_passed_over_in_the_search_for_candidates(text: str, host: str, port: int) -> None:
    found = [place for _, place, _ in pattern_set((SAYS_IT_LISTENS, *ADDRESSES)).search([text])]
    assert 0 in found
    assert len(found) > 1


@pytest.mark.parametrize(
    "text",
    [
        "  External URL: http://3.15.12.8:8501",
        "WFLYSRV0060: Http management interface listening on http://127.0.0.1:9990/management",
        "[info] Access ShopWeb.Endpoint at https://example.com",
        "Overriding address(es) 'http://+:80'. Binding to endpoints defined via IConfiguration and/or UseKestrel() instead.",
        " │                   http://127.0.0.1:3000                   │",
        "uwsgi socket 0 bound to TCP address 127.0.0.1:39325 (port auto-assigned) fd 3",
        "API Server listening at `3000`",
        "Error: listen EADDRINUSE: address already in use :::3000",
        "⚠ Port 3000 is in use, trying 3001 instead.",
        "API URL: http://localhost:4000",
        'Started GET "/up" for 127.0.0.1 at 2026-03-02 09:01:05 +0000',
        "  Started 4 workers in 1234 ms",
        "Starting ShopApplication v1.0 using Java 17 with PID 1 (/app.jar started by root in /)",
        "AxiosError: Network Error http://10.0.1.5:8080",
        "Request starting HTTP/1.1 GET http://10.0.1.5:8080/health",
        "Started ShopApplication in 95.3 seconds (process running for 98.1)",
        "Something is already running on port 3000.",
        "8:M 02 Mar 2026 09:01:02.123 * Running mode=standalone, port=6379.",
        'LOG:  listening on IPv4 address "0.0.0.0", port 5432',
        "Jupyter Server 2.7 is running at:",
    ],
)
def test_where_it_does_not_listen(text: str) -> None:
    assert place(text) is None
