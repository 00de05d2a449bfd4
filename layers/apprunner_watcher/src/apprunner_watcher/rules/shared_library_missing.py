"""A system library is not in the image, too old, or the wrong build of it is looked for."""

import re

from apprunner_watcher.rule import (
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    at_most,
    outlived,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

# the C library itself; the web server's own modules; what loaders look for and do without
_IS_ANOTHER = re.compile(
    r"ld-linux|ld-musl|libc\.musl|lib(?:c|m|dl|rt|pthread|resolv)\.so|\[emerg\]|into server: |\(plugin\.c\.\d|LD_PRELOAD|\.node: cannot open|LD_AUDIT"
    r"|libgssapi_krb5|Could not load dynamic library|dso_loader|stream_executor|from cgroup|lttng"
)
# of graphics cards, which App Runner has none of: it is an error only to whoever raises it
_OF_GPU = re.compile(
    r"\blib(?:cuda|cudart|cublas|cudnn|cufft|curand|cusolver|cusparse|nvidia|nvinfer|nvrtc|tpu|hip|rocm)[\w-]*\.so"
)
_RAISED = re.compile(r"\b(?:Import|OS|Runtime|Load|UnsatisfiedLink)Error\b|error while loading shared libraries")
_LAST_LINES = 6  # a warning is the answer only where hardly anything follows it


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the dynamic loader, or a binding of a library, naming what it does not find."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    for names, limit in (
        (("loader", "binding"), Confidence.LIKELY if snapshot.configuration.is_from_source else Confidence.CERTAIN),
        (("hint", "own_words"), Confidence.LIKELY),
        (("prisma_warning",), Confidence.LIKELY if _ends_with_warning(snapshot, matches) else Confidence.POSSIBLE),
        (("vague",), Confidence.POSSIBLE),
    ):
        # in a service that is live, a program that it calls cannot be loaded; all else it may do without
        if snapshot.is_live and "loader" not in names:
            break
        if found := [match for _, match in matches.of(*names) if not _is_another(match)]:
            match = next((match for match in found if not match.line.is_warning), found[0])
            if snapshot.is_live and match.line.is_warning:
                break
            of_words = Confidence.LIKELY if match.line.is_warning else Confidence.CERTAIN
            is_borne = match.line.is_warning or outlived(snapshot, (match,))
            if is_borne and match in matches.application("own_words"):
                of_words = Confidence.POSSIBLE
            return _finding(match, at_most(limit, at_most(of_words, confidence)))
    return None


def _is_another(match: Match) -> bool:
    said = match.line.said
    return bool(_IS_ANOTHER.search(said) or (_OF_GPU.search(said) and not _RAISED.search(said)))


def _ends_with_warning(snapshot: Snapshot, matches: Matches) -> bool:
    last_lines = snapshot.application_log.failing[-_LAST_LINES:]
    return any(match.line in last_lines for match in matches.application("prisma_warning"))


def _finding(match: Match, confidence: Confidence) -> Finding:
    library = next((text for text in match.found.groups() if text), match[0])
    is_prisma = "prisma" in match.line.said.lower() or library.startswith(("libssl", "libcrypto"))
    return Finding(confidence, (Evidence.of(match.line),), {"library": library, "openssl": "yes" if is_prisma else ""})


