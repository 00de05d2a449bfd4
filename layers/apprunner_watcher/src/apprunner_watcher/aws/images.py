"""Here you find how the image is read from ECR: what the repository says of it, and what it says of itself.

Side by side: the image, the other images of its repository, its manifest. Then, one after the other: of an index, the
manifest for App Runner's platform, and the configuration. That makes two calls without inspection, three with
manifests, at most five and a download with configurations.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from botocore.exceptions import ClientError

from apprunner_watcher.aws.read import Reading, Reads, error_code
from apprunner_watcher.image import (
    APP_RUNNER_PLATFORM,
    UNKNOWN_PLATFORM,
    Identifier,
    Image,
    ImageConfig,
    Neighbour,
    artifact_type,
    index_entries,
    is_of_image,
    neighbours,
)
from apprunner_watcher.missing import Missing
from apprunner_watcher.redaction import Redactor

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

    from apprunner_watcher.aws.clients import Clients

READS = {
    "ecr:DescribeImages": "arn:{partition}:ecr:{region}:{account}:repository/*",
    "ecr:BatchGetImage": "arn:{partition}:ecr:{region}:{account}:repository/*",
    "ecr:GetDownloadUrlForLayer": "arn:{partition}:ecr:{region}:{account}:repository/*",
}
"""The IAM actions of the reads, and what they are allowed on. The last two are needed for inspection only."""

Inspection = Literal["off", "manifest", "config"]
"""How far to look into an image: the stack's parameter ImageInspection."""

_IMAGE, _CONFIG, _NEIGHBOURS = "image", "configuration of the image", "other images of the repository"
_NOT_INSPECTED = {
    "off": Missing(_CONFIG, "ImageInspection is off"),
    "manifest": Missing(_CONFIG, "ImageInspection is for manifests only"),
}
_LARGEST_CONFIG = 1024 * 1024  # bytes; usual are some thousand
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)

_Absent = Literal["image", "repository"]
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html
_ABSENT: dict[str, _Absent] = {
    "ImageNotFoundException": "image",
    "ImageNotFound": "image",
    "ImageTagDoesNotMatchDigest": "image",
    "RepositoryNotFoundException": "repository",
}
_Detail = Mapping[str, Any]
_T = TypeVar("_T")


def read_image(  # noqa: PLR0913  # the two doors to AWS, which image, and how far
    reads: Reads,
    clients: "Clients",
    identifier: str,
    service_region: str,
    *,
    inspect: Inspection,
    redactor: Callable[[], Redactor],
) -> Image | Missing | None:
    """Read an image of a private repository in the service's Region; call it in a part's thread.

    None where the service has no image; Missing where nothing can be known of it. `redactor` gives what takes out the
    service's secrets; it is asked only where a configuration was read, and may wait for DescribeService.
    """
    if not identifier:
        return None
    wanted = Identifier.parse(identifier)
    if not wanted.is_ecr:
        return Missing(_IMAGE, "the watcher reads private ECR repositories only")
    if wanted.region != service_region:
        return _elsewhere(identifier, wanted, service_region)
    repository = _Repository(reads, clients, wanted)
    details, listing = repository.details(), repository.listing()
    reading = repository.manifest(_image_id(wanted)) if inspect != "off" else None
    detail, listed = details.result(), listing.result()
    manifest = reading.result() if reading else _NOT_INSPECTED["off"]
    if isinstance(detail, Missing) and isinstance(listed, Missing) and isinstance(manifest, Missing):
        return detail
    return _image(identifier, wanted, detail, listed, _inspected(repository, manifest, inspect, redactor))


