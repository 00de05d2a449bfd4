"""A program refuses the value of one of its options as its arguments or its environment give it."""

import re

from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_OF_NOTHING_SET = re.compile(r"\$\{?\w")  # a variable that no shell has filled in is another rule's
_LIMITS = {"refused": Confidence.CERTAIN, "unknown": Confidence.POSSIBLE}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a parser of options that names the option and what it does not take, in a program that never serves."""
    confidence = weight(snapshot)
    for name, limit in _LIMITS.items():
        for match in matches.application(name):
            if confidence and not _OF_NOTHING_SET.search(match.line.said):
                evidence = (Evidence.of(match.line),)
                return Finding(at_most(limit, confidence), evidence, {"service_arn": snapshot.service.arn})
    return None


RULE = Rule(
    id="config-value-malformed-flag",
    code="config-value-malformed",
    title="An option is given a value that it does not take",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "service", "service_log"}),
    why="The program reads its options, from the start command or from variables, and ends where one is no number, none of its choices, or not known at all.",
    fix=(
        Step("Look whether the start command or a variable of that name gives the value that the line quotes."),
        Step("Set it to what the option takes.", CHANGE_SOURCE_CONFIGURATION),
    ),
    false_alarms="Options of a tool that the application calls later are refused in the same words.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"start-command-needs-shell"}),
    application_patterns={
        "refused": (
            # Python's click and argparse
            r"Invalid value for '?-[^\n:]{1,80}: [^\n]{0,200}\b(?:is not (?:a valid|one of|in the range)|invalid choice)|error: argument -[^\n:]{1,80}: (?:invalid (?:\w+ value|choice)|expected one argument)"
            # Java's picocli (Keycloak), Spring Shell
            r"|Invalid value for option '-[^\n]{1,200}(?:[Ee]xpected values? (?:are|is)|is not an?|cannot convert)|Invalid value for option '(?:KC_\w+|kc\.[\w.-]+)'"
            # Go's flag, cobra, urfave/cli, kingpin
            r"|invalid (?:boolean )?(?:value|argument) \"[^\n]{0,200}\" for (?:flag )?\"?-[\w, -]{1,60}\"?(?: flag)?: |could not parse \"[^\n]{0,200}\" as \w+ value (?:from|for)"
            # Rust's clap, Node.js's yargs and commander
            r"|invalid value '[^\n]{0,200}' for '-|error: option '-[^\n]{1,80}' argument '[^\n]{0,200}' is invalid|Argument: [\w-]{1,40}, Given: \"|error: option '-[^\n]{1,80}' value '[^\n]{0,200}' from env"
        ),
        # one that this version does not have: also what a shell would have taken for itself
        "unknown": (
            # Keycloak, Go's flag and cobra, argparse, clap, click, commander
            r"^Unknown options?: '-|\bunknown (?:shorthand )?flag: |flag provided but not defined: -|error: unrecognized arguments: -|error: unexpected argument '-|Error: No such option: -|error: unknown option '-"
        ),
    },
)
