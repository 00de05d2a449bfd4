"""A live service becomes a recording: it gives the same diagnosis, and it holds nothing secret.

No AWS here: the live service is one that is answered from a recording, and heard.
"""

import base64
import json
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from typer.testing import CliRunner, Result

from apprunner_watcher import cli, recording
from apprunner_watcher.api_call import ApiCallEvent
from apprunner_watcher.api_call import Call as ApiCall
from apprunner_watcher.aws.clients import Clients, download_over_http
from apprunner_watcher.aws.gather import Sight, gather, glance
from apprunner_watcher.aws.record import Call, Recorder, revealed
from apprunner_watcher.aws.record import recording as written
from apprunner_watcher.aws.replay import Stage, replay
from apprunner_watcher.aws.table import Table
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import CustomDomainEvent, OperationEvent, parse
from apprunner_watcher.event import Stage as EventStage
from apprunner_watcher.image import ImageConfig
from apprunner_watcher.log import ApplicationLog
from apprunner_watcher.missing import Missing
from apprunner_watcher.recording import Recording
from apprunner_watcher.redaction import Variable, same
from apprunner_watcher.report import report
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Attempt, Snapshot
from local.player import FrontDoor
from tests.conftest import ROOT, SEEDS

RECORD = Callable[..., Recording]
Content = dict[str, Any]
IN_NO_HURRY = Sight(patience_for_metrics=timedelta(minutes=1))  # a loaded machine is no reason for a gap
Recall = Callable[[Clients, str], Sequence[Attempt | ApiCall]]
FIELD = sorted((ROOT.parent / "shared" / "recordings" / "field").glob("*.json"))
STENO, NERAVA, ROLLBACK = "seed-steno-prod-backend-failed", "seed-nerava-debug-image", "seed-nerava-v32-rollback"
SECRET = "q7K/very%secret+5Wz@w2"
serialize = TypeSerializer().serialize


class Live:
    """A service that is answered from a recording. Its Clients are built once: that takes the longest."""

    def __init__(self, region: str) -> None:
        self._stage = Stage(None, region)
        self._heard = Recorder()
        self._heard.listen(self._stage.session)
        self.clients = Clients(self._stage.session, self._heard.downloading(self._stage.download))

    def gathered(self, played: Recording, recall: Recall) -> tuple[Snapshot, Recorder]:
        self._stage.recording = played
        self._heard.calls, self._heard.blobs = [], {}
        with self._heard.on():
            event = event_of(played)
            snapshot = gather(
                event, self.clients, played.recorded_at, lambda: recall(self.clients, event.service_arn), IN_NO_HURRY
            )
        return snapshot, self._heard

    def attempt(self, played: Recording) -> Attempt | None:
        """What a watcher that was there would have noted at the start."""
        if not (before := played.at_start()):
            return None
        self._stage.recording = before
        return glance(event_of(before), self.clients, before.recorded_at).attempt()


@cache
def live(region: str = "us-east-1") -> Live:
    return Live(region)


def event_of(played: Recording) -> OperationEvent | CustomDomainEvent:
    event = parse(played.event)
    assert isinstance(event, OperationEvent | CustomDomainEvent)
    return event


def nothing(*_: object) -> Sequence[Attempt | ApiCall]:
    """Recall where no stack is installed."""
    return ()


def noted(clients: Clients, service_arn: str) -> Sequence[Attempt | ApiCall]:
    """Recall where one is."""
    return Table(clients.dynamodb, "table", timedelta()).noted(service_arn)


def table(*attempts: Attempt) -> list[Content]:
    """DynamoDB's answer where these were noted."""
    items = [
        {"attempt": serialize(one.model_dump(mode="json", exclude={"stage"})), "stage": {"S": one.stage.value}}
        for one in attempts
    ]
    return [{"request": {}, "response": {"Items": items}}]


def record(played: Recording, recall: Recall = nothing) -> tuple[Snapshot, Content]:
    """The live snapshot, and what is written of it."""
    snapshot, heard = live(played.event["region"]).gathered(played, recall)
    return snapshot, written(heard, snapshot, played.event, "shop-1", "a title")


def again(content: Content, tmp_path: Path) -> Snapshot:
    """Replay it as it comes out of the file."""
    file = tmp_path / "shop-1.json"
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return replay(recording.load(file))


def said(snapshot: Snapshot) -> tuple[str, str, Content]:
    """All that is told: verdict, causes with their evidence, remarks, checks, changes, and what was not seen."""
    told = report(snapshot, diagnose(snapshot), decide())
    return told.subject, told.text, told.data


def seen_in(snapshot: Snapshot) -> Content:
    """All that is known but the fingerprints, whose key is another one each time."""
    parts = dict(vars(snapshot.parts))
    if isinstance(parts["configuration"], Configuration):
        variables = [one.model_copy(update={"fingerprint": ""}) for one in parts["configuration"].variables]
        parts["configuration"] = parts["configuration"].model_copy(update={"variables": tuple(variables)})
    return parts


def strings(one: object) -> Iterator[str]:
    if isinstance(one, str):
        yield one
    elif isinstance(one, dict):
        yield from (text for pair in one.items() for inner in pair for text in strings(inner))
    elif isinstance(one, list):
        yield from (text for inner in one for text in strings(inner))


# --- the same diagnosis


