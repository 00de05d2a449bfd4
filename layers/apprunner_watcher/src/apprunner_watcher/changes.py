"""Here you find what changed since the service was last healthy: settings, names of variables, and the image.

The earlier state is the configuration that App Runner has put back, where it did (it is the one that serves); else the
newest one that was noted when a deployment succeeded. Where none was noted it is the image that was the newest when the
last deployment that succeeded began; else nothing is known, and nothing is said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from apprunner_watcher.image import Identifier, Image, ImageConfig, Layer, Neighbour
from apprunner_watcher.missing import Missing, NotSeenError
from apprunner_watcher.redaction import Variable, same
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Attempt, Snapshot

NOT_SET = "not set"
_EMPTY = "empty"
_MEGABYTE = 1_000_000
_LONGEST = 300  # characters of a text
_MOST = 100  # changes: they are stored with the incident
_MOST_LAYERS = 5
_SAYS_LITTLE = ("image digest", "image pushed at")
_SETTINGS = {
    "image": "image",
    "repository_url": "repository",
    "branch": "branch",
    "source_directory": "source directory",
    "connection_arn": "connection to the repository",
    "configuration_source": "source of the configuration",
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
    "is_public": "access from the internet",
    "ip_address_type": "IP address type",
    "auto_scaling_arn": "auto scaling configuration",
    "observability_arn": "observability configuration",
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
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was. `before` and `after` are texts for a reader."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed, and since when: `since` is empty where no earlier healthy state is known.

    `unlisted`: how many changes there are beside the ones that are listed.
    """

    since: str
    listed: tuple[Change, ...] = ()
    unlisted: int = 0

    @classmethod
    def found(cls, since: str, changes: Iterable[Change]) -> "Changes":
        """Of very many, the first ones are listed."""
        rest = iter(changes)
        listed = tuple(islice(rest, _MOST))
        return cls(since, listed, sum(1 for _ in rest))

    def in_short(self, most: int = 4) -> str:
        """The first changes that may change what the application does, on one line."""
        telling = [one for one in self.listed if not one.what.startswith(_SAYS_LITTLE)]
        named = (f"{one.what} ({one.before} -> {one.after})" for one in telling[:most])
        return "; ".join((*named, *([f"and {len(telling) - most} more"] if len(telling) > most else [])))


def changes(snapshot: Snapshot) -> Changes:
    """What changed since the service was last healthy. Never raises: what was not seen is not compared."""
    configuration = snapshot.parts.configuration
    if isinstance(configuration, Missing):
        return Changes("")
    image = snapshot.parts.image if isinstance(snapshot.parts.image, Image) else None
    noted = _last_healthy(snapshot)
    if configuration.standing == "restored":
        return _since_restored(noted, configuration, image)
    if noted:
        found = Changes.found(_since(noted.started_at), _differences(noted, configuration, image))
        # what is shown now may be the earlier configuration itself: then its sameness proves nothing
        return found if found.listed or configuration.standing == "attempted" else Changes("")
    return _since_last_success(snapshot, image)


def _last_healthy(snapshot: Snapshot) -> Attempt | None:
    try:
        return snapshot.last_healthy
    except NotSeenError:
        return None


def _since(start: datetime) -> str:
    return f"the deployment of {_at(start)}, which succeeded"


def _differences(before: Attempt, configuration: Configuration, image: Image | None) -> Iterator[Change]:
    """The image first; then what most changes are of; last, what may be long."""
    was = before.configuration
    for field, what in _SETTINGS.items():
        yield from _change(what, getattr(was, field), getattr(configuration, field))
    for field, what in _HEALTH_CHECK.items():
        yield from _change(what, getattr(was.health_check, field), getattr(configuration.health_check, field))
    is_another = before.image and image and before.image.digest != image.digest
    yield from _facts(before.image, image) if is_another else ()
    yield from _variables(was, configuration)
    yield from _inside(before.image, image) if is_another else ()


def _since_restored(noted: Attempt | None, restored: Configuration, image: Image | None) -> Changes:
    """Of what was attempted, no more than the image is known: App Runner's log names it."""
    if not image or restored.image == image.identifier:
        return Changes("")
    before = noted.image if noted and noted.configuration.image == restored.image else None
    listed = (
        *_change("image", restored.image, image.identifier),
        *_facts(before or _neighbour(image, Identifier.parse(restored.image)), image),
        *_inside(before, image),
    )
    return Changes.found("the configuration that App Runner has put back", listed)


def _since_last_success(snapshot: Snapshot, image: Image | None) -> Changes:
    try:
        success = snapshot.operations.last_success_before(snapshot.operation)
    except NotSeenError:
        return Changes("")
    before = image.pushed_before(success.started_at) if image and success else None
    if not image or not success or not before:
        return Changes("")
    if image.pushed_at and before.pushed_at < image.pushed_at < success.started_at:
        return Changes("")  # then it was the newest itself
    name = ", ".join(before.tags) or before.digest
    listed = (*_change("image", f"{name} (probably)", image.identifier), *_facts(before, image))
    return Changes.found(f"{_since(success.started_at)}; the image is the newest of that time", listed)


