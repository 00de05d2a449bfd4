"""The client of a vendor's service gets no key, token or address for it."""

from apprunner_watcher.knowledge.wanted import SET_IT, usually
from apprunner_watcher.rule import (
    Finding,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the client's complaint, in an application that never serves."""
    return usually({name: matches.application(name) for name in RULE.application_patterns}, _MAY_BE_WRONG, snapshot)


# what is set, and refused, is complained of in the same words
_MAY_BE_WRONG = {"DISCORD_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "FIREBASE_API_KEY", "API_KEY"}

RULE = Rule(
    id="env-var-missing-vendor",
    code="env-var-missing",
    title="A vendor's client has no key: usually the environment variable {name} holds it",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The client of an outside service demands its key when it is made: the application reads that from an"
        " environment variable that is not set, is empty, or has another name in the service."
    ),
    fix=(
        Step("Look up in the code which variable holds the key; {name} is usual."),
        SET_IT,
    ),
    false_alarms="The same error may come from one request of an application that listens: that is no failed start.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    # by the variable that is usual
    application_patterns={
        "STRIPE_SECRET_KEY": (
            r"Neither apiKey nor config\.authenticator provided|No API key provided\. (?:\(?HINT: |Set your API key using)[^\n]{0,20}(?:[Ss]tripe|set your API key)"
        ),
        "OPENAI_API_KEY": (
            r"OPENAI_API_KEY environment variable is missing or empty|api_key client option must be set[^\n]{0,120}OPENAI|Did not find openai_api_key|OpenAI or Azure OpenAI API key not found|(?:OpenAI|openai)[^\n]{0,60}(?:Missing credentials|No API key provided)|OpenAI API key (?:is )?(?:not found|missing|required|not set)"
        ),
        "ANTHROPIC_API_KEY": (
            r"Could not resolve authentication method\. Expected (?:either|one of) (?:api_?key|apiKey)|Did not find anthropic_api_key|Anthropic API key not found"
        ),
        "GOOGLE_API_KEY": (
            r"No API_KEY or ADC found|Did not find google_api_key|API key must be set when using the Google AI API|Missing key inputs argument! To use the Google AI API"
        ),
        "GOOGLE_APPLICATION_CREDENTIALS": (
            r"Could not automatically determine credentials|Your default credentials were not found|Could not load the default credentials|could not find default credentials|Unable to detect a Project Id in the current environment|The Application Default Credentials are not available|Your default credentials could not be|Project was not passed and could not be determined from the environment"
        ),
        "FIREBASE_PRIVATE_KEY": (
            r"Service account object must contain a string \"(?:project_id|private_key|client_email)\"|Certificate object must contain a string \"(?:project_id|private_key|client_email)\"|Service account must be an object"
        ),
        "SUPABASE_URL": (
            r"supabaseUrl is required|supabase_url is required|Your project's URL and (?:API )?[Kk]ey are required to create a Supabase client"
        ),
        "SUPABASE_KEY": r"supabaseKey is required|supabase_key is required",
        "CLERK_SECRET_KEY": (
            r"Missing secretKey\b|[Cc]lerk[^\n]{0,40}[Mm]issing (?:the )?(?:CLERK_)?(?:secret|Secret Key)"
        ),
        "CLERK_PUBLISHABLE_KEY": r"Missing publishableKey\b|Publishable key is missing",
        "GOOGLE_CLIENT_ID": (
            r"OAuth2Strategy requires a client(?:ID|Secret) option|(?:Google|GitHub|Facebook|Discord|LinkedIn|Twitter)\w*Strategy requires a client|OAuthStrategy requires a consumer|The 'Client(?:Id|Secret)' option must be provided|[Cc]lient id must not be empty|client(?:Id|_id) (?:cannot|must not) be (?:empty|null)|\"clientID\" is required"
        ),
        "HF_TOKEN": r"Cannot access gated repo for url|\bGatedRepoError\b|You must (?:be|have) authenticated to access it",
        "AUTH0_SECRET": r"TypeError: \"secret\" is required",
        "AUTH0_ISSUER_BASE_URL": (
            r"\"issuerBaseURL\" is required|You must provide an? '?issuerBaseURL|an 'audience' is required to validate|Your Okta (?:URL|domain) is missing|Your client ID is missing"
        ),
        "TWILIO_ACCOUNT_SID": r"(?:^|Error: )username is required|Credentials are required to create a TwilioClient",
        "RESEND_API_KEY": r"Missing API key\. Pass it to the constructor `new Resend",
        "MAILGUN_API_KEY": r"Parameter \"key\" is required",
        "CLOUDINARY_URL": r"Must supply (?:api_key|cloud_name|api_secret)",
        "PINECONE_API_KEY": (
            r"You haven't specified an [Aa]p[Ii]-?[Kk]ey|The client configuration must have required property: apiKey"
        ),
        "TELEGRAM_BOT_TOKEN": (
            r"Telegram Bot Token not provided|You must pass the token you received from https://t\.me/Botfather|(?:^|Error: )Empty token!|Token is invalid! It must be 'str' type instead of|[Bb]ot [Tt]oken is (?:required|not defined|missing)"
        ),
        "TELEGRAM_API_ID": (
            r"Your API ID or Hash cannot be empty or None|The API key is required for new authorizations|No API [Kk]ey found\. More info: https://docs\.pyrogram"
        ),
        "SMTP_PASSWORD": r"Missing credentials for \"(?:PLAIN|LOGIN|XOAUTH2)\"",
        "DISCORD_TOKEN": (
            r"TOKEN_INVALID|TokenInvalid\]?: An invalid token was provided|Expected a string token|expected token to be a str, received (?:<class '[Nn]one|None)"
        ),
        "SLACK_SIGNING_SECRET": (
            r"Signing secret not found, so could not initialize|No token is provided in either|AppInitializationError: (?:No `?token|`signingSecret`)"
        ),
        "VAPID_PUBLIC_KEY": r"No key set vapidDetails\.|No subject set in vapidDetails",
        "RAZORPAY_KEY_ID": r"`key_id` or `oauthToken` is mandatory|`key_id` is mandatory",
        "FIREBASE_API_KEY": r"\(auth/invalid-api-key\)|\(auth/missing-api-key\)",
        "FIREBASE_DATABASE_URL": r"Can't determine Firebase Database URL",
        "SHOPIFY_API_KEY": (
            r"Cannot initialize Shopify API Library\. Missing values for|Detected an empty appUrl configuration"
        ),
        "CONTENTFUL_ACCESS_TOKEN": r"Expected parameter (?:accessToken|space)\b",
        "SANITY_PROJECT_ID": r"Configuration must contain `projectId`",
        "ALGOLIA_APP_ID": r"`(?:appId|apiKey)` is missing\.",
        "POSTHOG_API_KEY": r"You must pass your (?:PostHog|Segment) project's (?:api|write) ?key",
        "AZURE_OPENAI_API_KEY": (
            r"AzureOpenAI[^\n]{0,60}Missing credentials|Must provide (?:one of )?the `?(?:base_url|azure_endpoint)`?"
        ),
        "AZURE_CLIENT_ID": (
            r"options\.clientID cannot be (?:null|empty)|Either a client secret, client assertion|The 'ClientId' option must be provided|IDW10106|AADSTS900144"
        ),
        "GITHUB_APP_ID": (
            r"\[@octokit/auth-(?:app|oauth-app)\] \w+ option is required|\[@octokit/\w+\] [^\n]{0,40}\bmust be (?:passed|set)"
        ),
        "ELASTICSEARCH_NODE": r"ConfigurationError: Missing node\(s\) option",
        "KAFKA_BROKERS": (
            r"expected brokers array and got nothing|brokers must not be empty|No resolvable bootstrap urls given in bootstrap\.servers: \[?\]?\s*$|Missing required configuration \"bootstrap\.servers\""
        ),
        "POSTMARK_API_TOKEN": r"A valid API token must be provided",
        "PUSHER_APP_ID": r"Options object is missing a cluster|Pusher\w*: (?:missing|must provide) ",
        "PARSE_SERVER_APPLICATION_ID": r"appId and masterKey are required|You must provide an appId",
        "IMAGEKIT_PUBLIC_KEY": r"Missing (?:publicKey|privateKey|urlEndpoint) during ImageKit initialization",
        "API_KEY": (
            r"[Mm]issing API key\. Pass it to the constructor|NoApiKeyProvided"
            # .NET's clients
            r"|(?:Value cannot be null|[Vv]alue cannot be an empty string)\.\s{1,3}\(?Parameter(?: name:)? '?(?:apiKey|accessKey|token|secret|clientSecret|clientId|accountSid|authority|endpoint|tenantId|instance|credential|uri|baseUrl|hostname)\b"
        ),
    },
)