@pytest.mark.parametrize("file", SEEDS, ids=lambda file: file.stem)
def test_a_replay_sees_and_says_what_was_seen_and_said_live(file: Path, tmp_path: Path) -> None:
    snapshot, content = record(recording.load(file))
    replayed = again(content, tmp_path)
    assert said(replayed) == said(snapshot)
    assert seen_in(replayed) == seen_in(snapshot)


@pytest.mark.parametrize("file", SEEDS, ids=lambda file: file.stem)
def test_so_it_does_where_the_attempt_was_noted(file: Path, tmp_path: Path) -> None:
    played = recording.load(file)
    attempt = live(played.event["region"]).attempt(played)
    calls = {"dynamodb:Query": [recording._Call.model_validate(one) for one in table(*filter(None, [attempt]))]}  # noqa: SLF001  # the pinned inside, looked at on purpose
    snapshot, content = record(replace(played, aws={**played.aws, **calls}), noted)
    assert snapshot.parts.attempts == ((attempt,) if attempt else ())
    replayed = again(content, tmp_path)
    assert said(replayed) == said(snapshot)
    assert replayed.parts == snapshot.parts if attempt else seen_in(replayed) == seen_in(snapshot)
    assert content["configuration"] == ("restored" if snapshot.configuration.standing == "restored" else "attempted")


def test_so_it_does_of_real_incidents(tmp_path: Path) -> None:
    """A third of them, where they lie beside the checkout."""
    different = []
    for file in FIELD[::3]:
        played = recording.load(file)
        if isinstance(parse(played.event), ApiCallEvent):
            continue  # what is recorded of a live service is its last operation
        snapshot, content = record(played)
        replayed = again(content, tmp_path)
        if (said(replayed), seen_in(replayed)) != (said(snapshot), seen_in(snapshot)):
            different.append(file.stem)
    assert not different


def without_pulled_image(content: Content) -> None:
    for streams in content["logs"].values():
        for name, lines in streams.items():
            streams[name] = [line for line in lines if "ulling image" not in line[1] and "ulled image" not in line[1]]


@pytest.mark.parametrize(("change", "standing"), [(None, "restored"), (without_pulled_image, "unsure")])
def test_a_restored_configuration_stays_one(
    change: Callable[[Content], None] | None, standing: str, recorded: RECORD, tmp_path: Path
) -> None:
    snapshot, content = record(recorded(ROLLBACK, change))
    assert snapshot.configuration.standing == standing
    assert content["configuration"] == "restored"
    replayed = again(content, tmp_path)
    assert replayed.configuration.standing == standing
    assert said(replayed) == said(snapshot)


def test_what_changed_since_a_noted_success_is_told_again(recorded: RECORD, tmp_path: Path) -> None:
    played = recorded(ROLLBACK, lambda content: content.update(configuration="attempted"))
    attempt = live().attempt(played)
    assert attempt
    variables = (*attempt.configuration.variables, Variable(name="ADDED", shown="***", fingerprint="ab12:1"))
    now = attempt.configuration.model_copy(update={"port": 1234, "variables": variables})
    before = attempt.model_copy(
        update={
            "operation_id": "earlier",
            "started_at": attempt.started_at - timedelta(days=1),
            "stage": EventStage.SUCCEEDED,
        }
    )
    this = attempt.model_copy(update={"configuration": now})
    answers = {"dynamodb:Query": [recording._Call.model_validate(one) for one in table(this, before)]}  # noqa: SLF001  # the pinned inside, looked at on purpose
    snapshot, content = record(replace(played, aws={**played.aws, **answers}), noted)
    changes = said(snapshot)[2]["changes"]
    assert {"what": "port", "before": "8000", "after": "1234"} in changes
    assert {one["what"] for one in changes} == {"port", "variable ADDED"}
    assert content["configuration"] == "restored"  # DescribeService shows another one than was noted
    assert said(again(content, tmp_path)) == said(snapshot)


def test_what_was_noted_stays_unknown_where_it_could_not_be_read(recorded: RECORD, tmp_path: Path) -> None:
    def denied(content: Content) -> None:
        content["aws"]["dynamodb:Query"] = [{"error": {"Code": "AccessDeniedException", "Message": "no"}}]

    snapshot, content = record(recorded(STENO, denied), noted)
    replayed = again(content, tmp_path)
    assert replayed.parts.attempts == snapshot.parts.attempts
    assert isinstance(replayed.parts.attempts, Missing)
    assert replayed.parts.attempts.allow == "dynamodb:Query"
    heard = Recorder()
    content = written(heard, snapshot, {}, "shop-1", "")  # the call never came back
    assert content["aws"]["dynamodb:Query"][0]["error"]["Code"] == "NotRecorded"


def test_real_clients_are_heard_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By way of AWS's protocols: here times, policies and errors are parsed from what goes over the wire."""
    played = recording.load(ROOT / "events" / "recordings" / f"{STENO}.json")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with FrontDoor() as door:
        door.play(played)
        monkeypatch.setenv("AWS_ENDPOINT_URL", door.address)
        session, heard = boto3.Session(region_name="us-east-1"), Recorder()
        heard.listen(session)
        clients = Clients(session, heard.downloading(download_over_http))
        with heard.on():
            snapshot = gather(event_of(played), clients, played.recorded_at, sight=IN_NO_HURRY)
    content = written(heard, snapshot, played.event, "shop-1", "")
    replayed = again(content, tmp_path)
    causes = [(cause.rule.code, cause.confidence, cause.evidence) for cause in diagnose(snapshot).causes]
    assert causes
    assert [(cause.rule.code, cause.confidence, cause.evidence) for cause in diagnose(replayed).causes] == causes
    assert replayed.service_log == snapshot.service_log
    assert replayed.application_log == snapshot.application_log
    assert replayed.operations == snapshot.operations


