"""The managed runtime is past its end of support."""

from datetime import UTC, datetime

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

# https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html
_DECEMBER_1, _DECEMBER_31 = datetime(2025, 12, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC)
_ENDS = {
    "PYTHON_3": _DECEMBER_1,
    "NODEJS_12": _DECEMBER_1,
    "NODEJS_14": _DECEMBER_1,
    "NODEJS_16": _DECEMBER_1,
    "NODEJS_18": _DECEMBER_1,
    "DOTNET_6": _DECEMBER_1,
    "RUBY_31": _DECEMBER_1,
    "GO_1": _DECEMBER_1,
    "PHP_81": _DECEMBER_31,
}


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Compare the end of the runtime's support with the time at which the service was looked at."""
    runtime = snapshot.configuration.runtime
    end = _ENDS.get(runtime)
    if not end or snapshot.taken_at <= end:
        return None
    return Finding(
        Confidence.CERTAIN,
        (Evidence.setting("Runtime", runtime),),
        {"runtime": runtime, "end": end.date().isoformat()},
    )


RULE = Rule(
    id="runtime-end-of-support",
    code="runtime-end-of-support",
    title="The managed runtime {runtime} has been out of support since {end}",
    phase=Phase.BUILD,
    looks_at=frozenset({"configuration"}),
    why="It gets no security updates any more, and no new service can be made with it: if this one is lost, so is its runtime.",
    fix=(
        Step(
            "Move to a runtime that App Runner supports, or build a container image, which holds the version you choose."
        ),
    ),
    false_alarms="A service that exists goes on running, and can still be updated.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
