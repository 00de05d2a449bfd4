"""Here you find `score`: how good the answers are, over folders of recordings whose cause is confirmed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from apprunner_watcher import recording
from apprunner_watcher.aws.replay import replay
from apprunner_watcher.cli.console import COULD_NOT_READ, err, out
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import NotUnderstoodError
from apprunner_watcher.rule import Confidence
from apprunner_watcher.scorecard import Score, Scorecard
from apprunner_watcher.scorecard import score as scored


def score(
    targets: Annotated[list[Path], typer.Argument(metavar="RECORDING|FOLDER...", help="Recordings with `expect`.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as one JSON object.")] = False,
) -> None:
    """Hold the answers against what was confirmed: per code, per confidence, and every miss.

    Exit status 0 whatever the figures, 2 when there is nothing to score.
    """
    card = scorecard(targets)
    if not card.scores:
        err.print("no recording with `expect` in: " + ", ".join(map(str, targets)))
        raise typer.Exit(COULD_NOT_READ)
    if as_json:
        typer.echo(json.dumps(figures(card)))
    else:
        _show(card)


def scorecard(targets: list[Path]) -> Scorecard:
    """The scorecard of recordings and folders of them. What cannot be read is a miss."""
    files = [file for target in targets for file in (sorted(target.glob("*.json")) if target.is_dir() else [target])]
    scores, without = [], []
    for file in files:
        try:
            recorded = recording.load(file)
        except recording.BrokenRecordingError as error:
            scores.append(scored(str(file), recording.Expectation(causes=[]), None, str(error)))
            continue
        if not recorded.expect:
            without.append(str(file))
            continue
        try:
            scores.append(scored(recorded.id, recorded.expect, diagnose(replay(recorded))))
        except NotUnderstoodError as error:
            scores.append(scored(recorded.id, recorded.expect, None, f"event: {error}"))
    return Scorecard(scores, without)


def figures(card: Scorecard) -> dict[str, object]:
    """The figures of a scorecard as JSON holds them."""
    return {
        "recordings": len(card.scores),
        "right": card.right,
        "false_claims": card.false_claims,
        "at_least_likely": card.share_of_right(Confidence.CERTAIN, Confidence.LIKELY),
        "certain": card.share_of_right(Confidence.CERTAIN),
        "precision": {one.value: card.precision(one) for one in Confidence},
        "by_code": card.by_code,
        "misses": {one.recording: " ".join(_what_is_amiss(one)) for one in card.misses},
    }


def _show(card: Scorecard) -> None:
    codes = Table("expected", "right", "of", "false claims", box=None)
    for code, (right, of, false_claims) in card.by_code.items():
        codes.add_row(code, str(right), str(of), str(false_claims or ""), style="" if right == of else "yellow")
    out.print(codes)
    out.print()
    for confidence in Confidence:
        right, of = card.precision(confidence)
        out.print(f"{confidence.value:<9} {right} of {of} first causes right")
    out.print(
        f"of the right ones that may be sure: {_percent(card.share_of_right(Confidence.CERTAIN))} certain,"
        f" {_percent(card.share_of_right(Confidence.CERTAIN, Confidence.LIKELY))} at least likely"
    )
    out.print(
        Text(f"{card.right} of {len(card.scores)} right ({_percent(card.right / len(card.scores))}),", style="bold")
        + Text(f" false claims: {card.false_claims}")
    )
    if card.misses:
        out.print("\nmisses:")
    for one in card.misses:
        out.print(Text(f"  {one.recording}: {' '.join(_what_is_amiss(one))}"))
    if card.without_expectation:
        out.print(f"\n{len(card.without_expectation)} without `expect` were left out")


def _what_is_amiss(one: Score) -> Iterator[str]:
    if one.unreadable:
        yield one.unreadable
        return
    said = f"{one.first.rule.code} ({one.first.confidence.value})" if one.first else "no cause"
    expected = " or ".join(one.expected.causes) or "no cause"
    if one.is_false_claim:
        yield "FALSE CLAIM:"
    yield f"said {said}, expected {expected}{f', at most {one.expected.at_most}' if one.expected.at_most else ''}."
    if one.is_right and one.unquoted:
        yield f"Not quoted: {', '.join(one.unquoted)}."


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
