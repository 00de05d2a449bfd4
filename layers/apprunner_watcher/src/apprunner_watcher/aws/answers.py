"""Here you find how App Runner's answers become parts of the snapshot."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from apprunner_watcher.redaction import HIDDEN, Fingerprints, Redactor, is_secret_name, variable
from apprunner_watcher.service import AutoScaling, Configuration, CustomDomain, HealthCheck, Observability, Service
from apprunner_watcher.snapshot import Operation, Operations

if TYPE_CHECKING:
    from mypy_boto3_apprunner.type_defs import (
        DescribeAutoScalingConfigurationResponseTypeDef,
        DescribeCustomDomainsResponseTypeDef,
        DescribeObservabilityConfigurationResponseTypeDef,
        DescribeServiceResponseTypeDef,
        ListOperationsResponseTypeDef,
        ListTagsForResourceResponseTypeDef,
    )

Described = Mapping[str, Any]
"""DescribeService's `Service`. Members that the model requires may still be absent: they are read with defaults."""


def described(answer: "DescribeServiceResponseTypeDef") -> Described:
    """The service in an answer of DescribeService."""
    return answer["Service"]


def service(described: Described) -> Service:
    """Who it is about."""
    return Service(
        name=described["ServiceName"],
        arn=described["ServiceArn"],
        status=described["Status"],
        url=described.get("ServiceUrl", ""),
    )


def environment(described: Described) -> dict[str, str]:
    """The environment variables, with their values: for the redactor only."""
    variables = _values(described).get("RuntimeEnvironmentVariables") or {}
    return {str(name): str(value) for name, value in variables.items()}


def configuration(
    described: Described,
    standing: Literal["attempted", "restored", "unsure"],
    redactor: Redactor,
    fingerprints: Fingerprints,
) -> Configuration:
    """The configuration, redacted. `redactor` knows its `environment`."""
    source = described.get("SourceConfiguration", {})
    image, code = source.get("ImageRepository", {}), source.get("CodeRepository", {})
    values = _values(described)
    instance = described.get("InstanceConfiguration", {})
    authentication = source.get("AuthenticationConfiguration", {})
    network = described.get("NetworkConfiguration", {})
    egress = network.get("EgressConfiguration", {})
    tracing = described.get("ObservabilityConfiguration", {})
    return Configuration(
        standing=standing,
        image=image.get("ImageIdentifier", ""),
        image_repository_type=image.get("ImageRepositoryType", ""),
        repository_url=redactor.text(code.get("RepositoryUrl", "")),
        branch=code.get("SourceCodeVersion", {}).get("Value", ""),
        source_directory=code.get("SourceDirectory", ""),
        configuration_source=code.get("CodeConfiguration", {}).get("ConfigurationSource", ""),
        runtime=values.get("Runtime", ""),
        build_command=redactor.text(values.get("BuildCommand", "")),
        start_command=redactor.text(values.get("StartCommand", "")),
        port=_port(values.get("Port")),
        variables=tuple(variable(name, value, fingerprints) for name, value in environment(described).items()),
        secret_sources=dict(values.get("RuntimeEnvironmentSecrets") or {}),
        cpu=instance.get("Cpu", ""),
        memory=instance.get("Memory", ""),
        instance_role_arn=instance.get("InstanceRoleArn", ""),
        access_role_arn=authentication.get("AccessRoleArn", ""),
        connection_arn=authentication.get("ConnectionArn", ""),
        health_check=_health_check(described.get("HealthCheckConfiguration", {}), redactor),
        egress_type=egress.get("EgressType", "DEFAULT"),
        vpc_connector_arn=egress.get("VpcConnectorArn", ""),
        auto_deployments_enabled=bool(source.get("AutoDeploymentsEnabled")),
        is_public=bool(network.get("IngressConfiguration", {}).get("IsPubliclyAccessible", True)),
        ip_address_type=network.get("IpAddressType", "IPV4"),
        auto_scaling_arn=described.get("AutoScalingConfigurationSummary", {}).get("AutoScalingConfigurationArn", ""),
        observability_arn=tracing.get("ObservabilityConfigurationArn", ""),
    )


def operations(answer: "ListOperationsResponseTypeDef") -> Operations:
    """The operations, the newest first, as App Runner lists them."""
    listed = answer.get("OperationSummaryList", [])
    return Operations(
        tuple(
            Operation(
                id=one.get("Id", ""),
                type=one.get("Type", ""),
                status=one.get("Status", ""),
                started_at=_utc(one["StartedAt"]),
                ended_at=_utc(one["EndedAt"]) if "EndedAt" in one else None,
            )
            for one in listed
            if "StartedAt" in one
        )
    )


def _values(described: Described) -> Mapping[str, Any]:
    """ImageConfiguration or CodeConfigurationValues: what both kinds of source have under the same names."""
    source = described.get("SourceConfiguration", {})
    image = source.get("ImageRepository", {}).get("ImageConfiguration")
    code = source.get("CodeRepository", {}).get("CodeConfiguration", {}).get("CodeConfigurationValues")
    return image or code or {}


def _port(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isdecimal() else 8080


def _health_check(settings: Mapping[str, Any], redactor: Redactor) -> HealthCheck:
    names = {
        "protocol": "Protocol",
        "path": "Path",
        "interval": "Interval",
        "timeout": "Timeout",
        "healthy_threshold": "HealthyThreshold",
        "unhealthy_threshold": "UnhealthyThreshold",
    }
    values = {field: settings[name] for field, name in names.items() if name in settings}
    if "path" in values:
        values["path"] = redactor.text(values["path"])
    return HealthCheck(**values)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def auto_scaling(answer: "DescribeAutoScalingConfigurationResponseTypeDef") -> AutoScaling:
    """How many instances there may be."""
    settings = answer["AutoScalingConfiguration"]
    return AutoScaling(
        name=settings.get("AutoScalingConfigurationName", ""),
        max_concurrency=settings.get("MaxConcurrency", 100),
        min_size=settings.get("MinSize", 1),
        max_size=settings.get("MaxSize", 25),
    )


def custom_domains(answer: "DescribeCustomDomainsResponseTypeDef") -> tuple[CustomDomain, ...]:
    """The custom domains. Their records name hosts that anybody may look up."""
    return tuple(
        CustomDomain(
            name=one.get("DomainName", ""),
            status=one.get("Status", ""),
            records=tuple(
                (record.get("Name", ""), record.get("Type", ""), record.get("Status", ""))
                for record in one.get("CertificateValidationRecords", [])
            ),
        )
        for one in answer.get("CustomDomains", [])
    )


def observability(answer: "DescribeObservabilityConfigurationResponseTypeDef") -> Observability:
    """Who traces the service."""
    trace = answer["ObservabilityConfiguration"].get("TraceConfiguration", {})
    return Observability(enabled=True, vendor=trace.get("Vendor", ""))


def tags(answer: "ListTagsForResourceResponseTypeDef", redactor: Redactor) -> Mapping[str, str]:
    """The service's tags, redacted: people write anything into them."""
    pairs = ((one.get("Key", ""), one.get("Value", "")) for one in answer.get("Tags", []))
    return {
        redactor.text(key): HIDDEN if is_secret_name(key) and value else redactor.text(value) for key, value in pairs
    }