# --- no secret


def environment(content: Content) -> dict[str, str]:
    source = content["aws"]["apprunner:DescribeService"][0]["response"]["Service"]["SourceConfiguration"]
    found: dict[str, str] = source["ImageRepository"]["ImageConfiguration"]["RuntimeEnvironmentVariables"]
    return found


def set_variables(**variables: str) -> Callable[[Content], None]:
    return lambda content: environment(content).update(variables)


def test_variables_are_written_as_stand_ins(recorded: RECORD, tmp_path: Path) -> None:
    variables = {
        "DB_PASSWORD": SECRET,
        "SAME_PASSWORD": SECRET,
        "OTHER_PASSWORD": f"{SECRET}x",
        "QUOTED_TOKEN": f'"{SECRET}"',
        "EMPTY_SECRET": "",
        "DATABASE_URL": f"postgresql://shop:{quote(SECRET, safe='')}@db.internal:5432/shop",
        "SIGNING_KEY": "4d80d3240ad14c33a21ae015c8d2de5e",
    }
    snapshot, content = record(recorded(NERAVA, set_variables(**variables)))
    text = json.dumps(content)
    for form in (SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode(), variables["SIGNING_KEY"]):
        assert form not in text
    replayed = again(content, tmp_path).configuration
    for live_one in snapshot.configuration.variables:
        found = replayed.variable(live_one.name)
        assert found == live_one.model_copy(update={"fingerprint": found.fingerprint if found else ""})
    prints = {name: one.fingerprint for name in variables if (one := replayed.variable(name))}
    assert same(prints["DB_PASSWORD"], prints["SAME_PASSWORD"]) is True
    assert same(prints["DB_PASSWORD"], prints["OTHER_PASSWORD"]) is False
    assert not prints["EMPTY_SECRET"]


def test_calls_that_belong_into_no_recording_are_not_even_remembered() -> None:
    """The key of the fingerprints, the stack and the topic: none of a service's."""
    stage, heard = Stage(None, "us-east-1"), Recorder()
    heard.listen(stage.session)

    def answered(model: Any, **_: object) -> Any:
        raise_nothing = type("Http", (), {"status_code": 200})()
        return raise_nothing, {"SecretString": SECRET, "Stacks": [], "Topics": [], "OperationSummaryList": []}

    stage.session.events.register_first("before-call", answered)
    clients = Clients(stage.session)
    clients.apprunner.list_operations(ServiceArn="arn:aws:apprunner:us-east-1:111122223333:service/a/b")
    with heard.on():
        clients.secretsmanager.get_secret_value(SecretId="key")
        clients.sns.list_topics()
        stage.session.client("cloudformation").describe_stacks(StackName="apprunner-watcher")
        clients.apprunner.list_operations(ServiceArn="arn:aws:apprunner:us-east-1:111122223333:service/a/c")
    clients.apprunner.list_operations(ServiceArn="arn:aws:apprunner:us-east-1:111122223333:service/a/d")
    assert [(call.name, call.parameters["ServiceArn"][-1]) for call in heard.calls] == [
        ("apprunner:ListOperations", "c")
    ]


def test_texts_of_all_kinds_are_redacted(recorded: RECORD) -> None:
    def plant(content: Content) -> None:
        environment(content).update(APP_VALUE=SECRET)
        source = content["aws"]["apprunner:DescribeService"][0]["response"]["Service"]["SourceConfiguration"]
        source["ImageRepository"]["ImageConfiguration"]["StartCommand"] = f"serve --value {SECRET}"
        tags = [{"Key": "note", "Value": f"is {SECRET}"}, {"Key": "admin_password", "Value": "short7"}]
        content["aws"]["apprunner:ListTagsForResource"] = [{"response": {"Tags": tags}}]
        content["aws"]["apprunner:DescribeCustomDomains"] = [
            {"error": {"Code": "InvalidRequestException", "Message": f"not {SECRET}"}}
        ]
        content["aws"]["rds:DescribeDBInstances"] = [
            {"response": {"DBInstances": [{"DBInstanceIdentifier": "db", "MasterUsername": SECRET}]}}
        ]

    _, content = record(recorded(NERAVA, plant))
    text = json.dumps(content)
    assert json.dumps(SECRET)[1:-1] not in text
    assert "short7" not in text
    assert content["aws"]["apprunner:DescribeCustomDomains"][0]["error"]["Message"] == "not ***"
    assert content["aws"]["apprunner:ListTagsForResource"][0]["response"]["Tags"][0]["Value"] == "is ***"


ODD = 'q7"K/ é%y s\\3c+5 z?>~w'
"""Each encoding writes it in another way, and none of its words is long enough to be looked for."""


