"""The service is CREATE_FAILED, PAUSED or deleted, so that the call cannot work."""

from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    refused,
)
from apprunner_watcher.service import ServiceStatus
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find App Runner naming such a state, or the service in it when another state was asked for."""
    call = snapshot.call
    if found := refused(snapshot, _FAILED_STATE):
        status, evidence = found["state"] or found["other"], [Evidence.call(call)]
    elif refused(snapshot, _WRONG_STATE):
        status = snapshot.service.status
        if status not in _FAILED or snapshot.operations.at(call.time):
            return None
        evidence = [Evidence.call(call), Evidence("service", f"Status: {status}")]
    else:
        return None
    return Finding(
        Confidence.CERTAIN,
        tuple(evidence),
        {
            "action": call.action,
            "status": status,
            **({"service_arn": call.service_arn} if call.service_arn else {}),
            "failed": "yes" if status == ServiceStatus.CREATE_FAILED else "",
            "paused": "yes" if status == ServiceStatus.PAUSED else "",
        },
    )


_FAILED = frozenset(
    {ServiceStatus.CREATE_FAILED, ServiceStatus.PAUSED, ServiceStatus.DELETED, ServiceStatus.DELETE_FAILED}
)
_FAILED_STATE = (
    r"\b(?:state|status)(?: is)?[: ]{1,3}['\"`]?(?P<state>CREATE_FAILED|PAUSED|DELETED|DELETE_FAILED)\b"
    r"|(?<!n't )(?<!not )\bin (?:a |the )?(?P<other>CREATE_FAILED|PAUSED|DELETED|DELETE_FAILED) (?:state|status)\b"
)
_WRONG_STATE = (
    r"^InvalidStateException(?![^\n]{0,200}OPERATION_IN_PROGRESS)"
    r"|(?:isn't|is not|not) in (?:a |the )?RUNNING state|status must be RUNNING"
)

RULE = Rule(
    id="service-in-failed-state",
    code="service-in-failed-state",
    title="{action} does not work on a service that is {status}",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset({"operations", "service"}),
    why=(
        "A deployment can be started on a running service only. One whose creation failed has nothing to deploy over,"
        " and one that is paused must be resumed first."
    ),
    fix=(
        Step(
            "Rebuild the service with an update that mends what made its creation fail; the last lines of its log say"
            " what that was.",
            CHANGE_SOURCE_CONFIGURATION,
            when="failed",
        ),
        Step(
            "Or delete it and create it anew; its name is free again once it is deleted.",
            "aws apprunner delete-service --service-arn {service_arn}",
            when="failed",
        ),
        Step(
            "Resume the service, wait until it is RUNNING, then call again.",
            "aws apprunner resume-service --service-arn {service_arn}",
            when="paused",
        ),
        Step(
            "Let the pipeline look at the service's status before it calls.",
            "aws apprunner describe-service --service-arn {service_arn} --query Service.Status",
        ),
    ),
    false_alarms="`isn't in RUNNING state` is also said while another operation runs: that is operation-in-progress.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-rebuild.html",
    rollback="does-not-help",
    check=check,
)
