"""The deployed stack, once for all tests. Every test plays a copy of a recording with a service of its own."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.recordings import another, find
from local.stack import Stack, local_aws
from tests.conftest import Change
from tests.everything import everything

Play = Callable[[str], Path]


@pytest.fixture(scope="session")
def deployed() -> Iterator[Stack]:
    with local_aws() as stack:
        yield stack


@pytest.fixture
def stack(deployed: Stack) -> Stack:
    """The stack, with nothing in the inbox that an earlier test left."""
    deployed.messages()
    return deployed


@pytest.fixture
def copy(tmp_path: Path) -> Play:
    """Copy a recording by its name, so that it happens to a service that no other test knows."""
    return lambda name: another(find(name), tmp_path)


@pytest.fixture
def whole(tmp_path: Path) -> Callable[..., Path]:
    """The recording of a service with everything, and changes of it; of a service that no other test knows."""

    def make(change: Change | None = None) -> Path:
        content = everything()
        if change:
            change(content)
        file = tmp_path / "everything.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        return another(file, tmp_path)

    return make


class Role:
    """The role of the deployed function, to take permissions from."""

    def __init__(self, stack: Stack) -> None:
        self._iam = stack.client("iam")
        self.name = stack.outputs["WatchRoleArn"].rpartition("/")[2]

    def policies(self) -> dict[str, Any]:
        names = self._iam.list_role_policies(RoleName=self.name)["PolicyNames"]
        return {
            name: self._iam.get_role_policy(RoleName=self.name, PolicyName=name)["PolicyDocument"] for name in names
        }

    def actions(self, policy: str) -> set[str]:
        return {action for statement in self.policies()[policy]["Statement"] for action in _list(statement["Action"])}

    @contextlib.contextmanager
    def without(self, *actions: str) -> Iterator[None]:
        before = self.policies()
        try:
            for name, document in before.items():
                self._put(name, _without(document, actions))
            yield
        finally:
            for name, document in before.items():
                self._put(name, document)

    def _put(self, name: str, document: Any) -> None:
        self._iam.put_role_policy(RoleName=self.name, PolicyName=name, PolicyDocument=json.dumps(document))


@pytest.fixture
def role(stack: Stack) -> Role:
    return Role(stack)


def _without(document: Any, actions: tuple[str, ...]) -> Any:
    kept = ({**one, "Action": [a for a in _list(one["Action"]) if a not in actions]} for one in document["Statement"])
    return {**document, "Statement": [one for one in kept if one["Action"]]}


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
