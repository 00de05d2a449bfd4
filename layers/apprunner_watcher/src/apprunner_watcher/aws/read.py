"""Here you find how AWS is read: calls side by side until a deadline; what fails or comes late is Missing."""

import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from datetime import timedelta
from types import TracebackType
from typing import Generic, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from apprunner_watcher.missing import Missing

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_CALLS_AT_ONCE = 64  # as many as there can be: a service of AWS that hangs must not keep the logs from being read
_PARTS_AT_ONCE = 12
_SHARE_OF_CALLS = 0.9  # of the time; in the rest parts make of it what has come


class Reading(Generic[_T]):
    """An answer that is on its way."""

    def __init__(self, what: str, future: Future[_T | Missing], deadline: float) -> None:
        """`deadline`: on `time.monotonic`'s clock."""
        self._what = what
        self._future = future
        self._deadline = deadline

    def result(self) -> _T | Missing:
        """Wait for the answer, no longer than the deadline."""
        try:
            return self._future.result(max(0.0, self._deadline - time.monotonic()))
        except (LateError, CancelledError):
            return Missing(self._what, "AWS had not answered when the watcher had to go on")


class Reads:
    """Calls and parts that are read side by side. Use it as a context manager.

    A part is a function that makes calls and waits for them; it has a thread of its own, so that calls, which wait for
    nothing but AWS, always find one.
    """

    def __init__(self, time_left: timedelta) -> None:
        """`time_left`: after it, what has not come is Missing, and the threads are left to themselves."""
        now = time.monotonic()
        self._parts_until = now + time_left.total_seconds()
        self._calls_until = now + time_left.total_seconds() * _SHARE_OF_CALLS
        self._calls = ThreadPoolExecutor(_CALLS_AT_ONCE, "call")
        self._parts = ThreadPoolExecutor(_PARTS_AT_ONCE, "part")

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for nothing more."""
        self._parts.shutdown(wait=False, cancel_futures=True)
        self._calls.shutdown(wait=False, cancel_futures=True)

    def begin(self, what: str, action: str, call: Callable[[], _T], within: timedelta | None = None) -> Reading[_T]:
        """Make a call: see `read`. Should the watcher not understand AWS's answer, it is Missing as well.

        `within`: a deadline of its own, where that is sooner.
        """
        deadline = self._calls_until
        if within is not None:
            deadline = min(deadline, time.monotonic() + within.total_seconds())
        return Reading(what, self._calls.submit(_guarded, what, lambda: read(what, action, call)), deadline)

    def part(self, what: str, read_part: Callable[[], _T | Missing]) -> Reading[_T]:
        """Read a part. Should the watcher not understand AWS's answer, that part is Missing and the others are not."""
        return Reading(what, self._parts.submit(_guarded, what, read_part), self._parts_until)


def _guarded(what: str, understand: Callable[[], _T | Missing]) -> _T | Missing:
    """One answer that is not understood must not hide the others."""
    try:
        return understand()
    except Exception as error:  # noqa: BLE001  # see above
        # the places, not the exception's text: that may quote AWS's answer, which is not redacted
        places = " ".join(f"{place.name}:{place.lineno}" for place in traceback.extract_tb(error.__traceback__))
        _log.error("%s: AWS's answer was not understood: %s in %s", what, type(error).__name__, places)
        return Missing(what, "the watcher did not understand AWS's answer, see its log")


def read(what: str, action: str, call: Callable[[], _T]) -> _T | Missing:
    """Make a call. AWS's refusals and time-outs become Missing; an error of the program still raises.

    `what` names the part for a reader, `action` is the IAM action that the call needs. AWS's message may quote what it
    was asked: gather takes the secrets out, once it knows them.
    """
    try:
        return call()
    except ClientError as error:
        code = error_code(error)
        if code in _DENIED:
            return Missing(what, f"access denied: the role lacks {action}", allow=action)
        if code in _THROTTLED:
            return Missing(what, f"AWS throttled {action}")
        message = error.response["Error"].get("Message", "")
        return Missing(what, f"{action} answered {code}: {message}")
    except BotoCoreError as error:
        return Missing(what, f"{action} failed: {type(error).__name__}")


def error_code(error: ClientError) -> str:
    """AWS's code of the error."""
    return error.response.get("Error", {}).get("Code", "Unknown")
