"""The image's language runtime is older or newer than what the application was built for."""

from apprunner_watcher.rule import Evidence, Finding, Matches, Phase, Rule, Step, gravest, weight_of_last_words
from apprunner_watcher.snapshot import Snapshot

_RUNTIMES = {
    "node": "Node.js",
    "python": "Python",
    "java": "Java",
    "dotnet": ".NET",
    "ruby": "Ruby",
    "php": "PHP",
    "other": "the language",
}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a runtime, package manager or framework that says which version it wants."""
    found = [one for one in matches.of(*_RUNTIMES) if not one[1].line.is_warning]
    confidence = weight_of_last_words(snapshot)
    if not found or not confidence:
        return None
    match, confidence = gravest([match for _, match in found], confidence)
    runtime = next(name for name, one in found if one is match)
    return Finding(confidence, (Evidence.of(match.line),), {"runtime": _RUNTIMES[runtime], runtime: "yes"})


RULE = Rule(
    id="runtime-version-mismatch",
    code="runtime-version-mismatch",
    title="The image has another version of {runtime} than the application was built for",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The application, or one of its packages, declares a version of the runtime, or was compiled for it, and the"
        " image's base has another one."
    ),
    fix=(
        Step(
            "Pin the base image to a version that `engines` of package.json allows, for example node:22-slim, the same as"
            " on your own machine.",
            when="node",
        ),
        Step(
            "Pin the base image to a Python that `requires-python` allows, for example python:3.13-slim.",
            when="python",
        ),
        Step(
            "Take the runtime image of the Java version that the classes were compiled for, or newer, or compile with"
            " `--release` of the image's version.",
            when="java",
        ),
        Step(
            "Take the aspnet image whose version is the TargetFramework's (ASP.NET Core needs `aspnet`, not `runtime`).",
            when="dotnet",
        ),
        Step("Take the base image whose version is that of the Gemfile and .ruby-version.", when="ruby"),
        Step("Take the PHP image that composer.lock was made for, or update the lock with this one.", when="php"),
        Step("Prove it on the image before you deploy.", "docker run --rm --platform linux/amd64 YOUR_IMAGE"),
    ),
    false_alarms=(
        "npm's warning EBADENGINE stops nothing by itself. A native module that was compiled for another Node.js"
        " (NODE_MODULE_VERSION) is native-module-platform."
    ),
    docs="https://docs.docker.com/build/building/best-practices/",
    rollback="helps",
    check=check,
    application_patterns={
        "node": (
            r"The engine \"\w+\" is incompatible with this module|Not compatible with your version of node/npm|npm (?:ERR!|error) engine Unsupported engine|ERR_PNPM_UNSUPPORTED_ENGINE"
            r"|(?i:requires? (?:at least |a minimum |a )?node(?:\.?js)?(?: version)?(?: of)? ?[v>=^~\d]|node(?:\.?js)? version \S{1,40} is (?:required|not supported|no longer supported|currently not supported))"
            r"|(?i:node(?:\.?js)? v?\d[\d.x]* is (?:not|no longer) supported|does not support node(?:\.?js)? v?\d|only supports node(?:\.?js)? )"
            r"|Node\.js version [^\n]{1,60} is required|This project's package\.json defines \"packageManager\""
            r"|version of Node(?:\.js)? you are using is not supported|version of Node(?:\.js)?,? \(?v?[\d.]+\)?,? is (?:not|no longer) supported|[Oo]utdated Node(?:\.js)? version|need (?:at least )?Node(?:\.js)? (?:version )?>?=? ?v?\d|known not to run on Node|(?:will not|does not|cannot|can't) (?:run|work) on Node(?:\.js)? v?\d|needs Node version:|Unsupported (?:Node|NodeJS|Node\.js) version|minimum (?:required |supported )?Node(?:\.js)? version|[Pp]lease (?:use|upgrade to|update to|install) (?:a )?(?:newer )?(?:version of )?Node(?:\.?js)? (?:version |to )?v?>?=? ?\d"
            r"|(?:current|installed|running) (?:version of )?Node(?:\.js)? (?:version )?\(?v?[\d.]+\)? is (?:too old|outdated|lower|older|below)"
        ),
        "python": (
            r"requires a different Python: |[Tt]he currently activated Python version \S+ is not supported|Current Python version \(\S+\) is not allowed by the project|is incompatible with the project's Python requirement|No interpreter found for Python (?:>=|==|~=)?\d|current Python version \([\d.]+\) does not satisfy|requires Python ['\"]?[>=~\d][^\n]{0,40}but the (?:running|current)"
            r"|Python version mismatch: this \w+ was compiled for|[Bb]ad magic number in "  # a .pyc file of another Python
            r"|(?i:python (?:version )?>?=? ?3\.\d+ or (?:newer|later|higher|above) is required|requires python (?:version )?>?=? ?3\.\d+ or (?:newer|later|higher|above))"
            r"|(?i:(?:this (?:version|package|software|program|script)|[\w.-]+) (?:only )?(?:supports|requires|needs) (?:at least )?python ?(?:version )?>?=? ?[23]\.\d+|python [23](?:\.\d+)* (?:is not supported|is no longer supported|is unsupported))"
        ),
        "java": (
            r"UnsupportedClassVersionError|has been compiled by a more recent version of the Java Runtime|Unsupported major\.minor version \d|Unsupported class file major version \d"
            r"|Unrecognized VM option '|Unrecognized option: --(?:add-opens|add-exports|add-modules|illegal-access|enable-preview|enable-native-access|sun-misc)|(?i:requires java (?:version )?\d+ or (?:newer|later|higher|above)|java \d+ or (?:newer|later|higher|above) is required)"
            r"|(?i:requires (?:at least )?(?:java|jdk|jre)(?: version)? ?>?=? ?\d+\+? (?:to run|or |runtime)|requires (?:java|jdk|jre) \d+\+|older than the minimum required version \(java|supported java versions are|unsupported java (?:version|runtime)|java version \S+ is (?:not|no longer) supported|java \d+ is (?:not|no longer) supported|requires java versions? \[)|Java class version [\d.]+, but [\d.]+ is required"
            r"|(?i:the current version is (?:java )?\d[^\n]{0,30}minimum|minimum (?:required )?java version)|java/lang/invoke/AdapterMethodHandle"
        ),
        "dotnet": (
            r"You must install (?:or update )?\.NET(?: Core)? to run this application|not possible to find any compatible framework version|[Ff]ramework 'Microsoft\.\w+\.App', version '[^']+'(?: \(\w+\))? was not found"
            r"|[Cc]ompatible \.NET SDK was not found|library libhostfxr\.so could not be found|Could not load file or assembly 'System\.Runtime, Version="
        ),
        "ruby": (
            r"Your Ruby version is [\w.]+, but your Gemfile specified|Bundler::RubyVersionMismatch|requires (?:[Rr]uby|rubygems) version [^\n]{1,60}(?:incompatible with the current version|current ruby version)"
            r"|rbenv: version \W?[\w.-]+\W? is not installed|Required ruby-[\d.]+ is not installed|must use Bundler \d or greater with this lockfile"
        ),
        "php": (
            r"dependencies require a PHP version|your php version \([\w.]+\) does not satisfy|(?i:requires (?:at least )?php (?:version )?>?=? ?\d|this version of \w+ (?:is not compatible with|requires(?: at least)?) php )"
            r"|(?i:php version \S+ (?:or (?:higher|newer|later) )?is required|php \d[\d.]* or (?:higher|newer|later) is required|you are running php \d)"
        ),
        "other": (
            r"go\.mod requires go >= [\d.]+ \(running go|invalid go version '[\d.]+'|(?i:requires (?:at least )?(?:Erlang/OTP|OTP|Elixir|Ruby|Rust|rustc|Bun|Deno|\.NET(?: Core| SDK)?) (?:version )?v?>?=? ?\d)"
            r"|trying to run \S+ on Elixir v\S+ but it has declared|BEAM file was compiled for a later version of the run-time"
            r"|re-compile this module with an Erlang/OTP \d|unknown (?:directive|block type): toolchain|lock file version `?\d`? (?:was found, but|requires)|older than the `\d{4}` edition"
            r"|requires rustc [\d.]+ or newer|Unsupported lockfile version '?\d"
        ),
    },
)
