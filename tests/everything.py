"""A made-up recording of a service that has everything: gather needs each of its reads to see it whole.

Nothing is wrong with its surroundings; its deployment failed because a module is not in the image.
"""

import json
from typing import Any

Answers = list[dict[str, Any]]

REGION, ACCOUNT = "us-east-1", "123456789012"
NAME, SERVICE_ID = "shop", "0123456789abcdef0123456789abcdef"
CAUSE = "module-missing"
SECRETS = ("a-made-up-password", "another-made-up-password")


def arn(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


SERVICE = arn("apprunner", f"service/{NAME}/{SERVICE_ID}")
LOGS = f"/aws/apprunner/{NAME}/{SERVICE_ID}"
CONNECTOR = arn("apprunner", f"vpcconnector/shop/1/{'1' * 32}")
SCALING = arn("apprunner", f"autoscalingconfiguration/shop/1/{'2' * 32}")
TRACING = arn("apprunner", f"observabilityconfiguration/shop/1/{'3' * 32}")
REPOSITORY = arn("ecr", "repository/team/shop")
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/shop:v7"
PULL, RUN = arn("iam", "role/service-role/shop-pull", ""), arn("iam", "role/shop-run", "")
READABLE, ADMITTED = arn("secretsmanager", "secret:shop/api-AbCdEf"), arn("secretsmanager", "secret:shop/sign-GhIjKl")
PARAMETER = arn("ssm", "parameter/shop/mode")
KEY = arn("kms", "key/0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f")

HOME, PEERED = "vpc-0a", "vpc-0b"
PRIVATE, PUBLIC, AWAY = "subnet-0a1", "subnet-0a2", "subnet-0b1"
OWN_GROUP, DATA_GROUP, ENDPOINT_GROUP = "sg-0own", "sg-0data", "sg-0endpoint"
PEERING, GATEWAY, NAT, S3_ENDPOINT = "pcx-0a", "igw-0a", "nat-0a", "vpce-0a"
LIST_OF_S3, LIST_OF_OFFICES = "pl-63a5400a", "pl-0a"

INDEX, FOR_US, CONFIG, OLDER = (f"sha256:{letter * 64}" for letter in "abcd")
_MANIFEST, _INDEX = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
_PULLING = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
]

_RDS = f"0made0up0000.{REGION}.rds.amazonaws.com"
INSTANCE_HOST, CLUSTER_HOST = f"shop-db.{_RDS}", f"shop-aurora.cluster-{_RDS}"
PROXY_HOST, PROXY_ENDPOINT_HOST = f"shop-proxy.proxy-{_RDS}", f"shop-read.endpoint.proxy-{_RDS}"
CACHE_HOST, SERVERLESS_HOST = (
    "master.shop-cache.0made0.use1.cache.amazonaws.com",
    "shop-sessions-0made0.serverless.use1.cache.amazonaws.com",
)
VARIABLES = {
    "NODE_ENV": "production",
    "DATABASE_URL": f"postgresql://shop:{SECRETS[0]}@{INSTANCE_HOST}:5432/shop?sslmode=require",
    "REPORTS_DATABASE_URL": f"postgresql://shop:{SECRETS[0]}@{CLUSTER_HOST}:5432/shop?sslmode=require",
    "POOLED_DATABASE_URL": f"postgresql://shop:{SECRETS[0]}@{PROXY_HOST}:5432/shop?sslmode=require",
    "READ_DATABASE_URL": f"postgresql://shop:{SECRETS[0]}@{PROXY_ENDPOINT_HOST}:5432/shop?sslmode=require",
    "REDIS_URL": f"rediss://shop:{SECRETS[1]}@{CACHE_HOST}:6379",
    "SESSIONS_REDIS_URL": f"rediss://{SERVERLESS_HOST}:6379",
}


