"""Whatever AWS does to one read, gather comes back, names the gap, and finds the causes that need no such part.

Every read is tried with every fault, over a service that needs them all.
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

import pytest

from apprunner_watcher import recording
from apprunner_watcher.api_call import Call
from apprunner_watcher.aws.gather import READS, Sight, gather
from apprunner_watcher.aws.metrics import PATIENCE
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import OperationEvent, parse
from apprunner_watcher.missing import Missing
from apprunner_watcher.recording import Recording
from apprunner_watcher.report import Report, report
from apprunner_watcher.snapshot import Snapshot
from tests.aws.conftest import Fault, Faulty, answer, error, never
from tests.conftest import Change
from tests.everything import CAUSE, SECRETS, everything

See = Callable[..., Snapshot]
LATE = "AWS had not answered when the watcher had to go on"
# without these the cause cannot be known
TOLD_BY = {"logs:DescribeLogStreams", "logs:GetLogEvents"}
# Where metrics are denied to list, the usual dimensions are tried: only where those measure nothing, something is lost.
NOTHING_MEASURED: dict[str, Fault] = {"cloudwatch:GetMetricData": answer({"MetricDataResults": []})}


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recording]:
    """The recording of a service with everything, and changes of it."""

    def make(change: Change | None = None) -> Recording:
        content = everything()
        if change:
            change(content)
        file = tmp_path_factory.mktemp("everything") / "everything.json"
        file.write_text(json.dumps(content))
        return recording.load(file)

    return make


@pytest.fixture
def see(faulty: Faulty, whole: Callable[..., Recording]) -> See:
    """What gather sees of it, with faults."""

    def seen(
        faults: dict[str, Fault] | None = None,
        change: Change | None = None,
        seconds: float = 30,
        patience: timedelta = timedelta(seconds=30),  # a machine that runs tests may be busy
    ) -> Snapshot:
        recorded = whole(change)
        sight = Sight(time_left=timedelta(seconds=seconds), patience_for_metrics=patience)
        event = parse(recorded.event)
        assert isinstance(event, OperationEvent)
        faulty.show(recorded, faults)
        listed = recorded.aws["apprunner:ListOperations"][0].response or {}
        operation_id = listed["OperationSummaryList"][0]["Id"]
        began = Call(id="call", time=event.time, action="StartDeployment", caller="ada", operation_id=operation_id)
        return gather(event, faulty.clients, recorded.recorded_at, lambda: (began,), sight)

    return seen


def explained(snapshot: Snapshot) -> Report:
    return report(snapshot, diagnose(snapshot), decide())


def causes(snapshot: Snapshot) -> list[str]:
    return [cause["code"] for cause in explained(snapshot).data["causes"]]


def alone(action: str, fault: Fault) -> dict[str, Fault]:
    return {**(NOTHING_MEASURED if action == "cloudwatch:ListMetrics" else {}), action: fault}


def test_every_read_of_the_list_is_needed_and_nothing_is_missing(faulty: Faulty, see: See) -> None:
    snapshot = see()
    assert set(faulty.calls) == set(READS)
    assert snapshot.missing == ()
    assert causes(snapshot) == [CAUSE]
    said = explained(snapshot)
    assert {one["result"] for one in said.data["checks"]} == {"ok"}
    assert said.data["not_judged"] == []
    # its connection strings have passwords, so that it can be seen whether they get out
    assert [one["code"] for one in said.data["remarks"]] == ["secret-in-plain-text"]


def test_no_secret_of_it_reaches_anything(see: See) -> None:
    snapshot = see()
    told = f"{snapshot!r}{vars(snapshot.parts)!r}{explained(snapshot)!r}{snapshot.attempt()!r}"
    assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.parametrize("action", READS)
def test_a_denied_read_is_named_with_the_action_to_allow(action: str, see: See) -> None:
    snapshot = see(alone(action, error("AccessDeniedException", f"not authorized to perform: {action}")))
    assert {one.allow for one in snapshot.missing if one.allow} == {action}
    said = explained(snapshot)
    assert f"Allow {action} to the watcher's role." in said.text
    assert [one["allow"] for one in said.data["not_seen"] if one["allow"]] == [action] * len(
        {one["what"] for one in said.data["not_seen"] if one["allow"]}
    )
    assert causes(snapshot) == ([] if action in TOLD_BY else [CAUSE])


@pytest.mark.parametrize("code", ["AccessDenied", "UnauthorizedOperation", "AuthorizationError"])
def test_a_denial_has_many_names(code: str, see: See) -> None:
    snapshot = see({"ec2:DescribeRouteTables": error(code)})
    assert "ec2:DescribeRouteTables" in {one.allow for one in snapshot.missing}


@pytest.mark.parametrize("action", READS)
def test_a_throttled_read_is_named_and_no_permission_is_asked_for(action: str, see: See) -> None:
    snapshot = see(alone(action, error("ThrottlingException", "Rate exceeded")))
    assert f"AWS throttled {action}" in {one.why for one in snapshot.missing}
    assert not [one for one in snapshot.missing if one.allow]
    assert causes(snapshot) == ([] if action in TOLD_BY else [CAUSE])


@pytest.mark.parametrize("action", READS)
def test_a_slow_read_is_not_waited_for(action: str, see: See, released: threading.Event) -> None:
    see()  # how long it takes on this machine, right now
    began = time.monotonic()
    see()
    time_left = max(1, 8 * (time.monotonic() - began))
    began = time.monotonic()
    snapshot = see(alone(action, never(released)), seconds=time_left)
    assert time.monotonic() - began < time_left + 2
    assert LATE in {one.why for one in snapshot.missing}
    assert not [one for one in snapshot.missing if one.allow]
    assert causes(snapshot) == ([] if action in TOLD_BY else [CAUSE])


def emptied(response: dict[str, Any]) -> dict[str, Any]:
    """Lists without entries, structures without members."""
    return {key: type(value)() for key, value in response.items() if isinstance(value, list | dict)}


def hollow(response: dict[str, Any]) -> dict[str, Any]:
    """Entries without members, words without letters: what the model requires is not there."""
    shells: dict[type, Any] = {dict: {}, str: "", int: 0}
    return {
        key: [shells[type(one)] for one in value] if isinstance(value, list) else shells[type(value)]
        for key, value in response.items()
    }


def nothing(_: dict[str, Any]) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("odd", [nothing, emptied, hollow])
@pytest.mark.parametrize("action", READS)
def test_an_odd_answer_is_understood_or_named(
    action: str, odd: Callable[[dict[str, Any]], dict[str, Any]], see: See
) -> None:
    recorded = everything()["aws"].get(action, [{"response": {"events": [], "logStreams": [], "downloadUrl": ""}}])
    snapshot = see({action: answer(odd(recorded[0]["response"]))})
    said = explained(snapshot)
    assert said.data["verdict"] in {"failed", "rolled_back"}  # the event says that it failed
    assert not [one for one in snapshot.missing if one.allow]
    if action not in TOLD_BY:
        assert causes(snapshot) == [CAUSE]


def test_everything_denied_still_gives_an_answer(see: See) -> None:
    snapshot = see(dict.fromkeys(READS, error("AccessDeniedException")))
    diagnosis = diagnose(snapshot)
    assert diagnosis.verdict == "failed"  # that much the event says
    assert not diagnosis.causes
    first_round = {"apprunner:DescribeService", "apprunner:ListOperations", "logs:DescribeLogStreams"}
    assert first_round <= {missing.allow for missing in diagnosis.not_seen}
    assert explained(snapshot).text


def test_everything_slow_but_app_runner_and_logs_the_causes_are_found_in_time(
    faulty: Faulty, see: See, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"apprunner:DescribeService", "apprunner:ListOperations", "logs:DescribeLogStreams", "logs:GetLogEvents"}

    def others_go_first(action: str) -> None:
        if action == "logs:DescribeLogStreams":
            released.wait(0.7)  # meanwhile all calls that hang have begun

    monkeypatch.setattr(faulty, "hold_back", others_go_first)
    time_left = 2.5
    began = time.monotonic()
    snapshot = see({action: never(released) for action in READS if action not in quick}, seconds=time_left)
    assert time.monotonic() - began < time_left + 2
    assert causes(snapshot) == [CAUSE]
    assert isinstance(snapshot.parts.image, Missing)
    assert LATE in " ".join(explained(snapshot).text.split())


def test_nobody_waits_for_metrics(see: See, released: threading.Event) -> None:
    see()
    began = time.monotonic()
    unanswered = {action: never(released) for action in ("cloudwatch:ListMetrics", "cloudwatch:GetMetricData")}
    snapshot = see(unanswered, patience=PATIENCE)
    assert time.monotonic() - began < 5  # of 30 seconds
    assert snapshot.parts.metrics == Missing("metrics", LATE)
    assert causes(snapshot) == [CAUSE]


class Rounds:
    """Holds calls back until no more of them come without an answer, then lets all go: that is a round."""

    def __init__(self) -> None:
        """No call has come."""
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._is_over = False
        self.listed: list[list[str]] = []

    def hold_back(self, action: str) -> None:
        with self._changed:
            round_of_mine = len(self.listed)
            self._waiting.append(action)
            self._changed.notify_all()
            self._changed.wait_for(lambda: len(self.listed) > round_of_mine, 20)

    def lead(self) -> None:
        """Run beside the calls."""
        with self._changed:
            while not self._is_over:
                more_came = self._changed.wait(0.3)
                if self._waiting and not more_came:
                    self.listed.append(self._waiting)
                    self._waiting = []
                    self._changed.notify_all()

    def __enter__(self) -> Self:
        self._leader = threading.Thread(target=self.lead)
        self._leader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._leader.join()


def test_no_call_waits_for_another_without_need(
    faulty: Faulty, recorded: Callable[..., Recording], see: See, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service with a VPC connector, a database and a cache: few calls, and few that wait for each other."""
    see()  # clients are built
    of_steno = recorded()
    event = parse(of_steno.event)
    assert isinstance(event, OperationEvent)
    faulty.show(of_steno)
    with Rounds() as rounds:
        monkeypatch.setattr(faulty, "hold_back", rounds.hold_back)
        gather(event, faulty.clients, of_steno.recorded_at)
    assert len(faulty.calls) <= 45
    assert len(rounds.listed) <= 4, rounds.listed


