"""Base classes and decorators for drivers, under upstream's names. The classes are those of our exporter."""

from __future__ import annotations

import inspect
from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any, Final, TypeVar

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter import export as core_export
from JumpstarterLibrary.exporter import exportstream as core_exportstream
from JumpstarterLibrary.exporter.driver import CallKind, call_kind

__all__ = [
    "MARKER_DRIVERCALL",
    "MARKER_MAGIC",
    "MARKER_STREAMCALL",
    "MARKER_STREAMING_DRIVERCALL",
    "Driver",
    "FlasherInterface",
    "export",
    "exportstream",
]

Function = TypeVar("Function", bound=Callable[..., Any])

MARKER_MAGIC: Final = "07c9b9cc"
"""The value of upstream's marks. Our exporter goes by its own marks; these are for code that looks at a method."""

MARKER_DRIVERCALL: Final = "marker_drivercall"
MARKER_STREAMCALL: Final = "marker_streamcall"
MARKER_STREAMING_DRIVERCALL: Final = "marker_streamingdrivercall"


def export(func: Function) -> Function:
    """Let clients call a driver method: generators as streaming calls, everything else as unary calls.

    Also a function that a decorator returned, such as pydantic's ``validate_call``.

    Raises:
        ValueError: It is no function.
    """
    if not inspect.isroutine(inspect.unwrap(func)):
        raise ValueError(f"Only functions can be exported, not {func!r}. Put @export above a method.")
    exported = core_export(func)
    streaming = call_kind(exported) is CallKind.STREAMING
    setattr(exported, MARKER_STREAMING_DRIVERCALL if streaming else MARKER_DRIVERCALL, MARKER_MAGIC)
    return exported


def exportstream(func: Function) -> Function:
    """Let clients open a driver method as a byte stream. The method is an async context manager that yields one.

    Streams of anyio serve as well as ours: any object with ``send``, ``receive`` and ``aclose``.
    """
    exported = core_exportstream(func)
    setattr(exported, MARKER_STREAMCALL, MARKER_MAGIC)
    return exported


class FlasherInterface(metaclass=ABCMeta):
    """The methods of a flasher, and its label; for drivers to inherit beside ``Driver``."""

    @classmethod
    def client(cls) -> str:
        """Return the label by which clients choose their class."""
        return "jumpstarter.client.flasher.FlasherClient"

    @abstractmethod
    def flash(self, source: Any, target: str | None = None) -> Any:
        """Write a resource to a target, such as a partition."""

    @abstractmethod
    def dump(self, target: Any, partition: str | None = None) -> Any:
        """Send what is on a partition to a resource."""
