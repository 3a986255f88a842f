"""From a call on the wire to a driver's method, and from its outcome back."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import grpc

from JumpstarterLibrary.exporter.driver import CallKind, Driver, call_kind
from JumpstarterLibrary.exporter.driver_threads import DriverBusy, DriverThreads
from JumpstarterLibrary.exporter.threaded import ThreadedIterator
from JumpstarterLibrary.exporter.workers import Threads
from JumpstarterLibrary.protocol import decode, encode
from JumpstarterLibrary.protocol.wellknown import Value

DETAILS_LIMIT = 2048
"""Characters of an error text; clients refuse answers whose metadata exceeds 8 KiB."""

_STATUS: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    # In this order: TimeoutError and ConnectionError are OSErrors, some library errors are OSError and ValueError.
    (DriverBusy, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (NotImplementedError, grpc.StatusCode.UNIMPLEMENTED),
    (ValueError, grpc.StatusCode.INVALID_ARGUMENT),
    (TimeoutError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (ConnectionError, grpc.StatusCode.UNAVAILABLE),
    (OSError, grpc.StatusCode.INTERNAL),
)


class CallFailed(Exception):
    """A call's status, other than OK.

    Attributes:
        code: The gRPC status code.
        details: The text that the client gets.
    """

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self.code = code
        self.details = details.encode(errors="replace").decode()[:DETAILS_LIMIT]
        super().__init__(f"{code.name}: {self.details}")


def status_code(error: BaseException) -> grpc.StatusCode:
    """Return the status that stands for a driver's exception."""
    return next((code for kind, code in _STATUS if isinstance(error, kind)), grpc.StatusCode.UNKNOWN)


def unexpected(error: BaseException) -> CallFailed:
    """Return the failure of an RPC whose handling itself failed, in the words that upstream's clients know."""
    return CallFailed(grpc.StatusCode.UNKNOWN, f"Unexpected {type(error)}: {error}")


@contextmanager
def map_driver_errors(logger: logging.Logger, method: str) -> Iterator[None]:
    """Turn the exceptions of driver code in the block into a CallFailed."""
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Not the caller's cancellation but one that happened inside the driver.
        raise CallFailed(grpc.StatusCode.UNKNOWN, f"{method} was cancelled inside the driver.") from error
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        code = status_code(error)
        if code is grpc.StatusCode.UNKNOWN:
            logger.error("%s failed", method, exc_info=error)
        else:
            logger.info("%s failed: %s", method, error)
        raise CallFailed(code, str(error) or type(error).__name__) from error


def exported(driver: Driver, name: str, kind: CallKind) -> Callable[..., Any]:
    """Return a driver's method that is exported for this kind of call.

    Raises:
        CallFailed: NOT_FOUND; there is no such method, or it is not exported, or for another kind of call.
    """
    # Statically first: a name from the wire must not run a property.
    found = call_kind(inspect.getattr_static(driver, name, None))
    if found is kind:
        method: Callable[..., Any] = getattr(driver, name)
        return method
    if found is not None:
        problem = f"The method {name!r} of {type(driver).__name__} is for a {found.value}, not for a {kind.value}."
    else:
        problem = f"{type(driver).__name__} exports no method {name!r}."
    others = sorted(
        other for other in dir(type(driver)) if call_kind(inspect.getattr_static(type(driver), other)) is kind
    )
    hint = f" For a {kind.value} it has: {', '.join(others)}." if others else f" It has no method for a {kind.value}."
    raise CallFailed(grpc.StatusCode.NOT_FOUND, problem + hint)


def arguments(values: Sequence[Value]) -> list[Any]:
    """Return a call's arguments; whole numbers as ``int``.

    Raises:
        CallFailed: INVALID_ARGUMENT; one holds a number that is not finite.
    """
    decoded = [decode(value) for value in values]
    for position, argument in enumerate(decoded, 1):
        if not _finite(argument):
            raise CallFailed(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"Argument {position} holds a number that is not finite. Send null or text instead.",
            )
    return decoded


def _finite(value: object) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_finite, value))
        case dict():
            return all(map(_finite, value.values()))
    return True


def encode_result(result: object) -> Value:
    """Return what travels for a driver method's result; numbers may be rounded.

    Raises:
        ValueError: It cannot travel.
    """
    return encode(result, exact=False)


async def call_unary(threads: DriverThreads, driver: Driver, name: str, values: Sequence[Value]) -> Value:
    """Call a method and return its encoded result.

    Raises:
        CallFailed: The method is not there, or failed, or its result cannot travel.
    """
    method = exported(driver, name, CallKind.UNARY)
    decoded = arguments(values)
    with map_driver_errors(driver.logger, name):
        return encode_result(await _result(threads.of(driver, name), method, decoded))


async def _result(threads: Threads, method: Callable[..., Any], decoded: list[Any]) -> object:
    if inspect.iscoroutinefunction(method):
        return await method(*decoded)
    result = await threads.run(method, *decoded)
    # Decorators such as pydantic's may hide that a function is a coroutine function.
    return await result if isinstance(result, Awaitable) else result


async def call_streaming(
    threads: DriverThreads, driver: Driver, name: str, values: Sequence[Value]
) -> AsyncGenerator[Value, None]:
    """Call a method and yield its encoded items. Closing this iterator closes the driver's.

    Raises:
        CallFailed: The method is not there, or failed, or an item cannot travel.
    """
    method = exported(driver, name, CallKind.STREAMING)
    decoded = arguments(values)
    with map_driver_errors(driver.logger, name):
        async with aclosing(await _items(threads.of(driver, name), method, decoded)) as items:
            async for item in items:
                yield encode_result(item)


async def _items(threads: Threads, method: Callable[..., Any], decoded: list[Any]) -> Any:
    if inspect.isasyncgenfunction(method) or inspect.isgeneratorfunction(method):
        items = method(*decoded)
    else:
        items = await threads.run(method, *decoded)
    return items if isinstance(items, AsyncIterator) else ThreadedIterator(threads, items)
