"""Here you find how clients say that a connection failed: to whom, and whether it was refused or not answered at all."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, ip_address

from apprunner_watcher.aws_api import api_of_host
from apprunner_watcher.dependency import Dependency, Protocol
from apprunner_watcher.rule import Match

_REFUSED = re.compile(
    r"\bECONNREFUSED\b|\b[Cc]onnection ?[Rr]efused|actively refused|\bconnection was refused|econnrefused|CONNECTION_REFUSED|Connection to \S+ refused"
    r"|\((?:111|115)\)|\[Errno 111\]|Error 111\b|os error 111|SocketException \(111\)|TNS:no listener"
)
_NOT_ANSWERED = re.compile(
    # the kernel's own words, as Node.js, Python, Rust, .NET and C write them
    r"\b(?:ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ESOCKETTIMEDOUT|UND_ERR_CONNECT_TIMEOUT)\b"
    r"|No route to host|[Nn]etwork is unreachable|Network unreachable|\[Errno 1(?:01|10|13)\]|Error 1(?:10|13) connecting|os error 1(?:01|10|13)"
    r"|SocketException \(1(?:01|10|13)\)|SequelizeHostNotReachableError"
    # what clients call it themselves
    r"|\b(?:[Cc]onnect(?:ion)?|[Ss]erver selection|[Hh]andshake|[Dd]ial|[Oo]peration|[Rr]equest) ?(?:attempt )?(?:has )?(?:[Tt]imed ?[Oo]ut|[Tt]imeout)"
    r"|i/o timeout|CONNECT_TIMEOUT|_CONNECTION_TIMEOUT|[Tt]imeout expired|[Tt]imed out|[Cc]onnect(?:ion)?[ _-]?[Tt]imeout|ConnectTimeout|timeout occurred|[Tt]imeout (?:after|connecting|during connection attempt)|has not received any packets from|execution expired|TimedOut\b|HttpClient\.Timeout of|\btimeout of \d+ms exceeded|Client\.Timeout exceeded|: timeout\b"
)

FAILED = (
    # Node.js, and whoever hands on the kernel's codes
    r"\b(?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|UND_ERR_CONNECT_TIMEOUT)\b|econnrefused|ehostunreach"
    r"|Can't reach database server at|P1001\b|database server at \S+ was reached but timed out"
    r"|Sequelize(?:ConnectionRefused|HostNotReachable|ConnectionTimedOut|ConnectionAcquireTimeout)Error"
    r"|outgoing request timed out after \d+ms|Connection terminated due to connection timeout|Timeout acquiring a connection|MaxRetriesPerRequestError|AggregateError \[ECONN"
    # MongoDB
    r"|[Ss]erver selection tim(?:ed out|eout)|ServerSelection(?:Timeout)?Error|MongoNetwork(?:Timeout)?Error|MongoTimeout(?:Error|Exception)"
    r"|MongoSocketOpenException|buffering timed out after|No suitable servers found|selecting a server using CompositeServerSelector"
    r"|Could not connect to any servers in your MongoDB Atlas cluster|pymongo\.errors\.NetworkTimeout: |NoServerAvailable: No \w+ server|failed to connect to server \[|=> \[?ServerDescription\b"
    # PostgreSQL, by libpq and by drivers of their own
    r"|(?:connection to server (?:at|on)|could not connect to server|couldn't get a connection after|[Cc]onnect call failed|connection failed:)"
    r"|The connection attempt failed\.|PoolTimedOut|pool timed out while waiting|tcp connect \([^)]{1,120}\): |Failed to connect to \S+:\d+"
    r"|SQLSTATE\[(?:HY000|08006)\] \[(?:2002|7)\]|ConnectionNotEstablished|There is an issue connecting with your hostname|connection timeout expired|Error: timeout expired"
    r"|Acquisition timeout while waiting for new connection|Failed to obtain JDBC connection|\bCONNECT_TIMEOUT \S+:\d|ERR_POSTGRES_CONNECTION_TIMEOUT|failed to retrieve PostgreSQL server_version_num"
    # MySQL, MariaDB
    r"|Can't connect to (?:MySQL|MariaDB|server)|Communications link failure|driver has not received any packets from|Unable to connect to any of the specified MySQL hosts"
    r"|\(HY000/2002\)|Error establishing a database connection|Lost connection to MySQL server at 'reading (?:initial|authorization)|ER_GET_CONNECTION_TIMEOUT|retrieve connection from pool timeout|Timed out in bb8"
    # Redis, Memcached
    r"|Error 1(?:10|11|13) connecting to|Timeout connecting to server|CannotConnectError|RedisConnection(?:Failure)?Exception|JedisConnectionException"
    r"|UnableToConnect on |not possible to connect to the redis|Could not connect to Redis at|Dalli::(?:Ring|Network)Error|RedisException: (?:Connection|Operation) |\bConnectionTimeoutError\b|ClusterAllFailedError"
    # RabbitMQ, Kafka
    r"|AMQPConnect(?:ion|or)\w*Error|AmqpConnectException|TCPConnectionFailed|None of the specified endpoints were reachable|BrokerUnreachable"
    r"|NoBrokersAvailable|[Bb]roker transport failure|brokers? (?:connections )?are down|run out of available brokers|Unable to bootstrap from"
    r"|Connection to node -?\d+ [^\n]{0,120}could not be established|Bootstrap broker \S+ [^\n]{0,60}disconnected|KafkaJS(?:Connection|NumberOfRetries)\w*"
    r"|Timed out waiting for a node assignment|not present in metadata after"
    # SQL Server, Oracle, Elasticsearch, Cassandra, Neo4j, LDAP
    r"|network-related or instance-specific error|Login timeout expired|TCP/IP connection to the host|pre-login handshake|Network Adapter could not establish"
    r"|ORA-12(?:170|541|543|545)\b|DPY-6005|NoLivingConnections|No [Ll]iving connections|no Elasticsearch node available|Unable to revive connection"
    r"|NoNodeAvailable|Could not reach any contact point|All host\(s\) tried for query failed|NoHostAvailable|Couldn't connect to \S+:7687|Can't contact LDAP server"
    # ClickHouse, OpenSearch, Milvus, Weaviate; NATS, MQTT
    r"|SocketTimeoutError: Code: 209|NetworkError: Code: 210|ConnectionTimeout caused by|Fail connecting to server on|WeaviateStartUpError"
    r"|nats: no servers available|NatsError: (?:CONNECTION_REFUSED|TIMEOUT)|connack timeout"
    # Python, Java, Go, Ruby, PHP, .NET, Rust: connections of any kind
    r"|ConnectionRefusedError|\[Errno 1(?:01|10|11|13)\]|(?:Max retries exceeded with url|NewConnectionError)[^\n]{0,300}(?:refused|timed out|unreachable|No route)"
    r"|ConnectTimeout(?:Error|Exception)?\b|All connection attempts failed|Cannot connect to host \S+|EndpointConnectionError|Connect timeout on endpoint URL"
    r"|Could not connect to the endpoint URL|\b(?:Connection|Operational)Error\b[^\n]{0,200}(?:refused|timed out|timeout|Timeout)"
    r"|ConnectException\b|NoRouteToHostException|[Cc]onnect timed out|[Cc]onnect to \S+ (?:\[[^\]\n]{0,200}\] )?failed|HikariPool-\d+ - Connection is not available"
    r"|Connection to \S+ (?:refused|timed out)|MailConnectException|dial (?:tcp|udp) [^\s]+: (?:connect: |i/o timeout)|connect: connection (?:refused|timed out)"
    r"|Net::(?:Open|Read)Timeout|Failed to open TCP connection to|ConnectionFailed|cURL error (?:7|28)\b|curl: \((?:7|28)\)|Unable to connect to (?:tcp|ssl)://"
    r"|SocketException \(1(?:01|10|11|13)\)|Timeout during connection attempt|os error 1(?:01|10|11|13)|kind: (?:ConnectionRefused|TimedOut|HostUnreachable)"
    r"|failed to connect to all addresses|\bUNAVAILABLE: (?:No connection established|io exception|failed to connect)"
    r"|[Cc]onnection (?:attempt )?timed out|\b[Cc]onnection refused"
    # clients of APIs on the internet
    r"|\bAPI(?:Timeout|Connection(?:Timeout)?)Error\b|\bRequest timed out\.|telegram\.error\.(?:TimedOut|NetworkError)|Connection timeout to host|HttpClient\.Timeout of [\d.]+ seconds elapsing"
    r"|\btimeout of \d+ms exceeded|Client\.Timeout exceeded while|request canceled while waiting for connection|source: TimedOut|: operation timed out|\(execution expired\)|execution expired$"
    r"|\[Connection\] Connection timeout|^\W{0,3}(?:Error: )?Connection timeout$|LocalEntryNotFoundError|[Cc]ouldn't connect to '?https?://|Can't load the configuration of '[^'\n]{1,120}'\. If you were"
    # scripts that wait
    r"|timeout occurred after waiting|Timeout after \S+ waiting on dependencies|\b[\w.-]{1,100}:\d{2,5} - no response|nc: connect to \S+ port \d+"
)
"""A line in which a client says that it could not connect."""

# What else may be behind these: a pool that is used up, a server that closes.
_VAGUE = re.compile(
    r"Timeout acquiring a connection|AcquireTimeout|PoolTimedOut|pool timed out while waiting|HikariPool-\d+ - Connection is not available"
    r"|couldn't get a connection after|Acquisition timeout|Failed to obtain JDBC|ER_GET_CONNECTION_TIMEOUT|retrieve connection from pool|Timed out in bb8|ClusterAllFailed|MaxRetriesPerRequest|buffering timed out|not present in metadata|Lost connection to MySQL|Net::ReadTimeout|cURL error 28"
    r"|curl: \(28\)|Request timed out\.|HttpClient\.Timeout of|Bootstrap broker|timeout of \d+ms exceeded|while awaiting headers|telegram\.error\.|Error establishing a database connection|was reached but timed out"
)
_NOT_OUTBOUND = re.compile(
    r"was reached but timed out|requires libpq version|QueuePool limit|\(total=\d+, active=[1-9]|[Ss]tatement timeout|[Ll]ock (?:wait )?timeout|probe failed|No such file or directory|while connecting to upstream|while reading response header|Layer4 connection problem"
    r"|connection to server [^\n]{0,200}failed: (?:FATAL|ERROR|SSL|could not|fe_sendauth|server closed|password|GSSAPI)"
    r"|(?:connection to server at|could not connect to server)[^\n]{0,120}(?:could not translate|authentication failed)"
    r"|dial tcp: lookup|Name or service not known|name resolution|getaddrinfo|UnknownHost|nxdomain|no such host|[Cc]ertificate|TLS handshake|SSL handshake"
    r"|query(?:Srv|Txt|Cname) E[A-Z]{5}|ENOTFOUND|EAI_AGAIN|self[- ]signed|[Aa]uthentication failed|[Aa]ccess denied|registry\.terraform|docker daemon|docker\.sock|[Nn]ot [Aa]uthori[sz]ed|[Bb]ad user ?name or password"
)
_OWN_HOST = re.compile(
    r"localhost|\b127\.0\.0\.\d|\b0\.0\.0\.0\b|::1\b|169\.254\.|\.s\.PGSQL\.|through socket|unix socket|/var/run/|/tmp/[\w.-]+\.sock"
)
# agents for traces and metrics and the like, which applications run without
_TELEMETRY = re.compile(
    r"\botlp|opentelemetry|\botel|:43(?:17|18)\b|:8125\b|:8126\b|datadog|ddtrace|statsd|sentry|newrelic|new relic|x-?ray|jaeger|zipkin|:9411\b"
    # what asks for newer versions and licences, and what watches others
    r"|\b(?:updates?|plugins?|licen[cs]e)\.[\w-]+\.\w|update.?check|(?:fetch|check|get)(?:ing)? (?:for )?(?:the )?(?:new|latest|stable)? ?(?:version|updates?)\b"
    r"|update ?cent(?:er|re)|licen[cs]e server|\[monitor\]|\bdownload icon\b"
    r"|\btelemetry|\banalytics\.|posthog|honeycomb|elastic-?apm|apm-server|prometheus|pushgateway|fluentd|logstash|segment\.io",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?<![\d.])(?P<host>\d{1,3}(?:\.\d{1,3}){3})(?![\d.]\d)(?:(?::|'?, ?|\), port |#)(?P<port>\d{2,5}))?"
)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(
    rf"(?:://(?:[^\s/@'\"]*@)?|\b(?:server at|server on|on host|host(?:name)?|server|for|to|at|on|name|broker)[ =:]{{1,3}}|['\"`(\[@])"
    rf"['\"`(]?(?P<host>{_LABEL}(?:\.{_LABEL})+(?![\w(])|{_LABEL}(?=:\d|['\"`]?(?: \(|,? port\b)))"
    r"(?:(?::|['\"`]?,? ?(?:\([\d.]+\),? )?port[= :]{1,2})(?P<port>\d{2,5}))?"
    rf"|(?<![\w./@-])(?P<bare>{_LABEL}(?:\.{_LABEL})*):(?P<bare_port>\d{{2,5}})(?!\d|[:.]\d)"
)
_NO_HOST = re.compile(
    r"\d+|[A-Z_]+|node|line|errno|code|status|port|pid|level|.*\.(?:[cm]?[jt]sx?|py|go|rb|php|java|kt|rs|cs|exs?|[ch]pp|so|html|json|ya?ml)"
    r"|.*(?:Error|Exception)|(?:java|javax|sun|org|com\.(?:zaxxer|mysql|mongodb|rabbitmq|microsoft|sun|fasterxml)|io\.(?:netty|lettuce|grpc)|redis\.clients"
    r"|software\.amazon|kotlin|scala|System|Npgsql|Microsoft|MySql|StackExchange|psycopg2?|sqlalchemy|urllib3|requests|django|redis\.exceptions|botocore)"
    r"\..*|the|a|an|server|database|host|at|to|on|for|connect"
    r"|(?:io|org|net|com|java|javax|jakarta|jdk|kotlin|scala|sun|reactor|[a-z])\.[\w$.]+"  # names of loggers
)


_AWS_HOST = re.compile(r"(?<![\w-])(?:[\w-]{1,63}\.){1,8}amazonaws\.com(?:\.cn)?\b", re.ASCII)
_GOES_ON = re.compile(r"\s*(?:Is the server running on|---> |Caused by: |\[cause\]: |Please make sure your database)")


_PUBLIC_API = re.compile(
    r"\b(?:openai|litellm|anthropic|cohere|groq|mistralai|stripe|twilio|sendgrid|pinecone|replicate|slack_sdk|telegram|discord|paypal\w*|auth0|okta|clerk|huggingface_hub|transformers)[.@/]"
    r"|huggingface\.co|\b(?:OpenAI|Anthropic|Stripe)\w*(?:Error|Exception)|/node_modules/(?:openai|@anthropic-ai|stripe)/"
)


_WEB = re.compile(
    r"\b(?:httpx|httpcore|urllib3?|aiohttp|undici|node-fetch|okhttp3|reqwest|[Ff]araday|[Gg]uzzle\w*|axios|got)\b|requests\.exceptions|AxiosError|UND_ERR_|fetch failed|FetchError"
    r"|java\.net\.http\b|urlopen error|\bOIDC\b|\bJWKS\b|openid-configuration|HttpConnectTimeout|ResourceAccessException|\b(?:Rest|Web)Client|SMTPConnection|\bsmtp\b|HttpRequestException|HttpClient|Net::OpenTimeout|cURL error|\bhttps?://"
)


@dataclass(frozen=True)
class Failure:
    """A connection that failed, as one line tells it."""

    match: Match

    @cached_property
    def text(self) -> str:
        """The line, as the application says it; with the next one, where that goes on."""
        said, after = _without_frames(self.match.line.said), self.match.after
        return f"{said} {after}" if _GOES_ON.match(after) else said

    @cached_property
    def is_refused(self) -> bool:
        """Whether somebody answered, and said no."""
        return bool(_REFUSED.search(self.text))

    @cached_property
    def is_unanswered(self) -> bool:
        """Whether nobody answered, or no way led there."""
        return not self.is_refused and bool(_NOT_ANSWERED.search(self.text) or "Can't reach database" in self.text)

    @property
    def is_vague(self) -> bool:
        """Whether something else than the way to the server may be behind these words: a pool that is used up."""
        return bool(_VAGUE.search(self.text))

    @property
    def is_plain(self) -> bool:
        """Whether it says how the connection failed."""
        return not self.is_vague and (self.is_refused or self.is_unanswered)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """The names and addresses in the line, without their ports."""
        named = (one["host"] or one["bare"] for one in _NAME.finditer(self.text))
        kept = (one.lower() for one in named if not _NO_HOST.fullmatch(one))
        return tuple(dict.fromkeys((*(one["host"] for one in _ADDRESS.finditer(self.text)), *kept)))

    @cached_property
    def place(self) -> str:
        """Whom the line names, for a title: host and port, as far as it says them; empty where it names nobody."""
        named = [
            (found["host"] or found["bare"], found["port"] or found["bare_port"]) for found in _NAME.finditer(self.text)
        ]
        addressed = [(found["host"], found["port"]) for found in _ADDRESS.finditer(self.text)]
        host, port = next((one for one in (*named, *addressed) if not _NO_HOST.fullmatch(one[0])), ("", ""))
        port = port or next((other for _, other in (*addressed, *named) if other), "")
        return f"{host}:{port}" if host and port else host

    @cached_property
    def private_address(self) -> str:
        """An address in the line that only a private network leads to."""
        return next((one for one in self.hosts if is_private(one) and not _OF_DOCKER.match(one)), "")

    @cached_property
    def api(self) -> str:
        """The AWS API that could not be reached, by its host in the line or beside it; empty where it is none."""
        hosts = (
            one[0] for text in (self.text, self.match.after, self.match.before) for one in _AWS_HOST.finditer(text)
        )
        return next((api for host in hosts if (api := api_of_host(host))), "")

    @cached_property
    def is_of_public_api(self) -> bool:
        """Whether it is the client of an API that is on the internet, whatever host the line names or does not."""
        return bool(_PUBLIC_API.search(f"{self.match.before} {self.text} {self.match.after}"))

    @cached_property
    def is_of_web(self) -> bool:
        """Whether a client of HTTP or of mail prints it, and not one of a database."""
        return bool(_WEB.search(f"{self.match.before} {self.text} {self.match.after}"))

    def is_about(self, dependency: Dependency) -> bool:
        """Whether it names this dependency: its host, or its port, or no host but what is spoken there."""
        if dependency.host in self.text.lower():
            return True
        if dependency.port and re.search(rf"(?:[:\s,=(]|port \"?){dependency.port}\b", self.text):
            return not any("." in one and not one[0].isdigit() for one in self.hosts)  # of another host otherwise
        if self.hosts or not dependency.protocol:
            return False
        words = _WORDS.get(dependency.protocol)
        return bool(words and words.search(self.text))


_WORDS: Mapping[Protocol, re.Pattern[str]] = {
    "postgres": re.compile(r"postgres|psycopg|\bpg\b|asyncpg|PSQL|Npgsql|P1001|Prisma|SQLSTATE\[08006", re.IGNORECASE),
    "mysql": re.compile(r"mysql|mariadb|Communications link failure|Prisma|SQLSTATE\[HY000", re.IGNORECASE),
    "sqlserver": re.compile(r"SQL ?Server|mssql|ODBC|tedious", re.IGNORECASE),
    "redis": re.compile(r"redis|jedis|lettuce|valkey", re.IGNORECASE),
    "mongodb": re.compile(r"mongo", re.IGNORECASE),
    "amqp": re.compile(r"amqp|rabbit|bunny|pika", re.IGNORECASE),
    "kafka": re.compile(r"kafka|broker", re.IGNORECASE),
}


def spoken(text: str) -> frozenset[Protocol]:
    """What a client that prints this may speak."""
    return frozenset(protocol for protocol, words in _WORDS.items() if words.search(text))


def is_private(host: str) -> bool:
    """Whether it is an IPv4 address of a private network."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return isinstance(address, IPv4Address) and any(address in block for block in _PRIVATE_BLOCKS)


