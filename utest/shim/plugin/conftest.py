"""Labs for suites that run in a pytest of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab

CI = ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILD_URL", "CI")


def board() -> Driver:
    """Return a board whose image is there already."""
    return Composite(children={"power": MockPower(), "dutlink": VirtualBoard(speed=50, preinstalled=True)})


@pytest.fixture
def lab_of(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int], VirtualLab]]:
    """Start a lab of so many boards, to which the environment leads; no lease may be left in it."""
    labs: list[VirtualLab] = []

    def start(boards: int) -> VirtualLab:
        exporters = [
            LabExporter(name=f"b{number}", labels={"board": "b", "number": str(number)}, driver=board)
            for number in range(1, boards + 1)
        ]
        lab = VirtualLab(exporters, clients={"tester": {}, "other": {}}, clock=Clock(scale=20))
        labs.append(lab.__enter__())
        for name, value in lab.environment(tmp_path_factory.mktemp("config")).items():
            monkeypatch.setenv(name, value)
        for name in CI:
            monkeypatch.delenv(name, raising=False)
        return lab

    yield start
    leaks = [leak for lab in labs for leak in lab.leaks()]
    for lab in labs:
        lab.__exit__(None, None, None)
    assert leaks == []


@pytest.fixture
def lab(lab_of: Callable[[int], VirtualLab]) -> VirtualLab:
    """A lab of two boards, ``b1`` and ``b2``, with the labels ``board=b`` and ``number=1`` and ``2``."""
    return lab_of(2)
