"""Here you find how a scenario, a few lines of YAML, becomes a whole recording in App Runner's usual words."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent
EVENTS = FOLDER.parents[1] / "events"
SERVICE_ID = "0123456789abcdef0123456789abcdef"
ARN = f"arn:aws:apprunner:eu-west-1:123456789012:service/shop/{SERVICE_ID}"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:v7"
CONNECTOR = "arn:aws:apprunner:eu-west-1:123456789012:vpcconnector/shop/1/0123456789abcdef0123456789abcdef"
_DEPLOYMENT_ID = "fedcba9876543210fedcba9876543210"
_OPERATION_ID = "11111111-2222-3333-4444-555555555555"
_INSTANCE = "instance/00112233445566778899aabbccddeeff"
_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

_OPERATIONS = {
    "deploy": ("START_DEPLOYMENT", "Deployment", "Deployment started.", "Deployment failed."),
    "create": ("CREATE_SERVICE", "CreateService", "Service creation started.", "Service creation failed."),
    "update": ("UPDATE_SERVICE", "UpdateService", "Service update started.", "Service update failed."),
}


class RefusedCall(BaseModel):
    """A call to App Runner's API that was refused, and the service that it was for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: str = "UpdateService"
    error: str = "InvalidRequestException"
    message: str
    request: dict[str, Any] = {}  # its parameters, beside the service's ARN
    status: str = "RUNNING"  # the service's; empty: the call names none that exists
    busy_with: str = ""  # the type of an operation that began a minute before


class Domain(BaseModel):
    """A custom domain, and its validation records: name and status."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "shop.example.com"
    status: str = "PENDING_CERTIFICATE_DNS_VALIDATION"
    records: dict[str, str] = {}


class Scenario(BaseModel):
    """One made-up incident. Everything that is left out is what a healthy service has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    operation: Literal["deploy", "create", "update"] = "deploy"
    source: Literal["image", "code"] = "image"
    ends: Literal["exit", "health check", "in progress", "reason", "soon", "success"] = "exit"
    """How it ends: the container exits; the health check fails; not yet; App Runner gives `reason`; without a word;
    well, and the application's lines are those of the running service."""
    exit_code: int = 1
    reason: str = ""
    minutes: float = 0  # from the health check's begin to the end; 0: what is usual for the ending
    pulled: bool = True
    application: str = ""  # lines of the failing version's first container
    line_seconds: float = 0.2  # from one of these lines to the next
    serving: str = ""  # lines of the version that still serves
    build: str = ""  # lines of the deployment's stream, with their [Build] prefix
    after: str = ""  # what App Runner says after the end, without its prefix
    port: int = 8080
    health_check: str = ""  # a path: HTTP; empty: TCP
    start_command: str = ""
    build_command: str = "npm ci"
    runtime: str = "NODEJS_22"
    source_directory: str = ""
    configured_in: Literal["API", "REPOSITORY"] = "API"  # REPOSITORY: in apprunner.yaml, which App Runner does not show
    image: str = IMAGE
    auto_deployments: bool = False
    variables: dict[str, str] = {}
    secrets: list[str] = []
    access_role: str = "arn:aws:iam::123456789012:role/shop-ecr"
    instance_role: str = "arn:aws:iam::123456789012:role/shop"
    egress: Literal["DEFAULT", "VPC"] = "DEFAULT"
    memory: str = "2048"
    configuration: Literal["attempted", "restored"] = "attempted"
    restored_port: int = 0  # what App Runner shows again, where that differs
    restored_health_check: str = ""
    call: RefusedCall | None = None  # about this call, and not about an operation
    custom_domains: list[Domain] = []  # about these, and not about an operation
    aws: dict[str, dict[str, Any]] = {}
    """What else AWS answers, by service:Operation, `{error: {Code: …, Message: …}}` where it refuses; what is left out
    is not recorded."""
    blobs: dict[str, dict[str, Any]] = {}  # configurations of images, by digest

    # what the rule must say of it
    confidence: Literal["certain", "likely", "possible"] | None = None
    evidence: list[str] = []
    title: str = ""
    first: bool = True  # whether it must be the answer, or may be explained by another cause
    instead: str = ""  # of a near miss: the code that is the answer, where one is


