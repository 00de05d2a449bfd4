"""What changed since the service was last healthy: the three ways to know how it was, and every kind of change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apprunner_watcher.changes import Change, Changes, changes
from apprunner_watcher.event import OperationEvent, OperationType, Stage
from apprunner_watcher.image import Image, ImageConfig, Layer, Neighbour
from apprunner_watcher.missing import Missing
from apprunner_watcher.redaction import Fingerprints, Variable, variable
from apprunner_watcher.service import Configuration, HealthCheck
from apprunner_watcher.snapshot import Attempt, Operation, Operations, Parts, Snapshot

ARN = "arn:aws:apprunner:us-east-1:111122223333:service/shop/0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REPOSITORY = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop"
KEY = Fingerprints(b"1" * 32)
MISSING = Missing("a part", "denied")
MB = 1_000_000
Seen = Callable[..., Snapshot]


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def configuration(**fields: Any) -> Configuration:
    return Configuration(**{"standing": "attempted", "image": f"{REPOSITORY}:v2", **fields})


def image(tag: str = "v2", **fields: Any) -> Image:
    usual = {"digest": digest("b"), "pushed_at": NOW - HOUR, "size_bytes": 60 * MB, "exists": True}
    return Image(
        **{"identifier": f"{REPOSITORY}:{tag}", "region": "us-east-1", "repository": "shop", **usual, **fields}
    )


def neighbour(tag: str, letter: str, pushed_at: datetime, size: int = 50 * MB) -> Neighbour:
    return Neighbour(tags=(tag,), digest=digest(letter), pushed_at=pushed_at, size_bytes=size)


def operation(id_: str, started_at: datetime, status: str = "SUCCEEDED", type_: str = "UPDATE_SERVICE") -> Operation:
    return Operation(id_, type_, status, started_at, started_at + timedelta(minutes=5))


THIS = operation("this", NOW - timedelta(minutes=10), "ROLLBACK_SUCCEEDED")


def attempt(started_at: datetime = NOW - DAY, stage: Stage = Stage.SUCCEEDED, **fields: Any) -> Attempt:
    """Noted earlier: what is not named is as it is now."""
    own = {
        "operation_id": f"of {started_at}",
        "operation": OperationType.UPDATE_SERVICE,
        "configuration": configuration(),
        "image": image(),
    }
    return Attempt(**{**own, **fields}, started_at=started_at, stage=stage)


def snapshot(
    *attempts: Attempt,
    now: Configuration | Missing | None = None,
    shows: Image | Missing | None = None,
    operations: tuple[Operation, ...] = (),
    **parts: Any,
) -> Snapshot:
    event = OperationEvent(
        id="e",
        time=NOW,
        service_arn=ARN,
        service_name="shop",
        operation=OperationType.UPDATE_SERVICE,
        stage=Stage.FAILED,
        message="",
    )
    own = {
        "service": MISSING,
        "configuration": now or configuration(),
        "operations": Operations((THIS, *operations)),
        "attempts": attempts,
        "image": shows,
    }
    return Snapshot(event, NOW, Parts(**{**own, **parts}))


def since_noted(before: Configuration, now: Configuration) -> tuple[Change, ...]:
    found = changes(snapshot(attempt(configuration=before), now=now, shows=image()))
    assert found.since == "the deployment of 2026-05-03 12:00 UTC, which succeeded"
    return found.listed


def since_image(before: Image, now: Image) -> tuple[Change, ...]:
    return changes(snapshot(attempt(image=before), shows=now)).listed


# --- settings


SETTINGS = [
    ("image", f"{REPOSITORY}:v1", f"{REPOSITORY}:v2", "image"),
    ("repository_url", "https://github.com/a/b", "https://github.com/a/c", "repository"),
    ("branch", "main", "next", "branch"),
    ("source_directory", "/", "/app", "source directory"),
    ("connection_arn", "arn:1", "arn:2", "connection to the repository"),
    ("configuration_source", "API", "REPOSITORY", "source of the configuration"),
    ("runtime", "NODEJS_16", "NODEJS_18", "runtime"),
    ("build_command", "make", "make all", "build command"),
    ("start_command", "serve", "serve --fast", "start command"),
    ("cpu", "1024", "2048", "CPU"),
    ("memory", "2048", "4096", "memory"),
    ("instance_role_arn", "arn:role/1", "arn:role/2", "instance role"),
    ("access_role_arn", "arn:role/1", "arn:role/2", "access role"),
    ("egress_type", "DEFAULT", "VPC", "egress"),
    ("vpc_connector_arn", "arn:1", "arn:2", "VPC connector"),
    ("ip_address_type", "IPV4", "DUAL_STACK", "IP address type"),
    ("auto_scaling_arn", "arn:1", "arn:2", "auto scaling configuration"),
    ("observability_arn", "arn:1", "arn:2", "observability configuration"),
]


@pytest.mark.parametrize(("field", "before", "after", "what"), SETTINGS)
def test_a_setting(field: str, before: str, after: str, what: str) -> None:
    assert since_noted(configuration(**{field: before}), configuration(**{field: after})) == (
        Change(what, before, after),
    )


@pytest.mark.parametrize(
    ("field", "before", "after", "change"),
    [
        ("port", 8080, 8000, Change("port", "8080", "8000")),
        ("auto_deployments_enabled", False, True, Change("automatic deployments", "off", "on")),
        ("is_public", True, False, Change("access from the internet", "on", "off")),
        ("start_command", "", "serve", Change("start command", "not set", "serve")),
        ("vpc_connector_arn", "arn:1", "", Change("VPC connector", "arn:1", "not set")),
    ],
)
def test_a_setting_that_is_no_text(field: str, before: object, after: object, change: Change) -> None:
    assert since_noted(configuration(**{field: before}), configuration(**{field: after})) == (change,)


@pytest.mark.parametrize(
    ("field", "before", "after", "what"),
    [
        ("protocol", "TCP", "HTTP", "health check protocol"),
        ("path", "/", "/health", "health check path"),
        ("interval", 5, 10, "health check interval"),
        ("timeout", 2, 3, "health check timeout"),
        ("healthy_threshold", 1, 2, "healthy threshold"),
        ("unhealthy_threshold", 5, 9, "unhealthy threshold"),
    ],
)
def test_the_health_check(field: str, before: object, after: object, what: str) -> None:
    checks = (HealthCheck.model_validate({field: value}) for value in (before, after))
    assert since_noted(*(configuration(health_check=one) for one in checks)) == (Change(what, str(before), str(after)),)


@pytest.mark.parametrize("field", sorted(Configuration.model_fields.keys() - {"standing", "image_repository_type"}))
def test_every_setting_is_compared(field: str) -> None:
    """A new member of the configuration changes as well. The type of the repository follows from the image."""
    others = {"variables": (of("A", "1"),), "secret_sources": {"A": "arn"}, "health_check": HealthCheck(path="/a")}
    another = configuration().model_copy(update={field: others.get(field, "another")})
    assert len(since_noted(configuration(), another)) == 1


# --- variables


def of(name: str, value: str, key: Fingerprints = KEY) -> Variable:
    return variable(name, value, key)


SECRET, OTHER = of("DB_PASSWORD", "q7K/very%secret"), of("DB_PASSWORD", "another/secret7")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((), (of("STAGE", "production"),), [Change("variable STAGE", "not set", "production")]),
        ((of("STAGE", "production"),), (), [Change("variable STAGE", "production", "not set")]),
        ((), (of("STAGE", ""),), [Change("variable STAGE", "not set", "empty")]),
        ((), (SECRET,), [Change("variable DB_PASSWORD", "not set", "***")]),
        (
            (of("STAGE", "production"),),
            (of("STAGE", "staging"),),
            [Change("variable STAGE", "production", "staging")],
        ),
        ((SECRET,), (OTHER,), [Change("variable DB_PASSWORD", "***", "*** (another value)")]),
        ((SECRET,), (SECRET,), []),
        ((SECRET,), (of("DB_PASSWORD", ""),), [Change("variable DB_PASSWORD", "***", "empty")]),
        ((of("A", "1"), of("B", "2")), (of("B", "2"), of("A", "1")), []),
        # with another key nobody knows; what is shown differs all the same
        ((SECRET,), (of("DB_PASSWORD", "another/secret7", Fingerprints(b"2" * 32)),), []),
        (
            (of("STAGE", "production"),),
            (of("STAGE", "staging", Fingerprints(b"2" * 32)),),
            [Change("variable STAGE", "production", "staging")],
        ),
        ((Variable(name="OLD", shown="***"),), (of("OLD", "x"),), [Change("variable OLD", "***", "x")]),
        # an earlier version of the watcher showed less of the same value
        ((of("STAGE", "production").model_copy(update={"shown": "***"}),), (of("STAGE", "production"),), []),
    ],
)
def test_variables(before: tuple[Variable, ...], after: tuple[Variable, ...], told: list[Change]) -> None:
    assert list(since_noted(configuration(variables=before), configuration(variables=after))) == told


def test_no_value_of_a_secret_is_told() -> None:
    told = repr(since_noted(configuration(variables=(SECRET,)), configuration(variables=(OTHER,))))
    assert "secret" not in told
    assert "another/" not in told


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"A": "arn:1"}, [Change("secret A", "not set", "arn:1")]),
        ({"A": "arn:1"}, {}, [Change("secret A", "arn:1", "not set")]),
        ({"A": "arn:1"}, {"A": "arn:2"}, [Change("secret A", "arn:1", "arn:2")]),
        ({"A": "arn:1"}, {"A": "arn:1"}, []),
    ],
)
def test_sources_of_secrets(before: dict[str, str], after: dict[str, str], told: list[Change]) -> None:
    assert list(since_noted(configuration(secret_sources=before), configuration(secret_sources=after))) == told


# --- the image


BEFORE = image("v1", digest=digest("a"), pushed_at=NOW - DAY, size_bytes=50 * MB)
FACTS = (
    Change("image digest", digest("a"), digest("b")),
    Change("image size, compressed", "50.0 MB", "60.0 MB"),
    Change("image pushed at", "2026-05-03 12:00 UTC", "2026-05-04 11:00 UTC"),
)


def test_what_ecr_knows_of_the_image() -> None:
    assert since_image(BEFORE, image()) == FACTS


def test_the_same_image_is_not_looked_into() -> None:
    other = image(config=ImageConfig(cmd=("other",)), size_bytes=1)
    assert since_image(image(config=ImageConfig(cmd=("this",))), other) == ()


@pytest.mark.parametrize(
    ("unknown", "told"),
    [
        ({"size_bytes": None}, (FACTS[0], FACTS[2])),
        ({"pushed_at": None}, FACTS[:2]),
        ({"digest": ""}, FACTS[1:]),
    ],
)
def test_what_is_not_known_of_one_image_is_not_compared(unknown: dict[str, Any], told: tuple[Change, ...]) -> None:
    assert since_image(BEFORE, image(**unknown)) == told
    assert [one.what for one in since_image(BEFORE.model_copy(update=unknown), image())] == [one.what for one in told]


@pytest.mark.parametrize("missing", [{"image": None}, {"image": BEFORE, "shows": MISSING}])
def test_without_one_of_the_images_the_settings_are_compared(missing: dict[str, Any]) -> None:
    before = attempt(configuration=configuration(port=1), image=missing["image"])
    assert changes(snapshot(before, shows=missing.get("shows", image()))).listed == (Change("port", "1", "8080"),)


def inside(before: ImageConfig, after: ImageConfig) -> list[Change]:
    unknown: dict[str, Any] = {"size_bytes": None, "pushed_at": None}
    found = since_image(image(digest=digest("a"), config=before, **unknown), image(config=after, **unknown))
    return [one for one in found if one.what != "image digest"]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({"cmd": ("serve",)}, {"cmd": ("serve", "--fast")}, Change("image CMD", "serve", "serve --fast")),
        ({}, {"entrypoint": ("/bin/tini", "--")}, Change("image ENTRYPOINT", "not set", "/bin/tini --")),
        ({"exposed_ports": (8080, 9090)}, {"exposed_ports": (8000,)}, Change("image EXPOSE", "8080 9090", "8000")),
        ({"user": "app"}, {"user": ""}, Change("image USER", "app", "not set")),
        ({"working_dir": "/"}, {"working_dir": "/app"}, Change("image WORKDIR", "/", "/app")),
        (
            {"variable_names": ("PATH",)},
            {"variable_names": ("NODE_ENV", "PATH")},
            Change("variable NODE_ENV of the image", "not set", "set"),
        ),
        ({"variable_names": ("OLD",)}, {}, Change("variable OLD of the image", "set", "not set")),
    ],
)
def test_what_the_image_says_of_itself(before: dict[str, Any], after: dict[str, Any], change: Change) -> None:
    assert inside(ImageConfig(**before), ImageConfig(**after)) == [change]


def layers(*steps: tuple[str, int | None]) -> ImageConfig:
    made = (
        Layer(created_by=step, digest=digest("0") if size is not None else "", size_bytes=size) for step, size in steps
    )
    return ImageConfig(layers=tuple(made))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            [("FROM", 30 * MB)],
            [("FROM", 30 * MB), ("RUN npm ci", 12_345_678)],
            [Change("image layer", "not set", "RUN npm ci (12.3 MB compressed)")],
        ),
        ([], [("COPY a", 5)], [Change("image layer", "not set", "COPY a (under 0.1 MB compressed)")]),
        ([("FROM", 30 * MB), ("RUN npm ci", MB)], [("FROM", 30 * MB)], []),
        # what changes no file is told elsewhere
        ([("FROM", 30 * MB)], [("FROM", 30 * MB), ("ENV A=***", None), ('CMD ["x"]', None)], []),
        (
            [("COPY . .", 5 * MB)],
            [("COPY . .", 250 * MB)],
            [Change("image layer COPY . .", "5.0 MB compressed", "250.0 MB compressed")],
        ),
        ([("COPY . .", 5 * MB)], [("COPY . .", 5 * MB + 999_999)], []),
        ([("COPY . .", None)], [("COPY . .", 250 * MB)], []),
        ([("COPY . .", 5 * MB)], [("COPY . .", None)], []),
    ],
)  # fmt: skip
def test_layers(before: list[tuple[str, int | None]], after: list[tuple[str, int | None]], told: list[Change]) -> None:
    assert inside(layers(*before), layers(*after)) == told


def test_a_layer_of_unknown_size_is_told_all_the_same() -> None:
    after = ImageConfig(layers=(Layer(digest=digest("c")),))
    assert inside(ImageConfig(), after) == [Change("image layer", "not set", f"{digest('c')} (size not known)")]


def test_a_new_base_image_does_not_flood() -> None:
    before = layers(*((f"old {n}", n * MB) for n in range(40)))
    after = layers(*((f"new {n}", n * MB) for n in range(40)))
    told = inside(before, after)
    assert [one.after for one in told[:5]] == [f"new {n} ({n}.0 MB compressed)" for n in range(39, 34, -1)]
    assert told[5:] == [Change("35 more image layers", "", f"+{sum(range(35))}.0 MB compressed")]


def test_layers_that_shrank_count_as_well() -> None:
    before = layers(*((f"COPY {n}", 50 * MB) for n in range(6)))
    after = layers(*((f"COPY {n}", 40 * MB) for n in range(6)))
    assert inside(before, after)[5:] == [Change("1 more image layers", "", "-10.0 MB compressed")]


# --- how it was


def test_nothing_is_known_without_an_earlier_success() -> None:
    assert changes(snapshot(shows=image())) == Changes("")


def test_an_identical_state_is_said_to_be_one() -> None:
    assert changes(snapshot(attempt(), shows=image())) == Changes(
        "the deployment of 2026-05-03 12:00 UTC, which succeeded"
    )


@pytest.mark.parametrize("stage", [Stage.FAILED, Stage.STARTED])
def test_a_failed_attempt_is_no_baseline(stage: Stage) -> None:
    assert changes(snapshot(attempt(stage=stage, configuration=configuration(port=1)), shows=image())) == Changes("")


def test_an_attempt_whose_operation_is_listed_as_succeeded_is_one() -> None:
    started = attempt(stage=Stage.STARTED, configuration=configuration(port=1))
    listed = operation(started.operation_id, started.started_at)
    found = changes(snapshot(started, shows=image(), operations=(listed,)))
    assert found.listed == (Change("port", "1", "8080"),)
    failed = replace(listed, status="ROLLBACK_SUCCEEDED")
    assert changes(snapshot(started, shows=image(), operations=(failed,))) == Changes("")


def test_the_newest_healthy_attempt_is_compared() -> None:
    attempts = (
        attempt(NOW + HOUR, configuration=configuration(port=4)),  # of a later operation
        attempt(NOW - HOUR, Stage.FAILED, configuration=configuration(port=3)),
        attempt(NOW - 2 * DAY, configuration=configuration(port=1)),
        attempt(NOW - DAY, configuration=configuration(port=2)),
    )
    for order in (attempts, attempts[::-1]):
        found = changes(snapshot(*order, shows=image()))
        assert found.since.startswith("the deployment of 2026-05-03 12:00 UTC")
        assert found.listed == (Change("port", "2", "8080"),)


RESTORED = configuration(standing="restored", image=f"{REPOSITORY}:v1", port=1)
V1 = neighbour("v1", "a", NOW - DAY)


def test_against_a_restored_configuration_the_image_is_compared() -> None:
    """What else was attempted is not known: the settings that are shown are the earlier ones."""
    found = changes(snapshot(now=RESTORED, shows=image(neighbours=(neighbour("v0", "c", NOW - DAY), V1))))
    assert found.since == "the configuration that App Runner has put back"
    assert found.listed == (Change("image", f"{REPOSITORY}:v1", f"{REPOSITORY}:v2"), *FACTS)


def test_a_restored_configuration_comes_before_what_was_noted() -> None:
    """It is the one that serves; what was noted tells more of its image, where it is the same."""
    noted = attempt(
        configuration=configuration(image=f"{REPOSITORY}:v1", port=5),
        image=BEFORE.model_copy(update={"config": ImageConfig(user="a")}),
    )
    now = image(config=ImageConfig(user="b"), neighbours=(V1,))
    found = changes(snapshot(noted, now=RESTORED, shows=now))
    assert found.since == "the configuration that App Runner has put back"
    assert found.listed[1:] == (*FACTS, Change("image USER", "a", "b"))
    other = noted.model_copy(update={"configuration": configuration(image=f"{REPOSITORY}:v0")})
    assert changes(snapshot(other, now=RESTORED, shows=now)).listed[1:] == FACTS


def test_a_restored_image_that_ecr_does_not_list_is_named() -> None:
    found = changes(snapshot(now=RESTORED, shows=image()))
    assert found.listed == (Change("image", f"{REPOSITORY}:v1", f"{REPOSITORY}:v2"),)


@pytest.mark.parametrize("shows", [None, MISSING, image("v1")])
def test_a_restored_configuration_alone_tells_nothing(shows: Image | Missing | None) -> None:
    assert changes(snapshot(now=RESTORED, shows=shows)) == Changes("")


def test_a_configuration_that_may_be_restored_proves_no_sameness() -> None:
    unsure = configuration(standing="unsure")
    assert changes(snapshot(attempt(), now=unsure, shows=image())) == Changes("")
    before = attempt(configuration=configuration(port=1))
    assert changes(snapshot(before, now=unsure, shows=image())).listed == (Change("port", "1", "8080"),)


SUCCESS = operation("earlier", NOW - 2 * HOUR)


def test_else_the_newest_image_of_the_last_success_is_probably_the_earlier_one() -> None:
    """Pushed after it: another one; pushed long before: an older one."""
    now = image(neighbours=(neighbour("v1b", "d", NOW - HOUR * 1.5), V1, neighbour("v0", "c", NOW - 2 * DAY)))
    found = changes(snapshot(shows=now, operations=(SUCCESS,)))
    assert found.since == (
        "the deployment of 2026-05-04 10:00 UTC, which succeeded; the image is the newest of that time"
    )
    assert found.listed == (Change("image", "v1 (probably)", f"{REPOSITORY}:v2"), *FACTS)


def test_an_image_without_a_tag_is_named_by_its_digest() -> None:
    now = image(neighbours=(V1.model_copy(update={"tags": ()}),))
    found = changes(snapshot(shows=now, operations=(SUCCESS,)))
    assert found.listed[0].before == f"{digest('a')} (probably)"


def test_an_image_that_was_the_newest_itself_did_not_change() -> None:
    now = image(pushed_at=NOW - 3 * HOUR, neighbours=(V1,))
    assert changes(snapshot(shows=now, operations=(SUCCESS,))) == Changes("")


@pytest.mark.parametrize(
    "parts",
    [
        {"shows": MISSING},
        {"shows": None},
        {"shows": image()},
        {"shows": image(neighbours=(neighbour("v1", "a", NOW - HOUR),))},
        {"shows": image(neighbours=(V1,)), "operations": (replace(SUCCESS, status="FAILED"),)},
        {"shows": image(neighbours=(V1,)), "operations": (replace(SUCCESS, type="PAUSE_SERVICE"),)},
    ],
)
def test_where_no_earlier_image_is_known_nothing_is(parts: dict[str, Any]) -> None:
    assert changes(snapshot(**{"operations": (SUCCESS,), **parts})) == Changes("")


def test_what_could_not_be_read_is_not_compared() -> None:
    assert changes(snapshot(attempt(), now=MISSING, shows=image())) == Changes("")
    unlisted = snapshot(attempt(), shows=image(neighbours=(V1,)))
    assert changes(Snapshot(unlisted.event, NOW, replace(unlisted.parts, operations=MISSING))) == Changes("")
    # what was noted could not be read: the other ways are left
    unread = snapshot(shows=image(neighbours=(V1,)), operations=(SUCCESS,))
    assert changes(Snapshot(unread.event, NOW, replace(unread.parts, attempts=MISSING))).listed[1:] == FACTS


# --- bounds


def test_texts_are_cut() -> None:
    long = configuration(
        start_command="a" * 5_000,
        secret_sources={"S" * 2_000: "arn:" + "x" * 2_000},
        variables=(Variable(name="V" * 2_000, shown="v" * 5_000),),
    )
    step = Layer(created_by="RUN " + "r" * 5_000, digest=digest("c"), size_bytes=MB)
    found = changes(
        snapshot(
            attempt(image=image(digest=digest("a"), config=ImageConfig())),
            now=long,
            shows=image(config=ImageConfig(cmd=("c" * 5_000,), layers=(step,))),
        )
    )
    assert {one.what[:8] for one in found.listed} >= {"start co", "secret S", "variable", "image CM", "image la"}
    for one in found.listed:
        assert max(map(len, (one.what, one.before, one.after))) <= 330
    (layer,) = (one for one in found.listed if one.what == "image layer")
    assert layer.after.endswith("… (1.0 MB compressed)")


def test_texts_that_differ_behind_the_cut_are_told_apart() -> None:
    (told,) = since_noted(configuration(build_command="a" * 500 + "b"), configuration(build_command="a" * 500 + "c"))
    assert told.after == f"{told.before} (it differs further on)"


def test_of_very_many_changes_the_first_are_listed() -> None:
    many = tuple(of(f"NAME_{n:03}", "1") for n in range(300))
    before, now = attempt(configuration=configuration(port=1)), configuration(variables=many)
    found = changes(snapshot(before, now=now, shows=image()))
    assert (len(found.listed), found.unlisted) == (100, 201)
    assert found.listed[0].what == "port"


# --- the seeds


def test_the_seed_that_was_rolled_back_shows_both_images(seen: Seen) -> None:
    found = changes(seen("seed-nerava-v32-rollback"))
    assert found.since == "the configuration that App Runner has put back"
    told = {one.what: one for one in found.listed}
    assert told["image"].before.endswith("/nerava-backend:v24-lazy-import")
    assert told["image"].after.endswith("/nerava-backend:v32-auth-only")
    assert told["image size, compressed"] == Change("image size, compressed", "112.0 MB", "112.3 MB")


def test_the_seed_that_was_created_shows_nothing(seen: Seen) -> None:
    assert changes(seen("seed-nerava-v32")) == Changes("")


def test_changes_in_short_leave_out_what_says_little() -> None:
    listed = (
        Change("image", "shop:v1", "shop:v2"),
        Change("image digest", "sha256:a", "sha256:b"),
        Change("variable PLAN", "not set", "free"),
        Change("memory", "512", "1024"),
    )
    assert (
        Changes("then", listed).in_short(2) == "image (shop:v1 -> shop:v2); variable PLAN (not set -> free); and 1 more"
    )
    assert Changes("").in_short() == ""
