"""Where an earlier attempt was noted, an update is compared with it: no scenario holds what was noted before."""

from datetime import UTC, datetime, timedelta

import pytest

from apprunner_watcher.event import OperationEvent, OperationType, Stage
from apprunner_watcher.log import ApplicationLog, Line, ServiceLog
from apprunner_watcher.rule import Confidence, Matches, Scan
from apprunner_watcher.rules.health_check_overwritten import RULE
from apprunner_watcher.service import Configuration, HealthCheck, Service
from apprunner_watcher.snapshot import Attempt, Operation, Operations, Parts, Snapshot

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ARN = "arn:aws:apprunner:us-east-1:123456789012:service/shop/0123456789abcdef0123456789abcdef"
HEALTHY = Configuration(
    standing="attempted", image="shop:v1", health_check=HealthCheck(protocol="HTTP", path="/health"), port=3000
)


def snapshot(now: Configuration, kind: str = "UPDATE_SERVICE") -> Snapshot:
    began = NOON - timedelta(minutes=20)
    listed = Operations(
        (
            Operation("now", kind, "ROLLBACK_SUCCEEDED", began, NOON),
            Operation(
                "before", "START_DEPLOYMENT", "SUCCEEDED", began - timedelta(days=1), began - timedelta(hours=23)
            ),
        )
    )
    noted = Attempt(
        operation_id="before",
        operation=OperationType.START_DEPLOYMENT,
        started_at=began - timedelta(days=1),
        configuration=HEALTHY,
        stage=Stage.SUCCEEDED,
    )
    checked = (
        f"protocol `HTTP` [Path: '{now.health_check.path}'], "
        if now.health_check.protocol == "HTTP"
        else "protocol `TCP` "
    )
    told = Line(began, f"[AppRunner] Performing health check on {checked}[Port: '{now.port}'].", "events")
    failed = Line(NOON, f"[AppRunner] Health check failed on {checked}[Port: '{now.port}'].", "events")
    event = OperationEvent(
        id="e",
        time=NOON,
        service_arn=ARN,
        service_name="shop",
        operation=OperationType(kind),
        stage=Stage.FAILED,
        message="",
    )
    return Snapshot(
        event,
        NOON,
        Parts(
            service=Service("shop", ARN, "RUNNING", "shop.example.com"),
            configuration=now,
            operations=listed,
            attempts=(noted,),
            service_log=ServiceLog((told, failed), ()),
            application_log=ApplicationLog((), ()),
        ),
    )


TCP = {"health_check": HealthCheck()}


@pytest.mark.parametrize(
    ("changed", "confidence", "title"),
    [
        (TCP, Confidence.CERTAIN, "HTTP /health on port 3000, now TCP on port 3000"),
        ({"health_check": HealthCheck(protocol="HTTP", path="/")}, Confidence.CERTAIN, "now HTTP / on port 3000"),
        ({**TCP, "memory": "4096"}, Confidence.LIKELY, "now TCP"),
        ({"port": 8080}, Confidence.LIKELY, "now HTTP /health on port 8080"),
        ({**TCP, "image": "shop:v2"}, Confidence.POSSIBLE, "now TCP"),
    ],
)
def test_how_sure_it_is_depends_on_what_else_changed(
    changed: dict[str, object], confidence: Confidence, title: str
) -> None:
    seen = snapshot(HEALTHY.model_copy(update=changed))
    found = RULE.check(seen, Matches(RULE.id, Scan((RULE,), seen)))
    assert found
    assert found.confidence is confidence
    assert title in RULE.title.format_map(found.values)


@pytest.mark.parametrize("seen", [snapshot(HEALTHY), snapshot(HEALTHY.model_copy(update=TCP), "START_DEPLOYMENT")])
def test_nothing_changed_by_an_update(seen: Snapshot) -> None:
    assert RULE.check(seen, Matches(RULE.id, Scan((RULE,), seen))) is None
