"""A virtual lab over TLS, upstream's clients for it, and exporters of both kinds that register with it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from interop.exporters import bench_board
from interop.leases.processes import CLIENTS_OF_BOARDS, ExporterProcess, Jmp, forked_jmp, wait_until
from interop.upstream import Upstream
from JumpstarterLibrary.lab import LabExporter, VirtualLab
from JumpstarterLibrary.lab.exporters import virtual_boards
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.model import AVAILABLE

DRIVERS = Path(__file__).parent.parent / "drivers"

PLACES = ("upstream", "ours")
"""Places of the lab that exporters in processes of their own take: ``jmp run``'s, and our command's."""

CLIENTS: Mapping[str, Mapping[str, str]] = {"tester": {}, "other": {}}


def exporter_environ(upstream: Upstream, runtime: Path) -> dict[str, str]:
    """Return the environment of an exporter that has our drivers for tests."""
    return upstream.environ(runtime, PYTHONPATH=str(DRIVERS))


def place(name: str) -> LabExporter:
    """Return a place in a lab that an exporter in a process of its own takes."""
    return LabExporter(name=name, labels={"kind": name}, register=False)


def available(lab: VirtualLab, name: str) -> bool:
    """Whether an exporter waits for a lease."""
    record = lab.controller.exporter(name)
    return record.online and record.status == AVAILABLE


@contextmanager
def started(lab: VirtualLab, *processes: tuple[str, ExporterProcess]) -> Iterator[None]:
    """Start exporters, all at once, and stop them afterwards."""
    with ExitStack() as stack:
        for _, process in processes:
            stack.callback(process.stop)
        for _, process in processes:
            process.start()
            stack.callback(process.terminate)
        try:
            for name, process in processes:
                _await_start(lab, name, process)
        except BaseException:
            for _, process in processes:
                print(process.log.read_text()[-4000:])  # noqa: T201 - pytest shows it with the failure
            raise
        yield


def _await_start(lab: VirtualLab, name: str, process: ExporterProcess) -> None:
    wait_until(lambda: available(lab, name) or process.code is not None, f"the exporter {name} is available")
    assert process.code is None, f"The exporter {name} ended with {process.code}."


@contextmanager
def watched(lab: VirtualLab) -> Iterator[None]:
    """Let a test happen; afterwards nothing that belongs to a lease may be left."""
    try:
        yield
        assert lab.leaks() == []
    finally:
        # What a failing test has left must not make others fail.
        for lease in lab.leases():
            if not lease.ended:
                lab.controller.release(lease.name)


@pytest.fixture(scope="session")
def lab() -> Iterator[VirtualLab]:
    """Start a lab whose certificates one authority has signed."""
    disabled = LabExporter(name="shelf", labels={"board": "shelf"}, enabled=False)
    with VirtualLab(
        [*virtual_boards(2), disabled, *map(place, PLACES)],
        clients=CLIENTS,
        features=ControllerFeatures(hidden_labels=frozenset({"number"})),
    ) as lab:
        yield lab


@pytest.fixture
def no_leaks(lab: VirtualLab) -> Iterator[None]:
    """Fail the test if anything that belongs to a lease outlives it."""
    with watched(lab):
        yield


def client_home(lab: VirtualLab, folder: Path, names: Sequence[str] = ("other", "tester"), **more: Any) -> Path:
    """Write the configurations of a lab's clients, ``tester`` being the current one, and return where they are.

    Args:
        lab: The lab.
        folder: Where to write them.
        **more: Further sections of the configurations.
    """
    for name in names:
        file = lab.write_client_config(folder, name)
        if more:
            file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **more}))
    return folder


@pytest.fixture(scope="session")
def home(lab: VirtualLab, runtime: Path) -> Path:
    """Write the configurations of the lab's clients."""
    return client_home(lab, runtime / "clients-of-lab")


def client_environ(upstream: Upstream, runtime: Path, home: Path) -> dict[str, str]:
    """Return the environment of upstream's command line with a client configuration."""
    # Wide enough for lines not to be folded.
    return upstream.environ(runtime, JMP_CLIENT_CONFIG_HOME=str(home), COLUMNS="300")


def make_jmp(upstream: Upstream, runtime: Path, home: Path) -> Jmp:
    """Return upstream's command line with a client configuration, each command as a new process."""
    return Jmp(upstream, client_environ(upstream, runtime, home))


@pytest.fixture(scope="session")
def jmp(upstream: Upstream, runtime: Path, home: Path) -> Iterator[Jmp]:
    """Return upstream's command line as the lab's client."""
    with forked_jmp(upstream, client_environ(upstream, runtime, home), CLIENTS_OF_BOARDS) as jmp:
        yield jmp


@pytest.fixture(scope="session")
def our_environ(runtime: Path, home: Path) -> dict[str, str]:
    """Return the environment of our own client."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JMP_", "JUMPSTARTER_"))}
    return {**kept, "XDG_RUNTIME_DIR": str(runtime), "JMP_CLIENT_CONFIG_HOME": str(home)}


@pytest.fixture(scope="session")
def boards(upstream: Upstream, lab: VirtualLab, runtime: Path) -> Iterator[Mapping[str, Path]]:
    """Run upstream's exporter and ours, each with all drivers, and return the folders of their file stores."""
    environ = exporter_environ(upstream, runtime)
    folders = {name: runtime / name / "files" for name in PLACES}
    with ExitStack() as stack:
        files = {}
        for name, folder in folders.items():
            board = stack.enter_context(bench_board(folder.parent, folder))
            export = yaml.safe_load(board.read_text())["export"]
            files[name] = lab.write_exporter_config(folder.parent / "place.yaml", name, export)
        theirs = ExporterProcess.upstream(upstream, files["upstream"], environ)
        ours = ExporterProcess.ours(files["ours"], environ)
        stack.enter_context(started(lab, ("upstream", theirs), ("ours", ours)))
        yield folders
