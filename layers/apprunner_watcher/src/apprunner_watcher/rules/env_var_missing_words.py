"""The application says that settings are missing, and does not name the variable."""

import re

from apprunner_watcher.knowledge.wanted import SET_IT, is_optional
from apprunner_watcher.rule import (
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


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the words, in an application that never serves."""
    confidence = weight(snapshot)
    for name, match in matches.of("variables", "setting"):
        if confidence and not is_optional(match.line) and not _OF_THE_LANGUAGE.search(match.line.said):
            if name == "setting":  # also what a request may lack, or a file
                confidence = at_most(Confidence.LIKELY, confidence)
            return Finding(confidence, (Evidence.of(match.line),), {"service_arn": snapshot.service.arn})
    return None


_OF_THE_LANGUAGE = re.compile(r"ReferenceError|NameError|AttributeError|no-undef|\bcolumn|\brelation")
# of settings, not of the tables and files of an application
_OF = r"(?:[Aa][Pp][Ii]|JWT|Jwt|jwt|[Ss]igning|[Ee]ncryption|[Ss]ecret|[Ss]ession|[Aa]ccess|[Pp]rivate|[Pp]ublic|[Dd]atabase|DB|[Rr]edis|[Mm]ongo(?:DB)?|[Bb]ot|[Aa]uth|[Cc]ookie|[Cc]lient|[Aa]pp(?:lication)?|[Ww]ebhook|[Ll]icen[sc]e|[Mm]aster|[Bb]roker|SMTP|[Ss]torage|[Ss]upabase|[Ss]tripe|OpenAI|[Ss]entry|[Ss]lack|[Tt]elegram|[Dd]iscord)"
_WHAT = r"(?:[Kk]ey|[Ss]ecret|[Tt]oken|[Uu][Rr][Ll]|[Uu][Rr][Ii]|[Dd][Ss][Nn]|[Pp]assword|[Hh]ost(?:name)?|[Cc]onnection [Ss]tring|[Cc]redentials|[Ii][Dd]|[Cc]onfig(?:uration)?)"
_ABSENT = r"(?:(?:is |was |are |were |has |have )?(?:not (?:been )?(?:set|configured|provided|defined|specified|supplied|given|found in (?:the )?(?:config|settings|env)\w*)|missing|undefined|unset)|(?:is|are) (?:required|mandatory|empty|null)|must be (?:set|provided|configured|defined|specified)|(?:cannot|can't|must not|may not|should not) be (?:null|empty|blank|undefined)|not (?:set|configured|provided|defined))\b"

RULE = Rule(
    id="env-var-missing-words",
    code="env-var-missing",
    title="A setting that the application requires is not set",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "service", "service_log"}),
    why="The application checks while it starts that it has what it needs, and ends where it does not: that is read from a variable.",
    fix=(
        Step("Look up in the code which variable the line is about."),
        SET_IT,
    ),
    false_alarms="A request without its token is refused in the same words, by an application that listens.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "variables": (
            r"(?i:\b(?:required|mandatory|necessary|needed|some|following|all|these)(?: required)? (?:environment|env|config(?:uration)?) ?(?:variables?|vars?|settings)(?:\(s\))? (?:(?:is|are|were|was|have|has) )?(?:not (?:been )?(?:set|found|provided|defined|configured|present)|missing|undefined|unset|required))"
            r"|(?i:\b(?:missing|incomplete|insufficient)(?: required| mandatory| some| one or more)? (?:environment|env) ?(?:variables?|vars?)(?:\(s\))?(?:[.!,;]|$| in \.env| for production| detected| found))"
            r"|(?i:\b(?:environment|env) (?:variables?|vars?) (?:(?:is|are|were|was) )?(?:not (?:set|loaded|found|provided|defined|configured)|missing)(?: up)?(?: properly| correctly)?(?:[.!,;]|$))"
        ),
        "setting": (
            r"\b[Ee]ither of --[\w-]{2,60} or --[\w-]{2,60} option expected|"
            rf"\b{_OF}(?:[ -][A-Za-z]{{1,12}}){{0,2}}[ -]?{_WHAT}(?: \([^)\n]{{1,40}}\))? {_ABSENT}"
            rf"|\b(?:[Mm]issing|[Nn]o) (?:required )?(?:(?:a|an|the|valid) )?{_OF}[ -]?(?:[a-z]{{1,12}} )?{_WHAT}(?: (?:was |is |has been )?(?:provided|configured|found|set|given|specified|defined|supplied|passed)|[.!]|$)"
            # what a constructor demands
            r"|(?:Exception|Error): ['\"`]?(?:\w{0,40}(?:[Ss]ecret|[Kk]ey|[Tt]oken|[Uu]r[il]|[Pp]assword|[Bb]ucket|[Ee]ndpoint|[Rr]egion|[Cc]lientId|[Hh]ost|[Dd]sn|[Uu]sername)|clientID)['\"`]? (?:must not|cannot|can't|can not|should not|may not) be (?:null|empty|blank|undefined)\b"
            # settings of an object: config.database.url is required
            rf"|\bconfig(?:uration)? (?:key|value|property|option|setting|parameter|variable) ['\"`]?[\w.:-]{{2,80}}['\"`]? {_ABSENT}|\b(?:[Cc]onfig(?:uration)? error|[Ii]nvalid config(?:uration)?):? [\w.]{{2,80}} {_ABSENT}"
            rf"|\b(?:config|settings|options|opts|cfg|configuration|conf)(?:\.\w{{1,40}}){{1,4}} {_ABSENT}|[Cc]onfig(?:uration)? (?:value|key) (?:for |at )?['\"][\w:.]{{1,80}}['\"] {_ABSENT}"
        ),
    },
)
