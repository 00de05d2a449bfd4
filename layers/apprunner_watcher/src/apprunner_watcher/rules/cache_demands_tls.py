"""The cache demands TLS, and hangs up on a client without it, or says nothing."""

import re

from apprunner_watcher.dependency import Dependency, Resource
from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.missing import Missing
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a cache's connection that is cut off, and a cache with encryption in transit in the environment."""
    found = proved(snapshot, [match for match in matches.application("cut_off") if _is_of_cache(snapshot, match)])
    demanding = [one for one in _dependencies(snapshot) if not one.uses_tls and _demands_tls(one)]
    if not found or not demanding:
        return None
    match, confidence = found
    # where the environment does not say it, the client may use TLS all the same; a silence may be the network's
    is_sure = any(one.uses_tls is False for one in demanding) or not match["silent"]
    evidence = (Evidence.of(match.line), Evidence("dependencies", f"{demanding[0]} demands TLS"))
    return Finding(at_most(Confidence.LIKELY if is_sure else Confidence.POSSIBLE, confidence), evidence)


def _is_of_cache(snapshot: Snapshot, match: Match) -> bool:
    near = snapshot.application_log.near(match.line, above=2, below=6)
    return any(_CACHE.search(line.text) for line in near)


def _dependencies(snapshot: Snapshot) -> tuple[Dependency, ...]:
    dependencies = snapshot.parts.dependencies  # helpful, and not needed
    return () if isinstance(dependencies, Missing) else dependencies


def _demands_tls(dependency: Dependency) -> bool:
    if dependency.protocol != "redis":
        return False  # databases say it in their own words
    resource = dependency.resource
    if isinstance(resource, Resource) and resource.demands_tls is not None:
        return resource.demands_tls
    return bool(_TLS_ENDPOINT.search(dependency.host))


_CACHE = re.compile(r"redis|valkey|:63(?:79|80)\b|lettuce|bull", re.IGNORECASE)
# ElastiCache gives these names to caches with encryption in transit only
_TLS_ENDPOINT = re.compile(
    r"^(?:master|clustercfg)\.[^\n]{1,200}\.cache\.amazonaws\.com|\.serverless\.[^\n]{1,40}\.cache\.amazonaws\.com"
)

RULE = Rule(
    id="cache-demands-tls",
    code="tls-required",
    title="The cache demands TLS, and the client connects without it",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "service_log"}),
    why=(
        "A cache with encryption in transit answers nothing to a client that does not speak TLS: the connection is closed,"
        " or times out, without a word of the reason."
    ),
    fix=(
        Step("Use `rediss://` instead of `redis://`, or turn TLS on in the client (`tls: {{}}`, `ssl=True`)."),
        Step("Give the password (auth token) as well, where the cache has one."),
    ),
    false_alarms="A network that does not let the connection through looks the same: look at the security groups as well.",
    docs="https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/in-transit-encryption.html",
    rollback="does-not-help",
    check=check,
    application_patterns={
        "cut_off": (
            r"Socket closed unexpectedly|Connection (?:closed by server|reset by peer|is closed)|\bECONNRESET\b|MaxRetriesPerRequestError"
            r"|(?P<silent>\bETIMEDOUT\b|Timeout reading from|[Cc]ommand timed out after|RedisConnectionFailureException|UnableToConnect on )"
        ),
    },
)
