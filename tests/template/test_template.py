"""Here you find what the template promises: who may do what, what is kept, what is told, and that nothing is lost."""

import ast
import itertools
import re
import tomllib
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from apprunner_watcher.aws.gather import READS as READS_OF_THE_CODE

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs" / "operations.md"
LAYER = ROOT / "layers" / "apprunner_watcher"


def here(service: str, *resources: str) -> frozenset[str]:
    """ARNs of the account and Region of the stack."""
    region = "" if service == "iam" else "eu-west-1"
    return frozenset(f"arn:aws:{service}:{region}:111122223333:{one}" for one in resources)


EVERYTHING = frozenset({"*"})
SERVICE = here("apprunner", "service/*/*")
OF_SERVICES = here(
    "apprunner", "vpcconnector/*/*/*", "autoscalingconfiguration/*/*/*", "observabilityconfiguration/*/*/*"
)
DATABASES = here("rds", "db:*", "cluster:*", "db-proxy:*", "db-proxy-endpoint:*", "subgrp:*", "pg:*")
CACHES = here("elasticache", "cluster:*", "replicationgroup:*", "serverlesscache:*", "subnetgroup:*")
ROLES = here("iam", "role/*")
SECRETS = here("secretsmanager", "secret:*")
REPOSITORIES = here("ecr", "repository/*")
# What the function's role may read with every option taken, complete: one line more is a new permission to ask of every
# user.
READS = {
    "apprunner:DescribeService": SERVICE,
    "apprunner:ListOperations": SERVICE,
    "apprunner:ListTagsForResource": SERVICE,
    "apprunner:DescribeCustomDomains": SERVICE,
    "apprunner:DescribeVpcConnector": OF_SERVICES,
    "apprunner:DescribeAutoScalingConfiguration": OF_SERVICES,
    "apprunner:DescribeObservabilityConfiguration": OF_SERVICES,
    "logs:DescribeLogStreams": here("logs", "log-group:/aws/apprunner/*"),
    "logs:GetLogEvents": here("logs", "log-group:/aws/apprunner/*:log-stream:*"),
    "ec2:DescribeSubnets": EVERYTHING,
    "ec2:DescribeRouteTables": EVERYTHING,
    "ec2:DescribeNatGateways": EVERYTHING,
    "ec2:DescribeInternetGateways": EVERYTHING,
    "ec2:DescribeVpcPeeringConnections": EVERYTHING,
    "ec2:DescribeVpcEndpoints": EVERYTHING,
    "ec2:DescribeVpcAttribute": EVERYTHING,
    "ec2:DescribeSecurityGroups": EVERYTHING,
    "ec2:DescribeNetworkAcls": EVERYTHING,
    "ec2:DescribePrefixLists": EVERYTHING,
    "ec2:GetManagedPrefixListEntries": here("ec2", "prefix-list/*") | {"arn:aws:ec2:eu-west-1:aws:prefix-list/*"},
    "cloudwatch:ListMetrics": EVERYTHING,
    "cloudwatch:GetMetricData": EVERYTHING,
    "rds:DescribeDBInstances": DATABASES,
    "rds:DescribeDBClusters": DATABASES,
    "rds:DescribeDBProxies": DATABASES,
    "rds:DescribeDBProxyEndpoints": DATABASES,
    "rds:DescribeDBSubnetGroups": DATABASES,
    "rds:DescribeDBParameters": DATABASES,
    "elasticache:DescribeCacheClusters": CACHES,
    "elasticache:DescribeReplicationGroups": CACHES,
    "elasticache:DescribeServerlessCaches": CACHES,
    "elasticache:DescribeCacheSubnetGroups": CACHES,
    "iam:GetRole": ROLES,
    "iam:ListAttachedRolePolicies": ROLES,
    "iam:ListRolePolicies": ROLES,
    "iam:GetRolePolicy": ROLES,
    "iam:SimulatePrincipalPolicy": ROLES,
    "secretsmanager:DescribeSecret": SECRETS,
    "secretsmanager:GetResourcePolicy": SECRETS,
    "ssm:DescribeParameters": EVERYTHING,
    "kms:GetKeyPolicy": here("kms", "key/*"),
    "ecr:DescribeImages": REPOSITORIES,
    "ecr:BatchGetImage": REPOSITORIES,
    "ecr:GetDownloadUrlForLayer": REPOSITORIES,
}
# The reads of images that a choice of ImageInspection leaves out.
NOT_ALLOWED = {
    "off": {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
    "manifest": {"ecr:GetDownloadUrlForLayer"},
    "config": set(),
}
# Actions that stand on the resource *, each with its reason.
_LISTS = "EC2 knows no resource for this description; it shows how the network is built, and no content"
EVERYTHING_OR_NOTHING = {
    "ec2:DescribeSubnets": _LISTS,
    "ec2:DescribeRouteTables": _LISTS,
    "ec2:DescribeNatGateways": _LISTS,
    "ec2:DescribeInternetGateways": _LISTS,
    "ec2:DescribeVpcPeeringConnections": _LISTS,
    "ec2:DescribeVpcEndpoints": _LISTS,
    "ec2:DescribeSecurityGroups": _LISTS,
    "ec2:DescribeNetworkAcls": _LISTS,
    "ec2:DescribePrefixLists": _LISTS,
    "ec2:DescribeVpcAttribute": "two DNS settings; a connector may be in any VPC, so vpc/* would be as much as *",
    "cloudwatch:ListMetrics": "a metric has no ARN",
    "cloudwatch:GetMetricData": "a metric has no ARN; the code asks for those of App Runner",
    "ssm:DescribeParameters": "it is a list of all parameters; names and types, no value",
}
# What would let the watcher read what services keep secret.
SECRET_READS = (
    "kms:Decrypt",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "secretsmanager:BatchGetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "ssm:GetParameterHistory",
)
READING_VERB = re.compile(r"^(Get|List|Describe|Lookup|Filter|Simulate|Search|BatchGet|Query|Scan)")
# CloudFormation's properties that give a resource a name of one's own choice.
NAMES = {
    "AlarmName", "FunctionName", "GroupName", "LayerName", "LogGroupName", "ManagedPolicyName", "Name", "QueueName",
    "RoleName", "StateMachineName", "TableName", "TopicName",
}  # fmt: skip


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def own(stack: Any, resource: str) -> bool:
    """Whether a resource is the stack's, or was handed to it by a parameter."""
    handed = {stack.parameters["ExistingTopicArn"], stack.parameters["KmsKeyArn"]} - {""}
    return re.fullmatch(r"<\w+(\.\w+)?>", resource) is not None or resource in handed


def foreign(stack: Any) -> dict[str, set[str]]:
    """What is allowed on resources that are not the stack's, by action."""
    found: dict[str, set[str]] = {}
    for action, resource, _ in grants(stack):
        if not own(stack, resource):
            found.setdefault(action, set()).add(resource)
    return found


def grants(stack: Any) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """Yield each allowed (action, resource, statement)."""
    for statement in stack.statements():
        assert "NotAction" not in statement
        assert "NotResource" not in statement
        if statement["Effect"] == "Allow":
            pairs = itertools.product(as_list(statement["Action"]), as_list(statement["Resource"]))
            yield from ((action, resource, statement) for action, resource in pairs)


# ---------------------------------------------------------------- what the role may do


def test_there_is_one_role_and_its_policies_stand_in_the_template(stack: Any) -> None:
    assert set(stack.of_type("AWS::IAM::Role")) == {"WatchRole"}
    assert "ManagedPolicyArns" not in stack.properties("WatchRole")
    assert stack.properties("WatchFunction")["Role"] == "<WatchRole.Arn>"


def test_only_lambda_may_take_the_role(stack: Any) -> None:
    (statement,) = stack.properties("WatchRole")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"


def test_no_value_of_a_secret_or_parameter_can_be_read_but_the_own_fingerprint_key(stack: Any) -> None:
    values = {
        (action, resource)
        for action, resource, _ in grants(stack)
        if any(fnmatchcase(secret.lower(), action.lower()) for secret in SECRET_READS)
    }
    of_own_key = {("kms:Decrypt", stack.parameters["KmsKeyArn"])} if stack.parameters["KmsKeyArn"] else set()
    assert values == {("secretsmanager:GetSecretValue", "<FingerprintKey>")} | of_own_key


@pytest.mark.parametrize("inspection", ["off", "manifest", "config"])
@pytest.mark.parametrize(
    "repositories",
    [
        (),
        ("arn:aws:ecr:eu-west-1:111122223333:repository/shop",),
        (
            "arn:aws:ecr:eu-west-1:111122223333:repository/shop",
            "arn:aws:ecr:eu-west-1:111122223333:repository/team/*",
        ),
    ],
    ids=["all repositories", "one repository", "two repositories"],
)
def test_the_role_reads_exactly_what_is_listed_and_images_as_far_as_was_chosen(
    deploy_with: Callable[..., Any], inspection: str, repositories: tuple[str, ...]
) -> None:
    stack = deploy_with(ImageInspection=inspection, RepositoryArns=",".join(repositories))
    allowed = {action: places for action, places in READS.items() if action not in NOT_ALLOWED[inspection]}
    of_images = {action: set(repositories) for action in allowed if repositories and action.startswith("ecr:")}
    assert foreign(stack) == {**allowed, **of_images}


def test_the_role_reads_no_more_with_other_options_taken(stack: Any) -> None:
    left_out = NOT_ALLOWED[stack.parameters["ImageInspection"]]
    others = {action: places for action, places in foreign(stack).items() if not action.startswith("ecr:")}
    assert others == {action: places for action, places in READS.items() if not action.startswith("ecr:")}
    assert foreign(stack).keys() == READS.keys() - left_out


@pytest.mark.parametrize(
    ("arn", "is_taken"),
    [
        ("", True),
        ("arn:aws:ecr:eu-west-1:111122223333:repository/shop", True),
        ("arn:aws-cn:ecr:cn-north-1:111122223333:repository/team/*", True),
        ("*", False),
        ("shop", False),
        ("arn:aws:ecr:*:*:repository/*", False),
        ("arn:aws:s3:::shop", False),
    ],
)
def test_only_repositories_can_be_named_as_repositories(template: dict[str, Any], arn: str, *, is_taken: bool) -> None:
    assert bool(re.fullmatch(template["Parameters"]["RepositoryArns"]["AllowedPattern"], arn)) is is_taken


def test_the_role_allows_every_read_that_the_code_makes_and_no_other() -> None:
    assert set(READS) == set(READS_OF_THE_CODE)
    for action, form in READS_OF_THE_CODE.items():
        arn = form.format(partition="aws", region="eu-west-1", account="111122223333")
        assert any(fnmatchcase(arn, place) for place in READS[action]), action


def test_whatever_writes_is_limited_to_the_stack(stack: Any) -> None:
    for action, resource, statement in grants(stack):
        if not READING_VERB.match(action.partition(":")[2]):
            assert own(stack, resource), f"{statement['Sid']}: {action} on {resource}"


def test_a_star_stands_only_for_actions_that_know_nothing_else(stack: Any) -> None:
    for action, resource, statement in grants(stack):
        assert resource != "*" or action in EVERYTHING_OR_NOTHING, f"{statement['Sid']}: {action}"
        assert "*" not in action or action == "kms:GenerateDataKey*", statement["Sid"]


def test_no_reason_for_a_star_is_left_over(plain: Any) -> None:
    assert set(EVERYTHING_OR_NOTHING) == {action for action, resource, _ in grants(plain) if resource == "*"}


def test_every_statement_says_what_it_is_for(stack: Any) -> None:
    sids = [statement["Sid"] for statement in stack.statements()]
    assert len(sids) == len(set(sids))


def test_the_own_key_is_used_only_through_the_services_that_hold_the_data(plain: Any, full: Any) -> None:
    def uses(stack: Any) -> list[tuple[str, str, dict[str, Any]]]:
        return [one for one in grants(stack) if one[0].startswith("kms:") and one[0] not in READS]

    assert uses(plain) == []
    assert {action for action, _, _ in uses(full)} == {"kms:Decrypt", "kms:GenerateDataKey*"}
    for _, resource, statement in uses(full):
        assert resource == full.parameters["KmsKeyArn"]
        assert statement["Condition"]["StringEquals"]["kms:ViaService"] == [
            "dynamodb.eu-west-1.amazonaws.com",
            "sns.eu-west-1.amazonaws.com",
            "secretsmanager.eu-west-1.amazonaws.com",
        ]


def test_an_organisation_can_bound_and_place_the_role(plain: Any, full: Any) -> None:
    assert "PermissionsBoundary" not in plain.properties("WatchRole")
    assert plain.properties("WatchRole")["Path"] == "/"
    assert full.properties("WatchRole")["PermissionsBoundary"] == full.parameters["PermissionsBoundaryArn"]
    assert full.properties("WatchRole")["Path"] == "/platform/"


# ---------------------------------------------------------------- what happened


def test_the_rule_looks_at_nothing_inside_detail(plain: Any) -> None:
    assert plain.properties("OperationRule")["EventPattern"] == {
        "source": ["aws.apprunner"],
        "detail-type": [
            "AppRunner Service Operation Status Change",
            "AppRunner Custom Domain Validation Status Update",
        ],
    }


def test_calls_of_app_runner_only_are_asked_for(plain: Any) -> None:
    assert plain.properties("CallRule")["EventPattern"] == {
        "source": ["aws.apprunner"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["apprunner.amazonaws.com"]},
    }


def test_the_test_rule_takes_test_events_only(plain: Any) -> None:
    pattern = plain.properties("TestRule")["EventPattern"]
    assert pattern["source"] == ["apprunner-watcher"]
    assert pattern["detail-type"] == ["Test Requested"]
    assert "send-test" in plain.properties("TestRule")["Description"]


def test_every_rule_may_call_the_function_and_has_somewhere_to_put_what_it_cannot_deliver(plain: Any) -> None:
    rules = plain.of_type("AWS::Events::Rule")
    allowed = {
        permission["SourceArn"]
        for permission in plain.of_type("AWS::Lambda::Permission").values()
        if permission["Principal"] == "events.amazonaws.com" and permission["FunctionName"] == "<WatchFunction>"
    }
    assert allowed == {f"<{name}.Arn>" for name in rules}
    for rule in rules.values():
        assert "EventBusName" not in rule
        for target in rule["Targets"]:
            assert target["Arn"] == "<WatchFunction.Arn>"
            assert target["DeadLetterConfig"] == {"Arn": "<RuleDeadLetterQueue.Arn>"}
            assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185}


