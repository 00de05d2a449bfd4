"""Secrets do not get in, and what proves a cause survives."""

import pytest

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


def test_a_key_over_several_lines_disappears() -> None:
    lines = ["start", "-----BEGIN PRIVATE KEY-----", "MIIEvQIBADAN", "-----END PRIVATE KEY-----", "go on"]
    assert PATTERNS_ONLY.lines(lines) == ["start", HIDDEN, HIDDEN, HIDDEN, "go on"]


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
        ("DATABASE_URL", "postgresql://db.example.com/shop?password=x", f"postgresql://db.example.com/shop?{HIDDEN}"),
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
     "tokens: ", "redis://a:", "-----BEGIN PRIVATE KEY-----", "SG.", "Bearer ", 'x="', "a\\"],
)  # fmt: skip
def test_no_line_takes_for_ever(piece: str) -> None:
    PATTERNS_ONLY.lines([piece * (256 * 1024 // len(piece))])