def everything() -> dict[str, Any]:
    """The recording's content."""
    return {
        "format": 1,
        "id": "everything",
        "title": "a service with everything, made up",
        "recorded_at": "2026-03-02T09:20:00Z",
        "event": {
            "version": "0",
            "id": "0a0a0a0a-0000-4000-8000-000000000000",
            "detail-type": "AppRunner Service Operation Status Change",
            "source": "aws.apprunner",
            "account": ACCOUNT,
            "time": "2026-03-02T09:10:00Z",
            "region": REGION,
            "resources": [SERVICE],
            "detail": {"operationStatus": "DeploymentFailed", "serviceName": NAME, "serviceId": SERVICE_ID},
        },
        "aws": _service() | _network() | _data() | _access() | _image() | _metrics(),
        "logs": {
            f"{LOGS}/service": {
                "events": [
                    ["2026-03-02T09:00:00Z", "[AppRunner] Deployment started."],
                    ["2026-03-02T09:00:01Z", f"[AppRunner] Deployment with ID : {'4' * 32} started."],
                    ["2026-03-02T09:00:03Z", f"[AppRunner] Pulling image {IMAGE} from ECR repository."],
                    ["2026-03-02T09:00:20Z", "[AppRunner] Successfully pulled your application image from ECR."],
                    ["2026-03-02T09:09:59Z", "[AppRunner] Deployment failed. For details, see service logs."],
                ],
                f"deployment/{'4' * 32}": [
                    ["2026-03-02T09:09:58Z", "[AppRunner] Container exit code: 1"],
                ],
            },
            f"{LOGS}/application": {
                f"instance/{'5' * 32}": [["2026-02-20T08:00:00Z", "listening on 0.0.0.0:3000"]],
                f"instance/{'6' * 32}": [
                    ["2026-03-02T09:01:00Z", "node:internal/modules/cjs/loader:1228"],
                    ["2026-03-02T09:01:00Z", "Error: Cannot find module 'express'"],
                    ["2026-03-02T09:01:00Z", "Require stack:"],
                    ["2026-03-02T09:01:00Z", "- /app/server.js"],
                ],
            },
        },
        "blobs": {
            CONFIG: {
                "os": "linux",
                "architecture": "amd64",
                "created": "2026-03-02T08:40:00Z",
                "config": {"Cmd": ["node", "server.js"], "ExposedPorts": {"3000/tcp": {}}, "Env": ["PATH=/usr/bin"]},
                "history": [{"created": "2026-03-02T08:40:00Z", "created_by": "COPY . /app"}],
            }
        },
        "expect": {"causes": [CAUSE], "evidence": ["Cannot find module 'express'"]},
    }


