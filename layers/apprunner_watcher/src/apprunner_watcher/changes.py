"""Here you find what changed since the service was last healthy: settings, names of variables, and the image.

The earlier state is the one that was noted when a deployment succeeded. Where none was noted it is, in this order, the
configuration that App Runner has put back (it is the one that serves), or the image that was the newest when the last
deployment that succeeded began; else nothing is known, and nothing is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from apprunner_watcher.image import Identifier, Image, Neighbour
from apprunner_watcher.missing import NotSeenError
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Snapshot
from apprunner_watcher.variable import Variable, same

NOT_SET = "not set"
_MEGABYTE = 1_000_000
_SETTINGS = {
    "image": "image",
    "repository_url": "repository",
    "branch": "branch",
    "source_directory": "source directory",
    "runtime": "runtime",
    "build_command": "build command",
    "start_command": "start command",
    "port": "port",
    "cpu": "CPU",
    "memory": "memory",
    "instance_role_arn": "instance role",
    "access_role_arn": "access role",
    "egress_type": "egress",
    "vpc_connector_arn": "VPC connector",
    "ip_address_type": "IP address type",
    "auto_scaling_arn": "auto scaling configuration",
    "auto_deployments_enabled": "automatic deployments",
}
_HEALTH_CHECK = {
    "protocol": "health check protocol",
    "path": "health check path",
    "interval": "health check interval",
    "timeout": "health check timeout",
    "healthy_threshold": "healthy threshold",
    "unhealthy_threshold": "unhealthy threshold",
}
_IMAGE_CONFIG = {
    "entrypoint": "image ENTRYPOINT",
    "cmd": "image CMD",
    "exposed_ports": "image EXPOSE",
    "user": "image USER",
    "working_dir": "image WORKDIR",
    "variable_names": "variables of the image",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was. `before` and `after` are texts for a reader."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed, and since when: `since` is empty where no earlier healthy state is known."""

    since: str
    listed: tuple[Change, ...] = ()


def changes(snapshot: Snapshot) -> Changes:
    """What changed since the service was last healthy. Never raises: what was not seen is not compared."""
    try:
        noted = snapshot.last_healthy
        configuration = snapshot.configuration
    except NotSeenError:
        return Changes("")
    image = snapshot.parts.image if isinstance(snapshot.parts.image, Image) else None
    if noted:
        listed = (*_settings(noted.configuration, configuration), *_images(noted.image, image))
        return Changes(f"the deployment of {_at(noted.started_at)}, which succeeded", listed)
    if image and configuration.standing == "restored" and configuration.image != image.identifier:
        before = _neighbour(image, Identifier.parse(configuration.image))
        listed = (Change("image", configuration.image, image.identifier), *_facts(before, image))
        return Changes("the configuration that App Runner has put back", listed)
    return _since_last_success(snapshot, image)


def _since_last_success(snapshot: Snapshot, image: Image | None) -> Changes:
    try:
        success = snapshot.operations.last_success_before(snapshot.operation)
    except NotSeenError:
        return Changes("")
    before = image.pushed_before(success.started_at) if image and success else None
    if not image or not success or not before or before.digest == image.digest:
        return Changes("")
    names = Change("image", f"{', '.join(before.tags) or before.digest} (probably)", image.identifier)
    since = f"the deployment of {_at(success.started_at)}, which succeeded; the image is the newest of that time"
    return Changes(since, (names, *_facts(before, image)))


def _neighbour(image: Image, wanted: Identifier) -> Neighbour | None:
    return next((one for one in image.neighbours if wanted.tag in one.tags or wanted.digest == one.digest), None)


def _settings(before: Configuration, after: Configuration) -> Iterator[Change]:
    for field, what in _SETTINGS.items():
        yield from _change(what, getattr(before, field), getattr(after, field))
    for field, what in _HEALTH_CHECK.items():
        yield from _change(what, getattr(before.health_check, field), getattr(after.health_check, field))
    yield from _variables(before, after)


def _variables(before: Configuration, after: Configuration) -> Iterator[Change]:
    """Names, and values only where they cannot be secrets."""
    was, now = ({one.name: one for one in each.variables} for each in (before, after))
    for name in sorted(was.keys() | now.keys()):
        if name not in was or name not in now:
            yield Change(f"variable {name}", _state(was.get(name)), _state(now.get(name)))
        elif same(was[name].fingerprint, now[name].fingerprint) is False or was[name].shown != now[name].shown:
            yield Change(f"variable {name}", was[name].shown, _after(was[name], now[name]))
    for name in sorted(before.secret_sources.keys() | after.secret_sources.keys()):
        was_from, now_from = before.secret_sources.get(name, ""), after.secret_sources.get(name, "")
        yield from _change(f"secret {name}", was_from, now_from)


def _state(variable: Variable | None) -> str:
    return variable.shown if variable else NOT_SET


def _after(before: Variable, after: Variable) -> str:
    return f"{after.shown} (another value)" if before.shown == after.shown else after.shown


def _images(before: Image | None, after: Image | None) -> Iterator[Change]:
    if not before or not after or before.digest == after.digest:
        return
    yield from _facts(before, after)
    if before.config and after.config:
        for field, what in _IMAGE_CONFIG.items():
            yield from _change(what, getattr(before.config, field), getattr(after.config, field))
        kept = {layer.created_by for layer in before.config.layers}
        for layer in after.config.layers:
            if layer.created_by not in kept:
                yield Change("image layer", NOT_SET, f"{layer.created_by} ({_size(layer.size_bytes)})")


def _facts(before: Image | Neighbour | None, after: Image) -> Iterator[Change]:
    """Digest, size and age: what ECR knows of every image."""
    if not before:
        return
    yield from _change("image digest", before.digest, after.digest)
    yield from _change("image size, compressed", _size(before.size_bytes), _size(after.size_bytes))
    yield from _change("image pushed at", _at(before.pushed_at), _at(after.pushed_at))


def _change(what: str, before: object, after: object) -> Iterator[Change]:
    if before != after:
        yield Change(what, _text(before), _text(after))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or NOT_SET
    return str(value) if value not in {"", None} else NOT_SET


def _size(size: int | None) -> str:
    return f"{size / _MEGABYTE:.1f} MB" if size is not None else "not known"


def _at(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "not known"
