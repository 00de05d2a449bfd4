"""The application refuses the Host header of the health check, which is the container's own address."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_APP_RUNNER = ".awsapprunner.com"
_BAD_REQUEST = 400
_FIRST_ERROR = 400
# Django's own page for 400, in its versions: without a handler of its own, nothing else tells of a refused host
_DJANGO_PAGE = re.compile(r"\" 400 (?:26|143|154)\b")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a refused Host header in a version that was never healthy: only the health check asks it anything."""
    if snapshot.is_live:
        return _of_public_name(matches.application("refused"))
    answers = snapshot.health_check_answers
    if not snapshot.is_unhealthy or any(answer.status < _FIRST_ERROR for answer in answers):
        return None
    if refused := matches.application("refused"):
        first = refused[0]
        host = next((text for text in first.found.groups() if text), "")
        # a check that only opens the port sends no header
        is_checked = bool(snapshot.checked_path)
        of_words = Confidence.LIKELY if first["any"] else Confidence.CERTAIN
        return Finding(
            of_words if is_checked else Confidence.POSSIBLE,
            (
                Evidence.of(first.line),
                *(Evidence.of(answer.line) for answer in answers[:1] if answer.line != first.line),
            ),
            {"host": host or "of the health check", "checked": "yes", **_framework(first[0])},
        )
    if not answers or {answer.status for answer in answers} != {_BAD_REQUEST}:
        return None
    is_django = bool(_DJANGO_PAGE.search(answers[0].line.text))
    return Finding(
        Confidence.LIKELY if is_django else Confidence.POSSIBLE,
        (Evidence.of(answers[0].line), Evidence.setting("HealthCheckConfiguration.Path", snapshot.checked_path)),
        {"host": "of the health check", "checked": "yes", **({"django": "yes"} if is_django else {})},
    )


def _of_public_name(refused: tuple[Match, ...]) -> Finding | None:
    """In a live service scanners are refused as well; whoever asks by the name that App Runner gave it is not one."""
    own = [match for match in refused if _APP_RUNNER in match.line.text]
    if not own:
        return None
    host = next((text for text in own[0].found.groups() if text), "of its own domain")
    return Finding(Confidence.LIKELY, (Evidence.of(own[0].line),), {"host": host, "public": "yes"})


_FRAMEWORKS = {
    "django": re.compile(r"HTTP_HOST|DisallowedHost"),
    "rails": re.compile(r"Blocked host|HostAuthorization"),
    "net": re.compile(r"does not match an allowed host"),
    "vite": re.compile(r"This host"),
    "php": re.compile(r"Untrusted Host"),
}


def _framework(text: str) -> dict[str, str]:
    return next(({name: "yes"} for name, words in _FRAMEWORKS.items() if words.search(text)), {"other": "yes"})


RULE = Rule(
    id="host-header-rejected",
    code="host-header-rejected",
    title="The application refuses the Host header {host}",
    phase=Phase.HEALTH,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The health check asks the container by its private address, which changes with every instance, and the"
        " application admits only the host names that it was told. In a service that is live it is the public name that"
        " the application was not told."
    ),
    fix=(
        Step(
            "Answer the health check before Django looks at the host: a middleware that stands first in MIDDLEWARE and"
            " returns 200 for its path without calling `request.get_host()`.",
            when="django",
        ),
        Step(
            "Or add the instance's address to ALLOWED_HOSTS when the application starts:"
            " `socket.gethostbyname(socket.gethostname())`.",
            when="django",
        ),
        Step(
            "Exempt the path in the environment's configuration:"
            ' `config.host_authorization = {{ exclude: ->(request) {{ request.path == "/up" }} }}`.',
            when="rails",
        ),
        Step('Set AllowedHosts to "*" in appsettings, or map the health check before `UseHostFiltering`.', when="net"),
        Step(
            "Set `server.allowedHosts` (or `preview.allowedHosts`) to true, or serve the build with another server.",
            when="vite",
        ),
        Step("Admit private addresses in the trusted hosts (`TrustHosts`, `framework.trusted_hosts`).", when="php"),
        Step("Exempt the health check's path from the Host check, or admit private addresses there.", when="other"),
        Step("Or let the health check only open the port (protocol TCP).", when="checked"),
        Step(
            "Add the service's own domain, and each custom domain, to the hosts that the application admits"
            " (ALLOWED_HOSTS, `config.hosts`, AllowedHosts, `trustHosts`).",
            when="public",
        ),
    ),
    false_alarms=(
        "Scanners of the internet send wrong Host headers to every service: in one that is healthy such a line is"
        " ordinary."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="helps",
    check=check,
    application_patterns={
        "refused": (
            r"Invalid HTTP_HOST header: ['\"]?(?P<django>[^'\"\s]{1,100}?)['\"]?\.? (?:You may need|The domain name)|Invalid HTTP_HOST header|\bDisallowedHost\b"  # Django
            r"|(?:ActionDispatch::HostAuthorization\S{0,40} )?\bBlocked hosts?: (?P<rails>[^\s,]{1,100})|Rack::Protection::HostAuthorization|ActionDispatch::HostAuthorization"  # Rails, Sinatra
            r"|The host ['\"](?P<net>[^'\"]{1,100})['\"] does not match an allowed host|Bad Request - Invalid Hostname"  # ASP.NET
            r"|Host ['\"](?P<werkzeug>[^'\"]{1,100})['\"] is not trusted"  # Werkzeug
            r"|[Ii]nvalid [Hh]ost [Hh]eader\b"  # Starlette, webpack, MCP
            r"|Untrusted Host \\?['\"](?P<symfony>[^'\"\\]{1,100})"  # Symfony, Laravel
            r"|This host \(\\?['\"](?P<vite>[^'\"\\]{1,100})\\?['\"]\) is not allowed|URL with hostname ['\"](?P<angular>[^'\"]{1,100})['\"] is not allowed"  # Vite; Angular
            r"|Host not allowed: (?P<play>\S{1,100})"  # Play
            r"|non-local 'Host' (?P<jupyter>\S{1,100})"  # Jupyter
            r"|Trusted domain error|untrusted domain|trusted hosts pattern|The provided host name is not valid for this server"  # Nextcloud, TYPO3, Drupal
            r"|The host \[(?P<tomcat>[^\]]{1,100})\] is not valid"  # Tomcat
            r"|\b[Hh]ost(?:name| header)? ['\"\[`(](?P<any>[\w.:\]-]{1,100})['\"\]`)]* (?:is )?not (?:in (?:the )?(?:list of )?|an? )?(?:allowed|trusted|permitted|whitelisted)\b(?! to )"
            r"|No tenant for hostname|IncorrectSitePath"  # django-tenants, Frappe
            r"|Host header is specified and is not an IP address or localhost"  # Chrome
        ),
    },
)
