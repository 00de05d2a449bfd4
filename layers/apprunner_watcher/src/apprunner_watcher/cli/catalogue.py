"""Here you find `rules` and `explain`: what is known, and what is not judged yet."""

import difflib
import json
import textwrap
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from apprunner_watcher.cli.console import COULD_NOT_READ, err, out
from apprunner_watcher.handbook import listed, markdown, readable
from apprunner_watcher.rule import Rule
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.vocabulary import CAUSES, REMARKS, meaning

_WIDTH = 88


def rules(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines, one object per code.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="The text of docs/rules.md.")] = False,
) -> None:
    """List every code of the vocabulary, and the rules that give it."""
    if as_markdown:
        typer.echo(markdown(CATALOGUE), nl=False)
    elif as_json:
        for one in listed(CATALOGUE):
            typer.echo(json.dumps({"code": one.code, "group": one.group, "meaning": one.meaning, "rules": one.rules}))
    else:
        _show_rules()


def explain(code: Annotated[str, typer.Argument(help="A code, or the id of a rule.")]) -> None:
    """Say what a code means, how it is recognised, and what to change."""
    found = [rule for rule in CATALOGUE if code in {rule.code, rule.id}]
    if not (found or meaning(code)):
        known = [*(name for group in CAUSES.values() for name in group), *REMARKS, *(rule.id for rule in CATALOGUE)]
        near = difflib.get_close_matches(code, dict.fromkeys(known), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        err.print(Text(f"{code}: not a code{hint}"))
        raise typer.Exit(COULD_NOT_READ)
    if words := meaning(code):
        out.print(Text(f"{code}: {words}", style="bold"))
    if not found:
        out.print("Not yet judged: no rule gives it.")
    for rule in found:
        out.print()
        for line in _explained(rule):
            out.print(Text(line))


def _show_rules() -> None:
    group = ""
    for one in listed(CATALOGUE):
        if one.group != group:
            group = one.group
            out.print(Text(f"\n{group}", style="bold"))
        others = [name for name in one.rules if name != one.code]
        tail = "not yet judged" if not one.rules else f"rules {', '.join(one.rules)}" if others else ""
        out.print(Text.assemble(f"  {one.code:<30} {one.meaning}", (f"  [{tail}]" if tail else "", "yellow")))
    judged = sum(bool(one.rules) for one in listed(CATALOGUE))
    out.print(f"\n{len(CATALOGUE)} rules judge {judged} of {len(listed(CATALOGUE))} codes.")


def _explained(rule: Rule) -> Iterator[str]:
    yield f"Rule {rule.id}: {readable(rule.title)}"
    yield from textwrap.wrap(rule.why, _WIDTH)
    for number, step in enumerate(rule.fix, 1):
        yield from textwrap.wrap(f"{number}. {readable(step.text)}", _WIDTH, subsequent_indent="   ")
        yield from (f"     {line}" for line in readable(step.command).splitlines())
    yield from textwrap.wrap(f"Not to be confused: {rule.false_alarms}", _WIDTH)
    yield f"An older image {_ROLLBACK[rule.rollback]}."
    yield f"Looks at: {', '.join(sorted(rule.looks_at))}."
    yield f"More: {rule.docs}"


_ROLLBACK = {
    "helps": "cures it",
    "does-not-help": "does not cure it",
    "unsafe": "may do harm: what the new one changed outside of the service stays",
}
