"""Here you find the image that a service runs: where it is, how it was built, and what else its repository holds.

These are models because they are stored with the attempt that they belong to. What an image says of itself is written
by others: it is cut, redacted, and read without trust in its shape.
https://github.com/opencontainers/image-spec/blob/main/config.md
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from apprunner_watcher.missing import Missing
from apprunner_watcher.redaction import HIDDEN, LONGEST_LINE, Redactor, is_secret_name, printable, variable

APP_RUNNER_PLATFORM = "linux/amd64"
"""The only one that App Runner starts: https://github.com/aws/apprunner-roadmap/issues/46."""
UNKNOWN_PLATFORM = "unknown"
MOST_NEIGHBOURS = 20
MOST_LAYERS = 60
LONGEST_TEXT = 300  # characters
_MOST_WORDS = 50  # of a command, or names in a step of the build
_MOST_VARIABLES = 200
_MOST_TAGS = 5
_HIGHEST_PORT = 65535

_PRIVATE = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<path>.+)", re.DOTALL
)
_PUBLIC = "public.ecr.aws/"


class Identifier(BaseModel):
    """App Runner's `ImageIdentifier`, taken apart. `account` and `region` are empty where it is not in private ECR.

    Docker means the tag `latest` where neither tag nor digest is given.
    https://docs.aws.amazon.com/apprunner/latest/api/API_ImageRepository.html
    """

    model_config = ConfigDict(frozen=True)

    account: str = ""
    region: str = ""
    repository: str = ""
    tag: str = ""
    digest: str = ""
    is_public: bool = False

    @property
    def is_ecr(self) -> bool:
        """Whether it is in somebody's private ECR registry."""
        return bool(self.account)

    @property
    def repository_arn(self) -> str:
        """The ARN of the private ECR repository; empty where it is none."""
        if not self.is_ecr:
            return ""
        partition = "aws-cn" if self.region.startswith("cn-") else "aws-us-gov" if "gov" in self.region else "aws"
        return f"arn:{partition}:ecr:{self.region}:{self.account}:repository/{self.repository}"

    def at(self, digest: str) -> str:
        """The identifier of the image with this digest in the same repository."""
        suffix = ".cn" if self.region.startswith("cn-") else ""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com{suffix}/{self.repository}@{digest}"

    @classmethod
    def parse(cls, image_identifier: str) -> Self:
        """Take an identifier apart. Never raises: of what is none, the repository is what stands there."""
        text = image_identifier.strip()
        private = _PRIVATE.fullmatch(text)
        path = private["path"] if private else text.removeprefix(_PUBLIC)
        name, _, digest = path.partition("@")
        namespace, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return cls(
            account=private["account"] if private else "",
            region=private["region"] if private else "",
            repository=f"{namespace}{slash}{last}",
            tag=tag or ("" if digest else "latest"),
            digest=digest,
            is_public=text.startswith(_PUBLIC),
        )


class Layer(BaseModel):
    """A step of the build. One that changes no file (ENV, CMD) has neither digest nor size.

    `size_bytes`: compressed. `created_by`: the instruction as the builder wrote it down, redacted, cut at
    `LONGEST_TEXT`. `created`: builds that are to be reproducible write a time long ago.
    """

    model_config = ConfigDict(frozen=True)

    digest: str = ""
    size_bytes: int | None = None
    created_by: str = ""
    created: datetime | None = None


class ImageConfig(BaseModel):
    """What an image says of itself, without the values of its variables and without its labels.

    `exposed_ports` are TCP's. `layers` are the last `MOST_LAYERS`: those of the base image come first.
    """

    model_config = ConfigDict(frozen=True)

    exposed_ports: tuple[int, ...] = ()
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    variable_names: tuple[str, ...] = ()
    healthcheck: bool = False
    architecture: str = ""
    os: str = ""
    layers: tuple[Layer, ...] = ()

    @property
    def platform(self) -> str:
        """What it runs on; empty where it does not say."""
        return f"{self.os}/{self.architecture}" if self.os and self.architecture else ""

    @classmethod
    def parse(cls, document: object, manifest: object, redactor: Redactor) -> Self:
        """The configuration in a config blob and the manifest that names it. Never raises.

        `redactor` knows the service's secrets; those that the image itself holds are found here.
        """
        blob = _mapping(document)
        settings = _mapping(blob.get("config"))
        history = _mappings(blob.get("history"))
        environment = [_pair(one[:LONGEST_LINE]) for one in _texts(settings.get("Env"))]
        own = Redactor(_settings(environment, history))

        def clean(text: str) -> str:
            return redactor.text(own.text(printable(text)))

        return cls(
            exposed_ports=_ports(settings.get("ExposedPorts")),
            cmd=_command(settings.get("Cmd"), clean),
            entrypoint=_command(settings.get("Entrypoint"), clean),
            user=_cut(clean(_text(settings.get("User")))),
            working_dir=_cut(clean(_text(settings.get("WorkingDir")))),
            variable_names=tuple(_cut(printable(name)) for name, _ in environment[:_MOST_VARIABLES]),
            healthcheck=_texts(_mapping(settings.get("Healthcheck")).get("Test"))[:1] not in ([], ["NONE"]),
            architecture=_cut(printable(_text(blob.get("architecture")))),
            os=_cut(printable(_text(blob.get("os")))),
            layers=_layers(history, _mappings(_mapping(manifest).get("layers")), clean),
        )


