"""A mail server, directory, broker, search engine, secret store or API refuses the login or the key."""

from apprunner_watcher.knowledge.outbound import is_telemetry
from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot

# without its broker or its secrets an application rarely starts; of mail, directories and APIs it could do without
_MOST = {"broker": Confidence.CERTAIN, "secrets": Confidence.LIKELY, "login": Confidence.POSSIBLE}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the words of a refused login, in an application that ends or never serves."""
    for name, most in _MOST.items():
        refused = [match for match in matches.application(name) if not is_telemetry(match.line.said)]
        if found := proved(snapshot, refused):
            match, confidence = found
            limit = most if snapshot.has_ended else Confidence.POSSIBLE
            return Finding(at_most(limit, confidence), (Evidence.of(match.line),))
    return None


RULE = Rule(
    id="dependency-credentials-wrong-service",
    code="dependency-credentials-wrong",
    title="A service that the application needs refuses its login or key",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The server was reached, and does not accept the user, password, token or key that the application gives: it is"
        " of another account or environment, has expired or been revoked, or was cut or changed on its way into the variable."
    ),
    fix=(
        Step("Try the same credentials from your machine, with the provider's own client or curl."),
        Step("Compare the variable with the original, quotes, blanks and line breaks at its ends included."),
        Step(
            "Store it anew as a secret, and deploy: App Runner reads secrets only during a deployment. Restrict what must"
            " not be fatal to a warning."
        ),
    ),
    false_alarms="Users of the application who log in with a wrong password may be logged in the same words.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="does-not-help",
    check=check,
    application_patterns={
        "broker": (
            # MQTT, JMS, Meilisearch, Typesense
            r"Connection refused: (?:Not authorized|Bad (?:username|user name) or password)|JMSSecurity(?:Runtime)?Exception|User name \[[^\]\n]{0,80}\] or password is invalid"
            r"|MeiliSearch\w*Error: [^\n]{0,60}API key is invalid|a valid `x-typesense-api-key` header"
        ),
        # what fetches secrets and starts the application only then: Doppler, Infisical, Vault; tunnels
        "secrets": (
            r"Doppler Error: (?:Invalid|Your) |This token does not have access to requested|infisical[^\n]{0,80}(?:[Uu]nauthorized|invalid)"
            r"|hvac\.exceptions\.(?:Forbidden|Unauthorized)|invalid role or secret ID|VaultException: Status 40[03]\b"
            r"|ERR_NGROK_10[57]\b|Provided Tunnel token is not valid|unable to validate API key"
        ),
        "login": (
            # mail
            r"SMTPAuthenticationError|Invalid login: 53[45]|MailAuthenticationException|AuthenticationFailedException: 53[45]|SMTP Error: Could not authenticate"
            r"|Expected response code \W{0,2}235\W{0,2} but got (?:code )?\W{0,2}53|Failed to authenticate on SMTP server|5\.7\.8 (?:Error: authentication failed|Username and Password not accepted)"
            # directories
            r"|\bLDAP: error code 49\b|ldap\.INVALID_CREDENTIALS|LDAPInvalidCredentials\w*|AcceptSecurityContext error|LDAP Result Code 49\b"
            # CouchDB, SurrealDB
            r"|\bName or password is incorrect\.|\bThere was a problem with authentication\b"
            # SFTP
            r"|All configured authentication methods failed|paramiko\.ssh_exception\.AuthenticationException|ssh: unable to authenticate"
            # APIs and chats
            r"|Improper token has been passed|telegram\.error\.InvalidToken|ETELEGRAM: 40[14] |TelegramUnauthorizedError|Incorrect API key provided|\binvalid_api_key\b|invalid x-api-key|[Ii]nvalid API [Kk]ey(?: provided)?\b|API key is (?:invalid|not valid)|API[_ ]KEY_INVALID"
            r"|[Aa]n API error occurred: invalid_auth\b|SlackApiError[^\n]{0,120}invalid_auth|HTTP error 401 \(invalid SDK key\)|authorization grant is invalid, expired, or revoked"
            r"|Invalid user token|\binvalid_grant: |\(['\"]invalid_(?:grant|client)|Unauthorized: Invalid (?:token|client|api)|ApiKeyError\b|InvalidApiKey\w*"
        ),
    },
)
