"""The certificate of a custom domain cannot be validated: its records do not show in DNS."""

from apprunner_watcher.event import CustomDomainEvent
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.service import CustomDomain
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find a domain that is not active, and the validation records that nobody can see."""
    for domain in sorted(snapshot.custom_domains, key=lambda one: not one.has_failed):
        unseen = [record for record in domain.records if record[2] in _UNSEEN]
        if domain.status in _NOT_VALIDATED and unseen:
            return _found(snapshot, domain, unseen)
    return None


_NOT_VALIDATED = {"PENDING_CERTIFICATE_DNS_VALIDATION", "CREATE_FAILED"}
_UNSEEN = {"PENDING_VALIDATION", "FAILED"}


def _found(snapshot: Snapshot, domain: CustomDomain, unseen: list[tuple[str, str, str]]) -> Finding:
    has_failed = domain.has_failed or any(status == "FAILED" for _, _, status in unseen)
    return Finding(
        Confidence.CERTAIN if has_failed else Confidence.LIKELY,
        (
            Evidence("custom domain", f"{domain.name}: {domain.status}"),
            *(Evidence("validation record", f"{kind} {name}: {status}") for name, kind, status in unseen[:2]),
        ),
        {
            "domain": domain.name,
            "record": unseen[0][0].rstrip("."),
            "service_arn": snapshot.event.service_arn if isinstance(snapshot.event, CustomDomainEvent) else "",
            "failed": "yes" if has_failed else "",
        },
    )


RULE = Rule(
    id="custom-domain-validation",
    code="custom-domain-validation",
    title="The validation records of {domain} do not show in DNS",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CUSTOM_DOMAIN}),
    looks_at=frozenset({"custom_domains"}),
    why=(
        "Amazon's certificate authority looks for the CNAME records that App Runner names. They are not in the domain's"
        " public DNS, stand under a doubled or wrong name, or something hides them: a CNAME on the domain itself or"
        " above a record hides what lies below it."
    ),
    fix=(
        Step(
            "Create each record exactly as App Runner names it. Many DNS providers append the domain by themselves:"
            " leave it out of the name then.",
            "aws apprunner describe-custom-domains --service-arn {service_arn}",
        ),
        Step("See what the world sees: it must be a name under acm-validations.aws.", "dig +short CNAME {record}"),
        Step(
            "Remove a CNAME that stands on the domain itself (use an ALIAS or ANAME record at its apex), and switch off"
            " a provider's proxy for the validation records.",
            "dig +short CNAME {domain}",
        ),
        Step(
            "Let the domain's CAA records, if it has any, name amazon.com or amazontrust.com.",
            "dig +short CAA {domain}",
        ),
        Step("Remove the domain from the service and add it again once the records are right.", when="failed"),
    ),
    false_alarms="Records that were created a moment ago take some minutes, at times hours, until they show.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-custom-domains.html",
    rollback="does-not-help",
    check=check,
)
