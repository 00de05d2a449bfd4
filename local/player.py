"""Here you find the front door of the local AWS: one address that answers like AWS.

Reads about the customer's services come from the recording that is being played, everything that the stack itself is
made of is passed on byte for byte to the emulator. A call that was not recorded is answered as `NotRecorded`, with a
status that no client retries: it is neither an error of the program nor evidence of absence.
"""

import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote

from apprunner_watcher.recording import BLOB, Answer, BrokenRecordingError, Recording, load
from local.permissions import Function, Permissions, UnknownCallerError
from local.protocol import Call, Request, Response, UnknownCallError, call, signature
from local.settings import LOOPBACK

# What the stack is made of, and what deploys it.
_STACK_SERVICES: Final = frozenset(
    {"cloudformation", "dynamodb", "events", "lambda", "s3", "scheduler", "sns", "sqs", "states", "sts"}
)
# A person asks these about the stack as well (its roles, its alarms); the watcher only about the customer's services.
_SHARED_SERVICES: Final = frozenset({"cloudwatch", "iam"})
# The only value that the watcher reads is its own secret's; of others it asks no more than whether they are there.
_GET_VALUE: Final = "secretsmanager:GetSecretValue"
_SERVICE_LOGS: Final = "/aws/apprunner/"
_NOT_RECORDED: Final = 501
_REFUSALS: Final = {"json": ("AccessDeniedException", 400), "ec2": ("UnauthorizedOperation", 403)}
_REFUSAL: Final = ("AccessDenied", 403)
# Written anew for every connection (RFC 9110, 7.6.1), or answered already: Expect.
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "expect"})
CONTROL: Final = "/_local/recording"
_BLOBS: Final = "/_local/blobs/"


