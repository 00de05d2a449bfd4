"""Egress goes through a VPC that leads to no endpoint of an AWS service's API, nor to the internet."""

from apprunner_watcher.knowledge.obstacle import outside, reaches_api
from apprunner_watcher.knowledge.outbound import FAILED, Failure, failures
from apprunner_watcher.rule import (
    NETWORK,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    at_most,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_AGAIN = 2
_BLOCKERS = frozenset({"endpoint", "route", "gateway"})


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an AWS API to which no connection comes about, from a VPC that has no way there."""
    confidence = weight(snapshot)
    if snapshot.configuration.egress_type != "VPC" or not confidence:
        return None
    failed = [one for one in failures(matches.application("failed")) if not one.is_refused]
    failed = [one for one in failed if not (snapshot.is_live and one.match.line.is_passing)]
    by_api: dict[str, Failure] = {}
    for one in failed:
        by_api.setdefault(one.api, one)
    others = by_api.pop("", None)
    api, failure = next(iter(by_api.items()), ("", None))
    if not failure:
        return None
    found = reaches_api(snapshot, api)
    is_blocked = bool(found and found.blocked_by and found.blocked_by.kind in _BLOCKERS)
    if found and not is_blocked and found.result != "unknown":
        return None  # it is reached, or a security group is in the way
    if snapshot.is_live and not is_blocked and len(failed) < _AGAIN:
        return None  # one odd line is no cause
    if not is_blocked or failure.is_vague:
        limit = Confidence.POSSIBLE if snapshot.is_live and not is_blocked else Confidence.LIKELY
        confidence = at_most(limit, confidence)
    if len(by_api) > 1 or (others and outside(failed)):
        confidence = Confidence.POSSIBLE  # then what is missing is the way to the internet
    network = (Evidence(NETWORK, found.because),) if found and is_blocked else ()
    values = {"api": api}
    if found and found.blocked_by and found.blocked_by.vpc_id:
        values["vpc_id"] = found.blocked_by.vpc_id
    egress = Evidence.setting("EgressType", snapshot.configuration.egress_type)
    return Finding(confidence, (Evidence.of(failure.match.line), *network, egress), values)


RULE = Rule(
    id="vpc-endpoint-missing",
    code="vpc-endpoint-missing",
    title="From its VPC the service cannot reach the AWS API {api}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "network", "operations", "service_log"}),
    why=(
        "With a VPC connector the application's calls to AWS go through the connector's subnets. Without a NAT gateway"
        " they reach only those APIs for which the VPC has an endpoint; permissions do not come into it."
    ),
    fix=(
        Step(
            "See which endpoints the VPC has.",
            "aws ec2 describe-vpc-endpoints --filters Name=vpc-id,Values={vpc_id}"
            " --query 'VpcEndpoints[].[ServiceName,VpcEndpointType,State]' --output table",
        ),
        Step(
            "Make an endpoint for {api}: a gateway endpoint for S3 and DynamoDB, in the route tables of the connector's"
            " subnets; an interface endpoint with private DNS for the others, whose security group admits the"
            " connector's on port 443."
        ),
        Step("Or route the connector's subnets to a NAT gateway, which serves every API."),
    ),
    false_alarms=(
        "A wrong Region in the client's settings gives a host that does not exist. What App Runner reads itself"
        " (referenced secrets, images) does not pass the VPC."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"failed": FAILED},
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
