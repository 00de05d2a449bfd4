"""Here you find how a call that fails becomes a Missing part."""

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from apprunner_watcher.redaction import Redactor
from apprunner_watcher.snapshot import Missing

_T = TypeVar("_T")

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_LONGEST_REASON = 300
_TEXT = Redactor({})


def read(what: str, action: str, call: Callable[[], _T]) -> _T | Missing:
    """Make a call. AWS's refusals and time-outs become Missing; an error of the program still raises.

    `what` names the part for a reader, `action` is the IAM action that the call needs.
    """
    try:
        return call()
    except ClientError as error:
        code = error_code(error)
        if code in _DENIED:
            return Missing(what, f"access denied: the role lacks {action}", allow=action)
        if code in _THROTTLED:
            return Missing(what, f"AWS throttled {action}")
        message = _TEXT.text(error.response["Error"].get("Message", ""))
        return Missing(what, f"{action} answered {code}: {message}"[:_LONGEST_REASON])
    except BotoCoreError as error:
        return Missing(what, f"{action} failed: {type(error).__name__}")


def error_code(error: ClientError) -> str:
    """AWS's code of the error."""
    return error.response.get("Error", {}).get("Code", "Unknown")
