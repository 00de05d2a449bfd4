"""A call was refused because it names a managed runtime that is not offered (any more)."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find App Runner refusing the runtime."""
    return Finding(Confidence.CERTAIN, (Evidence.call(snapshot.call),)) if refused(snapshot, _RUNTIME) else None


_RUNTIME = (
    r"(?i)\bruntime(?: version)?\b[^\n]{0,80}(?:not supported|n't supported|unsupported|no longer (?:supported|available)|deprecated|end of support)"
    r"|(?:unsupported|invalid|unknown) runtime\b|at '[\w.]*\bruntime' failed to satisfy (?:constraint|enum)"
)

RULE = Rule(
    id="runtime-refused",
    code="runtime-version-unsupported",
    title="App Runner does not offer the runtime that the call names",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset(),
    why="The runtime of the code configuration is not one that App Runner offers to new services.",
    fix=(
        Step("Name a runtime that the release information of the managed runtimes lists, exactly as it is written."),
        Step("Or build a container image, which may hold any version."),
    ),
    false_alarms="A version that the application's own package manager refuses is runtime-version-mismatch.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html",
    rollback="does-not-help",
    check=check,
)
