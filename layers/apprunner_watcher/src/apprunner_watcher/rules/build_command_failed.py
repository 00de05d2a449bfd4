"""The build or pre-build command exits with an error."""

import re

from apprunner_watcher.knowledge.build_log import has_failed, is_error
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_MOST_LINES = 2
_DECISIVE = ("node", "python", "go", "java", "dotnet", "ruby", "php", "rust", "compiler", "private")
_STARTS_A_SERVER = re.compile(
    r"^\s*(?:node|nodemon|npm start|npm run (?:start|dev)|yarn start|pnpm start|gunicorn|uvicorn|flask run|python3? \S+\.py$)(?=\s|$)"
)
_OTHER_PYTHON = re.compile(r"require a different python version")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner or the builder saying that the build failed, and the lines that say why."""
    failed = matches.service("failed")
    gave_up = failed or [match for match in matches.service("builder") if is_error(match.line)]
    if not gave_up or not has_failed(snapshot.service_log):
        return None
    decisive = sorted(
        ((match.line.at, name, match) for name in _DECISIVE for match in matches.service(name) if is_error(match.line)),
        key=lambda one: one[0],
    )
    errors = [match for *_, match in decisive] or [match for match in matches.service("error") if is_error(match.line)]
    step = failed[0]["step"] if failed else "build"
    command = snapshot.configuration.build_command if step in {"", "build"} else ""
    values = {"command": command or f"the {step or 'build'} command of apprunner.yaml"}
    if decisive:
        values[decisive[0][1]] = "yes"
    if _STARTS_A_SERVER.match(command):
        values["server"] = "yes"
    lines = tuple(dict.fromkeys(Evidence.of(match.line) for match in errors))[:_MOST_LINES]
    return Finding(_confidence(step, errors, matches), (*lines, Evidence.of(gave_up[0].line)), values)


def _confidence(step: str, errors: list[Match], matches: Matches) -> Confidence:
    if not errors:
        return Confidence.LIKELY if step else Confidence.POSSIBLE
    # pip leaves out what another version of Python could have
    other_python = any(_OTHER_PYTHON.search(match.line.text) for match in matches.service("error"))
    return Confidence.LIKELY if other_python else Confidence.CERTAIN


RULE = Rule(
    id="build-command-failed",
    code="build-command-failed",
    title="The build failed: {command}",
    phase=Phase.BUILD,
    looks_at=frozenset({"configuration", "service_log"}),
    why="A command of the build ended with an error, so no image came out of it.",
    fix=(
        Step(
            "Put the start command and the build command into their own fields: this one starts a server.",
            when="server",
        ),
        Step(
            "Commit a lock file that is in step with package.json, and let the build install devDependencies if it"
            " compiles or bundles (`npm ci --include=dev`): NODE_ENV=production leaves them out.",
            when="node",
        ),
        Step("Pin versions that exist for the Python of the build, and lock them anew together.", when="python"),
        Step("Run `go mod tidy` and commit go.mod and go.sum.", when="go"),
        Step(
            "Install the compiler and headers that the package asks for, or take a version with a ready-made wheel.",
            when="compiler",
        ),
        Step(
            "Give the build read access to the private repository or registry, by a token that may only read.",
            when="private",
        ),
        Step("Cure the first error that the build printed; the ones after it often follow from it."),
        Step("Run the same command in a clean checkout with the same runtime version, lock file included."),
    ),
    false_alarms="A build that says it succeeded did; what fails after it is another cause.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html",
    rollback="helps",
    check=check,
    service_patterns={
        "failed": (
            r"Failed to build your application source code\.?(?![^\n]{0,80}(?:runtime|apprunner\.yaml|config))"
            r"(?: Reason: Failed to execute '(?P<step>[\w-]+)' command)?"
        ),
        # Docker, BuildKit, CodeBuild, Cloud Build, Heroku
        "builder": (
            r"returned a non-zero code: \d|failed to solve: |did not complete successfully: exit code|COMMAND_EXECUTION_ERROR"
            r"|failed: step exited with non-zero status|Push rejected, failed to compile|ERROR: build step \d+ "
        ),
        "node": (
            # npm, yarn, pnpm, Bun
            r"can only install (?:packages when|with an existing|packages with an existing)|ERESOLVE (?:unable to resolve|could not resolve)|No matching version found for"
            r"|404 Not Found - GET|is not in (?:the npm|this) registry|Unsupported platform for|\bEINTEGRITY\b|integrity checksum failed|Integrity check failed|[Mm]issing script: ?\"?build"
            r"|[Ll]ockfile needs to be updated|lockfile would have been modified|Couldn't find (?:package|any versions for) \"|error Command \"[\w:-]+\" not found"
            r"|ERR_PNPM_(?!UNSUPPORTED_ENGINE|NO_PKG_MANIFEST)\w+|lockfile had changes, but lockfile is frozen|\bEJSONPARSE\b|Failed to parse (?:package\.json|root package)"
            r"|(?:^|[\s\]])(?:/bin/)?(?:ba|da)?sh: (?:line )?(?:\d+: )?(?:tsc|next|nest|vite|webpack|ng|react-scripts|remix|astro|nuxt|nuxi|prisma|rimraf|cross-env|turbo|babel|rollup|esbuild|tsup|swc|vue-cli-service|gatsby|husky|patch-package|node|npm|npx|yarn|pnpm|bun)\b: (?:command )?not found"
            # compilers and bundlers
            r"|error TS\d+|Module not found: (?:Error: )?Can't resolve|Rollup failed to resolve|Could not resolve \"|RollupError|Failed to compile|Type error: |\berror NG\d+|Cannot find module '"
            r"|Failed to collect page data|Error occurred prerendering page|Export encountered (?:an )?errors? on following|Couldn't find any `pages` or `app`|[1-9]\d* problems? \([1-9]\d* errors?"
            r"|Treating warnings as errors because|ERR_OSSL_EVP_UNSUPPORTED|digital envelope routines::unsupported|Could not find (?:a )?(?:Prisma Schema|schema\.prisma)|Prisma schema validation|Environment variable not found: "
        ),
        "python": (
            r"Could not find a version that satisfies|No matching distribution found|ResolutionImpossible|have conflicting dependencies|subprocess-exited-with-error|metadata-generation-failed"
            r"|Failed building wheel for|Could not build wheels|Invalid requirement: |DO NOT MATCH THE HASHES|\bpip[\d.]*: (?:command )?not found|\bpython[\d.]*: (?:command )?not found"
            r"|poetry\.lock (?:is not up to date|was last generated)|version solving failed|Pipfile\.lock \([\w.]+\) (?:is )?out of date|No solution found when resolving|lockfile at `uv\.lock` needs|No module named "
        ),
        "go": (
            r"cannot find module (?:providing|for path)|no required module provides package|missing go\.sum entry|updates to go\.(?:mod|sum) needed|unknown revision|inconsistent vendoring"
            r"|build constraints exclude all Go files|cannot find package \"|\.go:\d+:\d+: |is not in (?:GOROOT|std)\b|\bgo: (?:command )?not found"
        ),
        "java": (
            r"\[ERROR\] Failed to execute goal|COMPILATION ERROR|Could not resolve dependencies for project|Could not find artifact|Non-resolvable (?:parent POM|import POM)"
            r"|Build failed with an exception|Execution failed for task|Could not resolve all |A problem occurred (?:configuring|evaluating)|GradleWrapperMain|\b(?:mvn|gradle|javac?): (?:command )?not found|\.java:\[?\d+[,:]"
        ),
        "dotnet": (
            r"\berror (?:CS|NU|MSB(?!1003|1009)|NETSDK(?!1045)|FS|BC|RZ)\d{3,5}\b|\bdotnet: (?:command )?not found"
        ),
        "ruby": (
            r"Could not find (?:gem|compatible versions)|could not find compatible versions|An error occurred while installing \S+ \(|Gem::Ext::BuildError|in deployment mode after changing|frozen mode"
            r"|Your bundle only supports platforms|Could not find 'bundler'|Precompiling assets failed|rake aborted!|\b(?:bundler?|gem|rake): (?:command )?not found"
        ),
        "php": (
            r"Your requirements could not be resolved|Your lock file does not contain a compatible|requires? (?:PHP extension )?ext-\w+|Could not find package \S+|\b(?:composer|php): (?:command )?not found"
        ),
        "rust": (
            r"error\[E\d{4}\]|could not compile `|failed to select a version for|lock file \S* ?needs to be updated but|linker `\w+` not found|\bcargo: (?:command )?not found"
        ),
        "compiler": (
            r"command '\S*(?:gcc|g\+\+|cc|clang)\S*' failed|unable to execute '\S*(?:gcc|g\+\+|cc)|fatal error: \S+\.h(?:pp)?: No such file|(?:pg_config|mysql_config) (?:executable )?not found|[Cc]an't find Rust compiler"
            r"|Can not find valid pkg-config|gyp ERR! (?:find Python|stack Error|not found|build error)|\b(?:gcc|g\+\+|cc|make|cmake|cargo|pkg-config): (?:[Cc]ommand )?not found|CMake must be installed|not found: make"
        ),
        "private": (
            r"could not read (?:Username|Password) for|Permission denied \(publickey|Host key verification failed|fatal: (?:repository|Authentication failed|unable to access)|spawn git ENOENT|Cannot find command 'git'|\bgit: (?:command )?not found"
            r"|\bE40[13]\b|40[13] (?:Unauthorized|Forbidden)|unable to authenticate|Credentials not correct for|NU1301|pull access denied|no basic auth credentials"
        ),
        "error": (
            r"\bERROR\b|\berror[:!]|npm (?:ERR!|error) (?!code|errno|syscall|path|A complete log)\S|\w*(?:Error|Exception):|fatal:|not found\b|[Nn]o such file or directory|Permission denied|Could not |failed to |Traceback|\*\*\* \[|✘|\*\* \("
        ),
    },
    is_generic=True,
)