# RFC 1918, and RFC 6598, which clusters use as well
_PRIVATE_BLOCKS = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))


# the networks that Docker makes: where a log names one, somebody ran it beside other containers
_OF_DOCKER = re.compile(r"172\.(?:1[7-9]|2\d|30)\.0\.")
# databases, caches and brokers of AWS; the names of load balancers and buckets are no sign
_OF_A_VPC = re.compile(
    r"\.(?:rds|redshift|cache)(?:\.[\w-]+)?\.amazonaws\.com(?:\.cn)?$|\.(?:memorydb|kafka|kafka-serverless|mq)\.[\w-]+\.(?:amazonaws\.com|on\.aws)$"
    r"|\.(?:docdb|neptune)(?:\.[\w-]+)?\.amazonaws\.com$|^vpc-[\w-]+\.[\w-]+\.es\.amazonaws\.com$|^vpce-[\w.-]+\.amazonaws\.com$"
    r"|(?<!\.railway)\.internal$"  # a private zone; Railway's is none of AWS
)


def is_of_a_vpc(host: str) -> bool:
    """Whether a host name is that of a database, cache or broker of AWS, which is in a VPC and may be private."""
    return bool(_OF_A_VPC.search(host.lower()))


_MOST = 100


def failures(found: Iterable[Match]) -> tuple[Failure, ...]:
    """The failed connections to others; those inside of the container and those to agents for traces are left out."""
    matches = tuple(found)
    if len(matches) > _MOST:  # attempts that are all the same; how they began and how they ended tells enough
        matches = (*matches[: _MOST // 2], *matches[-_MOST // 2 :])
    # below an error about localhost others say the same without its address: code: 'ECONNREFUSED'
    is_own = any(_OWN_HOST.search(f"{match.line.said} {match.after}") for match in matches)
    outbound = (one for one in map(Failure, matches) if _is_outbound(one.text))
    return tuple(one for one in outbound if one.place or not (is_own or _is_announced(one.match.before)))


def tells_of_a_connection(text: str) -> bool:
    """Whether these words alone say that a connection failed."""
    return any(re.search(one, text) for one in (FAILED, _REFUSED, _NOT_ANSWERED))


def _is_announced(before: str) -> bool:
    """Whether the line before says that something failed which applications run without."""
    return bool(_FAILS.search(before)) and is_telemetry(before)


_FAILS = re.compile(r"\b(?:fail|error|unable|could not|cannot)", re.IGNORECASE)


def _is_outbound(said: str) -> bool:
    text = _without_frames(said)
    return not (_OWN_HOST.search(text) or _TELEMETRY.search(text) or _NOT_OUTBOUND.search(text))


def is_telemetry(text: str) -> bool:
    """Whether a line is about an agent or collector that applications run without."""
    return bool(_TELEMETRY.search(_without_frames(text)))


_FRAMES_OR_SQL = re.compile(r"    at |[(,] ?SQL: ")


def _without_frames(text: str) -> str:
    """What a line says before a stack trace or a statement: frames name agents that only look on, and SQL names tables."""
    return _FRAMES_OR_SQL.split(text, maxsplit=1)[0] or text
