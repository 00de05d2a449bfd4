"""Here you find the command line: the same rules and the same answer, on a recording or on a live service."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from apprunner_watcher import recording
from apprunner_watcher.api_call import SERVICE_ARN, Call
from apprunner_watcher.aws.clients import Clients, download_over_http
from apprunner_watcher.aws.gather import gather
from apprunner_watcher.aws.live import last_event
from apprunner_watcher.aws.read import error_code
from apprunner_watcher.aws.record import Recorder, revealed
from apprunner_watcher.aws.record import recording as recorded
from apprunner_watcher.aws.replay import replay
from apprunner_watcher.aws.stack import Stack
from apprunner_watcher.aws.table import Table
from apprunner_watcher.cli.catalogue import explain, rules
from apprunner_watcher.cli.console import COULD_NOT_READ, err, out
from apprunner_watcher.cli.quality import score
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose as diagnose_snapshot
from apprunner_watcher.event import NotUnderstoodError, OperationEvent, parse
from apprunner_watcher.report import Report, report
from apprunner_watcher.snapshot import Attempt, Snapshot
from apprunner_watcher.vocabulary import meaning

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Why did an AWS App Runner deployment fail, and what to change?",
)
for command in (rules, explain, score):
    app.command()(command)
_TEST_ARRIVES_WITHIN = timedelta(seconds=60)

StackName = Annotated[str, typer.Option("--stack", help="Name of the watcher's CloudFormation stack.")]
Region = Annotated[str | None, typer.Option(help="AWS Region; the ARN's, or the environment's, unless given.")]
ServiceArn = Annotated[str, typer.Argument(help="ARN of an App Runner service.")]


class _UnreadableError(Exception):
    """A target that cannot be read, in one line."""


@app.command()
def diagnose(
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET...", help="A recording, a folder of recordings, or a service ARN.")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines on stdout, one object per target.")] = False,
    stack: StackName = "apprunner-watcher",
    region: Region = None,
) -> None:
    """Explain the last operation of a service, or a recorded one.

    Exit status 0 when every target was diagnosed, whatever was found; 2 when one could not be read.
    """
    status = 0
    for name, read in _targets(targets, stack, region):
        try:
            said = _said(read())
        except (_UnreadableError, recording.BrokenRecordingError) as error:
            err.print(Text(str(error)))
            status = COULD_NOT_READ
            continue
        if as_json:
            source = {} if name.startswith("arn:") else {"recording": name}
            typer.echo(json.dumps({**source, **said.data}))
        else:
            _show(said)
    raise typer.Exit(status)


@app.command()
def record(  # noqa: PLR0913, PLR0917  # its parameters are the options of a command
    service_arn: ServiceArn,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write it; by default NAME-TIME.json, here.")
    ] = None,
    causes: Annotated[
        list[str] | None,
        typer.Option("--cause", metavar="CODE", help="What the cause was, once that is known."),
    ] = None,
    why: Annotated[str, typer.Option(help="How that was confirmed.")] = "",
    stack: StackName = "apprunner-watcher",
    region: Region = None,
) -> None:
    """Write a recording of a service's last operation, without secrets: for a bug report, and to be replayed.

    Exit status 0 when it was written and gives the same answer, 1 when it gives another one, 2 when there is none.
    """
    now = datetime.now(UTC)
    try:
        _check_codes(causes or [])
        session = _session(service_arn, region)
        file = _new_file(output, f"{service_arn.split('/')[1]}-{now:%Y%m%d-%H%M%S}.json")
        happened = _last_event(session, service_arn, None)
        heard = Recorder()
        heard.listen(session)
        with heard.on():
            snapshot = _gathered(Clients(session, heard.downloading(download_over_http)), happened, now, stack)
        said = _said(snapshot)
        content = recorded(heard, snapshot, happened, file.stem, said.subject)
        if causes:
            content["expect"] = {"causes": causes, "why": why}
        _write(file, json.dumps(content, indent=1, ensure_ascii=False) + "\n", heard)
    except _UnreadableError as error:
        _fail(str(error))
    out.print(Text(f"{file}: {said.subject}"))
    live, again = _answer(said), _answer(_said(replay(recording.load(file))))
    if again != live:
        err.print("Replayed, the recording gives another answer. Attach this to the report as well:")
        err.print(Text(f"  live:     {json.dumps(live)}"))
        err.print(Text(f"  replayed: {json.dumps(again)}"))
        raise typer.Exit(1)
    out.print("Replayed, it gives the same answer. Its values are redacted; look through it before you share it.")


@app.command()
def event(
    service_arn: ServiceArn,
    status: Annotated[
        str | None, typer.Option(help="Another operation status than the last operation's, say DeploymentFailed.")
    ] = None,
    region: Region = None,
) -> None:
    """Print an event of a service's last operation, for `sam local invoke --event`."""
    try:
        made = _last_event(_session(service_arn, region), service_arn, status)
        parse(made)
    except (_UnreadableError, NotUnderstoodError) as error:
        _fail(str(error))
    typer.echo(json.dumps(made, indent=2))