class Scenarios(BaseModel):
    """One file, one rule: what it must find, and what looks like it and is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fires: list[Scenario]
    clear: list[Scenario]


def load(path: Path) -> Scenarios:
    """Read a file of scenarios."""
    return Scenarios.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def files() -> list[Path]:
    """All files of scenarios, one per rule."""
    return sorted(FOLDER.glob("*.yaml"))


@dataclass
class _Log:
    """Lines with a clock that moves on by itself."""

    at: datetime
    lines: list[list[str]] = field(default_factory=list)

    def say(self, text: str, after: float = 1) -> None:
        self.at += timedelta(seconds=after)
        self.lines.append([_iso(self.at), text])


def recording(scenario: Scenario) -> dict[str, Any]:
    """The recording of a scenario, as a file of the recordings' format would hold it."""
    if scenario.call:
        return _of_call(scenario, scenario.call)
    if scenario.custom_domains:
        return _of_domains(scenario)
    return _of_operation(scenario)


def _of_call(scenario: Scenario, call: RefusedCall) -> dict[str, Any]:
    event = json.loads((EVENTS / "update-service-refused.json").read_text(encoding="utf-8"))
    named = {"serviceArn": ARN} if call.status else {}
    event["detail"] |= {
        "eventName": call.action,
        "errorCode": call.error,
        "errorMessage": call.message,
        "requestParameters": {**named, **call.request},
    }
    created = {"CREATE_FAILED": "FAILED"}.get(call.status, "SUCCEEDED")
    operations = [_earlier(created)]
    if call.status == "PAUSED":
        operations.insert(0, {**_earlier(), "Type": "PAUSE_SERVICE", "Id": _OPERATION_ID})
    if call.busy_with:
        began = _iso(_START - timedelta(minutes=1))
        running = {"Id": _OPERATION_ID, "Type": call.busy_with, "Status": "IN_PROGRESS", "StartedAt": began}
        operations.insert(0, running)
    answers = {
        "apprunner:DescribeService": {"Service": _service(scenario, call.status)},
        "apprunner:ListOperations": {"OperationSummaryList": operations},
    }
    return _recording(scenario, _START + timedelta(minutes=1), event, answers if call.status else {})


def _of_domains(scenario: Scenario) -> dict[str, Any]:
    event = json.loads((EVENTS / "custom-domain.json").read_text(encoding="utf-8"))
    event |= {"time": _iso(_START), "resources": [ARN]}
    event["detail"] = {"serviceName": "shop", "serviceId": SERVICE_ID}
    domains = [
        {
            "DomainName": one.name,
            "EnableWWWSubdomain": False,
            "Status": one.status,
            "CertificateValidationRecords": [
                {"Name": name, "Type": "CNAME", "Value": "_1f.acm-validations.aws.", "Status": status}
                for name, status in one.records.items()
            ],
        }
        for one in scenario.custom_domains
    ]
    answers = {
        "apprunner:DescribeService": {"Service": _service(scenario, "RUNNING")},
        "apprunner:ListOperations": {"OperationSummaryList": [_earlier()]},
        "apprunner:DescribeCustomDomains": {
            "DNSTarget": "abcdefghij.eu-west-1.awsapprunner.com",
            "ServiceArn": ARN,
            "CustomDomains": domains,
        },
    }
    return _recording(scenario, _START + timedelta(minutes=1), event, answers)


