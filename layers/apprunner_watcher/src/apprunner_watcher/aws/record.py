"""Here you find how a live service becomes a recording: AWS's answers as gather got them, without anything secret."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from apprunner_watcher.aws import answers
from apprunner_watcher.aws.gather import READS
from apprunner_watcher.aws.replay import NOT_RECORDED
from apprunner_watcher.image import ImageConfig, Layer
from apprunner_watcher.log import without_console_prefix
from apprunner_watcher.missing import Missing
from apprunner_watcher.redaction import (
    HIDDEN,
    LONGEST_LINE,
    SHORTEST_KNOWN,
    Fingerprints,
    Redactor,
    is_plain_word,
    is_secret_name,
    is_usual,
    secrets_of,
    stand_in,
    variable,
)
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Snapshot

if TYPE_CHECKING:
    import boto3
    from botocore.model import OperationModel

_SERVICE, _MEMORY = "apprunner:DescribeService", "dynamodb:Query"  # the second: what the watcher noted earlier
# Their answers are written in another way: as lines, and as blobs.
_LOG_LINES, _LOG_STREAMS, _LAYER = "logs:GetLogEvents", "logs:DescribeLogStreams", "ecr:GetDownloadUrlForLayer"
_LOGS = frozenset({_LOG_LINES, _LOG_STREAMS})
# What a call is recognised by: not by times, which a replay shifts, and not by how the answer is to be written.
_NOT_COMPARED = frozenset({"startTime", "endTime", "acceptedMediaTypes"})
_DOCUMENTS = frozenset({"AssumeRolePolicyDocument", "PolicyDocument", "ResourcePolicy", "Policy", "imageManifest"})
_TOKENS = frozenset({"NextToken", "nextToken", "Marker"})


@dataclass(slots=True)
class Call:
    """A call: `service:Operation`, its parameters, and the answer as boto3 gives it; None where none came."""

    name: str
    parameters: Mapping[str, Any]
    answer: Mapping[str, Any] | None = None

    @property
    def found(self) -> Mapping[str, Any] | None:
        """What it was answered with; None where that is an error, or nothing."""
        return None if self.answer is None or "Error" in self.answer else self.answer


@dataclass
class Recorder:
    """Listens to a session's calls while it is on, and remembers those that belong into a recording."""

    calls: list[Call] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)  # by their URL
    _is_on: bool = False

    def listen(self, session: "boto3.Session") -> None:
        """Hear the calls of the clients that this session will build."""

        def begin(params: Mapping[str, Any], model: "OperationModel", context: dict[str, Any], **_: object) -> None:
            name = f"{model.service_model.service_name}:{model.name}"
            if self._is_on and (name in READS or name == _MEMORY):
                context["recorded_call"] = Call(name, dict(params))
                self.calls.append(context["recorded_call"])

        def end(parsed: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
            if self._is_on and "recorded_call" in context:
                context["recorded_call"].answer = dict(parsed)

        session.events.register("before-parameter-build", begin)
        session.events.register_last("after-call", end)

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

    def service(self) -> Mapping[str, Any]:
        """The service as App Runner described it; empty where it did not."""
        found = (call.found for call in self.calls if call.name == _SERVICE)
        return next((one["Service"] for one in found if one and "Service" in one), {})

    def environment(self) -> dict[str, str]:
        """The service's environment variables, with their values."""
        return answers.environment(self.service())


def recording(heard: Recorder, snapshot: Snapshot, event: Mapping[str, Any], name: str, title: str) -> dict[str, Any]:
    """The content of the recording's file. Values of variables are written as stand-ins.

    A stand-in says what may be known of a value: replayed, it gives the same diagnosis, and equal values stay equal.
    """
    environment = heard.environment()
    fingerprints = Fingerprints.throw_away()
    stand_ins = {key: stand_in(variable(key, value, fingerprints)) for key, value in environment.items()}
    plain = _Plain(Redactor(environment), stand_ins, snapshot.taken_at)
    answered: dict[str, list[dict[str, Any]]] = {}
    for call in heard.calls:
        if not _is_written_otherwise(call):
            answered.setdefault(call.name, []).append({"request": plain.request(call), **plain.answer(call.answer)})
    for entries in answered.values():
        # the first entry whose request is a subset answers: the next page's, which names a token, before the first's
        entries.sort(key=lambda entry: -len(entry["request"]))
    noted = plain.answer(None if isinstance(snapshot.parts.attempts, Missing) else {"Items": []})
    answered.setdefault(_MEMORY, [{"request": {}, **noted}])  # no stack was asked: a replay is to note nothing either
    return {
        "format": 1,
        "id": name,
        "title": plain.value(title),
        "source": "apprunner-watcher record",
        "platform": "apprunner",
        "recorded_at": _iso(snapshot.taken_at),
        "configuration": "attempted" if _shows_what_was_attempted(heard, snapshot, plain.redactor) else "restored",
        "event": plain.value(dict(event)),
        "aws": answered,
        "logs": _logs(heard.calls, plain),
        "blobs": dict(_blobs(heard, plain)),
    }


def revealed(text: str, environment: Mapping[str, str]) -> str:
    """The name of a variable whose secret stands in a text, as it is or encoded; empty where there is none.

    Asked of the finished file, by other means than those that took the secrets out. As for the redactor, what is short,
    usual or a word may stand anywhere.
    """
    secrets = {name: secrets_of(name, value) for name, value in environment.items()}
    public = {value for name, value in environment.items() if not secrets[name]}
    for name, found in secrets.items():
        for secret in found:
            is_known = len(secret) >= SHORTEST_KNOWN and not is_usual(secret) and not is_plain_word(secret)
            if is_known and secret not in public and any(form in text for form in _forms(secret)):
                return name
    return ""


def _forms(secret: str) -> Iterator[str]:
    content = secret.encode("utf-8", "surrogatepass")
    for one in (secret, quote(content, safe=""), quote(content), quote_plus(content)):
        escaped = json.dumps(one, ensure_ascii=False)[1:-1]
        yield from (one, escaped, json.dumps(escaped, ensure_ascii=False)[1:-1], json.dumps(one)[1:-1])
    for before in range(3):  # in base64 it looks different behind one, two or three bytes
        encoded = base64.b64encode(b"\0" * before + content).decode().rstrip("=")
        sure = encoded[(0, 2, 3)[before] : (before + len(content)) * 8 // 6]
        yield from (sure, sure.translate(str.maketrans("+/", "-_")))


def _is_written_otherwise(call: Call) -> bool:
    return call.name in {*_LOGS, _LAYER} and call.found is not None


def _shows_what_was_attempted(heard: Recorder, snapshot: Snapshot, redactor: Redactor) -> bool:
    """Whether a watcher that was there at the start would have noted what DescribeService shows now."""
    attempted = snapshot.parts.configuration
    if isinstance(attempted, Missing) or attempted.standing != "attempted" or not heard.service():
        return False
    shown = answers.configuration(heard.service(), "attempted", redactor, Fingerprints.throw_away())
    return _without_fingerprints(shown) == _without_fingerprints(attempted)


def _without_fingerprints(configuration: Configuration) -> Configuration:
    variables = tuple(one.model_copy(update={"fingerprint": ""}) for one in configuration.variables)
    return configuration.model_copy(update={"variables": variables})


@dataclass(frozen=True, slots=True)
class _Plain:
    """Makes JSON without secrets of AWS's answers. Nothing in it is later than `now`."""

    redactor: Redactor
    stand_ins: Mapping[str, str]
    now: datetime
    tokens: dict[str, str] = field(default_factory=dict)

    def request(self, call: Call) -> dict[str, Any]:
        """What the call is recognised by; of the watcher's own table there is only one."""
        if call.name == _MEMORY:
            return {}
        return {
            key: self._member(key, value)
            for key, value in call.parameters.items()
            if not isinstance(value, datetime) and key not in _NOT_COMPARED
        }

    def answer(self, answer: Mapping[str, Any] | None) -> dict[str, Any]:
        """`response` or `error`."""
        if answer is None:
            return {"error": {"Code": NOT_RECORDED, "Message": "AWS had not answered"}}
        if error := answer.get("Error"):
            code, message = str(error.get("Code", "")), self.redactor.text(str(error.get("Message", "")))
            return {"error": {"Code": code, "Message": message}}
        return {
            "response": {key: self._member(key, value) for key, value in answer.items() if key != "ResponseMetadata"}
        }

    def value(self, value: Any) -> Any:
        """Any value as JSON, redacted."""
        if isinstance(value, str):
            return self.redactor.text(value)
        if isinstance(value, datetime):
            return self.time(value)
        if isinstance(value, bytes | bytearray):
            return HIDDEN  # nothing that is looked at has bytes
        if isinstance(value, Mapping):
            is_secret = "Key" in value and is_secret_name(str(value["Key"]))  # a tag
            return {key: HIDDEN if is_secret and key == "Value" else self._member(key, value[key]) for key in value}
        if isinstance(value, Iterable):
            return [self.value(inner) for inner in value]
        return value

    def time(self, at: datetime) -> str:
        """A time; one that is still to come, say a certificate's end, as now."""
        return _iso(min(at.astimezone(UTC), self.now.astimezone(UTC)))

    def _member(self, key: str, value: Any) -> Any:
        if key == "RuntimeEnvironmentVariables" and isinstance(value, Mapping):
            return {name: self.stand_ins.get(name, HIDDEN) for name in value}
        if key in _TOKENS and isinstance(value, str):
            return self.tokens.setdefault(value, f"page {len(self.tokens) + 2}") if value else value
        return self._document(value) if key in _DOCUMENTS else self.value(value)

    def _document(self, value: Any) -> str:
        """A JSON document as text; redacted string by string, so that it stays one."""
        try:
            return json.dumps(self.value(json.loads(value) if isinstance(value, str) else value))
        except (ValueError, RecursionError):
            return self.redactor.text(str(value))


# --- log lines


@dataclass
class _Stream:
    """A log stream: when its first and its last line are from, and the pages that were read, by reading."""

    edges: list[int] = field(default_factory=list)
    readings: dict[tuple[object, ...], list[list[Mapping[str, Any]]]] = field(default_factory=dict)

    def add(self, parameters: Mapping[str, Any], events: list[Mapping[str, Any]]) -> None:
        """Add a page: of a reading from the head they come in order, of one from the tail the last one comes first."""
        from_head = bool(parameters.get("startFromHead"))
        reading = (from_head, parameters.get("startTime"), parameters.get("endTime"), parameters.get("limit"))
        if "nextToken" not in parameters:
            self.readings.pop(reading, None)
        pages = self.readings.setdefault(reading, [])
        pages.insert(len(pages) if from_head else 0, events)

    def lines(self) -> list[tuple[int, str]]:
        """All lines once, in order. Two readings may meet: of each time, the one counts that saw more of it."""
        known: dict[int, list[str]] = {}
        for pages in self.readings.values():
            found: dict[int, list[str]] = {}
            for event in (event for page in pages for event in page):
                found.setdefault(event["timestamp"], []).append(event["message"])
            known |= {at: texts for at, texts in found.items() if len(texts) > len(known.get(at, ()))}
        read = [(at, without_console_prefix(text)) for at in sorted(known) for text in known[at]]
        # A stream is judged by its ends as well: where they were not read, empty lines stand for them.
        ends = [at for at in self.edges if not read or not read[0][0] <= at <= read[-1][0]]
        return sorted([*read, *((at, "") for at in dict.fromkeys(ends))], key=lambda line: line[0])


def _logs(calls: Iterable[Call], plain: _Plain) -> dict[str, dict[str, list[list[str]]]]:
    """The lines that were read, by group and stream, and the streams that were only listed."""
    groups: dict[str, dict[str, _Stream]] = {}
    for call in calls:
        if call.name not in _LOGS or call.found is None:
            continue
        group = groups.setdefault(call.parameters["logGroupName"], {})
        for one in call.found.get("logStreams", ()):
            edges = group.setdefault(one["logStreamName"], _Stream()).edges
            edges += [one[end] for end in ("firstEventTimestamp", "lastEventTimestamp") if end in one]
        if call.name == _LOG_LINES:
            stream = group.setdefault(call.parameters["logStreamName"], _Stream())
            stream.add(call.parameters, call.found.get("events", []))
    return {
        group: {name: _lines(stream.lines(), plain) for name, stream in streams.items()}
        for group, streams in groups.items()
    }


def _lines(lines: list[tuple[int, str]], plain: _Plain) -> list[list[str]]:
    """Lines go through the redactor a stream at a time: a secret may be printed over several."""
    texts = plain.redactor.lines(text for _, text in lines)
    return [
        [plain.time(datetime.fromtimestamp(at / 1000, UTC)), _as_long(text, raw)]
        for (at, raw), text in zip(lines, texts, strict=True)
    ]


_CUT = re.compile(r" … \[cut: (\d+) more characters\]")


def _as_long(text: str, raw: str) -> str:
    """The line, filled up to its length, so that a replay reads, and cuts, as much. Blanks at the end are not read."""
    if cut := _CUT.fullmatch(text, LONGEST_LINE):
        text = text[:LONGEST_LINE] + "*" * int(cut[1])
    return text + " " * (len(raw.encode("utf-8", "surrogatepass")) - len(text.encode()))


# --- images


def _blobs(heard: Recorder, plain: _Plain) -> Iterator[tuple[str, dict[str, Any]]]:
    for call in heard.calls:
        url = call.found.get("downloadUrl", "") if call.name == _LAYER and call.found else ""
        try:
            document = json.loads(heard.blobs.get(url, b""))
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            yield call.parameters["layerDigest"], _blob(document, plain)


def _blob(document: dict[str, Any], plain: _Plain) -> dict[str, Any]:
    """An image's config as far as it is looked at, in the words in which it was understood: it is read as the same."""
    read = ImageConfig.parse(document, {}, plain.redactor)
    history = document.get("history")
    steps = [one for one in history if isinstance(one, dict)] if isinstance(history, list) else []
    layers = (*[Layer()] * (len(steps) - len(read.layers)), *read.layers)  # of very many, the last ones are looked at
    return {
        "architecture": read.architecture,
        "os": read.os,
        "config": {
            "Cmd": list(read.cmd),
            "Entrypoint": list(read.entrypoint),
            "Env": [f"{name}={HIDDEN}" for name in read.variable_names],
            "ExposedPorts": {f"{port}/tcp": {} for port in read.exposed_ports},
            "User": read.user,
            "WorkingDir": read.working_dir,
            "Healthcheck": {"Test": ["CMD" if read.healthcheck else "NONE"]},
        },
        "history": [
            {
                "created_by": layer.created_by,
                "empty_layer": step.get("empty_layer") is True,
                **({"created": min(layer.created, plain.now).isoformat()} if layer.created else {}),
            }
            for step, layer in zip(steps, layers, strict=True)
        ],
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