@app.command()
def status(stack: StackName = "apprunner-watcher", region: Region = None) -> None:
    """Say whether everything is connected. Exit status 1 when something is missing."""
    installed = Stack(boto3.Session(region_name=region), stack)
    try:
        problems = _show_subscriptions(installed) + _show_permissions(installed)
        _show_services(installed)
    except (ClientError, BotoCoreError, LookupError) as error:
        _fail(f"stack {stack}: {_reason(error)}")
    raise typer.Exit(1 if problems else 0)


@app.command("send-test")
def send_test(stack: StackName = "apprunner-watcher", region: Region = None) -> None:
    """Send one [TEST] message through the deployed path: event rule, function, table, topic."""
    installed = Stack(boto3.Session(region_name=region), stack)
    try:
        event_id = installed.send_test(installed.caller())
        out.print(f"Test event {event_id} is on the event bus.")
        if not installed.wait_until_told(event_id, datetime.now(UTC) + _TEST_ARRIVES_WITHIN):
            err.print(
                f"The function has not told it within {_TEST_ARRIVES_WITHIN.seconds} s. Look at the log of"
                f" {installed.output('WatchFunctionName')} and at the failure queue."
            )
            raise typer.Exit(1)
    except (ClientError, BotoCoreError, LookupError) as error:
        _fail(f"stack {stack}: {_reason(error)}")
    out.print("The message is on the incidents topic. If it does not reach you: apprunner-watcher status")


def main() -> None:
    """Run the command line."""
    app()


def _targets(targets: list[str], stack: str, region: str | None) -> Iterator[tuple[str, Callable[[], Snapshot]]]:
    for target in targets:
        if target.startswith("arn:"):
            yield target, partial(_live, target, stack, region)
            continue
        path = Path(target)
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            yield target, partial(_unreadable, f"{path}: no recording in this folder")
        for file in files:
            yield str(file), partial(_replayed, file)


def _unreadable(line: str) -> Snapshot:
    raise _UnreadableError(line)


def _replayed(path: Path) -> Snapshot:
    try:
        return replay(recording.load(path))
    except NotUnderstoodError as error:
        line = f"{path}: event: {error}"
        raise _UnreadableError(line) from None


def _live(service_arn: str, stack: str, region: str | None) -> Snapshot:
    session = _session(service_arn, region)
    return _gathered(Clients(session), _last_event(session, service_arn, None), datetime.now(UTC), stack)


def _gathered(clients: Clients, raw_event: dict[str, Any], now: datetime, stack: str) -> Snapshot:
    happened = parse(raw_event)
    assert isinstance(happened, OperationEvent)  # noqa: S101  # that is what last_event makes
    return gather(happened, clients, now, lambda: _recall(clients, stack, happened.service_arn))


def _recall(clients: Clients, stack: str, service_arn: str) -> tuple[Attempt | Call, ...]:
    """What the installed watcher noted; nothing where none is installed."""
    try:
        name = Stack(clients.session, stack).output("TableName")
    except (ClientError, BotoCoreError, LookupError):
        return ()
    return Table(clients.dynamodb, name, timedelta()).noted(service_arn)


def _check_codes(causes: list[str]) -> None:
    for code in causes:
        if not meaning(code):
            line = f"{code}: not a code; apprunner-watcher rules lists them"
            raise _UnreadableError(line)


