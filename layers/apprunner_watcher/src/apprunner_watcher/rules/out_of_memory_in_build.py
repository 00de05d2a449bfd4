"""The build needs more memory than App Runner's build has."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a build whose tools say that memory ran out, or that they were killed, and from which no image came."""
    if snapshot.service_log.built:
        return None
    if said := matches.service("says_so"):
        node = "yes" if "heap" in said[0].line.text else ""
        return Finding(Confidence.CERTAIN, (Evidence.of(said[0].line),), {"node": node})
    if killed := matches.service("killed"):
        return Finding(Confidence.LIKELY, tuple(Evidence.of(match.line) for match in killed[:2]))
    return None


RULE = Rule(
    id="out-of-memory-in-build",
    code="out-of-memory",
    title="The build runs out of memory",
    phase=Phase.BUILD,
    looks_at=frozenset({"service_log"}),
    why="Bundlers and compilers need more memory than the application later does, and the build has no more to give.",
    fix=(
        Step(
            "Raise Node's own limit in the build command.",
            "NODE_OPTIONS=--max-old-space-size=3072 npm run build",
            when="node",
        ),
        Step(
            "Need less: no source maps (GENERATE_SOURCEMAP=false), one job at a time (`make -j1`, `--max-workers=1`), ready-made"
            " wheels in place of compiling."
        ),
        Step(
            "Build the image elsewhere (CodeBuild, GitHub Actions), push it to ECR, and let the service run that image."
        ),
    ),
    false_alarms="The memory of the service's instances is another: more of it does not help a build.",
    docs="https://nodejs.org/api/cli.html#--max-old-space-sizesize-in-mib",
    rollback="helps",
    check=check,
    service_patterns={
        "says_so": (
            r"^\[(?:Pre|Post)?Build\][^\n]{0,600}?(?:JavaScript heap out of memory|process out of memory|java\.lang\.OutOfMemoryError|JVM heap space is exhausted"
            r"|(?:runtime|LLVM ERROR): out of memory|cannot allocate memory|Cannot allocate memory|\bENOMEM\b|\bMemoryError\b|Allowed memory size of \d+ bytes exhausted"
            r"|(?:Killed|signal terminated) \(?program cc1|fatal error: Killed signal|system ran out of memory|memory allocation of \d+ bytes failed|FATAL ERROR: [^\n]{0,80}Allocation failed)"
        ),
        "killed": (
            r"^\[(?:Pre|Post)?Build\][^\n]{0,600}?(?:\bKilled$|\b(?:SIGKILL|signal: killed)\b|(?:exit(?:ed)?(?: with)?(?: status| code)?:?|exit status|errno|non-zero code:) 137\b)"
        ),
    },
)
