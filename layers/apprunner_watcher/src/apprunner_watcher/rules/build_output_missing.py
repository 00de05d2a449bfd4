"""The image lacks what the application's build makes."""

from apprunner_watcher.knowledge.module_name import is_build_output
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
    gravest,
    weight,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a framework that misses its build, or Node.js missing a file that only a build makes."""
    confidence = weight(snapshot)
    named = (
        matches.application("assets") if snapshot.is_live else [one for _, one in matches.of("javascript", "assets")]
    )
    sure = [match for match in named if not match.line.is_warning and not _is_overcome(match, snapshot)]
    if confidence and sure:
        match, confidence = gravest(sure, confidence)
        return _finding(match, confidence)
    if snapshot.is_live:
        return None
    if confidence and (missing := [match for match in matches.application("module") if _is_missing(match)]):
        # the build may put it into another folder than the start command says
        return _finding(missing[0], at_most(Confidence.LIKELY, confidence))
    served = matches.application("served")
    if served and (confidence or snapshot.service_log.health_check_failed):
        return _finding(served[0], at_most(Confidence.LIKELY, confidence or Confidence.LIKELY))
    if confidence and (vague := matches.application("vague")):
        return _finding(vague[0], Confidence.POSSIBLE)
    return None


def _is_overcome(match: Match, snapshot: Snapshot) -> bool:
    """Whether a service that is live said so before it listened: it can do without."""
    return snapshot.is_live and any(match.line.at < one.line.at for one in snapshot.application_log.listening)


def _is_missing(match: Match) -> bool:
    """Whether a build makes the file, and what asks for it is not part of the same build."""
    return is_build_output(match["file"]) and not is_build_output(match["importer"])


def _finding(match: Match, confidence: Confidence) -> Finding:
    output = next((text for text in match.found.groups() if text), "its compiled assets")
    return Finding(confidence, (Evidence.of(match.line),), {"output": output})


RULE = Rule(
    id="build-output-missing",
    code="build-output-missing",
    title="The application's build output is not in the image: {output}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The image holds the application's source and not what its build makes of it: the build did not run, ran in a"
        " stage whose output was not copied, or wrote to another folder."
    ),
    fix=(
        Step(
            "Run the build in the Dockerfile (`npm run build`, `rails assets:precompile`, `manage.py collectstatic`), and"
            " copy its output into the final stage with COPY --from."
        ),
        Step("Compare the folder that the build writes with the one that the start command and the server name."),
        Step(
            "Look what is in the image.",
            "docker run --rm --entrypoint sh YOUR_IMAGE -c 'pwd; ls -la'",
        ),
    ),
    false_alarms="A volume, a .dockerignore entry or another working directory can hide an output that was made.",
    docs="https://docs.docker.com/build/building/multi-stage/",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    gives_way_to=frozenset({"build-output-not-carried"}),
    application_patterns={
        "javascript": (
            r"Could not find a (?:production|valid) build in the '([^']+)' directory|no such file or directory, (?:open|stat|scandir|lstat) '[^']*(\.medusa/[\w./-]+|\.svelte-kit/[\w./-]+|server/build/index\.html|\.next/(?!cache)[\w./-]+|\.next|\.output[\w/.-]*|\.nuxt[\w/.-]*)'"
            r"|[Nn]o build files found in (\S+)|Server files not found at (\S+), did you run|[Tt]he directory \"?(\S+?)\"? does not exist\. Did you build your project"
            r"|keystone build must be run before|Could not find (index\.html) in the admin build directory|admin (?:panel|UI) (?:is not|was not|has not been) built"
            r"|[Cc]ould not find (?:the |a )?(?:build|dist|output) (?:directory|folder)\b"
            r"|output directory (\S+) does not exist\. (?:Try|Did you|Run)|Build directory (?:\S+ )?(?:does not exist|not found)"
            r"|[\"']root[\"'] path \"(\S*(?:dist|build|out|public)\S*)\" must exist|(?i:(?:please |first )?run `?(?:npm|yarn|pnpm|bun) (?:run )?build`? (?:first|before))"
            r"|No build found\. Please run `|[Cc]ould not find (?:a |the )?(?:\w+ )?(?:server|production|client) build\b|(?:build|dist) (?:directory|folder) (?:\S+ )?(?:does not exist|not found|is missing|was not found)"
            r"|(?i:\b(?:frontend|client|ui|web|assets?|static (?:files|assets)) (?:\w+ )?(?:has |have |is |are |was |were )?not (?:been )?built\b|did you (?:forget to )?(?:run|build)[^\n]{0,30}\b(?:build|frontend)\b)"
            r"|default page '(/index\.html)' because it was not found"  # ASP.NET's SPA
        ),
        "assets": (
            r"asset \"([^\"]+)\" is not present in the asset pipeline|[Aa]sset `?'?([\w./-]+)'?`? was not declared to be precompiled|AssetNot(?:Found|Precompiled)|The asset '([^']+)' was not found in the load path"
            r"|(?:Webpacker|Shakapacker) can't find (\S+)|(?:Webpacker|Shakapacker)::Manifest::MissingEntryError|ViteRuby can't find (\S+)|ViteRuby::MissingEntrypointError"
            r"|Vite manifest not found at: (\S+)|The Mix manifest does not exist|Unable to locate (?:Mix file|file in Vite manifest): (\S+?)\.?(?:\s|$)"
            r"|[Aa]sset manifest file \"([^\"]+)\" does not exist|Could not find the entrypoints file from Webpack|file \"([^\"]*entrypoints\.json)\" does not exist"
            r"|Missing staticfiles manifest entry for '([^']+)'|The file '([^']+)' could not be found with <[\w.]*Manifest"
            r"|Are you sure webpack has generated the file|Cannot read Vite manifest file at (\S+)|WebpackLoaderBadStatsError"
        ),
        "module": (
            r"\b(?:Cannot find module ['\"]|Script not found:? )(?P<file>[^'\"\s]+)['\"]?(?: imported from (?P<importer>\S+))?"
        ),
        "served": (
            r"RuntimeError: Directory '([^']*(?:dist|build|out|staticfiles)(?:/assets|/static)?/?)' does not exist"  # Starlette
            r"|FileNotFoundError: [^\n]{0,40}No such file or directory: '([^']*(?:dist|build|out|staticfiles)/(?:[\w.-]+/)?(?:index\.html|assets|[\w.-]*manifest\.json))'"
            r"|ENOENT: no such file or directory, (?:open|stat|lstat) '([^']*(?:dist|build|out|public|client|browser|www|static)/(?:[\w.-]+/)?index\.html)'"
            # a server's manifest of its own files, or one of them
            r"|ENOENT: no such file or directory, (?:open|stat|lstat|scandir|access) '([^'\n]{0,120}/(?:dist|build|out)/(?:[\w.-]+/){0,3}(?:[\w.-]*manifest\.json|[\w.-]*stats\.json|assets|[\w.-]+\.(?:[cm]?js|css)))'"
            r"|open\(\) \"(\S+/index\.html)\" failed \(2: No such|\"(\S+/index\.html)\" is not found \(2: No such|directory index of \"(\S+?)(?<!/assets/)(?<!/static/)(?<!/images/)(?<!/uploads/)(?<!/css/)(?<!/js/)\" is forbidden"
            r"|Failed to lookup view \"[^\"]+\" in views directory \"(\S*/(?:dist|build)\S*)\""
            r"|DirectoryNotFoundException: (\S*/(?:wwwroot|dist|build|browser)\S*)|no main manifest attribute, in (\S+)|\bopen \S*((?:dist|build|public)/index\.html): (?:no such file|file does not exist)"
        ),
        "vague": (
            r"template: (pattern) matches no files|pattern (\S+): no matching files found|Invalid or corrupt jarfile (\S+)"
        ),
    },
)
