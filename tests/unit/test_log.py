"""Lines of JSON are understood, stack traces are kept together, and an empty log is looked at again."""

import copy
import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apprunner_watcher.log import ApplicationLog, Line, Trace, needs_second_look, traces, without_console_prefix
from apprunner_watcher.missing import Missing
from apprunner_watcher.rule import _scan

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NODE = "Error: connect ECONNREFUSED 127.0.0.1:5432\n    at TCPConnectWrap.afterConnect (node:net:1611:16)"
PYTHON = 'Traceback (most recent call last):\n  File "/app/x.py", line 1, in <module>\nValueError: boom'
JAVA = "java.lang.IllegalStateException: boom\n\tat app.Main.main(Main.java:3)"
NET = "System.InvalidOperationException: boom\n   at App.Program.Main() in /src/Program.cs:line 3"


def line(text: str, stream: str = "instance/a") -> Line:
    return Line(NOON, text, stream)


def of_json(**fields: Any) -> Line:
    return line(json.dumps(fields))


@pytest.mark.parametrize(
    ("entry", "level", "message", "error", "stack"),
    [
        pytest.param(
            {"level": 50, "time": 1, "err": {"type": "Error", "message": "connect", "stack": NODE}, "msg": "no start"},
            *("error", "no start", "Error: connect", NODE),
            id="pino",
        ),
        pytest.param(
            {"name": "shop", "level": 60, "err": {"message": "boom", "name": "TypeError", "stack": NODE}, "msg": "x"},
            *("fatal", "x", "TypeError: boom", NODE),
            id="bunyan",
        ),
        pytest.param(
            {"level": "\x1b[31merror\x1b[39m", "message": "boom", "stack": NODE},
            *("error", "boom", "", NODE),
            id="winston with colours",
        ),
        pytest.param(
            {"level": "fatal", "ts": 1.2, "caller": "x.go:1", "msg": "no db", "error": "refused", "stacktrace": "a\nb"},
            *("fatal", "no db", "refused", "a\nb"),
            id="zap",
        ),
        pytest.param(
            {"level": "warn", "error": "refused", "message": "slow"}, "warning", "slow", "refused", "", id="zerolog"
        ),
        pytest.param({"level": "panic", "msg": "boom", "time": "t"}, "fatal", "boom", "", "", id="logrus"),
        pytest.param({"time": "t", "level": "ERROR", "msg": "x", "err": "eof"}, "error", "x", "eof", "", id="slog"),
        pytest.param(
            {"event": "startup failed", "level": "error", "exception": PYTHON},
            *("error", "startup failed", "ValueError: boom", PYTHON),
            id="structlog",
        ),
        pytest.param(
            {"level": "error", "message": "m", "exception": {"class": "E", "backtrace": ["a.rb:1", "b.rb:2"]}},
            *("error", "m", "", "a.rb:1\nb.rb:2"),
            id="rows of a trace",
        ),
        pytest.param(
            {"level": "error", "message": "m", "error": ["E: b\n", "  at f"]},
            *("error", "m", "E: b", "E: b\n\n  at f"),
            id="rows of an error",
        ),
        pytest.param(
            {"event": "x", "exception": [{"exc_type": "A", "exc_value": "b"}, {"exc_type": "C", "exc_value": "d"}]},
            *("", "x", "A: b", "A: b\nCaused by: C: d"),
            id="structlog's dictionaries",
        ),
        pytest.param(
            {"asctime": "t", "levelname": "CRITICAL", "message": "m", "exc_info": PYTHON},
            *("fatal", "m", "ValueError: boom", PYTHON),
            id="python-json-logger",
        ),
        pytest.param(
            {"text": "t", "record": {"level": {"name": "ERROR", "no": 40}, "message": "m"}},
            *("error", "m", "", ""),
            id="loguru",
        ),
        pytest.param(
            {"level": "ERROR", "message": "m", "exception": PYTHON, "exception_name": "ValueError"},
            *("error", "m", "ValueError: boom", PYTHON),
            id="AWS Powertools",
        ),
        pytest.param(
            {"@t": "t", "@mt": "Host {Id} stopped", "@m": "Host 1 stopped", "@l": "Fatal", "@x": NET},
            *("fatal", "Host {Id} stopped", "System.InvalidOperationException: boom", NET),
            id="Serilog",
        ),
        pytest.param({"@t": "t", "@m": "Started"}, "info", "Started", "", "", id="Serilog leaves Information out"),
        pytest.param(
            {"LogLevel": "Critical", "Category": "Host", "Message": "m", "Exception": NET},
            *("fatal", "m", "System.InvalidOperationException: boom", NET),
            id=".NET's JSON console",
        ),
        pytest.param(
            {"@timestamp": "t", "level": "ERROR", "logger_name": "l", "message": "m", "stack_trace": JAVA},
            *("error", "m", "", JAVA),
            id="logback for logstash",
        ),
        pytest.param(
            {"log.level": "ERROR", "message": "m", "error.type": "E", "error.message": "b", "error.stack_trace": JAVA},
            *("error", "m", "E: b", JAVA),
            id="ECS",
        ),
        pytest.param(
            {"log": {"level": "WARN"}, "message": "m", "error": {"type": "E", "message": "b", "stack_trace": JAVA}},
            *("warning", "m", "E: b", JAVA),
            id="ECS, nested",
        ),
        pytest.param(
            {"level": "FATAL", "message": "m", "thrown": {"name": "E", "message": "b", "extendedStackTrace": JAVA}},
            *("fatal", "m", "E: b", JAVA),
            id="Log4j",
        ),
        pytest.param({"severity": "NOTICE", "message": "m"}, "info", "m", "", "", id="Google Cloud"),
        pytest.param(
            {"timestamp": "t", "level": "ERROR", "fields": {"message": "m", "error": "eof"}, "target": "app"},
            *("error", "m", "eof", ""),
            id="tracing (Rust)",
        ),
        pytest.param(
            {"message": "m", "context": {"exception": {"class": "E", "message": "b"}}, "level": 500, "level_name": "X"},
            *("fatal", "m", "E: b", ""),
            id="Monolog",
        ),
        pytest.param(
            {"severity_text": "ERROR", "body": "m", "exception.message": "b", "exception.stacktrace": JAVA},
            *("error", "m", "b", JAVA),
            id="OpenTelemetry",
        ),
        pytest.param({"version": "1.1", "short_message": "m", "level": 3}, "error", "m", "", "", id="GELF"),
        pytest.param(
            {"level": "error", "msg": "m", "err": {"message": "a", "cause": {"name": "E", "message": "b"}}},
            *("error", "m", "a", "a\nCaused by: E: b"),
            id="an error with a cause",
        ),
        pytest.param(
            {"level": "error", "message": {"name": "E", "message": "b", "stack": NODE}},
            *("error", "E: b", "", NODE),
            id="an error for a message",
        ),
        pytest.param({"log": "said\n", "stream": "stderr"}, "", "said", "", "", id="the container runtime"),
    ],
)
def test_what_a_logger_wrapped(entry: dict[str, Any], level: str, message: str, error: str, stack: str) -> None:
    found = of_json(**entry).logged
    assert found
    assert (found.level, found.message, found.error, found.stack) == (level, message, error, stack)
    for text in (message, error, *stack.split("\n")):
        assert text in found.said
    assert "\n" not in found.said


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "",
        "}",
        "{}",
        "{broken}",
        '{"a": 1}',
        "[1, 2]}",
        '{"level": "error"}',
        'request {"level":"error","msg":"x"}',  # the words before it count
        '{"msg":' * 5_000 + "1" + "}" * 5_000,
        '{"msg":"' + "x" * 20_000 + '"}',
    ],
)
def test_what_no_logger_wrapped(text: str) -> None:
    assert line(text).logged is None
    assert line(text).said == text


