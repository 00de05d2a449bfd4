"""A folder or file cannot be written, as applications say it in words of their own."""

import re

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
    outlived,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

# path-not-writable knows these runtimes' words, and what they leave open
_OF_A_RUNTIME = re.compile(
    r"\bE(?:ACCES|ROFS|PERM)\b[:,]|\[Errno (?:1|13|30)\]|[Ff]ailed to open stream|\b(?:open|mkdir) /\S+: "
)
# they pass over it, or it is about a port, a socket, a program or a right in a database
_ABOUT_ELSE = re.compile(
    r"\b(?:will use|instead|fall(?:ing|s)? ?back|skipp(?:ed|ing)|ignor(?:ed|ing)|disabled|proceeding|continuing|temporarily|optional)\b"
    r"|\b(?:listen(?:er|ing)?|bind(?:ing)?|socket|docker\.sock|exec|spawn|execute|connect(?:ion|ing)?|address|port)\b"
    r"|\b(?:schema|table|relation|sequence|database \"|bucket|s3://|topic|queue|secret|kms)\b",
    re.IGNORECASE,
)
_MOST_ABOVE = 3
_FAILS_TO_WRITE = re.compile(
    r"\b(?:[Ff]ail(?:ed|ure)|[Uu]nable|[Cc]ould ?n[o']t|[Cc]an(?:not|'t)|[Ee]rror)\b[^\n]{0,20}? (?:creat|writ|sav|mak|open|initiali[sz]|lock|copy)\w{0,6}\b"
)
# the disk is full, or something else has its name
_ELSE_BELOW = re.compile(r"No space left|File exists|Not a directory|No such file|quota", re.IGNORECASE)
_REFUSAL = (
    r"(?:[Pp]ermission denied|[Rr]ead-only (?:file ?system|directory|volume)|[Oo]peration not permitted|kind: PermissionDenied"
    r"|ReadOnlyFilesystem|\bEACCES\b|\beacces\b|\bEROFS\b|\berofs\b|\bEPERM\b|[Aa]ccess is denied|[Ff]ile access denied)(?! (?:for|to)\b)"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find such words in an application that then never serves."""
    confidence = weight(snapshot)
    plain = [match for match in matches.application("plain") if _counts(match)]
    described = [match for match in matches.application("described") if _counts(match)]
    described += [match for match in matches.application("reason") if _is_of_write(match, snapshot)]
    described += [
        match for match in matches.application("no reason") if _counts(match) and not _ELSE_BELOW.search(match.after)
    ]
    unsure = matches.application("unsure")
    if not confidence or not (plain or described or unsure):
        return None
    first = (plain or described or unsure)[0]
    limit = Confidence.CERTAIN if plain else Confidence.LIKELY if described else Confidence.POSSIBLE
    if outlived(snapshot, (first,)):
        limit = Confidence.POSSIBLE
    return Finding(at_most(limit, confidence), (Evidence.of(first.line),))


def _is_of_write(match: Match, snapshot: Snapshot) -> bool:
    """Whether one of the lines above says what could not be written, as the errors of Rust do."""
    above = [line.said for line in snapshot.application_log.near(match.line, above=_MOST_ABOVE)]
    return any(map(_FAILS_TO_WRITE.search, above)) and not any(map(_ABOUT_ELSE.search, above))


def _counts(match: Match) -> bool:
    said = match.line.said
    is_else = _ABOUT_ELSE.search(said) or _OF_A_RUNTIME.search(said) or _ABOUT_ELSE.search(match.after)
    return not (match.line.is_passing or is_else)


RULE = Rule(
    id="path-not-writable-own-words",
    code="path-not-writable",
    title="The application may not write where it needs to",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The container's user does not own the folder that the application writes to, or the folder is read-only: files"
        " that COPY brings into an image belong to root, and so do folders that a USER other than root finds."
    ),
    fix=(
        Step(
            "Give the folder to that user in the Dockerfile, before the USER line: `COPY --chown=USER:GROUP …`, or `RUN mkdir"
            " -p PATH && chown -R USER:GROUP PATH`."
        ),
        Step("Or let the application write below /tmp; what must stay belongs into S3 or a database."),
    ),
    false_alarms="Caches that cannot be written are mostly passed over; the application says so, and goes on.",
    docs="https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
    rollback="helps",
    check=check,
    application_patterns={
        # beyond doubt
        "plain": (
            r"No usable temporary directory found in|could not find a temporary directory \(ArgumentError\)"  # Python; Ruby
            r"|unable to write files to tempdir|PermissionDenied: Permission denied \(os error 13\): (?:open|mkdir|write)"  # Bun; Deno
            r"|Attempted to create a lock file on a read-only directory|these locations are not writable"  # MongoDB; Elasticsearch
            r"|Data directory \S{1,200} has wrong ownership|data directory \"[^\"]{1,200}\" has (?:wrong ownership|invalid permissions)"  # PostgreSQL
            r"|While (?:open a file for appending|mkdir if missing|lock file): [^\n]{1,200}(?:Permission denied|Read-only)"  # RocksDB
            r"|[Ff]ilesystem error: (?:in |cannot )?(?:create|open)\w*[^\n]{0,40}: Permission denied"  # C++
            r"|Parent for temp dir not configured correctly: writeable=false|Mkdirs failed to create /"  # Jetty; Hadoop
            r"|'lib = \"[^\"]{1,200}\"' is not writable"  # R
            r"|java\.nio\.file\.ReadOnlyFileSystemException$|open\(\"[^\"]{1,200}\"\): Permission denied \[core/"  # uWSGI
            r"|Log file error: \"[^\"]{1,200}\", cause: [^\n]{0,80}Permission denied|Could not open file nio:[^\n]{0,200}\[90031|Error while creating file \"[^\"]{1,200}\" \[90062"  # H2
        ),
        "unsure": r"Please provide a valid cache path",  # Laravel: the folder may be missing as well
        # Rust, whose errors name their cause in a line of its own
        "reason": (
            r"^\s*(?:[Cc]aused by:|\d+:)?\s*(?:Permission denied|Read-only file system) \(os error (?:13|30)\)$"
        ),
        # Java's mkdirs() tells no reason
        "no reason": (
            r"(?:[Cc]ould not|[Uu]nable to|[Ff]ailed to|[Cc]annot|[Cc]an't) (?:create|make) (?:the )?(?:\w{1,20} )?(?:director(?:y|ies)|folder):? ?['\"`(\[]?\.?/[\w./-]{1,100}['\"`)\]]?[.!]?$"
        ),
        # a verb and its object, and that it is refused; or that something is not writable
        "described": (
            r"\b(?:[Ff]ail(?:ed|ure|s)?|FAILED|[Uu]nable|[Cc]ould ?n[o']t|[Cc]an(?:not|'t)|[Ee]rror|ERROR)\b[^\n]{0,40}?"
            rf"\b(?:creat|writ|sav|mak|stor|updat|initiali[sz]|open|mkdir|lock|append|copy)\w{{0,6}}\b[^\n]{{0,160}}{_REFUSAL}"
            r"|\b(?:[Dd]ir(?:ectory|ectories)?|[Ff]olders?|[Pp]aths?|[Ff]iles?|[Vv]olume|[Ll]ocations?)\b[^\n]{0,100}? (?:is|are|was) not (?:accessible and )?writ(?:e?able)\b"
            r"|['\"`(](?:/|\./)[\w./-]{1,80}['\"`)]? is not writ(?:e?able)\b|(?:^|\s)/[\w./-]{1,80} is not writ(?:e?able)\b"
            r"|\b(?:directory|folder|path|files?|volume)\b[^\n]{0,80} (?:must|needs? to|should|has to|have to) be (?:\w+ (?:and )?)?(?:writ(?:e?able)|owned)\b"
            r"|\b(?:no|not have|n't have|missing|lacks?|without|insufficient) (?:the )?write (?:permissions?|access|rights)\b"
            r"|[Cc]an(?:not|'t) write (?:in)?to (?:the )?[\"'`]?[\w./-]{1,80}[\"'`]? ?(?:directory|folder|volume)?!?$"  # Nextcloud, Jenkins
            r"|\b(?:[Uu]nable to|[Cc]ould ?n[o']t|[Cc]an(?:not|'t)|[Ff]ailed to) (?:open|create)\b[^\n]{1,160} for (?:writing|appending)\b"
            r"|[Cc]an(?:not|'t) write (?:in)?to (?:the )?[\"'`]?/[\w./-]{1,80}|\bmake sure\b[^\n]{1,100} (?:is|are) writ(?:e?able)\b"
            r"|[Uu]nable to create tempDir|[Cc]ould not create (?:the )?(?:work|scratch|temp\w*|upload\w*) (?:dir|directory|folder)\b"  # Spring Boot; Tomcat
            r"|[Uu]nable to write to the (?:backend|\"?\w+\"? directory)|The directory is not writable by the Web process"  # MinIO; Yii
            r"|database is read.only \[90097|Could not open file nio:\S{1,200} \[1\."  # H2
        ),
    },
)
