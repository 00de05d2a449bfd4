"""A key, a certificate or a JSON document in a variable cannot be read."""

import re

from apprunner_watcher.knowledge.wanted import MOST_LOOKED_AROUND, is_harmless, read_above
from apprunner_watcher.log import Line
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

_BASE64 = re.compile(r"(?i)base-?64")  # seldom anything but a key
_ROWS = 6
_PARSES = re.compile(r"\bat JSON\.parse \(<anonymous>\)")
_OWN_MODULE = re.compile(
    r"\bat (?:Object\.<anonymous> \()?(?!node:)(?![^\n]{0,300}node_modules)[^\n]{1,300}\.[cm]?[jt]s:\d"
)
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
        is_base64 = _BASE64.search(match[0])
        if (is_base64 or _is_read_by_the_module_itself(match.line, snapshot)) and not is_harmless(match.line):
            evidence = (Evidence.of(match.line),)
            return Finding(at_most(Confidence.POSSIBLE, confidence), evidence, {**values, "key": "", "json": "yes"})
    return None


def _is_read_by_the_module_itself(line: Line, snapshot: Snapshot) -> bool:
    """Whether Node.js shows the parser called by an application's module while it loads: mostly with a variable."""
    rows = [one.said for one in snapshot.application_log.below(line, _ROWS)]
    parsed = next((place for place, row in enumerate(rows) if _PARSES.search(row)), None)
    return parsed is not None and bool(_OWN_MODULE.search("".join(rows[parsed + 1 : parsed + 2])))


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
        "key": (
            # Firebase, Node.js and OpenSSL
            r"Failed to parse private key|Invalid PEM formatted message|DECODER routines::unsupported|PEM routines:(?:get_name)?:{1,2}no start line|PEM routines:\w+:no start line|error:1E08010C|error:0909006C|PEM_read_bio|secretOrPrivateKey must be an asymmetric key|Service account key is not valid|Failed to parse service account (?:json|key)|Failed to parse certificate key file"
            # Python, Go, Java, Rust, .NET
            r"|Could not deserialize key data|Unable to load PEM file|No key could be detected|Fernet key must be 32 url-safe|failed to (?:decode|parse) PEM|[Ii]nvalid [Kk]ey: Key must be PEM|[Ii]nvalid (?:PEM|private key)\b|key must be PEM encoded|InvalidKeySpecException|No supported data was found\.|asn1: structure error: tags don't match|malformed PEM"
            # Google's clients
            r"|Service account info was not in the expected format|does not contain a (?:client_email|private_key) field|Error reading credentials from stream|Error deserializing JSON credential data|google: could not parse JSON|Invalid PKCS#?8 data|error getting credentials using GOOGLE_APPLICATION_CREDENTIALS environment variable: (?:invalid|unexpected)"
            # jose, web-push, Go's JWT, PHP's JWT
            r"|must be PKCS#?8 formatted string|must be SPKI formatted string|Vapid (?:public|private) key (?:should|must) be|OpenSSL unable to (?:validate|sign)|Unable to (?:read|load) (?:private |public )?key|It was not possible to parse your key|Key path \"[^\n]{0,200}\" does not exist or is not readable"
            # jjwt
            r"|jsonwebtoken\.io\.DecodingException"
            # Rails: the master key does not fit the credentials
            r"|MessageEncryptor::InvalidMessage|invalid RSA (?:private )?key|TokenValidationError: Token is invalid(?!! It must be)"
        ),
        # loaders that read documents out of variables
        "settings": (
            r"error parsing value for field \"\w+\" from source \"\w*Env\w*\"|error parsing (?:env var|JSON for) \"\w+\"|SettingsError: error parsing|Environment variable \"\w+\" invalid: \['Not valid JSON|env-var: \"\w+\" should be valid \(parseable\) JSON"
            # Hasura, Meteor, Symfony, phpdotenv, godotenv
            r"|parsing JWTConfig failed|METEOR_SETTINGS are not valid JSON|\$ROOT_URL, if specified|(?:Invalid (?:JSON|URL|base64)|Non-numeric|Invalid|Malformed) (?:in )?env var \"|Failed to parse dotenv file|unexpected character \"[^\n]{1,20}\" in variable name near"
            # .NET
            r"|Failed to convert configuration value"
        ),
        "document": (
            r"malformed node or string|yaml\.\w{1,20}\.(?:Scanner|Parser)Error|JSONDecodeError: |Unexpected token [^\n]{1,60}(?:in JSON at position|is not valid JSON)|Unexpected end of JSON input|Expected property name or '\}' in JSON|Bad control character in string literal in JSON|invalid character '[^\n]{1,4}' (?:looking for|after|in string)|JsonParseException|JSON::ParserError|binascii\.Error: |Incorrect padding|illegal base64 data|Illegal base64 character|not a valid Base-64 string|wrong 4-byte ending unit"
        ),
    },
)
