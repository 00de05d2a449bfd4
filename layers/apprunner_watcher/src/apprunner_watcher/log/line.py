"""Here you find what one line of a log says, and how grave it is by its own words."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from apprunner_watcher.log.logged import Logged, logged


@dataclass(frozen=True, slots=True)
class Line:
    """One log line, redacted. `stream` is the CloudWatch log stream; `text` is evidence and stays as it was written."""

    at: datetime
    text: str
    stream: str
    logged: Logged | None = field(init=False, repr=False, compare=False)  # where a logger wrapped it into JSON

    def __post_init__(self) -> None:
        """Understand it once: many rules ask."""
        object.__setattr__(self, "logged", logged(self.text) if self.text.endswith("}") else None)

    @property
    def said(self) -> str:
        """What the application says in it: the text, or what a logger wrapped, as it was before."""
        return self.logged.said if self.logged else unescaped(self.text)

    @property
    def is_warning(self) -> bool:
        """Whether the application itself calls it no more than a warning."""
        if self.logged and self.logged.level:
            return self.logged.is_harmless
        return bool(_WARNING.search(_PHP_FPM.sub("", self.text)))

    @property
    def is_passing(self) -> bool:
        """Whether its words say that the application goes on: a warning, or an attempt that is not the last."""
        return self.is_warning or bool(_TRIES_AGAIN.search(self.said))

    @property
    def is_dismissed(self) -> bool:
        """Whether its words say that the application does without what it lacks."""
        return bool(_DOES_WITHOUT.search(self.said))


# PHP-FPM calls everything that its workers print a warning
_PHP_FPM = re.compile(r"WARNING: \[pool \S+\] child \d+ said into std(?:err|out): ")


def unescaped(text: str) -> str:
    """`text` as it was before a logger put it into JSON; its line breaks become blanks."""
    return text.replace('\\"', '"').replace("\\n", " ") if "\\" in text else text


# CloudWatch's events have a time of their own: the console and container runtimes write it before the text
_CONSOLE_PREFIX = re.compile(
    r"^(?:\d\d-\d\d-\d{4} \d\d:\d\d:\d\d [AP]M |\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP] )",
    re.MULTILINE,
)


def without_console_prefix(text: str) -> str:
    """`text` without the time that App Runner's console or a container runtime put before it, in each of its rows."""
    return _CONSOLE_PREFIX.sub("", text) if text[:1].isdecimal() else text


# the levels of npm, Python, Java and .NET loggers, of pino (10 to 40), winston, zap, logfmt
_WARNING = re.compile(
    r"\b(?:[Ww]arn(?:ing)?|WARN(?:ING)?|INFO|DEBUG|TRACE)\b"
    r"|\"(?:level|severity|levelname|log\.level)\"\s*:\s*(?:[1-4]0\b|\"(?i:trace|debug|info|notice|warn))"
    r"|\b(?:level|lvl|severity)=\"?(?i:trace|debug|info|notice|warn)|\[(?:debug|info|notice)\]|^(?:info|debug)\b",
)


_TRIES_AGAIN = re.compile(
    r"\b(?:re-?try(?:ing)?|re-?connect(?:ing)?|(?:try|trying|tries) again|attempt \d+|Unhandled error event)\b",
    re.IGNORECASE,
)

_DOES_WITHOUT = re.compile(
    r"\b(?:falling|falls|will fall) back\b|\bproceeding without\b|\bcontinuing (?:without|anyway)\b"
    r"|\busing (?:a |the |an )?(?:defaults?(?:$|[.,;)]| (?:value|config|setting|port))|in-memory|fallback|fake)"
    r"|\b(?:can|may|will) (?:be )?(?:safely )?ignored?\b|[(,] ?(?:ignored|ignoring|optional|skipp(?:ed|ing))\b"
    r"|\bskipping\b[^\n]{0,40}$|\b(?:not|non-?) ?fatal\b|\bfor optional\b|\bis optional\b"
    r"|\bauto-?generat(?:ed|ing)\b|\bnot set, consider setting\b|\bfailed to send (?:an? |the )?e?-?mail\b"
    r"|\b(?:features?|payments?|notifications?|e?mails?|integrations?|monitoring|reporting|tracking|caching|look-?ups?)"
    r" (?:is |are |will be )?disabled\b",
    re.IGNORECASE,
)