def _of_operation(scenario: Scenario) -> dict[str, Any]:
    kind, event_name, started, failed = _OPERATIONS[scenario.operation]
    events, deployment = _Log(_START - timedelta(seconds=1)), _Log(_START + timedelta(seconds=4))
    events.say(f"[AppRunner] {started}")
    events.say("[AppRunner] Service status is set to OPERATION_IN_PROGRESS.")
    application_at = _play(scenario, events, deployment)
    for line in scenario.after.splitlines():
        events.say(f"[AppRunner] {line}")
    ended = scenario.ends != "in progress"
    service_status = "OPERATION_IN_PROGRESS"
    succeeded = scenario.ends == "success"
    if succeeded:
        service_status = "RUNNING"
        events.say("[AppRunner] Health check is successful. Routing traffic to application.", 8)
        events.say("[AppRunner] Successfully routed incoming traffic to application.", 20)
        events.say(f"[AppRunner] {started.removesuffix(' started.')} completed successfully.", 5)
        events.say("[AppRunner] Service status is set to RUNNING.")
    elif ended:
        service_status = "CREATE_FAILED" if scenario.operation == "create" else "RUNNING"
        events.say(f"[AppRunner] Deployment with ID : {_DEPLOYMENT_ID} failed.", 12)
        events.say(f"[AppRunner] {failed} For details, see service logs.", 10)
        events.say(f"[AppRunner] Service status is set to {service_status}.")
    now = events.at + timedelta(seconds=30 if ended and not succeeded else 60 * (scenario.minutes or 1))
    failed_as = "FAILED" if scenario.operation == "create" else "ROLLBACK_SUCCEEDED"
    operation = {
        "Id": _OPERATION_ID,
        "Type": kind,
        "Status": "SUCCEEDED" if succeeded else failed_as if ended else "IN_PROGRESS",
        "TargetArn": ARN,
        "StartedAt": _iso(_START),
        "UpdatedAt": _iso(events.at),
        **({"EndedAt": _iso(events.at)} if ended else {}),
    }
    groups: dict[str, Any] = {
        f"/aws/apprunner/shop/{SERVICE_ID}/service": {
            "events": events.lines,
            f"deployment/{_DEPLOYMENT_ID}": deployment.lines,
        }
    }
    streams = {
        **({"instance/aa": _lines(scenario.serving, _START - timedelta(hours=1))} if scenario.serving else {}),
        **(
            {_INSTANCE: _lines(scenario.application, application_at, scenario.line_seconds)}
            if scenario.application
            else {}
        ),
    }
    if streams:
        groups[f"/aws/apprunner/shop/{SERVICE_ID}/application"] = streams
    event = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "AppRunner Service Operation Status Change",
        "source": "aws.apprunner",
        "account": "123456789012",
        "time": _iso(events.at if ended else _START),
        "region": "eu-west-1",
        "resources": [ARN],
        "detail": {
            "operationStatus": event_name
            + ("CompletedSuccessfully" if succeeded else "Failed" if ended else "Started"),
            "serviceName": "shop",
            "serviceId": SERVICE_ID,
            "message": "",
            "severity": "INFO",
        },
    }
    answers = {
        "apprunner:DescribeService": {"Service": _service(scenario, service_status)},
        "apprunner:ListOperations": {
            "OperationSummaryList": [operation, *([] if scenario.operation == "create" else [_earlier()])]
        },
    }
    return _recording(scenario, now, event, answers, groups)


def _recording(
    scenario: Scenario,
    now: datetime,
    event: dict[str, Any],
    answers: dict[str, Any],
    logs: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "format": 1,
        "id": "scenario",
        "title": scenario.name,
        "platform": "apprunner",
        "recorded_at": _iso(now),
        "configuration": scenario.configuration,
        "event": event,
        "aws": {
            name: [answer if "error" in answer else {"response": answer}]
            for name, answer in {**answers, **scenario.aws}.items()
        },
        "logs": logs or {},
        **({"blobs": scenario.blobs} if scenario.blobs else {}),
    }


def _earlier(status: str = "SUCCEEDED") -> dict[str, str]:
    """The service's creation, a month ago."""
    return {
        "Id": "99999999-2222-3333-4444-555555555555",
        "Type": "CREATE_SERVICE",
        "Status": status,
        "TargetArn": ARN,
        "StartedAt": _iso(_START - timedelta(days=30)),
        "EndedAt": _iso(_START - timedelta(days=30) + timedelta(minutes=4)),
    }


