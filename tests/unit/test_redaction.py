"""Secrets do not get in, and what proves a cause survives."""

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apprunner_watcher.redaction import HIDDEN, LONGEST_LINE, Redactor, printable, variable

PATTERNS_ONLY = Redactor({})


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("connecting to postgresql://shop:hunter2@db.example.com:5432/shop", "hunter2"),
        ("connecting to postgresql://shop:with/slash@and@at@db.example.com/shop", "with/slash"),
        ("redis://:pw@cache.example.com:6379", "pw@"),
        ("https://user:pass@example.com/path", "pass@"),
        ("DB_PASSWORD=hunter2", "hunter2"),
        ("--password=hunter2 --port=1", "hunter2"),
        ("JWT_SECRET='a b c'", "a b c"),
        ('{"db_password": "hunter2", "port": 1}', "hunter2"),
        ('{"apiKey":"hunter2"}', "hunter2"),
        ("api_key: 8f14e45fceea167a", "8f14e45fceea167a"),
        ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
        ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
        ("token ghp_0123456789abcdefghij0123456789", "ghp_0123456789"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "eyJzdWIiOiIxMjM0In0"),
        ("sk_live_0123456789abcdefghij", "0123456789abcdefghij"),
        ("-----BEGIN RSA PRIVATE KEY-----MIIEowIBAAK-----END RSA PRIVATE KEY-----", "MIIEowIBAAK"),
        (r'{"message":"{\"password\":\"hunter2 x\",\"port\":1}"}', "hunter2"),
        (r'"{\\\"password\\\": \\\"hunter2\\\"}"', "hunter2"),
        ('msg="login failed, password=hunter2"', "hunter2"),
        ("  db_password: hunter2", "hunter2"),
        ("Server=tcp:db.example.com,1433;User Id=sa;Password=hunter2;Encrypt=True", "hunter2"),
        ("DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=aGVsbG8=;x=1", "aGVsbG8"),
        ("https://shop.blob.example.com/a?sv=1&sig=aGVsbG8%3D&se=2", "aGVsbG8"),
        (
            "https://b.example.com/a?X-Amz-Credential=AKIDEXAMPLE%2F2&X-Amz-Signature=fe5f80f77&X-Amz-Expires=9",
            "fe5f80f77",
        ),
        ("https://b.example.com/a?X-Amz-Security-Token=IQoJb3JpZ2lu&X-Amz-Expires=9", "IQoJb3JpZ2lu"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
        ("Cookie: sid=abc123; theme=dark", "abc123"),
        ("set-cookie: sid=abc123; Path=/", "abc123"),
        ('"x-api-key": "abc-def-1"', "abc-def-1"),
        ("Authorization: Digest response=abc", "abc"),
        ("curl -u shop:hunter2 https://example.com", "hunter2"),
        ("curl --user=shop:hunter2 https://example.com", "hunter2"),
        ("redis-server --requirepass hunter2 --port 6379", "hunter2"),
        ("user shop:hunter2@tcp(db.example.com:3306)/shop", "hunter2"),
        ("xapp-1-A0123456789-abcdef", "A0123456789"),
        ("whsec_0123456789abcdefghijklmn", "0123456789"),
        ("npm_0123456789abcdefghijklmnopqrstuvwxyz", "0123456789"),
        ("sk-ant-api03-0123456789abcdefghij", "0123456789"),
        ("hf_0123456789abcdefghijklmn", "0123456789"),
        ("dop_v1_0123456789abcdef0123456789abcdef", "0123456789"),
        ("pypi-AgEIcHlwaS5vcmcCJDEyMzQ1Njc4", "AgEIcHlwaS5vcmc"),
        ("GOCSPX-0123456789abcdefghijklmn", "0123456789"),
        ("gAAAAABk0123456789abcdefghijklmn==", "0123456789"),
        ("bot123456789:AAabcdefghijklmnopqrstuvwxyz0123456", "AAabcdefghijk"),
        ("SK0123456789abcdef0123456789abcdef", "0123456789"),
        ("posted to https://hooks.slack.com/services/T000/B000/abcdef", "abcdef"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(line: str, secret: str) -> None:
    said = PATTERNS_ONLY.text(line)
    assert secret not in said
    assert HIDDEN in said


@pytest.mark.parametrize(
    "line",
    [
        "JWT_SECRET must be set and not use default value",
        "Error: Missing required environment variable: STRIPE_SECRET_KEY",
        "KeyError: 'SECRET_KEY'",
        "JWT_SECRET=undefined",
        'password authentication failed for user "shop"',
        "SECRET_KEY: Field required [type=missing, input_value={}, input_type=dict]",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf",
        "sha256:29199f4a7a2bfe0081679351b05e27d09e7040fa7150d45356c2d25f1b19e704",
        "[AppRunner] Deployment with ID : 74acd59010e58bd560e10610417cf50a failed.",
        "connect ECONNREFUSED 127.0.0.1:6379",
        'could not translate host name "shop-db.c1a2b3.us-east-1.rds.amazonaws.com" to address',
        "exec /usr/local/bin/docker-entrypoint.sh: exec format error",
        'GET "https://example.com/health?x=1" 404',
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db1-AbCdE4 is not readable",
        'valueFrom="arn:aws:ssm:us-east-1:123456789012:parameter/shop/token:1"',
        '{"signatures":[{"keyid":"SHA256:x"}],"tokens":{"max_tokens": 4096}}',
        "docker run -u 1000:1000 --user node:node shop",
        "--password is required",
        "Basic authentication is not configured",
        "Authorization: missing",
        "token: 401",
        "connect ECONNREFUSED shop-db.c1a2b3.us-east-1.rds.amazonaws.com:5432",
        "master.shop.abc123.use1.cache.amazonaws.com:6379 timed out",
        "PASSWORD_MIN_LENGTH=12 TOKEN_EXPIRY=3600 AUTH_URL=https://auth.example.com/realms/shop",
        "operation 4d80d324-0ad1-4c33-a21a-e015c8d2de5e failed",
        "could not parse -----BEGIN CERTIFICATE-----",
    ],
)
def test_evidence_survives(line: str) -> None:
    assert PATTERNS_ONLY.text(line) == line


def test_the_services_own_values_are_hidden_wherever_they_stand() -> None:
    redactor = Redactor({"SIGNING": "correct horse battery", "DATABASE_URL": "mysql://shop:s3cr%2Ft-pass@db:3306/shop"})
    said = redactor.text("dump: correct horse battery | s3cr%2Ft-pass | s3cr/t-pass | correct%20horse%20battery")
    assert said == f"dump: {HIDDEN} | {HIDDEN} | {HIDDEN} | {HIDDEN}"


def test_a_short_value_is_hidden_beside_its_name_only() -> None:
    redactor = Redactor({"DB_PASS": "postgres"[:7]})
    assert redactor.text("DB_PASS=postgre host postgres.example.com") == f"DB_PASS={HIDDEN} host postgres.example.com"
    assert Redactor({"DB_PASS": "a1b2c3"}).text("commit a1b2c3 built") == "commit a1b2c3 built"


def test_the_words_of_a_value_are_known_one_by_one() -> None:
    redactor = Redactor({"JWT_SECRET": "q7KxZv9Lm2 w8RtY5bNc3", "TLS_KEY": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN"})
    assert redactor.text("only w8RtY5bNc3 is here") == f"only {HIDDEN} is here"
    assert redactor.text("no -----BEGIN CERTIFICATE----- found") == "no -----BEGIN CERTIFICATE----- found"


def test_a_user_that_is_a_token_is_known() -> None:
    redactor = Redactor({"SENTRY_DSN": "https://0123456789abcdef@o1.example.com/1"})
    assert redactor.text("sent as 0123456789abcdef to o1.example.com") == f"sent as {HIDDEN} to o1.example.com"


SECRET = "q7/W+x=e'r\"T@y:5%3&<z\\é"
SPELLINGS = {
    "as it is": SECRET,
    "URL": quote(SECRET, safe=""),
    "URL, slashes kept": quote(SECRET),
    "form": quote_plus(SECRET),
    "URL, small letters": quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "URL twice": quote(quote(SECRET, safe=""), safe=""),
    "JSON": json.dumps(SECRET)[1:-1],
    "JSON in any language": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "JSON in JSON": json.dumps(json.dumps(SECRET))[3:-3],
    "JSON of Go": json.dumps(SECRET)[1:-1].replace("<", r"\u003c").replace("&", r"\u0026"),
    "JSON of PHP": json.dumps(SECRET)[1:-1].replace("/", r"\/"),
    "HTML": html.escape(SECRET),
    "HTML with numbers": SECRET.replace("&", "&#38;")
    .replace('"', "&#34;")
    .replace("'", "&#39;")
    .replace("<", "&#x3C;"),
    "repr": repr(SECRET)[1:-1],
    **{
        f"base64 {before}": base64.b64encode(b"x" * before + SECRET.encode()).decode().rstrip("=")
        for before in range(3)
    },
    "base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_known_value_is_hidden_in_every_spelling(spelling: str) -> None:
    said = Redactor({"SIGNING": SECRET}).text(f"é before «{spelling}» after")
    assert said.startswith("é before «")
    assert said.endswith("» after")
    shown = said.removeprefix("é before «").removesuffix("» after")
    assert HIDDEN in shown
    assert len(shown) <= 12  # what base64 mixes with its neighbours
    for at in range(len(spelling) - 7):
        assert spelling[at : at + 8] not in shown


def test_a_known_value_is_hidden_inside_of_a_longer_one_in_base64() -> None:
    said = Redactor({"SIGNING": SECRET}).text(base64.b64encode(f"shop:{SECRET}:and more".encode()).decode())
    start, _, end = said.partition(HIDDEN)
    assert b"shop:".startswith(base64.b64decode(start[:4]))
    assert len(start) <= 8
    assert len(end) <= 16


def test_a_text_of_many_lines_keeps_them() -> None:
    text = f"#!/bin/sh\n  export A={SECRET[:9]}\n{SECRET[9:]} \n\nexec run\n"
    said = Redactor({"SIGNING": SECRET}).text(text)
    assert said == f"#!/bin/sh\n  export A={HIDDEN}\n{HIDDEN} \n\nexec run\n"


@pytest.mark.parametrize("indent", ["", "    "])
@pytest.mark.parametrize("at", range(1, len(SECRET)))
def test_a_known_value_is_hidden_across_a_line_break(at: int, indent: str) -> None:
    lines = ["« start", f"{indent}first {SECRET[:at]}", f"{indent}{SECRET[at:]} second", "end"]
    said = Redactor({"SIGNING": SECRET}).lines(lines)
    assert said == ["« start", f"{indent}first {HIDDEN}", f"{indent}{HIDDEN} second", "end"]


def test_a_known_value_of_many_lines_is_hidden_line_by_line_and_as_a_whole() -> None:
    lines = [f"{at}aB3dE5fG7hJ9{at}" for at in range(40)]
    redactor = Redactor({"CERTIFICATE": "\n".join(lines)})
    assert redactor.lines(["start", *lines, "end"]) == ["start", *[HIDDEN] * 40, "end"]
    assert redactor.text(f"one {lines[17]} alone") == f"one {HIDDEN} alone"
    short = Redactor({"CERTIFICATE": "a1b2\nc3d4\ne5f6"})
    assert short.lines(["a1b2", "c3d4", "e5f6 end"]) == [HIDDEN, HIDDEN, f"{HIDDEN} end"]


@pytest.mark.parametrize("word", ["postgres", "production", "shop"])
def test_a_known_word_damages_no_name(word: str) -> None:
    redactor = Redactor({"DB_PASSWORD": word, "API_TOKEN": "password"})
    for line in (
        f"could not connect to {word}.c1a2b3.us-east-1.rds.amazonaws.com:5432",
        f"dial tcp: lookup {word}-db on 10.0.0.2:53: no such host",
        f"arn:aws:apprunner:us-east-1:123456789012:service/{word}/0123456789abcdef0123456789abcdef",
        f"arn:aws:logs:us-east-1:123456789012:log-group:{word}:*",
        f"connecting to https://{word}/health",
        'password authentication failed for user "shop_admin"',
    ):
        assert redactor.text(line) == line
    assert redactor.text(f"DB_PASSWORD={word}") == f"DB_PASSWORD={HIDDEN}"
    assert redactor.text(f"postgres://shop:{word}@{word}.example.com/x") == f"postgres://{HIDDEN}@{word}.example.com/x"


def test_a_known_word_is_hidden_where_it_stands_for_itself() -> None:
    redactor = Redactor({"DB_PASSWORD": "correct-horse"})
    assert redactor.text("tried correct-horse. Then left") == f"tried {HIDDEN}. Then left"


def test_a_value_that_another_variable_shows_is_no_secret() -> None:
    redactor = Redactor({"JWT_SECRET": "production", "NODE_ENV": "production"})
    assert redactor.text("starting in production mode") == "starting in production mode"


def test_the_strings_of_a_json_document_are_known() -> None:
    document = json.dumps({"type": "service_account", "id": "shop", "deep": [{"x": "zq8-Kv3.pW1m"}]})
    assert Redactor({"GOOGLE": document}).text("x zq8-Kv3.pW1m y service_account") == f"x {HIDDEN} y service_account"


def test_five_hundred_variables_and_a_value_of_100_kb() -> None:
    long = "".join(chr(33 + (7 * at * at + at) % 90) for at in range(100_000))
    variables = {f"NAME_{at}": f"v{at}-{at * 7919:x}-Zq9" for at in range(500)} | {"BLOB": long}
    redactor = Redactor(variables)
    assert redactor.text(f"a {variables['NAME_77']} b {long} c") == f"a {HIDDEN} b {HIDDEN} c"
    assert HIDDEN in redactor.text(long[50_000:50_500])
    assert long[50_100:50_120] not in redactor.text(long[50_000:50_500])


def test_many_lines_take_no_time(record_property: Callable[[str, object], None]) -> None:
    redactor = Redactor({f"NAME_{at}_SECRET": f"v{at}/{at * 7919:x}+Zq9=" for at in range(40)})
    line = '2026-05-04T10:00:00Z {"level":"info","msg":"GET /health","status":200,"user":"a"} '
    lines = [(line + "x" * 130)[:130] if at % 3 else "a line " * 18 + "of it" for at in range(10_000)]
    start = time.process_time()
    assert redactor.lines(lines) == lines
    record_property("seconds for 10,000 lines", time.process_time() - start)


PIECES = st.sampled_from(
    ["postgres://", "https://", "@", ":", "/", "=", " ", '"', "'", "\\", '\\"', "password", "token: ", "key=", "***",
     "Basic ", "Bearer ", "Cookie: ", "-u ", "--password ", "abcdefghijkl", "q7/W+x=e", "eyJ", ".", "é", "12345678",
     "-----BEGIN PRIVATE KEY-----", ",", ";", "{", "}", "DB_PASS=", "shop", "correct-horse", "arn:aws:s3:::x",
     "AKIAIOSFODNN7EXAMPLE"]
)  # fmt: skip
REDACTOR = Redactor({"SIGNING": "q7/W+x=e9", "DB_PASS": "shop", "OTHER_TOKEN": "correct-horse"})


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=4))
def test_what_is_redacted_stays_as_it_is(lines: list[str]) -> None:
    once = REDACTOR.lines(lines)
    assert len(once) == len(lines)
    assert REDACTOR.lines(once) == once


def test_a_key_over_several_lines_disappears() -> None:
    lines = ["start", "-----BEGIN PRIVATE KEY-----", "MIIEvQIBADAN", "-----END PRIVATE KEY-----", "go on"]
    assert PATTERNS_ONLY.lines(lines) == ["start", HIDDEN, HIDDEN, HIDDEN, "go on"]


def test_a_headline_without_a_key_hides_nothing_else() -> None:
    lines = ["bad key: -----BEGIN PRIVATE KEY-----", "Error: could not read the key", "exit code 1"]
    assert PATTERNS_ONLY.lines(lines) == [f"bad key: {HIDDEN}", *lines[1:]]


def test_lines_are_printable_and_bounded() -> None:
    colourful = "\x1b[31mError\x1b[0m: \x07bell \ud800 \x9b"
    long = "x" * 256 * 1024
    first, second = PATTERNS_ONLY.lines([colourful, long])
    assert first == "Error:  bell ?"
    assert second.startswith("x" * LONGEST_LINE)
    assert second.endswith(f"[cut: {256 * 1024 - LONGEST_LINE} more characters]")


def test_a_secret_at_the_cut_does_not_leak_its_beginning() -> None:
    secret = "abcdefgh-12345678"
    line = "x" * (LONGEST_LINE - 10) + secret
    assert "abcdefgh" not in Redactor({"TOKEN": secret}).lines([line])[0]


def test_printable_keeps_every_language() -> None:
    assert printable("Ошибка: 接続できません ⚠️") == "Ошибка: 接続できません ⚠️"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("NODE_ENV", "production", "production"),
        ("PORT", "3001", "3001"),
        ("ALLOWED_ORIGINS", "*", "*"),
        ("OTP_PROVIDER", "stub", "stub"),
        ("JWT_EXPIRES_IN", "7d", "7d"),
        ("AWS_REGION", "us-east-1", "us-east-1"),
        ("REDIS_HOST", "cache.abc.use1.cache.amazonaws.com", "cache.abc.use1.cache.amazonaws.com"),
        ("DATABASE_URL", "postgresql://shop:pw@db.example.com:5432/shop", f"postgresql://{HIDDEN}@db.example.com:5432/shop"),
        ("DATABASE_URL", "postgresql://db.example.com/shop?password=x", f"postgresql://db.example.com/shop?password={HIDDEN}"),
        ("SLACK_URL", "https://hooks.example.com/services/T00000000/B00000000/abcdefghijklmnop", f"https://hooks.example.com/services/T00000000/B00000000/{HIDDEN}"),
        ("JWT_SECRET", "production", HIDDEN),
        ("API_KEY", "12345", HIDDEN),
        ("SOMETHING", "a1b2c3d4e5f6a7b8c9", HIDDEN),
        ("SOMETHING", HIDDEN, HIDDEN),
        ("REDIS_PASSWORD", "", ""),
    ],
)  # fmt: skip
def test_a_variable_shows_what_cannot_be_a_secret(name: str, value: str, shown: str) -> None:
    assert variable(name, value).shown == shown


def test_blank_is_empty() -> None:
    assert variable("NAME", "  ").is_empty
    assert not variable("NAME", "x").is_empty


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    ["a", "a.b-c_", "password", "secret-", "://", "x@", "aaa://", "eyJ", "eyJ-", "key=", "\x1b]", '"', "'secret", "a:",
     "tokens: ", "curl -u a:", "--password ", 'password=\\"', "key='", "Cookie: ", "arn:aws:a:b:c:1:", "redis://a:",
     "-----BEGIN PRIVATE KEY-----", "SG.", "Bearer ", "Basic ", 'x="', "a\\", "a:b@tcp(", "--", "-", ":AA", "a=>"],
)  # fmt: skip
def test_no_line_takes_for_ever(piece: str) -> None:
    PATTERNS_ONLY.lines([piece * (256 * 1024 // len(piece))])
