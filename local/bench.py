"""Here you find how fast it is: the whole gather over AWS's wire protocols, with every call answered after 50 ms.

These are figures of this machine and this moment. Compare them with each other, not with those of another day.
"""

import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
from rich.table import Table

from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.gather import gather
from apprunner_watcher.aws.replay import replay
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import OperationEvent, parse
from apprunner_watcher.log import ApplicationLog, Line
from apprunner_watcher.recording import Recording, load
from apprunner_watcher.redaction import Redactor
from apprunner_watcher.report import report
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.snapshot import Snapshot
from local import build
from local.process import free_port, serving, wait_until_healthy, workplace
from local.recordings import find
from local.settings import ACCESS_KEY, LOOPBACK, ROOT, SECRET_KEY
from local.terminal import console

# a VPC connector, a database and a cache
_RECORDING: Final = "seed-steno-prod-backend-failed"
_DELAY: Final = 50  # milliseconds
_RUNS: Final = 7
_LINES: Final = 10_000
_ENVIRONMENT: Final = {f"API_TOKEN_{number}": f"value-of-token-{number}-0f1e2d3c" for number in range(40)}


def main() -> None:
    """Measure and print."""
    table = Table("what", "runs", "min", "median", "max", "bar")
    with workplace() as temporary:
        _bench_gather(table, temporary)
    _bench_redaction(table)
    _bench_rules(table)
    console.print(table)


def _bench_gather(table: Table, temporary: Path) -> None:
    path, port, log = find(_RECORDING), free_port(), temporary / "serve.log"
    address = f"http://{LOOPBACK}:{port}"
    command = [sys.executable, "-m", "local.serve", str(path), "--port", str(port), "--delay", str(_DELAY)]
    with serving(command, env=build.environment(temporary), cwd=ROOT, log=log) as process:
        wait_until_healthy(process, address, log=log)
        recording = load(path)
        clients, calls = _clients(address)
        first = _timed(lambda: _gather(recording, clients))
        per_gather = len(calls)
        times = [_timed(lambda: _gather(recording, clients)) for _ in range(_RUNS)]
        snapshot = _gather(recording, clients)
    _row(table, f"gather: {per_gather} calls of {_DELAY} ms each (bar: 45)", times, "600 ms")
    _row(table, "the first one, which builds the clients", [first], "")
    _row(table, "diagnose and report", [_timed(lambda: _explain(snapshot)) for _ in range(_RUNS)], "")


def _clients(address: str) -> tuple[Clients, list[str]]:
    calls: list[str] = []
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name="us-east-1")

    def count(event_name: str, **_: object) -> None:
        calls.append(event_name)

    session.events.register("before-send", count)
    local: Any = session
    build_client = session.client
    local.client = lambda service, **options: build_client(service, endpoint_url=address, **options)
    return Clients(session), calls


def _gather(recording: Recording, clients: Clients) -> Snapshot:
    event = parse(recording.event)
    assert isinstance(event, OperationEvent)  # noqa: S101  # it is a recording of ours
    return gather(event, clients, recording.recorded_at)


def _explain(snapshot: Snapshot) -> Mapping[str, Any]:
    return report(snapshot, diagnose(snapshot), decide()).data


_SHAPES: Final = (
    '{n} INFO 10.0.{b}.7 - "GET /api/orders/{n}?page=2 HTTP/1.1" 200 OK in {b} ms id=5f3c-{n} agent=Mozilla/5.0',
    '{{"level":30,"time":{n},"pid":1,"hostname":"ip-10-0-1-{b}","reqId":"req-{n}","msg":"request completed","ms":{b}}}',
    "2026-03-02T09:01:02.{b}Z  INFO 1 --- [nio-8080-exec-{b}] c.e.shop.OrderService : order {n} stored in {b} ms",
    "[2026-03-02 09:01:02 +0000] [7] [INFO] shop.views order {n} of customer {b} was paid",
    "I, [2026-03-02T09:01:02.{b} #1]  INFO -- : [5f3c-{n}] Completed 200 OK in {b}ms (ActiveRecord: 1.{b}ms)",
    "GET /favicon.ico 404 0.{b} ms - {n}",
    "WARN  redis connection lost, reconnecting in {b} ms (attempt {n})",
    'time="2026-03-02T09:01:02Z" level=info msg="cache refreshed" entries={n} took={b}ms',
    "[32minfo[39m: Mail {n} was queued for delivery to worker {b}",
    "DEBUG sqlalchemy.engine SELECT orders.id, orders.total FROM orders WHERE orders.customer_id = {n} LIMIT {b}",
)


def _texts(count: int) -> list[str]:
    """Lines of a healthy version: the usual case, and the one in which nothing ends the search early."""
    return [_SHAPES[number % len(_SHAPES)].format(n=number, b=number % 250) for number in range(count)]


def _bench_redaction(table: Table) -> None:
    texts = _texts(_LINES)
    redactor = Redactor(_ENVIRONMENT)
    times = [_timed(lambda: redactor.lines(texts)) for _ in range(_RUNS)]
    _row(table, f"redact {_LINES} lines, {len(_ENVIRONMENT)} secrets known", times, "")


def _bench_rules(table: Table) -> None:
    """The whole catalogue over a log, in one pass for all rules and beside each rule searching for itself."""
    recording = load(find(_RECORDING))
    snapshot = replay(recording)
    _ = diagnose(snapshot)  # compiles the set of all patterns, once
    medians = []
    for count in (_LINES, 10 * _LINES):
        times = _times_of_rules(snapshot, _lines(count, snapshot.taken_at))
        medians.append(statistics.median(times))
        _row(table, f"{count:,} lines x {len(CATALOGUE)} rules", times, "50 ms" if count == _LINES else "")
    table.add_row("ten times the lines take", "", "", f"{medians[1] / medians[0]:.1f} x", "", "11 x")
    lines = _lines(_LINES, snapshot.taken_at)
    patterns = [re.compile(one) for rule in CATALOGUE for one in rule.application_patterns.values()]
    times = [_timed(lambda: [one.search(line.text) for line in lines for one in patterns])]
    _row(table, f"{_LINES:,} lines, each of {len(patterns)} patterns by itself", times, "")


def _times_of_rules(snapshot: Snapshot, lines: tuple[Line, ...]) -> list[float]:
    return [_timed(lambda: diagnose(_with(snapshot, lines))) for _ in range(_RUNS)]


def _lines(count: int, until: datetime) -> tuple[Line, ...]:
    began = until - timedelta(hours=1)
    return tuple(Line(began + timedelta(milliseconds=at), text, "instance/a") for at, text in enumerate(_texts(count)))


def _with(snapshot: Snapshot, lines: tuple[Line, ...]) -> Snapshot:
    """The same incident with another application log; nothing of it has been looked at."""
    log = ApplicationLog(failing=lines, serving=())
    return Snapshot(snapshot.event, snapshot.taken_at, replace(snapshot.parts, application_log=log))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _row(table: Table, what: str, milliseconds: list[float], bar: str) -> None:
    figures = (min(milliseconds), statistics.median(milliseconds), max(milliseconds))
    table.add_row(what, str(len(milliseconds)), *(f"{one:.0f} ms" for one in figures), bar)


if __name__ == "__main__":
    main()
