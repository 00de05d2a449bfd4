"""A database or cache uses the security group that came with the VPC."""

from apprunner_watcher.missing import seen
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find dependencies among whose security groups is a VPC's default one."""
    evidence: list[Evidence] = []
    names: dict[str, None] = {}
    vpc_id = ""
    for dependency in snapshot.dependencies:
        if dependency.resource is None:
            continue
        resource = seen(dependency.resource)
        for group in seen(snapshot.network.security_groups) if resource.security_group_ids else ():
            if group.id in resource.security_group_ids and group.is_default:
                where = f"{resource.kind} {resource.id}"
                evidence.append(Evidence(where, f"security group {group.id} is the default one of {group.vpc_id}"))
                names[str(dependency)] = None
                vpc_id = vpc_id or group.vpc_id
    if not evidence:
        return None
    return Finding(Confidence.CERTAIN, tuple(evidence), {"dependencies": " and ".join(names), "vpc_id": vpc_id})


RULE = Rule(
    id="default-security-group",
    code="default-security-group",
    title="The default security group of the VPC guards {dependencies}",
    phase=Phase.START,
    looks_at=frozenset({"dependencies", "network"}),
    why=(
        "Everything that is put into the VPC without a security group of its own gets the default one, and its members"
        " admit each other. A rule that is added for one of them holds for all."
    ),
    fix=(
        Step(
            "Make a security group for it, which admits the VPC connector's group on its port.",
            'aws ec2 create-security-group --vpc-id {vpc_id} --group-name database-access --description "who may connect"',
        ),
        Step("Give it to the database or cache in place of the default one."),
    ),
    false_alarms="A default group without rules, which only its members use, is no danger; it is no protection between them either.",
    docs="https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
