"""Here you find how fast it is: the whole gather over AWS's wire protocols, with every call answered after 50 ms.

These are figures of this machine and this moment. Compare them with each other, not with those of another day.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
from rich.table import Table

from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.gather import gather
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import OperationEvent, parse
from apprunner_watcher.log import ApplicationLog, Line
from apprunner_watcher.recording import Recording, load
from apprunner_watcher.redaction import Redactor
from apprunner_watcher.report import report
from apprunner_watcher.rule import Scan
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
    _bench_lines(table)
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


def _bench_lines(table: Table) -> None:
    """Lines of a healthy version: the usual case, and the one in which nothing ends the search early."""
    texts = [
        f'{number} INFO 10.0.{number % 250}.7 - "GET /api/orders/{number}?page=2 HTTP/1.1" 200 OK in {number % 90} ms'
        " request_id=5f3c-11aa user_agent=Mozilla/5.0"
        for number in range(_LINES)
    ]
    redactor = Redactor(_ENVIRONMENT)
    times = [_timed(lambda: redactor.lines(texts)) for _ in range(_RUNS)]
    _row(table, f"redact {_LINES} lines, {len(_ENVIRONMENT)} secrets known", times, "")
    began = datetime(2026, 1, 1, tzinfo=UTC)
    lines = tuple(Line(began + timedelta(seconds=at), text, "instance/a") for at, text in enumerate(texts))
    _ = _scan(lines[:1])  # compiles the set of all patterns, once
    times = [_timed(lambda: _scan(lines)) for _ in range(_RUNS)]
    _row(table, f"{_LINES} lines x {len(CATALOGUE)} rules", times, "")


def _scan(lines: tuple[Line, ...]) -> object:
    return Scan(CATALOGUE, _Only(lines)).application  # type: ignore[arg-type]  # no more of a snapshot is asked for


class _Only:
    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.application_log = ApplicationLog(failing=lines, serving=())


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _row(table: Table, what: str, milliseconds: list[float], bar: str) -> None:
    figures = (min(milliseconds), statistics.median(milliseconds), max(milliseconds))
    table.add_row(what, str(len(milliseconds)), *(f"{one:.0f} ms" for one in figures), bar)


if __name__ == "__main__":
    main()