@dataclass(frozen=True, slots=True)
class _Manifest:
    """A manifest or an index, as its author wrote it."""

    digest: str
    media_type: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Listing:
    """The repository's images, in no order; `is_whole`: no more than one page."""

    details: Sequence[_Detail]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen by looking into the image."""

    manifest: _Manifest | _Absent | Missing
    config: ImageConfig | Missing
    platforms: tuple[str, ...] = ()
    artifact: str = ""
    parts: frozenset[str] = frozenset()  # digests of the images of an index


class _Repository:
    """A repository of ECR, and the calls that are made about it."""

    def __init__(self, reads: Reads, clients: "Clients", wanted: Identifier) -> None:
        self._reads = reads
        self._clients = clients
        self._wanted = wanted
        self._account, self._name = wanted.account, wanted.repository

    def details(self) -> Reading[_Detail | _Absent | Missing]:
        """What ECR says of the image; AWS answers with it or with an error."""
        ecr, wanted = self._clients.ecr, self._wanted

        def call() -> _Detail | _Absent | Missing:
            answer = ecr.describe_images(
                registryId=self._account, repositoryName=self._name, imageIds=[_image_id(wanted)]
            )
            fitting = (one for one in answer.get("imageDetails", []) if _is_of(one, wanted))
            return next(fitting, Missing(_IMAGE, "ecr:DescribeImages answered with other images"))

        return self._begin(_IMAGE, "ecr:DescribeImages", call)

    def listing(self) -> Reading[_Listing | _Absent]:
        """The images of the repository: one page, which is all of most."""
        ecr = self._clients.ecr

        def call() -> _Listing | _Absent:
            answer = ecr.describe_images(
                registryId=self._account, repositoryName=self._name, maxResults=1000, filter={"tagStatus": "ANY"}
            )
            return _Listing(answer.get("imageDetails", []), "nextToken" not in answer)

        return self._begin(_NEIGHBOURS, "ecr:DescribeImages", call)

    def manifest(self, image_id: "ImageIdentifierTypeDef") -> Reading[_Manifest | _Absent | Missing]:
        """The manifest of an image, or an index."""
        ecr = self._clients.ecr

        def call() -> _Manifest | _Absent | Missing:
            answer = ecr.batch_get_image(
                registryId=self._account,
                repositoryName=self._name,
                imageIds=[image_id],
                acceptedMediaTypes=_MANIFESTS,
            )
            return _manifest(answer, image_id)

        return self._begin(_CONFIG, "ecr:BatchGetImage", call)

    def blob(self, digest: str) -> Reading[bytes]:
        """A configuration: the URL is signed, and leads to S3."""
        ecr = self._clients.ecr

        def call() -> bytes:
            answer = ecr.get_download_url_for_layer(
                registryId=self._account, repositoryName=self._name, layerDigest=digest
            )
            return self._clients.download(answer["downloadUrl"], _LARGEST_CONFIG + 1)

        return self._reads.begin(_CONFIG, "ecr:GetDownloadUrlForLayer", call)

    def _begin(self, what: str, action: str, call: Callable[[], _T]) -> Reading[_T | _Absent]:
        """Make a call; that there is no such image or repository is an answer, too."""

        def told() -> _T | _Absent:
            try:
                return call()
            except ClientError as error:
                if absent := _ABSENT.get(error_code(error)):
                    return absent
                raise

        return self._reads.begin(what, action, told)


def _image(
    identifier: str,
    wanted: Identifier,
    detail: _Detail | _Absent | Missing,
    listed: _Listing | _Absent | Missing,
    look: _Look,
) -> Image:
    if isinstance(detail, Missing) and isinstance(listed, _Listing):
        detail = _in_listing(listed, wanted) or detail
    manifest, config = look.manifest, look.config
    known = detail if isinstance(detail, Mapping) else {}
    named = manifest if isinstance(manifest, _Manifest) else _Manifest(wanted.digest, "", {})
    digest = known.get("imageDigest") or named.digest
    exists = bool(known) or isinstance(manifest, _Manifest)
    absent = "" if exists else next((one for one in (detail, manifest, listed) if isinstance(one, str)), "")
    return Image(
        identifier=identifier,
        region=wanted.region,
        repository=wanted.repository,
        tag=wanted.tag,
        digest=digest,
        exists=True if exists else False if absent else None,
        absent=absent,
        pushed_at=known["imagePushedAt"].astimezone(UTC) if "imagePushedAt" in known else None,
        size_bytes=known.get("imageSizeInBytes"),
        media_type=known.get("imageManifestMediaType") or named.media_type,
        artifact=look.artifact or _artifact(known),
        platforms=look.platforms,
        config=config if isinstance(config, ImageConfig) else None,
        neighbours=_neighbours(listed, {digest, *look.parts}) if isinstance(listed, _Listing) else (),
        config_missing=config if isinstance(config, Missing) else None,
        details_missing=detail if isinstance(detail, Missing) and not absent else None,
        neighbours_missing=listed if isinstance(listed, Missing) else None,
    )


def _artifact(detail: _Detail) -> str:
    """The media type that ECR tells, where it is of no image."""
    told = str(detail.get("artifactMediaType", ""))
    return "" if is_of_image(told) else told


def _elsewhere(identifier: str, wanted: Identifier, service_region: str) -> Image:
    """An image that App Runner cannot pull either: only that it is in another Region is known."""
    unread = Missing(_IMAGE, f"it is in {wanted.region}; the watcher reads ECR in {service_region} only")
    return Image(
        identifier=identifier,
        region=wanted.region,
        repository=wanted.repository,
        tag=wanted.tag,
        digest=wanted.digest,
        config_missing=unread,
        details_missing=unread,
        neighbours_missing=unread,
    )


def _inspected(
    repository: _Repository,
    manifest: _Manifest | _Absent | Missing,
    inspect: Inspection,
    redactor: Callable[[], Redactor],
) -> _Look:
    """What the image is for and, where that is wanted, what it says of itself."""
    if isinstance(manifest, Missing):
        return _Look(manifest, manifest)
    if isinstance(manifest, str):
        return _Look(manifest, Missing(_CONFIG, f"there is no such {manifest}"))
    unread = _NOT_INSPECTED.get(inspect)
    if artifact := artifact_type(manifest.content):
        return _Look(manifest, Missing(_CONFIG, f"it is no image, but {artifact}"), artifact=artifact)
    if "manifests" not in manifest.content:
        config = unread or _config(repository, manifest, redactor)
        platform = config.platform if isinstance(config, ImageConfig) else ""
        return _Look(manifest, config, (platform,) if platform else ())
    entries = index_entries(manifest.content)
    platforms = tuple(dict.fromkeys(platform for platform, _ in entries))
    config = unread or _config_of_index(repository, entries, redactor)
    return _Look(manifest, config, platforms, parts=frozenset(digest for _, digest in entries))


def _config_of_index(
    repository: _Repository, entries: Sequence[tuple[str, str]], redactor: Callable[[], Redactor]
) -> ImageConfig | Missing:
    """The configuration of the image that App Runner would take: for its platform, else for one that is not named."""
    for platform in (APP_RUNNER_PLATFORM, UNKNOWN_PLATFORM):
        if digest := next((one for name, one in entries if name == platform), ""):
            manifest = repository.manifest({"imageDigest": digest}).result()
            if isinstance(manifest, Missing):
                return manifest
            if isinstance(manifest, str):
                return Missing(_CONFIG, f"the index names an image for {platform} that is not in the repository")
            return _config(repository, manifest, redactor)
    return Missing(_CONFIG, f"the index holds no image for {APP_RUNNER_PLATFORM}")


def _config(repository: _Repository, manifest: _Manifest, redactor: Callable[[], Redactor]) -> ImageConfig | Missing:
    config = manifest.content.get("config")
    digest = config.get("digest") if isinstance(config, dict) else None
    if not isinstance(digest, str):
        return Missing(_CONFIG, "the manifest names none")
    blob = repository.blob(digest).result()
    if isinstance(blob, Missing):
        return blob
    if len(blob) > _LARGEST_CONFIG:
        return Missing(_CONFIG, f"it is larger than {_LARGEST_CONFIG} bytes")
    document = _json(blob)
    if document is None:
        return Missing(_CONFIG, "it is not JSON")
    return ImageConfig.parse(document, manifest.content, redactor())


def _manifest(answer: Mapping[str, Any], image_id: "ImageIdentifierTypeDef") -> _Manifest | _Absent | Missing:
    """The manifest in an answer of BatchGetImage, which tells of failures in the answer."""
    for one in answer.get("images", []):
        # a digest is in every answer; the tag is in those that were asked for it
        if image_id.items() <= {"imageTag": image_id.get("imageTag"), **one.get("imageId", {})}.items():
            content = _json(one.get("imageManifest", ""))
            if content is None:
                return Missing(_CONFIG, "the manifest is not JSON")
            return _Manifest(one["imageId"].get("imageDigest", ""), one.get("imageManifestMediaType", ""), content)
    codes = [str(one.get("failureCode", "")) for one in answer.get("failures", [])]
    absent = next((_ABSENT[code] for code in codes if code in _ABSENT), None)
    return absent or Missing(_CONFIG, f"ecr:BatchGetImage answered {codes[0] if codes else 'with other images'}")


def _json(text: str | bytes) -> dict[str, Any] | None:
    """A JSON object; None where it is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _image_id(wanted: Identifier) -> "ImageIdentifierTypeDef":
    """The digest where there is one: it is what is pulled, whatever the tag says."""
    return {"imageDigest": wanted.digest} if wanted.digest else {"imageTag": wanted.tag}


def _is_of(detail: _Detail, wanted: Identifier) -> bool:
    if wanted.digest:
        return bool(detail.get("imageDigest") == wanted.digest)
    return wanted.tag in detail.get("imageTags", [])


def _in_listing(listed: _Listing, wanted: Identifier) -> _Detail | _Absent | None:
    """The image as the repository shows it or, where it shows all that it has, and every tag, does not."""
    if found := next((one for one in listed.details if _is_of(one, wanted)), None):
        return found
    is_proof = listed.is_whole and all(one.get("imageTags") for one in listed.details)
    return "image" if is_proof else None


def _neighbours(listed: _Listing, own: set[str]) -> tuple[Neighbour, ...]:
    """The other images. The images of other indexes stand among them: ECR does not tell whose they are."""
    return neighbours(
        Neighbour(
            tags=tuple(one.get("imageTags", [])),
            digest=one["imageDigest"],
            pushed_at=one["imagePushedAt"].astimezone(UTC),
            size_bytes=one.get("imageSizeInBytes"),
        )
        for one in listed.details
        if one.get("imageDigest", "") not in {"", *own}
        and "imagePushedAt" in one
        and not _artifact(one)
        and "subjectManifestDigest" not in one
    )
