"""The host name of a dependency does not resolve."""

import re

from apprunner_watcher.knowledge.obstacle import checks
from apprunner_watcher.knowledge.outbound import Failure, is_telemetry
from apprunner_watcher.rule import (
    NETWORK,
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    at_most,
    gravest,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_NAME = re.compile(
    r"(?:ENOTFOUND|EAI_AGAIN|EAI_FAIL|EAI_NODATA|ENODATA|ESERVFAIL|query\w+ E[A-Z]+)[ :]+(?P<node>[^\s,'\"]+)"
    r"|UnknownHostException: (?:Failed to resolve ')?(?P<java>[\w.-]+)|\blookup (?:tcp/)?(?P<go>[\w.-]+)(?:: | on )"
    r"|host name \"(?P<libpq>[^\"]*)\"|[Cc]ould(?: not|n't) resolve (?:proxy|host|server):? [`'\"(]?(?P<curl>[^\s'\"`;)]+)"
    r"|Failed to resolve '(?P<urllib>[\w.-]+)|bad address '(?P<busybox>[^']*)'|[Uu]nknown (?:MySQL )?(?:server )?host:? ['\"]?(?P<mysql>[\w.-]+)"
    r"|getaddrinfo for (?P<php>\S+) failed|connecting to (?P<redis>[\w.-]+):\d+|(?:server on|to host|server:?|host) ['\"](?P<quoted>[\w.-]+)"
    r"|tcp connect \((?P<elixir>[\w.-]+):\d+\)|DNS resolution failed for (?:dns:/*)?(?P<grpc>[\w.-]+)|host='(?P<pool>[\w.-]+)'|host=`?(?P<pgx>[\w.-]+)"
    r"|query name does not exist: (?P<srv>[\w.-]+?)\.?(?:$|\s)|\((?P<net>[\w.-]+):\d+\)|(?P<mongo>[\w-][\w.-]*):\d{2,5}: \["
)
# the host's own name, which Java and sudo look up; what is no name but a part of a URL that was read wrongly
_OWN_NAME = re.compile(r"ip-\d+-\d+-\d+-\d+[\w.-]*|[0-9a-f]{12}|localhost")
_LISTENS_ON_IT = re.compile(r"on Server instance|\bbind\b|\blisten\b", re.IGNORECASE)
# sudo and Apache, of the container's own name; they go on
_OF_ITSELF = re.compile(r"\bsudo: unable to resolve host|\bAH00547\b|\bAH00558\b")
_MAY_PASS = re.compile(r"EAI_AGAIN|[Tt]emporary failure|\b[Rr]etry|again", re.IGNORECASE)
_NO_NAME = re.compile(r"undefined|null|none|nil|base|https?|.*[/@:${}<>%*].*|your[-_].*|example.*", re.IGNORECASE)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a resolver's error about the name of another host, in an application that never serves."""
    found = [match for match in matches.application("unresolved") if _counts(match)]
    confidence = weight(snapshot)
    if not found or not confidence:
        return None
    named = [match for match in found if _host(match)]
    first, confidence = gravest(named or found, confidence)
    host = _host(first)
    if snapshot.is_live and (_MAY_PASS.search(first.line.said) or not _is_own_dependency(snapshot, host)):
        return None
    if not host and first.found[0].startswith("at "):
        confidence = at_most(Confidence.LIKELY, confidence)  # where it happened, and not what
    if _NO_NAME.fullmatch(host):
        confidence = at_most(Confidence.POSSIBLE, confidence)
    return Finding(
        confidence,
        (Evidence.of(first.line), *_dns_off(snapshot)),
        {"which": f": {host}" if host else "", "other_container": "yes" if host and "." not in host else ""},
    )


def _counts(match: Match) -> bool:
    text = match.line.said
    # nginx refuses its configuration; and a server may be told to listen on a name
    is_other = is_telemetry(text) or "[emerg]" in text or _LISTENS_ON_IT.search(f"{match.before} {text} {match.after}")
    is_other = is_other or _OF_ITSELF.search(text)
    return not is_other and not _OWN_NAME.fullmatch(_host(match))


def _host(match: Match) -> str:
    """The name that is looked up; empty where the line and the one before it do not say."""
    for text in (match.line.said, match.before):
        for found in _NAME.finditer(text):
            return next((name for name in found.groups() if name), "").rstrip(".:")
    return Failure(match).place.partition(":")[0]


def _is_own_dependency(snapshot: Snapshot, host: str) -> bool:
    """Whether it is a host that the service itself needs, and not one that a user of it gave."""
    return bool(host) and ("." not in host or any(host in one.shown for one in snapshot.configuration.variables))


def _dns_off(snapshot: Snapshot) -> tuple[Evidence, ...]:
    off = (one for one in checks(snapshot) if one.topic == "dns" and one.result == "blocked")
    return tuple(Evidence(NETWORK, one.because) for one in off)


RULE = Rule(
    id="dependency-name-unresolved",
    code="dependency-name-unresolved",
    title="A host name does not resolve{which}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "service_log"}),
    why=(
        "No name server that the service can ask knows the host. Names of other containers (`db`, `redis`) exist only"
        " where Docker Compose or Kubernetes makes them; private names exist only in the VPC that has them."
    ),
    fix=(
        Step(
            "Put the real address of the database, cache or service in the place of the container's name: App Runner"
            " runs one container and no neighbours.",
            when="other_container",
        ),
        Step(
            "Compare the host in the service's variables, letter by letter, with the endpoint that AWS or the provider shows."
        ),
        Step("For a name of a private hosted zone: give the service a VPC connector into a VPC of that zone."),
        Step("Turn DNS support on in the connector's VPC, if it is off."),
    ),
    false_alarms=(
        "A name server may fail for a moment, and clients try again. A URL that is read wrongly gives names such as"
        " `base` or `undefined`."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="helps",
    check=check,
    application_patterns={
        "unresolved": (
            # Node.js
            r"\b(?:getaddrinfo|query\w*) (?:ENOTFOUND|EAI_AGAIN|EAI_FAIL|EAI_NODATA|ENODATA|ESERVFAIL)\b|\bENOTFOUND\b|\bEAI_AGAIN\b"
            r"|\bquery(?:Srv|Txt|Cname) (?:ECONNREFUSED|ETIMEOUT|EREFUSED|EBADRESP|ENOTFOUND)\b"
            # dnspython, the drivers of MongoDB
            r"|resolution lifetime expired|DNS operation timed out|\bdns\.resolver\.(?:NXDOMAIN|NoAnswer|NoNameservers|LifetimeTimeout)\b|All nameservers failed to answer"
            r"|Failed looking up SRV record|Unable to look up (?:TXT|SRV) record"
            # libc, by whatever is written in C, Python, Ruby, PHP
            r"|[Nn]ame or service not known|[Tt]emporary failure in name resolution|No address associated with hostname|nodename nor servname"
            r"|Name does not resolve|Non-recoverable failure in name resolution|could not translate host name|getaddrinfo failed|php_network_getaddresses"
            r"|[Nn]ame resolution (?:fail|error)|NameResolutionError|ClientConnectorDNSError|DNS query name does not exist|\bNXDOMAIN\b|: nxdomain\b|:nxdomain\b"
            r"|Error -[235] connecting to|Unknown (?:MySQL )?server host|[Cc]ould(?: not|n't) resolve (?:host|proxy|server)|: bad address '|[Uu]nknown host\b"
            # Rust, Go, Java, .NET, gRPC, Kafka
            r"|failed to lookup address information|\blookup [\w.-]+(?: on [^\s]+)?: (?:no such host|server misbehaving|Temporary failure|read udp|i/o timeout)|: no such host\b"
            r"|UnknownHostException|No such host is known|requested name is valid, but no data|DNS resolution failed for|No resolvable bootstrap urls"
            r"|Failed to resolve '[\w.-]+(?::\d+)?'|\bat System\.Net\.Dns\.GetHost\w+\("
        )
    },
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
