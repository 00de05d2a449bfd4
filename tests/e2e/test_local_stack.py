"""The local stack is the shipped template: what the emulator leaves out is set as the template says."""

from typing import Any

import pytest
import yaml

from local.settings import TEMPLATE
from local.stack import Stack

pytestmark = pytest.mark.e2e


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions (`!Ref`, …) as their plain arguments."""


def _argument(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


Loader.add_multi_constructor("!", _argument)


@pytest.fixture(scope="module")
def resources() -> Any:
    return yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader)["Resources"]


def test_table_is_completed_as_the_template_says(stack: Stack, resources: Any) -> None:
    shipped = resources["Table"]["Properties"]
    dynamodb, name = stack.client("dynamodb"), stack.outputs["TableName"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry["AttributeName"] == shipped["TimeToLiveSpecification"]["AttributeName"]
    assert (expiry["TimeToLiveStatus"] == "ENABLED") == shipped["TimeToLiveSpecification"]["Enabled"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert (recovery == "ENABLED") == shipped["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]


def test_failures_go_where_the_template_says(stack: Stack, resources: Any) -> None:
    shipped = resources["WatchFunction"]["Properties"]["EventInvokeConfig"]
    function = stack.client("lambda")
    config = function.get_function_event_invoke_config(
        FunctionName=stack.outputs["WatchFunctionName"], Qualifier="$LATEST"
    )
    queue = stack.outputs["FailureQueueUrl"].rpartition("/")[2]
    assert config["MaximumRetryAttempts"] == shipped["MaximumRetryAttempts"]
    assert config["DestinationConfig"]["OnFailure"]["Destination"].endswith(f":{queue}")


def test_the_endpoint_and_how_far_it_looks_into_images_differ_from_the_template(stack: Stack, resources: Any) -> None:
    shipped = resources["WatchFunction"]["Properties"]["Environment"]["Variables"]
    assert {*stack.variables} == {*shipped}
    assert stack.variables["AWS_ENDPOINT_URL"] == stack.address
    assert stack.variables["IMAGE_INSPECTION"] == "config"


def test_the_key_of_the_fingerprints_is_made_as_the_template_says(stack: Stack, resources: Any) -> None:
    shipped = resources["FingerprintKey"]["Properties"]["GenerateSecretString"]
    arn = stack.variables["FINGERPRINT_KEY_ARN"]
    assert arn.startswith("arn:aws:secretsmanager:")
    assert (
        len(stack.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]) == shipped["PasswordLength"]
    )
