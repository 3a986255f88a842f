"""An exporter process that is killed in the middle of everything: each operation ends with a LinkError soon."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device, DirectConnection
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.errors import LinkError, OperationTimeout
from JumpstarterLibrary.types import Tls

pytestmark = pytest.mark.leaves("file", "process", reason="exporters of the module, some of which are killed")

ROOT = Path(__file__).parents[2]
START_S = 20.0
LIMIT_S = 5.0

DRIVERS = """
import asyncio
from collections.abc import AsyncIterator
from JumpstarterLibrary.exporter import Driver, export


class Slow(Driver):
    running = ()

    @classmethod
    def client(cls) -> str:
        return "test.Slow"

    @export
    async def runs(self, method: str) -> bool:
        return method in self.running

    @export
    async def wait(self) -> None:
        self.running += ("wait",)
        await asyncio.Event().wait()

    @export
    async def wait_in_a_stream(self) -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    @export
    async def take(self, handle: dict) -> None:
        async with self.resource(handle) as source:
            await source.receive()
            self.running += ("take",)
            await asyncio.Event().wait()

    @export
    async def give(self, handle: dict) -> None:
        async with self.resource(handle) as sink:
            await sink.send(b"first")
            await asyncio.Event().wait()
"""

CONFIG = """
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
export:
  slow:
    type: slow_drivers.Slow
  console:
    type: jumpstarter_driver_pyserial.driver.PySerial
    config:
      url: loop://
  echo:
    type: jumpstarter_driver_network.driver.EchoNetwork
"""


@dataclass
class Process:
    """A running exporter."""

    process: subprocess.Popen[str]
    host: str


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """Start exporters in processes of their own."""
    folder = tmp_path_factory.mktemp("exporter")
    (folder / "slow_drivers.py").write_text(DRIVERS)
    (folder / "exporter.yaml").write_text(CONFIG)
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-m", "JumpstarterLibrary.exporter", str(folder / "exporter.yaml"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(folder)},
        )
        running.append(process)
        assert process.stdout is not None
        return Process(process, process.stdout.readline().strip())

    yield run
    for process in running:
        process.kill()
        process.wait(START_S)
        assert process.stdout is not None
        process.stdout.close()


def watch(device: Device, method: str, ready: threading.Event) -> None:
    """Set an event as soon as a call has come to the driver."""

    def look() -> None:
        while not device.client.slow.call("runs", method, timeout=START_S):
            pass
        ready.set()

    threading.Thread(target=look, daemon=True).start()


def unary(device: Device, ready: threading.Event) -> None:
    watch(device, "wait", ready)
    device.client.slow.call("wait")


def streaming(device: Device, ready: threading.Event) -> None:
    for _ in device.client.slow.streamingcall("wait_in_a_stream"):
        ready.set()


def upload(device: Device, ready: threading.Event) -> None:
    watch(device, "take", ready)
    device.client.slow._upload("take", Source.of(bytes(64 << 20)))


def download(device: Device, ready: threading.Event) -> None:
    class Sink(io.BytesIO):
        def write(self, data: Any) -> int:
            ready.set()
            return super().write(data)

    device.client.slow._download("give", Sink())


def byte_stream(device: Device, ready: threading.Event) -> None:
    with device.client.echo.stream() as stream:
        ready.set()
        stream.receive()


def console(device: Device, ready: threading.Event) -> None:
    found: Console = device.console()
    found.write(b"hello")
    found.wait_for("hello", LIMIT_S)
    ready.set()
    found.wait_for("never", 60)


OPERATIONS: dict[str, tuple[Callable[[Device, threading.Event], None], str]] = {
    "unary": (unary, "The link to exporter '{host}' broke during 'wait' of driver 'slow': "),
    "streaming": (streaming, "The link to exporter '{host}' broke during 'wait_in_a_stream' of driver 'slow': "),
    "upload": (upload, "The link to exporter '{host}' broke during 'take' of driver 'slow': "),
    "download": (download, "The link to exporter '{host}' broke during 'give' of driver 'slow': "),
    "byte stream": (byte_stream, "The link to exporter '{host}' broke during 'connect' of driver 'echo': "),
    "console": (
        console,
        "The stream of console 'console' broke while waiting for 'never': "
        "The link to exporter '{host}' broke during 'connect' of driver 'console': ",
    ),
}

END = "It is not known whether the exporter carried it out."


@pytest.fixture(scope="module", params=["unix socket", "TCP"])
def killed(request: pytest.FixtureRequest, start: Callable[..., Process]) -> tuple[str, dict[str, LinkError]]:
    """Run all operations at once, each on a device of its own, and kill the exporter in the middle of them."""
    exporter = start() if request.param == "unix socket" else start("--tcp", "127.0.0.1:0", "--insecure")
    tls = None if request.param == "unix socket" else Tls.plaintext
    connection = DirectConnection.from_arguments(exporter.host, tls=tls, environ={})
    errors: dict[str, LinkError] = {}
    ready = {name: threading.Event() for name in OPERATIONS}

    def run(name: str) -> None:
        with Device.connect(connection, START_S) as device:
            try:
                OPERATIONS[name][0](device, ready[name])
            except LinkError as error:
                errors[name] = error

    threads = [threading.Thread(target=run, args=(name,), daemon=True) for name in OPERATIONS]
    for thread in threads:
        thread.start()
    for name, event in ready.items():
        assert event.wait(START_S), name
    exporter.process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join(START_S)
    return exporter.host, errors


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_in_the_middle(killed: tuple[str, dict[str, LinkError]], operation: str) -> None:
    host, errors = killed
    assert type(errors[operation]) is LinkError
    text = str(errors[operation])
    assert text.startswith(OPERATIONS[operation][1].format(host=host))
    assert text.endswith(END)


def test_a_lost_exporter_stays_lost(start: Callable[..., Process]) -> None:
    exporter = start()
    connection = DirectConnection.from_arguments(exporter.host, environ={})
    with Device.connect(connection, START_S) as device:
        exporter.process.kill()
        exporter.process.wait(START_S)
        for _ in range(3):
            with pytest.raises(LinkError) as info:
                device.client.slow.call("wait", timeout=LIMIT_S)
        # The first call may still have been on its way.
        assert str(info.value) == (
            f"Exporter '{exporter.host}' (from host=) cannot be reached any more: connection refused. 'wait' of driver "
            "'slow' was not sent to it. Check that it still runs and listens there."
        )


def test_a_stopped_exporter_does_not_hang_what_has_a_timeout(start: Callable[..., Process]) -> None:
    exporter = start()
    connection = DirectConnection.from_arguments(exporter.host, environ={})
    with Device.connect(connection, START_S) as device:
        exporter.process.send_signal(signal.SIGSTOP)
        with pytest.raises(OperationTimeout, match=r"^'wait' of driver 'slow' did not finish within 200 milliseconds "):
            device.client.slow.call("wait", timeout=0.2)
        with pytest.raises(OperationTimeout, match=r"^The exporter's status \(GetStatus\) did not finish within "):
            device.status(timeout=0.2)
        exporter.process.send_signal(signal.SIGCONT)
        assert device.status(timeout=START_S).status == "LEASE_READY"
