"""A key, a certificate or a JSON document in a variable cannot be read."""

import re

from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
    weight,
)
from apprunner_watcher.snapshot import Snapshot
from apprunner_watcher.wanted import MOST_LOOKED_AROUND, is_harmless, read_above

_OF_A_WEB_SERVER = re.compile(r"\[emerg\]|\bAH\d{5}\b|haproxy|\.(?:pem|crt|key)\b")  # it reads files
_NAME = re.compile(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]{2,80})\b")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find what a parser of keys says; of JSON and base64 only where the trace shows that a variable is read."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    values = {"named": "", "key": "yes", "json": "", "service_arn": snapshot.service.arn}
    for match in matches.application("settings"):
        if not is_harmless(match.line):
            return Finding(confidence, (Evidence.of(match.line),), {**values, "key": "", "json": "yes"})
    for match in matches.application("key"):
        if not (is_harmless(match.line) or _OF_A_WEB_SERVER.search(match.line.said)):
            return Finding(confidence, (Evidence.of(match.line),), values)
    for match in matches.application("document")[:MOST_LOOKED_AROUND]:
        name, read = read_above(match.line, snapshot)
        named = _NAME.search(match.line.said)
        if (read or named) and not is_harmless(match.line):
            evidence = (Evidence.of(match.line), *((Evidence.of(read),) if read and read is not match.line else ()))
            name = name or (named[1] if named else "")
            found = {**values, "named": f" in {name}", "key": "", "json": "yes"}
            return Finding(at_most(Confidence.LIKELY, confidence) if not read else confidence, evidence, found)
    return None


RULE = Rule(
    id="config-value-malformed-key",
    code="config-value-malformed",
    title="A key or document{named} cannot be read as it is set",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "service", "service_log"}),
    why=(
        "Keys in PEM and documents in JSON lose their line breaks and quotes easily on the way into a variable: then"
        " the parser refuses them."
    ),
    fix=(
        Step(
            "Store the key with real line breaks, or let the code put them in for the two characters \\n.", when="key"
        ),
        Step("Store a key in base64, and decode it in the code, where that goes wrong again.", when="key"),
        Step("Write valid JSON on one line: double quotes, no quotes around the whole.", when="json"),
        Step("Set it anew, best as a secret that is referenced.", CHANGE_SOURCE_CONFIGURATION),
    ),
    false_alarms="A file or an answer from the network may be bad JSON as well: only a variable that is read counts.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "key": re.compile(
            # Firebase, Node.js and OpenSSL
            r"Failed to parse private key|Invalid PEM formatted message|DECODER routines::unsupported|PEM routines:(?:get_name)?:{1,2}no start line|PEM routines:\w+:no start line|error:1E08010C|error:0909006C|PEM_read_bio|secretOrPrivateKey must be an asymmetric key|Service account key is not valid|Failed to parse service account (?:json|key)|Failed to parse certificate key file"
            # Python, Go, Java, Rust, .NET
            r"|Could not deserialize key data|Unable to load PEM file|No key could be detected|Fernet key must be 32 url-safe|failed to (?:decode|parse) PEM|[Ii]nvalid [Kk]ey: Key must be PEM|[Ii]nvalid (?:PEM|private key)\b|key must be PEM encoded|InvalidKeySpecException|No supported data was found\.|asn1: structure error: tags don't match|malformed PEM"
            # Rails: the master key does not fit the credentials
            r"|MessageEncryptor::InvalidMessage|invalid RSA (?:private )?key|TokenValidationError: Token is invalid"
        ),
        # loaders that read documents out of variables
        "settings": re.compile(
            r"error parsing value for field \"\w+\" from source \"\w*Env\w*\"|error parsing (?:env var|JSON for) \"\w+\"|SettingsError: error parsing|Environment variable \"\w+\" invalid: \['Not valid JSON|env-var: \"\w+\" should be valid \(parseable\) JSON"
        ),
        "document": re.compile(
            r"JSONDecodeError: |Unexpected token [^\n]{1,60}(?:in JSON at position|is not valid JSON)|Unexpected end of JSON input|Expected property name or '\}' in JSON|Bad control character in string literal in JSON|invalid character '[^\n]{1,4}' (?:looking for|after|in string)|JsonParseException|JSON::ParserError|binascii\.Error: |Incorrect padding|illegal base64 data|Illegal base64 character|not a valid Base-64 string|wrong 4-byte ending unit"
        ),
    },
)