@pytest.mark.parametrize(
    "text",
    [
        ODD,
        quote(ODD, safe=""),
        quote(ODD),
        quote_plus(ODD),
        json.dumps(ODD),
        json.dumps(ODD, ensure_ascii=False),
        json.dumps({"inner": json.dumps({"is": ODD}, ensure_ascii=False)}, ensure_ascii=False),
        *(base64.b64encode(f"{before}{ODD} and so on".encode()).decode() for before in ("", "a", "ab", "abc")),
        *(base64.urlsafe_b64encode(f"{before}{ODD} and so on".encode()).decode() for before in ("", "a", "ab")),
    ],
)
def test_a_secret_that_was_left_in_is_found(text: str) -> None:
    variables = {"STAGE": "production", "APP_VALUE": ODD}
    assert revealed(f"so it is: {text}.", variables) == "APP_VALUE"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("***", {"APP_VALUE": SECRET}),
        (SECRET[:-1], {"APP_VALUE": SECRET}),
        ("in production on 8080", {"STAGE": "production", "PORT": "8080"}),
        ("a postgres database", {"DB_PASSWORD": "postgres"}),
        ("of the wonderful", {"APP_SECRET": "wonderful"}),
        ("q7/Kx", {"APP_SECRET": "q7/Kx"}),
        ("password123", {"APP_SECRET": "password123"}),
        ("shop-assets-2", {"APP_SECRET": "shop-assets-2", "BUCKET_NAME": "shop-assets-2"}),
    ],
)
def test_what_may_stand_anywhere_is_no_secret_that_was_left_in(text: str, variables: dict[str, str]) -> None:
    assert revealed(text, variables) == ""


# --- pages


CONNECTOR = "apprunner:DescribeVpcConnector"


def test_pages_are_replayed_to_their_end(recorded: RECORD, tmp_path: Path) -> None:
    """AWS's tokens are none of the reader's business; ours stand for them."""
    tokens = ["eyJ2ZXJzaW9uIjoiMSJ9", "eyJ2ZXJzaW9uIjoiMiJ9"]

    def in_pages(content: Content) -> None:
        (whole,) = content["aws"]["ec2:DescribeRouteTables"]
        tables = whole["response"]["RouteTables"]
        first, rest = tables[:1], tables[1:]
        content["aws"]["ec2:DescribeRouteTables"] = [
            {"request": {"NextToken": tokens[1]}, "response": {"RouteTables": rest}},
            {"request": {"NextToken": tokens[0]}, "response": {"RouteTables": [], "NextToken": tokens[1]}},
            {"request": {}, "response": {"RouteTables": first, "NextToken": tokens[0]}},
        ]

    snapshot, content = record(recorded(STENO, in_pages))
    pages = content["aws"]["ec2:DescribeRouteTables"]
    assert ["NextToken" in page["request"] for page in pages] == [True, True, False]
    assert not [token for token in tokens if token in json.dumps(content)]
    assert len({page["request"].get("NextToken") for page in pages}) == 3
    assert seen_in(again(content, tmp_path)) == seen_in(snapshot)
    assert snapshot.network.route_tables
    assert not isinstance(snapshot.network.route_tables, Missing)


def test_a_replay_at_another_time_says_the_same(recorded: RECORD, tmp_path: Path) -> None:
    snapshot, content = record(recorded())
    requests = [call["request"] for calls in content["aws"].values() for call in calls]
    assert not [text for text in strings(requests) if re.match(r"\d{4}-\d\d-\d\dT", text)]
    file = tmp_path / "shop-1.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    later = replay(recording.load(file).shifted(datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)))
    causes = [(cause.rule.code, [one.saw for one in cause.evidence]) for cause in diagnose(snapshot).causes]
    assert [(cause.rule.code, [one.saw for one in cause.evidence]) for cause in diagnose(later).causes] == causes
    assert said(later)[2]["checks"] == said(snapshot)[2]["checks"]
    assert [one.what for one in later.missing] == [one.what for one in snapshot.missing]


# --- logs


def application_group(content: Content) -> str:
    name_and_id = content["event"]["resources"][0].partition(":service/")[2]
    return f"/aws/apprunner/{name_and_id}/application"


def started(content: Content) -> datetime:
    operations = content["aws"]["apprunner:ListOperations"][0]["response"]["OperationSummaryList"]
    return datetime.fromisoformat(operations[0]["StartedAt"])


def container(number: int) -> str:
    return f"instance/{number:032x}"


def lines(start: datetime, texts: Sequence[str], apart: timedelta = timedelta(milliseconds=1)) -> list[list[str]]:
    return [[(start + number * apart).isoformat(), text] for number, text in enumerate(texts)]


def printing(streams: Callable[[datetime], dict[str, list[list[str]]]]) -> Callable[[Content], None]:
    """Let the service's containers have printed this; the time is that of the operation's start."""

    def change(content: Content) -> None:
        content["logs"][application_group(content)] = streams(started(content))

    return change


def logs(snapshot: Snapshot) -> ApplicationLog:
    return snapshot.application_log


def test_lines_of_several_pages_come_out_once_and_in_order(recorded: RECORD, tmp_path: Path) -> None:
    """Among them the same words in the same millisecond."""
    texts = ["the same", "the same", *(f"{number} {'x' * 1000}" for number in range(2500)), "the end", "the end"]
    at_once = timedelta(microseconds=500)
    played = recorded(STENO, printing(lambda at: {container(1): lines(at + timedelta(minutes=1), texts, at_once)}))
    snapshot, content = record(played)
    (stream,) = (streams for group, streams in content["logs"].items() if group.endswith("/application"))
    assert [text for _, text in stream[container(1)]] == texts
    replayed = again(content, tmp_path)
    assert [line.text for line in logs(replayed).failing] == texts
    assert logs(replayed) == logs(snapshot)


