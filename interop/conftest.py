"""Upstream's exporters and ours, as processes that live as long as the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from interop.certificates import Certificates, make_certificates
from interop.environments import EnvironmentUnavailable
from interop.exporters import bench_board, our_exporter, short_folder, upstream_unix
from interop.upstream import Upstream, install
from JumpstarterLibrary.client import Device, DirectConnection
from scripts.surroundings import let_ctrl_c_interrupt, pass_hangups_on


@dataclass(frozen=True)
class Exporter:
    """A running exporter.

    Attributes:
        kind: ``upstream`` or ``ours``.
        host: Its unix socket.
        files: The folder that its driver ``files`` serves.
    """

    kind: str
    host: str
    files: Path


@pytest.fixture(scope="session", autouse=True)
def _signals() -> None:
    """Let a hang-up end the programs that tests start, and Ctrl-C interrupt them."""
    pass_hangups_on()
    let_ctrl_c_interrupt()


@pytest.fixture(scope="session")
def upstream() -> Upstream:
    """Return upstream's installation; without the package index there is none, and nothing to try."""
    try:
        return install()
    except EnvironmentUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def runtime() -> Iterator[Path]:
    """Make a folder for sockets and configuration."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def config(runtime: Path) -> Iterator[Path]:
    """Start what the drivers reach and write the configuration that all exporters share."""
    with bench_board(runtime, runtime / "files") as file:
        yield file


@pytest.fixture(scope="session")
def certificates(runtime: Path) -> Certificates:
    """Make an authority and a server certificate."""
    return make_certificates(runtime)


@pytest.fixture(scope="session")
def upstream_exporter(upstream: Upstream, config: Path, runtime: Path) -> Iterator[Exporter]:
    """Run upstream's exporter."""
    with upstream_unix(upstream, config, runtime) as host:
        yield Exporter("upstream", host, runtime / "files")


@pytest.fixture(scope="session", params=["upstream", "ours"])
def exporter(request: pytest.FixtureRequest, config: Path, runtime: Path) -> Iterator[Exporter]:
    """Run the exporter that the test is for: the same suite judges upstream's and ours."""
    with ExitStack() as stack:
        if request.param == "upstream":
            yield request.getfixturevalue("upstream_exporter")
        else:
            yield Exporter("ours", stack.enter_context(our_exporter(config, runtime)), runtime / "files")


@pytest.fixture
def device(exporter: Exporter) -> Iterator[Device]:
    """Connect our client."""
    with Device.connect(DirectConnection.from_arguments(exporter.host)) as device:
        yield device