# ---------------------------------------------------------------- what users have


def told(content: dict[str, Any], action: str) -> dict[str, Any]:
    """A recorded answer, to be changed."""
    response: dict[str, Any] = content["aws"][action][0]["response"]
    return response


def variables(content: dict[str, Any]) -> dict[str, str]:
    source = told(content, "apprunner:DescribeService")["Service"]["SourceConfiguration"]
    found: dict[str, str] = source["ImageRepository"]["ImageConfiguration"]["RuntimeEnvironmentVariables"]
    return found


def checked(snapshot: Snapshot, what: str) -> tuple[str, str]:
    """The result of a check, and why."""
    found = [one for one in snapshot.checks if what in one.what]
    assert found, [one.what for one in snapshot.checks]
    return found[0].result, found[0].because


def test_a_connector_that_no_longer_exists(see: See) -> None:
    snapshot = see({"apprunner:DescribeVpcConnector": error("ResourceNotFoundException", "no such connector")})
    result, because = checked(snapshot, "reaches database shop-db")
    assert result == "unknown"
    assert "knows none of the ARN" in because
    assert CAUSE in causes(snapshot)


def test_a_subnet_of_another_account(see: See) -> None:
    def change(content: dict[str, Any]) -> None:
        told(content, "ec2:DescribeSubnets")["Subnets"] = []

    snapshot = see(change=change)
    assert checked(snapshot, "reaches database shop-db") == (
        "unknown",
        "subnet-0a1 could not be read: EC2 does not show it in this account",
    )
    assert causes(snapshot) == [CAUSE]