@pytest.mark.parametrize("prefix", ["", "web-1  | ", "0|app  | ", "[Build] "])
def test_the_name_of_a_program_may_stand_before_it(prefix: str) -> None:
    assert line(f'{prefix}{{"level":"error","msg":"boom"}}').said == "boom"


FIELD_NAMES = st.sampled_from(
    ["level", "msg", "message", "err", "error", "exception", "stack", "cause", "name", "@t", "@x", "log", "record"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELD_NAMES | st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(FIELD_NAMES, VALUES))
def test_no_json_is_too_odd(entry: dict[str, Any]) -> None:
    one = of_json(**entry)
    assert isinstance(one.is_passing, bool)
    one.said.encode("utf-8")  # no terminal, encoder or RE2 chokes on it
    _scan({("rule", "any"): "x"}, (one,))
    traces((one,))


@given(st.text(), st.text())
def test_no_text_is_too_odd(before: str, inside: str) -> None:
    for text in (before, f"{{{inside}}}", f'{{"msg":"{inside}"}}', f"{before}\n    at f (x:1)\n{inside}"):
        assert isinstance(line(text).said, str)
        traces((line(text),))


def test_what_json_hides_is_taken_out() -> None:
    said = of_json(level="error", msg="\x1b[31mboom\x1b[0m\x07 \ud83d done").said
    assert said == "boom  ? done"


def test_a_line_is_a_value() -> None:
    one = of_json(level="error", msg="boom")
    assert one == of_json(level="error", msg="boom")
    assert replace(one, text="plain").logged is None
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert one.text == '{"level": "error", "msg": "boom"}'


@pytest.mark.parametrize(
    ("text", "is_warning", "is_passing"),
    [
        ('{"level":"error","msg":"no info on DEBUG","hint":"WARN"}', False, False),
        ('{"level":50,"msg":"boom","type":"INFO"}', False, False),
        ('{"level":"fatal","msg":"boom","retry":true}', False, False),  # a field is no word of the application
        ('{"level":"error","msg":"retrying in 5 s"}', False, True),
        ('{"level":"warn","msg":"boom"}', True, True),
        ('{"level":30,"msg":"boom"}', True, True),
        ('{"@t":"t","@m":"boom"}', True, True),
        ('{"severity":"NOTICE","message":"boom"}', True, True),
        ('{"msg":"INFO boom"}', True, True),  # without a level, its words count
        ('{"msg":"boom"}', False, False),
        ("WARN boom", True, True),
        ("boom", False, False),
    ],
)
def test_the_level_says_whether_it_is_a_warning(text: str, *, is_warning: bool, is_passing: bool) -> None:
    assert (line(text).is_warning, line(text).is_passing) == (is_warning, is_passing)


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ('{"level":"error","msg":"panic: boom"}', r"^panic: (.*)", "boom"),
        ('{"level":"error","err":{"message":"say \\"no\\""},"msg":"x"}', r"say \"(\w+)\"", "no"),
        ('{"level":"info","url":"/health","status":404,"msg":"done"}', r"\"url\":\"(\S+?)\",\"status\":404", "/health"),
        ('{"level":"error","msg":"a\\nb"}', r"^a (b)$", "b"),
        ('prefix {"error":"say \\"no\\"\\nor not"}', r"say \"(no)\" or", "no"),
        ("plain (text)", r"^plain \((\w+)\)$", "text"),
    ],
)
def test_rules_search_what_was_wrapped_and_the_line_itself(text: str, pattern: str, expected: str) -> None:
    key = ("rule", "name")
    (match,) = _scan({key: pattern}, (line(text),))[key]
    assert match[1] == expected
    assert match.line.text == text