def _service() -> dict[str, Answers]:
    started_and_ended = {"StartedAt": "2026-03-02T09:00:00Z", "EndedAt": "2026-03-02T09:10:00Z"}
    return {
        "apprunner:DescribeService": _told(
            Service={
                "ServiceName": NAME,
                "ServiceId": SERVICE_ID,
                "ServiceArn": SERVICE,
                "ServiceUrl": "shop.us-east-1.awsapprunner.com",
                "Status": "RUNNING",
                "SourceConfiguration": {
                    "AuthenticationConfiguration": {"AccessRoleArn": PULL},
                    "ImageRepository": {
                        "ImageIdentifier": IMAGE,
                        "ImageRepositoryType": "ECR",
                        "ImageConfiguration": {
                            "Port": "3000",
                            "RuntimeEnvironmentVariables": dict(VARIABLES),
                            "RuntimeEnvironmentSecrets": {
                                "API_KEY": READABLE,
                                "SIGNING_KEY": ADMITTED,
                                "MODE": PARAMETER,
                            },
                        },
                    },
                },
                "InstanceConfiguration": {"Cpu": "1024", "Memory": "2048", "InstanceRoleArn": RUN},
                "HealthCheckConfiguration": {"Protocol": "HTTP", "Path": "/health"},
                "NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": CONNECTOR}},
                "AutoScalingConfigurationSummary": {"AutoScalingConfigurationArn": SCALING},
                "ObservabilityConfiguration": {
                    "ObservabilityEnabled": True,
                    "ObservabilityConfigurationArn": TRACING,
                },
            }
        ),
        "apprunner:ListOperations": _told(
            OperationSummaryList=[
                {"Id": _id(1), "Type": "START_DEPLOYMENT", "Status": "ROLLBACK_SUCCEEDED", **started_and_ended},
                {
                    "Id": _id(2),
                    "Type": "CREATE_SERVICE",
                    "Status": "SUCCEEDED",
                    "StartedAt": "2026-02-20T07:50:00Z",
                    "EndedAt": "2026-02-20T08:01:00Z",
                },
            ]
        ),
        "apprunner:ListTagsForResource": _told(Tags=[{"Key": "team", "Value": "storefront"}]),
        "apprunner:DescribeCustomDomains": _told(
            ServiceArn=SERVICE,
            CustomDomains=[
                {
                    "DomainName": "shop.example.com",
                    "Status": "active",
                    "CertificateValidationRecords": [
                        {"Name": "_x.shop.example.com", "Type": "CNAME", "Status": "SUCCESS"}
                    ],
                }
            ],
        ),
        "apprunner:DescribeAutoScalingConfiguration": _told(
            AutoScalingConfiguration={"AutoScalingConfigurationName": "shop", "MaxConcurrency": 80, "MaxSize": 4}
        ),
        "apprunner:DescribeObservabilityConfiguration": _told(
            ObservabilityConfiguration={"TraceConfiguration": {"Vendor": "AWSXRAY"}}
        ),
        "apprunner:DescribeVpcConnector": _told(
            VpcConnector={
                "VpcConnectorName": "shop",
                "VpcConnectorArn": CONNECTOR,
                "Subnets": [PRIVATE],
                "SecurityGroups": [OWN_GROUP],
                "Status": "ACTIVE",
            }
        ),
    }


