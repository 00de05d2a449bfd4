"""A web server refuses its own configuration, or lacks the certificate that it names."""

import re

from apprunner_watcher.rule import (
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
    gravest,
    weight_of_last_words,
)
from apprunner_watcher.snapshot import Snapshot

# a port that is taken or not allowed, a path that may not be written, memory: other causes
_IS_ANOTHER = re.compile(
    r"(?i)\((?:13|30|98|12|28): |permission denied|address already in use|read-only file system|could not bind\(\)|no space left|unable to bind|rds-combined|combined-ca|global-bundle|rds-ca-"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a server of files, proxy or framework that refuses what it was configured with."""
    confidence = weight_of_last_words(snapshot)
    if not confidence:
        return None
    refused = [match for _, match in matches.of(*_SERVERS) if not _IS_ANOTHER.search(match.line.said)]
    if refused:
        match, confidence = gravest(refused, confidence)
        server = next(name for name, one in matches.of(*_SERVERS) if one is match)
        return _finding(match, confidence, server)
    if hints := [match for match in matches.application("hint") if not _IS_ANOTHER.search(match.line.said)]:
        return _finding(hints[0], at_most(Confidence.LIKELY, gravest(hints, confidence)[1]))
    if last := [match for match in matches.application("last_words") if not _IS_ANOTHER.search(match.line.said)]:
        return _finding(last[0], Confidence.POSSIBLE)
    return None


_SERVERS = {
    "nginx": "nginx",
    "apache": "Apache",
    "caddy": "Caddy",
    "proxy": "The proxy",
    "https": "The HTTPS endpoint",
    "php_fpm": "PHP-FPM",
    "other": "The server",
}


def _finding(match: Match, confidence: Confidence, server: str = "other") -> Finding:
    evidence = Evidence.of(match.line)
    return Finding(confidence, (evidence,), {"server": _SERVERS[server], server: "yes"})


RULE = Rule(
    id="web-server-config-invalid",
    code="web-server-config-invalid",
    title="{server} refuses its configuration",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why="The server reads its configuration before it opens a port, and ends at the first thing that it cannot use.",
    fix=(
        Step("Check the configuration in the image.", "docker run --rm --entrypoint nginx YOUR_IMAGE -t", when="nginx"),
        Step(
            "Name upstream hosts by names that resolve in the VPC; those of Docker Compose exist on your machine only."
            " Let envsubst fill in variables before nginx reads the file.",
            when="nginx",
        ),
        Step(
            "Load one MPM only (`a2dismod mpm_event && a2enmod mpm_prefork` in the Dockerfile for mod_php), and enable"
            " the module of each directive that is used.",
            when="apache",
        ),
        Step("Check the configuration in the image.", "docker run --rm YOUR_IMAGE apachectl configtest", when="apache"),
        Step(
            "Serve plain HTTP: App Runner ends TLS before the container. Take the HTTPS address out of ASPNETCORE_URLS,"
            " the Kestrel section or the server's settings.",
            when="https",
        ),
        Step("Correct what the quoted line names, build the image, and start it locally before you deploy."),
    ),
    false_alarms=(
        "A port below 1024 without root is privileged-port, a cache folder that may not be written path-not-writable."
        " `AH00558: Could not reliably determine the server's fully qualified domain name` is harmless."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    application_patterns={
        "nginx": (
            r"\[emerg\](?! *\d*#?\d*:? ?host not found in (?:upstream|resolver)) (?:\d+#\d+: )?(?![^\n]{0,40}host not found in (?:upstream|resolver))\S"
            r"|nginx configuration is invalid \(exit code"  # Kong
        ),
        "apache": (
            r"AH00534: |AH0054[34]: |AH00526: |AH00014: |AH00016: |AH00013: |AH02572: |AH02240: |AH00111: [^\n]{0,60}not defined in|More than one MPM loaded|No MPM loaded"
            r"|Invalid command '[^']+', perhaps misspelled|Syntax error on line \d+ of \S+(?:apache|httpd|\.conf|\.htaccess)|Cannot load \S+\.so into server|(?:httpd|apache2): Could not open configuration file"
            r"|SSLCertificateFile: file '[^']+' does not exist"
        ),
        "caddy": (
            r"loading new config: (?!http app module: start)loading \S+ app module: |adapting config using caddyfile|Caddyfile:\d+(?::| - )|unrecognized directive: \w+|reading config (?:from )?file: open \S+"
        ),
        "proxy": (
            r"\[ALERT\][^\n]{0,60}(?:parsing \[\S+:\d+\]|Error\(s\) found in configuration|Fatal errors found in configuration)|Fatal errors found in configuration"
            r"|error initializing configuration '|VCL compilation failed|FATAL: Bungled \S+"  # Envoy, Varnish, Squid
            r"|command traefik error: |Error while building configuration|\(configfile\.c\.\d+\)|\(plugin\.c\.\d+\) dlopen\(\) failed|loading plugins finally failed|Configuration of plugins failed|error reading configuration file '"
        ),
        "https": (
            r"Unable to configure HTTPS endpoint|No server certificate was specified|(?:Could not find file|FileNotFoundException)[^\n]{0,120}\.pfx'"
            r"|Could not load key store '|Failed to load keystore type|certificateFile must be defined when using an SSL connector|Key material not provided to setup HTTPS"
        ),
        "php_fpm": (
            r"ERROR: (?:\[\S+?\.conf:\d+\]|failed to load configuration file|Unable to include|No pool defined|\[pool \S+\] (?:cannot get [ug]id|user has not been defined|please specify user)|failed to post process the configuration)"
        ),
        "other": (
            r"WFLYCTL0085|systemId: file:\S+/(?:server|web|context)\.xml|Parse error in application web\.xml|Catalina\.load[^\n]{0,80}server\.xml"
        ),
        "hint": (
            r"nginx: configuration file \S+ test failed|\binit(?:_worker)?_by_lua\w* error: |\[alert\] \d+#\d+ failed to apply new conf|"
            r"Kestrel\.Https\.[\w.]*CertificateConfigLoader|\[Errno 2\] No such file or directory: '[^']*\b(?:cert|server|fullchain|privkey|tls)\.(?:pem|crt|key)'|"
            r"Failed to load 'https-\S* material|'?--ssl-\w+'?: File '[^']+' does not exist|"
            r"\[emerg\][^\n]{0,60}host not found in (?:upstream|resolver)|could not resolve address '|Message from VCC-compiler"
            r"|ENOENT: no such file or directory, open '[^']*(?:letsencrypt/|/?ssl/|certs?/|certificates?/|fullchain|privkey|\bserver\.|localhost)[^']*\.(?:pem|key|crt|cert|pfx|p12)'"
            r"|ENOENT: no such file or directory, open '[^']*\b(?:cert|key)\.pem'|open \S*\b(?:cert|key|server|tls)\.(?:pem|crt|key): no such file"
            r"|FileNotFoundException: [^\n]{0,120}\.(?:p12|jks|pfx|keystore|pem|crt)\b|OpenSslCryptographicException: [^\n]{0,60}BIO_new_file|Error: '?\S*gunicorn\.conf(?:\.py)?'? doesn't exist|(?:gunicorn|uvicorn|daphne): error: unrecognized arguments"
        ),
        "last_words": (
            r"FPM initialization failed|AH00015: Unable to open logs|Action '-D FOREGROUND' failed|loading initial config: loading new config"
        ),
    },
)
