"""Here you find the life of an event: gather, diagnose, decide, record, tell."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from apprunner_watcher.api_call import ApiCallEvent, Call
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.gather import Sight, gather, glance
from apprunner_watcher.aws.table import Incident, Quiet, Table, incident_key
from apprunner_watcher.aws.topic import Topic
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import Verdict, diagnose
from apprunner_watcher.event import CustomDomainEvent, Event, OperationEvent, SendTestEvent, Stage
from apprunner_watcher.missing import Missing
from apprunner_watcher.report import Report, report, report_of_test
from apprunner_watcher.snapshot import Attempt, Operations, Snapshot, begins_operation

# the message, the record and a slow start of either must find their time as well
_TIME_TO_TELL = timedelta(seconds=10)
_LEAST_SIGHT = timedelta(seconds=5)
_SECOND_LOOK_AFTER = timedelta(minutes=3)
_QUIET_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an event."""

    outcome: Literal["told", "already-told", "noted", "nothing-to-tell"]
    service: str = ""
    verdict: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Where things go: without a table nothing is remembered, without a topic the message is printed."""

    clients: Clients
    table: Table | None
    topic: Topic | None
    own_role_arn: str = ""  # its calls are no news
    sight: Sight = field(default_factory=Sight)

    def watch(self, event: Event, now: Callable[[], datetime], time_left: timedelta) -> Outcome:
        """See an event through. Raises what only a later attempt can cure: then Lambda comes again."""
        if isinstance(event, SendTestEvent):
            return self._tell(_test_incident(event), now, time_left)
        sight = replace(self.sight, time_left=max(_LEAST_SIGHT, min(self.sight.time_left, time_left - _TIME_TO_TELL)))
        if isinstance(event, ApiCallEvent):
            return self._hear(event, sight, now, time_left)
        if isinstance(event, CustomDomainEvent):
            return self._look_at_domains(event, sight, now, time_left)
        if event.stage is not Stage.FAILED:
            snapshot = glance(event, self.clients, now(), sight)
            verdict = diagnose(snapshot).verdict
            if event.stage is Stage.STARTED or verdict is Verdict.HEALTHY:
                return self._note(event, snapshot, verdict, now())
        snapshot = gather(event, self.clients, now(), self._recall(event.service_arn), sight)
        diagnosis = diagnose(snapshot)
        if diagnosis.verdict is Verdict.HEALTHY:
            return self._note(event, snapshot, diagnosis.verdict, now())
        said = report(snapshot, diagnosis, decide())
        return self._tell(_incident(event, snapshot, said), now, time_left)

    def _recall(self, service_arn: str) -> Callable[[], tuple[Attempt | Call, ...]]:
        table = self.table
        return (lambda: table.noted(service_arn)) if table else tuple

    def _hear(self, call: ApiCallEvent, sight: Sight, now: Callable[[], datetime], time_left: timedelta) -> Outcome:
        """Explain a call that was refused; note who began an operation."""
        if call.caller_role_arn and call.caller_role_arn == self.own_role_arn:
            return Outcome("nothing-to-tell", call.service_name)
        if call.error_code:
            snapshot = gather(call, self.clients, now(), tuple, sight)
            said = report(snapshot, diagnose(snapshot), decide())
            return self._tell(_incident_of_call(call, said), now, time_left)
        if not (self.table and call.service_arn and begins_operation(call)):
            return Outcome("nothing-to-tell", call.service_name)
        self.table.note_call(call.call, now())
        return Outcome("noted", call.service_name)

    def _look_at_domains(
        self, event: CustomDomainEvent, sight: Sight, now: Callable[[], datetime], time_left: timedelta
    ) -> Outcome:
        """Explain a custom domain whose validation has failed, or waits for records. One that is active is no news."""
        snapshot = gather(event, self.clients, now(), tuple, sight)
        diagnosis, domains = diagnose(snapshot), snapshot.parts.custom_domains
        has_failed = not isinstance(domains, Missing) and any(one.has_failed for one in domains)
        if not diagnosis.causes and not has_failed:
            return Outcome("nothing-to-tell", event.service_name, diagnosis.verdict.value)
        return self._tell(_incident(event, snapshot, report(snapshot, diagnosis, decide())), now, time_left)

    def _note(self, event: OperationEvent, snapshot: Snapshot, verdict: Verdict, now: datetime) -> Outcome:
        """Note what is attempted, as long as it shows. Nobody is told."""
        attempt = snapshot.attempt()
        if not attempt or not self.table:
            return Outcome("nothing-to-tell", event.service_name, verdict.value)
        self.table.note(event.service_arn, attempt, now)
        return Outcome("noted", event.service_name, verdict.value)

    def _tell(self, incident: Incident, now: Callable[[], datetime], time_left: timedelta) -> Outcome:
        """Record first, then tell: if this ends in between, the next attempt finds the record and tells."""
        moment = now()
        to_tell = self.table.record(incident, moment, moment + time_left) if self.table else incident
        if to_tell:
            if self.topic:
                self.topic.tell(to_tell)
            else:
                print(f"{to_tell.subject}\n\n{to_tell.text}")  # noqa: T201  # this is the message
            if self.table:
                self.table.told(to_tell, now())
        causes = incident.data.get("causes") or [{"code": "unknown"}]
        service, verdict = incident.data["service"]["name"], incident.data["verdict"]
        return Outcome("told" if to_tell else "already-told", service, verdict, causes[0]["code"])


def _incident(event: OperationEvent | CustomDomainEvent, snapshot: Snapshot, said: Report) -> Incident:
    operations = snapshot.parts.operations
    operation = operations.of(event) if isinstance(operations, Operations) else None
    key = incident_key(operation, event.time, event.id)
    again = snapshot.taken_at + _SECOND_LOOK_AFTER if snapshot.needs_second_look else None
    return Incident(event.service_arn, key, event.id, said.subject, said.text, said.data, again)


def _incident_of_call(call: ApiCallEvent, said: Report) -> Incident:
    """Tools try again what was refused: the same error of the same caller is told once in a while."""
    caller = call.caller_role_arn or call.caller
    same = "\n".join((caller, call.error_code, call.error_message.replace(call.caller, "")))
    return Incident(
        call.service_arn or f"{call.account}/{call.region}/{call.service_name or call.action}",
        incident_key(None, call.time, call.id),
        call.id,
        said.subject,
        said.text,
        said.data,
        quiet=Quiet(same, call.time, call.time + _QUIET_FOR),
    )


def _test_incident(event: SendTestEvent) -> Incident:
    said = report_of_test(event.requested_by)
    key = incident_key(None, event.time, event.id)
    return Incident("test", key, event.id, said.subject, said.text, said.data)
