"""Here you find what the logs say: App Runner's own words, and what an application prints."""

from apprunner_watcher.log.logs import (
    Answer,
    ApplicationLog,
    Line,
    Listening,
    ServiceLog,
    Trace,
    needs_second_look,
    traces,
    unescaped,
    without_console_prefix,
)

__all__ = [
    "Answer",
    "ApplicationLog",
    "Line",
    "Listening",
    "ServiceLog",
    "Trace",
    "needs_second_look",
    "traces",
    "unescaped",
    "without_console_prefix",
]
