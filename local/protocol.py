"""Here you find AWS's wire protocols seen from the server: a request becomes a call, an answer becomes a response.

botocore knows both sides' shapes but plays only the client; moto has the other half for every protocol except Smithy
RPC v2 CBOR, which CloudWatch speaks. There botocore's own client half is turned around.
"""

import base64
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.model import DenormalizedStructureBuilder, ListShape, MapShape, Shape, StructureShape
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer
from botocore.utils import parse_timestamp
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict

CBOR: Final = "smithy-rpc-v2-cbor"
# Signing names that differ from the name of boto3's client.
_CLIENT_NAMES: Final = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "elasticfilesystem": "efs",
    "servicequotas": "service-quotas",
}
_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_CBOR_PATH: Final = re.compile(r"/service/[^/]+/operation/(\w+)")
_ERROR_SHAPE: Final = (
    DenormalizedStructureBuilder()
    .with_members({"__type": {"type": "string"}, "message": {"type": "string"}})
    .build_model()
)
_XML_ERROR: Final = "<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
_XML_ERRORS: Final = {
    "ec2": f"<Response><Errors>{_XML_ERROR}</Errors></Response>",
    "query": f"<ErrorResponse>{_XML_ERROR}</ErrorResponse>",
    "rest-xml": f"<ErrorResponse>{_XML_ERROR}</ErrorResponse>",
}


class UnknownCallError(ValueError):
    """The request is no call of a service that botocore knows."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it came in; `target` is path and query, the names of headers are in title case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response as it goes out."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs, for which Region and service (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html)."""

    access_key: str
    region: str
    signing_name: str

    @property
    def service(self) -> str:
        """The service as boto3 calls its client."""
        return _CLIENT_NAMES.get(self.signing_name, self.signing_name)


def signature(request: Request) -> Signature | None:
    """Read who signed a request, without checking the signature. None where nobody did."""
    found = _CREDENTIAL.search(request.headers.get("Authorization", ""))
    return Signature(*found.groups()) if found else None


@dataclass(frozen=True, slots=True)
class Call:
    """One API call with its parameters, as boto3's caller wrote it, and how to answer it."""

    signed: Signature
    parameters: Mapping[str, Any]
    model: OperationModel
    protocol: str

    @property
    def service(self) -> str:
        """The service as boto3 calls its client."""
        return self.signed.service

    @property
    def operation(self) -> str:
        """The operation as the API calls it."""
        return str(self.model.name)

    def __str__(self) -> str:
        """The call in the spelling of recordings and IAM policies."""
        return f"{self.service}:{self.operation}"

    def result(self, response: Mapping[str, Any]) -> Response:
        """Answer with a response in botocore's shape, times as ISO 8601 strings."""
        shape = self.model.output_shape
        content = _typed(shape, response, str(self)) if shape else {}
        if self.protocol == CBOR:
            return _cbor(200, shape, content)
        serialized = get_serializer_class(self.service, self.protocol)(self.model).serialize(content)
        body = serialized["body"]
        headers = {name: str(value) for name, value in serialized["headers"].items()}
        return Response(serialized["status_code"], headers, body.encode() if isinstance(body, str) else body)

    def error(self, code: str, message: str, status: int = 400) -> Response:
        """Answer with an error of AWS."""
        content = {"__type": code, "message": message}
        if self.protocol == CBOR:
            return _cbor(status, _ERROR_SHAPE, content)
        if self.protocol in _XML_ERRORS:
            text = _XML_ERRORS[self.protocol].format(code=escape(code), message=escape(message))
            return Response(status, {"Content-Type": "text/xml"}, text.encode())
        headers = {"Content-Type": "application/json", "X-Amzn-Errortype": code}
        return Response(status, headers, json.dumps(content).encode())


