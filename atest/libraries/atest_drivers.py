"""Drivers for the acceptance tests: they fail in every way there is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from JumpstarterLibrary.exporter import Driver, export

ERRORS = {
    "value": ValueError("the value is too large"),
    "timeout": TimeoutError("the relay did not answer"),
    "connection": ConnectionRefusedError("the relay is offline"),
    "os": OSError("the disk is full"),
    "missing": NotImplementedError("this relay cannot do that"),
    "runtime": RuntimeError("the relay is stuck"),
}


@dataclass(kw_only=True)
class Faulty(Driver):
    """Fails as it is told."""

    @classmethod
    def client(cls) -> str:
        return "atest.Faulty"

    @export
    def fail(self, how: str) -> None:
        raise ERRORS[how]

    @export
    async def hang(self) -> None:
        await asyncio.Event().wait()

    @export
    async def count(self) -> AsyncIterator[int]:
        number = 0
        while True:
            yield number
            number += 1
            await asyncio.sleep(0.01)

    @export
    async def fail_after_two(self) -> AsyncIterator[int]:
        yield 1
        yield 2
        raise RuntimeError("the relay is stuck")

    @export
    def echo(self, *values: object) -> list[object]:
        return list(values)


@dataclass(kw_only=True)
class FaultyPower(Driver):
    """A power driver whose hardware is broken."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_power.client.PowerClient"

    @export
    def on(self) -> None:
        raise OSError("the relay is stuck")

    @export
    def off(self) -> None:
        raise OSError("the relay is stuck")

    @export
    async def read(self) -> AsyncIterator[dict[str, float]]:
        await asyncio.Event().wait()
        yield {}


@dataclass(kw_only=True)
class RecordingPower(Driver):
    """A power driver that remembers what was switched, and when."""

    switched: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_power.client.PowerClient"

    @export
    def on(self) -> None:
        self._switch("on")

    @export
    def off(self) -> None:
        self._switch("off")

    @export
    def history(self) -> list[str]:
        """What was switched so far."""
        return list(self.switched)

    @export
    def last_pause(self) -> float:
        """The seconds between the last two."""
        return self.moments[-1] - self.moments[-2]

    def _switch(self, to: str) -> None:
        self.switched.append(to)
        self.moments.append(time.monotonic())


@dataclass(kw_only=True)
class SilentPower(Driver):
    """A power driver that measures nothing but zeroes."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_power.client.PowerClient"

    @export
    def on(self) -> None: ...

    @export
    def off(self) -> None: ...

    @export
    async def read(self) -> AsyncIterator[dict[str, float]]:
        while True:
            yield {"voltage": 0.0, "current": 0.0}


@dataclass(kw_only=True)
class UnmeasuredPower(Driver):
    """A power driver that cannot measure."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_power.client.PowerClient"

    @export
    def on(self) -> None: ...

    @export
    def off(self) -> None: ...


@dataclass(kw_only=True)
class FullMux(Driver):
    """A storage mux whose medium is too small, and hangs on reading."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_opendal.client.StorageMuxClient"

    @export
    def host(self) -> None: ...

    @export
    def dut(self) -> None: ...

    @export
    async def write(self, src: dict[str, object]) -> None:
        async with self.resource(src) as stream:
            await stream.receive()
            raise OSError("No space left on device")

    @export
    async def read(self, dst: dict[str, object]) -> None:
        async with self.resource(dst) as stream:
            await stream.send(b"too short")


@dataclass(kw_only=True)
class SlowMux(FullMux):
    """A storage mux that takes no data."""

    @export
    async def write(self, src: dict[str, object]) -> None:
        async with self.resource(src):
            await asyncio.Event().wait()


@dataclass(kw_only=True)
class ForgetfulMux(FullMux):
    """A storage mux that says it has written, and has not."""

    @export
    async def write(self, src: dict[str, object]) -> None:
        async with self.resource(src) as stream:
            async for _chunk in stream:
                pass


@dataclass(kw_only=True)
class RecordingMux(FullMux):
    """A storage mux that remembers who was given its medium."""

    sides: list[str] = field(default_factory=list)

    @export
    def host(self) -> None:
        self.sides.append("exporter")

    @export
    def dut(self) -> None:
        self.sides.append("device")

    @export
    def history(self) -> list[str]:
        """Who was given the medium so far."""
        return list(self.sides)
