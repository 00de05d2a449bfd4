"""A database, cache or broker refuses user, password or database name."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, gravest, weight
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the server's own words for a refused login, in an application that never serves."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    if refused := matches.application("refused"):
        first, confidence = gravest(refused, confidence)
        return Finding(confidence, (Evidence.of(first.line),))
    if absent := matches.application("no_password"):
        return Finding(Confidence.POSSIBLE, (Evidence.of(absent[0].line),))
    return None


RULE = Rule(
    id="dependency-credentials-wrong",
    code="dependency-credentials-wrong",
    title="The database or cache refuses the login",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why="The server was reached and answered: user, password or database name is not what it knows.",
    fix=(
        Step("Compare user and database name in the service's variables with the server's."),
        Step(
            "Store the password anew as a secret, percent-encoded where it stands in a URL, and deploy:"
            " App Runner reads secrets only during a deployment."
        ),
    ),
    false_alarms="A client that tries several logins may log a refusal and go on: then the application listens.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="does-not-help",
    check=check,
    application_patterns={
        "refused": re.compile(
            r"(?:password|PAM|IAM) authentication failed for user|FATAL:\s+(?:role|database) \"[^\"]*\" does not exist"
            r"|\bdatabase \"[^\"]*\" does not exist|Access denied for user '[^']*'@|Unknown database '[^']*'"
            r"|WRONGPASS|NOAUTH Authentication required|ERR invalid password|invalid username-password pair"
            r"|ERR (?:Client sent AUTH|AUTH <password> called)"
            r"|\bbad auth ?: ?[Aa]uthentication failed|MongoServerError: Authentication failed|code\"?: 18, \"?codeName\"?: ['\"]AuthenticationFailed"
            r"|ACCESS_REFUSED - Login was refused|SASL authentication failed|Login failed for user '"
            r"|P1000: Authentication failed|Authentication failed against database server|P1003: Database|P1010: User"
            r"|Tenant or user not found"
        ),
        # the clients of PostgreSQL, where the password is not set at all
        "no_password": re.compile(
            r"client password must be a string|fe_sendauth: no password supplied|no password (?:has been )?provided but the backend requires"
        ),
    },
)