def _network() -> dict[str, Answers]:
    """Two VPCs that are peered; the connector in one of them, the Aurora cluster in the other."""
    return {
        "ec2:DescribeSubnets": _told(
            Subnets=[
                _subnet(PRIVATE, HOME, "10.0.1.0/24"),
                _subnet(PUBLIC, HOME, "10.0.2.0/24"),
                _subnet(AWAY, PEERED, "10.1.1.0/24"),
            ]
        ),
        "ec2:DescribeRouteTables": _told(
            RouteTables=[
                _routes(
                    "rtb-0a1",
                    HOME,
                    PRIVATE,
                    _route("10.0.0.0/16", GatewayId="local"),
                    _route("10.1.0.0/16", VpcPeeringConnectionId=PEERING),
                    _route("0.0.0.0/0", NatGatewayId=NAT),
                    {"DestinationPrefixListId": LIST_OF_S3, "GatewayId": S3_ENDPOINT, "State": "active"},
                    {"DestinationPrefixListId": LIST_OF_OFFICES, "VpcPeeringConnectionId": PEERING, "State": "active"},
                ),
                _routes(
                    "rtb-0a2",
                    HOME,
                    PUBLIC,
                    _route("10.0.0.0/16", GatewayId="local"),
                    _route("0.0.0.0/0", GatewayId=GATEWAY),
                ),
                _routes(
                    "rtb-0b1",
                    PEERED,
                    AWAY,
                    _route("10.1.0.0/16", GatewayId="local"),
                    _route("10.0.0.0/16", VpcPeeringConnectionId=PEERING),
                ),
            ]
        ),
        "ec2:DescribeNatGateways": _told(
            NatGateways=[
                {
                    "NatGatewayId": NAT,
                    "VpcId": HOME,
                    "SubnetId": PUBLIC,
                    "State": "available",
                    "ConnectivityType": "public",
                }
            ]
        ),
        "ec2:DescribeInternetGateways": _told(
            InternetGateways=[{"InternetGatewayId": GATEWAY, "Attachments": [{"VpcId": HOME, "State": "available"}]}]
        ),
        "ec2:DescribeVpcPeeringConnections": _told(
            VpcPeeringConnections=[
                {
                    "VpcPeeringConnectionId": PEERING,
                    "RequesterVpcInfo": {"VpcId": HOME},
                    "AccepterVpcInfo": {"VpcId": PEERED},
                    "Status": {"Code": "active"},
                }
            ]
        ),
        "ec2:DescribeVpcEndpoints": _told(
            VpcEndpoints=[
                {
                    "VpcEndpointId": S3_ENDPOINT,
                    "VpcEndpointType": "Gateway",
                    "VpcId": HOME,
                    "ServiceName": "com.amazonaws.us-east-1.s3",
                    "State": "available",
                    "RouteTableIds": ["rtb-0a1"],
                },
                {
                    "VpcEndpointId": "vpce-0b",
                    "VpcEndpointType": "Interface",
                    "VpcId": HOME,
                    "ServiceName": "com.amazonaws.us-east-1.secretsmanager",
                    "State": "available",
                    "SubnetIds": [PRIVATE],
                    "Groups": [{"GroupId": ENDPOINT_GROUP}],
                    "PrivateDnsEnabled": True,
                },
            ]
        ),
        "ec2:DescribeVpcAttribute": [
            {
                "request": {"VpcId": HOME, "Attribute": "enableDnsSupport"},
                "response": {"VpcId": HOME, "EnableDnsSupport": {"Value": True}},
            },
            {
                "request": {"VpcId": HOME, "Attribute": "enableDnsHostnames"},
                "response": {"VpcId": HOME, "EnableDnsHostnames": {"Value": True}},
            },
        ],
        "ec2:DescribeSecurityGroups": _told(
            SecurityGroups=[
                {
                    "GroupId": OWN_GROUP,
                    "GroupName": "shop",
                    "VpcId": HOME,
                    "IpPermissions": [],
                    "IpPermissionsEgress": [
                        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
                        _from_lists(443, LIST_OF_S3),
                    ],
                },
                {
                    "GroupId": DATA_GROUP,
                    "GroupName": "data",
                    "VpcId": HOME,
                    "IpPermissions": [_from("10.0.0.0/16", 5432), _from("10.0.0.0/16", 6379)],
                    "IpPermissionsEgress": [],
                },
                {
                    "GroupId": ENDPOINT_GROUP,
                    "GroupName": "endpoints",
                    "VpcId": HOME,
                    "IpPermissions": [_from("10.0.0.0/16", 443)],
                    "IpPermissionsEgress": [],
                },
            ]
        ),
        "ec2:DescribeNetworkAcls": _told(NetworkAcls=[_open_acl("acl-0a", HOME), _open_acl("acl-0b", PEERED)]),
        "ec2:DescribePrefixLists": _told(
            PrefixLists=[
                {
                    "PrefixListId": LIST_OF_S3,
                    "PrefixListName": "com.amazonaws.us-east-1.s3",
                    "Cidrs": ["198.51.100.0/24"],
                },
                {"PrefixListId": LIST_OF_OFFICES, "PrefixListName": "offices"},
            ]
        ),
        "ec2:GetManagedPrefixListEntries": _told(
            {"PrefixListId": LIST_OF_OFFICES}, Entries=[{"Cidr": "203.0.113.0/24", "Description": "made up"}]
        ),
    }


