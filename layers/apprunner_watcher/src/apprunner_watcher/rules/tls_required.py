"""The database or cache refuses a connection that is not encrypted, or the encryption cannot be agreed on."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, at_most, gravest, weight
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the server's refusal of a plain connection, or the client's refusal of the server's certificate."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    if refused := matches.application("refused"):
        first, confidence = gravest(refused, confidence)
        return Finding(confidence, (Evidence.of(first.line),))
    # the certificate of something else is refused in the same words: a database's client must be named beside it
    certificates = [match for match in matches.application("certificate") if "https://" not in match.line.text]
    named = [match for match in certificates if _CLIENT.search(match.line.text)]
    frames = matches.application("frame")
    if named or (certificates and frames):
        evidence = [*named[:1]] or [certificates[0], frames[0]]
        return Finding(at_most(Confidence.LIKELY, confidence), tuple(Evidence.of(match.line) for match in evidence))
    return None


_CLIENT = re.compile(
    r"postgres|psycopg|asyncpg|sequelize|prisma|P1011|typeorm|mysql|mariadb|mongo|redis|connection to server at|\.rds\.amazonaws\.com|\bsql[ :]",
    re.IGNORECASE,
)

RULE = Rule(
    id="tls-required",
    code="tls-required",
    title="The application and the database do not agree on TLS",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The server accepts TLS only (on RDS: rds.force_ssl, require_secure_transport) and the client connects"
        " without it; or the client does not trust its certificate, or demands TLS of a server that has none."
    ),
    fix=(
        Step(
            "Turn TLS on in the client: `sslmode=require` (libpq), `ssl: true` (node-postgres), `?ssl=true`, `rediss://`."
        ),
        Step(
            "Let the client trust Amazon's certificate authority: put the RDS bundle into the image and name it"
            " (sslrootcert, ssl.ca), rather than switch verification off.",
            "curl -fsSO https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
        ),
    ),
    false_alarms=(
        "`no pg_hba.conf entry … SSL on` refuses the user or address, not the lack of encryption. The certificate of"
        " another HTTPS service may be refused with the same words."
    ),
    docs="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html",
    rollback="helps",
    check=check,
    application_patterns={
        "refused": re.compile(
            r"no pg_hba\.conf entry for host [^\n]{0,200}(?:no encryption|SSL off)"
            r"|Connections using insecure transport are prohibited"
            r"|connection is insecure \(try using `?sslmode"
            r"|SSL connection is required|server does not support SSL, but SSL was required"
            r"|The server does not support SSL connections|server does not allow insecure connections"
        ),
        "certificate": re.compile(
            r"self[- ]signed certificate|unable to get local issuer certificate|unable to verify the first certificate|certificate verify failed"
            r"|tls: failed to verify certificate|x509: certificate signed by unknown authority|root certificate file \"[^\"]*\" does not exist"
        ),
        "frame": re.compile(
            r"^\s+at [^\n]{0,160}node_modules/(?:pg|pg-pool|mysql2?|mongodb|ioredis|@redis|redis|typeorm|sequelize|knex|@prisma)/"
        ),
    },
)
