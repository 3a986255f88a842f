"""One serial port of our exporter, read by upstream's clients and by ours."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from interop.upstream import Upstream
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.serial import PySerial

READ = Path(__file__).parent / "peer" / "read_serial.py"

LIMIT_S = 60.0

DATA = random.Random(1).randbytes(300_000)


@pytest.fixture
def board() -> Iterator[tuple[int, str]]:
    """Make a pseudo terminal; return the board's end and the exporter's socket."""
    master, slave = os.openpty()
    with serve(Composite(children={"serial": PySerial(url=os.ttyname(slave))})) as exporter:
        yield master, exporter.host
    os.close(master)
    os.close(slave)


@contextmanager
def reader(upstream: Upstream, runtime: Path, host: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start upstream's client, and wait until its stream is open."""
    environ = upstream.environ(runtime, JUMPSTARTER_HOST=host, JMP_DRIVERS_ALLOW="UNSAFE")
    command = [upstream.python, str(READ), str(len(DATA)), *words]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def say(master: int) -> None:
    data = DATA
    while data:
        data = data[os.write(master, data) :]


def hash_of(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=LIMIT_S)[0].strip()


def test_upstreams_clients_and_ours_all_get_every_byte(
    upstream: Upstream, runtime: Path, board: tuple[int, str]
) -> None:
    master, host = board
    connection = DirectConnection.from_arguments(host, environ={})
    with ExitStack() as stack:
        first = stack.enter_context(reader(upstream, runtime, host, "typed"))
        assert os.read(master, 5) == b"typed"
        second = stack.enter_context(reader(upstream, runtime, host))
        device = stack.enter_context(Device.connect(connection))
        stream = stack.enter_context(device.driver("serial").stream())
        talking = threading.Thread(target=say, args=(master,), daemon=True)
        talking.start()
        ours = b""
        while len(ours) < len(DATA):
            ours += stream.receive(timeout=LIMIT_S)
        talking.join(LIMIT_S)
        expected = hashlib.sha256(DATA).hexdigest()
        assert [hash_of(first), hash_of(second), hashlib.sha256(ours).hexdigest()] == [expected] * 3


def test_one_client_of_upstreams_after_the_other_reads_as_ever(
    upstream: Upstream, runtime: Path, board: tuple[int, str]
) -> None:
    master, host = board
    for turn in ("first", "second"):
        with reader(upstream, runtime, host, turn) as process:
            assert os.read(master, 10) == turn.encode()
            say(master)
            assert hash_of(process) == hashlib.sha256(DATA).hexdigest()
