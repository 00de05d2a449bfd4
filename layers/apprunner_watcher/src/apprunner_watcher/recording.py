"""Here you find recordings: App Runner incidents as AWS would have answered them, replayed without an account."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from apprunner_watcher.event import NotUnderstoodError, OperationEvent, Stage, parse

Page = dict[str, Any]
BLOB: Final = "recording:"
"""How the URL of a recorded blob begins; its digest follows."""

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
_LOG_EVENTS_PER_PAGE = 10_000
_LOG_BYTES_PER_PAGE = 1024 * 1024
_LOG_STREAMS_PER_PAGE = 50
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


class BrokenRecordingError(ValueError):
    """A file is no recording: one line that names the file and the field."""


class _AwsError(BaseModel):
    model_config = ConfigDict(extra="forbid")
    Code: str
    Message: str


class _Call(BaseModel):
    """One recorded answer; `request` is matched as a subset of the call's parameters."""

    model_config = ConfigDict(extra="forbid")
    request: dict[str, Any] = {}
    response: dict[str, Any] | None = None
    error: _AwsError | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.response is None) == (self.error is None):
            msg = "needs either response or error"
            raise ValueError(msg)
        return self


class Expectation(BaseModel):
    """What was confirmed of an incident: any of `causes` as the first one is right; where it is empty, none is."""

    model_config = ConfigDict(frozen=True)

    causes: list[str]
    at_most: Literal["possible", "likely", "certain"] | None = None
    never: list[str] = []
    evidence: list[str] = []
    why: str = ""


_CallName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+:[A-Za-z0-9]+$")]


class _File(BaseModel):
    """The shape of the file. Unknown fields are ignored: a newer recording must not break an older reader."""

    format: Literal[1]
    id: str
    title: str = ""
    recorded_at: AwareDatetime
    event: dict[str, Any]
    aws: dict[_CallName, list[_Call]] = {}
    logs: dict[str, dict[str, list[tuple[AwareDatetime, str]]]] = {}
    blobs: dict[str, dict[str, Any]] = {}
    configuration: Literal["attempted", "restored"] = "attempted"
    expect: Expectation | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What AWS answered: a response in botocore's shape with times as ISO 8601 strings, or an error (code, message)."""

    response: dict[str, Any] | None = None
    error: tuple[str, str] | None = None


