"""Real incidents: how often the answer is right, and that nothing false is claimed, buried or not.

The seeds are shipped; the others are asked where their recordings lie beside the checkout.
"""

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from apprunner_watcher.aws.replay import replay
from apprunner_watcher.cli.quality import scorecard
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.recording import Recording, load
from apprunner_watcher.rule import Confidence
from apprunner_watcher.scorecard import Scorecard
from tests.conftest import ROOT, SEEDS

FIELD = ROOT.parent / "shared" / "recordings" / "field"
FILES = sorted(FIELD.glob("*.json"))
WHERE_PRESENT = pytest.mark.skipif(not FILES, reason="the field recordings are not beside the checkout")


@cache
def card(folder: Path) -> Scorecard:
    return scorecard([folder])


def share(part: float | None) -> str:
    return "-" if part is None else f"{part:.0%}"


def row(name: str, folder: Path) -> str:
    of = card(folder)
    certain = share(of.share_of_right(Confidence.CERTAIN))
    likely = share(of.share_of_right(Confidence.CERTAIN, Confidence.LIKELY))
    return f"| {name} | {of.right} of {len(of.scores)} | {of.false_claims} | {certain} | {likely} |"


def rows_of_readme() -> list[str]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- score -->")[2].partition("<!-- /score -->")[0]
    return [line for line in shown.splitlines() if line.startswith("|")][2:]


def test_the_seeds_are_all_right() -> None:
    seeds = card(SEEDS[0].parent)
    assert [one.recording for one in seeds.misses] == []
    assert len(seeds.scores) == len(SEEDS)
    assert row("founding incidents (shipped)", SEEDS[0].parent) in rows_of_readme()


@WHERE_PRESENT
def test_the_readme_tells_the_measured_figures() -> None:
    assert row("incidents reported by others", FIELD) in rows_of_readme()


@WHERE_PRESENT
def test_nothing_false_is_claimed() -> None:
    assert [one.recording for one in card(FIELD).scores if one.is_false_claim] == []


HEALTHY = """\
Server listening on port 8080
GET /api/items 200 12.4 ms
GET /favicon.ico 404 0.6 ms
WARN redis connection lost, reconnecting (attempt 1)
redis connected
connect ECONNREFUSED 10.0.9.9:6379, retrying in 50 ms
info: job error-report finished without errors
DeprecationWarning: Buffer() is deprecated due to security and usability issues
POST /api/login 401 3.1 ms
retrying request to api.example.com after ETIMEDOUT (attempt 2 of 5)
request to api.example.com succeeded after 2 attempts""".splitlines()
RETRIES = """\
WARN could not connect to queue, retrying in 100 ms (attempt 1)
WARN could not connect to queue, retrying in 200 ms (attempt 2)
queue connected
npm notice New major version of npm available! 9.8.1 -> 10.2.0
DEBUG cache miss for key settings
INFO loaded 120 translations""".splitlines()
MOST = 1_000


def buried(recorded: Recording) -> Recording:
    """The same incident, its lines behind a thousand harmless ones and beside a thousand of a healthy version."""
    logs = {}
    for group, streams in recorded.logs.items():
        if not group.endswith("/application") or not any(streams.values()):
            logs[group] = streams
            continue
        old = min(at for lines in streams.values() for at, _ in lines) - timedelta(hours=3)
        healthy = [(old + timedelta(seconds=12 * n), HEALTHY[n % len(HEALTHY)]) for n in range(MOST)]
        harmless = {
            name: [*((lines[0][0], RETRIES[n % len(RETRIES)]) for n in range(MOST)), *lines] if lines else lines
            for name, lines in streams.items()
        }
        logs[group] = {"instance/0000healthy0000": healthy, **harmless}
    return replace(recorded, logs=logs)


@WHERE_PRESENT
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_buried_in_harmless_lines_the_first_cause_is_the_same(file: Path) -> None:
    recorded = load(file)
    plain, under = (diagnose(replay(one)).causes[:1] for one in (recorded, buried(recorded)))
    assert [one.rule.code for one in under] == [one.rule.code for one in plain]


WELL_KNOWN = re.compile(
    r"^/(?:app|usr|lib|var|opt|etc|root|home|tmp|bin|srv|dev|proc|aws|code|workspace|docker-entrypoint)\b",
    re.IGNORECASE,
)
PATH = re.compile(r"(?:/[\w.@-]+){3,}")
HOST = re.compile(r"\b(?:[a-z0-9-]+\.){2,}[a-z]{2,}\b")


def known_to(content: Recording, text: str) -> set[str]:
    service = {part for arn in content.event.get("resources", []) for part in arn.split("/")[1:]}
    hosts = {host for host in HOST.findall(text) if not host.endswith(("amazonaws.com", "amazon.com", "github.com"))}
    paths = {path for path in PATH.findall(text) if not WELL_KNOWN.match(path)}
    return {content.id, *service, *hosts, *paths}


@WHERE_PRESENT
def test_no_rule_knows_a_recording() -> None:
    sources = (ROOT / "layers" / "apprunner_watcher" / "src" / "apprunner_watcher").rglob("*.py")
    code = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    known = set[str]()
    for file in FILES:
        lines = [line for streams in load(file).logs.values() for stream in streams.values() for _, line in stream]
        known |= known_to(load(file), "\n".join(lines))
    assert len(known) > len(FILES)
    assert not [word for word in sorted(known) if len(word) > 3 and re.search(rf"\b{re.escape(word)}\b", code)]
