"""The environment says what a service depends on, in many forms; what it hands out to browsers is none of that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apprunner_watcher.dependency import Dependency, default_port, named
from apprunner_watcher.redaction import Variable

RDS = "steno-prod-db.crws0amqe1e3.us-east-1.rds.amazonaws.com"
REDIS = "steno-prod-redis.ggng2r.0001.use1.cache.amazonaws.com"


def of(**environment: str) -> tuple[Dependency, ...]:
    return named(Variable(name=name, shown=shown) for name, shown in environment.items())


def places(**environment: str) -> list[tuple[str, int | None, str, bool | None]]:
    return [(one.host, one.port, one.protocol, one.uses_tls) for one in of(**environment)]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (f"postgresql+psycopg2://***@{RDS}:5432/db?sslmode=require", (RDS, 5432, "postgres", True)),
        (f"postgres://***@{RDS}/db", (RDS, 5432, "postgres", None)),
        ("postgres://***@db/miniflux?sslmode=disable", ("db", 5432, "postgres", False)),
        ("postgres://***@db/miniflux?***", ("db", 5432, "postgres", None)),
        ("postgresql://***@db:6543/x?pgbouncer=true&sslmode=verify-full", ("db", 6543, "postgres", True)),
        ("mysql2://***@db.example.com/shop?ssl-mode=REQUIRED", ("db.example.com", 3306, "mysql", True)),
        ("mariadb://db.example.com:3307/shop", ("db.example.com", 3307, "mysql", None)),
        ("redis://cache:6379/0", ("cache", 6379, "redis", False)),
        ("rediss://***@cache.example.com", ("cache.example.com", 6379, "redis", True)),
        ("mongodb+srv://***@c0.abcde.mongodb.net/app", ("c0.abcde.mongodb.net", 27017, "mongodb", True)),
        ("mongodb://***@m:27017/app?tls=true", ("m", 27017, "mongodb", True)),
        ("amqp://***@rabbit//", ("rabbit", 5672, "amqp", False)),
        ("amqps://***@b-1.mq.us-east-1.amazonaws.com", ("b-1.mq.us-east-1.amazonaws.com", 5671, "amqp", True)),
        ("kafka://k:9092", ("k", 9092, "kafka", None)),
        ("SASL_SSL://k.example.com:9098", ("k.example.com", 9098, "kafka", True)),
        ("mssql+pyodbc://***@sql/db", ("sql", 1433, "sqlserver", None)),
        ("https://api.example.com/v1", ("api.example.com", 443, "http", True)),
        ("http://api.internal", ("api.internal", 80, "http", False)),
        ("memcached://m.example.com", ("m.example.com", 11211, "memcached", None)),
        ("jdbc:postgresql://h.example.com:5433/db?ssl=true", ("h.example.com", 5433, "postgres", True)),
        ("jdbc:aws-wrapper:mysql://h.example.com/db?useSSL=false", ("h.example.com", 3306, "mysql", False)),
        ("jdbc:sqlserver://h\\inst:1433;databaseName=db;encrypt=true", ("h", 1433, "sqlserver", True)),
        ("jdbc:oracle:thin:@//ora.example.com:1522/SVC", ("ora.example.com", 1522, "oracle", None)),
        ("jdbc:oracle:thin:@ora:1521:SID", ("ora", 1521, "oracle", None)),
        ("***:***@tcp(db.example.com:3306)/shop?tls=true", ("db.example.com", 3306, "mysql", True)),
        ("ecto://***@db_host/db", ("db_host", None, "", None)),
        ("redis://[::1]:6379", ("::1", 6379, "redis", False)),
        (' "redis://cache:6379/0" ', ("cache", 6379, "redis", False)),
        ("redis://LOCALHOST", ("localhost", 6379, "redis", False)),
        ("nats://n.example.com:4222", ("n.example.com", 4222, "", None)),
        (
            "Server=tcp:s.database.windows.net,1433;Initial Catalog=db;User ID=***;Password=***;Encrypt=True",
            ("s.database.windows.net", 1433, "sqlserver", True),
        ),
        (
            "Host=pg.example.com;Port=5432;Database=db;Username=***;Password=***;SSL Mode=Require",
            ("pg.example.com", 5432, "postgres", True),
        ),
        ("Server=my.example.com;Port=3306;Database=db;Uid=***;Pwd=***", ("my.example.com", 3306, "mysql", None)),
        ("mysql:host=my.example.com;dbname=db", ("my.example.com", 3306, "mysql", None)),
        ("host=pg port=5432 dbname=db password=*** sslmode=disable", ("pg", 5432, "postgres", False)),
        ("cache.example.com:6379,password=***,ssl=True", ("cache.example.com", 6379, "redis", True)),
        (RDS, (RDS, None, "", None)),
        ("10.0.1.7:5432", ("10.0.1.7", 5432, "postgres", None)),
        ("search.example.com:9200", ("search.example.com", 9200, "", None)),
    ],
)
def test_a_value_of_any_form_names_its_host(shown: str, expected: tuple[object, ...]) -> None:
    assert places(SETTING=shown) == [expected]


def test_lists_name_every_host() -> None:
    assert places(MONGO_URL="mongodb://***@a.x.com:27017,b.x.com:27018/db") == [
        ("a.x.com", 27017, "mongodb", None),
        ("b.x.com", 27018, "mongodb", None),
    ]
    assert [one.host for one in of(ES="http://a.x.com:9200,http://b.x.com:9200")] == ["a.x.com", "b.x.com"]
    assert places(KAFKA_BROKERS="b-1:9092,b-2:9094") == [("b-1", 9092, "kafka", None), ("b-2", 9094, "kafka", None)]
    assert places(BOOTSTRAP_SERVERS="b-1:9092") == [("b-1", 9092, "kafka", None)]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DB_HOST": RDS, "DB_PORT": "5432"}, (RDS, 5432, "postgres", None)),
        ({"DB_HOST": "db", "DB_PORT": "3306"}, ("db", 3306, "mysql", None)),
        ({"PGHOST": "db", "PGPORT": "5433", "PGSSLMODE": "require"}, ("db", 5433, "postgres", True)),
        ({"MYSQL_HOST": "db"}, ("db", 3306, "mysql", None)),
        ({"REDIS_HOST": REDIS, "REDIS_PORT": "6379", "REDIS_TLS": "true"}, (REDIS, 6379, "redis", True)),
        ({"REDIS_URL": "redis://c.x.com", "REDIS_USE_TLS": "1"}, ("c.x.com", 6379, "redis", True)),
        ({"REDIS_URL": "rediss://c.x.com", "REDIS_TLS": "false"}, ("c.x.com", 6379, "redis", True)),
        ({"MONGO_HOST": "m"}, ("m", 27017, "mongodb", None)),
        ({"RABBITMQ_HOST": "r"}, ("r", 5672, "amqp", None)),
        ({"SPRING_DATA_REDIS_HOST": "c", "spring.data.redis.port": "6380"}, ("c", 6380, "redis", None)),
        ({"spring.datasource.url": "jdbc:mysql://d/x"}, ("d", 3306, "mysql", None)),
        ({"DB_HOST": "d.x.com", "DB_PORT": "5432", "DB_SSL__REQUIRE": "true"}, ("d.x.com", 5432, "postgres", True)),
        ({"DATABASE_URL": "postgres://***@d/x", "DB_SSL": "true"}, ("d", 5432, "postgres", True)),
        ({"DATABASE_URL": "postgres://***@d/x", "PGSSLMODE": "disable"}, ("d", 5432, "postgres", False)),
        ({"DB_POSTGRESDB_HOST": "n", "DB_POSTGRESDB_PORT": "5434"}, ("n", 5434, "postgres", None)),
        ({"REDIS_URL": "c.x.com"}, ("c.x.com", 6379, "redis", None)),
        ({"SEARCH_ENDPOINT": "s.x.com"}, ("s.x.com", None, "", None)),
        ({"SMTP_HOST": "localhost"}, ("localhost", None, "", None)),
        ({"OPENAI_BASE_URL": "https://api.openai.com/v1"}, ("api.openai.com", 443, "http", True)),
        ({"HTTP_PROXY": "http://proxy.x.com:3128"}, ("proxy.x.com", 3128, "http", False)),
        ({"PUBLIC_REDIS_URL": "redis://c"}, ("c", 6379, "redis", False)),
    ],
)
def test_neighbours_and_names_say_the_rest(environment: dict[str, str], expected: tuple[object, ...]) -> None:
    assert places(**environment) == [expected]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ALLOWED_ORIGINS", "https://app.example.com"),
        ("CORS_ORIGIN", "https://app.example.com,https://www.example.com"),
        ("PUBLIC_BASE_URL", "https://app.example.com"),
        ("FRONTEND_URL", "https://app.example.com"),
        ("GOOGLE_CALLBACK_URL", "https://app.example.com/auth"),
        ("OAUTH_REDIRECT_URI", "https://app.example.com/auth"),
        ("NEXTAUTH_URL", "https://app.example.com"),
        ("APP_URL", "https://app.example.com"),
        ("AppUrl", "https://app.example.com"),
        ("App__PublicUrl", "https://app.example.com"),
        ("SITE_URL", "https://app.example.com"),
        ("ROOT_URL", "http://testsite.com"),
        ("APPLICATION_HOSTS", "dawarich.example.com"),
        ("HOST", "0.0.0.0"),
        ("HOSTNAME", "localhost"),
        ("HOST", "app.example.com"),
        ("NO_PROXY", "169.254.169.254:80,localhost:80"),
        ("BIND_ADDRESS", "127.0.0.1:8080"),
        ("REDIS_HOST", "0.0.0.0"),
        ("REDIS_URL", "disabled"),
        ("REDIS_HOST", "***"),
        ("REDIS_HOST", "disabled"),
        ("DATABASE_URL", "sqlite:///./app.db"),
        ("DATABASE_URL", "sqlite+aiosqlite:////data/app.db"),
        ("CONNECTION", "Data Source=app.db;Password=***"),
        ("CONFIG", "file:///etc/app.conf"),
        ("BUCKET", "s3://uploads/x"),
        ("SOCKET_HOST", "/var/run/postgres"),
        ("MAIL_FROM", "someone@example.com"),
        ("DRIVER_CLASS_NAME", "org.postgresql.Driver"),
        ("VERSION", "1.2.3"),
        ("DB_HOST", "1.2.3"),
        ("DB_HOST", "${DB_HOST}"),
        ("DB_HOST", ""),
        ("IMAGE", "redis:7"),
        ("AT", "12:30"),
        ("REDIS_URL", "redis://c:99999"),
        ("FEATURE_SERVER", "gunicorn"),
        ("LABELS", "host=web"),
    ],
)
def test_what_is_no_dependency_is_left_out(name: str, shown: str) -> None:
    assert of(**{name: shown}) == ()


def test_the_same_place_is_one_dependency_with_all_its_variables() -> None:
    (one,) = of(DATABASE_URL=f"postgres://***@{RDS}/db", DB_HOST=RDS, CELERY=f"{RDS}:5432")
    assert one.variables == ("DATABASE_URL", "CELERY", "DB_HOST")
    assert (one.port, one.protocol, str(one)) == (5432, "postgres", "steno-prod-db:5432")


def test_two_that_contradict_each_other_say_nothing_of_tls() -> None:
    (one,) = of(A="redis://c.x.com", B="rediss://c.x.com")
    assert one.uses_tls is None


def test_databases_come_first_then_caches_brokers_and_the_web_and_no_more_than_forty() -> None:
    environment = {"A": "https://a.x.com", "B": "amqp://b", "C": "redis://c", "D": "mysql://d2", "E": "mysql://d1"}
    assert [one.host for one in of(**environment)] == ["d1", "d2", "c", "b", "a.x.com"]
    assert of(**environment) == of(**dict(reversed(environment.items())))
    many = {f"N{number}": f"https://n{number}.x.com" for number in range(60)} | {"Z": "redis://c"}
    assert len(of(**many)) == 40
    assert of(**many)[0].host == "c"


def test_every_protocol_but_the_unknown_has_a_default_port() -> None:
    assert (default_port("postgres"), default_port("http"), default_port("")) == (5432, 80, None)


NAMES = st.one_of(st.text(max_size=30), st.sampled_from(["DB_HOST", "DB_PORT", "REDIS_URL", "KAFKA_BROKERS", "DB_SSL"]))
PIECES = st.sampled_from(
    [
        "://",
        "redis",
        "jdbc:",
        "@",
        ":",
        ",",
        ";",
        "=",
        "[",
        "]",
        "host",
        "5432",
        "?ssl=",
        "***",
        "٣",
        "²",
        "..",
        "a.b",
        "\n",
    ]
)


@given(st.lists(st.tuples(NAMES, st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))), max_size=5))
def test_no_text_is_too_strange(environment: list[tuple[str, str]]) -> None:
    for one in named(Variable(name=name, shown=shown) for name, shown in environment):
        assert one.host
        assert one.port is None or 0 < one.port < 65536
        assert one.variables
