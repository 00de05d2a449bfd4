"""A quota of App Runner, or of Fargate, which its instances run on, is used up."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find AWS naming a quota or limit, when it refuses a call or in App Runner's own log."""
    if snapshot.is_call:
        return Finding(Confidence.CERTAIN, (Evidence.call(snapshot.call),)) if refused(snapshot, _REFUSED) else None
    said = matches.service("exceeded")
    return Finding(Confidence.CERTAIN, (Evidence.of(said[0].line),)) if said else None


_EXCEEDED = (
    r"(?i:service ?quota ?exceeded)|\bLimitExceeded(?:Exception)?\b|VcpuLimitExceeded"
    r"|(?i:reached (?:the|your) (?:maximum )?(?:limit|quota|number) (?:on|of|for)\b)"
    r"|(?i:\blimit reached\b|maximum number of [^\n]{0,60}\b(?:reached|exceeded))"
    r"|(?i:quota (?:of|for|on) [^\n]{0,80}(?:exceeded|reached))"
    r"|(?i:limit (?:of|for|on) [^\n]{0,40}\b(?:services|vCPUs?|connections|connectors|configurations|revisions)\b[^\n]{0,40}(?:exceeded|reached))"
    # the limits of an image's or a request's size are not quotas
    r"|(?i:exceed(?:s|ed)? (?:the|your) (?:(?:service|account|vCPU) (?:quota|limit)|quota)\b)"
)
_REFUSED = rf"^ServiceQuotaExceededException|^TooMany\w+Exception: (?!Rate)|{_EXCEEDED}"

RULE = Rule(
    id="quota-exceeded",
    code="quota-exceeded",
    title="A quota of the account is used up",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL, Occasion.DEPLOYMENT}),
    looks_at=frozenset({"service_log"}),
    why=(
        "App Runner limits services, connections, connectors and scaling configurations for each account and Region,"
        " services whose creation failed included; and its instances count towards Fargate's On-Demand vCPUs."
    ),
    fix=(
        Step("Delete what is no longer used: services that are CREATE_FAILED or PAUSED, old revisions, connectors."),
        Step(
            "Ask for a higher quota, for App Runner or for Fargate On-Demand vCPUs, as the message says.",
            "aws service-quotas list-service-quotas --service-code apprunner\n"
            "aws service-quotas list-service-quotas --service-code fargate",
        ),
    ),
    false_alarms="`Rate exceeded` is throttling: trying again a little later works.",
    docs="https://docs.aws.amazon.com/general/latest/gr/apprunner.html",
    rollback="does-not-help",
    check=check,
    service_patterns={"exceeded": (rf"^\[AppRunner\][^\n]{{0,300}}(?:{_EXCEEDED})|^(?:{_EXCEEDED})")},
)