@pytest.mark.parametrize(
    ("peering", "expected"),
    [
        ({"Status": {"Code": "pending-acceptance"}}, ("blocked", "peering pcx-0a is pending-acceptance")),
        (None, ("unknown", "pcx-0a could not be read: EC2 does not show it in this account")),
        ({}, ("ok", "")),
    ],
)
def test_peering(peering: dict[str, Any] | None, expected: tuple[str, str], see: See) -> None:
    def change(content: dict[str, Any]) -> None:
        found = told(content, "ec2:DescribeVpcPeeringConnections")["VpcPeeringConnections"]
        found[:] = [] if peering is None else [found[0] | peering]

    result, because = checked(see(change=change), "reaches database shop-aurora")
    assert (result, because if result != "ok" else "") == expected


ANY_PORT = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}


@pytest.mark.parametrize(
    ("rule", "result", "because"),
    [
        ({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, "blocked", "does not admit"),
        ({"Ipv6Ranges": [{"CidrIpv6": "no cidr"}]}, "unknown", ""),
        ({"PrefixListIds": [{"PrefixListId": "pl-0a"}]}, "blocked", "does not admit"),
        ({"PrefixListIds": [{"PrefixListId": "pl-0gone"}]}, "unknown", "pl-0gone"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-0gone"}]}, "blocked", "does not admit"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-0own"}]}, "ok", ""),
    ],
)
def test_rules_of_security_groups(rule: dict[str, Any], result: str, because: str, see: See) -> None:
    def change(content: dict[str, Any]) -> None:
        told(content, "ec2:DescribeSecurityGroups")["SecurityGroups"][1]["IpPermissions"] = [{**ANY_PORT, **rule}]

    snapshot = see(change=change)
    assert CAUSE in causes(snapshot)
    found, why = checked(snapshot, "reaches database shop-db")
    assert found == result
    assert because in why


