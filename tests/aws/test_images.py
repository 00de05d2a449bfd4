"""An image is read side by side from ECR; what ECR does not have is evidence, what it does not say is Missing."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import HTTPClientError
from moto import mock_aws

from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.images import READS, Inspection, read_image
from apprunner_watcher.aws.read import Reads
from apprunner_watcher.aws.replay import Stage
from apprunner_watcher.image import Image
from apprunner_watcher.missing import Missing
from apprunner_watcher.recording import BLOB, Recording
from apprunner_watcher.redaction import Redactor
from tests.aws.conftest import Aws

REGISTRY = "971422717446.dkr.ecr.us-east-1.amazonaws.com"
SHOP = f"{REGISTRY}/shop:v2"
OURS, OLDER, CONFIG, CHILD = (f"sha256:{letter * 64}" for letter in "abcd")
PLAIN = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DENIED = {"error": {"Code": "AccessDeniedException", "Message": "User: x is not authorized"}}
NO_IMAGE = {"error": {"Code": "ImageNotFoundException", "Message": "The image does not exist"}}
NO_REPOSITORY = {"error": {"Code": "RepositoryNotFoundException", "Message": "The repository does not exist"}}
AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64"}
SECRET = "hunter2-correct-horse"
Answers = dict[str, Any]


def detail(digest: str, *tags: str, **rest: object) -> Answers:
    pushed = {"imagePushedAt": "2026-05-04T12:00:00+02:00", "imageSizeInBytes": 42, "imageManifestMediaType": PLAIN}
    return {"imageDigest": digest, **({"imageTags": list(tags)} if tags else {}), **pushed, **rest}


def told(*details: Answers) -> Answers:
    return {"response": {"imageDetails": list(details)}}


def manifest(content: object, digest: str = OURS, media_type: str = PLAIN, **image_id: str) -> Answers:
    text = content if isinstance(content, str) else json.dumps(content)
    image = {
        "imageId": {"imageDigest": digest, **image_id},
        "imageManifest": text,
        "imageManifestMediaType": media_type,
    }
    return {"response": {"images": [image], "failures": []}}


def index(*platforms: Mapping[str, str] | None) -> Answers:
    entries = [{"digest": CHILD, **({"platform": platform} if platform else {})} for platform in platforms]
    return manifest({"manifests": entries}, OURS, INDEX, imageTag="v2")


def failed(code: str) -> Answers:
    return {"response": {"images": [], "failures": [{"imageId": {"imageTag": "v2"}, "failureCode": code}]}}


OWN = {"request": {"imageIds": [{"imageTag": "v2"}]}}
OF_CHILD = {"request": {"imageIds": [{"imageDigest": CHILD}]}}
WITH_CONFIG = manifest({"config": {"digest": CONFIG}, "layers": [{"digest": "sha256:01", "size": 7}]}, imageTag="v2")
HEALTHY: Answers = {
    "ecr:DescribeImages": [
        {**OWN, **told(detail(OURS, "v2", "latest"))},
        told(detail(OURS, "v2"), detail(OLDER, "v1", imagePushedAt="2026-05-03T09:00:00Z")),
    ],
    "ecr:BatchGetImage": [WITH_CONFIG],
}
BLOBS = {
    CONFIG: {
        **ARM64,
        "config": {"Env": [f"DB_PASSWORD={SECRET}"], "Labels": {"x": SECRET}, "Cmd": ["run", SECRET]},
        "history": [{"created_by": f"|1 TOKEN={SECRET} /bin/sh -c run {SECRET}"}],
    }
}


class Watched(Clients):
    """Clients of a recording that keep what they were asked."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(Stage(recording, "us-east-1").session, self._blob)
        self._recording = recording
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.session.events.register("before-parameter-build.ecr", self._note)

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        self.calls.append((model.name, dict(params)))

    def _blob(self, url: str, most: int) -> bytes:
        content = self._recording.blob(url.removeprefix(BLOB))
        if content is None:
            raise HTTPClientError(error="status 404")
        return content[:most]


