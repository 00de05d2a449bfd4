"""The build's language runtime is older or newer than what the application demands."""

from apprunner_watcher.knowledge.build_log import has_failed, is_error
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_RUNTIMES = {
    "node": "Node.js",
    "node_hint": "Node.js",
    "python": "Python",
    "java": "Java",
    "dotnet": ".NET",
    "other": "the language",
}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a package manager or compiler that refuses the runtime's version, in a build that failed."""
    if not has_failed(snapshot.service_log):
        return None
    for name, runtime in _RUNTIMES.items():
        if refused := [match for match in matches.service(name) if is_error(match.line)]:
            evidence = [Evidence.of(refused[0].line)]
            if snapshot.configuration.runtime:
                evidence.append(Evidence.setting("Runtime", snapshot.configuration.runtime))
            confidence = Confidence.LIKELY if name == "node_hint" else Confidence.CERTAIN
            return Finding(confidence, tuple(evidence), {"runtime": runtime})
    return None


RULE = Rule(
    id="runtime-version-mismatch-in-build",
    code="runtime-version-mismatch",
    title="The build has another version of {runtime} than the application demands",
    phase=Phase.BUILD,
    looks_at=frozenset({"configuration", "service_log"}),
    why="The application, or one of its packages, declares a version of the runtime, and the build runs with another one.",
    fix=(
        Step(
            "Choose the managed runtime, and the runtime-version in apprunner.yaml, that the application declares"
            " (`engines`, `requires-python`, TargetFramework, `java.version`, go.mod)."
        ),
        Step("If App Runner does not offer it, build a container image, which may hold any version."),
        Step("Or relax what is declared, once you have tested with the version that the build has."),
    ),
    false_alarms="`npm warn EBADENGINE` and the like are warnings: npm goes on unless engine-strict is set.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html",
    rollback="helps",
    check=check,
    service_patterns={
        "node": (
            r"The engine \"node\" is incompatible|ERR_PNPM_UNSUPPORTED_ENGINE|npm (?:ERR!|error) (?:code )?(?:EBADENGINE|notsup Required: \{\"node\")|Your Node version is incompatible"
            r"|You are using Node\.js [\d.]+\. For Next\.js, Node\.js|CLI requires a minimum Node\.js version|Node(?:\.js)? v?\d[\d.]* is not supported by |requires Node\.js version|Node\.js [\d.]+ or higher is required|The Node\.js version is not supported"
            # parts of the language that the build's version does not have, or no longer has
            r"|digital envelope routines::unsupported|ERR_OSSL_EVP_UNSUPPORTED|ReferenceError: (?:fetch|Headers|Request|Response|FormData|Blob|File|ReadableStream|structuredClone|crypto|globalThis|primordials|CustomEvent) is not defined"
            r"|(?:getRandomValues|\.hasOwn|\.replaceAll|\.at|\.findLast|\.flatMap|\.fromEntries|\.toSorted|withResolvers|crypto\.hash|styleText|availableParallelism) is not a function|No such built-in module: |requested module 'node:[^']+' does not provide an export named"
        ),
        # an older Node.js stumbles over newer operators in its packages; so does every one over a typing error
        "node_hint": r"SyntaxError: Unexpected token '?(?:\?|\?\?=|\|\|=|&&=|\.)'?\s*$",
        "python": (
            r"requires a different Python: |is not supported by the project \([^)]{1,60}\)|supported Python range \([^)]{1,60}\) is not compatible with|No Python at |is incompatible with the project's Python requirement|No interpreter found for Python |current Python version \([\d.]+\) does not satisfy|current project's (?:supported )?Python requirement \([^)]{1,60}\) is not compatible|requires-python\b[^\n]{0,80}(?:incompatible|does not satisfy)"
            r"|module 'pkgutil' has no attribute 'ImpImporter'|No module named 'distutils'|cannot import name '\w+' from '(?:collections|typing|enum|inspect)'|module '(?:collections|inspect|asyncio|configparser|ast)' has no attribute"
        ),
        "java": (
            r"invalid (?:target|source) release: |release version \d+ not supported|Unsupported class file major version|compiled by a more recent version of the Java|requires at least (?:JDK|Java|JVM runtime version) \d+"
            # Gradle, and what javac says of its own age
            r"|compatible with Java \d+ and the consumer needed|only compatible with JVM runtime version \d+|requires Java \d+ to run\. You are|requires JVM runtime version \d+|requires JVM \d+ or later"
            r"|Could not determine java version from|matching this tasks requirements: \{languageVersion=|No matching toolchains found for requested|Cannot find a Java installation on your machine"
            r"|class file has wrong version \d|(?:Source|Target) option [\d.]+ is no longer supported|are not supported in -source \d|invalid flag: --release|com\.sun\.tools\.javac\.(?:code\.TypeTags?|tree\.JCTree\$JCImport)"
        ),
        "dotnet": r"NETSDK1045|SDK does not support targeting|A compatible \.NET SDK was not found",
        "other": (
            r"Your Ruby version is \S+, but your Gemfile|your php version \([^)]{1,40}\) does not satisfy|requires go >= ?[\d.]+ \(running|invalid go version '[\d.]+': must match|unknown (?:directive|block type): toolchain|note: module requires Go [\d.]+|package (?:slices|maps|cmp|iter|unique|embed|io/fs|log/slog|math/rand/v2|crypto/\w+|testing/\w+) is not in (?:GOROOT|std)\b|but maximum (?:supported )?version|requires rustc \d"
            r"|lock file version `?\d`? (?:was found, but|requires)|older than the `\d{4}` edition"
        ),
    },
)
