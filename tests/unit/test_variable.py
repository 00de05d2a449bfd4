"""What is known of an environment variable is right, and a recording can hold it in the variable's place."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apprunner_watcher.redaction import (
    HIDDEN,
    LONGEST_SHOWN,
    Fingerprints,
    Variable,
    is_secret_name,
    same,
    secrets_of,
    stand_in,
    variable,
)

ONE = Fingerprints(b"1" * 32)
ANOTHER = Fingerprints(b"2" * 32)
FERNET = "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg="
UUID = "123e4567-e89b-12d3-a456-426614174000"
REPEATABLE = settings(derandomize=True, deadline=None, max_examples=150)


@pytest.mark.parametrize(
    ("name", "value", "shown", "scheme"),
    [
        ("DATABASE_URL", "postgresql+psycopg2://shop:pw@db.example.com:5432/shop?sslmode=require",
         "postgresql+psycopg2://***@db.example.com:5432/shop?sslmode=require", "postgresql+psycopg2"),
        ("DATABASE_URL", "postgresql://shop:p/w@x#y@db.example.com:5432/shop",
         "postgresql://***@db.example.com:5432/shop", "postgresql"),
        ("DATABASE_URL", "postgres://db.example.com/shop?password=abc@def",
         "postgres://db.example.com/shop?password=***", "postgres"),
        ("DATABASE_URL", "postgres://shop:12/34@x@db.example.com/shop",
         "postgres://***@db.example.com/shop", "postgres"),
        ("DATABASE_URL", "postgres://shop:pw@db/shop?schema=public&connection_limit=5&api_key=a1",
         "postgres://***@db/shop?schema=public&connection_limit=5&api_key=***", "postgres"),
        ("DATABASE_URL", "sqlite:////app/db.sqlite3", "sqlite:////app/db.sqlite3", "sqlite"),
        ("REDIS_URL", "rediss://:pw@c.example.com:6379/0", "rediss://***@c.example.com:6379/0", "rediss"),
        ("MONGO_URI", "mongodb://u:p@h1.example.com:27017,h2.example.com:27017/db?replicaSet=rs0&tls=true",
         "mongodb://***@h1.example.com:27017,h2.example.com:27017/db?replicaSet=rs0&tls=true", "mongodb"),
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://h:5432/db?user=u&password=p@w&ssl=true",
         "jdbc:postgresql://h:5432/db?user=u&password=***&ssl=true", "jdbc:postgresql"),
        ("SPRING_DATASOURCE_URL", "jdbc:sqlserver://h:1433;databaseName=shop;user=sa;password=p;encrypt=true",
         "jdbc:sqlserver://h:1433;databaseName=shop;user=sa;password=***;encrypt=true", "jdbc:sqlserver"),
        ("SPRING_DATASOURCE_URL", "jdbc:oracle:thin:scott/tiger@//h:1521/orcl",
         "jdbc:oracle:thin:***@//h:1521/orcl", "jdbc:oracle:thin"),
        ("ConnectionStrings__Shop", "Server=tcp:h.example.com,1433;User Id=u;Password=p;Encrypt=True",
         "Server=tcp:h.example.com,1433;User Id=u;Password=***;Encrypt=True", ""),
        ("AZURE_STORAGE", "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=a+/b==",
         "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=***", ""),
        ("DATABASE_DSN", "host=db.example.com port=5432 user=shop password='a b' sslmode=require",
         "host=db.example.com port=5432 user=shop password=*** sslmode=require", ""),
        ("DATABASE_DSN", "shop:p@w@tcp(db.example.com:3306)/shop?parseTime=true",
         "***@tcp(db.example.com:3306)/shop?parseTime=true", ""),
        ("REDIS", "cache.example.com:6380,password=p=,ssl=True", "cache.example.com:6380,password=***,ssl=True", ""),
        ("SENTRY_DSN", "https://0123456789abcdef@o1.example.com/1", "https://***@o1.example.com/1", "https"),
        ("PROFILE_URL", "https://example.com/@shop", "https://example.com/@shop", "https"),
        ("CORS_ORIGINS", "https://a.example.com,http://localhost:3000",
         "https://a.example.com,http://localhost:3000", "https"),
        ("BROKEN_URL", "http://[bad", "http://***", "http"),
    ],
)  # fmt: skip
def test_a_connection_string_shows_where_it_leads_and_no_secret(name: str, value: str, shown: str, scheme: str) -> None:
    one = variable(name, value)
    assert (one.shown, one.scheme, one.kind) == (shown, scheme, "url")


@pytest.mark.parametrize(
    ("name", "value", "kind", "is_shown"),
    [
        ("DB_PORT", "5432", "port", True),
        ("WEB_CONCURRENCY", "4", "number", True),
        ("PASSWORD_MIN_LENGTH", "8", "number", True),
        ("TOKEN_EXPIRY", "3600", "number", True),
        ("SESSION_TIMEOUT", "30m", "number", True),
        ("BEDROCK_MAX_TOKENS", "4096", "number", True),
        ("DEBUG", "True", "flag", True),
        ("REDIS_URL", "disabled", "flag", True),
        ("DB_HOST", "postgres", "host", True),
        ("REDIS_HOST", "cache.abc.0001.use1.cache.amazonaws.com", "host", True),
        ("BOOTSTRAP_SERVERS", "b-1.shop.example.com:9092,b-2.shop.example.com:9092", "host", True),
        ("DB_SSL_CA", "/app/certs/ca.pem", "path", True),
        ("S3_BASE_PATH", "tara/", "path", True),
        ("KEY_PREFIX", "shop", "text", True),
        ("S3_BUCKET_NAME", "shop-docs-971422717446", "text", True),
        ("DJANGO_SETTINGS_MODULE", "shop.settings.production", "text", True),
        ("NODE_OPTIONS", "--max-old-space-size=512", "text", True),
        ("TZ", "Europe/Berlin", "text", True),
        ("DB_PIN", "1234", "secret", False),
        ("PASSWORD", "123456", "secret", False),
        ("DB_PASSWORD", "http://hunter2", "secret", False),
        ("SOMETHING", "hunter2", "text", False),
        ("SOMETHING", "a1b2c3d4/E5F6g7h8", "secret", False),
        ("NODE_OPTIONS", "--password=512", "text", False),
        ("SLACK", "xoxb-1234567890-abcdef", "secret", False),
    ],
)  # fmt: skip
def test_the_kind_is_what_people_mean(name: str, value: str, kind: str, is_shown: bool) -> None:  # noqa: FBT001  # a case of a table
    one = variable(name, value)
    assert one.kind == kind
    assert one.shown == (value if is_shown else HIDDEN)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (FERNET, "fernet"),
        ("base64:ZmDfcTF7/60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg=", "laravel key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "jwt"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "pem"),
        (UUID, "uuid"),
        ("0123456789abcdef0123456789abcdef", "hex"),
        ("AKIAIOSFODNN7EXAMPLE", "aws access key id"),
        ('{"type": "service_account", "private_key": "x"}', "json"),
        ("aGVsbG8gd29ybGQgMTIz", "base64"),
        ("hunter2", ""),
    ],
)
def test_the_format_is_recognised(value: str, form: str) -> None:
    assert variable("SHOP_SECRET", value).format == form
    assert variable("SHOP", value).shown == HIDDEN


@pytest.mark.parametrize(
    ("name", "value", "marks"),
    [
        ("DB_PASSWORD", "", ("empty",)),
        ("DB_PASSWORD", "  ", ("empty",)),
        ("JWT_SECRET", "a1b2c3 d4e5f6", ("blank inside",)),
        ("JWT_SECRET", "a1b2c3d4\n", ("blank at the ends", "line break")),
        ("DATABASE_URL", '"postgres://a:b@h/db"', ("quoted",)),
        ("DATABASE_URL", "postgres://a:b%c@h/db", ("unencoded percent",)),
        ("DATABASE_URL", "postgres://a:b/c@h/db", ("unencoded character",)),
        ("DATABASE_URL", "postgres://user:<password>@localhost/db", ("placeholder", "localhost")),
        ("DATABASE_URL", "postgres://postgres:postgres@db/db", ("default",)),
        ("SECRET_KEY", "change-me", ("placeholder", "default")),
        ("SECRET_KEY", "dev-secret-change-me", ("placeholder", "default")),
        ("API_KEY", "your-api-key-here", ("placeholder", "default")),
        ("API_KEY", "xxx", ("placeholder",)),
        ("DB_PASSWORD", "postgres", ("default",)),
        ("DB_PASSWORD", "${SECRET}", ("placeholder",)),
        ("DB_PASSWORD", "<password>", ("placeholder",)),
        ("DB_PASSWORD", "{{resolve:secretsmanager:shop:SecretString:password}}", ("placeholder",)),
        ("OTP_PROVIDER", "stub", ("placeholder",)),
        ("REDIS_URL", "redis://127.0.0.1:6379", ("localhost",)),
        ("ALLOWED_HOSTS", "*", ("wildcard",)),
        ("DB_HOST", "db.example.com", ()),
        ("SECRET_KEY", FERNET, ()),
    ],
)
def test_the_marks_say_what_is_odd(name: str, value: str, marks: tuple[str, ...]) -> None:
    assert variable(name, value).marks == marks


@pytest.mark.parametrize("name", ["DB_PASSWORD", "secretKey", "apiKey", "AccountKey", "SENTRY_DSN", "X-Amz-Signature"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["AUTH_URL", "TOKEN_EXPIRY", "SESSION_DRIVER", "max_tokens", "KEYCLOAK_HOST", "SECRET_NAME", "MONKEY"]
)
def test_names_of_what_is_said_about_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_fingerprints_tell_whether_two_values_are_equal_and_nothing_across_keys() -> None:
    a, b = variable("A_SECRET", "hunter22", ONE), variable("B_SECRET", "hunter22", ONE)
    assert same(a.fingerprint, b.fingerprint) is True
    assert same(a.fingerprint, variable("A_SECRET", "hunter23", ONE).fingerprint) is False
    assert same(a.fingerprint, variable("A_SECRET", "hunter22", ANOTHER).fingerprint) is None
    assert same(a.fingerprint, "") is None
    assert same("", "") is None


def test_a_key_that_could_be_guessed_is_refused_and_a_key_is_not_printed() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Fingerprints(b"short")
    assert "1111" not in repr(ONE)
    assert Fingerprints.throw_away().of("x") != Fingerprints.throw_away().of("x")


def test_what_older_versions_wrote_is_understood() -> None:
    assert Variable.model_validate({"name": "A", "shown": "***"}) == Variable(name="A", shown=HIDDEN)


def test_a_plain_stand_in_is_a_secret_of_which_nothing_is_known() -> None:
    assert variable("DB_PASSWORD", HIDDEN) == Variable(name="DB_PASSWORD", shown=HIDDEN, kind="secret")
    url = variable("DATABASE_URL", "postgres://shop:***@db.example.com/shop")
    assert (url.shown, url.length, url.fingerprint) == ("postgres://***@db.example.com/shop", 0, "")


def test_a_stand_in_says_what_is_known_and_no_more() -> None:
    one = variable("DATABASE_URL", "postgres://shop:hunter22@db.example.com/shop", ONE)
    said = stand_in(one)
    assert "hunter22" not in said
    shown, _, facts = said.partition("***{")
    assert shown == "postgres://***@db.example.com/shop"
    assert json.loads("{" + facts)["length"] == 44
    assert variable("DATABASE_URL", said, ANOTHER) == one
    assert secrets_of("DATABASE_URL", said) == ()
    assert stand_in(variable("NODE_ENV", "production")) == "production"


NAMES = st.sampled_from(["DB_PASSWORD", "DATABASE_URL", "NODE_ENV", "PORT", "DB_HOST", "X", "S3_BUCKET_NAME"])
PIECES = st.sampled_from(
    ["postgres://", "https://", "@", ":", "/", "?", "=", "&", ";", ",", " ", "\n", '"', "***", "***{", "{}", "%",
     "true",
     "db.example.com", "localhost", "5432", "hunter2", "password=", "host=", "Server=", "é", "\ud800", "<password>",
     "*"]
)  # fmt: skip
VALUES = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join), st.sampled_from(["x" * 5000]))


def test_what_is_shown_is_bounded() -> None:
    long = variable("ALLOWED_HOSTS", ",".join(["shop.example.com"] * 25))
    assert len(long.shown) == LONGEST_SHOWN
    assert variable("ALLOWED_HOSTS", stand_in(long)) == long


@REPEATABLE
@given(NAMES, VALUES)
def test_a_stand_in_reads_back_equal_and_holds_no_secret(name: str, value: str) -> None:
    one = variable(name, value, ONE)
    said = stand_in(one)
    again = variable(name, said, ANOTHER)
    if HIDDEN in said:
        assert again == one
    else:
        assert again.model_copy(update={"fingerprint": one.fingerprint}) == one
    assert len(one.shown) <= LONGEST_SHOWN


@REPEATABLE
@given(st.text("abcXYZ019@:/%#?&=;'\"!$ ", min_size=8, max_size=60).filter(lambda text: text.strip()))
def test_no_password_shows_in_a_url(password: str) -> None:
    secret = f"q7{password}Z9"
    shown = variable("DATABASE_URL", f"postgres://shop:{secret}@db.example.com:5432/shop").shown
    assert shown == "postgres://***@db.example.com:5432/shop"


@pytest.mark.parametrize(
    "value",
    ["{" * 100_000, "[" * 100_000, "a.b-c_" * 17_000, "x=" * 50_000, "://" * 33_000, "@" * 100_000, "a@" * 50_000,
     "https://" + "a" * 100_000, "postgres://" + "a." * 50_000 + "@" + "b-" * 50_000, "host= " * 1_300, "A" * 100_000,
     " " * 100_000, "a:b@tcp(" * 1_000, '"' * 100_000, "Aa1" * 33_000, '***{"kind":' * 9_000,
     "postgres://u:p@\ud800/x"],
    ids=lambda value: value[:12].encode("unicode_escape").decode(),
)  # fmt: skip
@pytest.mark.timeout(10)
def test_no_value_takes_for_ever(value: str) -> None:
    for name in ("DB_PASSWORD", "DATABASE_URL", "NODE_OPTIONS"):
        assert variable(name, value).length in {len(value), 0}
        secrets_of(name, value)