class Play:
    """Reads an image from made-up answers, and keeps the clients that did it."""

    def __init__(self, recorded: Callable[..., Recording]) -> None:
        self._recorded = recorded
        self.clients: Watched

    def __call__(
        self,
        answers: Answers,
        identifier: str = SHOP,
        inspect: Inspection = "config",
        blobs: Answers | None = None,
        **secrets: str,
    ) -> Any:
        def change(content: Answers) -> None:
            content["aws"] = answers
            content["blobs"] = BLOBS if blobs is None else blobs

        self.clients = Watched(self._recorded(change=change))
        with Reads(timedelta(seconds=10)) as reads:
            return read_image(
                reads, self.clients, identifier, "us-east-1", inspect=inspect, redactor=lambda: Redactor(secrets)
            )


@pytest.fixture
def play(recorded: Callable[..., Recording]) -> Play:
    return Play(recorded)


def calls(play: Play) -> list[str]:
    return sorted(name for name, _ in play.clients.calls)


def test_an_image_is_read_with_its_neighbours_and_its_configuration(play: Play) -> None:
    image = play(HEALTHY)
    assert (image.identifier, image.region, image.repository, image.tag) == (SHOP, "us-east-1", "shop", "v2")
    assert (image.exists, image.digest, image.size_bytes, image.media_type) == (True, OURS, 42, PLAIN)
    assert image.pushed_at == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert image.pushed_at.tzinfo is UTC
    assert image.platforms == ("linux/arm64",)
    assert [layer.digest for layer in image.config.layers] == ["sha256:01"]
    assert [(one.digest, one.tags) for one in image.neighbours] == [(OLDER, ("v1",))]
    assert image.missing == ()


def test_three_calls_at_once_then_the_configuration(play: Play) -> None:
    play(HEALTHY)
    assert calls(play) == ["BatchGetImage", "DescribeImages", "DescribeImages", "GetDownloadUrlForLayer"]
    asked = [params for name, params in play.clients.calls if name == "DescribeImages"]
    shop = {"registryId": "971422717446", "repositoryName": "shop"}
    assert {**shop, "imageIds": [{"imageTag": "v2"}]} in asked
    assert {**shop, "maxResults": 1000, "filter": {"tagStatus": "ANY"}} in asked


def test_a_digest_is_asked_for_as_such(play: Play) -> None:
    image = play({"ecr:DescribeImages": [told(detail(OLDER, "v2"), detail(OURS))]}, f"{REGISTRY}/shop:v2@{OURS}")
    assert (image.exists, image.digest) == (True, OURS)
    assert {"imageIds": [{"imageDigest": OURS}]}.items() <= play.clients.calls[0][1].items()


@pytest.mark.parametrize("secret_of", ["image", "service"])
def test_no_secret_reaches_the_image(play: Play, secret_of: str) -> None:
    if secret_of == "image":
        image = play(HEALTHY)
    else:
        blob = {"config": {"Cmd": ["run", SECRET], "User": SECRET}, "history": [{"created_by": f"RUN {SECRET}"}]}
        image = play(HEALTHY, blobs={CONFIG: blob}, DB_PASSWORD=SECRET)
    assert image.config.cmd == ("run", "***")
    assert SECRET not in image.model_dump_json()


def test_without_inspection_only_the_repository_is_read(play: Play) -> None:
    image = play(HEALTHY, inspect="off")
    assert calls(play) == ["DescribeImages", "DescribeImages"]
    assert (image.exists, image.config, image.platforms) == (True, None, ())
    assert image.config_missing.why == "ImageInspection is off"


def test_inspection_of_manifests_reads_platforms_and_no_configuration(play: Play) -> None:
    image = play({**HEALTHY, "ecr:BatchGetImage": [index(AMD64, ARM64)]}, inspect="manifest")
    assert calls(play) == ["BatchGetImage", "DescribeImages", "DescribeImages"]
    assert image.platforms == ("linux/amd64", "linux/arm64")
    assert image.config is None
    assert image.config_missing.why == "ImageInspection is for manifests only"