def page(messages: Sequence[tuple[int, str]], **parameters: object) -> Call:
    """A page of log lines, as it was heard: milliseconds and messages."""
    events = [{"timestamp": 1_760_000_000_000 + at, "message": text} for at, text in messages]
    asked = {"logGroupName": "/group", "logStreamName": "stream", "limit": 10, **parameters}
    return Call("logs:GetLogEvents", asked, {"events": events})


@pytest.mark.parametrize(
    "pages",
    [
        [page([(1, "a"), (2, "b")], startFromHead=True), page([(2, "c"), (3, "d")], startFromHead=True, nextToken="f")],
        # of one from the tail, the last page comes first
        [page([(2, "c"), (3, "d")]), page([(1, "a"), (2, "b")], nextToken="b")],
        # two readings that meet: of a millisecond, one of them saw a part only
        [
            page([(1, "a"), (2, "b")], startFromHead=True),
            page([(2, "b"), (2, "c"), (3, "d")], startFromHead=False, startTime=2),
        ],
        [
            page([(2, "c"), (3, "d")], startFromHead=False, startTime=2),
            page([(1, "a"), (2, "b"), (2, "c")], startFromHead=True),
        ],
        # the same reading once more
        [page([(1, "a"), (2, "b"), (2, "c"), (3, "d")], startFromHead=True)] * 2,
        # a container's console has written its own time before each
        [page([(1, "a"), (2, "b"), (2, "05-04-2026 10:00:00 AM c"), (3, "d")], startFromHead=True)],
    ],
)  # fmt: skip
def test_readings_of_a_stream_are_put_together(pages: list[Call]) -> None:
    snapshot, heard = live().gathered(recording.load(SEEDS[0]), nothing)
    heard.calls = pages
    found = written(heard, snapshot, {}, "shop-1", "")["logs"]["/group"]["stream"]
    assert [text.strip() for _, text in found] == ["a", "b", "c", "d"]
    assert found[0][0] == "2025-10-09T08:53:20.001Z"


@pytest.mark.parametrize(
    "text", ["short", "x" * 700, f"password is {SECRET}, and {'y' * 600}", f"\x1b[31m{'z' * 700}\x1b[0m"]
)
def test_the_head_and_the_tail_of_a_long_log_meet_no_more_than_live(
    text: str, recorded: RECORD, tmp_path: Path
) -> None:
    def long(content: Content) -> None:
        environment(content).update(APP_VALUE=SECRET)
        texts = [f"{number} {text}" for number in range(30_000)]
        printing(lambda at: {container(1): lines(at + timedelta(minutes=1), texts)})(content)

    snapshot, content = record(recorded(NERAVA, long))
    (gap,) = (one for one in snapshot.missing if one.what == "the middle of a long log")
    replayed = again(content, tmp_path)
    assert gap in replayed.missing
    assert logs(replayed) == logs(snapshot)
    (stream,) = (streams for group, streams in content["logs"].items() if group.endswith("/application"))
    numbers = [int(number) for _, line in stream[container(1)] if (number := re.sub(r"\D*(\d+) .*", r"\1", line))]
    assert numbers == sorted(set(numbers))
    assert len(numbers) < 30_000


def test_a_very_long_line_is_cut_where_it_was_cut(recorded: RECORD, tmp_path: Path) -> None:
    texts = [f"{'a' * 9_000}", f"{'pass ' * 3_000}", "é" * 8_192]
    snapshot, content = record(
        recorded(STENO, printing(lambda at: {container(1): lines(at + timedelta(minutes=1), texts)}))
    )
    found = logs(again(content, tmp_path))
    assert [line.text[-40:] for line in found.failing] == [line.text[-40:] for line in logs(snapshot).failing]
    assert found == logs(snapshot)


def test_a_secret_over_two_lines_is_in_neither(recorded: RECORD, tmp_path: Path) -> None:
    half = len(SECRET) // 2

    def plant(content: Content) -> None:
        environment(content).update(APP_VALUE=SECRET)
        texts = [f"a line ends with {SECRET[:half]}", f"{SECRET[half:]} and goes on"]
        printing(lambda at: {container(1): lines(at + timedelta(minutes=1), texts)})(content)

    snapshot, content = record(recorded(NERAVA, plant))
    text = "\n".join(strings(content))
    assert SECRET[:half] not in text
    assert SECRET[half:] not in text
    assert "and goes on" in text
    assert logs(again(content, tmp_path)) == logs(snapshot)


def test_what_the_serving_version_printed_does_not_become_the_failing_one_s(recorded: RECORD, tmp_path: Path) -> None:
    """Only lines of the operation are read: that the container was there before, its empty first line says."""

    def streams(at: datetime) -> dict[str, list[list[str]]]:
        serves = lines(at - timedelta(days=3), ["hello"]) + lines(at + timedelta(minutes=1), ["still here"])
        return {container(1): serves, container(2): lines(at + timedelta(minutes=2), ["I fail"])}

    snapshot, content = record(recorded(STENO, printing(streams)))
    assert [line.text for line in logs(snapshot).serving] == ["still here"]
    found = logs(again(content, tmp_path))
    assert [line.text for line in found.serving] == ["still here"]
    assert [line.text for line in found.failing] == ["I fail"]


