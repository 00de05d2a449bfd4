"""Logs are read page by page and no further than they may be; what is left out is said."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apprunner_watcher.aws.answers import operations as operations_of
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.deployment_logs import Logs, read_logs
from apprunner_watcher.aws.logs import LogGroup, Share, Stream, Streams
from apprunner_watcher.aws.read import Reads
from apprunner_watcher.aws.replay import Stage
from apprunner_watcher.event import OperationEvent, parse
from apprunner_watcher.log import ApplicationLog, ServiceLog
from apprunner_watcher.missing import Missing
from apprunner_watcher.recording import Recording
from apprunner_watcher.redaction import Redactor
from apprunner_watcher.snapshot import Operations
from tests.conftest import Change

Recorded = Callable[..., Recording]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MB = 1024 * 1024
GROUP = "/aws/apprunner/shop/1/application"
SERVICE = "/aws/apprunner/steno-prod-backend/a255d885f1b043759fcf3b98ffa38607"
MUCH = Share(10_000, 4 * MB)
ROW = tuple[float, str]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Asked(list[dict[str, Any]]):
    """The parameters of the calls that were made."""


def group_of(streams: dict[str, list[ROW]], asked: Asked | None = None) -> LogGroup:
    logs = {GROUP: {name: [(at(second), text) for second, text in rows] for name, rows in streams.items()}}
    session = Stage(Recording("r", "", NOON, {}, {}, logs), "us-east-1").session

    def note(params: dict[str, Any], **_: object) -> None:
        if asked is not None:
            asked.append(params)

    session.events.register_first("before-parameter-build.cloudwatch-logs", note)
    return LogGroup(Clients(session).logs, GROUP)


def both_ends(group: LogGroup, share: Share = MUCH, **others: Any) -> tuple[list[str], bool, int]:
    read = group.both_ends("a", share, at(-60), at(86_400), **others)
    return [line.text for line in read.lines], read.complete, read.head


def numbered(count: int, text: str = "{}") -> list[ROW]:
    return [(number / 1000, text.format(number)) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 5, 6, 9, 10])
def test_what_fits_is_read_whole(count: int) -> None:
    texts, is_complete, _ = both_ends(group_of({"a": numbered(count)}), Share(10, MB))
    assert texts == [str(number) for number in range(count)]
    assert is_complete


@pytest.mark.parametrize("count", [12, 25_000])
def test_head_and_tail_are_kept_by_lines(count: int) -> None:
    texts, is_complete, head = both_ends(group_of({"a": numbered(count)}), Share(10, MB))
    assert texts == [str(number) for number in (0, 1, 2, 3, 4, *range(count - 5, count))]
    assert (is_complete, head) == (False, 5)


def test_head_and_tail_are_kept_by_bytes_over_many_pages() -> None:
    asked = Asked()
    group = group_of({"a": numbered(9_000, "{:06} " + "é" * 500)}, asked)  # 9 MB in UTF-8
    texts, is_complete, head = both_ends(group)
    assert (texts[0][:6], texts[-1][:6], is_complete) == ("000000", "008999", False)
    assert 3.9 * MB < sum(len(text.encode()) for text in texts) <= 4 * MB
    assert len(texts) == 2 * head
    assert len(asked) == 6, "of both ends, 2 MB in pages of 1 MB, and their events' own 26 bytes"


def test_lines_of_the_same_millisecond_are_neither_lost_nor_doubled() -> None:
    rows = [(0.0, f"a{number}") for number in range(7)] + [(1.0, "b")]
    assert both_ends(group_of({"a": rows}), Share(10, MB)) == ([text for _, text in rows], True, 0)
    texts, is_complete, head = both_ends(
        group_of({"a": [*rows, *((2.0, f"c{number}") for number in range(7))]}), Share(10, MB)
    )
    assert texts == ["a0", "a1", "a2", "a3", "a4", "c2", "c3", "c4", "c5", "c6"]
    assert (is_complete, head) == (False, 5)
    same = [(0.0, str(number)) for number in range(30)]
    assert both_ends(group_of({"a": same}), Share(10, MB)) == ([str(number) for number in range(5)], False, 5)


def test_only_lines_of_the_time_are_read() -> None:
    group = group_of({"a": [(-61, "before"), (-60, "first"), (0, "in"), (60, "last"), (60.002, "after")]})
    read = group.both_ends("a", MUCH, at(-60), at(60))
    assert [line.text for line in read.lines] == ["first", "in", "last"]
    assert [line.text for line in group.last_lines("a", MUCH, at(-60), at(60)).lines] == ["first", "in", "last"]


def test_the_cut_goes_around_stack_traces() -> None:
    trace = ["Error: boom", "    at f (x.js:1:2)", "    at g (x.js:2:2)", "    at h (x.js:3:2)"]
    rows = [(float(number), text) for number, text in enumerate(["a", "b", *trace, "c", "d", "e", *trace, "f", "g"])]
    texts, _, head = both_ends(group_of({"a": rows}), Share(8, MB))
    assert (texts, head) == (["a", "b", "f", "g"], 2)
    frames = [(float(number), f"  row {number}") for number in range(40)]
    assert len(both_ends(group_of({"a": frames}), Share(8, MB))[0]) == 8, "no trace: everything begins with blanks"


def test_a_line_larger_than_the_share_is_read() -> None:
    texts, is_complete, _ = both_ends(
        group_of({"a": [(0, "x" * 1000), (1, "y" * 1000), (2, "z" * 1000)]}), Share(10, 100)
    )
    assert ([text[0] for text in texts], is_complete) == (["x", "z"], False)


def test_the_end_is_asked_for_only_where_it_is_not_known() -> None:
    for last_line_at, calls in ((None, 2), (at(0.002), 1), (at(0.001), 2)):
        asked = Asked()
        assert both_ends(group_of({"a": numbered(3)}, asked), last_line_at=last_line_at)[1]
        assert len(asked) == calls


def test_the_newest_lines() -> None:
    group = group_of({"a": numbered(30)})
    read = group.last_lines("a", Share(3, MB))
    assert ([line.text for line in read.lines], read.complete) == (["27", "28", "29"], False)
    assert group.last_lines("a", Share(30, MB)).complete
    assert len(group.last_lines("a", Share(30, 4)).lines) == 2


def test_a_stream_that_is_not_there() -> None:
    group = group_of({"a": numbered(3)})
    assert group.both_ends_if_there("b", MUCH, NOON, NOON) is None
    with pytest.raises(ClientError):
        group.both_ends("b", MUCH, NOON, NOON)


def test_a_console_s_prefix_is_taken_off_where_lines_enter() -> None:
    rows = [(0.0, "05-18-2025 06:34:36 PM [AppRunner] a"), (1.0, "2026-05-04T10:00:00.1234567Z stderr F b")]
    assert both_ends(group_of({"a": rows}))[0] == ["[AppRunner] a", "b"]


class Pages:
    """CloudWatch's answers to GetLogEvents, whatever is asked."""

    def __init__(self, answers: Iterator[dict[str, Any]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def group(self) -> LogGroup:
        session = Stage(Recording("r", "", NOON, {}, {}, {}), "us-east-1").session
        session.events.register_first("before-parameter-build.cloudwatch-logs", self._note)
        session.events.register_first("before-call.cloudwatch-logs", self._answer)  # type: ignore[arg-type]  # the stubs know no answers
        return LogGroup(Clients(session).logs, GROUP)

    def _note(self, params: dict[str, Any], **_: object) -> None:
        self.asked.append(params.get("nextToken", ""))

    def _answer(self, **_: object) -> tuple[object, dict[str, Any]]:
        return type("Http", (), {"status_code": 200, "headers": {}})(), next(self._answers)


def page(token: str, *rows: ROW) -> dict[str, Any]:
    events = [{"timestamp": round(at(second).timestamp() * 1000), "message": text} for second, text in rows]
    return {"events": events, "nextForwardToken": token, "nextBackwardToken": token}


def test_empty_and_half_full_pages_are_not_the_end() -> None:
    pages = Pages(iter([page("f/1"), page("f/2", (0, "a")), page("f/3"), page("f/4", (1, "b")), page("f/4")]))
    assert both_ends(pages.group()) == (["a", "b"], True, 0)
    assert pages.asked == ["", "f/1", "f/2", "f/3", "f/4"]
    pages = Pages(iter([page("b/1"), page("b/2", (0, "a"))]))
    assert [line.text for line in pages.group().last_lines("a", MUCH).lines] == ["a"]


def test_tokens_without_end_are_followed_for_a_while() -> None:
    pages = Pages(page(f"t/{number}") for number in itertools.count())
    assert both_ends(pages.group()) == ([], False, 0)
    assert len(pages.asked) == 24, "twelve pages from each end"
    pages = Pages(page(f"t/{number}", (number, str(number))) for number in itertools.count())
    texts, is_complete, _ = both_ends(pages.group())
    assert not is_complete
    assert texts[0] == "0"


def test_streams_are_listed_back_to_a_moment_within_bounds() -> None:
    asked = Asked()
    group = group_of({f"instance/{number:03}": [(-float(number), "x")] for number in range(170)}, asked)
    first = group.streams()
    assert isinstance(first, Streams)
    assert (len(first.listed), len(asked)) == (50, 1)
    assert first.reach_back_to(at(-10))
    assert group.more_streams(first, at(-10)) == first
    assert len(asked) == 1
    more = group.more_streams(first, at(-60))
    assert (len(more.listed), more.reach_back_to(at(-60)), len(asked)) == (100, True, 2)
    all_that_may_be = group.more_streams(first, at(-1000))
    assert (len(all_that_may_be.listed), all_that_may_be.reach_back_to(at(-1000)), len(asked)) == (150, False, 4)
    every = group_of({f"instance/{number}": [(0, "x")] for number in range(120)})
    known = every.streams()
    assert known
    assert every.more_streams(known, at(-1000)).reach_back_to(at(-1000)), "there are no others"


def test_streams_without_lines_are_none() -> None:
    assert group_of({"a": [], "b": [(0, "x"), (5, "y")]}).streams() == Streams((Stream("b", at(0), at(5)),), "")
    session = Stage(Recording("r", "", NOON, {}, {}, {}), "us-east-1").session
    assert LogGroup(Clients(session).logs, GROUP).streams() is None


def logs_of(
    recording: Recording, *, operations: Callable[[], Operations | Missing] | None = None, refuse: str = ""
) -> Logs:
    """The logs of a recording's operation."""
    event = parse(recording.event)
    assert isinstance(event, OperationEvent)
    clients = Clients(Stage(recording, "us-east-1").session)

    def refused(params: dict[str, Any], **_: object) -> None:
        if refuse and params.get("logStreamName", "").startswith(refuse):
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetLogEvents")

    clients.session.events.register_first("before-parameter-build.cloudwatch-logs", refused)

    def listed() -> Operations:
        return operations_of(clients.apprunner.list_operations(ServiceArn=event.service_arn, MaxResults=20))

    with Reads(timedelta(seconds=20)) as reads:
        return read_logs(reads, clients, event, recording.recorded_at, operations or listed, lambda: Redactor({}))


def containers(**streams: list[list[str]]) -> Change:
    def change(content: dict[str, Any]) -> None:
        content["logs"][f"{SERVICE}/application"] = {f"instance/{name}": rows for name, rows in streams.items()}

    return change


def application(logs: Logs) -> ApplicationLog:
    assert isinstance(logs.application, ApplicationLog)
    return logs.application


def test_the_logs_of_the_operation(recorded: Recorded) -> None:
    logs = logs_of(recorded())
    assert logs.span.operation
    assert isinstance(logs.service, ServiceLog)
    assert logs.service.events[0].text == "[AppRunner] Deployment started."
    assert logs.service.deployment
    assert len({line.stream for line in application(logs).failing}) == 3
    assert logs.gaps == ()


def test_failing_containers_share_what_may_be_read(recorded: Recorded) -> None:
    rows = [
        [f"2025-11-13T07:13:{number // 400:02}.{number % 400:03}Z", f"{number} " + "x" * 400] for number in range(9_000)
    ]
    old = [[f"2025-11-13T06:00:{number % 60:02}Z", "old"] for number in range(5)]
    logs = logs_of(recorded(change=containers(a=rows, b=rows, old=[*old, *rows])))
    failing = application(logs).failing
    lines = {name: [line for line in failing if line.stream == f"instance/{name}"] for name in "ab"}
    assert lines["a"]
    assert len(lines["a"]) == len(lines["b"])
    assert (lines["b"][0].text[:2], lines["b"][-1].text[:5]) == ("0 ", "8999 ")
    everything = (*failing, *application(logs).serving)
    assert len(everything) <= 10_000
    assert 3.5 * MB < sum(len(line.text) for line in everything) <= 4 * MB
    assert len(application(logs).serving) == 200
    assert [gap.what for gap in logs.gaps] == ["the middle of a long log"] * 2
    half, first = len(lines["a"]) // 2, failing[0].stream.removeprefix("instance/")
    assert logs.gaps[0].why.startswith(
        f"only the first {half} and the last {half} lines of instance/{first} were read, nothing between 07:13:"
    )


def test_many_short_lines_are_bounded_by_their_number(recorded: Recorded) -> None:
    rows = [[f"2025-11-13T07:13:{number // 1000:02}.{number % 1000:03}Z", str(number)] for number in range(30_000)]
    logs = logs_of(recorded(change=containers(a=rows)))
    assert len(application(logs).failing) == 10_000

    def build(content: dict[str, Any]) -> None:
        streams = content["logs"][f"{SERVICE}/service"]
        streams |= {name: rows for name in streams if name.startswith("deployment/")}

    service = logs_of(recorded(change=build)).service
    assert isinstance(service, ServiceLog)
    assert len(service.deployment) == 8_000, "the rest is for the events"
    assert service.deployment[-1].text == "29999"


def test_what_may_not_be_read_is_named(recorded: Recorded) -> None:
    old = [["2025-11-13T06:00:00Z", "old"], ["2025-11-13T07:13:00Z", "old"]]
    new = [["2025-11-13T07:13:00Z", "new"]]
    recording = recorded(change=containers(old=old, new=new))
    assert isinstance(logs_of(recording, refuse="events").service, Missing)
    assert logs_of(recording, refuse="deployment/").gaps[0].what == "deployment log"
    assert isinstance(logs_of(recording, refuse="instance/new").application, Missing)
    serving = logs_of(recording, refuse="instance/old")
    assert [line.text for line in application(serving).failing] == ["new"]
    assert [gap.what for gap in serving.gaps] == ["application log of the serving version"]


def test_containers_that_crash_again_and_again_are_all_listed(recorded: Recorded) -> None:
    def rows(second: int) -> list[list[str]]:
        return [[f"2025-11-13T07:{13 + second // 60}:{second % 60:02}Z", f"container {second}"]]

    logs = logs_of(recorded(change=containers(**{f"{second:03}": rows(second) for second in range(120)})))
    assert [line.text for line in application(logs).failing] == [f"container {second}" for second in range(6)]
    assert [gap.what for gap in logs.gaps] == ["the logs of 114 more containers"]
    logs = logs_of(recorded(change=containers(**{f"{second:03}": rows(second) for second in range(160)})))
    assert [gap.what for gap in logs.gaps] == ["the logs of 144 more containers", "the logs of the first containers"]


def test_a_service_log_that_does_not_reach_back_is_a_gap(recorded: Recorded) -> None:
    def change(content: dict[str, Any]) -> None:
        events = content["logs"][f"{SERVICE}/service"]["events"]
        events += [[events[-1][0], "[AppRunner] Service status is set to RUNNING."]] * 2_000

    (gap,) = logs_of(recorded(change=change)).gaps
    assert (gap.what, gap.why) == ("the beginning of the service log", "only its last 2000 lines were read")


def test_operations_are_waited_for_when_the_first_calls_are_back(recorded: Recorded) -> None:
    recording = recorded()
    calls: list[str] = []
    answer = Recording.answer

    def noted(self: Recording, service: str, operation: str, parameters: Any) -> Any:
        calls.append(parameters.get("logStreamName", operation))
        return answer(self, service, operation, parameters)

    before: list[str] = []

    def operations() -> Missing:
        before.extend(calls)
        return Missing("operations", "denied")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recording, "answer", noted)
        logs = logs_of(recording, operations=operations)
    assert sorted(before) == ["DescribeLogStreams", "events"]
    assert logs.span.operation is None
    assert logs.span.start.isoformat() == "2025-11-13T07:12:00+00:00", "where the log says that it started"
