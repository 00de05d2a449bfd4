"""Metrics are asked for once their dimensions are known, and nobody waits for them."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.metrics import PATIENCE, READS, DimensionCache, read_metrics
from apprunner_watcher.aws.read import Reads
from apprunner_watcher.aws.replay import Stage
from apprunner_watcher.metrics import Metrics, Series
from apprunner_watcher.missing import Missing
from apprunner_watcher.recording import Recording
from tests.aws.conftest import Aws

NAME, ID = "shop", "a255d885f1b043759fcf3b98ffa38607"
START = datetime(2026, 5, 4, 10, tzinfo=UTC)
END = START + timedelta(minutes=3)
SERVICE = (("ServiceName", NAME), ("ServiceID", ID))
DENIED = {"error": {"Code": "AccessDenied", "Message": "User: x is not authorized"}}
NOTHING: dict[str, Any] = {"response": {"MetricDataResults": []}}
Answers = dict[str, list[Any]]


def listed(*dimensions: tuple[tuple[str, str], ...], name: str = "Requests") -> Any:
    metrics = [
        {"Namespace": "AWS/AppRunner", "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in one]}
        for one in dimensions
    ]
    return {"response": {"Metrics": metrics}}


def measured(**series: dict[str, float]) -> Any:
    results = [
        {"Id": "x", "Label": name.removeprefix("_"), "Timestamps": list(points), "Values": list(points.values())}
        for name, points in series.items()
    ]
    return {"response": {"MetricDataResults": results}}


MEMORY = measured(MemoryUtilization={"2026-05-04T10:01:00Z": 99.5, "2026-05-04T12:00:00+02:00": 40.0})


class Watched(Clients):
    """Clients of a recording that keep what they were asked, and may be slow."""

    def __init__(self, recording: Recording, delay: float = 0) -> None:
        super().__init__(Stage(recording, "us-east-1").session)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.delay = delay
        self.session.events.register_first("before-parameter-build.cloudwatch", self._note)

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        self.calls.append((model.name, dict(params)))
        time.sleep(self.delay)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    @property
    def asked_dimensions(self) -> set[tuple[tuple[str, str], ...]]:
        queries = self.calls[-1][1]["MetricDataQueries"]
        metrics = (query["MetricStat"]["Metric"] for query in queries)
        return {tuple((one["Name"], one["Value"]) for one in metric["Dimensions"]) for metric in metrics}


@pytest.fixture
def watched(recorded: Callable[..., Recording]) -> Callable[..., Watched]:
    def make(answers: Answers, delay: float = 0) -> Watched:
        def change(content: dict[str, Any]) -> None:
            content["aws"] = {f"cloudwatch:{name}": calls for name, calls in answers.items()}

        return Watched(recorded(change=change), delay)

    return make


def read(
    clients: Clients, known: DimensionCache | None = None, patience: timedelta = timedelta(seconds=10)
) -> Metrics | Missing:
    """A machine that runs tests may be busy: only tests about waiting have the patience of a watcher."""
    with Reads(timedelta(seconds=10)) as reads:
        found = {} if known is None else known
        return read_metrics(reads, clients, NAME, ID, start=START, end=END, known=found, patience=patience)


def test_what_was_measured_is_in_order_with_its_unit(watched: Callable[..., Watched]) -> None:
    answer = measured(
        MemoryUtilization={"2026-05-04T10:01:00Z": 99.5, "2026-05-04T12:00:00+02:00": 40.0},
        _5xxStatusResponses={"2026-05-04T10:01:00Z": 3.0},
        Invented={"2026-05-04T10:01:00Z": 3.0},
        Requests={},
    )
    metrics = read(watched({"ListMetrics": [listed(SERVICE)], "GetMetricData": [answer]}))
    minute = START + timedelta(minutes=1)
    assert metrics == Metrics(
        (
            Series("MemoryUtilization", "Maximum", "Percent", ((START, 40.0), (minute, 99.5))),
            Series("5xxStatusResponses", "Sum", "Count", ((minute, 3.0),)),
        )
    )


def test_one_question_for_all_metrics_around_the_operation(watched: Callable[..., Watched]) -> None:
    clients = watched({"ListMetrics": [listed(SERVICE)], "GetMetricData": [MEMORY]})
    read(clients)
    (_, listing), (_, asked) = clients.calls
    assert listing == {"Namespace": "AWS/AppRunner", "Dimensions": [{"Name": "ServiceName", "Value": NAME}]}
    assert (asked["StartTime"], asked["EndTime"]) == (START - timedelta(minutes=5), END + timedelta(minutes=2))
    stats = {query["Label"]: query["MetricStat"] for query in asked["MetricDataQueries"]}
    assert stats["MemoryUtilization"] | {"Metric": None} == {"Metric": None, "Period": 60, "Stat": "Maximum"}
    assert set(stats) == {
        "MemoryUtilization",
        "CPUUtilization",
        "5xxStatusResponses",
        "4xxStatusResponses",
        "Requests",
        "ActiveInstances",
        "RequestLatency",
    }


def test_dimensions_are_listed_once(watched: Callable[..., Watched]) -> None:
    clients = watched({"ListMetrics": [listed(SERVICE)], "GetMetricData": [MEMORY]})
    known: DimensionCache = {}
    assert [read(clients, known), read(clients, known)] == [read(clients)] * 2
    assert known == {ID: SERVICE}
    assert clients.names == ["ListMetrics", "GetMetricData", "GetMetricData", "ListMetrics", "GetMetricData"]


@pytest.mark.parametrize(
    ("listing", "dimensions"),
    [
        (listed((("ServiceId", ID), ("ServiceName", NAME))), (("ServiceId", ID), ("ServiceName", NAME))),
        (listed((*SERVICE, ("Zone", "a")), SERVICE), SERVICE),
        (
            listed((("ServiceID", ID), ("Instance", "i")), (("ServiceName", NAME), ("ID", ID))),
            (("ServiceName", NAME), ("ID", ID)),
        ),
        (listed((("ServiceName", NAME), ("ServiceID", "f" * 32))), SERVICE),  # an earlier service of that name
        (listed((("ServiceName", ID),), name="Invented"), SERVICE),
        (listed(), SERVICE),
        (DENIED, SERVICE),
    ],
)
def test_which_dimensions_are_asked_for(
    watched: Callable[..., Watched], listing: Any, dimensions: tuple[tuple[str, str], ...]
) -> None:
    clients = watched({"ListMetrics": [listing], "GetMetricData": [MEMORY]})
    metrics = read(clients)
    assert isinstance(metrics, Metrics)
    assert metrics.of("MemoryUtilization")
    assert clients.asked_dimensions == {dimensions}


@pytest.mark.parametrize("listing", [listed(), DENIED])
def test_only_what_was_listed_is_remembered(watched: Callable[..., Watched], listing: Any) -> None:
    known: DimensionCache = {}
    read(watched({"ListMetrics": [listing], "GetMetricData": [MEMORY]}), known)
    assert known == {}


@pytest.mark.parametrize("action", READS)
def test_a_denied_read_is_named_with_the_action_to_allow(watched: Callable[..., Watched], action: str) -> None:
    answers = {"ListMetrics": [listed(SERVICE)], "GetMetricData": [NOTHING]}
    missing = read(watched({**answers, action.partition(":")[2]: [DENIED]}))
    assert isinstance(missing, Missing)
    assert missing.allow == action


def test_nothing_measured_is_no_gap(watched: Callable[..., Watched]) -> None:
    assert read(watched({"ListMetrics": [listed(SERVICE)], "GetMetricData": [NOTHING]})) == Metrics()


def test_nobody_waits_for_metrics(watched: Callable[..., Watched]) -> None:
    clients = watched({"ListMetrics": [listed(SERVICE)], "GetMetricData": [MEMORY]}, delay=0.15)
    _ = clients.cloudwatch  # building a client takes time of its own
    assert read(clients, patience=PATIENCE) == Missing("metrics", "AWS had not answered when the watcher had to go on")


def test_time_that_has_run_out_is_no_time_without_end(watched: Callable[..., Watched]) -> None:
    clients = watched({"ListMetrics": [listed(SERVICE)], "GetMetricData": [MEMORY]}, delay=1.5)
    _ = clients.cloudwatch
    began = time.monotonic()
    assert isinstance(read(clients, patience=PATIENCE), Missing)
    assert time.monotonic() - began < 1


def test_with_motos_cloudwatch(aws: Aws) -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace="AWS/AppRunner",
        MetricData=[
            {
                "MetricName": "MemoryUtilization",
                "Dimensions": [{"Name": name, "Value": value} for name, value in SERVICE],
                "Timestamp": START,
                "Value": 87.5,
            }
        ],
    )
    known: DimensionCache = {}
    metrics = read(Clients(), known)
    assert isinstance(metrics, Metrics)
    memory = metrics.of("MemoryUtilization")
    assert memory
    assert memory.highest == 87.5
    assert known == {ID: SERVICE}
