"""The promise that no secret gets out: of the recordings' own ones, and of any that is planted into a recording."""

import base64
import copy
import dataclasses
import json
import logging
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from apprunner_watcher.aws import answers
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.gather import gather
from apprunner_watcher.aws.record import Recorder, recording, revealed
from apprunner_watcher.aws.replay import Stage, replay
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import OperationEvent, parse
from apprunner_watcher.recording import Recording, load
from apprunner_watcher.redaction import Fingerprints, Redactor
from apprunner_watcher.report import report
from apprunner_watcher.snapshot import Snapshot
from tests.conftest import ROOT, SEEDS, seed

_OF_STENO = [
    "fakeDbPwDoNotLeak7tQ2mXv9",
    "fakeJwtDoNotLeakA9xKqLm3Vd8YwRt5ZbNc2HsPf7GjUe4TiOa6QvXk1M",
    "fakeJwtTailDoNotLeakW8z",
    "fakeEncKeyDoNotLeak4Hc8Zr1Wm6Yp2",
]
_KNOWN_CANARIES = {
    "seed-steno-prod-backend-stuck": _OF_STENO,
    "seed-steno-prod-backend-failed": _OF_STENO,
    "seed-nerava-debug-image": ["fakeNeravaPwDoNotLeak5Gd9Kx2Rq7"],
}
_SHARED = ROOT.parent / "shared" / "recordings"


def strings(one: object, seen: set[int] | None = None) -> Iterator[str]:
    """Every string in it, whatever it is and however private: dictionaries, dataclasses, models, what they cache."""
    seen = set() if seen is None else seen
    if isinstance(one, str):
        yield one
    if isinstance(one, str | int | float | type | re.Pattern) or one is None or callable(one) or id(one) in seen:
        return
    seen.add(id(one))
    if isinstance(one, dict):
        yield from (text for pair in one.items() for inner in pair for text in strings(inner, seen))
    elif isinstance(one, Iterable):
        yield from (text for inner in one for text in strings(inner, seen))
    yield from (text for inner in getattr(one, "__dict__", {}).values() for text in strings(inner, seen))
    if dataclasses.is_dataclass(one):
        yield from (text for part in dataclasses.fields(one) for text in strings(getattr(one, part.name), seen))
    if isinstance(one, BaseModel):
        yield one.model_dump_json()
    yield repr(one)


def said_of(snapshot: Snapshot) -> str:
    """Everything that the program knows and says of a snapshot."""
    diagnosis = diagnose(snapshot)
    told = report(snapshot, diagnosis, decide())
    attempt = dataclasses.replace(snapshot).attempt()
    parts = (snapshot, diagnosis, told, attempt, json.dumps(told.data, default=str), told.text, told.subject)
    return "\n".join(text for part in parts for text in strings(part))


def canaries() -> dict[str, list[str]]:
    file = _SHARED / "canaries.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else _KNOWN_CANARIES


def recording_file(name: str) -> Path:
    places = (ROOT / "events" / "recordings", _SHARED / "field", _SHARED / "seeds")
    return next(file for place in places if (file := place / f"{name}.json").exists())


def test_strings_finds_what_is_hidden_from_repr() -> None:
    snapshot = replay(load(SEEDS[0]))
    assert "BRACKETS" not in repr(snapshot)
    vars(snapshot.parts)["cached"] = [("BRACKETS",)]
    assert "BRACKETS" in "".join(strings(snapshot))


@pytest.mark.parametrize("name", sorted(canaries()))
def test_no_canary_gets_out(name: str) -> None:
    file = recording_file(name)
    planted = file.read_text(encoding="utf-8")
    said = said_of(replay(load(file)))
    for canary in canaries()[name]:
        assert canary in planted
        assert canary not in said


HOST = "shop-db.c1a2b3c4d5e6.us-east-1.rds.amazonaws.com"
EVIDENCE = (
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbC1d2",
    "arn:aws:iam::123456789012:role/shop-access",
    "sha256:29199f4a7a2bfe0081679351b05e27d09e7040fa7150d45356c2d25f1b19e704",
    "74acd59010e58bd560e10610417cf50a",
    "4d80d324-0ad1-4c33-a21a-e015c8d2de5e",
    f"{HOST}:5432",
    "10.0.12.34:6379",
)
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789@:/%#?&=+!$*()[]{}<>|,;.~^-_'\"\\`é"
PASSWORDS = st.builds(
    lambda start, middle, end: f"{start}{middle}{end}",
    st.sampled_from(["q7K", "Zx9", "9Rf", "(v3W", "mP4$"]),
    st.text(LETTERS, min_size=3, max_size=54),
    st.sampled_from(["w2", "T8", "e5!", "6"]),
).filter(lambda password: len(password) >= 8 and "***" not in password)  # fmt: skip


def traces(secret: str) -> set[str]:
    """What must not be found: the secret, its halves, and both in the encodings in which they were planted."""
    half = len(secret) // 2
    found = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    found |= {part for part in (secret[:half], secret[half:]) if len(part) >= 4}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        found.add(encoded[4 if before else 0 : -2])
    return found


