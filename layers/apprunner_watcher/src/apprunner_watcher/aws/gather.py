"""Here you find what we can see: AWS's answers about a service, read side by side and redacted, as a snapshot."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

from apprunner_watcher.access import Access
from apprunner_watcher.api_call import ApiCallEvent, Call
from apprunner_watcher.aws import access, answers, dependencies, deployment_logs, images, metrics, network
from apprunner_watcher.aws.deployment_logs import Logs
from apprunner_watcher.aws.read import Reads
from apprunner_watcher.aws_api import api_of_host
from apprunner_watcher.dependency import Dependency, named
from apprunner_watcher.event import CustomDomainEvent, OperationEvent, OperationType, Stage
from apprunner_watcher.image import Identifier, Image
from apprunner_watcher.log import ServiceLog
from apprunner_watcher.metrics import Metrics
from apprunner_watcher.missing import Missing, gaps, rewritten
from apprunner_watcher.network import Network
from apprunner_watcher.redaction import Fingerprints, Redactor
from apprunner_watcher.service import AutoScaling, Configuration, Observability, Service, ServiceStatus
from apprunner_watcher.snapshot import Attempt, Operation, Operations, OperationStatus, Parts, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apprunner_watcher.aws.clients import Clients
    from apprunner_watcher.service import CustomDomain

_APPRUNNER = "arn:{partition}:apprunner:{region}:{account}:"
READS = {
    "apprunner:DescribeService": f"{_APPRUNNER}service/*/*",
    "apprunner:ListOperations": f"{_APPRUNNER}service/*/*",
    "apprunner:ListTagsForResource": f"{_APPRUNNER}service/*/*",
    "apprunner:DescribeCustomDomains": f"{_APPRUNNER}service/*/*",
    "apprunner:DescribeAutoScalingConfiguration": f"{_APPRUNNER}autoscalingconfiguration/*/*/*",
    "apprunner:DescribeObservabilityConfiguration": f"{_APPRUNNER}observabilityconfiguration/*/*/*",
    **deployment_logs.READS,
    **network.READS,
    **dependencies.READS,
    **access.READS,
    **images.READS,
    **metrics.READS,
}
"""The IAM actions of the reads, and what they are allowed on."""

_Event = OperationEvent | CustomDomainEvent | ApiCallEvent
_Noted = TypeVar("_Noted")
_USUAL_DURATION = timedelta(minutes=30)
_LONGEST_REASON = 300
_NO_SERVICE = "the call names no service that exists"
# parts in which nothing is Missing that AWS has just refused; to go through all their lines would take its time
_LONG_AND_CLEAN = frozenset({"service_log", "application_log", "attempts"})


@dataclass(frozen=True)
class Sight:
    """How far gather looks."""

    time_left: timedelta = timedelta(seconds=20)  # what has not come by then is Missing
    inspection: images.Inspection = "config"
    fingerprints: Callable[[], Fingerprints] = Fingerprints.throw_away
    dimensions: metrics.DimensionCache = field(default_factory=dict)
    patience_for_metrics: timedelta = metrics.PATIENCE


def gather(
    event: _Event,
    clients: "Clients",
    now: datetime,
    recall: Callable[[], Sequence[Attempt | Call]] = tuple,
    sight: Sight | None = None,
) -> Snapshot:
    """Read all that AWS knows of the event's service.

    `recall` gives the attempts that were noted earlier; it runs beside the reads. Nothing waits for what it does not
    need: the longest chain is service, VPC connector, its subnets, their VPC.
    """
    sight = sight or Sight()
    with Reads(sight.time_left) as reads:
        gathering = _Gathering(reads, clients, event, now, recall, sight)
        if isinstance(event, ApiCallEvent):
            return Snapshot(
                gathering.without_secrets_of(event), now, gathering.without_secrets(gathering.of_call(event))
            )
        return Snapshot(event, now, gathering.without_secrets(gathering.whole()))


def glance(event: _Event, clients: "Clients", now: datetime, sight: Sight | None = None) -> Snapshot:
    """Read no more than is noted when an operation starts: configuration, operation and image."""
    sight = sight or Sight()
    with Reads(sight.time_left) as reads:
        gathering = _Gathering(reads, clients, event, now, tuple, sight)
        return Snapshot(event, now, gathering.without_secrets(gathering.noted_at_start()))


class _Gathering:
    """The readings of one snapshot. Each part has a thread, and begins as soon as what it needs is known."""

    def __init__(  # noqa: PLR0913, PLR0917  # the arguments of gather, and where its calls run
        self,
        reads: Reads,
        clients: "Clients",
        event: _Event,
        now: datetime,
        recall: Callable[[], Sequence[Attempt | Call]],
        sight: Sight,
    ) -> None:
        self._reads, self._clients, self._event, self._now, self._sight = reads, clients, event, now, sight
        apprunner, arn = clients.apprunner, event.service_arn
        soon = sight.time_left / 2  # others wait for these, and need time of their own
        if arn:
            self._described = reads.begin(
                "service and configuration",
                "apprunner:DescribeService",
                lambda: answers.described(apprunner.describe_service(ServiceArn=arn)),
                soon,
            )
            self._listed = reads.begin(
                "operations",
                "apprunner:ListOperations",
                lambda: answers.operations(apprunner.list_operations(ServiceArn=arn, MaxResults=20)),
                soon,
            )
        else:
            self._described = reads.part("service", lambda: Missing("service and configuration", _NO_SERVICE))
            self._listed = reads.part("operations", lambda: Operations(()))
        self._recalled = reads.begin(
            "configuration noted at the start", "dynamodb:Query", lambda: tuple(recall()), soon
        )
        self._key = reads.begin("key of the fingerprints", "secretsmanager:GetSecretValue", sight.fingerprints, soon)
        self._making_redactor = threading.Lock()
        self._made_redactor: Redactor | None = None
        self._service = reads.part("service", self._read_service)
        self._configuration = reads.part("configuration", self._read_configuration)

    def noted_at_start(self) -> Parts:
        """What is noted when an operation starts."""
        image = self._reads.part("image", lambda: self._read_image(None))
        return replace(self._known(None), image=image.result(), others=self._unnamed())

    def whole(self) -> Parts:
        """Everything."""
        reads = self._reads
        logs = reads.part("logs", self._read_logs)
        image = reads.part("image", lambda: self._read_image(logs.result))
        needs = reads.part("dependencies", self._read_dependencies)
        net = reads.part("network", lambda: self._read_network(needs.result))
        roles = reads.part("roles and secrets", self._read_access)
        measured = reads.part("metrics", self._read_metrics)
        scaling = reads.part("auto scaling", self._read_auto_scaling)
        tracing = reads.part("observability", self._read_observability)
        domains = reads.begin("custom domains", "apprunner:DescribeCustomDomains", self._custom_domains)
        tags = reads.part("tags", self._read_tags)
        found = logs.result()
        return replace(
            self._known(found.service if isinstance(found, Logs) else None),
            service_log=found.service if isinstance(found, Logs) else found,
            application_log=found.application if isinstance(found, Logs) else found,
            image=image.result(),
            dependencies=needs.result(),
            network=net.result(),
            access=roles.result(),
            metrics=measured.result(),
            auto_scaling=scaling.result(),
            observability=tracing.result(),
            custom_domains=domains.result(),
            tags=tags.result(),
            others=(*self._unnamed(), *(found.gaps if isinstance(found, Logs) else ())),
        )

    def of_call(self, call: ApiCallEvent) -> Parts:
        """What a refused call is judged by: the service as it is, and the roles that the call or the service names."""
        roles = self._reads.part("roles", lambda: self._read_roles(call))
        return replace(self._known(None), access=roles.result(), others=self._unnamed())

    def without_secrets_of(self, call: ApiCallEvent) -> ApiCallEvent:
        """An error may quote what was sent."""
        return call.model_copy(update={"error_message": self._redactor().text(call.error_message)})

    def without_secrets(self, parts: Parts) -> Parts:
        """AWS's errors may quote what they were asked: the service's own values are taken out of them as well."""
        redactor = self._redactor()

        def clean(missing: Missing) -> Missing:
            return replace(missing, why=redactor.text(missing.why)[:_LONGEST_REASON])

        return replace(
            parts,
            **{
                name: rewritten(part, clean)
                for name, part in vars(parts).items()
                if isinstance(part, Missing) or name not in _LONG_AND_CLEAN
            },
        )

    def _known(self, service_log: ServiceLog | Missing | None) -> Parts:
        configuration = self._configuration.result()
        if isinstance(configuration, Configuration) and configuration.standing == "unsure":
            configuration = _told_by_log(configuration, service_log)
        return Parts(
            service=self._service.result(),
            configuration=configuration,
            operations=self._listed.result(),
            attempts=_of_type(Attempt, self._recalled.result()),
            calls=_of_type(Call, self._recalled.result()),
        )

    def _unnamed(self) -> tuple[Missing, ...]:
        """What was not read and is no part of the snapshot."""
        return tuple(gaps(self._key.result())) if isinstance(self._key.result(), Missing) else ()

    def _operation(self) -> Operation | None:
        operations = self._listed.result()
        return operations.of(self._event) if isinstance(operations, Operations) else None

    def _noted(self) -> Attempt | None:
        """What was noted when the event's operation started."""
        attempts, operation = self._recalled.result(), self._operation()
        if isinstance(attempts, Missing) or not operation:
            return None
        return next((one for one in attempts if isinstance(one, Attempt) and one.is_of(operation)), None)

    def _read_service(self) -> Service | Missing:
        described = self._described.result()
        return described if isinstance(described, Missing) else answers.service(described)

    def _read_configuration(self) -> Configuration | Missing:
        """What the operation attempted: as noted at its start, else as DescribeService shows it now."""
        if noted := self._noted():
            return noted.configuration
        service, key = self._described.result(), self._key.result()
        if isinstance(service, Missing):
            return service
        fingerprints = Fingerprints.throw_away() if isinstance(key, Missing) else key
        standing = _standing(service.get("Status", ""), self._operation(), self._event)
        return answers.configuration(service, standing, self._redactor(), fingerprints)

    def _redactor(self) -> Redactor:
        """What takes the service's own values out of texts; made once, since some services have many."""
        with self._making_redactor:  # whoever comes first makes it; without one nothing may go on
            if self._made_redactor is None:
                service = self._described.result()
                self._made_redactor = Redactor({} if isinstance(service, Missing) else answers.environment(service))
            return self._made_redactor

    def _read_logs(self) -> Logs:
        assert not isinstance(self._event, ApiCallEvent)  # noqa: S101  # of a call only what `of_call` names is read
        return deployment_logs.read_logs(
            self._reads, self._clients, self._event, self._now, self._listed.result, self._redactor
        )

    def _read_image(self, logs: Callable[[], Logs | Missing] | None) -> Image | Missing | None:
        configuration = self._configuration.result()
        if isinstance(configuration, Missing):
            return configuration
        return images.read_image(
            self._reads,
            self._clients,
            self._attempted_image(configuration, logs),
            self._event.service_arn.split(":")[3],
            inspect=self._sight.inspection,
            redactor=self._redactor,
        )

    def _attempted_image(self, configuration: Configuration, logs: Callable[[], Logs | Missing] | None) -> str:
        """The image that was pulled: a tag may since be on another one, and the configuration be put back."""
        noted = self._noted()
        if noted and noted.image and noted.image.digest:
            return Identifier.parse(configuration.image).at(noted.image.digest)
        if configuration.standing == "attempted" or not logs:
            return configuration.image
        found = logs()
        service_log = found.service if isinstance(found, Logs) else None
        pulled = service_log.pulled_image if isinstance(service_log, ServiceLog) else None
        # App Runner sometimes leaves the tag out
        return pulled if pulled and not configuration.image.startswith(pulled) else configuration.image

    def _read_dependencies(self) -> tuple[Dependency, ...] | Missing:
        configuration = self._configuration.result()
        if isinstance(configuration, Missing):
            return configuration
        found = tuple(one for one in named(configuration.variables) if not api_of_host(one.host))
        return dependencies.read_dependencies(self._reads, self._clients, found)

    def _read_network(self, needs: Callable[[], tuple[Dependency, ...] | Missing]) -> Network | Missing:
        configuration = self._configuration.result()
        if isinstance(configuration, Missing):
            return configuration

        def found() -> tuple[Dependency, ...]:
            answer = needs()
            return () if isinstance(answer, Missing) else answer

        return network.read_network(self._reads, self._clients, configuration.vpc_connector_arn, found)

    def _read_access(self) -> Access | Missing:
        configuration = self._configuration.result()
        if isinstance(configuration, Missing):
            return configuration
        return access.read_access(
            self._reads,
            self._clients,
            access_role_arn=configuration.access_role_arn,
            instance_role_arn=configuration.instance_role_arn,
            secret_sources=configuration.secret_sources,
            service_arn=self._event.service_arn,
            image_repository_arn=Identifier.parse(configuration.image).repository_arn,
        )

    def _read_roles(self, call: ApiCallEvent) -> Access | Missing:
        requested = call.requested
        configuration = self._configuration.result()
        known = configuration if isinstance(configuration, Configuration) else None
        return access.read_access(
            self._reads,
            self._clients,
            access_role_arn=requested.access_role_arn or (known.access_role_arn if known else ""),
            instance_role_arn=requested.instance_role_arn or (known.instance_role_arn if known else ""),
            secret_sources={},
            service_arn=call.service_arn or f"arn:aws:apprunner:{call.region}:{call.account}:service",
            image_repository_arn=Identifier.parse(requested.image).repository_arn if requested.image else "",
        )

    def _read_metrics(self) -> Metrics | Missing:
        operation = self._operation()
        start = operation.started_at if operation else self._event.time - _USUAL_DURATION
        end = (operation.ended_at if operation else None) or self._now
        _, name, service_id = self._event.service_arn.rsplit("/", 2)
        return metrics.read_metrics(
            self._reads,
            self._clients,
            name,
            service_id,
            start=start,
            end=end,
            known=self._sight.dimensions,
            patience=self._sight.patience_for_metrics,
        )

    def _read_auto_scaling(self) -> AutoScaling | Missing | None:
        configuration = self._configuration.result()
        if isinstance(configuration, Missing):
            return configuration
        if not (arn := configuration.auto_scaling_arn):
            return None
        describe = self._clients.apprunner.describe_auto_scaling_configuration
        return self._reads.begin(
            "auto scaling",
            "apprunner:DescribeAutoScalingConfiguration",
            lambda: answers.auto_scaling(describe(AutoScalingConfigurationArn=arn)),
        ).result()

    def _read_observability(self) -> Observability | Missing:
        configuration = self._configuration.result()
        if isinstance(configuration, Missing):
            return configuration
        if not (arn := configuration.observability_arn):
            return Observability(enabled=False)
        describe = self._clients.apprunner.describe_observability_configuration
        return self._reads.begin(
            "observability",
            "apprunner:DescribeObservabilityConfiguration",
            lambda: answers.observability(describe(ObservabilityConfigurationArn=arn)),
        ).result()

    def _custom_domains(self) -> "tuple[CustomDomain, ...]":
        answer = self._clients.apprunner.describe_custom_domains(ServiceArn=self._event.service_arn)
        return answers.custom_domains(answer)

    def _read_tags(self) -> "Mapping[str, str] | Missing":
        listed = self._reads.begin(
            "tags",
            "apprunner:ListTagsForResource",
            lambda: self._clients.apprunner.list_tags_for_resource(ResourceArn=self._event.service_arn),
        ).result()
        return listed if isinstance(listed, Missing) else answers.tags(listed, self._redactor())


