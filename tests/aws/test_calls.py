"""A call that App Runner refused is explained once; one that it accepted tells who began an operation."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apprunner_watcher import recording
from apprunner_watcher.aws import replay
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.table import Table
from apprunner_watcher.aws.topic import Topic
from apprunner_watcher.event import parse
from apprunner_watcher.watch import Outcome, Watcher
from tests.aws.conftest import Aws
from tests.conftest import ROOT

EVENT: dict[str, Any] = json.loads((ROOT / "events" / "update-service-refused.json").read_text(encoding="utf-8"))
ARN = EVENT["detail"]["requestParameters"]["serviceArn"]
OWN_ROLE = "arn:aws:iam::123456789012:role/watcher"
ANOTHER_SESSION = "arn:aws:sts::123456789012:assumed-role/pipeline/second"
NOW = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)

Watch = Callable[..., Outcome]


def event(minute: int = 0, second: int = 0, **detail: Any) -> dict[str, Any]:
    made = copy.deepcopy(EVENT)
    made["id"] = f"00000000-0000-4000-8000-{minute:06}{second:06}"
    made["time"] = f"2026-03-02T09:{minute:02}:{second:02}Z"
    made["detail"] |= {"eventTime": made["time"], **detail}
    return made


def accepted(**detail: Any) -> dict[str, Any]:
    return event(errorCode=None, errorMessage=None, **detail)


@pytest.fixture
def watch(aws: Aws, tmp_path: Path) -> Watch:
    """Let the watcher hear of a call to a service that AWS shows as this recording says."""

    def see(raw: dict[str, Any], answers: dict[str, Any] | None = None) -> Outcome:
        file = tmp_path / "call.json"
        content = {"format": 1, "id": "call", "recorded_at": NOW.isoformat(), "event": raw, "aws": answers or {}}
        file.write_text(json.dumps(content))
        stage = replay.Stage(recording.load(file), "eu-west-1")
        table = Table(aws.dynamodb, aws.table, timedelta(days=30))
        watcher = Watcher(Clients(stage.session), table, Topic(aws.sns, aws.topic), OWN_ROLE)
        return watcher.watch(parse(raw), lambda: NOW, timedelta(seconds=60))

    return see


def test_a_refused_call_is_recorded_and_told(watch: Watch, aws: Aws) -> None:
    outcome = watch(event())
    assert (outcome.outcome, outcome.verdict, outcome.service) == ("told", "rejected", "shop")
    (message,) = aws.messages()
    assert message["Subject"].startswith("shop: UpdateService rejected - ")
    assert "Nothing was changed" in message["Message"]
    assert "arn:aws:sts::123456789012:assumed-role/pipeline/deploy with APN/1.0 HashiCorp/1.0" in message["Message"]
    assert "Service cannot be updated in the current state" in message["Message"]
    assert len(aws.items("incident#")) == 1


def test_a_call_that_comes_twice_is_told_once(watch: Watch, aws: Aws) -> None:
    assert [watch(event()).outcome for _ in range(2)] == ["told", "already-told"]
    assert len(aws.messages()) == 1


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (event(9), "already-told"),
        (event(11), "told"),
        (event(1, errorCode="AccessDeniedException"), "told"),
        (event(1, errorMessage="Service cannot be updated in the current state: PAUSED"), "told"),
        (event(1, requestParameters={"serviceArn": ARN.replace("shop", "cafe")}), "told"),
        (event(1, userIdentity={"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/ada"}), "told"),
        # another session of the same role
        (
            event(
                1,
                userIdentity=EVENT["detail"]["userIdentity"]
                | {"arn": "arn:aws:sts::123456789012:assumed-role/pipeline/2"},
            ),
            "already-told",
        ),
    ],
    ids=["9 minutes later", "11 minutes later", "error", "message", "service", "caller", "session"],
)
def test_one_incident_for_caller_error_and_service_in_ten_minutes(
    second: dict[str, Any], told: str, watch: Watch, aws: Aws
) -> None:
    assert watch(event()).outcome == "told"
    assert watch(second).outcome == told
    assert len(aws.messages()) == (2 if told == "told" else 1)


def test_an_earlier_call_that_comes_late_is_the_same_incident(watch: Watch, aws: Aws) -> None:
    assert [watch(event(minute)).outcome for minute in (4, 2)] == ["told", "already-told"]
    assert len(aws.messages()) == 1


def test_its_own_calls_are_no_news(watch: Watch, aws: Aws) -> None:
    own = EVENT["detail"]["userIdentity"] | {"sessionContext": {"sessionIssuer": {"arn": OWN_ROLE}}}
    assert watch(event(userIdentity=own)).outcome == "nothing-to-tell"
    assert aws.items() == []


def test_a_service_that_was_never_made_has_an_incident_as_well(watch: Watch, aws: Aws) -> None:
    refused = event(eventName="CreateService", requestParameters={"serviceName": "shop"}, errorCode="AccessDenied")
    assert watch(refused).outcome == "told"
    assert "123456789012/eu-west-1/shop" in json.dumps(aws.items("incident#"))


def test_a_call_without_a_service_is_told_by_its_name(watch: Watch, aws: Aws) -> None:
    refused = event(eventName="CreateVpcConnector", requestParameters=None, errorCode="AccessDenied")
    assert watch(refused).outcome == "told"
    assert aws.messages()[0]["Subject"].startswith("App Runner: CreateVpcConnector rejected")


def test_what_the_service_keeps_secret_is_not_repeated(watch: Watch, aws: Aws) -> None:
    values = {"RuntimeEnvironmentVariables": {"API_KEY": "sk-do-not-repeat-0123456789"}, "Port": "8080"}
    service = {
        "ServiceName": "shop",
        "ServiceArn": ARN,
        "Status": "RUNNING",
        "SourceConfiguration": {
            "ImageRepository": {
                "ImageIdentifier": "shop:1",
                "ImageRepositoryType": "ECR",
                "ImageConfiguration": values,
            }
        },
    }
    answers = {"apprunner:DescribeService": [{"response": {"Service": service}}]}
    assert watch(event(errorMessage="Invalid value sk-do-not-repeat-0123456789"), answers).outcome == "told"
    assert "do-not-repeat" not in json.dumps([aws.items(), aws.messages()])


OPERATION = {
    "Id": "f00d",
    "Type": "UPDATE_SERVICE",
    "Status": "FAILED",
    "TargetArn": ARN,
    "StartedAt": "2026-03-02T09:00:20Z",
    "EndedAt": "2026-03-02T09:04:00Z",
}
FAILED = {
    **EVENT,
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "AppRunner Service Operation Status Change",
    "time": "2026-03-02T09:04:00Z",
    "resources": [ARN],
    "detail": {"operationStatus": "UpdateServiceFailed", "serviceName": "shop"},
}


def listed(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"apprunner:ListOperations": [{"response": {"OperationSummaryList": list(operations)}}]}


@pytest.mark.parametrize(
    ("call", "is_named"),
    [
        (accepted(), True),
        (accepted(responseElements={"operationId": "f00d"}), True),
        (accepted(responseElements={"operationId": "another"}), False),
        (accepted(eventName="StartDeployment"), False),
        (accepted(eventName="TagResource"), False),
    ],
    ids=["by type and time", "by id", "of another operation", "of another type", "begins nothing"],
)
def test_who_began_an_operation_is_told_with_what_became_of_it(
    call: dict[str, Any], *, is_named: bool, watch: Watch, aws: Aws
) -> None:
    watch(call)
    assert aws.messages() == []
    assert watch(FAILED, listed(OPERATION)).outcome == "told"
    (message,) = aws.messages()
    (incident,) = aws.items("incident#")
    assert ("UpdateService was called by arn:aws:sts::123456789012:assumed-role" in message["Message"]) is is_named
    assert ("who began the operation" in message["Message"]) is not is_named
    assert ("assumed-role/pipeline/deploy" in json.dumps(incident["report"])) is is_named


def test_a_new_service_is_known_by_what_app_runner_answers(watch: Watch, aws: Aws) -> None:
    made = {"operationId": "f00d", "service": {"serviceArn": ARN}}
    assert watch(accepted(eventName="CreateService", requestParameters={}, responseElements=made)).outcome == "noted"
    (noted,) = aws.items("attempt#")
    assert noted["pk"] == {"S": ARN}
