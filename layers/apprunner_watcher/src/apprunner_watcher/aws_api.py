"""Here you find which of AWS's own APIs the application calls, as far as its environment says.

APIs are named as VPC endpoint services are: s3, sqs, secretsmanager, bedrock-runtime.
https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
"""

import re
from collections.abc import Iterable

from apprunner_watcher.redaction import Variable

# What people call such variables, in pieces between underscores: S3_BUCKET, AWS_S3_BUCKET_NAME, ORDERS_SQS_QUEUE_URL.
_BY_NAME = {
    "s3": r"S3|AWS_STORAGE_BUCKET_NAME",
    "dynamodb": r"DYNAMODB|DYNAMO|DDB",
    "sqs": r"SQS",
    "sns": r"SNS",
    "secretsmanager": r"SECRETS_?MANAGER|SECRETS_PREFIX|SECRET_ARN",
    "ssm": r"SSM|PARAMETER_STORE",
    "kms": r"KMS",
    "bedrock-runtime": r"BEDROCK",
    "kinesis-streams": r"KINESIS",
    "states": r"STATE_MACHINE|STEP_FUNCTIONS?",
    "events": r"EVENT_BUS|EVENTBRIDGE",
    "cognito-idp": r"COGNITO",
    "textract": r"TEXTRACT",
}
_NAMES = {api: re.compile(rf"(?:^|_)(?:{pieces})(?:_|$)") for api, pieces in _BY_NAME.items()}
# https://docs.aws.amazon.com/general/latest/gr/rande.html; a bucket's name may stand before S3's
_HOST = re.compile(
    r"(?:[\w.-]+\.)?(?P<api>s3|dynamodb|sqs|sns|secretsmanager|ssm|kms|bedrock-runtime|kinesis|states|events|cognito-idp"
    r"|textract|sts|lambda|email|monitoring|logs|bedrock|bedrock-agent-runtime|cognito-identity|firehose|sagemaker-runtime"
    r"|rds-data|xray|rekognition|translate|transcribe|polly|comprehend|athena|glue|appconfigdata|ecs|ec2|batch"
    r"|servicediscovery|scheduler|redshift-data)(?:[.-](?:dualstack\.|fips\.)?[a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com(?:\.cn)?",
    re.IGNORECASE | re.ASCII,
)
_ARN = re.compile(r"arn:aws[\w-]*:(?P<api>s3|dynamodb|sqs|sns|secretsmanager|ssm|kms|kinesis|states|events|lambda):")
_ENDPOINT_SERVICES = {"kinesis": "kinesis-streams"}
_OFF = frozenset({"false", "0", "no", "off", "none", "disabled", "disable", ""})
_NOT_USED = re.compile(r"(?:^|_)(?:DISABLED?|SKIP)(?:_|$)")
_ENDPOINT = re.compile(r"(?:^|_)ENDPOINTS?(?:_|$)")
_BEFORE_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^@/]*@)?", re.IGNORECASE)


def api_of_host(host: str) -> str:
    """The API that answers at this host name; empty where it is none of AWS's."""
    found = _HOST.fullmatch(host)
    return _endpoint_service(found["api"]) if found else ""


def named_apis(variables: Iterable[Variable]) -> tuple[str, ...]:
    """The APIs that the environment names: by a host, an ARN or the name of a variable that is not switched off.

    Others speak these protocols as well (MinIO, DigitalOcean Spaces, ElasticMQ): where the endpoint of an API is a host
    of theirs, its other variables name nothing of AWS's either.
    """
    named: set[str] = set()
    elsewhere: set[str] = set()
    for one in variables:
        name = one.name.upper()
        if one.shown.strip().lower() in _OFF or _NOT_USED.search(name):
            continue
        by_value, by_name = _by_value(one.shown), _by_name(name)
        if not by_value and by_name and _ENDPOINT.search(name) and one.kind in {"url", "host"}:
            elsewhere.add(by_name)
        elif api := by_value or (by_name if one.kind != "url" else ""):
            named.add(api)
    return tuple(sorted(named - elsewhere))


def _by_value(shown: str) -> str:
    host = _BEFORE_HOST.sub("", shown, count=1).partition("/")[0].partition(":")[0]
    if api := api_of_host(host):
        return api
    if shown.startswith("s3://"):
        return "s3"
    arn = _ARN.match(shown)
    return _endpoint_service(arn["api"]) if arn else ""


def _by_name(name: str) -> str:
    return next((api for api, pattern in _NAMES.items() if pattern.search(name)), "")


def _endpoint_service(api: str) -> str:
    return _ENDPOINT_SERVICES.get(api.lower(), api.lower())
