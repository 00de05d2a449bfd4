"""Here you find how the metrics around an operation are read from CloudWatch: two calls at first, then one.

Nobody waits for metrics. Whatever has not come 200 ms after the client was built is Missing.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from apprunner_watcher.aws.read import Reads
from apprunner_watcher.metrics import Metrics, Series, Statistic, Unit
from apprunner_watcher.missing import Missing

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

    from apprunner_watcher.aws.clients import Clients

READS = {"cloudwatch:ListMetrics": "*", "cloudwatch:GetMetricData": "*"}
"""The IAM actions of the reads, and what they are allowed on: AWS scopes neither."""

Dimensions = tuple[tuple[str, str], ...]
DimensionCache = dict[str, Dimensions]
"""What was found with ListMetrics: the dimensions of a service's metrics, by its id. Kept as long as the process."""

_NAMESPACE = "AWS/AppRunner"
_WHAT = "metrics"
PATIENCE = timedelta(milliseconds=200)
_LEAST = timedelta(milliseconds=1)
_BEFORE, _AFTER = timedelta(minutes=5), timedelta(minutes=2)
_PERIOD = 60  # seconds: App Runner's metrics have one value a minute
# https://docs.aws.amazon.com/apprunner/latest/dg/monitor-cw.html
_MEASURED: dict[str, tuple[Statistic, Unit]] = {
    "MemoryUtilization": ("Maximum", "Percent"),
    "CPUUtilization": ("Maximum", "Percent"),
    "5xxStatusResponses": ("Sum", "Count"),
    "4xxStatusResponses": ("Sum", "Count"),
    "Requests": ("Sum", "Count"),
    "ActiveInstances": ("Maximum", "Count"),
    "RequestLatency": ("Maximum", "Milliseconds"),
}


def read_metrics(  # noqa: PLR0913  # the two doors to AWS, which service, when, and what is known
    reads: Reads,
    clients: "Clients",
    service_name: str,
    service_id: str,
    *,
    start: datetime,
    end: datetime,
    known: DimensionCache,
    patience: timedelta = PATIENCE,
) -> Metrics | Missing:
    """Read what was measured from five minutes before `start` to two minutes after `end`; call it in a part's thread.

    `service_id`: the 32 hexadecimal digits at the end of the service's ARN. `known` is filled here: hand in the same
    one for every event of a process. After `patience` metrics are Missing: they are a help, and nobody waits for them.
    """
    cloudwatch = clients.cloudwatch
    until = time.monotonic() + patience.total_seconds()

    def left() -> timedelta:
        return max(_LEAST, timedelta(seconds=until - time.monotonic()))

    def find() -> Dimensions:
        return _listed(cloudwatch, service_name, service_id)

    listed = known.get(service_id) or reads.begin(_WHAT, "cloudwatch:ListMetrics", find, left()).result()
    if listed and not isinstance(listed, Missing):
        known[service_id] = listed
    # ListMetrics shows a new metric after up to 15 minutes, and may be denied: these are its usual dimensions
    usual = (("ServiceName", service_name), ("ServiceID", service_id))
    dimensions = usual if isinstance(listed, Missing) else listed or usual
    measured = reads.begin(
        _WHAT,
        "cloudwatch:GetMetricData",
        lambda: cloudwatch.get_metric_data(
            MetricDataQueries=[_query(number, name, dimensions) for number, name in enumerate(_MEASURED)],
            StartTime=start - _BEFORE,
            EndTime=end + _AFTER,
            ScanBy="TimestampAscending",
        ),
        left(),
    ).result()
    if isinstance(measured, Missing):
        return measured
    series = _series(measured)
    return listed if isinstance(listed, Missing) and not series else Metrics(series)


def _listed(cloudwatch: "CloudWatchClient", service_name: str, service_id: str) -> Dimensions:
    """The dimensions of the service as a whole, without those of its instances. Empty where none are listed.

    An earlier service may have had the same name; its id was another.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
    """
    answer = cloudwatch.list_metrics(Namespace=_NAMESPACE, Dimensions=[{"Name": "ServiceName", "Value": service_name}])
    found = (
        tuple((one["Name"], one["Value"]) for one in metric.get("Dimensions", []))
        for metric in answer.get("Metrics", [])
        if metric.get("MetricName") in _MEASURED
    )
    of_service = (one for one in found if service_id in dict(one).values() and "Instance" not in dict(one))
    return min(of_service, key=len, default=())


def _query(number: int, name: str, dimensions: Dimensions) -> "MetricDataQueryTypeDef":
    return {
        "Id": f"m{number}",
        "Label": name,
        "MetricStat": {
            "Metric": {
                "Namespace": _NAMESPACE,
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
            },
            "Period": _PERIOD,
            "Stat": _MEASURED[name][0],
        },
    }


def _series(answer: Mapping[str, Any]) -> tuple[Series, ...]:
    found = []
    for result in answer.get("MetricDataResults", []):
        name = result.get("Label", "")
        times = (at.astimezone(UTC) for at in result.get("Timestamps", []))
        points = tuple(sorted(zip(times, result.get("Values", []), strict=False)))
        if name in _MEASURED and points:
            found.append(Series(name, *_MEASURED[name], points))
    return tuple(found)
