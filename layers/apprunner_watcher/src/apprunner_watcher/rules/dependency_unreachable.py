"""A named dependency refuses the connection or does not answer, and nothing finer is known."""

from collections import Counter
from collections.abc import Sequence

from apprunner_watcher.knowledge.fallback import fallback
from apprunner_watcher.knowledge.obstacle import checks
from apprunner_watcher.knowledge.outbound import (
    FAILED,
    Failure,
    failures,
    is_of_a_vpc,
    is_private,
    tells_of_a_connection,
)
from apprunner_watcher.knowledge.proof import is_overcome
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a connection to another host that failed, in an application that never serves."""
    failed = [one for one in failures(matches.application("failed")) if not _has_other_root(snapshot, one)]
    confidence = weight(snapshot)
    if snapshot.is_live:
        failed = _lasting(snapshot, failed)
    if not failed or not confidence:
        return None
    first = _most_telling(failed)
    egress = snapshot.configuration.egress_type
    return Finding(
        at_most(_limit(snapshot, first, failed), confidence),
        (Evidence.of(first.match.line), Evidence.setting("EgressType", egress)),
        {
            "dependency": first.place or "a dependency",
            "egress": egress,
            "refused": "yes" if first.is_refused else "",
            "vpc": "yes" if egress == "VPC" else "",
            "default": "yes" if egress != "VPC" else "",
        },
    )


def _has_other_root(snapshot: Snapshot, failure: Failure) -> bool:
    """Whether its stack trace goes back to something else: TLS, a name, a login."""
    if failure.is_plain:
        return False
    line = failure.match.line
    trace = snapshot.application_log.trace_of(line)
    return bool(trace and trace.root is not line and not tells_of_a_connection(trace.says))


def _lasting(snapshot: Snapshot, failed: Sequence[Failure]) -> list[Failure]:
    """Of a live service: what it tried more than once and never reached, of that which it has to itself."""
    own = [one for one in failed if one.place and not one.match.line.is_passing and _is_own(snapshot, one)]
    often = Counter(one.place for one in own)
    again = [one for one in own if often[one.place] > 1]
    is_over = again and is_overcome(snapshot.application_log, again[-1].match.line)
    return [] if is_over else again


def _is_own(snapshot: Snapshot, failure: Failure) -> bool:
    variables = snapshot.configuration.variables
    return any(
        is_private(host) or is_of_a_vpc(host) or any(host in one.shown for one in variables) for host in failure.hosts
    )


def _most_telling(failed: Sequence[Failure]) -> Failure:
    """The first that is not passed over, and of these the first that names a host."""
    grave = [one for one in failed if not one.match.line.is_passing] or failed
    plain = [one for one in grave if one.is_plain] or [one for one in failed if one.is_plain] or grave
    return next((one for one in plain if one.place), plain[0])


def _limit(snapshot: Snapshot, failure: Failure, failed: Sequence[Failure]) -> Confidence:
    """How sure it may be: the network may hold a finer cause, and not every word means the way to the server."""
    if fallback(snapshot, failed):
        return Confidence.POSSIBLE
    if failure.is_vague:
        return Confidence.LIKELY if failure.place else Confidence.POSSIBLE
    is_whole = failure.is_plain and failure.place and not failure.match.line.is_passing
    if not is_whole or snapshot.configuration.standing != "attempted":
        return Confidence.LIKELY
    if snapshot.configuration.egress_type == "VPC":
        seen_ok = (one.result == "ok" and one.topic == "dependency" for one in checks(snapshot))
        return Confidence.CERTAIN if any(seen_ok) else Confidence.LIKELY
    # a name without dots is another container's, which may only have been too late
    is_public = any("." in host for host in failure.hosts)
    is_inside = any(is_private(host) or is_of_a_vpc(host) for host in failure.hosts)
    return Confidence.CERTAIN if is_public and not is_inside else Confidence.LIKELY


RULE = Rule(
    id="dependency-unreachable",
    code="dependency-unreachable",
    title="The application cannot reach {dependency} (egress: {egress})",
    phase=Phase.START,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "service_log"}),
    why=(
        "The connection was refused or not answered. With DEFAULT egress nothing inside a VPC can be reached, and"
        " nothing that has only an IPv6 address; with VPC egress the connector's security group must be admitted by the"
        " dependency's, and the internet needs a NAT gateway."
    ),
    fix=(
        Step(
            "Compare host and port in the service's variables with those where the dependency listens, and see that it runs."
        ),
        Step("If the dependency is private: give the service a VPC connector into its VPC.", when="default"),
        Step(
            "If it admits only known addresses (MongoDB Atlas, Supabase, a partner): admit the service's. Only a VPC"
            " connector with a NAT gateway has fixed ones.",
            when="default",
        ),
        Step("Admit the connector's security group in the dependency's security group on its port.", when="vpc"),
        Step("For the internet from a VPC connector: use private subnets with a route to a NAT gateway.", when="vpc"),
    ),
    false_alarms="Clients log a failed first attempt and go on: then the application listens, and this is not the cause.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"failed": FAILED},
    gives_way_to=frozenset(
        {
            "egress-no-connector",
            "egress-no-internet",
            "vpc-endpoint-missing",
            "security-group-blocks",
            "dependency-subnet-routing",
            "connector-public-subnets",
            "connector-subnet-unusable",
            "connector-inoperative",
            "dependency-name-unresolved",
            "dependency-not-ready",
            "dependency-credentials-wrong",
            "tls-required",
            "connections-exhausted",
            "config-value-malformed",
        }
    ),
)
