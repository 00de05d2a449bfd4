"""Whatever an application prints, the catalogue comes back soon, no rule crashes, and nothing is made of noise."""

import random
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from apprunner_watcher.diagnosis import Diagnosis, diagnose
from apprunner_watcher.log import ApplicationLog, Line
from apprunner_watcher.rule import Rule
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.snapshot import Snapshot
from tests.scenarios.scenario import Scenario
from tests.scenarios.test_scenarios import _seen

BEGAN = datetime(2026, 3, 2, 9, 1, tzinfo=UTC)
LONG = 256 * 1024  # bytes, the most that CloudWatch takes for a line
SOON = 30  # seconds, on a machine that has other things to do; a pattern that backtracks takes hours


def failed(*texts: str, exit_code: int = 1) -> Snapshot:
    """A deployment whose container printed these lines and ended."""
    snapshot = _seen(Scenario(name="noise", exit_code=exit_code))
    lines = tuple(Line(BEGAN + timedelta(milliseconds=number), text, "instance/a") for number, text in enumerate(texts))
    parts = {**vars(snapshot.parts), "application_log": ApplicationLog(failing=lines, serving=())}
    return Snapshot(snapshot.event, snapshot.taken_at, type(snapshot.parts)(**parts))


def judged(snapshot: Snapshot) -> Diagnosis:
    began = time.monotonic()
    diagnosis = diagnose(snapshot)
    assert time.monotonic() - began < SOON
    assert not [one for one in diagnosis.not_judged if "crashed" in one.reason]
    return diagnosis


def binary() -> list[str]:
    source = random.Random(7)  # the same noise every time
    return [source.randbytes(400).decode("utf-8", "replace") for _ in range(2_000)]


NOISE = {
    "binary": binary(),
    "control characters": ["\x1b[31m\x00\x07\x08\u202e\u200b\ufeff\r\x0b\x0c\x1b]0;title\x07" * 40] * 500,
    "other scripts": [
        "服务器启动失败了吗？没有，一切正常。",  # noqa: RUF001  # as it is written
        "サーバーは正常に動作しています。",
        "Сервер работает нормально, ошибок нет",
        "الخادم يعمل بشكل طبيعي",
        "서버가 정상적으로 실행 중입니다",
        "เซิร์ฟเวอร์ทำงานปกติ",
        "🚀🔥✅",
    ]
    * 100,
    "the middle of a stack trace": [
        "    at async Layer.handle (/app/node_modules/express/lib/router/layer.js:95:5)",
        '  File "/usr/local/lib/python3.12/site-packages/starlette/routing.py", line 73, in app',
        "\tat org.springframework.boot.SpringApplication.run(SpringApplication.java:1340)",
        "\t... 38 more",
        "      from /usr/local/bundle/gems/railties-7.1.2/lib/rails/command.rb:27:in `<main>'",
        "   at Microsoft.AspNetCore.Hosting.HostingApplication.ProcessRequestAsync(Context context)",
        "goroutine 1 [running]:",
    ],
    "empty": ["", " ", "\n", "\t"] * 1_000,
}


@pytest.mark.parametrize("name", NOISE)
def test_of_noise_nothing_is_claimed(name: str) -> None:
    causes = judged(failed(*NOISE[name])).causes
    assert [one.rule.id for one in causes if one.confidence.value != "possible"] == []


WORDS = (
    "Error: ",
    "connect ECONNREFUSED 10.0.0.1:",
    "Cannot find module '",
    'File "/app/',
    "env" + "ironment variable ",
    "listening on port ",
    "a.b.c.d.e.",
    "((((((",
    "= : = : ",
    '\\n\\"',
    "/app/node_modules/",
    "x",
    " ",
    "0",
    "::",
    '{"level":50,"msg":"',
    "GET /",
    "http://a:b@",
    "--- ",
    "É",
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS, ids=range(len(WORDS)))
def test_a_line_of_256_kb_takes_no_time(word: str) -> None:
    judged(failed(word * (LONG // len(word))))


NEAR = (
    "connect ECONNREFUSE 10.0.0.{n}",
    "Cannot find modul './plan{n}'",
    "Environment variable PLAN_{n} is",
    "FATAL: password authentication faile for user {n}",
    "exec format err {n}",
    "relation plan_{n} does not exis",
    "bind() to 0.0.0.0:80 failed (14: Permission)",
    "Permission denie: '/app/{n}'",
    "GLIBC_2.{n} not foun",
    "JavaScript heap out of memor {n}",
    "Invalid HTTP_HOST heade: '{n}'",
    "Error: P30{n}",
)


def test_near_matches_by_the_thousand_are_none() -> None:
    lines = [NEAR[number % len(NEAR)].format(n=number) for number in range(12_000)]
    claimed = [one for one in judged(failed(*lines)).causes if one.confidence.value == "certain"]
    assert claimed == []


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: rule.id)
def test_no_pattern_of_a_rule_backtracks_for_long(rule: Rule) -> None:
    """`re` searches what RE2 has found; a line that nearly holds a match must not take it long either."""
    patterns = [re.compile(one) for one in (*rule.application_patterns.values(), *rule.service_patterns.values())]
    began = time.monotonic()
    for pattern in patterns:
        for word in WORDS:
            pattern.search(word * (8_192 // len(word)))
    assert time.monotonic() - began < SOON
