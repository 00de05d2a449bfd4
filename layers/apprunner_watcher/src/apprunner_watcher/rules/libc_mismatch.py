"""A binary was linked against a newer or another C library than the image has."""

from apprunner_watcher.rule import Evidence, Finding, Matches, Phase, Rule, Step, gravest, weight_of_last_words
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the dynamic loader's words for a version, a symbol or a loader that the image's C library lacks."""
    found = [match for _, match in matches.of("version", "other_library")]
    confidence = weight_of_last_words(snapshot)
    if not found or not confidence:
        return None
    match, confidence = gravest(found, confidence)
    values = {"wanted": match["wanted"], "newer": "yes"} if match["wanted"] else {"wanted": "glibc or musl"}
    return Finding(confidence, (Evidence.of(match.line),), values)


RULE = Rule(
    id="libc-mismatch",
    code="libc-mismatch",
    title="The binary needs another C library than the image has ({wanted})",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "A binary runs with the C library that it was linked against, or a newer version of the same one. Debian,"
        " Ubuntu and Amazon Linux have glibc, Alpine has musl; what was built on one does not run on the other."
    ),
    fix=(
        Step(
            "Build in the same base as the image that runs it: the two stages of the Dockerfile name the same release"
            " (for example golang:1.24-bookworm and debian:bookworm-slim).",
            when="newer",
        ),
        Step(
            "Use a Debian base instead of Alpine, or build inside Alpine; packages with binary parts are installed in the"
            " stage that runs them."
        ),
        Step("Or link statically: CGO_ENABLED=0 for Go, the target x86_64-unknown-linux-musl for Rust."),
    ),
    false_alarms="Another library that is not there, or too old, is shared-library-missing.",
    docs="https://docs.docker.com/build/building/multi-stage/",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"image-architecture"}),
    application_patterns={
        "version": (
            r"version [`'\"]?(?P<wanted>GLIBC(?:XX)?_[\d.]+|GLIBC_PRIVATE|CXXABI_[\d.]+)['\"]? (?:not found|not defined in file)"
        ),
        # glibc's names under musl, musl's under glibc
        "other_library": (
            r"(?P<wanted>)(?:Error loading shared library (?:libc\.musl-[\w.-]*|ld-musl-[\w.-]*|ld-linux[\w.-]*|lib(?:c|m|dl|rt|util|pthread|resolv|nsl)\.so\.\d|libc\.so)\b"
            r"|Error relocating \S+ (?:__\w+|\w+64|gnu_get_libc_version|backtrace\w*|initstate_r|mallinfo\d?|strtoll_l|qsort_r|getcontext|makecontext|fcntl|secure_getenv|res_\w+): symbol not found"
            r"|(?:libc\.musl-\w+\.so\.1|ld-musl-\w+\.so\.1|ld-linux[\w.-]*\.so\.\d): cannot open shared object file"
            r"|Could not open '/lib(?:64)?/ld-(?:linux|musl)[\w.-]*': No such file"
            r"|undefined symbol: __\w+, version GLIBC|FATAL: kernel too old|ld-musl-[\w.-]*: [^\n]{1,200}: Not a valid dynamic program"
            # what runtimes and packages make of it
            r"|precompiled native gem on a system with|GLIBC version [\d.]+ is (?:too old|not supported)|requires (?:at least )?(?:glibc|GLIBC) ?(?:version )?>?=? ?\d[\d.]*[^\n]{0,60}(?:found|but|detected|too old))"
        ),
    },
)
