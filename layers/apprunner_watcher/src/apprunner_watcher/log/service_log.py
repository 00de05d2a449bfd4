"""Here you find what App Runner says in its own log: how far the deployment came, and how the container ended."""

import re
from dataclasses import dataclass
from functools import cached_property

from apprunner_watcher.log.line import Line

_SIGTERM = 143  # 128 + 15: the container was asked to stop

_PULLED = re.compile(r"Successfully (?:pulled|copied) (?:your application |the )?image")
_PULL_FAILED = re.compile(r"Failed to (?:pull|copy) (?:your application |the )?image\b")
_REASON = re.compile(r"\bReason ?: ?(\S.*)", re.DOTALL)
_PULLING_IMAGE = re.compile(r"Pulling image (\S+) from ECR")
_HEALTH_CHECK_STARTED = re.compile(
    r"Performing health check on (?:.*?\bpath:? '(?P<path>[^']*)')?(?:.*?\bport:? '(?P<port>\d+)')?", re.IGNORECASE
)
_HEALTH_CHECK_FAILED = re.compile(r"Health check failed on")
_HEALTH_CHECK_PASSED = re.compile(r"Health check is successful")
_PROVISIONING = re.compile(r"Provisioning instances? and deploying image|Starting to deploy your application image")
_EXIT_CODE = re.compile(r"Container exit code: (-?\d+)")
_START_REFUSED = re.compile(r"Invalid start command|CannotStartContainerError|Failed to (?:pull|copy|build)\b")
_BUILT = re.compile(r"Successfully built your application source code")


@dataclass(frozen=True)
class ServiceLog:
    """App Runner's own log of this operation: the lines of the `events` stream and of the deployment's stream."""

    events: tuple[Line, ...]
    deployment: tuple[Line, ...]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Both streams in time order."""
        return tuple(sorted((*self.events, *self.deployment), key=lambda line: line.at))

    def first(self, pattern: re.Pattern[str]) -> Line | None:
        """The first line that the pattern is found in."""
        return next((line for line in self.lines if pattern.search(line.text)), None)

    @cached_property
    def pulled(self) -> Line | None:
        """The line that says the image was pulled."""
        return self.first(_PULLED)

    @cached_property
    def pull_failed(self) -> Line | None:
        """The line that says the image could not be pulled, with the reason where one is given; None after a pull."""
        if self.pulled:
            return None
        failed = [line for line in self.lines if _PULL_FAILED.search(line.text)]
        return max(failed, key=lambda line: bool(_REASON.search(line.text)), default=None)

    @cached_property
    def pull_failed_because(self) -> str:
        """App Runner's reason for that; empty where it gives none."""
        found = _REASON.search(self.pull_failed.text) if self.pull_failed else None
        return found[1] if found else ""

    @cached_property
    def built(self) -> Line | None:
        """The line that says the source code was built."""
        return self.first(_BUILT)

    @cached_property
    def provisioning(self) -> Line | None:
        """The line that says instances are being provisioned."""
        return self.first(_PROVISIONING)

    @cached_property
    def health_check_started(self) -> Line | None:
        """The line that says the health check began."""
        return self.first(_HEALTH_CHECK_STARTED)

    @cached_property
    def health_check_failed(self) -> Line | None:
        """The line that says the health check failed."""
        return self.first(_HEALTH_CHECK_FAILED)

    @cached_property
    def health_check_passed(self) -> Line | None:
        """The line that says the health check passed."""
        return self.first(_HEALTH_CHECK_PASSED)

    @cached_property
    def exit(self) -> Line | None:
        """The line that gives the container's exit code."""
        return self.first(_EXIT_CODE)

    @cached_property
    def refused(self) -> Line | None:
        """The line in which App Runner itself says why nothing could run."""
        return self.first(_START_REFUSED)

    @cached_property
    def exit_code(self) -> int | None:
        """The container's exit code, where App Runner gives it."""
        found = _EXIT_CODE.search(self.exit.text) if self.exit else None
        return int(found[1]) if found else None

    @cached_property
    def has_ended_by_itself(self) -> bool:
        """Whether the container ended before App Runner had a reason to stop it."""
        if not self.exit or self.exit_code == _SIGTERM:
            return False
        return not self.health_check_failed or self.exit.at <= self.health_check_failed.at

    @cached_property
    def health_check_port(self) -> int | None:
        """The port that App Runner says it checks."""
        found = _HEALTH_CHECK_STARTED.search(self.health_check_started.text) if self.health_check_started else None
        return int(found["port"]) if found and found["port"] else None

    @cached_property
    def health_check_path(self) -> str | None:
        """The path that App Runner says it checks; empty where it only opens the port, None where it does not say."""
        found = _HEALTH_CHECK_STARTED.search(self.health_check_started.text) if self.health_check_started else None
        return (found["path"] or "") if found else None

    @cached_property
    def pulled_image(self) -> str | None:
        """The image identifier that App Runner says it pulls (sometimes without its tag)."""
        line = self.first(_PULLING_IMAGE)
        found = _PULLING_IMAGE.search(line.text) if line else None
        return found[1] if found else None
