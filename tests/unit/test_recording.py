"""Recordings are read strictly, shifted as a whole, and answer as AWS would have."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apprunner_watcher.recording import Answer, BrokenRecordingError, Recording, load
from tests.conftest import Change, seed

FAILED = "seed-steno-prod-backend-failed"
SERVICE_GROUP = "/aws/apprunner/steno-prod-backend/a255d885f1b043759fcf3b98ffa38607/service"


def file_with(folder: Path, content: str | bytes) -> Path:
    file = folder / "broken.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def seed_with(**fields: object) -> str:
    return json.dumps({**seed(FAILED), **fields})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "the file"),
        (seed_with(format=2), "format"),
        (seed_with(recorded_at="yesterday"), "recorded_at"),
        (seed_with(recorded_at="2026-01-01T00:00:00"), "recorded_at"),
        (seed_with(event=[]), "event"),
        (seed_with(aws={"DescribeService": []}), "aws.DescribeService"),
        (seed_with(aws={"apprunner:DescribeService": [{}]}), "aws.apprunner:DescribeService.0"),
        (seed_with(aws={"apprunner:DescribeService": [{"error": {"Code": "X"}}]}), "error.Message"),
        (seed_with(logs={"/group": {"stream": [["now", "x"]]}}), "logs./group.stream.0.0"),
        (seed_with(logs={"/group": {"stream": [["2026-01-01T00:00:00Z"]]}}), "logs./group.stream.0"),
        (seed_with(configuration="guessed"), "configuration"),
        (seed_with(blobs={"sha256:0": "text"}), "blobs.sha256:0"),
    ],
)
def test_a_broken_file_is_one_line_with_file_and_field(content: str | bytes, says: str, tmp_path: Path) -> None:
    file = file_with(tmp_path, content)
    with pytest.raises(BrokenRecordingError) as refused:
        load(file)
    line = str(refused.value)
    assert line.startswith(f"{file}: ")
    assert says in line
    assert "\n" not in line


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BrokenRecordingError, match="No such file"):
        load(tmp_path / "none.json")


def test_a_newer_recording_may_have_more_fields(tmp_path: Path) -> None:
    assert load(file_with(tmp_path, seed_with(invented_later=1))).id == FAILED


def test_request_is_matched_as_a_subset_and_the_first_match_answers(recorded: Callable[..., Recording]) -> None:
    def change(content: dict[str, Any]) -> None:
        content["aws"]["ecr:DescribeImages"] = [
            {"request": {"repositoryName": "a", "imageIds": [{"imageTag": "v1"}]}, "response": {"imageDetails": [1]}},
            {"request": {"repositoryName": "a"}, "error": {"Code": "ImageNotFoundException", "Message": "none"}},
        ]

    recording = recorded(FAILED, change)
    asked = {"repositoryName": "a", "imageIds": [{"imageTag": "v1"}], "maxResults": 5}
    first = recording.answer("ecr", "DescribeImages", asked)
    assert first
    assert first.response == {"imageDetails": [1]}
    second = recording.answer("ecr", "DescribeImages", {"repositoryName": "a"})
    assert second
    assert second.error == ("ImageNotFoundException", "none")
    assert recording.answer("ecr", "DescribeImages", {"repositoryName": "b"}) is None
    assert recording.answer("ecr", "ListImages", {}) is None


def test_every_time_is_shifted_by_one_offset(recorded: Callable[..., Recording]) -> None:
    before = recorded()
    offset = timedelta(days=400, hours=3)
    after = before.shifted(before.recorded_at + offset)
    then, now = (_all_times(one) for one in (before, after))
    assert len(then) > 80
    assert [later - earlier for earlier, later in zip(then, now, strict=True)] == [offset] * len(then)


def _all_times(recording: Recording) -> list[datetime]:
    def times(value: Any) -> list[datetime]:
        if isinstance(value, dict):
            return [one for inner in value.values() for one in times(inner)]
        if isinstance(value, list):
            return [one for inner in value for one in times(inner)]
        try:
            return [datetime.fromisoformat(value)] if isinstance(value, str) and "T" in value else []
        except ValueError:
            return []

    answers = [call.response for calls in recording.aws.values() for call in calls]
    lines = [at for streams in recording.logs.values() for lines in streams.values() for at, _ in lines]
    return [recording.recorded_at, *times(recording.event), *times(answers), *lines]


def test_at_start_the_operation_is_in_progress_and_nothing_is_logged_yet(recorded: Callable[..., Recording]) -> None:
    start = recorded().at_start()
    assert start
    assert start.event["detail"]["operationStatus"] == "DeploymentStarted"
    assert start.event["time"] == "2025-11-13T07:12:00.000Z"
    assert start.event["id"] != recorded().event["id"]
    listed = start.answer("apprunner", "ListOperations", {})
    assert listed
    assert listed.response
    newest, older = listed.response["OperationSummaryList"][:2]
    assert newest["Status"] == "IN_PROGRESS"
    assert "EndedAt" not in newest
    assert older["Status"] == "ROLLBACK_SUCCEEDED"
    moment = datetime(2025, 11, 13, 7, 12, tzinfo=UTC)
    assert all(at <= moment for streams in start.logs.values() for lines in streams.values() for at, _ in lines)


@pytest.mark.parametrize(
    "name",
    [
        "seed-steno-prod-backend-stuck",  # is itself a start
        "seed-nerava-v32-rollback",  # DescribeService shows the restored configuration
    ],
)
def test_no_start_to_note(name: str, recorded: Callable[..., Recording]) -> None:
    assert recorded(name).at_start() is None


def get(recording: Recording, **parameters: object) -> dict[str, Any]:
    answer = recording.answer("logs", "GetLogEvents", {"logGroupName": SERVICE_GROUP, **parameters})
    assert answer
    assert answer.response is not None
    return answer.response


def test_log_events_are_paged_until_the_token_comes_back(recorded: Callable[..., Recording]) -> None:
    recording = recorded()
    read: list[str] = []
    page = get(recording, logStreamName="events", startFromHead=True, limit=10)
    token = ""
    while page["nextForwardToken"] != token:
        read += [event["message"] for event in page["events"]]
        token = page["nextForwardToken"]
        page = get(recording, logStreamName="events", startFromHead=True, limit=10, nextToken=token)
    assert read == [text for _, text in recording.logs[SERVICE_GROUP]["events"]]


def test_log_events_default_to_the_newest(recorded: Callable[..., Recording]) -> None:
    page = get(recorded(), logStreamName="events", limit=1)
    assert [event["message"] for event in page["events"]] == ["[AppRunner] Service status is set to RUNNING."]
    older = get(recorded(), logStreamName="events", limit=1, nextToken=page["nextBackwardToken"])
    assert [event["message"] for event in older["events"]] == [
        "[AppRunner] Deployment failed. For details, see service logs."
    ]


def test_a_page_holds_no_more_than_a_megabyte(recorded: Callable[..., Recording]) -> None:
    def change(content: dict[str, Any]) -> None:
        content["logs"][SERVICE_GROUP]["events"] = [["2025-11-13T07:12:00Z", "x" * 200_000]] * 20

    page = get(recorded(FAILED, change), logStreamName="events", startFromHead=True)
    assert len(page["events"]) == 5


@pytest.mark.parametrize("operation", ["GetLogEvents", "DescribeLogStreams"])
def test_a_group_that_is_not_listed_does_not_exist(operation: str, recorded: Callable[..., Recording]) -> None:
    answer = recorded().answer("logs", operation, {"logGroupName": "/none", "logStreamName": "events"})
    assert answer
    assert answer.error
    assert answer.error[0] == "ResourceNotFoundException"


def test_streams_are_listed_newest_first_and_paged(recorded: Callable[..., Recording]) -> None:
    recording = recorded()
    asked = {"logGroupName": SERVICE_GROUP, "orderBy": "LastEventTime", "descending": True, "limit": 2}
    first = recording.answer("logs", "DescribeLogStreams", asked)
    assert first
    assert first.response
    names = [one["logStreamName"] for one in first.response["logStreams"]]
    assert names == ["events", "deployment/5650cc342e7b7e44de41e210603cecd9"]
    second = recording.answer("logs", "DescribeLogStreams", {**asked, "nextToken": first.response["nextToken"]})
    assert second
    assert second.response
    assert second.response["logStreams"][0]["logStreamName"] == "deployment/60e488d5f7e111e2148de6f8391bb8ec"


DIGEST = "sha256:f0f7e0f1f1b802ab5aad19153e0e336247f9f18e259940cba9a2a4b66f93306f"


def with_blob(**calls: object) -> Change:
    def change(content: dict[str, Any]) -> None:
        content["blobs"] = {
            DIGEST: {"created": "2025-11-13T07:05:00.123456789Z", "history": [{"created": "0001-01-01T00:00:00Z"}]}
        }
        content["aws"] |= {f"ecr:{name}": [call] for name, call in calls.items()}

    return change


def test_a_blob_is_found_behind_its_download_url(recorded: Callable[..., Recording]) -> None:
    recording = recorded(FAILED, with_blob())
    answer = recording.answer("ecr", "GetDownloadUrlForLayer", {"repositoryName": "a", "layerDigest": DIGEST})
    assert answer == Answer({"downloadUrl": f"recording:{DIGEST}", "layerDigest": DIGEST})
    assert json.loads(recording.blob(DIGEST) or b"") == recording.blobs[DIGEST]


def test_a_blob_that_was_not_recorded_is_none(recorded: Callable[..., Recording]) -> None:
    recording = recorded(FAILED, with_blob())
    assert recording.answer("ecr", "GetDownloadUrlForLayer", {"layerDigest": "sha256:0"}) is None
    assert recording.blob("sha256:0") is None
    assert recorded().blob(DIGEST) is None


def test_a_recorded_refusal_hides_the_blob_and_a_recorded_url_does_not(recorded: Callable[..., Recording]) -> None:
    asked = {"layerDigest": DIGEST}
    refused = with_blob(GetDownloadUrlForLayer={"error": {"Code": "AccessDeniedException", "Message": "no"}})
    answer = recorded(FAILED, refused).answer("ecr", "GetDownloadUrlForLayer", asked)
    assert answer == Answer(error=("AccessDeniedException", "no"))
    expired = {"downloadUrl": "https://bucket.s3.amazonaws.com/x", "layerDigest": DIGEST}
    told = recorded(FAILED, with_blob(GetDownloadUrlForLayer={"response": expired}))
    assert told.answer("ecr", "GetDownloadUrlForLayer", asked) == Answer(
        {**expired, "downloadUrl": f"recording:{DIGEST}"}
    )
    assert told.answer("ecr", "GetDownloadUrlForLayer", {"layerDigest": "sha256:0"}) == Answer(expired)


def test_the_times_of_blobs_are_shifted_but_for_those_that_are_none(recorded: Callable[..., Recording]) -> None:
    before = recorded(FAILED, with_blob())
    after = before.shifted(before.recorded_at - timedelta(days=1))
    assert after.blobs[DIGEST] == {
        "created": "2025-11-12T07:05:00.123Z",
        "history": [{"created": "0001-01-01T00:00:00Z"}],
    }


def test_recorded_log_errors_come_first(recorded: Callable[..., Recording]) -> None:
    def change(content: dict[str, Any]) -> None:
        content["aws"]["logs:GetLogEvents"] = [{"error": {"Code": "AccessDeniedException", "Message": "no"}}]

    answer = recorded(FAILED, change).answer("logs", "GetLogEvents", {"logGroupName": SERVICE_GROUP})
    assert answer
    assert answer.error == ("AccessDeniedException", "no")
