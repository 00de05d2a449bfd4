"""Here you find how a live service becomes a recording: AWS's answers as gather got them, without anything secret."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apprunner_watcher.aws import answers
from apprunner_watcher.aws.gather import READS
from apprunner_watcher.redaction import Redactor
from apprunner_watcher.snapshot import Snapshot
from apprunner_watcher.variable import Fingerprints, stand_in, variable

if TYPE_CHECKING:
    import boto3
    from botocore.model import OperationModel

Call = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""A call: `service:Operation`, its parameters, and the answer as boto3 gives it."""

_MEMORY = "dynamodb:Query"  # what the watcher noted earlier
# Their answers are written in another way: as lines, and as blobs.
_LOG_LINES, _LOG_STREAMS, _LAYER = "logs:GetLogEvents", "logs:DescribeLogStreams", "ecr:GetDownloadUrlForLayer"
_OF_A_STEP = ("created", "created_by", "empty_layer")
_POLICIES = frozenset({"AssumeRolePolicyDocument", "PolicyDocument"})


@dataclass
class Recorder:
    """Listens to a session's calls while it is on."""

    calls: list[Call] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    _is_on: bool = False

    def listen(self, session: "boto3.Session") -> None:
        """Hear the calls of the clients that this session will build."""

        def keep_parameters(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
            context["recorded_parameters"] = dict(params)

        def keep_answer(
            parsed: Mapping[str, Any], model: "OperationModel", context: dict[str, Any], **_: object
        ) -> None:
            if self._is_on:
                name = f"{model.service_model.service_name}:{model.name}"
                self.calls.append((name, context.get("recorded_parameters", {}), dict(parsed)))

        session.events.register("before-parameter-build", keep_parameters)
        session.events.register_last("after-call", keep_answer)

    def downloading(self, download: Callable[[str, int], bytes]) -> Callable[[str, int], bytes]:
        """The same download, remembered by its URL."""

        def heard(url: str, most: int) -> bytes:
            content = download(url, most)
            self.blobs[url] = content
            return content

        return heard

    @contextmanager
    def on(self) -> Iterator[None]:
        """Keep what is called meanwhile."""
        self._is_on = True
        try:
            yield
        finally:
            self._is_on = False


def recording(heard: Recorder, snapshot: Snapshot, event: Mapping[str, Any], name: str, title: str) -> dict[str, Any]:
    """The content of the recording's file. Values of variables are written as stand-ins.

    A stand-in says what may be known of a value: replayed, it gives the same diagnosis, and equal values stay equal.
    """
    calls = [call for call in heard.calls if call[0] in READS or call[0] == _MEMORY]
    environment: dict[str, str] = {}
    for called, _, answer in calls:
        if called == "apprunner:DescribeService" and "Service" in answer:
            environment |= answers.environment(answer["Service"])
    redactor, fingerprints = Redactor(environment), Fingerprints.throw_away()
    plain = _Plain(redactor, {key: stand_in(variable(key, value, fingerprints)) for key, value in environment.items()})
    answered: dict[str, list[dict[str, Any]]] = {}
    for called, parameters, answer in calls:
        if called == _LAYER or (called in {_LOG_LINES, _LOG_STREAMS} and "Error" not in answer):
            continue
        if called in {_LOG_LINES, _LOG_STREAMS} and answer["Error"].get("Code") == "ResourceNotFoundException":
            continue  # a group that is not listed does not exist
        answered.setdefault(called, []).append({"request": plain.request(called, parameters), **plain.answer(answer)})
    for entries in answered.values():
        # the first entry whose request is a subset answers: the next page's, which names a token, before the first's
        entries.sort(key=lambda entry: -len(entry["request"]))
    return {
        "format": 1,
        "id": name,
        "title": title,
        "source": "apprunner-watcher record",
        "platform": "apprunner",
        "recorded_at": _iso(snapshot.taken_at),
        "configuration": "attempted" if _shows_what_was_attempted(snapshot) else "restored",
        "event": plain.value(dict(event)),
        "aws": answered,
        "logs": _logs(calls, redactor),
        "blobs": {digest: _blob(heard.blobs[url], redactor) for digest, url in _layers(calls) if url in heard.blobs},
    }


def _shows_what_was_attempted(snapshot: Snapshot) -> bool:
    """Whether a watcher that was there at the start would have noted what DescribeService shows now."""
    attempts = snapshot.parts.attempts
    was_noted = isinstance(attempts, tuple) and any(one.is_of(snapshot.operation) for one in attempts)
    return snapshot.configuration.standing == "attempted" and not was_noted


@dataclass(frozen=True, slots=True)
class _Plain:
    """Makes JSON without secrets of AWS's answers."""

    redactor: Redactor
    stand_ins: Mapping[str, str]

    def request(self, called: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What the call is recognised by: not by times, which a replay shifts, nor by a table's name."""
        if called.startswith("dynamodb:"):
            return {}
        return {
            key: self.value(value)
            for key, value in parameters.items()
            if not isinstance(value, datetime) and key not in {"startTime", "endTime"}
        }

    def answer(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        if error := answer.get("Error"):
            code, message = str(error.get("Code", "")), self.redactor.text(str(error.get("Message", "")))
            return {"error": {"Code": code, "Message": message}}
        return {"response": {key: self.value(value) for key, value in answer.items() if key != "ResponseMetadata"}}

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._member(key, inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        if isinstance(value, datetime):
            return _iso(value)
        return self.redactor.text(value) if isinstance(value, str) else value

    def _member(self, key: str, value: Any) -> Any:
        if key == "RuntimeEnvironmentVariables" and isinstance(value, dict):
            return {name: self.stand_ins.get(name, "***") for name in value}
        if key in _POLICIES and isinstance(value, dict):
            return json.dumps(value)
        return self.value(value)


def _logs(calls: list[Call], redactor: Redactor) -> dict[str, dict[str, list[list[str]]]]:
    """The lines that were read, by group and stream. They go through the redactor a stream at a time."""
    read: dict[str, dict[str, dict[tuple[int, str], None]]] = {}
    for called, parameters, answer in calls:
        if called == _LOG_STREAMS and "Error" not in answer:
            read.setdefault(parameters["logGroupName"], {})
        if called == _LOG_LINES and "Error" not in answer:
            stream = read.setdefault(parameters["logGroupName"], {}).setdefault(parameters["logStreamName"], {})
            stream |= {(one["timestamp"], one["message"]): None for one in answer["events"]}
    return {
        group: {name: _lines(sorted(lines, key=lambda line: line[0]), redactor) for name, lines in streams.items()}
        for group, streams in read.items()
    }


def _lines(lines: list[tuple[int, str]], redactor: Redactor) -> list[list[str]]:
    texts = redactor.lines(text for _, text in lines)
    return [[_iso(datetime.fromtimestamp(at / 1000, UTC)), text] for (at, _), text in zip(lines, texts, strict=True)]


def _layers(calls: list[Call]) -> Iterator[tuple[str, str]]:
    for called, parameters, answer in calls:
        if called == _LAYER and "downloadUrl" in answer:
            yield parameters["layerDigest"], answer["downloadUrl"]


def _blob(content: bytes, redactor: Redactor) -> dict[str, Any]:
    """An image's config as far as it is looked at: labels and values of variables stay out."""
    whole = json.loads(content)
    config = whole.get("config") or {}
    kept = {key: config[key] for key in ("Cmd", "Entrypoint", "ExposedPorts", "User", "WorkingDir") if key in config}
    kept["Env"] = [f"{one.partition('=')[0]}=***" for one in config.get("Env") or []]
    if "Healthcheck" in config:
        kept["Healthcheck"] = {"Test": []}
    history = [
        {key: redactor.text(one[key]) if key == "created_by" else one[key] for key in _OF_A_STEP if key in one}
        for one in whole.get("history") or []
    ]
    plain = _Plain(redactor, {})
    return {
        **{key: whole[key] for key in ("architecture", "os", "created") if key in whole},
        "config": plain.value(kept),
        "history": history,
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
