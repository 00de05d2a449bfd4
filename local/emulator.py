# ruff: noqa: SLF001 - the patches reach for private names of the one version that is pinned
"""Here you find the emulator's own process: ministack, started with what it lacks.

Usage: emulator.py SITE_PACKAGES. Runs under the interpreter of `.venv-emulator`, which emulated functions share, so
little is installed there; what only the emulator needs (SAM's translator) comes from SITE_PACKAGES, which functions do
not see. Each patch says what AWS does.
"""

import contextlib
import contextvars
import json
import os
import re
import signal
import sys
import threading
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import eventbridge, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

_PARALLEL_INVOCATIONS = 4
_EXCEPTION_LINE = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)", re.MULTILINE)


def _play_the_aws_services() -> None:
    """Accept events of `aws.*` sources, which AWS refuses from customers, and keep the time that the sender gives.

    Here the sender plays App Runner. ministack stamps every event with its own time.
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
    """
    put_events, now = eventbridge._put_events, eventbridge._now_ts
    sent_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("sent_at", default=None)

    def put_one(entry: dict[str, Any]) -> Any:
        sent_at.set(entry.get("Time"))
        return put_events({"Entries": [entry]}, allow_aws_source=True)

    def put(data: dict[str, Any], **_: Any) -> Any:
        answers = [contextvars.copy_context().run(put_one, entry) for entry in data["Entries"]]
        bodies = [json.loads(body) for _, _, body in answers]
        status, headers, _ = answers[0]
        together = {
            "FailedEntryCount": sum(body["FailedEntryCount"] for body in bodies),
            "Entries": [result for body in bodies for result in body["Entries"]],
        }
        return status, headers, json.dumps(together).encode()

    eventbridge._put_events = put
    eventbridge._now_ts = lambda: sent_at.get() or now()


def _deliver_as_lambda_does() -> None:
    """Invoke a rule's function asynchronously, with Lambda's retries and its on-failure destination.

    ministack itself makes one attempt and forgets a failure.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    def dispatch(arn: str, payload: str) -> None:
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if function and config:
            record = lambda_svc._execution_record_for_config(function, config)
            lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch


def _run_a_few_at_a_time() -> None:
    """Let a burst of events wait its turn instead of starting a process for each of them."""
    execute = lambda_svc._execute_function_dispatch
    turn = threading.BoundedSemaphore(_PARALLEL_INVOCATIONS)

    def in_turn(*args: Any, **named: Any) -> Any:
        with turn:
            return _with_error_type(execute(*args, **named))

    lambda_svc._execute_function_dispatch = in_turn


def _with_error_type(result: dict[str, Any]) -> dict[str, Any]:
    """Name the exception as Lambda does; ministack calls every one `Runtime.HandlerError`."""
    body, log = result.get("body"), result.get("log", "")
    if result.get("error") and isinstance(body, dict) and "Traceback" in log:
        names = _EXCEPTION_LINE.findall(log)
        if names and body.get("errorType") == "Runtime.HandlerError":
            body["errorType"] = names[-1].rpartition(".")[2]
    return result


def _count_loopback_as_tls() -> None:
    """Let policies that demand `aws:SecureTransport` admit what comes over loopback: AWS has only TLS endpoints."""
    app.pin_request_origin = lambda address, _: iam_evaluator.pin_request_origin(address, secure_transport=True)


def _refer_to_secrets_by_their_arn() -> None:
    """Let `!Ref` of a secret be its ARN, which policies name; ministack gives its name.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create = handler["create"]

    def create_by_arn(*args: Any) -> Any:
        _, attributes = create(*args)
        return attributes["Arn"], attributes

    handler["create"] = create_by_arn


def _join_lists_in_conditions() -> None:
    """Evaluate `!Join [separator, !Ref List]` in conditions, which ministack leaves as it stands: never equal to any.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-join.html
    """
    evaluate = engine._evaluate_conditions

    def joined(part: Any, parameters: Any) -> Any:
        if isinstance(part, dict) and "Fn::Join" in part:
            separator, listed = part["Fn::Join"]
            return separator.join(one.strip() for one in parameters[listed["Ref"]]["Value"].split(","))
        if isinstance(part, dict):
            return {key: joined(inner, parameters) for key, inner in part.items()}
        return [joined(inner, parameters) for inner in part] if isinstance(part, list) else part

    def evaluate_joined(template: Any, parameters: Any) -> Any:
        conditions = joined(template.get("Conditions", {}), parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = evaluate_joined


def _end_with_the_parent() -> None:
    """Stop when the process that started this one is gone, however it ended: its end of the pipe closes then."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.path.append(sys.argv.pop(1))
    _play_the_aws_services()
    _deliver_as_lambda_does()
    _run_a_few_at_a_time()
    _count_loopback_as_tls()
    _refer_to_secrets_by_their_arn()
    _join_lists_in_conditions()
    _end_with_the_parent()
    app.main()
