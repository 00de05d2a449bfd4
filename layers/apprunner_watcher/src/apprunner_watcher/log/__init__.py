"""Here you find what the logs say: App Runner's own words, and what an application prints."""

from apprunner_watcher.log.application_log import Answer, ApplicationLog, Listening, Trace, needs_second_look, traces
from apprunner_watcher.log.line import Line, unescaped, without_console_prefix
from apprunner_watcher.log.service_log import ServiceLog

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
