"""ES modules and CommonJS are mixed up."""

import re

from apprunner_watcher.knowledge.module_name import is_native, lacks_extension
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_CARET = re.compile(r"\^\s*$")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find Node.js refusing the format of a file, or an import without the extension that ES modules ask for."""
    found = [
        *(one for one in matches.of("refused", "hint", "own", "no_extension") if not _is_another(*one)),
        *(("quoted", match) for match in matches.application("quoted") if _is_refused(match, matches)),
    ]
    confidence = weight(snapshot)
    if not found or not confidence:
        return None
    name, match = next((one for one in found if one[0] == "refused"), found[0])
    limits = {"refused": Confidence.CERTAIN, "own": Confidence.POSSIBLE}
    sure = at_most(limits.get(name, Confidence.LIKELY), confidence)
    return Finding(sure, (Evidence.of(match.line),), {name: name})


def _is_refused(quoted: Match, matches: Matches) -> bool:
    """Whether a quoted line of source is what an older Node.js calls unexpected."""
    return bool(_CARET.search(quoted.after) and matches.application("unexpected"))


def _is_another(name: str, match: Match) -> bool:
    if name == "hint" and match["no_type"]:
        return False  # Node.js calls it a warning, and the error follows
    if name != "no_extension":
        return match.line.is_warning
    return not match["meant"] and (not lacks_extension(match["path"]) or is_native(match["path"]))


RULE = Rule(
    id="module-format",
    code="module-format",
    title="ES modules and CommonJS are mixed up",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Node.js takes a file for an ES module if its name ends in .mjs or the nearest package.json has"
        ' "type": "module", and for CommonJS otherwise. The file, or a package that it loads, is written in the other'
        " format."
    ),
    fix=(
        Step(
            "Write the import as Node.js finds it, with the file's extension and without folders:"
            ' "./routes/index.js"; in TypeScript set "module" and "moduleResolution" to "nodenext", which checks it.',
            when="no_extension",
        ),
        Step(
            'Make the two agree: `import` needs "type": "module" (or .mjs) in the package.json that is in the image,'
            " `require` needs it gone (or .cjs). Compile TypeScript and start the compiled JavaScript."
        ),
        Step(
            "If it is a package that has become ES modules only, load it with `await import()`, stay on its last"
            " CommonJS version, or use Node.js 22 or newer, which can `require` it."
        ),
    ),
    false_alarms="A file that is not in the image at all is module-missing or build-output-missing.",
    docs="https://nodejs.org/api/packages.html#determining-module-system",
    rollback="helps",
    check=check,
    application_patterns={
        "refused": (
            r"Cannot use (?:import statement|'import\.meta') outside (?:of )?a module"
            r"|ERR_REQUIRE_ESM|Must use import to load ES Module|require\(\) of ES [Mm]odule|ERR_REQUIRE_(?:ASYNC_MODULE|CYCLE_MODULE)"
            r"|is not defined in ES module scope"
            r"|SyntaxError: Unexpected token '?(?:export|import)\b"
            r"|ERR_UNKNOWN_FILE_EXTENSION|Unknown file extension \"\.?\w*\" for"
            r"|ERR_UNSUPPORTED_DIR_IMPORT|Directory import '[^']+' is not supported"
            r"|requested module '(?!node:|\.{1,2}/|(?:fs|crypto|util|events|stream|timers|url|path|buffer|perf_hooks|worker_threads|async_hooks|module|process|https?|os)(?:/promises)?')[^']+' does not provide an export named|Named export '[^']+' not found"
            r"|ERR_IMPORT_(?:ASSERTION|ATTRIBUTE)\w*_MISSING|needs an import (?:attribute|assertion) of"
            r"|ERR_UNSUPPORTED_ESM_URL_SCHEME(?![^\n]{0,200}'node:')|ERR_AMBIGUOUS_MODULE_SYNTAX|ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING"
            r"|Error: Dynamic require of \"[^\"]+\" is not supported"  # bundles of esbuild
        ),
        "hint": (
            r"ReferenceError: (?:require|module|exports|__dirname|__filename) is not defined"
            r"|ERR_PACKAGE_PATH_NOT_EXPORTED|No \"exports\" main defined in|is not defined by \"exports\" in"
            r"|(?P<no_type>To load an ES module, set \"type\": \"module\"|Failed to load the ES module: )"
            r"|SyntaxError: (?:Unexpected reserved word|await is only valid in async functions and the top level bod|Unexpected token '?:'?$|Missing initializer in const declaration)"
            r"|ERR_(?:UNSUPPORTED|INVALID)_TYPESCRIPT_SYNTAX|SyntaxError: Unexpected token 'interface'"
        ),
        # a file in the other format has no exports; so has one in which the name is not written
        "own": r"requested module '\.{1,2}/[^']+' does not provide an export named",
        "quoted": r"(?:^|[\s|])(?:import [\w{*'\"][^\n]{0,80}['\"];?\s*$|export (?:default|const|class|function|\{))",
        "unexpected": r"SyntaxError: Unexpected (?:identifier|string|token [{*])",
        "no_extension": (
            r"Cannot find module '(?P<path>/(?:[^'\n]{0,200}/)?[^'\n/]{1,80})' imported from /|Did you mean to import \"?(?P<meant>\S+)"
        ),
    },
)
