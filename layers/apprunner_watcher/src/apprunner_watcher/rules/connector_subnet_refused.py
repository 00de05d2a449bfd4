"""A VPC connector was refused because of a subnet that it names."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find the words about a subnet's zone, addresses or existence."""
    call = snapshot.call
    is_known = refused(snapshot, _UNUSABLE)
    if not is_known and not (call.action == "CreateVpcConnector" and refused(snapshot, _ABOUT_SUBNETS)):
        return None
    asked = (
        [Evidence("requested", f"subnets: {', '.join(call.requested.subnet_ids)}")] if call.requested.subnet_ids else []
    )
    return Finding(Confidence.CERTAIN if is_known else Confidence.LIKELY, (Evidence.call(call), *asked))


_UNUSABLE = (
    r"(?i)subnets?\b[^\n]{0,200}(?:availability zone|\bAZ|[a-z]{3,4}\d-az\d)[^\n]{0,120}(?:support|allowed|available)"
    r"|(?:unsupported|not supported|doesn't support|does not support)[^\n]{0,80}(?:availability zones?|\bAZs?\b)"
    r"|subnets?\b[^\n]{0,120}(?:same (?:IP address type|VPC)|dual-?stack|IPv6|free (?:IP )?addresses|insufficient|enough (?:free |available )?(?:IP )?addresses)"
    r"|InvalidSubnet(?:ID)?\.?NotFound|subnet (?:ID )?'subnet-[0-9a-f]+' does not exist"
)
_ABOUT_SUBNETS = r"(?i)^(?:InvalidRequest|Validation|InvalidParameter)\w*: [^\n]{0,300}\bsubnets?\b"

RULE = Rule(
    id="connector-subnet-refused",
    code="connector-subnet-unusable",
    title="App Runner cannot use a subnet of the VPC connector",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset(),
    why=(
        "A connector's subnets must lie in zones that App Runner supports, in one VPC, have the same IP address type"
        " and free addresses. Some Regions have zones without App Runner, and zone names differ from account to account."
    ),
    fix=(
        Step(
            "Leave out the subnets that the message names; compare zones by their ids (use1-az3), not by their names.",
            "aws ec2 describe-subnets --query 'Subnets[].[SubnetId,AvailabilityZoneId,AvailableIpAddressCount]'",
        ),
        Step("Take subnets of one VPC that are all IPv4, or all dual-stack."),
    ),
    false_alarms="A security group that is refused, or one connector too many, is something else.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
)