@pytest.mark.parametrize(
    ("platform", "shown"), [(AMD64, ("linux/arm64", "linux/amd64")), (None, ("linux/arm64", "unknown"))]
)
def test_of_an_index_the_image_that_app_runner_takes_is_read(
    play: Play, platform: dict[str, str] | None, shown: tuple[str, ...]
) -> None:
    entries = [{"digest": OLDER, "platform": ARM64}, {"digest": CHILD, **({"platform": platform} if platform else {})}]
    ours = manifest({"manifests": entries}, OURS, INDEX, imageTag="v2")
    child = manifest({"config": {"digest": CONFIG}}, CHILD)
    image = play({**HEALTHY, "ecr:BatchGetImage": [{**OF_CHILD, **child}, ours]})
    assert calls(play).count("BatchGetImage") == 2
    assert image.platforms == shown
    assert image.config.architecture == "arm64"
    assert image.neighbours == ()  # OLDER is a part of the image


def test_an_index_without_app_runners_platform_is_told_by_its_platforms(play: Play) -> None:
    image = play({**HEALTHY, "ecr:BatchGetImage": [index(ARM64)]})
    assert image.platforms == ("linux/arm64",)
    assert image.config_missing.why == "the index holds no image for linux/amd64"


@pytest.mark.parametrize(
    ("child", "why"),
    [
        (DENIED, "access denied: the role lacks ecr:BatchGetImage"),
        (failed("ImageNotFound"), "the index names an image for linux/amd64 that is not in the repository"),
        (index(AMD64), "ecr:BatchGetImage answered with other images"),
    ],
)
def test_a_part_of_an_index_that_cannot_be_read(play: Play, child: Answers, why: str) -> None:
    image = play({**HEALTHY, "ecr:BatchGetImage": [{**OF_CHILD, **child}, index(AMD64)]})
    assert (image.exists, image.platforms, image.config) == (True, ("linux/amd64",), None)
    assert image.config_missing.why == why


@pytest.mark.parametrize(
    ("answer", "blobs", "why"),
    [
        (WITH_CONFIG, {}, "ecr:GetDownloadUrlForLayer answered NotRecorded"),
        (WITH_CONFIG, {CONFIG: {"x": "x" * 2**20}}, "it is larger than 1048576 bytes"),
        (manifest({"config": {"digest": 7}}, imageTag="v2"), {}, "the manifest names none"),
        (manifest([], imageTag="v2"), {}, "the manifest is not JSON"),
        (manifest("{", imageTag="v2"), {}, "the manifest is not JSON"),
        (manifest("[" * 100_000, imageTag="v2"), {}, "the manifest is not JSON"),
        (failed("KmsError"), {}, "ecr:BatchGetImage answered KmsError"),
        ({"response": {"images": []}}, {}, "ecr:BatchGetImage answered with other images"),
        (manifest({}, OLDER, imageTag="v1"), {}, "ecr:BatchGetImage answered with other images"),
        (DENIED, {}, "access denied: the role lacks ecr:BatchGetImage"),
    ],
)
def test_why_there_is_no_configuration(play: Play, answer: Answers, blobs: Answers, why: str) -> None:
    image = play({**HEALTHY, "ecr:BatchGetImage": [answer]}, blobs=blobs)
    assert (image.exists, image.config, image.platforms) == (True, None, ())
    assert why in image.config_missing.why
    assert image.missing == (image.config_missing,)


@pytest.mark.parametrize(
    ("download", "why"),
    [
        (lambda *_: b"{", "it is not JSON"),
        (lambda *_: (_ for _ in ()).throw(HTTPClientError(error="x")), "failed: HTTPClientError"),
    ],
)
def test_a_download_that_fails(
    play: Play, monkeypatch: pytest.MonkeyPatch, download: Callable[..., bytes], why: str
) -> None:
    monkeypatch.setattr(Watched, "_blob", download)
    assert why in play(HEALTHY).config_missing.why