def test_only_rules_of_this_stack_may_fill_the_dead_letter_queue(plain: Any) -> None:
    (queue,) = plain.properties("RuleDeadLetterQueuePolicy")["Queues"]
    allow, _deny = plain.properties("RuleDeadLetterQueuePolicy")["PolicyDocument"]["Statement"]
    assert queue == "<RuleDeadLetterQueue>"
    assert (allow["Effect"], allow["Action"], allow["Resource"]) == (
        "Allow",
        "sqs:SendMessage",
        "<RuleDeadLetterQueue.Arn>",
    )
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    rules = {f"<{name}.Arn>" for name in plain.of_type("AWS::Events::Rule")}
    assert set(allow["Condition"]["ArnEquals"]["aws:SourceArn"]) == rules


# ---------------------------------------------------------------- nothing is lost


def test_what_the_function_fails_on_goes_to_the_failure_queue(stack: Any) -> None:
    (invocation,) = stack.of_type("AWS::Lambda::EventInvokeConfig").values()
    assert invocation["FunctionName"] == "<WatchFunction>"
    assert invocation["MaximumRetryAttempts"] == 2
    assert invocation["MaximumEventAgeInSeconds"] == 3600
    assert invocation["DestinationConfig"]["OnFailure"]["Destination"] == "<FailureQueue.Arn>"
    assert ("sqs:SendMessage", "<FailureQueue.Arn>") in {pair[:2] for pair in grants(stack)}


