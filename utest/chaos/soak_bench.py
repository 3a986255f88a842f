"""What soak runs share: a lab, and drivers that count what they are told to do."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import threading
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import grpc._channel

from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab

SCALE = 20.0
"""How much faster than real time the lab's own waits pass."""

BOARDS = ("s1", "s2", "s3")
US, OTHERS = "tester", ("other", "somebody")

PIECE = 64 * 1024
LOOK_S = 0.005

ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (NotImplementedError, ValueError, TimeoutError, ConnectionError, OSError, RuntimeError, KeyError)
}
"""What drivers can be told to raise."""


class Ledger:
    """How often each call was carried out, by the id that its caller chose."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._digests: dict[str, str] = {}

    def note(self, call: str) -> None:
        """A call is carried out."""
        with self._lock:
            self._counts[call] += 1

    def keep(self, call: str, digest: str) -> None:
        """A call took all of its data."""
        with self._lock:
            self._digests[call] = digest

    def count(self, call: str) -> int:
        """Return how often a call was carried out."""
        with self._lock:
            return self._counts[call]

    def digest(self, call: str) -> str | None:
        """Return the SHA-256 of what a call took; None if it did not come to its end."""
        with self._lock:
            return self._digests.get(call)

    def clear(self) -> None:
        """Forget everything: seeds that are repeated choose the same ids again."""
        with self._lock:
            self._counts.clear()
            self._digests.clear()

    def repeated(self) -> list[str]:
        """Return the calls that were carried out more than once."""
        with self._lock:
            return [call for call, count in self._counts.items() if count > 1]


class Tally(Driver):
    """Does what it is told, and writes that down first."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    @classmethod
    def client(cls) -> str:
        return "soak.Tally"

    @export
    async def once(self, call: str, wait_s: float) -> str:
        """Wait on the exporter's loop."""
        self._ledger.note(call)
        await asyncio.sleep(wait_s)
        return call

    @export
    def block(self, call: str, wait_s: float) -> str:
        """Wait in a thread of the exporter."""
        self._ledger.note(call)
        threading.Event().wait(wait_s)
        return call

    @export
    async def fail(self, call: str, kind: str) -> None:
        """Raise what is wanted."""
        self._ledger.note(call)
        raise ERRORS[kind]("as it was told to")

    @export
    async def several(self, call: str, number: int, wait_s: float) -> AsyncIterator[int]:
        """Yield numbers."""
        self._ledger.note(call)
        for one in range(number):
            await asyncio.sleep(wait_s)
            yield one

    @export
    async def take(self, handle: dict[str, Any], call: str) -> int:
        """Take an upload."""
        self._ledger.note(call)
        digest, size = hashlib.sha256(), 0
        async with self.resource(handle) as source:
            async for data in source:
                digest.update(data)
                size += len(data)
        self._ledger.keep(call, digest.hexdigest())
        return size

    @export
    async def give(self, handle: dict[str, Any], call: str, size: int) -> None:
        """Fill a download."""
        self._ledger.note(call)
        async with self.resource(handle) as sink:
            for start in range(0, size, PIECE):
                await sink.send(content(start, min(PIECE, size - start)))


def content(start: int, size: int) -> bytes:
    """Return a piece of the bytes that downloads consist of."""
    pattern = bytes(range(256))
    shift = start % 256
    return (pattern * (size // 256 + 2))[shift : shift + size]


class Bench:
    """A lab with three boards, for one run after the other. Use it as a context manager.

    Args:
        folder: Where runs may write.

    Attributes:
        folder: As given.
        lab: The lab.
        ledger: What its drivers did.
        sockets: How many this process may have between two runs; 0 while that is not known.
        channels: gRPC's channels that were there before: those of other tests in this process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = 0
        self.channels = weakref.WeakSet(open_channels())
        self.ledger = Ledger()
        exporters = [
            LabExporter(name=name, labels={"board": "soak", "name": name}, driver=self._drivers) for name in BOARDS
        ]
        self.lab = VirtualLab(exporters, clients={US: {}, **{name: {} for name in OTHERS}}, clock=Clock(scale=SCALE))

    def _drivers(self) -> Driver:
        return Composite(children={"tally": Tally(self.ledger), "console": PySerial(url="loop://")})

    def __enter__(self) -> Self:
        self.lab.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lab.__exit__(kind, error, trace)

    def active(self, client: str = US) -> list[str]:
        """Return the leases and requests of a client that are not over."""
        return [lease.name for lease in self.lab.leases() if lease.client == client and not lease.ended]

    def recover(self, limit_s: float) -> list[str]:
        """Let others go, and wait until all boards are free again; return those that are not.

        Args:
            limit_s: How long that may take.
        """
        for client in OTHERS:
            for name in self.active(client):
                self.lab.controller.release(name)
        self.lab.journal.clear()
        missing: dict[str, str] = {}

        def complete() -> bool:
            nonlocal missing
            missing = self._missing()
            return not missing

        # What was found last counts, and nobody looks again: in between, other boards may go and come back.
        eventually(complete, limit_s)
        return list(missing.values())

    def _missing(self) -> dict[str, str]:
        found = {}
        for name in BOARDS:
            # A hook may have ended it with exit status 1. No exporter begins anew by itself after that, upstream's
            # parent process does not start another one either: whoever runs it does, systemd for example, or this.
            exporter = self.lab.exporters[name]
            exporter.start()
            record = self.lab.controller.exporter(name)
            # A controller that has restarted knows no status of a board that opens its stream, and the last one of a
            # board that has not done so yet: only a board that says so is free, and has no session of a lease.
            free = record.online and record.registered and record.lease is None and record.status == _FREE
            if not free or exporter.session is not None:
                found[name] = (
                    f"board {name}: status {record.status}, online {record.online}, lease {record.lease}, "
                    f"session {exporter.session is not None}"
                )
        return found


_FREE = 2
"""AVAILABLE."""


def eventually(condition: Callable[[], object], limit_s: float) -> bool:
    """Wait for a condition; return whether it came true."""
    end = time.monotonic() + limit_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() >= end:
            return bool(condition())
        pause.wait(LOOK_S)
    return True


def open_channels() -> list[grpc.Channel]:
    """Return gRPC's synchronous channels that are still referenced; a lab has only those for asyncio."""
    gc.collect()
    return [one for one in gc.get_objects() if type(one) is grpc._channel.Channel]


def open_sockets() -> list[str]:
    """Return this process's sockets."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = str(entry.readlink())
            if target.startswith("socket:"):
                found.append(target)
    return found
