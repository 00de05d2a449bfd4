"""Here you find what the built layer promises: the right machine, the locked contents, the same every time.

It is built as "sam build" builds it, which fetches wheels for Lambda's processor: these tests need uv and the network.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "apprunner_watcher"
AARCH64 = 183  # e_machine in an ELF header


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """What builds a copy of the layer's folder into another folder, without bytecode."""
    # where "make setup" puts it, if it is not on PATH
    path = os.pathsep.join([os.environ["PATH"], *map(str, sorted(ROOT.glob(".venv*/bin")))])
    assert shutil.which("uv", path=path), "uv is not on PATH"

    def run(target: Path, change: Callable[[Path], None] = lambda _: None) -> subprocess.CompletedProcess[str]:
        folder = tmp_path_factory.mktemp("source") / "layer"
        shutil.copytree(LAYER, folder)
        change(folder)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LAYER_")}
        return subprocess.run(
            ["make", "build-WatcherLayer"],
            cwd=folder,
            env={**environment, "PATH": path, "ARTIFACTS_DIR": str(target), "LAYER_COMPILER": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def layer(build: Callable[..., subprocess.CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built layer."""
    target = tmp_path_factory.mktemp("layer")
    done = build(target)
    assert done.returncode == 0, done.stderr
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_compiled_is_for_lambdas_processor_and_python(layer: Path) -> None:
    compiled = list(layer.rglob("*.so"))
    assert compiled
    for library in compiled:
        assert int.from_bytes(library.read_bytes()[18:20], "little") == AARCH64, library.name
        assert "cpython-313" in library.name, library.name


def test_the_package_and_exactly_what_is_locked_are_in_it(layer: Path) -> None:
    installed = {path.name.partition("-")[0].lower() for path in layer.glob("python/*.dist-info")}
    locked = {
        line.partition("==")[0].replace("-", "_").lower()
        for line in (LAYER / "requirements.txt").read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    assert installed == locked | {"apprunner_watcher"}
    source = LAYER / "src" / "apprunner_watcher"
    modules = {str(path.relative_to(source)) for path in source.rglob("*.py")}
    packed = layer / "python" / "apprunner_watcher"
    assert {str(path.relative_to(packed)) for path in packed.rglob("*.py")} == modules


def test_a_second_build_is_the_same(
    layer: Path, build: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    assert build(tmp_path).returncode == 0
    assert contents(tmp_path) == contents(layer)


def test_nothing_of_the_building_machine_is_in_it(layer: Path) -> None:
    assert {path.name for path in layer.iterdir()} == {"python"}
    assert not (layer / "python" / "bin").exists()
    for name, content in contents(layer).items():
        assert str(layer).encode() not in content, name


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-build.txt"])
def test_a_package_with_another_hash_is_refused(
    lock: str, build: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    def tamper(folder: Path) -> None:
        text = (folder / lock).read_text()
        (folder / lock).write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, text))

    done = build(tmp_path, tamper)
    assert done.returncode != 0
    assert "hash" in done.stderr.lower()
