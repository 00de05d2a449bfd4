"""A series knows its highest and its newest value."""

from datetime import UTC, datetime, timedelta

from apprunner_watcher.metrics import Metrics, Series

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_a_series_knows_its_highest_and_its_last_value() -> None:
    points = tuple((NOON + timedelta(minutes=minute), value) for minute, value in enumerate((40.0, 99.5, 12.0)))
    series = Series("MemoryUtilization", "Maximum", "Percent", points)
    assert (series.highest, series.last) == (99.5, 12.0)


def test_a_metric_is_found_by_its_name() -> None:
    memory = Series("MemoryUtilization", "Maximum", "Percent", ((NOON, 1.0),))
    metrics = Metrics((Series("Requests", "Sum", "Count", ((NOON, 3.0),)), memory))
    assert metrics.of("MemoryUtilization") is memory
    assert metrics.of("RequestLatency") is None