def _data() -> dict[str, Answers]:
    """What the environment names: three kinds of databases, and two of caches."""
    in_group = [{"VpcSecurityGroupId": DATA_GROUP, "Status": "active"}]
    proxy = {"VpcId": HOME, "VpcSubnetIds": [PRIVATE], "VpcSecurityGroupIds": [DATA_GROUP], "Status": "available"}
    return {
        "rds:DescribeDBInstances": _told(
            {"DBInstanceIdentifier": "shop-db"},
            DBInstances=[
                {
                    "DBInstanceIdentifier": "shop-db",
                    "DBInstanceStatus": "available",
                    "Engine": "postgres",
                    "EngineVersion": "16.3",
                    "Endpoint": {"Address": INSTANCE_HOST, "Port": 5432},
                    "DBSubnetGroup": {
                        "DBSubnetGroupName": "shop-db",
                        "VpcId": HOME,
                        "Subnets": [{"SubnetIdentifier": PRIVATE}],
                    },
                    "DBParameterGroups": [{"DBParameterGroupName": "shop-postgres16"}],
                    "VpcSecurityGroups": in_group,
                    "PubliclyAccessible": False,
                }
            ],
        ),
        "rds:DescribeDBParameters": _told(
            {"DBParameterGroupName": "shop-postgres16", "Source": "user"},
            Parameters=[{"ParameterName": "rds.force_ssl", "ParameterValue": "1"}],
        ),
        "rds:DescribeDBClusters": _told(
            {"DBClusterIdentifier": "shop-aurora"},
            DBClusters=[
                {
                    "DBClusterIdentifier": "shop-aurora",
                    "Status": "available",
                    "Engine": "aurora-postgresql",
                    "EngineVersion": "16.2",
                    "Endpoint": CLUSTER_HOST,
                    "Port": 5432,
                    "DBSubnetGroup": "shop-aurora",
                    "VpcSecurityGroups": in_group,
                }
            ],
        ),
        "rds:DescribeDBSubnetGroups": _told(
            {"DBSubnetGroupName": "shop-aurora"},
            DBSubnetGroups=[
                {"DBSubnetGroupName": "shop-aurora", "VpcId": PEERED, "Subnets": [{"SubnetIdentifier": AWAY}]}
            ],
        ),
        "rds:DescribeDBProxies": _told(
            DBProxies=[
                {
                    "DBProxyName": "shop-proxy",
                    "EngineFamily": "POSTGRESQL",
                    "Endpoint": PROXY_HOST,
                    "RequireTLS": True,
                    **proxy,
                }
            ]
        ),
        "rds:DescribeDBProxyEndpoints": _told(
            DBProxyEndpoints=[
                {
                    "DBProxyEndpointName": "shop-read",
                    "DBProxyName": "shop-proxy",
                    "Endpoint": PROXY_ENDPOINT_HOST,
                    **proxy,
                }
            ]
        ),
        "elasticache:DescribeReplicationGroups": _told(
            ReplicationGroups=[
                {
                    "ReplicationGroupId": "shop-cache",
                    "Status": "available",
                    "Engine": "redis",
                    "MemberClusters": ["shop-cache-001"],
                    "NodeGroups": [{"PrimaryEndpoint": {"Address": CACHE_HOST, "Port": 6379}}],
                    "TransitEncryptionEnabled": True,
                    "AuthTokenEnabled": True,
                }
            ]
        ),
        "elasticache:DescribeCacheClusters": _told(
            CacheClusters=[
                {
                    "CacheClusterId": "shop-cache-001",
                    "ReplicationGroupId": "shop-cache",
                    "CacheClusterStatus": "available",
                    "Engine": "redis",
                    "EngineVersion": "7.1",
                    "CacheSubnetGroupName": "shop-cache",
                    "SecurityGroups": [{"SecurityGroupId": DATA_GROUP, "Status": "active"}],
                }
            ]
        ),
        "elasticache:DescribeCacheSubnetGroups": _told(
            CacheSubnetGroups=[
                {"CacheSubnetGroupName": "shop-cache", "VpcId": HOME, "Subnets": [{"SubnetIdentifier": PRIVATE}]}
            ]
        ),
        "elasticache:DescribeServerlessCaches": _told(
            ServerlessCaches=[
                {
                    "ServerlessCacheName": "shop-sessions",
                    "Status": "available",
                    "Engine": "valkey",
                    "FullEngineVersion": "8.0",
                    "Endpoint": {"Address": SERVERLESS_HOST, "Port": 6379},
                    "SubnetIds": [PRIVATE],
                    "SecurityGroupIds": [DATA_GROUP],
                }
            ]
        ),
    }