def _new_file(output: Path | None, usual: str) -> Path:
    """Where to write the recording. Its name is its id: the format wants one in kebab-case."""
    file = output or Path(_kebab_case(usual))
    if output and output.is_dir():
        file = output / _kebab_case(usual)
    if file.name != (better := _kebab_case(file.name)):
        line = f"{file}: the name of a recording is in kebab-case, say {better}"
        raise _UnreadableError(line)
    if not file.parent.is_dir():
        line = f"{file.parent}: no such folder"
        raise _UnreadableError(line)
    if file.exists():
        line = f"{file}: is there already, and is not overwritten"
        raise _UnreadableError(line)
    return file


def _kebab_case(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower().removesuffix(".json")).strip("-")
    return f"{words or 'recording'}.json"


def _write(file: Path, text: str, heard: Recorder) -> None:
    """Write a file that only its owner may read; none, should a secret stand in it after all."""
    if variable := revealed(text, heard.environment()):
        line = f"{file}: not written, because the value of {variable} would stand in it; please report this"
        raise _UnreadableError(line)
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        line = f"{file}: {error.strerror}"
        raise _UnreadableError(line) from None


def _answer(said: Report) -> dict[str, Any]:
    """What a replay must say as well."""
    judged = {part: [[one["code"], one["confidence"]] for one in said.data[part]] for part in ("causes", "remarks")}
    checks = [[one["what"], one["result"]] for one in said.data["checks"]]
    return {"verdict": said.data["verdict"], **judged, "checks": checks}


def _session(service_arn: str, region: str | None) -> boto3.Session:
    arn = SERVICE_ARN.fullmatch(service_arn)
    if not arn:
        line = f"{service_arn}: not the ARN of an App Runner service"
        raise _UnreadableError(line)
    return boto3.Session(region_name=region or arn["region"])


def _last_event(session: boto3.Session, service_arn: str, status: str | None) -> dict[str, Any]:
    try:
        return last_event(Clients(session), service_arn, status)
    except (ClientError, BotoCoreError, LookupError) as error:
        line = f"{service_arn}: {_reason(error)}"
        raise _UnreadableError(line) from None


def _said(snapshot: Snapshot) -> Report:
    return report(snapshot, diagnose_snapshot(snapshot), decide())


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error_code(error)}: {error.response['Error'].get('Message', '')}"
    return str(error)


def _fail(line: str) -> NoReturn:
    err.print(Text(line))
    raise typer.Exit(COULD_NOT_READ)


def _show(said: Report) -> None:
    """The mail's text, with the parts told apart by colour. Text objects: log lines are no markup."""
    out.rule(style="dim")
    for line in said.text.splitlines():
        if line.isupper() or line.startswith(("WHY", "OR (", "WHAT TO CHANGE")):
            style = "bold"
        elif line.startswith("  >"):
            style = "yellow"
        elif line.startswith("     "):
            style = "cyan"
        else:
            style = ""
        out.print(Text(line, style=style))


def _show_subscriptions(installed: Stack) -> int:
    """Print who gets the messages; the number of problems."""
    out.print(f"stack {installed.name}: function {installed.output('WatchFunctionName')}")
    subscriptions = installed.subscriptions()
    for one in subscriptions:
        state = "confirmed" if one.confirmed else "[yellow]not confirmed yet[/yellow]"
        out.print(Text.assemble(f"subscription {one.protocol} {one.endpoint}: ", Text.from_markup(state)))
    if any(one.confirmed for one in subscriptions):
        return 0
    out.print("[red]nobody gets the messages[/red]: no confirmed subscription of the incidents topic")
    return 1


def _show_permissions(installed: Stack) -> int:
    """Print what the function's role lacks; the number of problems. Who may not simulate policies sees the rest."""
    try:
        missing = installed.missing_permissions()
    except ClientError as error:
        out.print(Text(f"permissions: not known, since you may not ask IAM ({error_code(error)})"))
        return 0
    for action in missing:
        out.print(f"[red]missing permission[/red] {action}")
    if not missing:
        out.print("permissions: the function's role may read all that it needs")
    return len(missing)


def _show_services(installed: Stack) -> None:
    services = tuple(installed.services())
    for service in services:
        last = f"last event seen {service.last_event_at}" if service.last_event_at else "no event seen yet"
        out.print(Text(f"service {service.name}: {service.status}, {last}"))
        if service.last_incident:
            out.print(Text(f"  last incident: {service.last_incident}"))
    if not services:
        out.print("no App Runner services in this account and Region")


if __name__ == "__main__":
    main()
