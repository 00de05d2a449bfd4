"""The broker demands TLS, and hangs up on a client without it, or answers what that takes for something else."""

import re

from apprunner_watcher.knowledge.misread import READS_A_LENGTH, is_misread
from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find Kafka's client that reads TLS as a length, and a broker that was reached and hangs up."""
    frames = matches.application("reads_a_length")
    misread = [one for one in matches.application("heap") if is_misread(snapshot, one, frames)]
    if found := proved(snapshot, misread):
        return Finding(found[1], (Evidence.of(found[0].line),))
    hung_up = () if matches.application("not_established") else matches.application("hung_up")
    if found := proved(snapshot, hung_up):
        match, confidence = found
        is_of_tls = bool(match["asks"] or _PORT_OF_TLS.search(match.line.said))
        limit = Confidence.LIKELY if is_of_tls else Confidence.POSSIBLE
        return Finding(at_most(limit, confidence), (Evidence.of(match.line),))
    return None


_PORT_OF_TLS = re.compile(r":(?:9094|9096|9098|9194|9196|9198|5671|61617|8883)\b")

RULE = Rule(
    id="broker-demands-tls",
    code="tls-required",
    title="The broker demands TLS, and the client connects without it",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Brokers have ports for plain connections and others for TLS. On the latter, who does not speak TLS is cut off"
        " without a reason; Kafka's client for Java even takes the answer for the length of a message, and wants memory for it."
    ),
    fix=(
        Step(
            "Turn TLS on in the client: `security.protocol=SASL_SSL` or `SSL` (Kafka), `amqps://` (RabbitMQ), `mqtts://`."
        ),
        Step("Or use the broker's plain port, where it has one and the connection stays inside of the VPC."),
        Step("Give Celery's `rediss://` URL the parameter that it demands: `?ssl_cert_reqs=CERT_REQUIRED`."),
    ),
    false_alarms="A broker that refuses the login, or a firewall that lets no TLS through, hangs up in the same way.",
    docs="https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html",
    rollback="does-not-help",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    application_patterns={
        # Kafka's client speaks plainly to a port of TLS
        "reads_a_length": READS_A_LENGTH,
        "heap": r"OutOfMemoryError: Java heap space",
        # Kafka; RabbitMQ and Amazon MQ, by the clients of Python, Go, Node.js and Java
        "hung_up": (
            r"terminated during authentication\. This may happen|Bootstrap broker \S+ [^\n]{0,60}disconnected|pika\.exceptions\.IncompatibleProtocolError"
            r"|Exception \(501\) Reason: \"EOF\"|Socket closed abruptly during opening handshake|AMQP protocol version mismatch"
            r"|(?P<asks>connecting to a SSL listener\?)"  # librdkafka
            r"|rediss:// URL must have parameter ssl_cert_reqs"  # Celery
        ),
        # nobody was there: then it is the way
        "not_established": r"Connection to node -?\d+ [^\n]{0,120}could not be established",
    },
)