def _access() -> dict[str, Answers]:
    """Of two secrets the role's own policies allow one; the policies of the other one and of its key admit the role."""
    admits = {"Effect": "Allow", "Principal": {"AWS": RUN}, "Resource": "*"}
    managed = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess"
    return {
        "iam:GetRole": [
            _role(PULL, "build.apprunner.amazonaws.com"),
            _role(RUN, "tasks.apprunner.amazonaws.com"),
        ],
        "iam:ListAttachedRolePolicies": [
            *_told(
                {"RoleName": "shop-pull"},
                AttachedPolicies=[{"PolicyName": managed.rpartition("/")[2], "PolicyArn": managed}],
            ),
            *_told({"RoleName": "shop-run"}, AttachedPolicies=[]),
        ],
        "iam:ListRolePolicies": [
            *_told({"RoleName": "shop-pull"}, PolicyNames=[]),
            *_told({"RoleName": "shop-run"}, PolicyNames=["reads"]),
        ],
        "iam:GetRolePolicy": _told(
            {"RoleName": "shop-run"},
            RoleName="shop-run",
            PolicyName="reads",
            PolicyDocument=_document(
                {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": READABLE},
                {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": PARAMETER},
            ),
        ),
        "iam:SimulatePrincipalPolicy": [
            *_told(
                {"PolicySourceArn": PULL},
                EvaluationResults=[
                    _decision(action, resource, "allowed") for action in _PULLING for resource in ("*", REPOSITORY)
                ],
            ),
            _simulated("secretsmanager:GetSecretValue", {READABLE: "allowed", ADMITTED: "implicitDeny"}),
            _simulated("ssm:GetParameters", {PARAMETER: "allowed"}),
            _simulated("kms:Decrypt", {KEY: "implicitDeny"}),
        ],
        "secretsmanager:DescribeSecret": [
            *_told({"SecretId": READABLE}, ARN=READABLE, Name="shop/api"),
            *_told({"SecretId": ADMITTED}, ARN=ADMITTED, Name="shop/sign", KmsKeyId=KEY),
        ],
        "secretsmanager:GetResourcePolicy": _told(
            {"SecretId": ADMITTED},
            ARN=ADMITTED,
            Name="shop/sign",
            ResourcePolicy=_document({**admits, "Action": "secretsmanager:GetSecretValue"}),
        ),
        "kms:GetKeyPolicy": _told({"KeyId": KEY}, Policy=_document({**admits, "Action": "kms:Decrypt"})),
        "ssm:DescribeParameters": _told(Parameters=[{"Name": "/shop/mode", "Type": "String"}]),
    }


def _image() -> dict[str, Answers]:
    """An index of one image, which is for App Runner's platform, and an older one beside it."""
    index = {"manifests": [{"digest": FOR_US, "platform": {"os": "linux", "architecture": "amd64"}}]}
    manifest = {"config": {"digest": CONFIG}, "layers": [{"digest": f"sha256:{'e' * 64}", "size": 24_000_000}]}
    ours = _detail(INDEX, "v7", "2026-03-02T08:41:00Z", _INDEX)
    older = _detail(OLDER, "v6", "2026-02-20T07:40:00Z", _MANIFEST)
    return {
        "ecr:DescribeImages": [
            *_told({"imageIds": [{"imageTag": "v7"}]}, imageDetails=[ours]),
            *_told({"imageIds": [{"imageDigest": INDEX}]}, imageDetails=[ours]),
            *_told(imageDetails=[ours, older]),
        ],
        "ecr:BatchGetImage": [
            _manifest({"imageTag": "v7"}, INDEX, _INDEX, index),
            _manifest({"imageDigest": INDEX}, INDEX, _INDEX, index),
            _manifest({"imageDigest": FOR_US}, FOR_US, _MANIFEST, manifest),
        ],
    }


def _metrics() -> dict[str, Answers]:
    dimensions = [{"Name": "ServiceName", "Value": NAME}, {"Name": "ServiceID", "Value": SERVICE_ID}]
    return {
        "cloudwatch:ListMetrics": _told(
            Metrics=[{"Namespace": "AWS/AppRunner", "MetricName": "Requests", "Dimensions": dimensions}]
        ),
        "cloudwatch:GetMetricData": _told(
            MetricDataResults=[
                {
                    "Id": "m0",
                    "Label": "MemoryUtilization",
                    "Timestamps": ["2026-03-02T09:01:00Z"],
                    "Values": [31.5],
                }
            ]
        ),
    }


def _told(request: dict[str, Any] | None = None, /, **response: Any) -> Answers:
    return [{"request": request or {}, "response": response}]


def _id(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


def _subnet(subnet_id: str, vpc_id: str, cidr: str) -> dict[str, Any]:
    return {"SubnetId": subnet_id, "VpcId": vpc_id, "CidrBlock": cidr, "AvailableIpAddressCount": 200}


def _routes(table_id: str, vpc_id: str, subnet_id: str, *routes: dict[str, Any]) -> dict[str, Any]:
    association = {"SubnetId": subnet_id, "Main": False}
    return {"RouteTableId": table_id, "VpcId": vpc_id, "Associations": [association], "Routes": list(routes)}


def _route(cidr: str, **target: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": cidr, "State": "active", **target}


def _from(cidr: str, port: int) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}


def _from_lists(port: int, *prefix_lists: str) -> dict[str, Any]:
    lists = [{"PrefixListId": one} for one in prefix_lists]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "PrefixListIds": lists}


def _open_acl(acl_id: str, vpc_id: str) -> dict[str, Any]:
    entry = {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    entries = [{**entry, "Egress": True}, {**entry, "Egress": False}]
    return {"NetworkAclId": acl_id, "VpcId": vpc_id, "IsDefault": True, "Entries": entries, "Associations": []}


def _role(role_arn: str, trusted: str) -> dict[str, Any]:
    name = role_arn.rpartition("/")[2]
    trust = _document({"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"})
    role = {
        "Arn": role_arn,
        "RoleName": name,
        "CreateDate": "2026-01-10T09:00:00Z",
        "AssumeRolePolicyDocument": trust,
    }
    return {"request": {"RoleName": name}, "response": {"Role": role}}


def _simulated(action: str, decisions: dict[str, str]) -> dict[str, Any]:
    results = [_decision(action, resource, decision) for resource, decision in decisions.items()]
    return {"request": {"ActionNames": [action]}, "response": {"EvaluationResults": results}}


def _decision(action: str, resource: str, decision: str) -> dict[str, Any]:
    return {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision}


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _detail(digest: str, tag: str, pushed_at: str, media_type: str) -> dict[str, Any]:
    return {
        "imageDigest": digest,
        "imageTags": [tag],
        "imagePushedAt": pushed_at,
        "imageSizeInBytes": 24_000_000,
        "imageManifestMediaType": media_type,
    }


def _manifest(asked: dict[str, str], digest: str, media_type: str, content: dict[str, Any]) -> dict[str, Any]:
    image = {
        "imageId": {"imageDigest": digest, **asked},
        "imageManifest": json.dumps(content),
        "imageManifestMediaType": media_type,
    }
    return {"request": {"imageIds": [asked]}, "response": {"images": [image], "failures": []}}