def test_containers_that_were_not_read_are_still_counted(recorded: RECORD, tmp_path: Path) -> None:
    def streams(at: datetime) -> dict[str, list[list[str]]]:
        first = at + timedelta(minutes=1)
        return {container(n): lines(first + timedelta(seconds=n), ["up", "down"]) for n in range(60)}

    snapshot, content = record(recorded(STENO, printing(streams)))
    assert any(one.what == "the logs of 54 more containers" for one in snapshot.missing)
    replayed = again(content, tmp_path)
    assert replayed.missing == snapshot.missing
    assert logs(replayed) == logs(snapshot)


def without_group(content: Content) -> None:
    content["logs"].pop(application_group(content), None)


def with_empty_group(content: Content) -> None:
    content["logs"][application_group(content)] = {}


@pytest.mark.parametrize(("change", "exists"), [(without_group, False), (with_empty_group, True)])
def test_whether_there_is_an_application_log_survives(
    change: Callable[[Content], None],
    exists: bool,  # noqa: FBT001  # a value of the table
    recorded: RECORD,
    tmp_path: Path,
) -> None:
    snapshot, content = record(recorded(STENO, change))
    assert any(group.endswith("/application") for group in content["logs"]) is exists
    assert logs(snapshot).group_exists is exists
    assert logs(again(content, tmp_path)).group_exists is exists


@pytest.mark.parametrize("call", ["logs:DescribeLogStreams", "logs:GetLogEvents"])
def test_a_denied_log_stays_denied(call: str, recorded: RECORD, tmp_path: Path) -> None:
    def denied(content: Content) -> None:
        content["aws"][call] = [{"error": {"Code": "AccessDeniedException", "Message": "no"}}]

    snapshot, content = record(recorded(STENO, denied))
    assert call in {one.allow for one in snapshot.missing}
    assert again(content, tmp_path).missing == snapshot.missing


@pytest.mark.parametrize("call", ["logs:DescribeLogStreams", "logs:GetLogEvents"])
def test_a_log_that_aws_did_not_give_in_time_does_not_become_an_absent_one(
    call: str, recorded: RECORD, tmp_path: Path
) -> None:
    played = recorded(STENO)
    snapshot, heard = live().gathered(played, nothing)
    for one in heard.calls:
        if one.name == call:
            one.answer = None
    replayed = again(written(heard, snapshot, played.event, "shop-1", ""), tmp_path)
    assert isinstance(replayed.parts.application_log, Missing)
    assert "NotRecorded" in replayed.parts.application_log.why


# --- images


CONFIG = "sha256:" + "c" * 64
DIGEST = "sha256:" + "d" * 64
OWN_SECRET = "Zk3.image-own-secret.9"
BLOB: Content = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-01-01T00:00:00Z",
    "author": "somebody",
    "config": {
        "Cmd": ["serve", "--token", OWN_SECRET, "--host=0.0.0.0"],
        "Entrypoint": ["/bin/tini", "--"],
        "Env": ["PATH=/usr/bin", f"GREETING={OWN_SECRET}", "PASSWORD=hunter22", "LONELY"],
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
        "User": "app",
        "WorkingDir": "/app",
        "Labels": {"maintainer": "label-text"},
        "Healthcheck": {"Test": ["CMD", "curl", "-f", "http://localhost/"]},
    },
    "history": [
        {"created": "2026-01-01T00:00:00.123456789Z", "created_by": "ADD file:1 in /", "comment": "somebody"},
        {"created_by": f"ENV GREETING={OWN_SECRET} NODE_VERSION=20", "empty_layer": True},
        {"created_by": f"RUN |1 TOKEN={OWN_SECRET} /bin/sh -c npm ci --password {SECRET} # buildkit"},
        {"created": "0001-01-01T00:00:00Z", "created_by": f"COPY {'x' * 400} /app"},
        "no step",
    ],
    "rootfs": {"diff_ids": ["sha256:0"]},
}  # fmt: skip


def with_image(blob: Content, **variables: str) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        environment(content).update(variables)
        service = content["aws"]["apprunner:DescribeService"][0]["response"]["Service"]
        tag = service["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"].rpartition(":")[2]
        made = [step for step in blob["history"] if isinstance(step, dict) and not step.get("empty_layer")]
        files = [{"digest": f"sha256:{number:064x}", "size": 1000 + number} for number in range(len(made))]
        manifest = {"config": {"digest": CONFIG}, "layers": files, "annotations": {"by": SECRET}}
        image_id = {"imageTag": tag, "imageDigest": DIGEST}
        images = [{"imageId": image_id, "imageManifest": json.dumps(manifest), "imageManifestMediaType": "x"}]
        content["aws"]["ecr:BatchGetImage"] = [{"response": {"images": images}}]
        content["blobs"] = {CONFIG: blob}

    return change


def config_of(snapshot: Snapshot) -> ImageConfig:
    assert snapshot.image
    assert snapshot.image.config
    return snapshot.image.config