def lines_with(secret: str) -> list[str]:
    """Lines as applications print them; behind each secret stands what must survive."""
    half = len(secret) // 2
    lines = [
        f"Error: could not connect with {secret} to",
        f"DB_PASSWORD={secret}",
        f"connecting to postgresql://shop:{quote(secret, safe='')}@{HOST}:5432/shop",
        f"connecting to postgresql://shop:{secret}@{HOST}:5432/shop",
        f"form {quote_plus(secret)} sent",
        f"basic {base64.b64encode(f'shop:{secret}'.encode()).decode()} sent",
        f"token {base64.urlsafe_b64encode(secret.encode()).decode()} sent",
        json.dumps({"level": "error", "msg": f"login with {secret} failed", "inner": json.dumps({"value": secret})}),
        f"config: { ({'value': secret})!r}",
        f"RuntimeError: bad value '{secret}'",
        f"a long line ends with {secret[:half]}",
        f"{secret[half:]} and goes on",
    ]
    return [*lines, *(f"{lines[0]} {one} failed" for one in EVIDENCE)]


def refusals(secret: str) -> dict[str, list[dict[str, Any]]]:
    """AWS's errors quote what they do not like."""
    messages = {
        "apprunner:DescribeCustomDomains": f"1 validation error detected: Value '{secret}' failed to satisfy",
        "apprunner:DescribeAutoScalingConfiguration": f"no {quote(secret, safe='')}, DB_PASSWORD={secret} is none",
        "cloudwatch:GetMetricData": f"{HOST} is unknown to {json.dumps({'value': secret})}",
        "iam:GetRole": f"{'x' * 250} is no role of {secret}",
    }
    return {
        call: [{"request": {}, "error": {"Code": "ValidationException", "Message": message}}]
        for call, message in messages.items()
    }


CONFIG = f"sha256:{'c' * 64}"


def manifests(content: dict[str, Any], secret: str) -> list[dict[str, Any]]:
    """The manifests of the images in the service's repository."""
    told = {"config": {"digest": CONFIG}, "layers": [{"digest": CONFIG, "size": 1}], "annotations": {"by": secret}}
    (images,) = content["aws"]["ecr:DescribeImages"]
    return [
        {"imageId": {"imageTag": tag, "imageDigest": one["imageDigest"]}, "imageManifest": json.dumps(told)}
        for one in images["response"]["imageDetails"]
        for tag in one["imageTags"]
    ]


