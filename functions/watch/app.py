"""Here you find the door for every App Runner event: it parses, calls `watch`, and says what came of it."""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.fingerprint_key import FingerprintKey
from apprunner_watcher.aws.gather import Sight
from apprunner_watcher.aws.table import Table
from apprunner_watcher.aws.topic import Topic
from apprunner_watcher.diagnosis import prepare_for_deployments
from apprunner_watcher.event import NotUnderstoodError, parse
from apprunner_watcher.watch import Watcher

logger = Logger()


def _watcher(environment: os._Environ[str], clients: Clients) -> Watcher:
    """Without TABLE_NAME nothing is written, without INCIDENTS_TOPIC_ARN the message is printed."""
    table, topic = environment.get("TABLE_NAME"), environment.get("INCIDENTS_TOPIC_ARN")
    retention = timedelta(days=int(environment.get("RETENTION_DAYS") or 365))
    return Watcher(
        clients,
        Table(clients.dynamodb, table, retention) if table else None,
        Topic(clients.sns, topic) if topic else None,
        environment.get("OWN_ROLE_ARN", ""),
        Sight(
            inspection=environment.get("IMAGE_INSPECTION") or "config",  # type: ignore[arg-type]  # the template allows no other
            fingerprints=FingerprintKey(clients, environment.get("FINGERPRINT_KEY_ARN", "")),
        ),
    )


# Built while the function is initialised: there it has a full processor, and the first event does not wait.
clients = Clients()
watcher = _watcher(os.environ, clients)
_ = clients.apprunner, clients.logs
prepare_for_deployments()


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, str]:
    """Handle one event. Only what a later attempt may cure is raised; Lambda then comes again."""
    try:
        happened = parse(event)
    except NotUnderstoodError as reason:
        return _not_understood(event, reason)
    time_left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    outcome = watcher.watch(happened, lambda: datetime.now(UTC), time_left)
    seconds = (datetime.now(UTC) - happened.time).total_seconds()
    said = {name: getattr(outcome, name) for name in outcome.__slots__}
    logger.info("event handled", extra={**said, "event_id": happened.id, "seconds_from_event": seconds})
    return said


def _not_understood(event: Any, reason: NotUnderstoodError) -> dict[str, str]:
    """Put the event where somebody can look at it and send it again. Retrying would not change it."""
    said = {"outcome": "not-understood"}
    event_id = event.get("id") if isinstance(event, dict) else None
    logger.warning("event not understood", extra={**said, "event_id": event_id, "reason": str(reason)})
    _count("EventsNotUnderstood", MetricUnit.Count, 1)
    if queue := os.environ.get("FAILURE_QUEUE_URL"):
        clients.sqs.send_message(
            QueueUrl=queue,
            MessageBody=json.dumps(event),
            MessageAttributes={"reason": {"DataType": "String", "StringValue": str(reason)[:256]}},
        )
    return said


def _count(name: str, unit: MetricUnit, value: float) -> None:
    """One custom metric; each costs money in every hour in which it is reported, so there are few."""
    with single_metric(name=name, unit=unit, value=value):
        pass
