"""The application misreads the proxy's headers, or does not trust the public origin."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SCHEME_ONLY = re.compile(r"\(https://([^)\s]+)\) didn't match request\.base_url \(http://\1\)")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a request that is refused, or sent on wrongly, because of how the proxy's headers are read."""
    if snapshot.has_ended:
        return None
    confidence = Confidence.LIKELY
    if refused := matches.application("refused"):
        lines = [refused[0].line]
        if _SCHEME_ONLY.search(refused[0].line.said) or matches.application("insecure"):
            confidence = Confidence.CERTAIN
        elif not snapshot.is_live and _OF_SOCKETS.search(refused[0].line.said):
            confidence = Confidence.POSSIBLE  # no health check opens a WebSocket
    elif (own := matches.application("own_port")) and (broken := matches.application("wrong_version")):
        lines = list(dict.fromkeys((own[0].line, broken[0].line)))
    elif snapshot.is_live and (hint := matches.application("hint")):
        lines, confidence = [hint[0].line], Confidence.POSSIBLE  # it serves all the same
    else:
        return None
    return Finding(confidence, tuple(Evidence.of(line) for line in lines), _framework(lines[0].said))


_OF_SOCKETS = re.compile(r"Phoenix\.Socket|websocket", re.IGNORECASE)
_FRAMEWORKS = {
    "next": re.compile(r"Failed to proxy|Server Action|forwarded action|UntrustedHost"),
    "django": re.compile(r"trusted origins"),
    "rails": re.compile(r"request\.base_url"),
    "net": re.compile(r"Antiforgery"),
    "keycloak": re.compile(r"ssl_required|HTTPS required"),
    "node": re.compile(r"secure cookie|ERL_|trust proxy|Cross-site POST"),
}


def _framework(text: str) -> dict[str, str]:
    return next(({name: "yes"} for name, words in _FRAMEWORKS.items() if words.search(text)), {"other": "yes"})


RULE = Rule(
    id="proxy-protocol",
    code="proxy-protocol",
    title="The application misreads the proxy's headers",
    phase=Phase.LIVE,
    looks_at=frozenset({"application_log", "operations", "service_log"}),
    why=(
        "App Runner ends TLS and speaks plain HTTP to the container; who asked, by which name and by HTTPS, stands in"
        " X-Forwarded-For, X-Forwarded-Host and X-Forwarded-Proto. The application does not believe these headers,"
        " believes them where it should not, or does not know its own public address."
    ),
    fix=(
        Step(
            "Take `x-forwarded-proto` out before a request is passed on inside the container, or set it to `http`; name the"
            " public host in `experimental.serverActions.allowedOrigins`, and set AUTH_TRUST_HOST for Auth.js.",
            when="next",
        ),
        Step(
            "Add the public address, with https://, to CSRF_TRUSTED_ORIGINS, and set"
            ' SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https").',
            when="django",
        ),
        Step(
            "Set `config.assume_ssl = true` (Rails 7.1 and later), or pass X-Forwarded-Proto on to Rails.", when="rails"
        ),
        Step("Set ASPNETCORE_FORWARDEDHEADERS_ENABLED to true.", when="net"),
        Step("Set KC_PROXY_HEADERS to xforwarded and KC_HOSTNAME to the public address.", when="keycloak"),
        Step(
            "Trust the one proxy in front: `app.set('trust proxy', 1)`, `proxy: true`, or ORIGIN (SvelteKit).",
            when="node",
        ),
        Step(
            "Let the framework trust X-Forwarded-Proto of the proxy in front (uvicorn `--forwarded-allow-ips='*'`,"
            " Werkzeug's ProxyFix, Spring's `server.forward-headers-strategy`), and tell it its public address.",
            when="other",
        ),
    ),
    false_alarms=(
        "`Failed to determine the https port for redirect` (ASP.NET) is harmless behind a proxy. Scripts of others post"
        " forms with a wrong Origin: one such line in a month is no fault of the application."
    ),
    docs="https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/X-Forwarded-Proto",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    application_patterns={
        "refused": (
            r"(?:Origin|Referer) checking failed - https?://\S+ does not match"  # Django
            r"|HTTP Origin header \(\S+\) didn't match request\.base_url \(http:"  # Rails
            r"|header[^\n]{0,200} (?:does not|do not) match `?origin`? header[^\n]{0,80}(?:Server Actions?|forwarded action)"  # Next.js, React Router
            r"|Cross-site POST form submissions are forbidden"  # SvelteKit, Astro
            r"|UntrustedHost: Host must be trusted"  # Auth.js
            r"|SecurePolicy = Always, but the current request is not an SSL request"  # ASP.NET
            r"|Cannot send secure cookie over unencrypted connection"  # cookies: Koa, Strapi
            r"|\(insecure_transport\) OAuth 2 MUST utilize https"  # oauthlib
            r"|error=\"?ssl_required"  # Keycloak
            r"|Invalid token issuer\. Expected '?https://[^\n]{0,200}but was '?http://"
            r"|A request from a reverse proxy was received from [^\n]{0,60} not set-up for reverse proxies"  # Home Assistant
            r"|(?i:redirect[_ ]ur[il])[^\n]{0,60}http://(?!localhost|127\.)[^\n]{0,200}(?:does not match|mismatch|not registered|not allowed|is invalid)"  # OAuth
            r"|redirect_uri_mismatch[^\n]{0,200}http://(?!localhost|127\.)"
            r"|Could not check origin for Phoenix\.Socket transport|Refusing websocket connection from Origin"  # Phoenix, Bokeh
            r"|ERR_TOO_MANY_REDIRECTS|redirected you too many times|Mixed Content: The page at 'https://[^\n]{0,200} requested an insecure"  # browsers
            r"|Blocking Cross Origin API request|msg=\"origin not allowed\""  # Jupyter and others
        ),
        # the scheme alone is what is misread
        "insecure": (
            r"SecurePolicy = Always, but the current request is not an SSL request|Cannot send secure cookie over unencrypted connection"
            r"|\(insecure_transport\) OAuth 2 MUST utilize https"
        ),
        # TLS is spoken to a port of the container's own, where plain HTTP is served
        "own_port": (
            r"(?i)(?:Failed to proxy|proxy error|Could not proxy|fetch failed|Error occurred while trying to proxy)[^\n]{0,120}https://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):\d"
            r"|https://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):\d+[^\n]{0,200}(?:EPROTO|wrong version number)"
        ),
        "wrong_version": r"\bEPROTO\b|wrong version number|ERR_SSL_WRONG_VERSION_NUMBER|packet length too long",
        "hint": r"ERR_ERL_(?:UNEXPECTED_X_FORWARDED_FOR|PERMISSIVE_TRUST_PROXY)|'X-Forwarded-For' header is set but",
    },
)