class Neighbour(BaseModel):
    """Another image of the repository: at most its first five tags, none where a newer image has taken them.

    `size_bytes`: as in `Image`.
    """

    model_config = ConfigDict(frozen=True)

    tags: tuple[str, ...]
    digest: str
    pushed_at: datetime
    size_bytes: int | None = None


class Image(BaseModel):
    """The image that the service is to run, as ECR knows it.

    `exists` is None where it could not be read; where it is False, `absent` says what ECR does not have.
    `size_bytes` counts the layers compressed, as ECR stores them: unpacked they take more. Of an index, ECR gives the
    largest of its images or, of some, only the index itself.
    `platforms` is empty where it is not known, and has `unknown` where an index does not tell.
    `artifact` is the media type of what it is where it is no image, such as a Helm chart; otherwise empty.
    `config_missing` says why there are no `platforms` or no `config`, `details_missing` why it is not known whether
    the image exists and when it was pushed, `neighbours_missing` why there are no `neighbours`.
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
    """

    model_config = ConfigDict(frozen=True)

    identifier: str
    region: str
    repository: str
    tag: str = ""
    digest: str = ""
    exists: bool | None = None
    absent: Literal["image", "repository", ""] = ""
    pushed_at: datetime | None = None
    size_bytes: int | None = None
    media_type: str = ""
    artifact: str = ""
    platforms: tuple[str, ...] = ()
    config: ImageConfig | None = None
    neighbours: tuple[Neighbour, ...] = ()
    config_missing: Missing | None = None
    details_missing: Missing | None = None
    neighbours_missing: Missing | None = None

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What could not be read of it."""
        gaps = (self.details_missing, self.config_missing, self.neighbours_missing)
        return tuple(dict.fromkeys(gap for gap in gaps if gap))

    def pushed_before(self, at: datetime) -> Neighbour | None:
        """The newest other image that was pushed before a time."""
        return next((one for one in self.neighbours if one.pushed_at < at), None)


def neighbours(found: Iterable[Neighbour]) -> tuple[Neighbour, ...]:
    """The newest of them, newest first, with few enough tags to be kept."""
    newest = sorted(found, key=lambda one: one.pushed_at, reverse=True)[:MOST_NEIGHBOURS]
    return tuple(one.model_copy(update={"tags": one.tags[:_MOST_TAGS]}) for one in newest)


def index_entries(index: object) -> tuple[tuple[str, str], ...]:
    """The images of an index: platform (`linux/amd64`, without variant) and digest of the manifest.

    Attestations stand beside them, for the platform `unknown/unknown`, and are no images.
    https://github.com/opencontainers/image-spec/blob/main/image-index.md
    https://docs.docker.com/build/metadata/attestations/attestation-storage/
    """
    found = []
    for entry in _mappings(_mapping(index).get("manifests")):
        platform = _mapping(entry.get("platform"))
        system, architecture = _text(platform.get("os")), _text(platform.get("architecture"))
        is_attestation = "vnd.docker.reference.type" in _mapping(entry.get("annotations")) or system == "unknown"
        if not is_attestation:
            name = f"{system}/{architecture}" if system and architecture else UNKNOWN_PLATFORM
            found.append((_cut(printable(name)), _text(entry.get("digest"))))
    return tuple(found)


# https://github.com/opencontainers/image-spec/blob/main/media-types.md
_IMAGE_CONFIGS = frozenset(
    {"application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"}
)
_IMAGE_LAYERS = ("application/vnd.docker.image.rootfs.", "application/vnd.oci.image.layer.")


def is_of_image(config_type: str) -> bool:
    """Whether this is the media type of an image's configuration."""
    return config_type in _IMAGE_CONFIGS


def artifact_type(manifest: object) -> str:
    """What a manifest is of where it is of no image: a Helm chart, a signature; empty where it is, or does not say.

    Signatures and attestations may have an image's configuration; their layers tell.
    https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
    """
    content = _mapping(manifest)
    config = _text(_mapping(content.get("config")).get("mediaType"))
    if config and not is_of_image(config):
        return _cut(printable(_text(content.get("artifactType")) or config))
    layers = [_text(layer.get("mediaType")) for layer in _mappings(content.get("layers"))]
    is_foreign = bool(layers) and all(layer and not layer.startswith(_IMAGE_LAYERS) for layer in layers)
    return _cut(printable(layers[0])) if is_foreign else ""


