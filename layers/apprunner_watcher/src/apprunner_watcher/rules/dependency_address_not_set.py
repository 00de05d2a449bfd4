"""A client is refused and does not say by whom, and the environment gives it no address but localhost."""

from apprunner_watcher.knowledge.fallback import fallback
from apprunner_watcher.knowledge.outbound import FAILED, failures
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a refused connection without a name, in a service whose variables name no other host for it."""
    confidence = weight(snapshot)
    found = fallback(snapshot, failures(matches.application("failed"))) if confidence else None
    if not found or not confidence:
        return None
    is_sure = snapshot.configuration.standing == "attempted" or not found.setting
    setting = (Evidence.setting("RuntimeEnvironmentVariables", found.setting),) if found.setting else ()
    return Finding(
        at_most(Confidence.LIKELY if is_sure else Confidence.POSSIBLE, confidence),
        (Evidence.of(found.failure.match.line), *setting),
        {"dependency": found.what or "dependency"},
    )


RULE = Rule(
    id="dependency-address-not-set",
    code="dependency-on-localhost",
    title="No variable gives the address of the application's {dependency}, and the connection is refused",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "service_log"}),
    why=(
        "A client that is told no host, or localhost, looks inside of the container, where nothing of that kind runs and"
        " the connection is refused at once. A server that is far away rather does not answer."
    ),
    fix=(
        Step("Find the name of the variable that the application reads for its {dependency} address, and set it."),
        Step(
            "If the address is part of the image (`.env`, `application.yml`, `appsettings.json`): look whether that file is"
            " there, and is read in this environment."
        ),
    ),
    false_alarms="An address that is fixed in the image may be refused as well: then the server does not listen there.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={"failed": FAILED},
)
