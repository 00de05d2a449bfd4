"""The instance's ephemeral storage is full, at run time or in the build."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, gravest, weight
from apprunner_watcher.snapshot import Snapshot

# watched files and shared memory run out in the same words; a database's own disk is the database's; an image that does
# not fit is image-too-large
_OF_SOMETHING_ELSE = re.compile(
    r"file watchers|inotify|\bwatch\b|could not (?:extend|write to|write block|resize shared memory)|/dev/shm|SemLock|shared memory"
    r"|(?:register|extract|unpack|pull|copy)\w* (?:the )?(?:layer|image)|MISCONF|CannotPullContainer",
    re.IGNORECASE,
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the build, or an application that then never serves, saying that no space is left."""
    log = snapshot.service_log
    in_build = [match for match in matches.service("build") if not _OF_SOMETHING_ELSE.search(match.line.text)]
    if in_build and not log.built:
        return Finding(Confidence.CERTAIN, (Evidence.of(in_build[0].line),), {"where": "of the build", "build": "yes"})
    confidence = weight(snapshot)
    found = [
        match
        for match in matches.application("full")
        if not (snapshot.is_live and match.line.is_passing) and not _OF_SOMETHING_ELSE.search(match.line.text)
    ]
    if not found or not confidence:
        return None
    first, confidence = gravest(found, confidence)
    return Finding(confidence, (Evidence.of(first.line),), {"where": "of the instance", "run": "yes"})


RULE = Rule(
    id="storage-full",
    code="storage-full",
    title="The storage {where} is full",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "App Runner gives an instance 3 GB of ephemeral storage, and the image takes its part of that, packed and unpacked."
        " There is no way to have more."
    ),
    fix=(
        Step(
            "Write less to the container's disk: log to stdout in place of files, delete temporary files, load models and"
            " data sets from S3 as streams or when they are asked for.",
            when="run",
        ),
        Step(
            "Make the image smaller, since it takes of the same space: a slim base, a build in stages, no caches"
            " (`pip install --no-cache-dir`, `npm ci --omit=dev`, CPU-only builds of PyTorch).",
        ),
        Step(
            "Build the image elsewhere (CodeBuild, GitHub Actions), push it to ECR, and let the service run that image.",
            when="build",
        ),
        Step("Put files that must stay into S3 or EFS behind another service: the disk is lost with each instance."),
    ),
    false_alarms=(
        "`ENOSPC: System limit for number of file watchers reached` is about inotify: a development server runs. `could not"
        " extend file` is the database's own disk."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/architecture.html",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    application_patterns={
        "full": (
            r"\bENOSPC\b|\b[Nn]o space left on device|\[Errno 28\]|\berrno[= ]28\b|\(os error 28\)|StorageFull|Errno::ENOSPC"
            r"|\bdatabase or disk is full|SQLITE_FULL|\b[Dd]isk quota exceeded|\bEDQUOT\b|[Nn]ot enough (?:free )?(?:disk )?space (?:left )?on (?:the )?(?:disk|device)"
            r"|possibly out of free disk space|[Nn]ot enough (?:free )?disk space|[Ii]nsufficient (?:free )?disk space|[Ii]nsufficient storage:|: Wrote only \d+ of \d+ bytes"
            r"|insufficient (?:disk )?space on (?:your|the) (?:system|device|disk)"
        ),
    },
    service_patterns={
        "build": (
            r"^\[(?:Pre|Post)?Build\][^\n]{0,600}?(?:\bENOSPC\b|\b[Nn]o space left on device|\[Errno 28\]|\bnospc\b|insufficient space on your system"
            r"|You don't have enough free space|[Dd]isk quota exceeded)"
        ),
    },
)