class FrontDoor:
    """The one address. Use it as a context manager; it serves from entering to leaving."""

    def __init__(
        self,
        emulator: tuple[str, int] | None = None,
        listen: tuple[str, int] = (LOOPBACK, 0),
        delay: float = 0,
    ) -> None:
        """Pass the stack's own calls on to the emulator (host, port); without one they count as not recorded.

        Every answer takes at least `delay` seconds.
        """
        self.delay = delay
        self.calls: deque[str] = deque(maxlen=10_000)
        self._emulator = emulator
        self.permissions = Permissions(f"http://{emulator[0]}:{emulator[1]}") if emulator else None
        self._recording: Recording | None = None
        self._server = _Server(self, listen)

    @property
    def address(self) -> str:
        """What goes into `AWS_ENDPOINT_URL`."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to answer."""
        self._server.shutdown()
        self._server.server_close()

    def play(self, recording: Recording | None) -> None:
        """Answer from this recording, as it is, from now on."""
        self._recording = recording

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.target == CONTROL:
            return self._control(request)
        if request.target.startswith(_BLOBS):
            return self._blob(request.target.removeprefix(_BLOBS))
        signed = signature(request)
        if self._emulator and (signed is None or signed.service in _STACK_SERVICES):
            return self._pass_on(request, self._emulator)
        try:
            asked = call(request)
        except UnknownCallError as error:
            return Response(_NOT_RECORDED, {"Content-Type": "text/plain"}, f"NotRecorded: {error}".encode())
        return self._answer(asked, request, self.permissions) if self.permissions else self._replay(asked)

    def _answer(self, asked: Call, request: Request, permissions: Permissions) -> Response:
        try:
            function = permissions.caller(asked.signed.access_key)
        except UnknownCallerError as error:
            return asked.error("UnrecognizedClientException", str(error))
        if self._emulator and self._is_about_the_stack(asked, function):
            return self._pass_on(request, self._emulator)
        if not function:
            return self._replay(asked, _only_service)
        refusal = permissions.refusal(function, asked)
        return _refused(asked, refusal) if refusal else self._replay(asked)

    def _is_about_the_stack(self, asked: Call, function: Function | None) -> bool:
        if asked.service == "logs":
            names = [str(value) for key, value in asked.parameters.items() if key.startswith("logGroup")]
            return not any(_SERVICE_LOGS in name for name in names)
        if str(asked) == _GET_VALUE:
            return True
        return function is None and asked.service in _SHARED_SERVICES and not _recorded(self._recording, asked)

    def _replay(self, asked: Call, otherwise: Callable[[Recording, Call], Answer | None] | None = None) -> Response:
        self.calls.append(str(asked))
        answer = _recorded(self._recording, asked)
        if not answer and otherwise and self._recording:
            answer = otherwise(self._recording, asked)
        if not answer:
            where = f"in {self._recording.id}" if self._recording else "since no recording is being played"
            return asked.error("NotRecorded", f"{asked} was not recorded {where}", _NOT_RECORDED)
        if answer.error:
            return asked.error(*answer.error)
        try:
            return asked.result(self._with_own_address(answer.response or {}))
        except (ValueError, TypeError) as error:
            return asked.error("BrokenRecording", str(error), _NOT_RECORDED)

    def _with_own_address(self, response: Mapping[str, Any]) -> Mapping[str, Any]:
        """The response, with the URL of a recorded blob turned into one that is served here."""
        url = response.get("downloadUrl", "")
        if not isinstance(url, str) or not url.startswith(BLOB):
            return response
        return {**response, "downloadUrl": f"{self.address}{_BLOBS}{url.removeprefix(BLOB)}"}

    def _blob(self, digest: str) -> Response:
        """Serve a blob to whoever has its URL, as S3 does."""
        content = self._recording.blob(unquote(digest)) if self._recording else None
        if content is None:
            return Response(404, {"Content-Type": "text/plain"}, f"no blob {digest} was recorded".encode())
        return Response(200, {"Content-Type": "application/octet-stream"}, content)

    def _pass_on(self, request: Request, emulator: tuple[str, int]) -> Response:
        connection = http.client.HTTPConnection(*emulator)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            headers = _end_to_end(request.headers.items()) | {"Content-Length": str(len(request.body))}
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(request.body)
            answer = connection.getresponse()
            return Response(answer.status, _end_to_end(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def _control(self, request: Request) -> Response:
        """`PUT {"path": …, "now": …, "at_start": …}` plays a recording, its `recorded_at` moved to `now`."""
        wanted = json.loads(request.body)
        try:
            recording = load(Path(wanted["path"])).shifted(datetime.fromisoformat(wanted["now"]))
        except BrokenRecordingError as error:
            return Response(400, {"Content-Type": "text/plain"}, str(error).encode())
        self.play(recording.at_start() if wanted["at_start"] else recording)
        return Response(204, {}, b"")


def _recorded(recording: Recording | None, asked: Call) -> Answer | None:
    return recording.answer(asked.service, asked.operation, asked.parameters) if recording else None


def _only_service(recording: Recording, asked: Call) -> Answer | None:
    """List the recorded service as the only one of the account, for people who look around."""
    if str(asked) != "apprunner:ListServices":
        return None
    described = recording.answer("apprunner", "DescribeService", {"ServiceArn": recording.event["resources"][0]})
    if not described or not described.response:
        return None
    output: Any = asked.model.output_shape
    known = output.members["ServiceSummaryList"].member.members
    service = {name: value for name, value in described.response["Service"].items() if name in known}
    return Answer({"ServiceSummaryList": [service]})


def _refused(asked: Call, message: str) -> Response:
    code, status = _REFUSALS.get(asked.protocol, _REFUSAL)
    if code == "UnauthorizedOperation":
        message = f"You are not authorized to perform this operation. {message}"
    return asked.error(code, message, status)


def _end_to_end(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in _HOP_BY_HOP}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, door: FrontDoor, listen: tuple[str, int]) -> None:
        super().__init__(listen, _Handler)
        self.door = door


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body: unbuffered, Nagle's algorithm costs 40 ms a call
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        ready_at = time.monotonic() + self.server.door.delay
        request = Request(
            self.command, self.path, {name.title(): value for name, value in self.headers.items()}, self._body()
        )
        try:
            answer = self.server.door.answer(request)
        except OSError as error:
            answer = Response(502, {"Content-Type": "text/plain"}, f"the emulator does not answer: {error}".encode())
        time.sleep(max(0.0, ready_at - time.monotonic()))
        self.send_response_only(answer.status)
        for name, value in ({"Content-Length": str(len(answer.body))} | dict(answer.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent: what was called is in `FrontDoor.calls`."""
