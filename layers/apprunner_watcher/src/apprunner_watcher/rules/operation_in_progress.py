"""The call came while App Runner was still working on another operation of the service."""

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
from apprunner_watcher.service import Configuration, ServiceStatus
from apprunner_watcher.snapshot import Operation, Operations, Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find App Runner naming the state, or an operation that it was working on when it refused another state."""
    call, listed = snapshot.call, snapshot.parts.operations
    other = listed.at(call.time) if isinstance(listed, Operations) else None
    if refused(snapshot, _IN_PROGRESS):
        confidence = Confidence.CERTAIN
    elif not refused(snapshot, _WRONG_STATE):
        return None
    elif other:
        confidence = Confidence.CERTAIN
    elif snapshot.service.status == ServiceStatus.OPERATION_IN_PROGRESS:
        confidence = Confidence.LIKELY  # App Runner's own maintenance is in no list
    else:
        return None
    configuration = snapshot.parts.configuration
    is_automatic = isinstance(configuration, Configuration) and configuration.auto_deployments_enabled
    return Finding(
        confidence,
        (
            Evidence.call(call),
            *([_evidence(other)] if other else []),
            *([Evidence.setting("AutoDeploymentsEnabled", "true")] if is_automatic else []),
        ),
        {
            "operation": f"{other.type} still ran" if other else "another operation still ran",
            "automatic": "yes" if is_automatic else "",
            **({"service_arn": call.service_arn} if call.service_arn else {}),
        },
    )


def _evidence(operation: Operation) -> Evidence:
    end = operation.ended_at.isoformat(timespec="seconds") if operation.ended_at else "not yet"
    return Evidence("operations", f"{operation.type}, ended: {end}", operation.started_at)


# ConflictException is what other APIs of AWS, and tools that wrap App Runner's, call the same
_IN_PROGRESS = (
    r"OPERATION_IN_PROGRESS|(?i:\boperation (?:is |that is )?(?:already |currently |still )?(?:in progress|running|ongoing))"
    r"|(?i:another (?:operation|update|deployment)\b[^\n]{0,60}(?:in progress|running|ongoing|pending))|^ConflictException"
)
_WRONG_STATE = (
    r"^InvalidStateException(?![^\n]{0,200}(?:CREATE_FAILED|PAUSED|DELETED|DELETE_FAILED|: RUNNING))"
    r"|(?:isn't|is not|not) in (?:a |the )?RUNNING state|status must be RUNNING"
)

RULE = Rule(
    id="operation-in-progress",
    code="operation-in-progress",
    title="Two operations collide: {operation}",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset({"service"}),
    why=(
        "App Runner works on one operation of a service at a time and refuses every other call until it has ended. An"
        " automatic deployment, another run of the pipeline, or App Runner's own maintenance may be what runs."
    ),
    fix=(
        Step(
            "Wait until the operation has ended, then call again.",
            "aws apprunner list-operations --service-arn {service_arn} --max-results 5",
        ),
        Step(
            "Turn automatic deployments off if a pipeline or Terraform deploys this service too: each push of the image"
            " begins a deployment of its own.",
            CHANGE_SOURCE_CONFIGURATION,
            when="automatic",
        ),
        Step("Let one tool deploy the service, one run at a time, and let it wait for the end of the last operation."),
    ),
    false_alarms="A service that is CREATE_FAILED or PAUSED refuses calls too: that is service-in-failed-state.",
    docs="https://docs.aws.amazon.com/apprunner/latest/api/API_UpdateService.html",
    rollback="does-not-help",
    check=check,
)
