"""The base class of drivers, and the marks that let clients call their methods."""

from __future__ import annotations

import inspect
import logging
from abc import ABCMeta, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple, TypeVar
from uuid import UUID, uuid4

from JumpstarterLibrary.exporter.resources import ResourceStream, open_resource
from JumpstarterLibrary.protocol import jumpstarter_pb2
from JumpstarterLibrary.protocol.names import LABEL_CLIENT, LABEL_NAME

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__jumpstarter_call_kind__"


class CallKind(Enum):
    """The kind of call by which clients reach a driver method; each method has exactly one."""

    UNARY = "unary call"
    STREAMING = "streaming call"
    STREAM = "byte stream"


def export(function: Function) -> Function:
    """Let clients call a driver method: generators as streaming calls, everything else as unary calls.

    Coroutines and async generators run on the exporter's event loop, plain functions and generators in threads.
    """
    inner = inspect.unwrap(function)
    streaming = any(map(inspect.isgeneratorfunction, (function, inner))) or any(
        map(inspect.isasyncgenfunction, (function, inner))
    )
    setattr(function, _MARK, CallKind.STREAMING if streaming else CallKind.UNARY)
    return function


def exportstream(function: Function) -> Function:
    """Let clients open a driver method as a byte stream. The method is an async context manager that yields one."""
    setattr(function, _MARK, CallKind.STREAM)
    return function


def call_kind(function: object) -> CallKind | None:
    """Return how clients reach this method, or None if it is not exported."""
    kind = getattr(function, _MARK, None)
    return kind if isinstance(kind, CallKind) else None


class _Name:
    """A driver's ``name``: what its labels say, unless the class or the instance has a ``name`` of its own."""

    def __get__(self, driver: Driver | None, owner: type[Driver]) -> str:
        if driver is None:
            # The class has none, so that a dataclass below may have a field of that name without a default.
            raise AttributeError(f"type object {owner.__name__!r} has no attribute 'name'")
        name: str = vars(driver).get("name") or driver.labels.get(LABEL_NAME, "unknown")
        return name

    def __set__(self, driver: Driver, name: str) -> None:
        vars(driver)["name"] = name


@dataclass(kw_only=True, eq=False)
class Driver(metaclass=ABCMeta):
    """One function of a board, as the exporter offers it. Subclasses are keyword-only dataclasses, also pydantic's.

    Attributes:
        name: The label ``jumpstarter.dev/name``, or ``unknown``.
        children: Drivers below this one, by name.
        uuid: This instance's id in reports and calls.
        labels: Further report labels.
        description: A text for users.
        methods_description: Help texts by method name.
        log_level: The level of this class's logger.
        logger: ``driver.<class name>``; its records reach clients through the log stream.
    """

    uuid: UUID = field(default_factory=uuid4)
    labels: dict[str, str] = field(default_factory=dict)
    children: dict[str, Driver] = field(default_factory=dict, repr=False)
    # Offers by handle. Spelt loosely, since pydantic's dataclasses look into the types of inherited fields.
    resources: dict[UUID, Any] = field(init=False, default_factory=dict, repr=False)
    description: str | None = None
    methods_description: dict[str, str] = field(default_factory=dict)
    log_level: str = "INFO"
    logger: logging.Logger = field(init=False, repr=False)

    name = _Name()

    on_release: ClassVar[str | None] = None
    """The method that is called when a lease ends, if there is one; of the exporter's configuration."""

    def __post_init__(self) -> None:
        """Set up the logger. Subclasses with a ``__post_init__`` of their own call this one."""
        if hasattr(super(), "__post_init__"):
            # That of a mixin class, which has a place behind this one.
            super().__post_init__()  # type: ignore[misc]
        self.logger = logging.getLogger(f"driver.{type(self).__name__}")
        self.logger.setLevel(self.log_level)

    @classmethod
    @abstractmethod
    def client(cls) -> str:
        """Return the label by which clients choose their proxy: upstream's client class path."""

    def extra_labels(self) -> dict[str, str]:
        """Return labels that depend on the instance."""
        return {}

    def reset(self) -> None:
        """Prepare the hardware for a new session. Called on the exporter's event loop, so it must not block long."""
        _all("reset", self._own_children())

    def close(self) -> None:
        """Let go of the hardware at the end of a session. Called on the exporter's event loop.

        Children are closed first to last. A child that fails does not keep the others open; the last failure is raised,
        with the others as its context.
        """
        _all("close", self._own_children())

    def _own_children(self) -> Iterator[Driver]:
        """Yield the children that are not references: what they refer to has its own place in the tree."""
        return iter([child for child in self.children.values() if not getattr(child, "is_reference", False)])

    @asynccontextmanager
    async def resource(self, handle: Mapping[str, Any], timeout: float = 7200) -> AsyncIterator[ResourceStream]:
        """Open the data (or the sink) that a call's resource handle stands for.

        Args:
            handle: The handle as it arrived.
            timeout: Seconds that fetching a presigned request may take; default 2 hours.

        Raises:
            ValueError: It is no resource handle.
            UnknownResource: Nothing was offered to this driver under that handle, or it has been used.
            ResourceError: The data cannot be fetched, or not decoded.
        """
        stream = await open_resource(self.resources, handle, timeout)
        try:
            yield stream
        finally:
            await stream.aclose()

    def enumerate(
        self, *, root: Driver | None = None, parent: Driver | None = None, name: str | None = None
    ) -> list[TreeEntry]:
        """Return this driver and everything below it, depth first, a parent before its children.

        Args:
            root: The tree's root, from which proxies find their targets; this driver unless given.
            parent: The driver above.
            name: This driver's name under its parent.
        """
        entries = [TreeEntry(self.uuid, parent, name, self)]
        for child_name, child in self.children.items():
            entries += child.enumerate(root=root or self, parent=self, name=child_name)
        return entries

    def report(self, *, parent: Driver | None = None, name: str | None = None) -> jumpstarter_pb2.DriverInstanceReport:
        """Return this driver's entry in the exporter's report."""
        labels = {LABEL_CLIENT: type(self).client(), **self.labels, **self.extra_labels()}
        if name is not None:
            labels[LABEL_NAME] = name
        return jumpstarter_pb2.DriverInstanceReport(
            uuid=str(self.uuid),
            parent_uuid=str(parent.uuid) if parent is not None else None,
            labels=labels,
            description=self.description or None,
            methods_description=self.methods_description,
        )


def _all(method: str, drivers: Iterator[Driver]) -> None:
    for driver in drivers:
        try:
            getattr(driver, method)()
        finally:
            # The rest of the same iterator; it leaves nothing to the loop.
            _all(method, drivers)


class TreeEntry(NamedTuple):
    """One place in an exporter's tree. A proxy's place holds its target."""

    uuid: UUID
    parent: Driver | None
    name: str | None
    driver: Driver
