"""Here you find the template as CloudFormation would deploy it: translated by SAM, its conditions decided."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/this-stack/1",
    "AWS::StackName": "this-stack",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()


@dataclass(frozen=True)
class Stack:
    """What one choice of parameters makes. A reference to a resource reads `<Table>`, an attribute `<Table.Arn>`."""

    parameters: dict[str, str]
    resources: dict[str, dict[str, Any]]
    outputs: dict[str, dict[str, Any]]
    refused: tuple[str, ...]
    """What the template's own rules say against these parameters."""

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """Return the properties of the resources of one type, by logical name."""
        return {
            name: resource["Properties"]
            for name, resource in self.resources.items()
            if resource["Type"] == resource_type
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Return the properties of one resource."""
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    def statements(self) -> Iterator[dict[str, Any]]:
        """Yield every statement of every identity policy, whoever adds one later."""
        for role in self.of_type("AWS::IAM::Role").values():
            for policy in role.get("Policies", []):
                yield from policy["PolicyDocument"]["Statement"]
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
            for policy in self.of_type(kind).values():
                yield from policy["PolicyDocument"]["Statement"]


class _Resolver:
    """Decides conditions and intrinsic functions for one choice of parameters."""

    def __init__(self, template: dict[str, Any], parameters: dict[str, str]) -> None:
        types = {name: entry["Type"] for name, entry in template["Parameters"].items()}
        lists = {name for name in parameters if types[name] == "CommaDelimitedList"}
        self.values: dict[str, str | list[str]] = {
            **PSEUDO_PARAMETERS,
            **parameters,
            **{name: [one.strip() for one in parameters[name].split(",")] for name in lists},
        }
        self.conditions = template.get("Conditions", {})
        self.made = {
            name
            for name, resource in template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def holds(self, condition: str) -> bool:
        return bool(self.resolve(self.conditions[condition]))

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if name == "Ref" or name.startswith("Fn::"):
                return self.function(name, argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def function(self, name: str, argument: Any) -> Any:  # noqa: PLR0911  # one case, one answer
        match name:
            case "Ref":
                return self.reference(argument)
            case "Fn::GetAtt":
                return self.reference(argument if isinstance(argument, str) else ".".join(argument))
            case "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: self.reference(found[1]), argument)
            case "Fn::Join":
                delimiter, pieces = argument
                return str(delimiter).join(self.resolve(pieces))
            case "Fn::If":
                condition, then, otherwise = argument
                return self.resolve(then if self.holds(condition) else otherwise)
            case "Fn::Equals":
                left, right = self.resolve(argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self.resolve(argument[0])
            case "Fn::And":
                return all(self.resolve(argument))
            case "Fn::Or":
                return any(self.resolve(argument))
        pytest.fail(f"the tests do not know the function {name}: add it to {__file__}")

    def reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.values:
            return self.values[name]
        assert name.partition(".")[0] in self.made, f"{name} is referred to, but not made"
        return f"<{name}>"


def read_template() -> dict[str, Any]:
    """Return the template as written, without what only the translation needs."""
    template: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return template


def deploy(**chosen: str) -> Stack:
    """Return the stack that the chosen parameters make; the others keep their default."""
    template = read_template()
    parameters = {name: str(entry["Default"]) for name, entry in template["Parameters"].items()}
    assert set(chosen) <= set(parameters)
    parameters |= chosen
    # What "sam package" does: the translator wants code that is already in a bucket.
    template["Resources"]["WatchFunction"]["Properties"]["CodeUri"] = "s3://bucket/function"
    template["Resources"]["WatcherLayer"]["Properties"]["ContentUri"] = "s3://bucket/layer"
    translated = Translator({}, Parser()).translate(template, {**PSEUDO_PARAMETERS, **parameters})
    resolver = _Resolver(translated, parameters)
    return Stack(
        parameters=parameters,
        resources={
            name: {**resource, "Properties": resolver.resolve(resource["Properties"])}
            for name, resource in translated["Resources"].items()
            if name in resolver.made
        },
        outputs=resolver.resolve(translated["Outputs"]),
        refused=tuple(
            assertion["AssertDescription"]
            for rule in translated.get("Rules", {}).values()
            if resolver.resolve(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not resolver.resolve(assertion["Assert"])
        ),
    )


@pytest.fixture(scope="session", autouse=True)
def _region() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", PSEUDO_PARAMETERS["AWS::Region"])
        yield


EVERYTHING = {
    "NotificationEmail": "owners@example.com",
    "AlarmEmail": "platform@example.com",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d",
    "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary",
    "RolePath": "/platform/",
    "ReservedConcurrency": "5",
    "ImageInspection": "config",
    "RepositoryArns": (
        "arn:aws:ecr:eu-west-1:111122223333:repository/shop, arn:aws:ecr:eu-west-1:111122223333:repository/team/*"
    ),
}
OTHER_TOPIC = {
    "ExistingTopicArn": "arn:aws:sns:eu-west-1:111122223333:incidents",
    "AlarmEmail": "platform@example.com",
}


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """The template as written."""
    return read_template()


@pytest.fixture(scope="session")
def plain(_region: None) -> Stack:
    """The stack with every parameter at its default."""
    return deploy()


@pytest.fixture(scope="session")
def full(_region: None) -> Stack:
    """The stack with every option taken."""
    return deploy(**EVERYTHING)


@pytest.fixture(scope="session")
def with_own_topic(_region: None) -> Stack:
    """The stack that tells on a topic which was there before."""
    return deploy(**OTHER_TOPIC)


@pytest.fixture(scope="session")
def deploy_with(_region: None) -> Callable[..., Stack]:
    """What makes a stack of parameters of the test's own choice."""
    return deploy


@pytest.fixture(params=["plain", "full", "with_own_topic"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each of the stacks above, in turn: for promises that hold always."""
    chosen: Stack = request.getfixturevalue(request.param)
    return chosen