def call(request: Request) -> Call:
    """Read the call out of a request. Raises `UnknownCallError`."""
    signed = signature(request)
    if not signed:
        msg = "an unsigned request"
        raise UnknownCallError(msg)
    service = _service_model(signed.service)
    url = urlsplit(request.target)
    content_type = request.headers.get("Content-Type", "")
    form = request.body.decode() if content_type.startswith("application/x-www-form-urlencoded") else url.query
    values = MultiDict(parse_qsl(form, keep_blank_values=True))
    if found := _CBOR_PATH.fullmatch(url.path):
        model = _operation_model(service, found[1])
        return Call(signed, _from_cbor(request.body, model.input_shape), model, CBOR)
    labels: dict[str, str] = {}
    name = request.headers.get("X-Amz-Target", "").rpartition(".")[2] or values.get("Action", "")
    if not name:
        name, labels = _route(service, request.method, url.path)
    model = _operation_model(service, name)
    protocol = determine_request_protocol(service, content_type)
    parameters = PROTOCOL_PARSERS[protocol](model).parse(
        {
            "method": request.method,
            "values": values,
            "headers": Headers(list(request.headers.items())),
            "body": request.body,
            "url_path": url.path,
            "url_params": labels,
        }
    )
    return Call(signed, parameters, model, protocol)


@functools.cache
def _service_model(name: str) -> ServiceModel:
    try:
        return get_service_model(name)
    except Exception as error:
        msg = f"no service {name!r}"
        raise UnknownCallError(msg) from error


def _operation_model(service: ServiceModel, name: str) -> OperationModel:
    if name not in service.operation_names:
        msg = f"{service.service_name} has no operation {name!r}"
        raise UnknownCallError(msg)
    return cast("OperationModel", service.operation_model(name))


def _route(service: ServiceModel, method: str, path: str) -> tuple[str, dict[str, str]]:
    """Find the REST operation whose URI fits, the one with the fewest labels first."""
    http = {name: service.operation_model(name).http for name in service.operation_names}
    for name in sorted(http, key=lambda name: http[name]["requestUri"].count("{")):
        uri = re.escape(http[name]["requestUri"].partition("?")[0])
        pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", lambda label: f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})", uri)
        if http[name]["method"] == method and (found := re.fullmatch(f"{pattern}/?", path)):
            return name, {label: unquote(value) for label, value in found.groupdict().items()}
    return "", {}


def _typed(shape: Shape, value: Any, where: str) -> Any:
    """Make what JSON does not have: times, bytes, encoded policies. A member that AWS does not know is a mistake."""
    if value is None:
        return None
    if isinstance(shape, StructureShape):
        if unknown := set(value) - set(shape.members):
            msg = f"{where}: {shape.name} has no {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        return {key: _typed(shape.members[key], inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(shape, ListShape):
        return [_typed(shape.member, inner, where) for inner in value]
    if isinstance(shape, MapShape):
        return {key: _typed(shape.value, inner, f"{where}.{key}") for key, inner in value.items()}
    return _typed_scalar(shape, value)


def _typed_scalar(shape: Shape, value: Any) -> Any:
    if shape.type_name == "timestamp":
        return parse_timestamp(value)
    if shape.type_name == "blob":
        return base64.b64decode(value)
    # IAM sends policy documents URL-encoded, and boto3 decodes them:
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyDetail.html
    return quote(value) if shape.name == "policyDocumentType" else value


def _from_cbor(body: bytes, shape: Shape | None) -> Mapping[str, Any]:
    """Read what a client would read if this were its answer: the bytes are the same in both directions."""
    if shape is None:
        return {}
    parsed: dict[str, Any] = RpcV2CBORParser().parse({"status_code": 200, "headers": {}, "body": body}, shape)
    parsed.pop("ResponseMetadata", None)
    return parsed


def _cbor(status: int, shape: Shape | None, content: Any) -> Response:
    """The same for writing."""
    serializer: Any = RpcV2CBORSerializer()
    body = serializer._serialize_body_params(content, shape) if shape else b""  # noqa: SLF001 - the pinned version
    return Response(status, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, body)