def config_blob(secret: str) -> dict[str, Any]:
    """An image that holds the secret wherever people put it."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/bin", f"GREETING={secret}", f"API_TOKEN={secret}"],
            "Cmd": ["serve", secret, "--value", secret, f"--password={secret}", "and goes on"],
            "Entrypoint": ["sh", "-c", f"VALUE='{secret}' exec \"$@\""],
            "User": secret,
            "WorkingDir": f"/{secret}",
            "Labels": {"note": secret},
            "Healthcheck": {"Test": ["CMD-SHELL", f"curl -u health:{secret} localhost"]},
        },
        "history": [
            {"created_by": f"ARG TOKEN={secret}", "empty_layer": True},
            {"created_by": f"ENV GREETING={secret} NODE_VERSION=20", "empty_layer": True},
            {"created_by": f"RUN |1 TOKEN={secret} /bin/sh -c npm ci", "comment": secret},
        ],
    }


def planted(name: str, secret: str) -> dict[str, Any]:
    """A recording of a service that has this secret in its environment and prints it everywhere."""
    content = copy.deepcopy(seed(name))
    service = content["aws"]["apprunner:DescribeService"][0]["response"]["Service"]
    source = service["SourceConfiguration"]
    image = source.get("ImageRepository", {}).get("ImageConfiguration")
    values = image or source["CodeRepository"]["CodeConfiguration"]["CodeConfigurationValues"]
    values.setdefault("RuntimeEnvironmentVariables", {}).update(
        DB_PASSWORD=secret,
        GREETING=secret,
        DATABASE_URL=f"postgresql://shop:{secret}@{HOST}:5432/shop?sslmode=require",
        QUOTED_URL=f"postgresql://shop:{quote(secret, safe='')}@{HOST}:5432/shop",
    )
    values["StartCommand"] = f"python main.py --value {secret} --host {HOST}:5432"
    values["BuildCommand"] = f"VALUE='{secret}' make"
    arn = service["ServiceArn"]
    tags = [{"Key": "owner", "Value": f"shop {secret}"}, {"Key": "DB_PASSWORD", "Value": secret}]
    content["aws"]["apprunner:ListTagsForResource"] = [{"request": {}, "response": {"Tags": tags}}]
    content["aws"] |= refusals(secret)
    if image:
        content["aws"]["ecr:BatchGetImage"] = [{"response": {"images": manifests(content, secret)}}]
        content["blobs"] = {CONFIG: config_blob(secret)}
    groups = {group.rsplit("/", 1)[1]: streams for group, streams in content["logs"].items()}
    at = groups["service"]["events"][-1][0]
    name_and_id = arn.partition(":service/")[2]
    application = content["logs"].setdefault(f"/aws/apprunner/{name_and_id}/application", {})
    application["instance/0123456789abcdef0123456789abcdef"] = [[at, line] for line in lines_with(secret)]
    groups["service"]["events"] += [[at, f"[AppRunner] Failed with {secret}."]]
    return content


@pytest.mark.parametrize("name", ["seed-steno-prod-backend-failed", "seed-tara-main"])
@settings(derandomize=True, deadline=None, max_examples=40)
@given(secret=PASSWORDS)
def test_no_planted_secret_gets_out_and_what_stands_beside_it_survives(
    name: str, tmp_path_factory: pytest.TempPathFactory, secret: str
) -> None:
    file = tmp_path_factory.getbasetemp() / f"{name}.json"
    file.write_text(json.dumps(planted(name, secret)), encoding="utf-8")
    snapshot = replay(load(file))
    said = said_of(snapshot)
    assert [trace for trace in traces(secret) if trace in said] == []
    printed = "\n".join(line.text for line in snapshot.application_log.failing)
    assert "and goes on" in printed
    assert [one for one in EVIDENCE if one not in printed] == []
    url = snapshot.configuration.variable("DATABASE_URL")
    assert url
    assert url.shown == f"postgresql://***@{HOST}:5432/shop?sslmode=require"
    assert snapshot.configuration.start_command.endswith(f"--host {HOST}:5432")


@cache
def _live(region: str) -> tuple[Stage, Recorder, Clients]:
    """A service that is answered from a recording, and heard."""
    stage, heard = Stage(None, region), Recorder()
    heard.listen(stage.session)
    return stage, heard, Clients(stage.session, heard.downloading(stage.download))


def recorded(played: Recording) -> tuple[str, dict[str, str]]:
    """The text of the file that the command line would write of it, and the environment that it must not show."""
    event = parse(played.event)
    assert isinstance(event, OperationEvent)
    stage, heard, clients = _live(event.service_arn.split(":")[3])
    stage.recording, heard.calls, heard.blobs = played, [], {}
    with heard.on():
        snapshot = gather(event, clients, played.recorded_at)
    content = recording(heard, snapshot, played.event, "shop", "title")
    return json.dumps(content, indent=1, ensure_ascii=False), heard.environment()


@pytest.mark.parametrize("name", ["seed-steno-prod-backend-failed", "seed-tara-main"])
@settings(derandomize=True, deadline=None, max_examples=40)
@given(secret=PASSWORDS)
def test_no_planted_secret_is_in_a_recording_of_the_service(
    name: str, tmp_path_factory: pytest.TempPathFactory, secret: str
) -> None:
    file = tmp_path_factory.getbasetemp() / f"{name}-live.json"
    file.write_text(json.dumps(planted(name, secret)), encoding="utf-8")
    text, environment = recorded(load(file))
    assert environment["GREETING"] == secret
    assert [trace for trace in traces(secret) if trace in text] == []
    assert revealed(text, environment) == ""
    printed = "\n".join(strings(json.loads(text)))
    assert [trace for trace in traces(secret) if trace in printed] == []
    assert "and goes on" in printed
    assert [one for one in EVIDENCE if one not in printed] == []
    # replayed, nothing else comes out of it
    again = tmp_path_factory.getbasetemp() / "shop.json"
    again.write_text(text, encoding="utf-8")
    said = said_of(replay(load(again)))
    assert [trace for trace in traces(secret) if trace in said] == []


def test_what_is_planted_is_read(tmp_path: Path) -> None:
    """Otherwise its absence would prove nothing."""
    file = tmp_path / "seed-steno-prod-backend-failed.json"
    file.write_text(json.dumps(planted(file.stem, "q7K/very%secret@w2")), encoding="utf-8")
    snapshot = replay(load(file))
    assert snapshot.image
    assert snapshot.image.config
    assert snapshot.image.config.layers[-1].created_by.endswith("/bin/sh -c npm ci")
    assert snapshot.image.config.cmd[-1] == "and goes on"
    assert snapshot.parts.tags == {"owner": "shop ***", "DB_PASSWORD": "***"}
    why = "\n".join(one.why for one in snapshot.missing)
    assert [call for call in refusals("") if f"{call} answered ValidationException" not in why] == []


def test_the_configuration_takes_its_fingerprints_from_the_given_key() -> None:
    fingerprints = Fingerprints(b"1" * 32)
    service = planted("seed-tara-main", "q7K/very%secret@w2")["aws"]["apprunner:DescribeService"][0]["response"][
        "Service"
    ]
    found = answers.configuration(service, "attempted", Redactor({}), fingerprints).variable("GREETING")
    assert found
    assert found.fingerprint == fingerprints.of("q7K/very%secret@w2")


def test_the_program_logs_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "q7K/very%secret@w2"
    content = planted("seed-tara-main", secret)
    file = tmp_path / "seed-tara-main.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    with caplog.at_level(logging.DEBUG, logger="apprunner_watcher"):
        said_of(replay(load(file)))
    captured = capsys.readouterr()
    for text in (caplog.text, captured.out, captured.err):
        assert secret not in text
