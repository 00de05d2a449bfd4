"""Which variables are suspicious, why, and in what order; and that no secret is told."""

import pytest

from apprunner_watcher.knowledge.suspects import suspects
from apprunner_watcher.redaction import variable


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("REDIS_PASSWORD", "", "REDIS_PASSWORD (empty)"),
        ("OTP_PROVIDER", "mock", "OTP_PROVIDER (mock: a stand-in)"),
        ("QUEUE_DRIVER", "in-memory", "QUEUE_DRIVER (in-memory: a stand-in)"),
        ("DEMO_MODE", "true", "DEMO_MODE (true: is on)"),
        ("FLASK_DEBUG", "1", "FLASK_DEBUG (1: is on)"),
        ("ALLOWED_ORIGINS", "*", "ALLOWED_ORIGINS (*: admits everybody)"),
        ("REDIS_URL", "redis://localhost:6379/0", "REDIS_URL (redis://localhost:6379/0: the container itself)"),
        ("DATABASE_URL", "sqlite:///./app.db", "DATABASE_URL (sqlite:///./app.db: SQLite, which a container forgets)"),
        ("APP_ENV", "local", "APP_ENV (local: not production)"),
        ("JWT_SECRET", "dev-secret", "JWT_SECRET (a default that everybody knows)"),
        ("JWT_SECRET", "Zq8!vR2#", "JWT_SECRET (8 characters, and checks often ask for 32)"),
        ("SESSION_SECRET", "kJ2mX9vQ4tR7wY1zB5nC8pD3fG6hL0s ", "SESSION_SECRET (has blanks at its ends)"),
        (
            "TOKEN_ENCRYPTION_KEY",
            "kJ2mX9vQ4tR7wY1zB5nC",
            "TOKEN_ENCRYPTION_KEY (20 characters, and keys mostly have 32, 44 (Fernet) or 64 (hexadecimal))",
        ),
    ],
)
def test_each_reason_is_told(name: str, value: str, told: str) -> None:
    assert [str(one) for one in suspects([variable(name, value)])] == [told]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "production"),
        ("DEBUG", "false"),
        ("DATABASE_URL", "postgresql://shop:kJ2mX9vQ4tR7@db.example.com:5432/shop"),
        ("EMAIL_PROVIDER", "ses"),
        ("JWT_SECRET", "kJ2mX9vQ4tR7wY1zB5nC8pD3fG6hL0sA"),
        ("ENCRYPTION_KEY", "0123456789abcdef" * 4),
        ("GREETING", "good morning"),
    ],
)
def test_what_is_as_it_should_be_is_not_told(name: str, value: str) -> None:
    assert not suspects([variable(name, value)])


def test_what_checks_refuse_most_often_comes_first() -> None:
    environment = {"APP_ENV": "dev", "CORS_ORIGIN": "*", "PLAN": "free", "API_KEY": "changeme", "CACHE_URL": ""}
    found = suspects([variable(name, value) for name, value in environment.items()])
    assert [one.variable.name for one in found] == ["CACHE_URL", "API_KEY", "CORS_ORIGIN", "APP_ENV"]


def test_no_secret_is_told() -> None:
    found = suspects([variable("ENCRYPTION_KEY", "kJ2mX9vQ4tR7wY1zB5nC")])
    assert "kJ2mX9" not in str(found[0])
