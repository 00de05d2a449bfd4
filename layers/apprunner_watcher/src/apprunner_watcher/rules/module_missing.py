"""A package, module or generated client is not in the image."""

import re

from apprunner_watcher.knowledge.module_name import is_build_output, is_built_in, is_native, lacks_extension
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_SURE = ("python", "node", "ruby", "php", "java", "dotnet", "other")
_HINTS = ("python_hint", "node_hint", "php_hint", "other_hint")  # one time in ten it is something else
_VAGUE = "vague"
_FILE = re.compile(r"^(?:file://)?(?:/|[A-Za-z]:\\)")
_OF_PACKAGE = re.compile(r"Require stack|Please verify that the package\.json has a valid")
_AUTOLOAD = "vendor/autoload.php"  # PHP calls it a warning when it does not find what is required
_NAMES_MAIN_CLASS = re.compile(r"Could not find or load main class")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the first import that failed; a file that the start command itself names belongs to another rule."""
    found = [one for one in matches.of(*_SURE, *_HINTS, _VAGUE) if not _is_another(one[1], matches)]
    if not any(map(matches.application, ("node", "node_no_parent"))):  # the message itself was cut off
        found.extend(("node_hint", match) for match in matches.application("node_code"))
    confidence = weight(snapshot)
    if not found or not confidence:
        return None
    name, match = next(
        (one for one in found if one[0] in _SURE),
        next((one for one in found if one[0] != _VAGUE), found[0]),
    )
    runtime = name.removesuffix("_hint")
    if _is_vague(name, match, snapshot):
        confidence = Confidence.POSSIBLE
    elif name in _HINTS or (name == "node" and match["importer"] and lacks_extension(match["node"])):
        confidence = at_most(Confidence.LIKELY, confidence)
    module = next((text for text in match.found.groups() if text), match[0])
    return Finding(confidence, (Evidence.of(match.line),), {"module": module, runtime: runtime})


def _is_vague(name: str, match: Match, snapshot: Snapshot) -> bool:
    if name.startswith("python") and snapshot.configuration.is_from_source:
        return True  # a managed Python drops what its build installs outside of /app
    # nobody writes whole paths into imports: it may be what the command names, though Node does not say so here
    return name == _VAGUE or (name == "node" and _is_entry(match))


def _is_entry(match: Match) -> bool:
    return (
        bool(_FILE.match(match["node"]))
        and not match["importer"]
        and not _OF_PACKAGE.search(match.after + match.line.said)
    )


def _is_another(match: Match, matches: Matches) -> bool:
    """Whether it is only a warning, what the command names, a build's output, a native part or a built-in."""
    module = next((text for text in match.found.groups() if text), "")
    if (match.line.is_warning and _AUTOLOAD not in module) or is_native(module) or is_built_in(module):
        return True
    if _NAMES_MAIN_CLASS.search(match.before) or _NAMES_MAIN_CLASS.search(match.line.said):
        return True
    if "node" not in match.found.groupdict():
        return False
    if match["importer"].endswith("/"):  # a folder imports nothing: it is what Node.js was started with
        return True
    if is_build_output(match["node"]) and not is_build_output(match["importer"]):
        return True
    # Node names no requiring file when the missing one is the script that it was started with
    return _is_entry(match) and any(match.line.at <= end.line.at for end in matches.application("node_no_parent"))


