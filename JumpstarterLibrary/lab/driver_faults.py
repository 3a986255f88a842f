"""Faults of drivers: calls that fail or take long, bytes that are lost or garbled on their way.

The drivers themselves are real and know nothing of it. Their methods are wrapped, instance by instance, and look for a
fault each time they are used.
"""

from __future__ import annotations

import fnmatch
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from JumpstarterLibrary.exporter.driver import CallKind, Driver, call_kind
from JumpstarterLibrary.lab.call_faults import CallFault
from JumpstarterLibrary.lab.driver_place import DriverPlace
from JumpstarterLibrary.lab.stream_faults import FaultyResource, FaultyStream, StreamFault

_LIFE = frozenset({"reset", "close"})
"""Methods that a session itself needs."""

_EXPORTED: WeakKeyDictionary[type[Driver], dict[str, CallKind]] = WeakKeyDictionary()


class DriverFaults:
    """The faults of one exporter's drivers. To be used on the lab's loop only.

    Attributes:
        calls: Of calls.
        streams: Of byte streams.
        resources: Of the data of transfers.
        open: The byte streams that are open.
    """

    def __init__(self) -> None:
        self.calls: list[CallFault] = []
        self.streams: list[StreamFault] = []
        self.resources: list[StreamFault] = []
        self.open: WeakSet[FaultyStream] = WeakSet()

    def watched(self, root: Driver) -> Driver:
        """Return a driver tree, wrapped."""
        places: dict[int, DriverPlace] = {}
        for entry in root.enumerate():
            place = places.get(id(entry.driver))
            if place is None:
                place = places[id(entry.driver)] = DriverPlace(entry.driver)
                self._wrap(entry.driver, place)
            above = places[id(entry.parent)].paths if entry.parent is not None else [""]
            place.paths += [f"{path}.{entry.name}".lstrip(".") if entry.name else path for path in above]
        return root

    def call(self, place: DriverPlace, method: str) -> CallFault | None:
        """Return the fault that a call meets, the oldest that fits, and count it; None if it meets none."""
        for fault in self.calls:
            if fault.left and place.fits(fault.driver) and fnmatch.fnmatchcase(method, fault.method):
                fault.count()
                return fault
        return None

    def spoilt(self, faults: list[StreamFault], place: DriverPlace) -> Iterator[StreamFault]:
        """Yield the faults that meet a driver's bytes."""
        return (fault for fault in faults if place.fits(fault.driver))

    def _wrap(self, driver: Driver, place: DriverPlace) -> None:
        for name, kind in _exported(type(driver)).items():
            wrapper = _WRAPPERS[kind](self, place, name, getattr(driver, name))
            # Not by setattr: some classes check what is assigned to their fields.
            vars(driver)[name] = wrapper
        vars(driver)["resource"] = self._resource(place, driver.resource)

    def _resource(self, place: DriverPlace, method: Callable[..., Any]) -> Callable[..., Any]:
        @asynccontextmanager
        async def resource(handle: Mapping[str, Any], *arguments: Any, **options: Any) -> AsyncIterator[Any]:
            async with method(handle, *arguments, **options) as stream:
                faults = list(self.spoilt(self.resources, place))
                yield FaultyResource(stream, faults) if faults else stream

        return resource


def _exported(kind: type[Driver]) -> dict[str, CallKind]:
    """Return the methods of a class that clients reach, and how; looked up once, since labs build many of one class."""
    if kind not in _EXPORTED:
        found = {name: call_kind(inspect.getattr_static(kind, name)) for name in dir(kind)}
        _EXPORTED[kind] = {name: mark for name, mark in found.items() if mark is not None and name not in _LIFE}
    return _EXPORTED[kind]


def _unary(faults: DriverFaults, place: DriverPlace, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def call(*arguments: Any, **options: Any) -> Any:
            fault = faults.call(place, name)
            if fault is None:
                return await method(*arguments, **options)
            await fault.meet()
            return fault.answer(await method(*arguments, **options))

        return call

    @functools.wraps(method)
    def blocking_call(*arguments: Any, **options: Any) -> Any:
        fault = faults.call(place, name)
        if fault is None:
            return method(*arguments, **options)
        fault.meet_blocking()
        return fault.answer(method(*arguments, **options))

    return blocking_call


def _streaming(faults: DriverFaults, place: DriverPlace, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(method):

        @functools.wraps(method)
        async def items(*arguments: Any, **options: Any) -> AsyncIterator[Any]:
            fault = faults.call(place, name)
            if fault is not None:
                await fault.meet()
            async with aclosing(method(*arguments, **options)) as series:
                async for item in series:
                    yield item

        return items
    if inspect.isgeneratorfunction(method):

        @functools.wraps(method)
        def blocking_items(*arguments: Any, **options: Any) -> Iterator[Any]:
            fault = faults.call(place, name)
            if fault is not None:
                fault.meet_blocking()
            yield from method(*arguments, **options)

        return blocking_items
    return _unary(faults, place, name, method)


def _stream(faults: DriverFaults, place: DriverPlace, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    @asynccontextmanager
    async def connect(*arguments: Any, **options: Any) -> AsyncIterator[FaultyStream]:
        fault = faults.call(place, name)
        if fault is not None:
            await fault.meet()
        async with method(*arguments, **options) as far:
            stream = FaultyStream(far, lambda: faults.spoilt(faults.streams, place), place)
            faults.open.add(stream)
            yield stream

    return connect


_WRAPPERS = {CallKind.UNARY: _unary, CallKind.STREAMING: _streaming, CallKind.STREAM: _stream}