# Builders write ENV and ARG without quotes, so that a value reaches to the next name:
# https://github.com/moby/buildkit/blob/master/frontend/dockerfile/dockerfile2llb/convert.go
_NAME = re.compile(r"(?<!\S)([A-Za-z_][\w.-]{0,127})=")
_SETTING = re.compile(r"((?:/bin/sh -c #\(nop\)\s{1,9})?(?:ENV|ARG|LABEL)\s)(.*)", re.DOTALL)
# the values of the ARGs stand before the shell: RUN |1 TOKEN=… /bin/sh -c npm ci
_RUN_WITH_ARGUMENTS = re.compile(r"((?:RUN )?\|[0-9]{1,4})(.*?)(\s/\S.*|\Z)", re.DOTALL)
_FLAG = re.compile(
    r"""(?<![\w-])(--?(?P<name>[A-Za-z][\w-]*+)["']?[\s,]{1,9})(?!["']?-)(?:"[^"]*"|'[^']*'|[^\s"'\],]++)"""
)


def instruction(created_by: str, clean: Callable[[str], str]) -> str:
    """A step of the build, redacted and cut. Never raises.

    The names of build arguments and variables survive, their values only where they can be no secrets.
    `clean` takes out what is known to be secret, and what looks like it anywhere.
    """
    text = _step(created_by)
    if setting := _SETTING.fullmatch(text):
        return _cut(clean(setting[1] + _assignments(setting[2])))
    if run := _RUN_WITH_ARGUMENTS.fullmatch(text):
        return _cut(f"{run[1]} {clean(_assignments(run[2]))}".rstrip() + _arguments(run[3], clean))
    return _cut(_arguments(text, clean))


def _step(created_by: str) -> str:
    return printable(created_by[:LONGEST_LINE]).strip()


def _assignments(text: str) -> str:
    """`NAME=value …` without what may be secret; a name alone (`ARG NAME`) stays."""
    name, _, rest = _NAME.split(text)[0].strip().partition(" ")
    shown = [name, HIDDEN if rest else ""]
    is_hidden = False
    for name, value in _pairs(text):
        # what looks like one more name may be a word of the secret before it
        is_hidden = is_hidden or is_secret_name(name)
        shown.append(f"{name}={HIDDEN if is_hidden and value else variable(name, value).shown}")
    return " ".join(filter(None, shown))


def _arguments(text: str, clean: Callable[[str], str]) -> str:
    """A command without the secrets among its arguments. Here `--password correct` is no sentence."""
    return _FLAG.sub(lambda flag: f"{flag[1]}{HIDDEN}" if is_secret_name(flag["name"]) else flag[0], clean(text))


def _pairs(text: str) -> list[tuple[str, str]]:
    _, *parts = _NAME.split(text, maxsplit=_MOST_WORDS)
    return [(name, value.strip().strip("\"'")) for name, value in zip(parts[::2], parts[1::2], strict=True)]


def _settings(environment: Iterable[tuple[str, str]], history: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The variables and build arguments that the image itself holds: of too many, those with secret names."""
    steps = (_step(_text(step.get("created_by"))) for step in history[-_MOST_VARIABLES:])
    settings = (_SETTING.fullmatch(step) or _RUN_WITH_ARGUMENTS.fullmatch(step) for step in steps)
    assigned = [pair for setting in settings if setting for pair in _pairs(setting[2])]
    in_order = sorted((*assigned, *environment), key=lambda pair: is_secret_name(pair[0]))
    return dict(in_order[-_MOST_VARIABLES:])


def _layers(
    history: Iterable[Mapping[str, Any]], files: Iterable[Mapping[str, Any]], clean: Callable[[str], str]
) -> tuple[Layer, ...]:
    """The steps of the build, each with the files of the manifest that it made, in order."""
    unassigned = iter(files)
    steps: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
        (step, {} if step.get("empty_layer") is True else next(unassigned, {})) for step in history
    ]
    steps += [({}, file) for file in unassigned]
    return tuple(
        Layer(
            digest=_cut(printable(_text(file.get("digest")))),
            size_bytes=file["size"] if type(file.get("size")) is int else None,
            created_by=instruction(_text(step.get("created_by")), clean),
            created=_time(step.get("created")),
        )
        for step, file in steps[-MOST_LAYERS:]
    )


def _command(words: object, clean: Callable[[str], str]) -> tuple[str, ...]:
    shown: list[str] = []
    hide_next = False
    for word in _texts(words)[:_MOST_WORDS]:
        is_value = hide_next and not word.startswith("-")
        shown.append(HIDDEN if is_value else _cut(_arguments(word, clean)))
        hide_next = bool(re.fullmatch(r"--?[\w-]+", word)) and is_secret_name(word.lstrip("-"))
    return tuple(shown)


def _ports(exposed: object) -> tuple[int, ...]:
    """`{"8080/tcp": {}}`: https://github.com/opencontainers/image-spec/blob/main/config.md#properties."""
    found = (re.fullmatch(r"([0-9]{1,5})(?:/tcp)?", str(port)) for port in _mapping(exposed))
    numbers = {int(one[1]) for one in found if one}
    return tuple(sorted(port for port in numbers if 0 < port <= _HIGHEST_PORT)[:_MOST_WORDS])


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(_text(text))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _pair(setting: str) -> tuple[str, str]:
    name, _, value = setting.partition("=")
    return name, value


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
