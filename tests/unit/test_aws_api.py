"""Which of AWS's own APIs the application calls, as far as its environment says; and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apprunner_watcher.aws_api import api_of_host, named_apis
from apprunner_watcher.redaction import Variable, variable


def apis(**variables: str) -> tuple[str, ...]:
    return named_apis(variable(name, value) for name, value in variables.items())


@pytest.mark.parametrize(
    ("host", "api"),
    [
        ("s3.amazonaws.com", "s3"),
        ("s3.us-east-1.amazonaws.com", "s3"),
        ("s3-us-west-2.amazonaws.com", "s3"),
        ("s3.dualstack.eu-central-1.amazonaws.com", "s3"),
        ("s3-fips.us-gov-west-1.amazonaws.com", "s3"),
        ("shop-assets.s3.eu-west-1.amazonaws.com", "s3"),
        ("shop.assets.s3.amazonaws.com", "s3"),
        ("dynamodb.ap-southeast-2.amazonaws.com", "dynamodb"),
        ("sqs.us-east-1.amazonaws.com", "sqs"),
        ("SQS.US-EAST-1.AMAZONAWS.COM", "sqs"),
        ("sns.us-east-1.amazonaws.com", "sns"),
        ("secretsmanager.us-east-1.amazonaws.com", "secretsmanager"),
        ("ssm.cn-north-1.amazonaws.com.cn", "ssm"),
        ("kms.us-east-1.amazonaws.com", "kms"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock-runtime"),
        ("kinesis.us-east-1.amazonaws.com", "kinesis-streams"),
        ("states.us-east-1.amazonaws.com", "states"),
        ("events.us-east-1.amazonaws.com", "events"),
        ("cognito-idp.us-east-1.amazonaws.com", "cognito-idp"),
        ("textract.us-east-1.amazonaws.com", "textract"),
        ("sts.amazonaws.com", "sts"),
        ("lambda.us-east-1.amazonaws.com", "lambda"),
        ("email.us-east-1.amazonaws.com", "email"),
        ("monitoring.us-east-1.amazonaws.com", "monitoring"),
        ("logs.us-east-1.amazonaws.com", "logs"),
        # none of AWS's APIs
        ("", ""),
        ("amazonaws.com", ""),
        ("us-east-1.amazonaws.com", ""),
        ("s3.example.com", ""),
        ("s3.amazonaws.com.example.com", ""),
        ("mys3.amazonaws.com", ""),
        ("s3.us-east-1.notamazonaws.com", ""),
        ("nyc3.digitaloceanspaces.com", ""),
        ("minio", ""),
        # resources in the customer's VPC, or hosted elsewhere
        ("shop-db.c1a2b3c4d5e6.us-east-1.rds.amazonaws.com", ""),
        ("sqs.c1a2b3c4d5e6.us-east-1.rds.amazonaws.com", ""),
        ("master.shop.abc123.use1.cache.amazonaws.com", ""),
        ("abc123.execute-api.us-east-1.amazonaws.com", ""),
        ("d111111abcdef8.cloudfront.net", ""),
        ("shop.us-east-1.awsapprunner.com", ""),
    ],
)
def test_hosts(host: str, api: str) -> None:
    assert api_of_host(host) == api


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("https://sqs.us-east-1.amazonaws.com/111122223333/orders", "sqs"),
        ("HTTPS://sqs.us-east-1.amazonaws.com/111122223333/orders", "sqs"),
        ("https://user:password@sqs.us-east-1.amazonaws.com:443/x", "sqs"),
        ("dynamodb.us-east-1.amazonaws.com:443", "dynamodb"),
        ("s3://shop-assets/path", "s3"),
        ("arn:aws:s3:::shop-assets", "s3"),
        ("arn:aws:sns:us-east-1:111122223333:topic", "sns"),
        ("arn:aws-cn:kinesis:cn-north-1:111122223333:stream/orders", "kinesis-streams"),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:shop-AbCdEf", "secretsmanager"),
        ("arn:aws:lambda:us-east-1:111122223333:function:f", "lambda"),
        ("arn:aws:iam::111122223333:role/s3", ""),
        ("arn:aws:rds:us-east-1:111122223333:db:shop", ""),
        ("arn:other:s3:::shop", ""),
        ("https://example.com/https://sqs.us-east-1.amazonaws.com/", ""),
        ("https://example.com/?to=sqs.us-east-1.amazonaws.com", ""),
        ("postgresql://u:p@shop-db.c1a2b3c4d5e6.us-east-1.rds.amazonaws.com:5432/shop", ""),
    ],
)
def test_values(value: str, found: str) -> None:
    assert apis(NEUTRAL=value) == ((found,) if found else ())


@pytest.mark.parametrize("shown", ["see arn:aws:s3:::shop", "in s3://shop", "or sqs.us-east-1.amazonaws.com"])
def test_what_stands_in_a_text_is_not_called(shown: str) -> None:
    assert named_apis([Variable(name="NEUTRAL", shown=shown)]) == ()


@pytest.mark.parametrize(
    ("name", "api"),
    [
        ("S3_BUCKET", "s3"),
        ("AWS_S3_BUCKET_NAME", "s3"),
        ("assets_s3", "s3"),
        ("AWS_STORAGE_BUCKET_NAME", "s3"),
        ("DYNAMODB_TABLE", "dynamodb"),
        ("DDB_TABLE", "dynamodb"),
        ("ORDERS_SQS_QUEUE", "sqs"),
        ("SNS_TOPIC", "sns"),
        ("SECRETS_MANAGER_ID", "secretsmanager"),
        ("SECRETSMANAGER_ID", "secretsmanager"),
        ("DB_SECRET_ARN", "secretsmanager"),
        ("SSM_PREFIX", "ssm"),
        ("PARAMETER_STORE_PATH", "ssm"),
        ("KMS_KEY_ID", "kms"),
        ("BEDROCK_MODEL_ID", "bedrock-runtime"),
        ("KINESIS_STREAM", "kinesis-streams"),
        ("STATE_MACHINE", "states"),
        ("STEP_FUNCTION_NAME", "states"),
        ("EVENT_BUS_NAME", "events"),
        ("COGNITO_USER_POOL_ID", "cognito-idp"),
        ("TEXTRACT_MODE", "textract"),
        # near misses
        ("AWS_REGION", ""),
        ("AWS_DEFAULT_REGION", ""),
        ("AWS_ACCOUNT_ID", ""),
        ("S3CMD", ""),
        ("MS3_NAME", ""),
        ("CLASS3", ""),
        ("ANSWERS", ""),
        ("SNSD", ""),
        ("ALKMS", ""),
        ("BUCKET", ""),
        ("QUEUE_NAME", ""),
        ("SECRET_KEY", ""),
        ("EVENTS", ""),
        ("DATABASE_URL", ""),
    ],
)
def test_names(name: str, api: str) -> None:
    assert apis(**{name: "shop-assets"}) == ((api,) if api else ())
    assert named_apis([Variable(name=name, shown="***")]) == ((api,) if api else ())


@pytest.mark.parametrize("value", ["false", "False", "0", "no", "off", "none", "disabled", "", "  ", " FALSE "])
def test_what_is_switched_off_is_not_called(value: str) -> None:
    assert apis(KMS_ENABLED=value, USE_S3=value) == ()


@pytest.mark.parametrize("name", ["DISABLE_S3", "S3_DISABLED", "KMS_DISABLE", "SKIP_SQS"])
def test_what_is_switched_off_by_a_flag_is_not_called(name: str) -> None:
    assert apis(**{name: "true"}) == ()
    assert apis(**{name: "false"}) == ()


@pytest.mark.parametrize("name", ["UNDISABLED_S3", "S3_SKIPPER"])
def test_a_flag_is_a_word_of_the_name(name: str) -> None:
    assert apis(**{name: "true"}) == ("s3",)


@pytest.mark.parametrize(
    "variables",
    [
        {"S3_ENDPOINT": "https://nyc3.digitaloceanspaces.com", "S3_BUCKET": "shop-assets"},
        {"S3_BUCKET": "shop-assets", "AWS_ENDPOINT_URL_S3": "http://minio.internal:9000"},
        {"S3_ENDPOINT": "minio.internal:9000", "S3_BUCKET": "shop-assets"},
        {"SQS_ENDPOINT": "http://elasticmq.internal:9324", "SQS_QUEUE": "orders"},
    ],
)
def test_a_protocol_of_aws_that_others_speak_is_none_of_its_apis(variables: dict[str, str]) -> None:
    assert apis(**variables) == ()


def test_aws_s_own_endpoint_is_one() -> None:
    assert apis(S3_ENDPOINT="https://s3.eu-west-1.amazonaws.com", S3_BUCKET="shop-assets") == ("s3",)


def test_a_url_that_leads_elsewhere_names_no_api_and_takes_none_away() -> None:
    """Behind a CDN, say."""
    assert apis(S3_PUBLIC_URL="https://cdn.example.com/") == ()
    assert apis(S3_PUBLIC_URL="https://cdn.example.com/", S3_BUCKET="shop-assets") == ("s3",)


def test_a_bucket_may_be_named_like_a_host() -> None:
    assert apis(S3_BUCKET="assets.example.com") == ("s3",)


def test_a_value_tells_more_than_the_name() -> None:
    assert apis(SQS_URL="https://sns.us-east-1.amazonaws.com") == ("sns",)


def test_each_is_told_once_and_in_order() -> None:
    assert apis(SQS_QUEUE="b", S3_BUCKET="a", OTHER_S3_BUCKET="c", KMS_KEY="d") == ("kms", "s3", "sqs")
    assert apis() == ()


@given(st.lists(st.tuples(st.text(), st.text() | st.from_regex(r"(?:https?://|arn:aws:|s3)[\w.:@/-]*"))))
def test_nothing_raises(pairs: list[tuple[str, str]]) -> None:
    found = named_apis(Variable(name=name, shown=shown) for name, shown in pairs)
    assert found == tuple(sorted(set(found)))
    assert all(api_of_host(shown) in {"", *found} for _, shown in pairs if shown == shown.strip())
