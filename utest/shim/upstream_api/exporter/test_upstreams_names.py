"""Upstream's import names of the exporter's side, and packages of drivers that were written with them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_what_upstreams_tests_replace_is_replaced_where_it_is_used() -> None:
    script = (
        "from unittest.mock import patch\n"
        "from pytest_jumpstarter.compat_modules import append_to_path\n"
        "append_to_path()\n"
        "from jumpstarter.common.oci import OciCredentials, resolve_oci_credentials\n"
        "found = OciCredentials('a', 'b')\n"
        "with patch('jumpstarter.common.oci.read_auth_file_credentials', return_value=found):\n"
        "    assert resolve_oci_credentials('oci://quay.io/x') is found\n"
        "from jumpstarter.common.fls import get_fls_binary\n"
        "with patch('jumpstarter.common.fls.download_fls', return_value='/x'):\n"
        "    assert get_fls_binary('0.1') == '/x'\n"
    )
    environ = {**os.environ, "OCI_USERNAME": "", "OCI_PASSWORD": ""}
    run = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")


DRIVER = '''
from contextlib import asynccontextmanager

import anyio
from anyio.streams.stapled import StapledObjectStream
from pydantic import validate_call
from pydantic.dataclasses import dataclass

from jumpstarter.driver import Driver, export, exportstream
from jumpstarter_driver_power.driver import PowerInterface, PowerReading


@dataclass(kw_only=True)
class Relay(PowerInterface, Driver):
    """One channel of a relay board.

    >>> with serve(Relay(channel=3)) as relay:
    ...     relay.on()
    ...     list(relay.read()) == [PowerReading(voltage=3.0, current=0.5)]
    ...     relay.call("number", 4)
    True
    7
    >>> with run("{type: bench_drivers.driver.Relay, config: {channel: 2}}") as relay:
    ...     with relay.stream() as stream:
    ...         stream.send(b"x")
    ...         stream.receive()
    b'x'
    """

    channel: int

    @export
    def on(self):
        self.logger.info("on %d", self.channel)

    @export
    def off(self): ...

    @export
    def read(self):
        yield PowerReading(voltage=self.channel, current=0.5)

    @export
    @validate_call(validate_return=True)
    def number(self, n: int) -> int:
        return n + self.channel

    @exportstream
    @asynccontextmanager
    async def connect(self):
        near, far = anyio.create_memory_object_stream[bytes](32)
        async with StapledObjectStream(near, far) as stream:
            yield stream
'''

SUITE = """
import anyio
import pytest
from bench_drivers.driver import Relay
from jumpstarter.client.core import DriverError
from jumpstarter.common import TemporaryTcpListener
from jumpstarter.common.utils import serve
from jumpstarter.streams.common import create_memory_stream, forward_stream
from jumpstarter_driver_composite.driver import Composite, Proxy
from jumpstarter_driver_network.driver import TcpNetwork


def test_a_relay_under_a_composite():
    with serve(Composite(children={"relay": Relay(channel=1), "main": Proxy(ref="relay")})) as client:
        client.main.on()
        assert client.relay.call("number", 1) == 2
        with pytest.raises(DriverError):
            client.relay.call("number", "many")


async def _echo(stream):
    async with stream:
        async for chunk in stream:
            await stream.send(chunk)


@pytest.mark.anyio
async def test_a_stream_without_an_exporter():
    async with TemporaryTcpListener(_echo) as (host, port):
        async with TcpNetwork(host=host, port=port).connect() as far:
            near, mine = create_memory_stream()
            async with forward_stream(near, far):
                await mine.send(b"hello")
                assert await mine.receive() == b"hello"
                await mine.send_eof()
                with pytest.raises(anyio.EndOfStream):
                    await mine.receive()
            await mine.aclose()


@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A user's package of drivers for upstream, with tests beside the code."""
    folder = tmp_path / "bench_drivers"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "driver.py").write_text(DRIVER)
    (folder / "driver_test.py").write_text(SUITE)
    return tmp_path


def pytest_run(package: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *options, str(package)]
    run = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=100)
    return run.stdout.strip().splitlines()[-1].partition(" in ")[0] if run.returncode == 0 else run.stdout


def test_a_users_package_of_drivers_passes_its_tests(package: Path) -> None:
    assert pytest_run(package, "--import-mode=importlib") == "2 passed"


def test_examples_in_docstrings_of_drivers_are_run(package: Path) -> None:
    options = ("--doctest-modules", "-o", "jumpstarter_autouse_fixtures=doctest_namespace")
    assert pytest_run(package, *options, "--ignore-glob=*_test.py") == "1 passed"
