"""Faults of drivers, consoles and images."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TypeVar

from JumpstarterLibrary.lab.call_faults import ERRORS, CallFault
from JumpstarterLibrary.lab.components import LabComponents
from JumpstarterLibrary.lab.driver_place import SERIAL
from JumpstarterLibrary.lab.faults.exporters import NAME
from JumpstarterLibrary.lab.faults.options import Option, count, seconds, share, size, text
from JumpstarterLibrary.lab.faults.table import lasting, once
from JumpstarterLibrary.lab.stream_faults import StreamFault

Kind = TypeVar("Kind")

DRIVER = Option("driver", text, "which drivers, by path, with * for any text; default: all", "*")
METHOD = Option("method", text, "which methods, likewise", "*")
TIMES = Option("times", count, "how many calls; default: until it is cleared")
CONSOLE = Option("driver", text, "which drivers, by path; default: all serial ports", SERIAL)
SEED = Option("seed", count, "decides which bytes it meets", 1)

FLOOD = 5 * 1024 * 1024
"""Bytes that are more than one message may have."""


@lasting(
    "driver",
    "raise",
    "Calls fail with an exception of Python's.",
    Option("error", text, "which", "RuntimeError", tuple(ERRORS)),
    Option("text", text, "its text", "the driver fails on request"),
    DRIVER,
    METHOD,
    TIMES,
    NAME,
)
async def raising(
    parts: LabComponents, *, error: str, text: str, driver: str, method: str, times: int | None, name: str
) -> AsyncIterator[None]:
    """Let calls fail."""
    fault = CallFault(clock=parts.clock, driver=driver, method=method, error=ERRORS[error], text=text, times=times)
    with _calls(parts, name, fault):
        yield


@lasting("driver", "delay", "Calls take long.", Option("delay", seconds, "how long", 1.0), DRIVER, METHOD, TIMES, NAME)
async def delay(
    parts: LabComponents, *, delay: float, driver: str, method: str, times: int | None, name: str
) -> AsyncIterator[None]:
    """Let calls take long."""
    with _calls(parts, name, CallFault(clock=parts.clock, driver=driver, method=method, delay=delay, times=times)):
        yield


@lasting(
    "driver",
    "flood",
    "Calls answer more than a message may hold.",
    Option("size", size, "how many bytes", FLOOD),
    DRIVER,
    METHOD,
    TIMES,
    NAME,
)
async def flood(
    parts: LabComponents, *, size: int, driver: str, method: str, times: int | None, name: str
) -> AsyncIterator[None]:
    """Let calls answer too much."""
    with _calls(parts, name, CallFault(clock=parts.clock, driver=driver, method=method, size=size, times=times)):
        yield


@lasting(
    "console",
    "garble",
    "Bytes from the board become others.",
    Option("share", share, "how many of them", 0.01),
    SEED,
    CONSOLE,
    NAME,
)
async def garble(parts: LabComponents, *, share: float, seed: int, driver: str, name: str) -> AsyncIterator[None]:
    """Garble what boards say."""
    with _streams(parts, name, StreamFault(driver=driver, garble=share, seed=seed)):
        yield


@lasting("console", "silence", "Nothing of what the board says arrives.", CONSOLE, NAME)
async def silence(parts: LabComponents, *, driver: str, name: str) -> AsyncIterator[None]:
    """Lose what boards say."""
    with _streams(parts, name, StreamFault(driver=driver, silent=True)):
        yield


@once("console", "close", "Streams that are open end.", CONSOLE, NAME)
async def close(parts: LabComponents, *, driver: str, name: str) -> None:
    """End streams."""
    for life in parts.exporters(name):
        for stream in list(life.faults.open):
            if stream.place.fits(driver):
                await stream.aclose()


@lasting(
    "flash",
    "truncate",
    "The last bytes of images get lost, in both directions, without an error.",
    Option("lose", size, "how many", 4096),
    DRIVER,
    NAME,
)
async def truncate(parts: LabComponents, *, lose: int, driver: str, name: str) -> AsyncIterator[None]:
    """Cut images off."""
    with _resources(parts, name, StreamFault(driver=driver, lose=lose)):
        yield


@lasting(
    "flash",
    "garble",
    "Bytes of images become others, in both directions.",
    Option("share", share, "how many of them", 0.001),
    SEED,
    DRIVER,
    NAME,
)
async def garble_image(parts: LabComponents, *, share: float, seed: int, driver: str, name: str) -> AsyncIterator[None]:
    """Garble images."""
    with _resources(parts, name, StreamFault(driver=driver, garble=share, seed=seed)):
        yield


@contextmanager
def _calls(parts: LabComponents, name: str, fault: CallFault) -> Iterator[None]:
    try:
        with _listed(fault, [life.faults.calls for life in parts.exporters(name)]):
            yield
    finally:
        fault.lift()


@contextmanager
def _streams(parts: LabComponents, name: str, fault: StreamFault) -> Iterator[None]:
    with _listed(fault, [life.faults.streams for life in parts.exporters(name)]):
        yield


@contextmanager
def _resources(parts: LabComponents, name: str, fault: StreamFault) -> Iterator[None]:
    with _listed(fault, [life.faults.resources for life in parts.exporters(name)]):
        yield


@contextmanager
def _listed(fault: Kind, lists: list[list[Kind]]) -> Iterator[None]:
    for faults in lists:
        faults.append(fault)
    try:
        yield
    finally:
        for faults in lists:
            faults.remove(fault)
