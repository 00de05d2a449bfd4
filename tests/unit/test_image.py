"""An identifier is taken apart, and what an image says of itself is read without its secrets, whatever stands there."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apprunner_watcher.image import (
    LONGEST_TEXT,
    Identifier,
    Image,
    ImageConfig,
    Layer,
    Neighbour,
    index_entries,
    instruction,
    neighbours,
)
from apprunner_watcher.missing import Missing
from apprunner_watcher.redaction import Redactor

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = "sha256:b202eef087c72e386dc4252bc857ce027654fbf3d40a85b01ad2ad0069c1c35b"
NOTHING_KNOWN = Redactor({})
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def identifier(
    repository: str = "", tag: str = "", digest: str = "", *, account: str = "123456789012", region: str = "eu-west-1"
) -> Identifier:
    return Identifier(account=account, region=region, repository=repository, tag=tag, digest=digest)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"{ECR}/shop", identifier("shop", "latest")),
        (f"{ECR}/shop:v1", identifier("shop", "v1")),
        (f" {ECR}/team/shop:v1\n", identifier("team/shop", "v1")),
        (f"{ECR}/team/shop@{DIGEST}", identifier("team/shop", "", DIGEST)),
        (f"{ECR}/shop:v1@{DIGEST}", identifier("shop", "v1", DIGEST)),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/shop:v1",
            identifier("shop", "v1", region="cn-north-1"),
        ),
        (
            "public.ecr.aws/aws-containers/hello-app-runner:latest",
            Identifier(repository="aws-containers/hello-app-runner", tag="latest", is_public=True),
        ),
        ("localhost:5000/shop:v1", Identifier(repository="localhost:5000/shop", tag="v1")),
        ("nginx", Identifier(repository="nginx", tag="latest")),
        ("٣٣٣٣٣٣٣٣٣٣٣٣.dkr.ecr.eu-west-1.amazonaws.com/shop:v1", None),
    ],
)
def test_an_identifier_is_taken_apart(text: str, parts: Identifier | None) -> None:
    parsed = Identifier.parse(text)
    assert parsed.is_ecr == (text.strip().startswith("123456789012.dkr"))
    if parts:
        assert parsed == parts


@given(st.text() | st.from_regex(r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/.*", fullmatch=True))
def test_any_text_can_be_taken_apart(text: str) -> None:
    parsed = Identifier.parse(text)
    assert parsed.tag or parsed.digest or "@" in text
    assert not (parsed.is_ecr and parsed.is_public)


SECRET = "Hunter2-correct"


@pytest.mark.parametrize(
    ("created_by", "shown"),
    [
        (f"ENV DB_PASSWORD={SECRET}", "ENV DB_PASSWORD=***"),
        (f"ENV DB_PASSWORD={SECRET} {SECRET} more", "ENV DB_PASSWORD=***"),
        (f"ENV DB_PASSWORD=my {SECRET} word=hunter STAGE=prod", "ENV DB_PASSWORD=*** word=*** STAGE=***"),
        ("ENV STAGE=production GREETING=a b TOKEN=", "ENV STAGE=production GREETING=*** TOKEN="),
        (
            "/bin/sh -c #(nop)  ENV PORT=8080 NODE_ENV='production'",
            "/bin/sh -c #(nop)  ENV PORT=8080 NODE_ENV=production",
        ),
        (f"/bin/sh -c #(nop)  ENV API_KEY={SECRET}", "/bin/sh -c #(nop)  ENV API_KEY=***"),
        (f"ENV API_KEY {SECRET}", "ENV API_KEY ***"),
        ("ARG NPM_TOKEN", "ARG NPM_TOKEN"),
        (f"ARG NPM_TOKEN={SECRET}", "ARG NPM_TOKEN=***"),
        ("ARG NPM_TOKEN=abc", "ARG NPM_TOKEN=***"),
        (f"LABEL maintainer={SECRET} 1", "LABEL maintainer=***"),
        (f"|1 TOKEN={SECRET} /bin/sh -c npm ci", "|1 TOKEN=*** /bin/sh -c npm ci"),
        (
            f"RUN |2 TOKEN=two {SECRET} STAGE=prod /bin/bash -o pipefail -c npm ci # buildkit",
            "RUN |2 TOKEN=*** STAGE=*** /bin/bash -o pipefail -c npm ci # buildkit",
        ),
        ("RUN |0 /bin/sh -c npm ci", "RUN |0 /bin/sh -c npm ci"),
        (f"RUN /bin/sh -c NPM_TOKEN={SECRET} npm ci", "RUN /bin/sh -c NPM_TOKEN=*** npm ci"),
        (f"RUN /bin/sh -c login --password {SECRET} me", "RUN /bin/sh -c login --password *** me"),
        (f"RUN /bin/sh -c login --password '{SECRET} x' me", "RUN /bin/sh -c login --password *** me"),
        ("RUN /bin/sh -c npm ci --omit dev --token --quiet", "RUN /bin/sh -c npm ci --omit dev --token --quiet"),
        (f'CMD ["login" "--token" "{SECRET}"]', 'CMD ["login" "--token" ***]'),
        (f"RUN curl -u me:{SECRET} https://x.test", "RUN curl -u me:*** https://x.test"),
        (f"RUN curl --user=me:{SECRET} https://x.test", "RUN curl --user=me:*** https://x.test"),
        (f"RUN git clone https://me:{SECRET}@github.com/x", "RUN git clone https://***@github.com/x"),
        ("COPY file:abc in /app ", "COPY file:abc in /app"),
        ("", ""),
    ],
)
def test_steps_of_the_build_keep_names_and_lose_secrets(created_by: str, shown: str) -> None:
    assert instruction(created_by, NOTHING_KNOWN.text) == shown


@given(st.text() | st.from_regex(r"(ENV|ARG|RUN \|1|\|2) (\w+=.*){1,3}"))
def test_any_text_can_be_a_step(text: str) -> None:
    assert len(instruction(text, NOTHING_KNOWN.text)) <= LONGEST_TEXT


def test_a_long_step_is_cut_after_its_secrets_were_taken_out() -> None:
    shown = instruction(f"RUN TOKEN={SECRET} {'x' * 1000}", NOTHING_KNOWN.text)
    assert len(shown) == LONGEST_TEXT
    assert shown.endswith("x…")
    assert SECRET not in shown
    straddling = instruction(f"{'x' * (LONGEST_TEXT - 12)} TOKEN={SECRET}", NOTHING_KNOWN.text)
    assert "Hunter" not in straddling


BLOB = {
    "architecture": "arm64",
    "os": "linux",
    "config": {
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}, "443": {}, "99999/tcp": {}, "x": {}},
        "Env": ["PATH=/usr/local/bin:/usr/bin", f"DB_PASSWORD={SECRET}", "EMPTY"],
        "Cmd": ["node", "server.js", "--api-key", "shorty", "--port", "8080"],
        "Entrypoint": ["/usr/local/bin/entry"],
        "User": "node",
        "WorkingDir": "/usr/src/app",
        "Healthcheck": {"Test": ["CMD-SHELL", f"curl -u me:{SECRET} localhost"]},
        "Labels": {"token": SECRET},
    },
    "history": [
        {"created": "2026-05-04T11:00:00.123456789Z", "created_by": "ADD rootfs.tar /"},
        {"created": "2026-05-04T11:01:00Z", "created_by": f"ENV DB_PASSWORD={SECRET}", "empty_layer": True},
        {"created": "0001-01-01T00:00:00Z", "created_by": f"RUN /bin/sh -c echo {SECRET} > /key"},
    ],
}
MANIFEST = {"layers": [{"digest": "sha256:01", "size": 30_000_000}, {"digest": "sha256:02", "size": 42}]}


def test_a_configuration_is_read() -> None:
    config = ImageConfig.parse(BLOB, MANIFEST, NOTHING_KNOWN)
    assert config == ImageConfig(
        exposed_ports=(443, 8080),
        cmd=("node", "server.js", "--api-key", "***", "--port", "8080"),
        entrypoint=("/usr/local/bin/entry",),
        user="node",
        working_dir="/usr/src/app",
        variable_names=("PATH", "DB_PASSWORD", "EMPTY"),
        healthcheck=True,
        architecture="arm64",
        os="linux",
        layers=(
            Layer(
                digest="sha256:01",
                size_bytes=30_000_000,
                created_by="ADD rootfs.tar /",
                created=datetime(2026, 5, 4, 11, 0, 0, 123456, UTC),
            ),
            Layer(created_by="ENV DB_PASSWORD=***", created=datetime(2026, 5, 4, 11, 1, tzinfo=UTC)),
            Layer(
                digest="sha256:02",
                size_bytes=42,
                created_by="RUN /bin/sh -c echo *** > /key",
                created=datetime(1, 1, 1, tzinfo=UTC),
            ),
        ),
    )
    assert config.platform == "linux/arm64"


def test_a_secret_is_found_nowhere() -> None:
    known = "c0rrect-h0rse"
    blob = {
        **BLOB,
        "config": {
            "Env": [f"URL=postgres://me:{SECRET}@db/x", "ODD=4f1c2ab77e"],
            "Cmd": ["sh", "-c", f"TOKEN={known} run {SECRET} 4f1c2ab77e"],
            "Entrypoint": [f"--key={known}", "--password", f"{known}x"],
            "User": known,
            "WorkingDir": f"/{SECRET}",
            "Labels": {"x": known},
            "Volumes": {f"/{known}": {}},
        },
        "history": [
            {"created_by": f"ARG ANYTHING={known}", "comment": known},
            {"created_by": "|1 NPM_AUTH=Battery-staple /bin/sh -c npm ci"},
            {"created_by": "RUN /bin/sh -c echo Battery-staple 4f1c2ab77e"},
        ],
    }
    stored = ImageConfig.parse(blob, MANIFEST, Redactor({"PASSWORD": known})).model_dump_json()
    assert not [secret for secret in (SECRET, known, "Battery-staple", "4f1c2ab77e") if secret in stored]


def test_paths_of_the_image_stay() -> None:
    blob = {"config": {"Env": ["HOME=/usr/src/app"], "WorkingDir": "/usr/src/app", "Cmd": ["/usr/src/app/run"]}}
    config = ImageConfig.parse(blob, {}, NOTHING_KNOWN)
    assert (config.working_dir, config.cmd) == ("/usr/src/app", ("/usr/src/app/run",))


@pytest.mark.parametrize(
    ("settings", "has_one"),
    [
        ({}, False),
        ({"Healthcheck": None}, False),
        ({"Healthcheck": {"Interval": 5}}, False),
        ({"Healthcheck": {"Test": []}}, False),
        ({"Healthcheck": {"Test": ["NONE"]}}, False),
        ({"Healthcheck": {"Test": ["CMD", "true"]}}, True),
    ],
)
def test_a_health_check_can_be_switched_off(settings: dict[str, object], has_one: bool) -> None:  # noqa: FBT001  # a case of a table
    assert ImageConfig.parse({"config": settings}, {}, NOTHING_KNOWN).healthcheck is has_one


def test_the_last_layers_are_kept_and_all_is_bounded() -> None:
    long = "x" * 10_000
    blob = {
        "architecture": long,
        "config": {"Env": [long] * 900, "Cmd": [long] * 900, "ExposedPorts": {str(port): {} for port in range(900)}},
        "history": [{"created_by": f"RUN step {number} {long}"} for number in range(100)],
    }
    config = ImageConfig.parse(blob, {"layers": [{"digest": long, "size": 1}] * 150}, NOTHING_KNOWN)
    assert len(config.layers) == 60
    assert config.layers[9].created_by.startswith("RUN step 99 ")
    assert config.layers[59].created_by == ""  # the manifest has more files than the history has steps
    assert len(config.model_dump_json()) < 150_000


@given(JSON, JSON)
def test_a_configuration_of_any_shape_can_be_read(document: object, manifest: object) -> None:
    ImageConfig.parse(document, manifest, NOTHING_KNOWN)
    ImageConfig.parse({"config": document, "history": [document]}, {"layers": [manifest]}, NOTHING_KNOWN)
    parts = {"Env": document, "Cmd": document, "ExposedPorts": document, "Healthcheck": document, "User": document}
    history = [{"created": document, "created_by": document, "empty_layer": document}]
    ImageConfig.parse(
        {"config": parts, "history": history, "os": document}, {"layers": [{"size": manifest}]}, NOTHING_KNOWN
    )


def test_an_index_names_its_images_and_not_its_attestations() -> None:
    def entry(digest: str, **rest: object) -> dict[str, object]:
        return {"digest": digest, **rest}

    index = {
        "manifests": [
            entry("sha256:01", platform={"os": "linux", "architecture": "amd64"}),
            entry("sha256:02", platform={"os": "linux", "architecture": "arm64", "variant": "v8"}),
            entry("sha256:03", platform={"os": "unknown", "architecture": "unknown"}),
            entry("sha256:04", annotations={"vnd.docker.reference.type": "attestation-manifest"}),
            entry("sha256:05"),
            "nonsense",
        ]
    }
    assert index_entries(index) == (
        ("linux/amd64", "sha256:01"),
        ("linux/arm64", "sha256:02"),
        ("unknown", "sha256:05"),
    )


@given(JSON)
def test_an_index_of_any_shape_can_be_read(document: object) -> None:
    index_entries(document)
    index_entries({"manifests": document})
    index_entries({"manifests": [{"platform": document, "annotations": document, "digest": document}]})


def neighbour(hours: int, *tags: str) -> Neighbour:
    return Neighbour(tags=tags, digest=f"sha256:{hours}", pushed_at=NOON - timedelta(hours=hours))


def image(**fields: object) -> Image:
    return Image.model_validate({"identifier": f"{ECR}/shop:v1", "region": "eu-west-1", "repository": "shop", **fields})


def test_neighbours_are_the_newest_twenty_with_five_tags() -> None:
    found = neighbours(neighbour(hours, *"abcdefg") for hours in (*range(15, 30), *range(15)))
    assert [one.digest for one in found] == [f"sha256:{hours}" for hours in range(20)]
    assert found[0].tags == tuple("abcde")


def test_the_newest_neighbour_before_a_time() -> None:
    pushed = image(neighbours=neighbours([neighbour(1), neighbour(3), neighbour(2)]))
    before = pushed.pushed_before(NOON - timedelta(hours=1))
    assert before
    assert before.digest == "sha256:2"
    assert pushed.pushed_before(NOON - timedelta(hours=3)) is None


def test_an_image_is_stored_as_json_and_comes_back() -> None:
    stored = image(
        config=ImageConfig.parse(BLOB, MANIFEST, NOTHING_KNOWN),
        neighbours=(neighbour(1, "v1"),),
        details_missing=Missing("image", "denied", allow="ecr:DescribeImages"),
        pushed_at=NOON,
        platforms=("linux/amd64",),
    )
    assert Image.model_validate_json(json.dumps(stored.model_dump(mode="json"))) == stored


def test_what_is_missing_of_an_image_is_said_once() -> None:
    unread = Missing("image", "elsewhere")
    other = Missing("configuration of the image", "off")
    assert image(details_missing=unread, neighbours_missing=unread, config_missing=other).missing == (unread, other)
    assert image().missing == ()
