"""Here you find what the network says of connections that failed: what is in the way, and how well the two fit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apprunner_watcher import reachability
from apprunner_watcher.aws_api import api_of_host
from apprunner_watcher.dependency import Dependency
from apprunner_watcher.knowledge.outbound import Failure, is_of_a_vpc, is_private
from apprunner_watcher.missing import Missing, NotSeenError
from apprunner_watcher.reachability import Block, Check
from apprunner_watcher.reachability.destination import is_inner
from apprunner_watcher.rule import NETWORK, Confidence, Evidence, at_most
from apprunner_watcher.snapshot import Snapshot


def checks(snapshot: Snapshot) -> tuple[Check, ...]:
    """What is known of the network; nothing where too little of it could be read: a line of a log may be enough."""
    try:
        return snapshot.checks
    except NotSeenError:
        return ()


def dependencies(snapshot: Snapshot) -> tuple[Dependency, ...]:
    """What the environment names, as far as it is known."""
    found = snapshot.parts.dependencies
    return () if isinstance(found, Missing) else found


@dataclass(frozen=True, slots=True)
class Proof:
    """What the network says is in the way, the line that goes with it where there is one, and how sure that is."""

    confidence: Confidence
    check: Check | None
    failure: Failure | None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Both, the line first."""
        line = (Evidence.of(self.failure.match.line),) if self.failure else ()
        network = (Evidence(NETWORK, self.check.because),) if self.check else ()
        return (*line, *network)

    @property
    def about(self) -> str:
        """Whom it is about, for a title."""
        return str(self.check.about) if self.check and self.check.about else self.failure.place if self.failure else ""


def proved(
    snapshot: Snapshot, blocked: Sequence[Check], failed: Sequence[Failure], confidence: Confidence
) -> Proof | None:
    """What of the blocked ways explains the failure: certain where a line names it, less where it only fits."""
    for one in blocked:
        about = one.about
        named = next((each for each in failed if isinstance(about, Dependency) and each.is_about(about)), None)
        if named:
            is_sure = confidence is not Confidence.POSSIBLE and not snapshot.is_live
            return Proof(Confidence.CERTAIN if is_sure else Confidence.LIKELY, one, named)
    if not blocked:
        return None
    if unnamed := [one for one in failed if not one.place]:
        return Proof(at_most(Confidence.LIKELY, confidence), blocked[0], unnamed[0])
    if failed or snapshot.is_live:
        return None  # what fails is something else
    # an application that waits in silence fits better than one that says other things, or ends at once
    waits = not snapshot.application_log.failing and snapshot.service_log.health_check_failed
    return Proof(Confidence.LIKELY if waits else Confidence.POSSIBLE, blocked[0], None)


def blocked_dependencies(snapshot: Snapshot, kinds: frozenset[str]) -> list[tuple[Check, Block]]:
    """The ways to dependencies that are blocked by one of these."""
    return [
        (one, one.blocked_by)
        for one in checks(snapshot)
        if isinstance(one.about, Dependency) and one.blocked_by and one.blocked_by.kind in kinds
    ]


def is_refuted(way: Check, failed: Iterable[Failure]) -> bool:
    """Whether a line says that the dependency refused: then packets come through to it."""
    return any(one.is_refused and isinstance(way.about, Dependency) and one.is_about(way.about) for one in failed)


def reaches_api(snapshot: Snapshot, api: str) -> Check | None:
    """Whether the connector reaches an AWS API that the environment need not name; None where it is not known."""
    network = snapshot.parts.network
    if isinstance(network, Missing):
        return None
    return next((one for one in reachability.checks(True, network, (), (api,)) if one.about == api), None)  # noqa: FBT003  # VPC


def outside(failed: Iterable[Failure]) -> tuple[Failure, ...]:
    """The failures of ways that lead over the internet and were not answered: of public names and addresses."""
    return tuple(one for one in failed if not one.is_refused and _is_outside(one))


def _is_outside(failure: Failure) -> bool:
    hosts = [one for one in failure.hosts if "." in one and not is_inner(one) and not api_of_host(one)]
    is_inside = any(is_private(one) or is_of_a_vpc(one) for one in hosts)
    return (bool(hosts) or failure.is_of_public_api) and not is_inside and not failure.api


_NO_WAY_OUT = frozenset({"route", "gateway"})


def without_internet(snapshot: Snapshot, failed: Sequence[Failure], confidence: Confidence) -> Proof | None:
    """Why the internet is not reached, where the application needs it: it says so, or its environment names who."""
    needed = list(outside(failed))
    if len({api for one in failed if (api := one.api)}) > 1 or (needed and any(one.api for one in failed)):
        needed += [one for one in failed if one.api]
    internet = next((one for one in checks(snapshot) if one.topic == "internet"), None)
    if internet and internet.result == "ok":
        return None
    if internet and internet.blocked_by and internet.blocked_by.kind in _NO_WAY_OUT:
        if needed:
            first = next((one for one in needed if not one.is_vague), needed[0])
            is_sure = confidence is Confidence.CERTAIN and not first.is_vague
            return Proof(confidence if is_sure else at_most(Confidence.LIKELY, confidence), internet, first)
        outer = [
            one
            for one, _ in blocked_dependencies(snapshot, _NO_WAY_OUT)
            if isinstance(one.about, Dependency) and one.about.resource is None and not is_private(one.about.host)
        ]
        if outer and failed:
            return proved(snapshot, outer, failed, confidence)
        return _unnamed(snapshot, internet, failed)
    if needed and not (internet and internet.result == "blocked"):
        return Proof(at_most(Confidence.LIKELY, confidence), None, needed[0])
    return None


def _unnamed(snapshot: Snapshot, internet: Check, failed: Sequence[Failure]) -> Proof | None:
    """What is waited for and not named is outside, if it is asked over HTTP or for mail.

    Or if the service came up: then it reaches its own dependencies.
    """
    unnamed = [one for one in failed if one.is_unanswered and not one.place and (snapshot.is_live or one.is_of_web)]
    is_else = any(one.result == "blocked" and one.topic in {"dependency", "api"} for one in checks(snapshot))
    return Proof(Confidence.LIKELY, internet, unnamed[0]) if unnamed and not is_else else None
