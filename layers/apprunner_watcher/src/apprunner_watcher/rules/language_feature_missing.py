"""The application uses a part of its language that the image's version does not have yet, or no longer has."""

import re

from apprunner_watcher.knowledge.module_name import is_built_in
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
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_CARETS = re.compile(r"^\s*\^+\s*$")
_LANGUAGES = {"node": "Node.js", "python": "Python", "java": "Java", "ruby": "Ruby", "php": "PHP"}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a name, a module, an option or a syntax that only some versions of a language know."""
    confidence = weight(snapshot)
    sure = [*matches.of("node", "python", "php"), *_built_in(matches)]
    hints = [*matches.of("node_hint", "python_hint", "java_hint", "ruby_hint", "php_hint"), *_newer_syntax(matches)]
    found = [one for one in sure or hints if not one[1].line.is_warning]
    if not found or not confidence:
        return None
    match, confidence = gravest([match for _, match in found], confidence)
    language = next(name for name, one in found if one is match).removesuffix("_hint")
    return Finding(
        confidence if sure else at_most(Confidence.LIKELY, confidence),
        (Evidence.of(match.line),),
        {"language": _LANGUAGES[language], language: "yes"},
    )


def _built_in(matches: Matches) -> list[tuple[str, Match]]:
    """Modules of the language's own library that were not found."""
    found = [("node" if match["node"] else "python", match) for match in matches.application("module")]
    return [(language, match) for language, match in found if is_built_in(match[language])]


def _newer_syntax(matches: Matches) -> list[tuple[str, Match]]:
    """Lines of source, quoted above a caret, with a syntax that not every Python 3 knows."""
    if not matches.application("python_syntax_error"):
        return []
    return [("python", match) for match in matches.application("python_source") if _CARETS.match(match.after)]