def test_an_image_s_config_is_kept_as_far_as_it_is_looked_at(recorded: RECORD, tmp_path: Path) -> None:
    snapshot, content = record(recorded(NERAVA, with_image(BLOB, APP_VALUE=SECRET)))
    text = json.dumps(content)
    for hidden in (SECRET, OWN_SECRET, "hunter22", "label-text", "somebody", "downloadUrl", "recording:sha256"):
        assert hidden not in text
    config = config_of(snapshot)
    assert config_of(again(content, tmp_path)) == config
    assert config.healthcheck
    assert config.variable_names == ("PATH", "GREETING", "PASSWORD", "LONELY")
    assert "/bin/sh -c npm ci" in config.layers[2].created_by
    assert config.layers[3].size_bytes == 1002
    assert not isinstance(
        json.loads(content["aws"]["ecr:BatchGetImage"][0]["response"]["images"][0]["imageManifest"]), str
    )


def test_of_very_many_steps_the_last_ones_keep_their_files(recorded: RECORD, tmp_path: Path) -> None:
    steps = [{"created_by": f"RUN step {n}", "empty_layer": n % 3 == 0} for n in range(100)]
    blob = {**BLOB, "history": steps, "config": {"Healthcheck": {"Test": ["NONE"]}}}
    snapshot, content = record(recorded(NERAVA, with_image(blob)))
    assert len(config_of(snapshot).layers) == 60
    assert config_of(again(content, tmp_path)) == config_of(snapshot)
    assert not config_of(snapshot).healthcheck


def test_a_layer_s_denied_url_stays_denied(recorded: RECORD, tmp_path: Path) -> None:
    def denied(content: Content) -> None:
        with_image(BLOB)(content)
        content["aws"]["ecr:GetDownloadUrlForLayer"] = [{"error": {"Code": "AccessDeniedException", "Message": "no"}}]

    snapshot, content = record(recorded(NERAVA, denied))
    assert "ecr:GetDownloadUrlForLayer" in {one.allow for one in snapshot.missing}
    assert again(content, tmp_path).missing == snapshot.missing
    assert content["blobs"] == {}


