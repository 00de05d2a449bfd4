"""A native module was built or installed for another platform."""

from apprunner_watcher.knowledge.module_name import is_native
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

_SIGNAL_4 = 132  # 128 + SIGILL: the processor does not know an instruction


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the words of loaders and packages for a binary part that does not fit, or an illegal instruction."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    if sure := [
        match
        for name, match in matches.of("node", "python", "ruby", "java", "other", "module")
        if _is_native(name, match)
    ]:
        match, confidence = gravest(sure, confidence)
        return Finding(confidence, (Evidence.of(match.line),), {_runtime(match, matches): "yes"})
    log = snapshot.service_log
    hints = matches.application("hint")
    if log.exit and log.exit_code == _SIGNAL_4 and not matches.application("crash"):
        evidence = (Evidence.of(log.exit), *(Evidence.of(match.line) for match in hints[:1]))
        return Finding(at_most(Confidence.LIKELY, confidence), evidence)
    if hints:
        return Finding(at_most(Confidence.LIKELY, gravest(hints, confidence)[1]), (Evidence.of(hints[0].line),))
    if vague := matches.application("vague"):
        return Finding(Confidence.POSSIBLE, (Evidence.of(vague[0].line),))
    return None


def _is_native(name: str, match: Match) -> bool:
    return name != "module" or is_native(next(text for text in match.found.groups() if text))


def _runtime(match: Match, matches: Matches) -> str:
    if match in matches.application("module"):
        return next(runtime for runtime in ("node", "python", "ruby") if match[runtime])
    return next(name for name in ("node", "python", "ruby", "java", "other") if match in matches.application(name))


RULE = Rule(
    id="native-module-platform",
    code="native-module-platform",
    title="A native module was built for another platform",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Some packages have a binary part for one operating system, processor, C library and version of the runtime."
        " It was installed for another one: on a Mac, in an image of another base, or without optional dependencies."
    ),
    fix=(
        Step(
            "Put node_modules into .dockerignore and run `npm ci` inside the image, on the same base and Node.js"
            " version that runs it; do not leave out optional dependencies.",
            when="node",
        ),
        Step(
            "If the lock file was written on another platform and lacks the package for linux-x64, delete it together"
            " with node_modules, install again and commit the new one.",
            when="node",
        ),
        Step(
            "Install the packages inside the image, with the same Python that runs them; do not copy a virtual"
            " environment or site-packages into it.",
            when="python",
        ),
        Step(
            "Run `bundle lock --add-platform x86_64-linux`, and `bundle install` inside the image.",
            when="ruby",
        ),
        Step("Build the whole image for App Runner's platform.", "docker build --platform linux/amd64 --no-cache ."),
    ),
    false_alarms=(
        "`exec format error` of the container's own command is image-architecture: then nothing of the application"
        " runs. A missing GLIBC version is libc-mismatch."
    ),
    docs="https://docs.docker.com/build/building/multi-platform/",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"out-of-memory"}),  # V8 ends itself with an illegal instruction then
    application_patterns={
        "node": (
            r"NODE_MODULE_VERSION \d|was compiled against a different Node\.js version|Module did not self-register"
            r"|Could not load the \"?sharp\"? module using the|'[\w-]+' binaries cannot be used on the '[\w-]+' platform|Something went wrong installing the \"sharp\" module"
            r"|You installed esbuild for another platform|The package \"@esbuild/[\w-]+\" could not be found, and is needed"
            r"|Cannot find module @rollup/rollup-|npm has a bug related to optional dependencies"
            r"|Failed to load (?:native binding|SWC binary for)|Cannot find native binding"
            r"|No native build was found for platform=|No prebuild or local build of \S+ found|Could not locate the bindings file"
            r"|Failed to load gRPC binary module because it was not installed for the current system"
            r"|Node Sass (?:could not find a binding for|does not yet support) your current environment|Missing binding \S+/node-sass/"
            r"|Client was generated for \"[\w.-]+\", but the actual deployment required"  # Prisma
        ),
        "python": (
            r"Importing the (?:numpy|multiarray numpy) C-extensions failed|cannot import name '?_imaging'? from '?PIL|cannot import name '?etree'? from '?lxml"
        ),
        "ruby": (
            r"incompatible library version - \S+\.so|Your bundle only supports platforms [^\n]{0,200}but your local platform is"
        ),
        "java": (
            r"can't load (?:AMD|IA|AARCH|ARM)[\w ]{0,10}\.so on a \w+|UnsatisfiedLinkError: [^\n]{0,200}wrong ELF class"
        ),
        "other": (
            # built for a Mac, Windows or ARM, as its name tells
            r"\b(?:darwin|macos|win32|win_amd64|aarch64|arm64)[\w.-]{0,30}\.(?:so|node|dylib|pyd)\b[^\n]{0,60}: cannot open|Unable to require\([`'][^`'\n]{0,200}(?:darwin|windows|arm64)[\w.-]*[`']\)"
            r"|invalid ELF header|\.node: cannot open shared object file|wrong ELF class: ELFCLASS|BadImageFormatException"
            r"|cannot be preloaded \(wrong ELF|\.(?:so|node)\b[^\n]{0,80}: Exec format error"
            r"|TensorFlow library was compiled to use \w+ instructions, but these aren't available"
            r"|requires a CPU with AVX support|NumPy was built with baseline optimizations"
        ),
        # a module that is not there, whose name tells what it is
        "module": (
            r"\bCannot find (?:module|package) ['\"]?(?P<node>[@./\w-][^'\"\s]+)|No module named '(?P<python>[\w.]+)'|cannot load such file -- (?P<ruby>[\w./-]+)"
        ),
        "hint": (
            r"could not locate the Query Engine for runtime|\bspawn \S{0,200}node_modules/\S{0,200} (?:ENOEXEC|Unknown system error -8)|(?:fork/exec |Exec format error: ')\S{0,200}(?:node_modules|site-packages)/|PlatformNotSupportedException: (?!LocalDB)\S+ is not supported on this platform"
            r"|Illegal instruction|\bSIGILL\b|CPU does not support x86-64-v\d|undefined symbol: _?Py\w+"
        ),
        # Bun and other runtimes end with an illegal instruction when they have crashed
        "crash": (
            r"\b[Ss]egmentation [Ff]ault\b|\bSIGSEGV\b|[Bb]un has crashed|^panic(?:\(main thread\))?: |^fatal runtime error"
        ),
        "vague": (
            r"CGO_ENABLED=0', go-sqlite3 requires cgo|\bspawn (?:\S{1,200} )?(?:ENOEXEC|Unknown system error -8)|numpy\.(?:dtype|ndarray) size changed, may indicate binary incompatibility"
            r"|compiled using NumPy 1\.x cannot be run in|undefined symbol: _Z\w+"
        ),
    },
)
