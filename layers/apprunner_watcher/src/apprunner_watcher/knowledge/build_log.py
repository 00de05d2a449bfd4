"""Here you find what a build from source code printed, and whether it came to its end.

App Runner puts `[PreBuild]`, `[Build]` or `[PostBuild]` before the lines of the commands, `[AppRunner]` before its own.
"""

import re

from apprunner_watcher.log import Line, ServiceLog

_OF_BUILD = re.compile(r"\[(?:Pre|Post)?Build\]")
# npm warn, WARNING:, #12 3.4 warn, src/cart.ts:3:5 warning, (node:1) [DEP0040] DeprecationWarning
_WARNS = re.compile(r"^(?:\S{1,60}\s{1,9}){1,4}?(?:WARN|[Ww]arn(?:ing)?|WARNING)\b|^.{0,60}?(?:Deprecat|DEPRECAT)")
# App Runner's end, in whatever stream
_FAILED = re.compile(r"^(?:\[AppRunner\] )?(?:Failed to (?:build|deploy)\b|[^\n]{0,80}\bfailed\b)")


def is_printed(line: Line) -> bool:
    """Whether a command of the build printed it."""
    return bool(_OF_BUILD.match(line.text))


def is_error(line: Line) -> bool:
    """Whether a command of the build printed it, and does not call it a warning."""
    return is_printed(line) and not _WARNS.match(line.text)


def has_failed(log: ServiceLog) -> bool:
    """Whether no image came out of the build: nothing was built, nothing started, and App Runner gave up."""
    if log.built or log.provisioning or log.health_check_started:
        return False
    return any(_FAILED.search(line.text) for line in log.lines if not is_printed(line))