def test_the_neighbours_of_a_match_are_unwrapped_too() -> None:
    lines = (of_json(level="error", msg="above"), line("here"), of_json(level="error", msg="below"))
    (match,) = _scan({("rule", "name"): "^here$"}, lines)["rule", "name"]
    assert (match.before, match.after) == ("above", "below")


def test_the_end_of_a_runtime_is_seen_in_json() -> None:
    last = of_json(level="error", msg="Unhandled exception. System.Exception: boom")
    assert ApplicationLog((line("a"), last), ()).died == last
    assert ApplicationLog((line("a"), of_json(level="info", msg="up")), ()).died is None


TRACES = {
    "Python": (
        [
            "Traceback (most recent call last):",
            '  File "/app/main.py", line 3, in <module>',
            "    import settings",
            "    ^^^^^^^^^^^^^^^",
            "KeyError: 'DATABASE_URL'",
        ],
        "KeyError: 'DATABASE_URL'",
    ),
    "Python, during handling": (
        [
            "ERROR:    Traceback (most recent call last):",
            '  File "/app/db.py", line 3, in connect',
            "    raise OSError(111)",
            "sqlalchemy.exc.OperationalError: connection refused",
            "\tIs the server running?",
            "",
            "(Background on this error at: https://sqlalche.me/e/20/e3q8)",
            "",
            "During handling of the above exception, another exception occurred:",
            "",
            "Traceback (most recent call last):",
            '  File "/app/main.py", line 9, in <module>',
            "    start()",
            "SystemExit: 1",
        ],
        "sqlalchemy.exc.OperationalError: connection refused",
    ),
    "Python, direct cause": (
        [
            "Traceback (most recent call last):",
            '  File "/app/a.py", line 1, in <module>',
            "KeyError: 'A'",
            "",
            "The above exception was the direct cause of the following exception:",
            "",
            "Traceback (most recent call last):",
            '  File "/app/a.py", line 3, in <module>',
            "RuntimeError: no A",
        ],
        "KeyError: 'A'",
    ),
    "pydantic": (
        [
            "Traceback (most recent call last):",
            '  File "/app/a.py", line 1, in <module>',
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings",
            "DATABASE_URL",
            "  Field required [type=missing, input_value={}, input_type=dict]",
            "    For further information visit https://errors.pydantic.dev/2.5/v/missing",
        ],
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings",
    ),
    "Node.js": (
        [
            "Error: Cannot find module './routes'",
            "Require stack:",
            "- /app/server.js",
            "    at Module._resolveFilename (node:internal/modules/cjs/loader:1134:15)",
            "    at node:internal/main/run_main_module:23:47 {",
            "  code: 'MODULE_NOT_FOUND',",
            "  requireStack: [ '/app/server.js' ]",
            "}",
        ],
        "Error: Cannot find module './routes'",
    ),
    "Node.js, cause": (
        [
            "TypeError: fetch failed",
            "    at node:internal/deps/undici/undici:12618:11",
            "    at async start (file:///app/server.mjs:3:1) {",
            "  [cause]: Error: connect ECONNREFUSED 127.0.0.1:5432",
            "      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {",
            "    errno: -111,",
            "    code: 'ECONNREFUSED'",
            "  }",
            "}",
        ],
        "Error: connect ECONNREFUSED 127.0.0.1:5432",
    ),
    "Java": (
        [
            'Exception in thread "main" org.springframework.beans.factory.BeanCreationException: Error creating bean',
            "\tat org.springframework.boot.SpringApplication.run(SpringApplication.java:303)",
            "Caused by: java.lang.RuntimeException: outer",
            "with a second row",
            "\tat app.Db.open(Db.java:7)",
            "\t... 23 more",
            "Caused by: java.net.ConnectException: Connection refused",
            "\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)",
            "\t... 25 common frames omitted",
        ],
        "java.net.ConnectException: Connection refused",
    ),
    "Java, suppressed": (
        [
            "java.lang.IllegalStateException: outer",
            "\tat app.Main.main(Main.java:3)",
            "\tSuppressed: java.io.IOException: close",
            "\t\tat app.Main.close(Main.java:9)",
            "\tCaused by: java.io.IOException: of the suppressed one",
            "\t\tat app.Main.close(Main.java:10)",
            "Caused by: java.sql.SQLException: refused",
            "\tat app.Db.open(Db.java:7)",
        ],
        "java.sql.SQLException: refused",
    ),
    "logback, root first": (
        [
            "java.net.ConnectException: Connection refused",
            "\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)",
            "Wrapped by: java.lang.RuntimeException: outer",
            "\tat app.Db.open(Db.java:7)",
        ],
        "java.net.ConnectException: Connection refused",
    ),
    ".NET": (
        [
            "Unhandled exception. System.InvalidOperationException: An error occurred",
            " ---> System.AggregateException: middle",
            " ---> Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.0.0.1:5432",
            "   at Npgsql.NpgsqlConnector.Connect(NpgsqlTimeout timeout)",
            "   --- End of inner exception stack trace ---",
            "   at App.Program.Main(String[] args) in /src/Program.cs:line 12",
        ],
        "Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.0.0.1:5432",
    ),
    "Go": (
        [
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a3b2c]",
            "",
            "goroutine 1 [running]:",
            "main.connect(...)",
            "\t/app/main.go:10",
            "main.main()",
            "\t/app/main.go:22 +0x1d",
            "exit status 2",
        ],
        "panic: runtime error: invalid memory address or nil pointer dereference",
    ),
    "Ruby": (
        [
            '/app/config/application.rb:7:in `fetch\': key not found: "SECRET_KEY_BASE" (KeyError)',
            'Did you mean?  "SECRET_KEY"',
            "\tfrom /app/config/application.rb:7:in `<main>'",
            "\tfrom config.ru:1:in `require_relative'",
        ],
        '/app/config/application.rb:7:in `fetch\': key not found: "SECRET_KEY_BASE" (KeyError)',
    ),
    "Ruby, cause": (
        [
            "/app/a.rb:7:in 'Object#start': no start (RuntimeError)",
            "\tfrom /app/a.rb:9:in '<main>'",
            "/app/b.rb:3:in 'Object#open': refused (Errno::ECONNREFUSED)",
            "\tfrom /app/a.rb:7:in 'Object#start'",
        ],
        "/app/b.rb:3:in 'Object#open': refused (Errno::ECONNREFUSED)",
    ),
    "PHP": (
        [
            "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /app/db.php:3",
            "Stack trace:",
            "#0 /app/db.php(3): PDO->__construct()",
            "#1 {main}",
            "",
            "Next RuntimeException: no database in /app/index.php:7",
            "Stack trace:",
            "#0 {main}",
            "  thrown in /app/index.php on line 7",
        ],
        "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /app/db.php:3",
    ),
    "Rust": (
        [
            "thread 'main' panicked at src/main.rs:7:44:",
            "called `Result::unwrap()` on an `Err` value: NotPresent",
            "stack backtrace:",
            "   0: rust_begin_unwind",
            "             at /rustc/abc/library/std/src/panicking.rs:647:5",
            "   1: app::main",
            "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.",
        ],
        "called `Result::unwrap()` on an `Err` value: NotPresent",
    ),
    "Rust before 1.73": (
        [
            "thread 'main' panicked at 'DATABASE_URL must be set', src/main.rs:7:44",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        ],
        "thread 'main' panicked at 'DATABASE_URL must be set', src/main.rs:7:44",
    ),
    "anyhow": (
        [
            "Error: failed to start",
            "",
            "Caused by:",
            "    0: error connecting to the database",
            "    1: Connection refused (os error 111)",
        ],
        "1: Connection refused (os error 111)",
    ),
}