@dataclass(frozen=True)
class Recording:
    """One incident. Answers calls as AWS did, and says None to a call that was not recorded."""

    id: str
    title: str
    recorded_at: datetime
    event: dict[str, Any]
    aws: Mapping[str, list[_Call]]
    logs: Mapping[str, Mapping[str, list[tuple[datetime, str]]]]
    configuration: Literal["attempted", "restored"] = "attempted"
    expect: Expectation | None = None
    blobs: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # configurations of images, by digest

    def answer(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Answer | None:
        """Answer a call (`service` in boto3's spelling, `operation` in the API's), or None: not recorded."""
        calls = self.aws.get(f"{service}:{operation}", ())
        recorded = next((call for call in calls if _is_subset(call.request, parameters)), None)
        if recorded and recorded.error:
            return Answer(error=(recorded.error.Code, recorded.error.Message))
        if (service, operation) == ("ecr", "GetDownloadUrlForLayer") and parameters.get("layerDigest") in self.blobs:
            return _download_url(parameters["layerDigest"])  # a recorded URL leads nowhere any more
        if recorded:
            return Answer(recorded.response)
        if service == "logs" and operation in _LOG_CALLS:
            return _LOG_CALLS[operation](self, parameters)
        return None

    def blob(self, digest: str) -> bytes | None:
        """The blob of that digest as it would be downloaded, or None: not recorded.

        Its digest is another one: JSON may be written in more than one way.
        """
        return json.dumps(self.blobs[digest]).encode() if digest in self.blobs else None

    def shifted(self, now: datetime) -> "Recording":
        """The same incident, with every time moved by one offset so that `recorded_at` is `now`."""
        offset = now - self.recorded_at
        calls = {
            name: [call.model_copy(update={"response": _shift(call.response, offset)}) for call in calls]
            for name, calls in self.aws.items()
        }
        logs = {
            group: {stream: [(at + offset, text) for at, text in lines] for stream, lines in streams.items()}
            for group, streams in self.logs.items()
        }
        event, blobs = _shift(self.event, offset), _shift(self.blobs, offset)
        return replace(self, recorded_at=now, event=event, aws=calls, logs=logs, blobs=blobs)

    def at_start(self) -> "Recording | None":
        """The same incident at the moment when its operation started, with the operation's `…Started` event.

        A watcher that was there notes the attempted configuration then. None where it could not have: the recorded
        event is the start itself or of no operation, or DescribeService shows a restored configuration.
        """
        try:
            happened = parse(self.event)
        except NotUnderstoodError:
            return None
        if not isinstance(happened, OperationEvent) or happened.stage is Stage.STARTED:
            return None
        if self.configuration == "restored":
            return None
        listed = self.answer("apprunner", "ListOperations", {"ServiceArn": happened.service_arn})
        summaries = (listed.response or {}).get("OperationSummaryList", []) if listed else []
        ours = min(
            (one for one in summaries if one["Type"] == happened.operation and "StartedAt" in one),
            key=lambda one: abs(_time(one.get("EndedAt", one["StartedAt"])) - happened.time),
            default=None,
        )
        start = _time(ours["StartedAt"]) if ours else happened.time
        before = [one for one in summaries if ours and _time(one["StartedAt"]) < start]
        running = [{**ours, "Status": "IN_PROGRESS", "UpdatedAt": ours["StartedAt"]}] if ours else []
        for one in running:
            one.pop("EndedAt", None)
        calls = {
            **self.aws,
            "apprunner:DescribeService": [
                _with_service_status(c) for c in self.aws.get("apprunner:DescribeService", ())
            ],
        }
        if ours:
            calls["apprunner:ListOperations"] = [_Call(response={"OperationSummaryList": [*running, *before]})]
        logs = {
            group: {stream: [line for line in lines if line[0] <= start] for stream, lines in streams.items()}
            for group, streams in self.logs.items()
        }
        return replace(self, recorded_at=start, event=_started(self.event, happened, start), aws=calls, logs=logs)


def load(path: Path) -> Recording:
    """Read a recording. Raises `BrokenRecordingError` with one line that names file and field."""
    try:
        file = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise BrokenRecordingError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path}: not UTF-8 at byte {error.start}"
        raise BrokenRecordingError(msg) from None
    except json.JSONDecodeError as error:
        msg = f"{path}: not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise BrokenRecordingError(msg) from None
    except RecursionError:
        msg = f"{path}: not JSON: nested too deeply"
        raise BrokenRecordingError(msg) from None
    except ValidationError as error:
        first, *more = error.errors()
        field = ".".join(map(str, first["loc"])) or "the file"
        others = f" (and {len(more)} more)" if more else ""
        msg = f"{path}: {field}: {first['msg']}{others}"
        raise BrokenRecordingError(msg) from None
    return Recording(
        id=file.id,
        title=file.title,
        recorded_at=file.recorded_at,
        event=file.event,
        aws=file.aws,
        logs=file.logs,
        configuration=file.configuration,
        expect=file.expect,
        blobs=file.blobs,
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shift(value: Any, offset: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _shift(inner, offset) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shift(inner, offset) for inner in value]
    if isinstance(value, str) and _ISO_TIME.fullmatch(value):
        try:
            return _iso(_time(value) + offset)
        except OverflowError:
            return value  # 0001-01-01: a build that is to be reproducible has no time
    return value


def _is_subset(wanted: Any, given: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(given, Mapping) and all(k in given and _is_subset(v, given[k]) for k, v in wanted.items())
    return bool(wanted == (list(given) if isinstance(given, tuple) else given))


def _with_service_status(call: _Call) -> _Call:
    if not call.response or "Service" not in call.response:
        return call
    return _Call(
        request=call.request, response={"Service": {**call.response["Service"], "Status": "OPERATION_IN_PROGRESS"}}
    )


def _started(event: dict[str, Any], happened: OperationEvent, at: datetime) -> dict[str, Any]:
    detail = dict(event["detail"])
    for key in ("operationStatus", "OperationStatus", "Status", "status"):
        if key in detail:
            detail[key] = re.sub(r"(CompletedSuccessfully|Failed)$", "Started", detail[key])
    return {**event, "id": f"{happened.id}-started", "time": _iso(at), "detail": detail}


def _download_url(digest: str) -> Answer:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html."""
    return Answer({"downloadUrl": f"{BLOB}{digest}", "layerDigest": digest})


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _describe_log_streams(recording: Recording, parameters: Mapping[str, Any]) -> Answer:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html."""
    group = parameters.get("logGroupName", "")
    streams = recording.logs.get(group)
    if streams is None:
        return Answer(error=("ResourceNotFoundException", "The specified log group does not exist."))
    prefix = parameters.get("logStreamNamePrefix", "")
    found: list[dict[str, Any]] = []
    for name, lines in streams.items():
        if not name.startswith(prefix):
            continue
        times = [_milliseconds(at) for at, _ in lines]
        seen = {"firstEventTimestamp": min(times), "lastEventTimestamp": max(times)} if times else {}
        found.append({"logStreamName": name, "arn": f"{group}:log-stream:{name}", "storedBytes": 0, **seen})
    by_time = parameters.get("orderBy") == "LastEventTime"
    found.sort(
        key=lambda one: (one.get("lastEventTimestamp", 0) if by_time else 0, one["logStreamName"]),
        reverse=bool(parameters.get("descending")),
    )
    start = int(parameters.get("nextToken", 0))
    end = start + parameters.get("limit", _LOG_STREAMS_PER_PAGE)
    page: Page = {"logStreams": found[start:end]}
    if end < len(found):
        page["nextToken"] = str(end)
    return Answer(page)


def _get_log_events(recording: Recording, parameters: Mapping[str, Any]) -> Answer:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html.

    Tokens are `f/N` (go on at the Nth line) and `b/N` (the lines before the Nth). As in AWS, the end of the stream is
    reached when the token that comes back is the one that was sent.
    """
    streams = recording.logs.get(parameters.get("logGroupName", ""))
    if streams is None:
        return Answer(error=("ResourceNotFoundException", "The specified log group does not exist."))
    lines = streams.get(parameters.get("logStreamName", ""))
    if lines is None:
        return Answer(error=("ResourceNotFoundException", "The specified log stream does not exist."))
    since, until = parameters.get("startTime", 0), parameters.get("endTime", float("inf"))
    events = [
        {"timestamp": at, "message": text, "ingestionTime": at}
        for at, text in ((_milliseconds(at), text) for at, text in lines)
        if since <= at < until
    ]
    limit = parameters.get("limit", _LOG_EVENTS_PER_PAGE)
    direction, _, position = parameters.get("nextToken", "").partition("/")
    if direction == "f" or (not direction and parameters.get("startFromHead")):
        first = int(position or 0)
        count = _fitting(events[first : first + limit])
        last = first + count
    else:
        last = int(position) if position else len(events)
        first = max(0, last - limit)
        first = last - _fitting(events[first:last][::-1])
    page = {"events": events[first:last], "nextForwardToken": f"f/{last}", "nextBackwardToken": f"b/{first}"}
    return Answer(page)


def _fitting(events: list[dict[str, Any]]) -> int:
    """How many of these fit on a page: CloudWatch counts bytes plus 26 for each event."""
    size = 0
    for count, event in enumerate(events):
        size += len(event["message"].encode("utf-8", "surrogatepass")) + 26
        if size > _LOG_BYTES_PER_PAGE and count:
            return count
    return len(events)


_LOG_CALLS = {"DescribeLogStreams": _describe_log_streams, "GetLogEvents": _get_log_events}