RULE = Rule(
    id="language-feature-missing",
    code="runtime-version-mismatch",
    title="The application needs another version of {language} than the image has",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "A function, module or syntax that it uses came with a later version of {language}, or was removed in one. Tags of"
        " base images such as `latest` move on by themselves."
    ),
    fix=(
        Step(
            "Pin the base image to a Node.js that the application and its packages support, such as node:22-slim.",
            when="node",
        ),
        Step(
            "If it is `digital envelope routines::unsupported`: update webpack to version 5. The option"
            " --openssl-legacy-provider of Node.js 17 and newer is a stopgap.",
            when="node",
        ),
        Step("Pin the base image to a Python that the application supports, such as python:3.13-slim.", when="python"),
        Step(
            "Pin the base image to the Java version that the application supports, or update the library.", when="java"
        ),
        Step("Pin the base image to the Ruby version that the application supports, or update the gem.", when="ruby"),
        Step("Pin the base image to the PHP version that the application supports.", when="php"),
        Step("Prove it on the image before you deploy.", "docker run --rm --platform linux/amd64 YOUR_IMAGE"),
    ),
    false_alarms="A syntax error in the application's own source has the same words, and fails with every version.",
    docs="https://docs.docker.com/build/building/best-practices/",
    rollback="helps",
    check=check,
    application_patterns={
        "node": (
            r"requested module '(?:node:[^']+|fs|fs/promises|crypto|util|events|stream|stream/promises|timers/promises|url|path|buffer|perf_hooks|worker_threads|async_hooks|module|process|https?|os)' does not provide an export named"
            r"|Received protocol 'node:'|No such module: (?:http_parser|evals|natives)\b|No such built-in module: |ERR_UNKNOWN_BUILTIN_MODULE"
            r"|ReferenceError: (?:fetch|Headers|Request|Response|FormData|Blob|File|ReadableStream|WebSocket|structuredClone|crypto|AbortController|globalThis|BigInt|TextEncoder|TextDecoder|queueMicrotask|AggregateError|CustomEvent|primordials|Iterator|EventTarget|BroadcastChannel|MessageChannel|DOMException|TransformStream|WritableStream|CompressionStream|WeakRef|FinalizationRegistry) is not defined"
            r"|digital envelope routines::unsupported|ERR_OSSL_EVP_UNSUPPORTED|Cannot find matching keyid"  # the last one is corepack's
            r"|node: bad option: --|--(?:openssl-\w[\w-]*|import|disable-warning|experimental-[\w-]+|max-old-space-size-percentage|env-file[\w-]*|dns-result-order|network-family-[\w-]+|unhandled-rejections|enable-source-maps)=? is not allowed in NODE_OPTIONS"
            r"|(?:\bhasOwn|\.at|\.replaceAll|\.fromEntries|\.flatMap|\.matchAll|allSettled|Promise\.any|withResolvers|\.toSorted|\.toReversed|\.findLast|getRandomValues|randomUUID|crypto\.hash|availableParallelism|parseArgs|styleText|getBuiltinModule|fromWeb|tracingChannel|markResourceTiming|markAsUncloneable|AbortSignal\.\w+|Object\.groupBy|util\.(?:isArray|parseEnv|stripVTControlCharacters)|Array\.fromAsync|RegExp\.escape|URL\.canParse|loadEnvFile|registerHooks|setDefaultResultOrder|setDefaultAutoSelectFamily|crypto\.randomInt|import\.meta\.resolve|isWellFormed|bindStore|fs\.(?:rmSync|rm|cpSync|cp)) is not a function"
        ),
        "node_hint": (
            r"SyntaxError: Unexpected token '?(?:\?|\?\?=|\|\|=|&&=|\.|=|\{|#|with)'?\s*$|[Cc]annot (?:read propert(?:y|ies)|destructure property) [^\n]{0,40}(?:'subtle'|'getRandomValues'|'webcrypto')|SyntaxError: (?:Invalid regular expression flags|Unexpected identifier 'assert')"
        ),
        "python": (
            r"unsupported operand type\(s\) for \|: '(?:type|NoneType|_GenericAlias|ABCMeta|ModelMetaclass|EnumMeta|function|builtin_function_or_method)'|TypeError: '(?:type|ABCMeta)' object is not subscriptable"
            r"|SyntaxError: (?:future feature annotations is not defined|Missing parentheses in call to 'print'|Non-ASCII character)"
            r"|cannot import name '?\w+'? from '?(?:typing|collections|enum|datetime|inspect|asyncio|functools|importlib)'?(?:\s|$)"
            r"|cannot import name '?\w+'? from '?(?:types|itertools|contextlib|warnings|ssl|math|fractions|cgi|dataclasses|unittest\.mock|collections\.abc|importlib\.(?:metadata|resources)|time|base64|tarfile|pathlib|random)'? \(\S*/lib/python"
            r"|module 'ssl' has no attribute '(?:wrap_socket|match_hostname)'|module 'math' has no attribute '(?:dist|prod|lcm|cbrt|exp2)'|module 'itertools' has no attribute '(?:pairwise|batched)'|module 'functools' has no attribute 'cache"
            r"|module 'contextlib' has no attribute '(?:aclosing|nullcontext|chdir|asynccontextmanager)'|module 'types' has no attribute '(?:NoneType|UnionType|coroutine)'|module 'cgi' has no attribute|'Thread' object has no attribute 'isAlive'|'HTMLParser' object has no attribute 'unescape'"
            r"|duplicate base class TimeoutError|the \*loop\* parameter was removed|(?:Queue|Event|Lock|Semaphore|Condition|gather|sleep|wait|wait_for)(?:\.__init__)?\(\) got an unexpected keyword argument 'loop'|Unrecognised argument\(s\): (?:encoding|force)\b"
            r"|module '(?:collections|asyncio|inspect|time|typing|pkgutil|datetime|enum|configparser|string|ast|unittest|fractions|platform|base64|importlib|locale)' has no attribute"
            r"|ForwardRef\._evaluate\(\) missing|dataclass\(\) got an unexpected keyword argument|'str' object has no attribute 'remove(?:prefix|suffix)'"
        ),
        "python_hint": (
            r"mutable default <class '(?!list|dict|set)[\w.]+'> for field|ConfigError: unable to infer type for attribute|unsupported operand type\(s\) for \|: '(?:dict|_\w+GenericAlias|_SpecialForm)'"
            r"|SyntaxError: f-string: (?:expecting '\}'|unmatched|unterminated)|NameError: name '(?:unicode|xrange|basestring|raw_input|reload|unichr|reduce|execfile|long|cmp)' is not defined|SyntaxError: invalid escape sequence|multiple exception types must be parenthesized"
        ),
        "python_syntax_error": r"SyntaxError: (?:invalid syntax|expected ':')",
        "python_source": (
            r"^\s+(?:match [^\n=:]{1,80}:|except\*|type \w+ = |(?:def|class) \w+\[|async |await |with \($)|\w := |[\s(=]f'|[\s(=]f\"|import async\b|, async\b"
        ),
        "java_hint": (
            r"does not \"(?:opens|exports) [\w.]+\" to |module java\.\w+ does not (?:export|open) |UnsupportedOperationException: The Security Manager|Enabling a Security Manager is not supported|(?:NoClassDefFoundError|ClassNotFoundException): (?:java[./](?:util|lang|net|io|nio|time)[./]|javax[./](?:xml[./]bind|activation|annotation)[./])|NoSuchMethodError: \W{0,3}[\w.$]{0,60} ?java[./](?:util|lang|net|io|nio|time)[./]"
        ),
        "ruby_hint": (
            r"undefined method [`'](?:exists\?' for (?:File|Dir|class File|class Dir)|new' for (?:BigDecimal|class BigDecimal)|(?:un)?taint' for )|uninitialized constant (?:[A-Z]\w*::)*(?:Fixnum|Bignum)\b|Psych::(?:BadAlias|AliasesNotEnabled)|Alias parsing was not enabled"
        ),
        "php_hint": (
            r"access syntax with curly braces is no longer supported|During inheritance of \w+: Uncaught|dropped support for PHP <"
            r"|(?:[Pp]arse error|ParseError):? +syntax error, unexpected [^\n]{1,160} in \S*/vendor/|syntax error, unexpected (?:'\|'|token \"\||'fn'|'match'|token \"match\"|'readonly'|token \"readonly\"|identifier \"readonly\"|'enum'|identifier \"enum\"|'\?->'|'\.\.\.', expecting|'static' \(T_STATIC\)|'string' \(T_STRING\))"
        ),
        "php": (
            r"[Cc]all to undefined function (?:[\w\\]*\\)?(?:str_contains|str_starts_with|str_ends_with|array_is_list|array_find|array_any|get_debug_type|each|create_function|mysql_p?connect|get_magic_quotes_gpc|ereg\w*)\("
        ),
        "module": (
            r"\bCannot find module '(?P<node>[\w:/]+)'|(?:ModuleNotFound|Import)Error: No module named '?(?P<python>[\w.]+)"
        ),
    },
)