def says(found: tuple[Trace, ...]) -> list[tuple[str, list[str], str]]:
    return [(one.head.text, [of.text for of in one.lines], one.says) for one in found]


@pytest.mark.parametrize("runtime", TRACES)
def test_a_stack_trace_is_kept_together(runtime: str) -> None:
    rows, root = TRACES[runtime]
    lines = (line("Starting"), *map(line, rows), line("npm error code 1"), line("Done"))
    (found,) = traces(lines)
    assert says((found,)) == [(rows[0], rows, root)]
    assert root in found.root.text


@pytest.mark.parametrize("runtime", TRACES)
def test_a_stack_trace_may_stand_in_one_event(runtime: str) -> None:
    rows, root = TRACES[runtime]
    event = line("Starting\n" + "\n".join(rows) + "\nDone")
    assert traces((line("before"), event, line("after"))) == (Trace(event, (event,), event, root),)


@pytest.mark.parametrize("runtime", TRACES)
def test_a_stack_trace_may_stand_in_json(runtime: str) -> None:
    rows, root = TRACES[runtime]
    event = of_json(level="error", msg="no start", stack="\n".join(rows))
    assert traces((line("Error: x"), event, line("    at f (x.js:1:2)")))[:1] == (Trace(event, (event,), event, root),)


