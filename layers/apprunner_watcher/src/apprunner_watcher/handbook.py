"""Here you find the catalogue as a text to read: docs/rules.md is made of it."""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apprunner_watcher.rule import Rule
from apprunner_watcher.vocabulary import CAUSES, REMARKS

_REMARKS = "Remarks"
_ROLLBACK = {"helps": "cures it", "does-not-help": "does not cure it", "unsafe": "may do harm"}
_HEAD = """\
<!-- Made by `make docs` from the catalogue; do not edit. -->
# Causes and rules

The codes are the published vocabulary: what the user must change. Each rule says what it looks for, why it happens,
what to change, and what looks like it and is not. `certain` is right practically always, `likely` in nine of ten cases,
`possible` is a hint. `apprunner-watcher explain CODE` prints the same.
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A code of the vocabulary, and the ids of the rules that give it."""

    code: str
    group: str
    meaning: str
    rules: Sequence[str]


def listed(catalogue: Sequence[Rule]) -> Sequence[Listed]:
    """Every code in the order of the vocabulary. A cause's code has its remarks with it."""
    groups = {**CAUSES, _REMARKS: REMARKS}
    return [
        Listed(code, group, meaning, [rule.id for rule in catalogue if rule.code == code])
        for group, codes in groups.items()
        for code, meaning in codes.items()
    ]


def markdown(catalogue: Sequence[Rule]) -> str:
    """The text of docs/rules.md."""
    return "\n".join([_HEAD, *_contents(catalogue), *_chapters(catalogue)]) + "\n"


def _contents(catalogue: Sequence[Rule]) -> Iterator[str]:
    codes = listed(catalogue)
    yield f"{len(catalogue)} rules judge {sum(bool(one.rules) for one in codes)} of {len(codes)} codes."
    group = ""
    for one in codes:
        if one.group != group:
            group = one.group
            yield f"\n**{group}**\n"
            yield "| code | what the user must change |"
            yield "|---|---|"
        name = f"[`{one.code}`](#{one.code})" if one.rules else f"`{one.code}`"
        yield f"| {name} | {one.meaning}{'' if one.rules else ' (not yet judged)'} |"


def _chapters(catalogue: Sequence[Rule]) -> Iterator[str]:
    group = ""
    for one in listed(catalogue):
        if not one.rules:
            continue
        if one.group != group:
            group = one.group
            yield f"\n## {group}"
        yield f"\n### {one.code}\n"
        yield f"{one.meaning[0].upper()}{one.meaning[1:]}."
        for rule in catalogue:
            if rule.code == one.code:
                yield from _rule(rule, is_only=len(one.rules) == 1)


def _rule(rule: Rule, *, is_only: bool) -> Iterator[str]:
    yield ""
    yield f"*{readable(rule.title)}*{'' if is_only else f' (rule `{rule.id}`)'}\n"
    yield f"{rule.why}\n"
    for number, step in enumerate(rule.fix, 1):
        yield f"{number}. {readable(step.text)}"
        if step.command:
            yield "   ```sh"
            yield from (f"   {line}" for line in readable(step.command).splitlines())
            yield "   ```"
    yield f"\nNot to be confused: {rule.false_alarms} An older image {_ROLLBACK[rule.rollback]}."
    yield f"Looks at {', '.join(f'`{part}`' for part in sorted(rule.looks_at))}. [More]({rule.docs})."


def readable(text: str) -> str:
    """A text of a rule with its placeholders as a reader expects them: <service_arn>."""
    return "".join(before + (f"<{name}>" if name else "") for before, name, _, _ in string.Formatter().parse(text))