@pytest.mark.parametrize(
    ("details", "manifests", "absent"),
    [
        ([{**OWN, **NO_IMAGE}, told(detail(OLDER, "v1"))], [failed("ImageNotFound")], "image"),
        ([{**OWN, **NO_IMAGE}, DENIED], [DENIED], "image"),
        ([DENIED], [failed("ImageNotFound")], "image"),
        ([DENIED], [failed("ImageTagDoesNotMatchDigest")], "image"),
        ([NO_REPOSITORY], [NO_REPOSITORY], "repository"),
        ([DENIED], [NO_REPOSITORY], "repository"),
        ([told()], [], "image"),
        ([told(detail(OLDER, "v1"))], [], "image"),
    ],
)
def test_what_ecr_does_not_have_is_evidence(
    play: Play, details: list[Answers], manifests: list[Answers], absent: str
) -> None:
    image = play({"ecr:DescribeImages": details, "ecr:BatchGetImage": manifests})
    assert (image.exists, image.absent, image.config) == (False, absent, None)
    assert image.details_missing is None
    assert image.config_missing


def test_what_is_left_of_the_repository_is_listed(play: Play) -> None:
    image = play({"ecr:DescribeImages": [{**OWN, **NO_IMAGE}, told(detail(OLDER, "v1"))]})
    assert [one.tags for one in image.neighbours] == [("v1",)]


@pytest.mark.parametrize(
    "listing",
    [
        told(detail(OLDER)),  # an image without a tag may be the one
        {"response": {"imageDetails": [detail(OLDER, "v1")], "nextToken": "more"}},
    ],
)
def test_an_answer_about_other_images_proves_nothing(play: Play, listing: Answers) -> None:
    image = play({"ecr:DescribeImages": [listing]}, inspect="off")
    assert (image.exists, image.absent) == (None, "")
    assert image.details_missing.why == "ecr:DescribeImages answered with other images"


def test_the_list_stands_in_where_the_image_itself_was_not_told(play: Play) -> None:
    image = play({"ecr:DescribeImages": [{**OWN, **DENIED}, told(detail(OURS, "v2"))]}, inspect="off")
    assert (image.exists, image.digest, image.details_missing) == (True, OURS, None)


def test_a_manifest_proves_that_the_image_exists(play: Play) -> None:
    image = play({**HEALTHY, "ecr:DescribeImages": [DENIED]})
    assert (image.exists, image.digest, image.media_type, image.pushed_at) == (True, OURS, PLAIN, None)
    assert image.details_missing.allow == image.neighbours_missing.allow == "ecr:DescribeImages"
    assert image.config


def test_everything_denied_is_missing(play: Play) -> None:
    missing = play({action: [DENIED] for action in READS})
    assert missing == Missing("image", "access denied: the role lacks ecr:DescribeImages", allow="ecr:DescribeImages")


@pytest.mark.parametrize("action", READS)
def test_a_denied_read_is_named_with_the_action_to_allow(play: Play, action: str) -> None:
    found = play({**HEALTHY, action: [DENIED]})
    assert action in {missing.allow for missing in found.missing}


def test_an_image_of_another_region_is_known_by_its_region_only(play: Play) -> None:
    image = play(HEALTHY, "971422717446.dkr.ecr.eu-west-1.amazonaws.com/shop:v2")
    assert calls(play) == []
    assert (image.region, image.exists, image.repository, image.tag) == ("eu-west-1", None, "shop", "v2")
    [missing] = image.missing
    assert missing.why == "it is in eu-west-1; the watcher reads ECR in us-east-1 only"
    assert image.details_missing == image.config_missing == image.neighbours_missing == missing


@pytest.mark.parametrize("identifier", ["public.ecr.aws/shop/shop:latest", "nginx"])
def test_other_registries_are_not_read(play: Play, identifier: str) -> None:
    missing = play(HEALTHY, identifier)
    assert calls(play) == []
    assert missing == Missing("image", "the watcher reads private ECR repositories only")


def test_a_service_from_source_has_no_image(play: Play) -> None:
    assert play(HEALTHY, "") is None
    assert calls(play) == []