RULE = Rule(
    id="module-missing",
    code="module-missing",
    title="A module is not in the image: {module}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why="The application imports it while it starts, does not find it, and ends.",
    fix=(
        Step("Add it to what the image installs (requirements.txt, pyproject.toml).", when="python"),
        Step(
            "Put it under dependencies in package.json, not devDependencies: `npm ci --omit=dev` and NODE_ENV=production"
            " leave those out. Compare a relative path letter by letter with the file: Linux tells capitals apart.",
            when="node",
        ),
        Step(
            "Run `bundle install` in the image's build, with the groups that production needs and the platform"
            " x86_64-linux in Gemfile.lock.",
            when="ruby",
        ),
        Step(
            "Run `composer install --no-dev` in the image's build, install the PHP extensions that it asks for, and"
            " keep vendor/ out of a volume or .dockerignore that would hide it.",
            when="php",
        ),
        Step("Build a jar with all dependencies, or copy them beside it and name them in the class path.", when="java"),
        Step("Copy the whole output of `dotnet publish`, not only the application's own DLL.", when="dotnet"),
        Step("If it is a generated client (Prisma, gRPC), generate it in the image's build."),
        Step(
            "Rebuild without cache and prove it on the image before you deploy.",
            "docker run --rm --platform linux/amd64 YOUR_IMAGE",
        ),
    ),
    false_alarms=(
        "Optional imports that are caught are logged as warnings and the application goes on: then it listens. A"
        " missing start script is start-command-not-found, a missing `.node` file native-module-platform, a module of"
        " the language's own library runtime-version-mismatch."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    gives_way_to=frozenset(
        {"build-output-not-carried", "libc-mismatch", "native-module-platform", "shared-library-missing"}
    ),
    application_patterns={
        "python": (
            r"(?<![\w.])(?:ModuleNotFound|Import|Runtime\.ImportModule)Error: (?:Unable to import module '[\w.]+': )?No module named '?([\w.]+)"
            r"|\bpython[\d.]*: No module named (?![\w.]+\.__main__)([\w.]+)|\bNo module named '([\w.]+)'\)$"
            r"|DistributionNotFound: The '([\w.-]+)[^']*' distribution was not found"
        ),
        "python_hint": (
            r"ImportError: (attempted relative import) (?:with no known parent package|beyond top-level package)"
            r"|(The Client) hasn't been generated yet|BinaryNotFoundError: Expected (\S*prisma\S*)"  # Prisma for Python
            r"|(?i:\b(?:error|fail\w*|unable|cannot|could not|exception)\b)[^\n]{0,120}: No module named '([\w.]+)'"
            r"|PackageNotFoundError: (?:No package metadata was found for )?([\w.-]+)"
            r"|\[E050\] Can't find model '([\w.-]+)'|\bResource '?([\w/.-]+)'? not found\.$"  # spaCy, NLTK
            r"|NoSuchModuleError: Can't load plugin: sqlalchemy\.(?:dialects|plugins):(?!postgres$)([\w.]+)"
        ),
        "node": (
            r"\bCannot find module ['\"](?P<node>[^'\"]+)['\"](?: imported from (?P<importer>\S+))?"
            r"|\b[Cc]annot find package ['\"](?P<package>[^'\"]+)['\"](?: imported)? from\b"  # Node.js, Bun
            r"|(?P<prisma>@prisma/client did not initialize yet)"
            r"|application tried to access (?P<pnp>[^\s,]+), but it isn't declared in"  # Yarn Plug'n'Play
            r"|(?P<unplugged>Required unplugged package missing from disk)"
            r"|Could not find the '(?P<builder>[^':]+):[^']+' builder's node package"  # Angular
        ),
        "node_hint": (
            r"Could not (?:load provider|locate the plugin|load the plugin) \"([^\"]+)\"|Could not resolve \"(@?[\w/.-]+)\"|ERR_INVALID_MODULE_SPECIFIER|ERR_PACKAGE_IMPORT_NOT_DEFINED"
            r"|Module not found: (?:Error: )?Can't resolve '([^']+)'|(node_modules) (?:is )?missing\b"
            r"|doesn't seem to have been (installed) - running an install|likely caused by a (bundler) that has not copied"
            r"|no such file or directory, (?:open|stat|lstat|scandir) '[^']*/node_modules/((?:\.(?:pnpm|prisma)/)?@?[\w-][\w./@+-]*)'"
            r"|Couldn't find the (node_modules state file)|This (package) doesn't seem to be present in your lockfile"  # Yarn 2 and newer
        ),
        "ruby": (
            r"cannot load such file -- ([^\s\"]+)|Could not find ([\w.-]+) in (?:any of the source|locally installed gems)"
            r"|Could not find (?:gem )?'([\w.-]+)[^\n]{0,60}(?:in any of the|in (?:locally|rubygems)|required by|among \d+ total gem|GemNotFound)"
            r"|Could not find ([\w-]+-\d[\w.-]*), [^\n]{1,200} in |The git source (\S+) is not yet checked out|(Bundler::GemNotFound|Gem::MissingSpecError|Gem::GemNotFoundException)"
        ),
        "php": (
            r"(?:[Ff]ailed opening required|[Ff]ailed to open stream)[^\n]{0,120}?(vendor/autoload\.php)|(vendor/autoload\.php)['\"]?\): [Ff]ailed to open stream"
        ),
        "php_hint": (
            r"(?:Class|Interface|Trait) ['\"]\\?([\w\\]+)['\"] not found|Attempted to load (?:class|interface|trait) \"(\w+)\" from (?!namespace \"App\b)|\bin the \"([\w-]+)\" namespace\.?\s*$"  # Symfony's console breaks lines
        ),
        "java": (
            r"java\.lang\.(?:NoClassDefFoundError|ClassNotFoundException): (?!Could not initialize|java[./])([\w./$]+)"
            r"|ServiceConfigurationError: [^\n]{1,120}: Provider ([\w.$]+) not found|java\.lang\.module\.FindException: Module ([\w.]+) not found"
        ),
        "dotnet": (
            r"Could not load file or assembly '(?!System\.Runtime,)([\w.-]+)[,'](?![^\n]{0,250}(?:incorrect format|denied|manifest definition))"
            r"|package: '([\w.-]+)', version: '"
        ),
        "other": (
            r"Can't locate (\S+\.pm) in @INC"  # Perl
            r"|there is no package called \W(\w[\w.]*)"  # R
            r"|no required module provides package ([\w./-]+)|cannot find package \"([\w./-]+)\" in any of"  # go run
            r"|module '([\w.-]+)' not found:"  # Lua
            r"|error: Module not found \"([^\"]+)\""  # Deno
            r"|TypeError: Module not found \"([^\"]+)\"|Relative import path \"([^\"]+)\" not prefixed with"  # Deno
            r"|Couldn't resolve the package '([\w.]+)' in 'package:|Error: Not found: 'package:([\w./]+)'"  # Dart
            r"|ArgumentError: Package (\w+) not found in current path"  # Julia
            r"|Could not locate ([\w/]+)__init\.class"  # Clojure
            r"|could not find application file: ([\w.]+)"  # Elixir, Erlang
            r"|\bpanic: plugin\.Open\(\"([^\"]+)\"\)"
        ),
        "other_hint": (
            r"\(module ([A-Z][\w.]*) is not available\)|(Unchecked dependencies) for environment"  # Elixir
            r"|package ([\w./-]+) is not in (?:GOROOT|std)\b|cannot find (main module), but found"
        ),
        # the package may be there in another version; the program may be meant to be on PATH
        "vague": (
            r"ImportError: cannot import name '?(\w+_pb2(?:_grpc)?)'? from |ImportError: cannot import name '?(?!_imaging|etree)(\w+)'? from '[\w.]+' \(unknown location\)"
            r"|assembly '([\w.-]+),[^\n]{0,250}manifest definition does not match"
            r"|VersionConflict: \(([\w.-]+)|already activated ([\w.-]+) [^\n]{1,30}, but your Gemfile requires|While importing '([\w.]+)', an ImportError was raised|No module named ([\w.]+\.__main__)|Error: spawn (\S+) ENOENT|Command \"([\w:-]+)\" is not defined"
        ),
        "node_code": r"\bcode: '(?:ERR_)?(MODULE_NOT_FOUND)'",
        "node_no_parent": r"requireStack: \[\]",
    },
)
