"""Automatic deployment is asked of a public repository or one of another account, which cannot tell of a push."""

from apprunner_watcher.image import Identifier
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner refusing it, in its answer to a call or in its log."""
    return _of_call(snapshot) if snapshot.is_call else _of_deployment(snapshot, matches)


def _of_call(snapshot: Snapshot) -> Finding | None:
    call = snapshot.call
    if not refused(snapshot, _NAMED):
        return None
    is_foreign = _is_foreign(call.requested.image, call.account)
    is_said = bool(refused(snapshot, _UNSUPPORTED))
    if not is_said and not is_foreign:
        return None
    return Finding(
        Confidence.CERTAIN,
        (Evidence.call(call), *([Evidence("requested", f"image: {call.requested.image}")] if is_foreign else [])),
        {"service_arn": call.service_arn} if call.service_arn else {},
    )


def _of_deployment(snapshot: Snapshot, matches: Matches) -> Finding | None:
    if said := matches.service("unsupported"):
        return Finding(Confidence.CERTAIN, (Evidence.of(said[0].line),), {"service_arn": snapshot.service.arn})
    if not (failed := matches.service("no pipeline")):
        return None
    configuration, arn = snapshot.configuration, snapshot.service.arn
    if _is_foreign(configuration.image, arn.split(":")[4]):
        setting = Evidence.setting("ImageIdentifier", configuration.image)
        return Finding(Confidence.LIKELY, (Evidence.of(failed[0].line), setting), {"service_arn": arn})
    return None


def _is_foreign(image: str, account: str) -> bool:
    """Whether it lies in ECR Public, or in a private repository of another account."""
    identifier = Identifier.parse(image)
    return image.startswith("public.ecr.aws/") or bool(identifier.account and identifier.account != account)


_NAMED = r"(?i)auto(?:matic|mated)?[ -]?deploy"
_UNSUPPORTED = (
    r"(?i)auto(?:matic|mated)?[ -]?deploy[^\n]{0,120}(?:not supported|n't supported|unsupported|not available|n't available|only (?:supported|available)|must be (?:false|disabled|turned off)|can't be|cannot be|not allowed)"
    r"|(?:not supported?|doesn't support|does not support|can't use|cannot use|can't enable|cannot enable)[^\n]{0,60}auto(?:matic|mated)?[ -]?deploy"
)

RULE = Rule(
    id="auto-deployment-unsupported",
    code="auto-deployment-unsupported",
    title="This repository cannot deploy automatically",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL, Occasion.DEPLOYMENT}),
    looks_at=frozenset({"configuration", "service", "service_log"}),
    why=(
        "App Runner hears of a push only from a private repository of its own account and Region. ECR Public and the"
        " repository of another account cannot begin a deployment."
    ),
    fix=(
        Step("Set AutoDeploymentsEnabled to false."),
        Step(
            "Start a deployment from the pipeline after each push.",
            "aws apprunner start-deployment --service-arn {service_arn}",
        ),
        Step("Or let the pipeline copy the image into a private repository of this account, and deploy from there."),
    ),
    false_alarms="A push of another tag than the service's does not deploy either: App Runner follows one tag.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-deploy.html",
    rollback="does-not-help",
    check=check,
    service_patterns={
        "unsupported": _UNSUPPORTED,
        "no pipeline": r"Failed to create pipeline for automatic deployments",
    },
)