RULE = Rule(
    id="shared-library-missing",
    code="shared-library-missing",
    title="A system library is not in the image: {library}",
    phase=Phase.START,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "A package or program is installed, and the library of the operating system that it needs is not, or only"
        " another version of it: slim images leave most of them out."
    ),
    fix=(
        Step(
            "Install OpenSSL in the stage that runs the application (apt-get install -y openssl, or apk add openssl) and"
            " run `prisma generate` in the same base, so that the engine for this OpenSSL is fetched.",
            when="openssl",
        ),
        Step(
            "Install the library in the image's final stage with apt-get, apk or dnf; the package often bears its name"
            " (libGL.so.1 is in libgl1, libpq.so.5 in libpq5)."
        ),
        Step(
            "Look which libraries are not found.",
            "docker run --rm --entrypoint sh YOUR_IMAGE -c 'ldd PATH_OF_THE_PROGRAM | grep not'",
        ),
        Step("Or use the full base image in place of the slim one, or a build of the package without that library."),
    ),
    false_alarms=(
        "A preloaded library that is `ignored`, and accelerators that TensorFlow looks for, are not needed. A missing"
        " GLIBC version is libc-mismatch."
    ),
    docs="https://docs.docker.com/build/building/best-practices/",
    rollback="helps",
    check=check,
    application_patterns={
        "loader": (
            r"([\w.+-]+\.so[\w.-]*): cannot open shared object file"
            r"|Error loading shared library ([\w.+-]+): No such file"
            r"|version [`'](?!GLIBC|CXXABI)([A-Z][\w.]+)' not found \(required by"
            r"|symbol lookup error: [^\n]{0,200}: undefined symbol: (?!__|_?Py)(\w+)"
            r"|Error relocating \S+ (_Z\w+|SSL_\w+|EVP_\w+|OPENSSL_\w+): symbol not found"
        ),
        "binding": (
            r"Prisma cannot find the required `(lib\w+)` system library|Could not parse schema engine response: SyntaxError"
            r"|Couldn't find a valid (ICU) package|Unable to load (?:shared library|DLL) '([\w.+-]+)'"  # .NET
            r"|[Hh]ost system is missing (dependencies to run browsers)|Missing X server or \$(DISPLAY)"
            r"|Can't open lib '([^']+)'\s?: file not found|DPI-1047: Cannot locate a 64-bit (Oracle Client) library"
            r"|unsupported version of (sqlite3)|(SQLite) 3\.[\d.]+ or (?:later|higher) is required|requires (SQLite|sqlite3) (?:>= )?3\.[\d.]+"
            r"|Could not find the (GDAL|GEOS) library|Could not find lib (geos_c|spatialindex\w*) or load any|UnsatisfiedLinkError: Can't load library: /\S*/(?:jvm|java|jre|jdk|openjdk)\S*/(lib\w+\.so)|no library called \"([\w.-]+)\" was found|cannot load library '([\w.-]+)'"
            r"|failed to find (libmagic)|Unable to find (zbar) shared library|(MagickWand) shared library not found|(sndfile|PortAudio) library not found|(libpq) library not found"
            r"|requires (libpq) version \d+ or above|authentication requires (libpq) version|(?i:(sqlite) C library (?:version )?too old)|no Qt platform (plugin) could be initialized|No usable version of (libssl) was found|urllib3 v2\S* only supports (OpenSSL) 1\.1\.1\+|requires (OpenSSL) (?:version )?>?=? ?\d"
            r"|No (wkhtmltopdf) executable found|Could not open library '([\w./-]+)'"
            r"|(Fontconfig) head is null|Probable fatal error: ?No (fonts) found"
        ),
        "hint": (
            r"(Query engine library) for current platform \"[^\"]+\" could not be found|"
            r"no (\w+) in java\.library\.path|sun\.(?:awt|font)\.((?:X11|Sun)?Font\w+)"
            r"|type initializer for '(Gdip)' threw|(libgdiplus)\b[^\n]{0,60}(?:not|unable)|Only the (invariant culture) is supported in globalization-invariant mode|(Globalization Invariant Mode) is not supported"
            r"|(tesseract) is not installed or it's not in your PATH|Unable to get page count\. Is (poppler) installed"
            r"|failed to execute \W*'?(dot)'?[^\n]{0,60}make sure the Graphviz|Data source name not found and no default (driver) specified"
        ),
        "own_words": (
            # bindings, in words of their own
            r"(?:[Ff]ind|[Ll]oad|[Ll]ocate) (?:the )?(?:shared |native |dynamic )?(?:library )?['\"]?(?P<own_words>lib(?:magic|gdal|geos|proj|sndfile|vips|cairo|pango|usb|heif|zmq|xml2|xslt|pq|mysqlclient|ssl|crypto|sodium|odbc|aio|gomp|rdkafka|snappy|jvm|icu|fontconfig|freetype|opus|av\w+)\b)"
        ),
        "prisma_warning": r"Prisma failed to detect the (libssl/openssl) version",
        "vague": (
            r"Please manually install (OpenSSL) and try installing Prisma|Failed to launch the (browser) process|Failed to launch (chrome)|Unable to require\(`([^`]+)`\)"
        ),
    },
)