def test_a_trace_of_a_runtime_that_we_do_not_know_says_what_its_logger_says() -> None:
    event = of_json(level="error", msg="no start", error="refused", stack="main.open\n\t/app/main.go:7")
    assert traces((event,)) == (Trace(event, (event,), event, "refused"),)


def test_a_logger_s_message_may_hold_the_trace() -> None:
    event = of_json(level="error", msg=f"no start\n{JAVA}\n")
    assert [one.says for one in traces((event,))] == ["java.lang.IllegalStateException: boom"]
    assert event.said == f"no start {JAVA}".replace("\n", " ")


def test_traces_one_below_the_other_stay_apart() -> None:
    found = traces(tuple(line(row) for rows, _ in TRACES.values() for row in [*rows, "Restarting"]))
    assert [one.says for one in found] == [root for _, root in TRACES.values()]
    assert [[of.text for of in one.lines] for one in found] == [rows for rows, _ in TRACES.values()]


def test_a_trace_does_not_go_on_in_another_stream() -> None:
    first, second = line("Error: boom", "instance/a"), line("    at f (x.js:1:2)", "instance/b")
    assert traces((first, second)) == (Trace(second, (second,), second, "at f (x.js:1:2)"),)


@pytest.mark.parametrize(
    "text", ["  at 12 o'clock", "look --> here", " --> src/main.rs:1:1", "Error: boom", "goroutine 1"]
)
def test_what_is_no_trace(text: str) -> None:
    assert traces((line(text),)) == ()


