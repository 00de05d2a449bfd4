"""The database or cache refuses a connection that is not encrypted, or the encryption cannot be agreed on."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the server's refusal of a plain connection, or the client's refusal of the server's certificate."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    if refused := matches.application("refused"):
        return Finding(confidence, (Evidence.of(refused[0].line),))
    certificate = matches.application("certificate")
    client = matches.application("client")
    if certificate and client and confidence is not Confidence.POSSIBLE:
        # it may be the certificate of something else, unless the line itself names the client
        named = next((match for match in certificate if match.line in {one.line for one in client}), None)
        return Finding(
            Confidence.LIKELY if named or len(certificate) == 1 else Confidence.POSSIBLE,
            (Evidence.of((named or certificate[0]).line),),
        )
    return None


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
        "client": re.compile(
            r"postgres|psycopg|asyncpg|node_modules/(?:pg|pg-pool|mysql2?|mongodb|ioredis|redis|@redis|typeorm|sequelize|knex|@prisma)/"
            r"|sequelize|prisma|typeorm|pymysql|mysql|mariadb|mongo|redis|connection to server at|\.rds\.amazonaws\.com|P1011",
            re.IGNORECASE,
        ),
    },
)
