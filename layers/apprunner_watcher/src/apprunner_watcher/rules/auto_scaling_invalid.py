"""The auto scaling configuration that was asked for is out of range."""

from apprunner_watcher.api_call import Requested
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find the refusal, and what was asked for beyond the limits."""
    call = snapshot.call
    asked = _out_of_range(call.requested)
    if not call.action.startswith(("Create", "Update")):
        return None
    if not refused(snapshot, _NAMED) and not (asked and refused(snapshot, _INVALID)):
        return None
    return Finding(
        Confidence.CERTAIN if asked or refused(snapshot, _BOUNDS) else Confidence.LIKELY,
        (Evidence.call(call), *(Evidence("requested", one) for one in asked)),
    )


_LIMITS = {"MaxConcurrency": (1, 200), "MinSize": (1, 25), "MaxSize": (1, 25)}


def _out_of_range(requested: Requested) -> list[str]:
    """What was asked for and is not allowed."""
    values = {
        "MaxConcurrency": requested.max_concurrency,
        "MinSize": requested.min_size,
        "MaxSize": requested.max_size,
    }
    wrong = [
        f"{name}: {value} (allowed: {_LIMITS[name][0]} to {_LIMITS[name][1]})"
        for name, value in values.items()
        if value is not None and not _LIMITS[name][0] <= value <= _LIMITS[name][1]
    ]
    lowest, highest = requested.min_size, requested.max_size
    if lowest is not None and highest is not None and lowest > highest:
        wrong.append(f"MinSize: {lowest}, and MaxSize: {highest}")
    return wrong


_NAMED = (
    r"(?i)^(?:InvalidRequest|Validation|InvalidParameter)\w*: (?![^\n]{0,300}(?:\bquota|number of (?:active )?(?:revisions|auto ?scaling)))[^\n]{0,300}"
    r"\b(?:max ?concurrency|min ?size|max ?size|auto ?scaling ?configuration)\b"
)
_BOUNDS = r"(?i)less than|greater than|at least|at most|between|range|exceed|minimum|maximum|must be|larger"
_INVALID = r"^(?:InvalidRequest|Validation|InvalidParameter)\w*:"

RULE = Rule(
    id="auto-scaling-invalid",
    code="auto-scaling-invalid",
    title="The auto scaling configuration is out of range",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset(),
    why="App Runner takes a concurrency of 1 to 200 and 1 to 25 instances, and no minimum above the maximum.",
    fix=(
        Step("Ask for a MaxConcurrency of 1 to 200, and for a MinSize and MaxSize of 1 to 25, MinSize the smaller."),
        Step(
            "Look at the configurations that there are; a service may keep the default one.",
            "aws apprunner list-auto-scaling-configurations",
        ),
    ),
    false_alarms="Too many configurations, or revisions of one, are quota-exceeded.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-autoscaling.html",
    rollback="does-not-help",
    check=check,
)