def test_every_queue_is_encrypted_by_sqs_itself_and_keeps_for_as_long_as_it_can(stack: Any) -> None:
    queues = stack.of_type("AWS::SQS::Queue")
    assert set(queues) == {"FailureQueue", "RuleDeadLetterQueue"}
    for queue in queues.values():
        # also with a customer key: a dead-letter queue must not depend on a key policy
        assert queue == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 24 * 3600}


def test_every_queue_has_an_alarm_that_somebody_hears(stack: Any) -> None:
    watched = set()
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == ["<AlarmsTopic>"]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 1)
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible":
            assert (alarm["Namespace"], alarm["Statistic"]) == ("AWS/SQS", "Maximum")
            watched |= {dimension["Value"] for dimension in alarm["Dimensions"]}
    assert watched == {f"<{name}.QueueName>" for name in stack.of_type("AWS::SQS::Queue")}


def test_an_event_that_not_even_the_failure_queue_took_is_noticed(stack: Any) -> None:
    alarm = stack.properties("LostEventAlarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "DestinationDeliveryFailures")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": "<WatchFunction>"}]


# ---------------------------------------------------------------- what is kept


def test_the_table_outlives_the_stack_and_its_own_accidents(stack: Any) -> None:
    resource = stack.resources["Table"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    table = resource["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]


@pytest.mark.parametrize("choice", ["true", "false"])
def test_deletion_protection_is_a_choice(deploy_with: Callable[..., Any], choice: str) -> None:
    assert deploy_with(DeletionProtection=choice).properties("Table")["DeletionProtectionEnabled"] == choice


def test_only_the_table_outlives_the_stack(stack: Any) -> None:
    kept = {name for name, resource in stack.resources.items() if resource.get("DeletionPolicy") == "Retain"}
    assert kept == {"Table"}


def test_everything_that_holds_data_is_encrypted_and_takes_a_customer_key(plain: Any, full: Any) -> None:
    key = full.parameters["KmsKeyArn"]
    assert "SSESpecification" not in plain.properties("Table")  # AWS's own key, always on
    assert full.properties("Table")["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": key,
    }
    assert plain.properties("IncidentsTopic")["KmsMasterKeyId"] == "alias/aws/sns"
    assert full.properties("IncidentsTopic")["KmsMasterKeyId"] == key
    assert full.properties("AlarmsTopic")["KmsMasterKeyId"] == key
    assert "KmsKeyId" not in plain.properties("FingerprintKey")  # AWS's key for Secrets Manager, always on
    assert full.properties("FingerprintKey")["KmsKeyId"] == key
    assert "KmsKeyId" not in plain.properties("WatchLogGroup")  # CloudWatch's own key, always on
    assert full.properties("WatchLogGroup")["KmsKeyId"] == key


def test_the_fingerprint_key_is_generated_and_nobody_is_told_it(stack: Any, template: dict[str, Any]) -> None:
    ((name, secret),) = stack.of_type("AWS::SecretsManager::Secret").items()
    assert name == "FingerprintKey"
    # nothing that makes the alphabet smaller than letters and digits, and no value of its own
    assert set(secret) <= {"Description", "GenerateSecretString", "KmsKeyId"}
    assert set(secret["GenerateSecretString"]) == {"PasswordLength", "ExcludePunctuation"}
    assert secret["GenerateSecretString"]["PasswordLength"] >= 32
    # the function is given its ARN, and nobody its value
    assert stack.properties("WatchFunction")["Environment"]["Variables"]["FINGERPRINT_KEY_ARN"] == "<FingerprintKey>"
    assert "FingerprintKey" not in str(stack.outputs)
    assert "{{resolve:" not in str(template)
    assert not stack.of_type("AWS::SecretsManager::ResourcePolicy")


def test_the_fingerprint_key_goes_with_the_stack(stack: Any) -> None:
    resource = stack.resources["FingerprintKey"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Delete", "Delete")


def test_the_log_has_an_end_and_the_role_cannot_make_another(stack: Any) -> None:
    assert stack.properties("WatchLogGroup")["RetentionInDays"] == stack.parameters["LogRetentionDays"]
    assert stack.properties("WatchFunction")["LoggingConfig"]["LogGroup"] == "<WatchLogGroup>"
    assert not any(fnmatchcase("logs:CreateLogGroup", action) for action, _, _ in grants(stack))
    assert {
        resource for action, resource, _ in grants(stack) if action in ("logs:CreateLogStream", "logs:PutLogEvents")
    } == {"<WatchLogGroup.Arn>"}


# ---------------------------------------------------------------- who is told


def test_cloudwatch_can_reach_the_alarms_topic(plain: Any, full: Any) -> None:
    # it cannot use alias/aws/sns, whose policy nobody can change
    assert "KmsMasterKeyId" not in plain.properties("AlarmsTopic")
    for stack in (plain, full):
        allow, _deny = stack.properties("AlarmsTopicPolicy")["PolicyDocument"]["Statement"]
        assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert (allow["Effect"], allow["Action"], allow["Resource"]) == ("Allow", "sns:Publish", "<AlarmsTopic>")
        assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}


def test_topics_and_queues_refuse_what_is_not_encrypted_on_its_way(stack: Any) -> None:
    refusing = set()
    for kind, which in (("AWS::SNS::TopicPolicy", "Topics"), ("AWS::SQS::QueuePolicy", "Queues")):
        for policy in stack.of_type(kind).values():
            deny = policy["PolicyDocument"]["Statement"][-1]
            assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
            assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            assert deny["Action"] in ("sns:Publish", "sqs:*")
            (place,) = policy[which]
            assert deny["Resource"] in (place, place.replace(">", ".Arn>"))
            refusing.add(place)
    places = {**stack.of_type("AWS::SNS::Topic"), **stack.of_type("AWS::SQS::Queue")}
    assert refusing == {f"<{name}>" for name in places}


def test_no_policy_of_a_resource_admits_another_account(stack: Any) -> None:
    for kind in ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"):
        for policy in stack.of_type(kind).values():
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    assert set(statement["Principal"]) == {"Service"}
                    assert "aws:SourceArn" in str(statement["Condition"])


@pytest.mark.parametrize(
    ("notification", "alarm", "expected"),
    [
        ("", "", {}),
        ("a@example.com", "", {"<IncidentsTopic>": "a@example.com", "<AlarmsTopic>": "a@example.com"}),
        ("", "b@example.com", {"<AlarmsTopic>": "b@example.com"}),
        ("a@example.com", "b@example.com", {"<IncidentsTopic>": "a@example.com", "<AlarmsTopic>": "b@example.com"}),
    ],
)
def test_who_is_written_to(
    deploy_with: Callable[..., Any], notification: str, alarm: str, expected: dict[str, str]
) -> None:
    stack = deploy_with(NotificationEmail=notification, AlarmEmail=alarm)
    subscriptions = stack.of_type("AWS::SNS::Subscription").values()
    assert {entry["TopicArn"]: entry["Endpoint"] for entry in subscriptions} == expected


def test_an_existing_topic_takes_the_place_of_the_own_one(with_own_topic: Any) -> None:
    topic = with_own_topic.parameters["ExistingTopicArn"]
    assert set(with_own_topic.of_type("AWS::SNS::Topic")) == {"AlarmsTopic"}
    assert with_own_topic.outputs["IncidentsTopicArn"]["Value"] == topic
    variables = with_own_topic.properties("WatchFunction")["Environment"]["Variables"]
    assert variables["INCIDENTS_TOPIC_ARN"] == topic
    assert [resource for action, resource, _ in grants(with_own_topic) if action == "sns:Publish"] == [topic]


def test_an_address_for_an_existing_topic_is_refused_and_not_ignored(
    deploy_with: Callable[..., Any], with_own_topic: Any, full: Any
) -> None:
    topic = with_own_topic.parameters["ExistingTopicArn"]
    assert deploy_with(ExistingTopicArn=topic, NotificationEmail="a@example.com").refused
    assert not with_own_topic.refused
    assert not full.refused


# ---------------------------------------------------------------- how the function runs


def test_the_function_and_its_layer_are_for_the_same_machine(plain: Any, template: dict[str, Any]) -> None:
    function = plain.properties("WatchFunction")
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    ((layer_name, layer),) = plain.of_type("AWS::Lambda::LayerVersion").items()
    assert function["Layers"] == [f"<{layer_name}>"]
    assert layer["CompatibleRuntimes"] == ["python3.13"]
    assert layer["CompatibleArchitectures"] == ["arm64"]
    assert template["Resources"]["WatcherLayer"]["Metadata"]["BuildArchitecture"] == "arm64"
    makefile = (LAYER / "Makefile").read_text()
    assert "LAMBDA_TARGET := --python-version 3.13 --python-platform aarch64-manylinux_2_28\n" in makefile
    assert re.search(r"^build-WatcherLayer:", makefile, re.MULTILINE)


def test_the_function_gets_the_size_and_the_time_that_were_chosen(deploy_with: Callable[..., Any]) -> None:
    function = deploy_with(MemorySize="2048", Timeout="90").properties("WatchFunction")
    assert (function["MemorySize"], function["Timeout"]) == ("2048", "90")


def test_concurrency_is_reserved_only_when_asked(plain: Any, full: Any, deploy_with: Callable[..., Any]) -> None:
    assert "ReservedConcurrentExecutions" not in plain.properties("WatchFunction")
    assert full.properties("WatchFunction")["ReservedConcurrentExecutions"] == "5"
    stopped = deploy_with(ReservedConcurrency="0")
    assert stopped.properties("WatchFunction")["ReservedConcurrentExecutions"] == "0"


def test_the_function_gets_these_variables_and_no_others(plain: Any) -> None:
    assert plain.properties("WatchFunction")["Environment"]["Variables"] == {
        "TABLE_NAME": "<Table>",
        "INCIDENTS_TOPIC_ARN": "<IncidentsTopic>",
        "FAILURE_QUEUE_URL": "<FailureQueue>",
        "RETENTION_DAYS": "365",
        "IMAGE_INSPECTION": "manifest",
        "FINGERPRINT_KEY_ARN": "<FingerprintKey>",
        "OWN_ROLE_ARN": "<WatchRole.Arn>",
        "POWERTOOLS_SERVICE_NAME": "watch",
        "POWERTOOLS_METRICS_NAMESPACE": "AppRunnerWatcher",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "AWS_ENDPOINT_URL": "",
    }


def test_the_code_reads_the_variables_that_the_template_sets(plain: Any) -> None:
    ours = {
        name
        for name in plain.properties("WatchFunction")["Environment"]["Variables"]
        if not name.startswith(("POWERTOOLS_", "AWS_"))
    }
    sources = [*ROOT.glob("functions/watch/*.py"), *LAYER.glob("src/**/*.py")]
    texts = {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert ours <= texts
    asked = {
        name
        for source in ROOT.glob("functions/watch/*.py")
        for name in re.findall(r"(?:environ(?:\.get\(|\[)|getenv\()\s*[\"'](\w+)", source.read_text())
    }
    assert asked <= set(plain.properties("WatchFunction")["Environment"]["Variables"])


# ---------------------------------------------------------------- two stacks, several Regions, again after removal


def test_nothing_has_a_fixed_name(stack: Any) -> None:
    referring = {
        ("AWS::Lambda::Permission", "FunctionName"),
        ("AWS::Lambda::EventInvokeConfig", "FunctionName"),
    }
    for name, resource in stack.resources.items():
        for key, value in resource["Properties"].items():
            if key in NAMES and (resource["Type"], key) not in referring:
                assert "this-stack" in value, f"{name}.{key} is {value}"
    assert not any("Export" in output for output in stack.outputs.values())


def test_no_account_and_no_region_is_written_down(template: dict[str, Any]) -> None:
    resources = str(template["Resources"])
    assert not re.findall(r"\b\d{12}\b|\b[a-z]{2}(?:-gov)?-[a-z]+-\d\b", resources)
    commands = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
    assert not any("region" in command["parameters"] for command in commands.values())


def test_arns_are_built_for_every_partition(template: dict[str, Any]) -> None:
    assert "arn:aws:" not in str(template["Resources"])


CHOICES = {
    "NotificationEmail": ("", "a@example.com"),
    "ExistingTopicArn": ("", "arn:aws:sns:eu-west-1:111122223333:incidents"),
    "AlarmEmail": ("", "b@example.com"),
    "KmsKeyArn": ("", "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d"),
}


@pytest.mark.parametrize("choice", list(itertools.product(*CHOICES.values())))
def test_no_choice_of_parameters_refers_to_what_is_not_made(
    deploy_with: Callable[..., Any], choice: tuple[str, ...]
) -> None:
    assert deploy_with(**dict(zip(CHOICES, choice, strict=True))).resources


# ---------------------------------------------------------------- what a reader finds


def test_every_parameter_has_a_default_a_description_and_a_place_in_the_form(template: dict[str, Any]) -> None:
    for name, parameter in template["Parameters"].items():
        assert "Default" in parameter, name
        assert parameter["Description"].endswith("."), name
        for pattern in (parameter["AllowedPattern"],) if "AllowedPattern" in parameter else ():
            assert re.fullmatch(pattern, str(parameter["Default"])), name
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    placed = [name for group in groups for name in group["Parameters"]]
    assert sorted(placed) == sorted(template["Parameters"])


def test_outputs_are_these_and_described(stack: Any) -> None:
    assert set(stack.outputs) == {
        "TableName",
        "IncidentsTopicArn",
        "AlarmsTopicArn",
        "WatchFunctionName",
        "WatchFunctionArn",
        "WatchRoleArn",
        "FailureQueueUrl",
        "RuleDeadLetterQueueUrl",
    }
    assert all(output["Description"].endswith(".") for output in stack.outputs.values())


def test_operations_explains_every_parameter_with_its_default(template: dict[str, Any]) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", OPERATIONS.read_text(), re.MULTILINE))
    for name, parameter in template["Parameters"].items():
        default = str(parameter["Default"])
        assert rows.get(name) == (f"`{default}`" if default else "empty"), name


def test_the_function_gets_the_inspection_that_was_chosen(deploy_with: Callable[..., Any]) -> None:
    for choice in NOT_ALLOWED:
        function = deploy_with(ImageInspection=choice).properties("WatchFunction")
        assert function["Environment"]["Variables"]["IMAGE_INSPECTION"] == choice


def test_operations_explains_every_permission_in_a_row_of_its_own_and_no_other(full: Any) -> None:
    cells = r"^\| `(\w+)` \| `([\w-]+:[\w*]+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$"
    rows = re.findall(cells, OPERATIONS.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted({(statement["Sid"], action) for action, _, statement in grants(full)})


def test_operations_explains_every_alarm(full: Any) -> None:
    text = OPERATIONS.read_text()
    for alarm in full.of_type("AWS::CloudWatch::Alarm"):
        assert f"`{alarm}`" in text, alarm


def test_the_lock_of_the_build_tools_follows_the_package(template: dict[str, Any]) -> None:
    required = tomllib.loads((LAYER / "pyproject.toml").read_text())["build-system"]["requires"]
    asked = [
        line for line in (LAYER / "requirements-build.in").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert asked == required
    locked = (LAYER / "requirements-build.txt").read_text()
    pins = re.findall(r"^([\w.-]+)==\S+ \\\n    --hash=sha256:", locked, re.MULTILINE)
    assert {re.split(r"[<>=~!\[ ]", name)[0] for name in required} <= set(pins)
    assert len(pins) == len(re.findall(r"^[\w.-]+==", locked, re.MULTILINE))