def _play(scenario: Scenario, events: _Log, deployment: _Log) -> datetime:
    """Let the operation run up to its end; when the container began to speak."""
    what = "image" if scenario.source == "image" else "source code"
    deployment.say(f"[AppRunner] Starting to {'pull' if what == 'image' else 'deploy'} your application {what}.")
    for line in scenario.build.splitlines():
        deployment.say(line)
    if scenario.source == "image":
        events.say(f"[AppRunner] Pulling image {scenario.image} from ECR repository.", 4)
        if scenario.pulled:
            events.say("[AppRunner] Successfully pulled your application image from ECR.", 25)
    elif scenario.pulled:
        events.say("[AppRunner] Successfully built your application source code.", 140)
    if scenario.ends == "reason" and not scenario.pulled:
        deployment.say(f"[AppRunner] {scenario.reason}", 20)
        events.say(f"[AppRunner] {scenario.reason}", 20)
        return events.at
    events.say("[AppRunner] Provisioning instances and deploying image for publicly accessible service.", 13)
    if scenario.ends == "soon":
        deployment.say(
            f"[AppRunner] Failed to deploy your application {what}.", (events.at - deployment.at).seconds + 5
        )
        events.at += timedelta(seconds=5)
        return events.at
    check = f"protocol `HTTP` [Path: '{scenario.health_check}'], " if scenario.health_check else "protocol `TCP` "
    events.say(f"[AppRunner] Performing health check on {check}[Port: '{scenario.port}'].", 11)
    began = events.at
    if scenario.ends == "exit":
        events.say(
            "[AppRunner] Your application stopped or failed to start. See logs for more information.  Container exit"
            f" code: {scenario.exit_code}",
            60 * (scenario.minutes or 1),
        )
    elif scenario.ends == "reason":
        events.say(f"[AppRunner] {scenario.reason}", 44)
    elif scenario.ends == "health check":
        tail = f"protocol `HTTP`[Path: '{scenario.health_check}'], " if scenario.health_check else "protocol `TCP` "
        events.say(
            f"[AppRunner] Health check failed on {tail}[Port: '{scenario.port}']. Check your configured port number."
            " For more information, see the application logs.",
            60 * (scenario.minutes or 18),
        )
    return began + timedelta(seconds=2)


def _service(scenario: Scenario, status: str) -> dict[str, Any]:
    values = {
        "Port": str(scenario.restored_port or scenario.port),
        "RuntimeEnvironmentVariables": scenario.variables,
        "RuntimeEnvironmentSecrets": {
            name: f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}" for name in scenario.secrets
        },
        **({"StartCommand": scenario.start_command} if scenario.start_command else {}),
    }
    if scenario.source == "image":
        source: dict[str, Any] = {
            "ImageRepository": {
                "ImageIdentifier": scenario.image,
                "ImageRepositoryType": "ECR",
                "ImageConfiguration": values,
            },
            "AuthenticationConfiguration": {"AccessRoleArn": scenario.access_role} if scenario.access_role else {},
        }
    else:
        code = {**values, "Runtime": scenario.runtime, "BuildCommand": scenario.build_command}
        source = {
            "CodeRepository": {
                "RepositoryUrl": "https://github.com/example/shop",
                "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                "CodeConfiguration": {
                    "ConfigurationSource": scenario.configured_in,
                    **({"CodeConfigurationValues": code} if scenario.configured_in == "API" else {}),
                },
                **({"SourceDirectory": scenario.source_directory} if scenario.source_directory else {}),
            }
        }
    source["AutoDeploymentsEnabled"] = scenario.auto_deployments
    path = scenario.restored_health_check or scenario.health_check
    health_check = {"Protocol": "HTTP", "Path": path} if path else {"Protocol": "TCP"}
    return {
        "ServiceName": "shop",
        "ServiceId": SERVICE_ID,
        "ServiceArn": ARN,
        "ServiceUrl": "abcdefghij.eu-west-1.awsapprunner.com",
        "CreatedAt": _iso(_START - timedelta(days=30)),
        "UpdatedAt": _iso(_START),
        "Status": status,
        "SourceConfiguration": source,
        "InstanceConfiguration": {
            "Cpu": "1024",
            "Memory": scenario.memory,
            **({"InstanceRoleArn": scenario.instance_role} if scenario.instance_role else {}),
        },
        "HealthCheckConfiguration": health_check,
        "NetworkConfiguration": {
            "EgressConfiguration": {
                "EgressType": scenario.egress,
                **({"VpcConnectorArn": CONNECTOR} if scenario.egress == "VPC" else {}),
            }
        },
    }


def _lines(text: str, at: datetime, apart: float = 0.2) -> list[list[str]]:
    return [[_iso(at + timedelta(seconds=apart * number)), line] for number, line in enumerate(text.splitlines())]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
