"""Configurations in a folder of the test's own, and a lab whose client has one of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab

CONTENT: dict[str, Any] = {
    "apiVersion": "jumpstarter.dev/v1alpha1",
    "kind": "ClientConfig",
    "metadata": {"namespace": "lab", "name": "anna"},
    "endpoint": "controller.example.com:443",
    "tls": {"ca": "", "insecure": False},
    "token": "the-token",
    "grpcOptions": {},
    "drivers": {"allow": ["vendor.*"], "unsafe": False},
    "shell": {"use_profiles": False},
}

BOARDS = 2


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let tests on the lab of a module leave sockets: its exporters change their connections when they like."""
    if "lab" in item.fixturenames:  # type: ignore[attr-defined]
        item.add_marker(pytest.mark.leaves("descriptor", reason="connections of the module's lab"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, where configurations are looked for."""
    folder = tmp_path / "jumpstarter"
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(folder))
    return folder


@pytest.fixture
def refused() -> Callable[[str], AbstractContextManager[None]]:
    """Return a context in which pydantic's error is expected, with one sentence of ours and without a value."""

    @contextmanager
    def refused(sentence: str) -> Iterator[None]:
        with pytest.raises(ValidationError) as info:
            yield
        (error,) = info.value.errors()
        assert (error["msg"], error["input"]) == (sentence, None)
        assert isinstance(info.value.__cause__, ConfigurationError)

    return refused


@pytest.fixture
def content() -> dict[str, Any]:
    """Return what `write` writes."""
    return copy.deepcopy(CONTENT)


@pytest.fixture
def write(home: Path) -> Callable[..., Path]:
    """Return what writes a client's file: its alias, and what it has else or, with "nothing", has not."""

    def write(alias: str = "anna", /, **changes: Any) -> Path:
        path = home / "clients" / f"{alias}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {**CONTENT, **changes}
        path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value != "nothing"}))
        return path

    return write


def board() -> Driver:
    return Composite(children={"power": MockPower()})


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[VirtualLab]:
    """Start a lab for the tests of a module: two boards for leases, and one that is disabled."""
    exporters = [
        LabExporter(name=f"b{number}", labels={"board": "b", "number": str(number)}, driver=board)
        for number in range(1, BOARDS + 1)
    ]
    exporters.append(LabExporter(name="shelf", labels={"board": "shelf"}, driver=board, enabled=False))
    with VirtualLab(exporters, clients={"tester": {}, "other": {}}, clock=Clock(scale=20)) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: VirtualLab, home: Path) -> Iterator[VirtualLab]:
    """Return the lab; no lease may be left in it, nor anything that belongs to one."""
    for name in ("other", "tester"):
        shared_lab.write_client_config(home, name)
    yield shared_lab
    held = leased(shared_lab)
    for name in held:
        # What a failing test has left must not make others fail.
        shared_lab.controller.release(name)
    shared_lab.controller.faults.clear()
    assert held == []
    assert shared_lab.leaks() == []


@pytest.fixture
def config(lab: VirtualLab) -> ClientConfigV1Alpha1:
    """Return the configuration of the lab's client."""
    return ClientConfigV1Alpha1.load("tester")


@pytest.fixture
def other(lab: VirtualLab) -> ClientConfigV1Alpha1:
    """Return the configuration of another client."""
    return ClientConfigV1Alpha1.load("other")


def leased(lab: VirtualLab) -> list[str]:
    return [lease.name for lease in lab.leases() if not lease.ended]


@pytest.fixture
def active(lab: VirtualLab) -> Callable[[], list[str]]:
    """Return what returns the names of the leases that last."""
    return lambda: leased(lab)