@pytest.mark.parametrize("blob", [b"no JSON", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_blob_that_is_no_config_is_left_out(blob: bytes) -> None:
    snapshot, heard = live().gathered(recording.load(SEEDS[0]), nothing)
    url = "https://layers/?X-Amz-Signature=1"
    heard.calls.append(Call("ecr:GetDownloadUrlForLayer", {"layerDigest": CONFIG}, {"downloadUrl": url}))
    heard.blobs[url] = blob
    content = written(heard, snapshot, {}, "shop-1", "")
    assert content["blobs"] == {}
    assert "X-Amz" not in json.dumps(content)


# --- JSON


def test_everything_is_json(tmp_path: Path) -> None:
    """boto3 gives times and bytes; IAM's documents come decoded, and others as text."""
    snapshot, heard = live().gathered(recording.load(SEEDS[0]), nothing)
    policy = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::100%/*"}]}
    future = snapshot.taken_at + timedelta(days=400)
    odd = {"a": b"bytes", "b": ("1", 2), "c": {"3"}, "d": frozenset([4.5]), "e": None, "f": True}
    role = {"AssumeRolePolicyDocument": policy, "CreateDate": datetime(2025, 1, 2, 3, tzinfo=UTC)}
    answers: dict[str, Content] = {
        "iam:GetRole": {"Role": role},
        "iam:GetRolePolicy": {"PolicyDocument": policy},
        "secretsmanager:GetResourcePolicy": {"ResourcePolicy": json.dumps(policy)},
        "kms:GetKeyPolicy": {"Policy": "no JSON: password=hunter22"},
        "rds:DescribeDBInstances": {"CertificateDetails": {"ValidTill": future}},
        "ssm:DescribeParameters": odd,
    }
    asked = {"of": ("a", "tuple")}
    heard.calls = [Call(name, asked, {**answer, "ResponseMetadata": {}}) for name, answer in answers.items()]
    content = json.loads(json.dumps(written(heard, snapshot, {}, "shop-1", "")))
    found = {name: calls[0]["response"] for name, calls in content["aws"].items()}
    assert json.loads(found["iam:GetRole"]["Role"]["AssumeRolePolicyDocument"]) == policy
    assert found["iam:GetRole"]["Role"]["CreateDate"] == "2025-01-02T03:00:00.000Z"
    assert json.loads(found["iam:GetRolePolicy"]["PolicyDocument"]) == policy
    assert json.loads(found["secretsmanager:GetResourcePolicy"]["ResourcePolicy"]) == policy
    assert found["kms:GetKeyPolicy"] == {"Policy": "no JSON: password=***"}
    assert found["rds:DescribeDBInstances"]["CertificateDetails"]["ValidTill"] == content["recorded_at"]
    assert found["ssm:DescribeParameters"] == {"a": "***", "b": ["1", 2], "c": ["3"], "d": [4.5], "e": None, "f": True}
    assert content["aws"]["iam:GetRole"][0]["request"] == {"of": ["a", "tuple"]}


@pytest.mark.parametrize("file", SEEDS, ids=lambda file: file.stem)
def test_it_has_the_shared_format(file: Path) -> None:
    _, content = record(recording.load(file))
    recording._File.model_validate(json.loads(json.dumps(content)))  # noqa: SLF001  # the pinned inside, looked at on purpose
    now = datetime.fromisoformat(content["recorded_at"])
    times = [text for text in strings(content) if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)", text)]
    assert times
    assert [text for text in times if datetime.fromisoformat(text) > now] == []
    assert "ResponseMetadata" not in json.dumps(content)


# --- the command


ARN = "arn:aws:apprunner:us-east-1:971422717446:service/steno-prod-backend/a255d885f1b043759fcf3b98ffa38607"


@pytest.fixture
def show(recorded: RECORD, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Let the command line find this service; it writes into an empty folder."""
    monkeypatch.chdir(tmp_path)

    def show(change: Callable[[Content], None] | None = None) -> None:
        stage = Stage(recorded(STENO, change), "us-east-1")
        (tmp_path / f"{STENO}.json").unlink()
        monkeypatch.setattr(boto3, "Session", lambda **_: stage.session)
        monkeypatch.setattr(cli, "download_over_http", stage.download)

    return show


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["record", ARN, *arguments])


def test_the_command_writes_a_recording_and_says_where(show: Callable[..., None], tmp_path: Path) -> None:
    show()
    result = run()
    assert result.exit_code == 0, result.output
    (file,) = tmp_path.iterdir()
    assert re.fullmatch(r"steno-prod-backend-\d{8}-\d{6}\.json", file.name)
    assert result.stdout.startswith(f"{file.name}: steno-prod-backend: ")
    assert "gives the same answer" in result.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["id"] == file.stem
    assert content["title"].startswith("steno-prod-backend: ")
    assert diagnose(replay(recording.load(file))).causes[0].rule.code == "credentials-expected-in-env"


@pytest.mark.parametrize(
    ("given", "better"),
    [
        ("My Recording.json", "my-recording.json"),
        ("shop_1.json", "shop-1.json"),
        ("shop", "shop.json"),
        ("shop.txt", "shop-txt.json"),
        ("-shop-.JSON", "shop.json"),
        ("é.json", "recording.json"),
    ],
)
def test_a_name_that_would_be_no_id_is_refused_with_a_better_one(
    given: str, better: str, show: Callable[..., None], tmp_path: Path
) -> None:
    show()
    result = run(f"--output={given}")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"{given}: the name of a recording is in kebab-case, say {better}"]
    assert list(tmp_path.iterdir()) == []
    assert run("-o", better).exit_code == 0


def test_into_a_folder_it_goes_under_its_usual_name(show: Callable[..., None], tmp_path: Path) -> None:
    show()
    folder = tmp_path / "Some Folder"
    folder.mkdir()
    assert run("-o", str(folder)).exit_code == 0
    (file,) = folder.iterdir()
    assert file.name.startswith("steno-prod-backend-")


def test_a_file_that_is_there_is_left_alone(show: Callable[..., None], tmp_path: Path) -> None:
    show()
    file = tmp_path / "shop.json"
    file.write_text("mine", encoding="utf-8")
    result = run("-o", "shop.json")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["shop.json: is there already, and is not overwritten"]
    assert file.read_text(encoding="utf-8") == "mine"
    (tmp_path / "link.json").symlink_to("nowhere.json")
    assert run("-o", "link.json").exit_code == 2
    assert not (tmp_path / "nowhere.json").exists()


def test_a_folder_that_is_not_there_is_one_line(show: Callable[..., None]) -> None:
    show()
    result = run("-o", "nowhere/shop.json")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["nowhere: no such folder"]


def test_a_file_that_may_not_be_written_is_one_line(show: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    show()
    monkeypatch.setattr(Path, "touch", refuse)
    result = run("-o", "shop.json")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["shop.json: Permission denied"]


def test_a_service_that_cannot_be_read_is_one_line_and_no_file(show: Callable[..., None], tmp_path: Path) -> None:
    def gone(content: Content) -> None:
        error = {"Code": "ResourceNotFoundException", "Message": "Service does not exist."}
        content["aws"]["apprunner:ListOperations"] = [{"error": error}]

    show(gone)
    result = run("-o", "shop.json")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"{ARN}: ResourceNotFoundException: Service does not exist."]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_arn_of_a_service_is_one_line() -> None:
    result = CliRunner().invoke(cli.app, ["record", "arn:aws:s3:::bucket"])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["arn:aws:s3:::bucket: not the ARN of an App Runner service"]


def test_where_the_replay_differs_both_answers_are_told(
    show: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show()
    monkeypatch.setattr(cli, "replay", lambda _: replay(recording.load(SEEDS[-1])))
    result = run("-o", "shop.json")
    assert result.exit_code == 1
    assert (tmp_path / "shop.json").exists()
    first, live_answer, replayed = result.stderr.splitlines()
    assert "another answer" in first
    assert "credentials-expected-in-env" in live_answer
    assert "credentials-expected-in-env" not in replayed


def test_a_secret_that_was_left_in_is_never_written(
    show: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the redactor fail one day: the variable is named, and its value is not."""
    show(set_variables(APP_VALUE=SECRET))
    monkeypatch.setattr(cli, "recorded", lambda *_: {"note": quote(SECRET, safe="")})
    result = run("-o", "shop.json")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "the value of APP_VALUE would stand in it" in result.stderr
    assert SECRET not in result.output
    assert list(tmp_path.iterdir()) == []