def test_a_database_behind_a_name_of_ones_own(see: See) -> None:
    def change(content: dict[str, Any]) -> None:
        variables(content)["DATABASE_URL"] = "postgresql://shop@db.shop.internal:5432/shop"

    snapshot = see(change=change)
    assert checked(snapshot, "reaches db.shop.internal") == (
        "unknown",
        "db.shop.internal is a private name: what it resolves to is not known",
    )
    assert causes(snapshot) == [CAUSE]


@pytest.mark.parametrize(
    "environment",
    [
        {f"VARIABLE_{number}": f"value-{number}-of-many" for number in range(500)},
        {
            f"DATABASE_{number}_URL": f"postgresql://db{number}.{'x' * 12}.us-east-1.rds.amazonaws.com/a"
            for number in range(100)
        },
        {"LARGE": "all work and no play " * 5_000},
        {"DATABASE_URL": "postgresql://shop:p@ss:w/rd@[::1:5432:x/%%?=&#"},
        {"DATABASE_URL": "postgresql://[", "REDIS_URL": "rediss://@:0", "QUEUE_HOST": "…", "EMPTY": ""},
    ],
    ids=["500 variables", "100 databases", "100 KB", "no URL", "less of a URL"],
)
def test_environments_of_all_kinds(environment: dict[str, str], see: See) -> None:
    snapshot = see(change=lambda content: variables(content).update(environment))
    assert {one.name for one in snapshot.configuration.variables} >= set(environment)
    assert causes(snapshot) == [CAUSE]
    assert len(explained(snapshot).text) < 50_000