def _neighbour(image: Image, wanted: Identifier) -> Neighbour | None:
    return next((one for one in image.neighbours if wanted.tag in one.tags or wanted.digest == one.digest), None)


def _variables(before: Configuration, after: Configuration) -> Iterator[Change]:
    """Names, and values only where they cannot be secrets."""
    was, now = ({one.name: one for one in each.variables} for each in (before, after))
    for name in sorted(was.keys() | now.keys()):
        if name not in was or name not in now:
            yield from _change(f"variable {name}", _state(was.get(name)), _state(now.get(name)))
        elif _is_another(was[name], now[name]):
            yield from _change(f"variable {name}", _state(was[name]), _state(now[name]), otherwise="another value")
    for name in sorted(before.secret_sources.keys() | after.secret_sources.keys()):
        sources = (each.secret_sources.get(name, "") for each in (before, after))
        yield from _change(f"secret {name}", *sources)


def _is_another(before: Variable, after: Variable) -> bool:
    """Whether the value is another one, by what is known of both: fingerprints of one key, or what is shown."""
    is_same = same(before.fingerprint, after.fingerprint)
    return before.shown != after.shown if is_same is None else not is_same


def _state(variable: Variable | None) -> str:
    if variable is None:
        return NOT_SET
    return _EMPTY if variable.is_empty else variable.shown


def _facts(before: Image | Neighbour | None, after: Image | None) -> Iterator[Change]:
    """Digest, size and age: what ECR knows of every image, where it is known of both."""
    if not before or not after:
        return
    if before.digest and after.digest:
        yield from _change("image digest", before.digest, after.digest)
    if before.size_bytes is not None and after.size_bytes is not None:
        yield from _change("image size, compressed", _size(before.size_bytes), _size(after.size_bytes))
    if before.pushed_at and after.pushed_at:
        yield from _change("image pushed at", _at(before.pushed_at), _at(after.pushed_at))


def _inside(before: Image | None, after: Image | None) -> Iterator[Change]:
    """What the images say of themselves."""
    if not before or not after or not before.config or not after.config:
        return
    for field, what in _IMAGE_CONFIG.items():
        yield from _change(what, getattr(before.config, field), getattr(after.config, field))
    was, now = set(before.config.variable_names), set(after.config.variable_names)
    for name in sorted(was ^ now):
        yield from _change(
            f"variable {name} of the image", *("set" if name in names else NOT_SET for names in (was, now))
        )
    yield from _layers(before.config, after.config)


def _layers(before: ImageConfig, after: ImageConfig) -> Iterator[Change]:
    """The layers that are new or of another size. Of many, as behind a new base image, those that weigh the most."""
    was = {_name(layer): layer for layer in before.layers}
    found: list[tuple[int, Change]] = []
    for layer in after.layers:
        name, new, earlier = _name(layer), layer.size_bytes, was.get(_name(layer))
        if not earlier and layer.digest:
            size = f"{_size(new)} compressed" if new is not None else "size not known"
            found.append((new or 0, Change("image layer", NOT_SET, f"{_cut(name, _LONGEST // 2)} ({size})")))
        elif earlier and earlier.size_bytes is not None and new is not None:
            sizes = (f"{_size(size)} compressed" for size in (earlier.size_bytes, new))
            if abs(new - earlier.size_bytes) >= _MEGABYTE:
                found.append((new - earlier.size_bytes, Change(_cut(f"image layer {name}"), *sizes)))
    found.sort(key=lambda one: abs(one[0]), reverse=True)
    yield from (change for _, change in found[:_MOST_LAYERS])
    if rest := found[_MOST_LAYERS:]:
        grown = sum(size for size, _ in rest)
        yield Change(f"{len(rest)} more image layers", "", f"{'-' if grown < 0 else '+'}{_size(abs(grown))} compressed")


def _name(layer: Layer) -> str:
    return layer.created_by or layer.digest


def _change(what: str, before: object, after: object, otherwise: str = "") -> Iterator[Change]:
    """A change, where it is one. `otherwise`: what to say of values that do not show how they differ."""
    was, now = _text(before), _text(after)
    if was != now:
        same_beginning = _cut(was) == _cut(now)
        yield Change(_cut(what), _cut(was), f"{_cut(now)} (it differs further on)" if same_beginning else _cut(now))
    elif otherwise:
        yield Change(_cut(what), _cut(was), f"{_cut(now)} ({otherwise})")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or NOT_SET
    return str(value) or NOT_SET


def _cut(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _size(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB" if size >= _MEGABYTE / 10 else "under 0.1 MB"


def _at(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
