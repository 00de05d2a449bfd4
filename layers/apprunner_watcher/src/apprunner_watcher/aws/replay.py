"""Here you find how a recording stands in for AWS: boto3 clients, answered from the file and not by the network."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import HTTPClientError
from botocore.loaders import Loader, create_loader
from botocore.model import ListShape, MapShape, StructureShape
from botocore.utils import parse_timestamp

from apprunner_watcher.api_call import ApiCallEvent
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.gather import Sight, gather, glance
from apprunner_watcher.aws.table import Table
from apprunner_watcher.event import CustomDomainEvent, NotUnderstoodError, OperationEvent, parse
from apprunner_watcher.recording import BLOB, Recording
from apprunner_watcher.snapshot import Attempt, Snapshot

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

NOT_RECORDED = "NotRecorded"
_NO_HURRY = timedelta(minutes=1)
_WHAT_WAS_NOTED = "dynamodb:Query"


class Stage:
    """Where recordings are played: boto3 clients of its session are answered by the one that is on."""

    def __init__(self, recording: Recording | None, region: str) -> None:
        """`recording` is on first; without one nothing was recorded."""
        self.recording = recording
        self.session = _session(self, region)

    def download(self, url: str, _most: int) -> bytes:
        """What lies behind a URL that the recording gave. Raises botocore's error where that is nothing."""
        content = self.recording.blob(url.removeprefix(BLOB)) if self.recording else None
        if content is None:
            raise HTTPClientError(error="the recording holds no such blob")
        return content


def replay(recording: Recording, sight: Sight | None = None) -> Snapshot:
    """Gather from a recording what a watcher would have gathered that was there when the operation started.

    A recording of a live service holds what was noted then. Raises `NotUnderstoodError` where the recorded event is
    none of a service.
    """
    # a recording answers at once, however slow the machine is: the same answer every time
    sight = sight or Sight(patience_for_metrics=_NO_HURRY)
    event = _of_service(recording)
    stage, clients = _on_stage(event.region if isinstance(event, ApiCallEvent) else event.service_arn.split(":")[3])
    stage.recording = recording
    if _WHAT_WAS_NOTED in recording.aws:
        table = Table(clients.dynamodb, "as recorded", timedelta())
        return gather(event, clients, recording.recorded_at, lambda: table.noted(event.service_arn), sight)
    noted = None
    if before := recording.at_start():
        stage.recording = before
        noted = glance(_of_service(before), clients, before.recorded_at, sight).attempt()
    stage.recording = recording
    attempts: tuple[Attempt, ...] = (noted,) if noted else ()
    return gather(event, clients, recording.recorded_at, lambda: attempts, sight)


_here = threading.local()


def _on_stage(region: str) -> tuple[Stage, Clients]:
    """The stage of a Region and its clients, for this thread: building them takes longer than a replay."""
    stages: dict[str, tuple[Stage, Clients]] = vars(_here).setdefault("stages", {})
    if region not in stages:
        stage = Stage(None, region)
        stages[region] = stage, Clients(stage.session, stage.download)
    return stages[region]


def _of_service(recording: Recording) -> OperationEvent | CustomDomainEvent | ApiCallEvent:
    event = parse(recording.event)
    if not isinstance(event, OperationEvent | CustomDomainEvent | ApiCallEvent):
        msg = "event: not of a service"
        raise NotUnderstoodError(msg)
    return event


def _session(stage: Stage, region: str) -> boto3.Session:
    """A session whose clients validate their parameters as ever and are then answered from the stage.

    A call that was not recorded is answered with the error code `NotRecorded`.
    """
    # credentials of no value: without any, boto3 would look for some on the network
    core = botocore.session.get_session()
    core.set_credentials("replay", "replay")
    core.register_component("data_loader", _models())
    replaying = boto3.Session(botocore_session=core, region_name=region)

    def keep_parameters(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["replay_parameters"] = params

    def answer(model: "OperationModel", context: dict[str, Any], **_: object) -> tuple[AWSResponse, dict[str, Any]]:
        service = model.service_model.service_name
        recording = stage.recording
        found = recording.answer(service, model.name, context["replay_parameters"]) if recording else None
        if found is None:
            return _error(501, NOT_RECORDED, f"the recording holds no answer to {service}:{model.name}")
        if found.error:
            return _error(400, *found.error)
        return _http(200), _typed(model.output_shape, found.response or {})

    replaying.events.register("before-parameter-build", keep_parameters)
    replaying.events.register("before-call", answer)  # type: ignore[arg-type]  # the stubs know no answers
    return replaying


@cache
def _models() -> Loader:
    """Botocore's service models, read once and not once per recording."""
    return create_loader()


def _http(status: int) -> AWSResponse:
    return AWSResponse("", status, HTTPHeaders(), None)


def _error(status: int, code: str, message: str) -> tuple[AWSResponse, dict[str, Any]]:
    return _http(status), {"Error": {"Code": code, "Message": message}}


def _typed(shape: "Shape | None", value: Any) -> Any:
    """JSON has no times: make them where botocore's model says so."""
    if shape is None or value is None:
        return value
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {name: _typed(shape.members.get(name), inner) for name, inner in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_typed(shape.member, inner) for inner in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _typed(shape.value, inner) for name, inner in value.items()}
    if shape.type_name == "timestamp":
        return parse_timestamp(value)
    return value