def test_an_application_log_knows_the_traces_of_the_failing_version() -> None:
    rows = tuple(map(line, NODE.split("\n")))
    assert [one.lines for one in ApplicationLog(rows, ()).traces] == [rows]
    assert ApplicationLog((), rows).traces == ()


@pytest.mark.parametrize(
    ("ended", "application", "expected"),
    [
        (timedelta(minutes=-2, seconds=-59), ApplicationLog((), ()), True),
        (timedelta(seconds=5), ApplicationLog((), ()), True),  # AWS's clock is ahead
        (timedelta(minutes=-2), ApplicationLog((), (line("old"),), group_exists=False), True),
        (timedelta(minutes=-3), ApplicationLog((), ()), False),
        (timedelta(minutes=-1), ApplicationLog((line("boom"),), ()), False),
        (timedelta(minutes=-1), Missing("application log", "access denied"), False),
        (None, ApplicationLog((), ()), False),
    ],
)
def test_an_empty_log_is_looked_at_again(
    ended: timedelta | None, application: ApplicationLog | Missing, *, expected: bool
) -> None:
    ended_at = None if ended is None else NOON + ended
    assert needs_second_look(ended_at, NOON, application) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("05-18-2025 06:34:36 PM [AppRunner] Deployment started.", "[AppRunner] Deployment started."),
        ("05-18-2025 06:34:36 AM boom", "boom"),
        ("2026-05-04T10:00:00.123456789Z stdout F boom", "boom"),
        ("2026-05-04T10:00:00.123+02:00 stderr P boom", "boom"),
        ("05-18-2025 06:34:36 PM a\n05-18-2025 06:34:37 PM   b\nc", "a\n  b\nc"),
        ("[AppRunner] Deployment started.", "[AppRunner] Deployment started."),
        ("2026-05-04T10:00:00.123Z INFO boom", "2026-05-04T10:00:00.123Z INFO boom"),
        ("2026-05-04 10:00:00 boom", "2026-05-04 10:00:00 boom"),
        ("05-18-2025 06:34:36 boom", "05-18-2025 06:34:36 boom"),
        ("at 05-18-2025 06:34:36 PM boom", "at 05-18-2025 06:34:36 PM boom"),
        ("", ""),
    ],
)
def test_the_console_s_prefix_is_taken_off(text: str, expected: str) -> None:
    assert without_console_prefix(text) == expected


@pytest.mark.parametrize(
    ("text", "is_dismissed"),
    [
        ("ImportError: No module named 'ujson', falling back to json", True),
        ("Firebase not configured: GOOGLE_APPLICATION_CREDENTIALS missing (optional)", True),
        ("SMTP_HOST is not set. Notifications are disabled", True),
        ("USER_AGENT environment variable not set, consider setting it to identify your requests.", True),
        ("open config.yaml: no such file or directory, using defaults", True),
        ("Cannot continue without DATABASE_URL", False),
        ("You are using the default SECRET_KEY in a production environment! Exiting", False),
        ("WRONGPASS invalid username-password pair or user is disabled.", False),
        ("npm has a bug related to optional dependencies", False),
    ],
)
def test_a_line_says_that_the_application_does_without(text: str, *, is_dismissed: bool) -> None:
    assert line(text).is_dismissed is is_dismissed


@pytest.mark.parametrize(
    ("behind", "comes_up", "answers"),
    [
        ("Server listening on port 8080", True, False),
        ("Ghost booted in 12.4s", True, False),
        ('10.0.1.2 - - [02/Mar/2026:09:03:01 +0000] "GET /items HTTP/1.1" 200 19', False, True),
        ("GET /items 304 2.1 ms", False, True),
        ("GET /items 500 2.1 ms", False, False),
    ],
)
def test_an_application_outlives_a_line(behind: str, *, comes_up: bool, answers: bool) -> None:
    error, after = line("Error: connect ECONNREFUSED"), line(behind)
    log = ApplicationLog(failing=(error, after), serving=())
    assert (log.comes_up_behind(error), log.answers_behind(error)) == (comes_up, answers)