def test_signatures_charts_and_attestations_are_no_neighbours(play: Play) -> None:
    config = "application/vnd.docker.container.image.v1+json"
    listing = told(
        detail(OLDER, "v1", artifactMediaType=config),
        detail("sha256:1", "chart", artifactMediaType="application/vnd.cncf.helm.config.v1+json"),
        detail("sha256:2", "sha256-a.sig", subjectManifestDigest=OURS),
        {"imageTags": ["nameless"], "imagePushedAt": "2026-05-04T10:00:00Z"},
        {"imageDigest": "sha256:3"},
    )
    image = play({"ecr:DescribeImages": [{**OWN, **told(detail(OURS, "v2"))}, listing]}, inspect="off")
    assert [one.digest for one in image.neighbours] == [OLDER]


CHART, SIGNATURE = "application/vnd.cncf.helm.config.v1+json", "application/vnd.dev.cosign.simplesigning.v1+json"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
IMAGE_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@pytest.mark.parametrize(
    ("content", "artifact"),
    [
        ({"config": {"mediaType": CHART, "digest": CONFIG}}, CHART),
        ({"config": {"mediaType": "application/vnd.oci.empty.v1+json"}, "artifactType": "text/x"}, "text/x"),
        ({"config": {"mediaType": IMAGE_CONFIG}, "layers": [{"mediaType": SIGNATURE}]}, SIGNATURE),
        ({"config": {"mediaType": IMAGE_CONFIG}, "layers": [{"mediaType": IMAGE_LAYER}, {"mediaType": SIGNATURE}]}, ""),
        ({"config": {"mediaType": IMAGE_CONFIG, "digest": CONFIG}, "layers": []}, ""),
        ({"config": {"digest": CONFIG}, "layers": [{"digest": "sha256:01"}]}, ""),
    ],
)
def test_what_is_no_image_is_told_by_its_manifest(play: Play, content: Answers, artifact: str) -> None:
    image = play({**HEALTHY, "ecr:BatchGetImage": [manifest(content, imageTag="v2")]})
    assert image.artifact == artifact
    assert ("GetDownloadUrlForLayer" in calls(play)) == (not artifact and "digest" in content["config"])
    if artifact:
        assert image.config_missing.why == f"it is no image, but {artifact}"


def test_what_is_no_image_is_told_by_ecr_without_inspection(play: Play) -> None:
    chart = told(detail(OURS, "v2", artifactMediaType=CHART))
    assert play({"ecr:DescribeImages": [{**OWN, **chart}, chart]}, inspect="off").artifact == CHART


def test_the_redactor_is_asked_only_for_a_configuration(recorded: Callable[..., Recording]) -> None:
    def change(content: Answers) -> None:
        content["aws"] = {**HEALTHY, "ecr:BatchGetImage": [DENIED]}

    def redactor() -> Redactor:
        raise AssertionError

    with Reads(timedelta(seconds=10)) as reads:
        clients = Watched(recorded(change=change))
        assert read_image(reads, clients, SHOP, "us-east-1", inspect="config", redactor=redactor)


@pytest.fixture
def ecr(aws: Aws) -> Iterator[Any]:
    with mock_aws():
        ecr = boto3.client("ecr")
        ecr.create_repository(repositoryName="shop")
        for tag, digest in (("v1", CONFIG), ("v2", CHILD)):
            content = {"schemaVersion": 2, "mediaType": PLAIN, "layers": [{"digest": digest, "size": 7}]}
            ecr.put_image(repositoryName="shop", imageTag=tag, imageManifest=json.dumps(content))
        yield ecr


@pytest.mark.parametrize(("tag", "exists"), [("v2", True), ("v3", False)])
def test_with_motos_ecr(ecr: Any, tag: str, exists: bool) -> None:  # noqa: FBT001  # a case of a table
    with Reads(timedelta(seconds=10)) as reads:
        image = read_image(
            reads,
            Clients(),
            f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:{tag}",
            "us-east-1",
            inspect="manifest",
            redactor=lambda: Redactor({}),
        )
    assert isinstance(image, Image)
    assert image.exists is exists
    assert {tags for one in image.neighbours for tags in one.tags} == {"v1", "v2"} - {tag}
