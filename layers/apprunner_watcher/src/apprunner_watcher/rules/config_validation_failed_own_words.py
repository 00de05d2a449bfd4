"""The application refuses, in words of its own, to run with a value that is unsafe or unfit."""

import re

from apprunner_watcher.knowledge.wanted import is_harmless
from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Evidence,
    Finding,
    Match,
    Matches,
    Phase,
    Rule,
    Step,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_MOST_LINES = 4


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the words with which a start-up check refuses a value, in an application that then never serves."""
    found = sorted(
        {
            match.line: None
            for name in RULE.application_patterns
            for match in matches.application(name)
            if _is_grave(match)
        },
        key=lambda line: line.at,
    )
    confidence = weight(snapshot)
    if not found or not confidence:
        return None
    lines = [line for line in found if line.stream == found[0].stream]
    return Finding(
        confidence, tuple(Evidence.of(line) for line in lines[:_MOST_LINES]), {"service_arn": snapshot.service.arn}
    )


# a variable that is not there, so that the application refuses to start: env-var-missing knows
_IS_ABSENT = re.compile(
    r"(?i)\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b[^\n]{0,30}\b(?:undefined|missing|unset|not (?:set|defined|configured|provided|found)|required|empty)\b[^\n]{0,20}\brefus"
    r"|\brefus[^\n]{0,40}\b(?:without|missing|unset|no) "
)


def _is_grave(match: Match) -> bool:
    # DEBUG is a level of loggers, and a variable's name
    return (not is_harmless(match.line) or "DEBUG" in match[0]) and not _IS_ABSENT.search(match.line.said)


# a variable; of the verbs with "set" and "provided", env-var-missing knows
_NAME = r"[`'\"]?\b(?=[A-Z0-9]{1,60}_|(?:DOMAIN|PORT|DEBUG|SECRET|URL|HOST|KEY)\b)[A-Z][A-Z0-9_]{2,80}\b[`'\"]?"
_NOUN = r"(?: (?:environment |env |config )?(?:variable|var|setting|value|option))?"
_NO_ABSENCE = (
    r"(?! (?:also )?(?:set\b|defined|provided|configured|present|specified|supplied|given|non-empty|empty|blank|null|undefined"
    r"|unset|missing|None|nil|omitted|filled|populated|passed|included|there\b|in\b|available|exported|a valid|an? (?:number|integer|URL|url)|in the env|not empty|valid\b|required))"
)
_KEY = r"(?:[A-Z][A-Z0-9]*_[A-Z0-9_]{2,60}|(?i:secret|key|password|token|passphrase|salt|pepper|clave|contrase[ñn]a|secreto|chave|senha|segredo|cl[ée]|mot de passe|schl[üu]ssel|passwort|chiave|ключ|секрет|пароль|密钥|密碼|密码|鍵|키))"

RULE = Rule(
    id="config-validation-failed-own-words",
    code="config-validation-failed",
    title="The application's own start-up check refuses a setting",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "service", "service_log"}),
    why=(
        "The application checks its settings before it serves, finds one that it does not accept in this environment"
        " (too short, a default, a stub, a wildcard, debugging), and ends on purpose."
    ),
    fix=(
        Step("Set real values for what the lines above name.", CHANGE_SOURCE_CONFIGURATION),
        Step("Do not switch the check off for good: it stops what would fail later, or be unsafe."),
    ),
    false_alarms="The same words as a warning, or about a user's password in a request, stop no application.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "refusal": (
            r"(?i)\b(?:not (?:be )?(?:allowed|permitted|supported|acceptable|used|enabled|true)|forbidden|disallowed|prohibited|unsafe|insecure) (?:in|for|on) (?:a )?(?:prod|production|staging|non-local)\b"
            r"|\bmust (?:not )?(?:be (?:set to|changed|at least|exactly|a valid|disabled|explicit|overridden|different|replaced|false|one of|between)|use|contain|equal|have|start with)\b[^\n]{0,120}"
            r"\b(?:default|in prod|production|characters|chars|bytes|bits|wildcard|localhost|entropy)\b"
            r"|\bmust be set (?:with|to) (?:the output of\b|an? (?:secret|secure|random|strong|unique|long)\b)"
            r"|\bmust be (?:set|changed)\b[^\n]{0,40}\bnot\b[^\n]{0,40}\b(?:default|placeholder|example)\b"
            r"|\b(?:default|insecure|weak|placeholder|example) (?:secret|password|key|value|credential|jwt)s? (?:\w+ ){0,4}(?:not allowed|in production|detected)"
            r"|\b(?:unsafe|insecure|invalid|dangerous) (?:configuration|settings|config) (?:for|in) |\b(?:is|are) (?:still )?(?:set to |using )?(?:the |a |an )?(?:insecure |built-in )?(?:default|placeholder|example)(?: value)?[^\n]{0,60}\b(?:refus|production|exit|abort)"
            r"|\brefus(?:es|ing) to (?:start|boot|run)\b(?! as root)|\b(?:cannot|can't|must not|should not|may not|do not) (?:be [`'\"]?(?:\*|true|the default|enabled|wildcard|localhost)|run|start|use)[^\n]{0,60}\b(?:in|for) (?:prod|production)\b|\bDEBUG\b[^\n]{0,30}\b(?:must be|cannot be|should be|is)\b[^\n]{0,20}\b(?:off|false|disabled|true|enabled)\b[^\n]{0,20}\bprod"
            r"|\b(?:in|for) (?:prod|production)(?: environment| mode)?[,:]? [^\n]{0,60}\b(?:must (?:not )?be|cannot be|is not allowed|not allowed|is forbidden)\b"
            r"|\b(?:change|replace|rotate) (?:it|this|them|the default)\b[^\n]{0,40}\b(?:before|in)\b[^\n]{0,30}\bproduction\b"
            r"|\b(?:fatal|error|aborting)\b[^\n]{0,60}\bdefault [`'\"]?(?:[a-z0-9]{1,20}_){1,4}(?:secret|key|password|token|salt)\b"
            r"|\bCORS\b[^\n]{0,60}(?:\*|wildcard)[^\n]{0,60}\b(?:not allowed|forbidden|cannot|must not|refus)|ArgumentError: secret_key_base for \w+ must"
        ),
        "named": (
            # DOMAIN must contain the protocol; CORS_ORIGIN must not be '*'
            rf"{_NAME}{_NOUN}:? (?:must|needs? to|has to|have to|cannot|can't|can not|may not|must not|should not|mustn't)(?: only)? (?:not )?(?:be{_NO_ABSENCE}|contain|include|match|equal|point|differ|end with|consist|use |only )"
            # a value is quoted with its name, and is not allowed
            rf"|{_NAME} ?= ?\S{{1,60}} (?:is|are|was) (?:not (?:allowed|permitted|supported|acceptable|accepted|secure|safe)|forbidden|disallowed|prohibited|insecure|unsafe)\b"
            # two settings that do not go together
            rf"|{_NAME} (?:and|with|or) {_NAME} (?:are mutually exclusive|cannot (?:both )?be (?:set|used)|can(?:not|'t) be used together|conflict|must (?:not )?(?:be )?(?:the same|match|differ|both))"
            rf"|(?:[Oo]nly one of|[Cc]annot (?:set|use|specify) both|[Cc]onflicting (?:settings|options):?) {_NAME}"
            rf"|{_NAME}{_NOUN} (?:looks like an?|is set to an?|contains the|still (?:has|contains|holds) the) [^\n]{{0,60}}(?:\bbut\b|default|placeholder|example|weak|insecure)"
            # what was encrypted with another key
            r"|[Ee]ncrypt(?:ed|ion)[^\n]{0,60}\b(?:different|wrong|another) (?:encryption )?key\b[^\n]{0,40}\b(?:than|environment|env|config)|encryption key[^\n]{0,80} does not match"
        ),
        "length": (
            rf"{_KEY}\b[^\n]{{0,60}}\b(?:too short|at least \d+ (?:char|byte|bit|symbol|letter)|(?:must|should|has to|needs to) (?:be|have|contain) (?:exactly |a minimum of |min(?:imum)? |≥ ?|>= ?)?\d+(?:,? (?:or )?\d+){{0,3}}[- ](?:char|byte|bit|hex)|minimum (?:length )?(?:of |is )?\d+|(?:must|should) be longer than \d+|>= ?\d+ char|min(?:imum)? \d+ char|length (?:must|should|has to) be (?:at least |exactly )?\d+|\d+ or more char|shorter than \d+)"
            r"|\b[Mm]inimum (?:password|key|secret|token) length is \d+|[Pp]assword does not meet [^\n]{0,60}\bpolicy"
            # "at least" and "characters" of other languages
            rf"|{_KEY}[^\n]{{0,80}}(?:al menos|como m[íi]nimo|m[íi]nimo(?: de)?|pelo menos|no m[íi]nimo|ao menos|au moins|au minimum|minimum|mindestens|almeno|minstens|minimaal|minst|co najmniej|alespo[ňn]|не менее|не меньше|минимум|щонайменше|en az|minimal|[íi]t nh[ấa]t|至少|最少|不少于|最小|최소)[^\n\d]{{0,20}}\d+"
            r"(?: ?(?:caract|Zeichen|Byte|bytes|octets|caratteri|karakter|tekens|tecken|tegn|znak|символ|знак|байт|k[ýy] t[ựu]|个字|個字|字符|字元|位|文字|자))"
            rf"|{_KEY}[^\n]{{0,40}}\d+ ?(?:文字以上|자 이상|字符以上|位以上)|{_KEY}[^\n]{{0,60}}(?:demasiado cort|muito curt|trop court|zu kurz|troppo cort|te kort|za kr[óo]tk|слишком корот|çok k[ıi]sa|太短|長度不足|长度不足)"  # noqa: RUF001  # letters of other scripts
        ),
        "other_languages": (
            r"(?i)\bno (?:est[áa] permitid|se permite|puede (?:usarse|ser)|debe (?:usarse|ser))[^\n]{0,60}\bproducci[óo]n|\bn[ãa]o (?:[ée] permitid|pode (?:ser|usar)|deve)[^\n]{0,60}\bprodu[çc][ãa]o"
            r"|\b(?:interdit|pas autoris|non autoris)[^\n]{0,60}\bproduction|\b(?:nicht erlaubt|nicht zul[äa]ssig|darf nicht)[^\n]{0,60}\bProdu[kc]tion|\bnon (?:[èe] )?(?:consentit|permess)[^\n]{0,60}\bproduzione"
            r"|valor por defecto[^\n]{0,60}producci[óo]n|valor padr[ãa]o[^\n]{0,60}produ[çc][ãa]o|生产环境[^\n]{0,40}(?:不能|禁止|必须|不允许)|本番環境[^\n]{0,40}(?:できません|禁止|必要)"
        ),
    },
)