def _of_type(kind: type[_Noted], noted: Sequence[object] | Missing) -> tuple[_Noted, ...] | Missing:
    return noted if isinstance(noted, Missing) else tuple(one for one in noted if isinstance(one, kind))


def _standing(
    service_status: str, operation: Operation | None, event: _Event
) -> Literal["attempted", "restored", "unsure"]:
    """Only an update changes the configuration, and only one that did not go through may have been taken back."""
    if isinstance(event, ApiCallEvent):
        return "restored"  # what was asked for never came into force
    if not isinstance(event, OperationEvent) or event.operation is not OperationType.UPDATE_SERVICE:
        return "attempted"
    if service_status == ServiceStatus.CREATE_FAILED:
        return "attempted"  # there is no earlier configuration to go back to
    status = operation.status if operation else ""
    if status in {OperationStatus.SUCCEEDED, OperationStatus.IN_PROGRESS, OperationStatus.PENDING}:
        return "attempted"
    return "attempted" if event.stage is not Stage.FAILED and not status else "unsure"


def _told_by_log(configuration: Configuration, service_log: ServiceLog | Missing | None) -> Configuration:
    """Restored, where App Runner says that it pulled another image than it shows now."""
    pulled = service_log.pulled_image if isinstance(service_log, ServiceLog) else None
    if pulled and configuration.image and not configuration.image.startswith(pulled):
        return configuration.model_copy(update={"standing": "restored"})
    return configuration
