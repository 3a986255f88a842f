"""A journal of all RPCs that a server of the lab answered, and counters of what is open."""

from __future__ import annotations

import inspect
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.protocol.names import PASSPHRASE_KEY

if TYPE_CHECKING:
    _Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    _Interceptor = grpc.aio.ServerInterceptor

LIMIT = 100_000
"""Entries that are kept unless told otherwise; then the oldest are dropped."""

RUNNING = "calls"
"""The counter of the RPCs that are being answered."""

_MASK = "***"


@dataclass
class Call:
    """One RPC.

    Attributes:
        server: Which server of the lab answered it: ``controller``, ``router``.
        service: The service's bare name, for example ``ClientService``.
        method: The RPC, for example ``CreateLease``.
        time: Lab time at its begin.
        caller: What it sent as ``jumpstarter-name``; empty without.
        metadata: What it sent, with tokens and passphrases masked.
        request: The request message; None for streams of requests.
        code: How it ended; None while it runs.
        details: The text that went with the code.
        seconds: Real seconds it took; None while it runs.
        limit_s: Seconds that the caller granted; None without a limit.
    """

    server: str
    service: str
    method: str
    time: datetime
    caller: str = ""
    metadata: dict[str, str] | None = None
    request: Any = None
    code: grpc.StatusCode | None = None
    details: str = ""
    seconds: float | None = None
    limit_s: float | None = None


class Journal:
    """Remembers RPCs and counts what is open. All its methods may be used from any thread.

    Args:
        limit: How many RPCs to remember.
        clock: Whose time the entries carry. Default: real time.
    """

    def __init__(self, limit: int = LIMIT, clock: Clock | None = None) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=limit)
        self._open: Counter[str] = Counter()
        self._clock = clock

    @property
    def open(self) -> dict[str, int]:
        """What is open now, by name; what is not open at all is left out."""
        with self._lock:
            return {name: count for name, count in sorted(self._open.items()) if count}

    def entries(self, service: str | None = None, method: str | None = None, caller: str | None = None) -> list[Call]:
        """Return the RPCs so far, oldest first, those that run included.

        Args:
            service: Only of this service; its bare name.
            method: Only this RPC.
            caller: Only from the client or exporter of this name.
        """
        wanted = {"service": service, "method": method, "caller": caller}
        fields = {name: value for name, value in wanted.items() if value is not None}
        with self._lock:
            calls = [replace(call) for call in self._calls]
        return [call for call in calls if all(getattr(call, name) == value for name, value in fields.items())]

    def clear(self) -> None:
        """Forget the RPCs so far. The counters stay."""
        with self._lock:
            self._calls.clear()

    def count(self, name: str, change: int) -> None:
        """Change the counter of something that is open."""
        with self._lock:
            self._open[name] += change

    @contextmanager
    def opened(self, name: str) -> Iterator[None]:
        """Count something as open while the block runs."""
        self.count(name, 1)
        try:
            yield
        finally:
            self.count(name, -1)

    @contextmanager
    def call(
        self, server: str, path: str, metadata: Iterable[tuple[str, Any]], context: Any
    ) -> Iterator[tuple[Call, Any]]:
        """Write down an RPC: its begin now, and how it ended before the caller is told.

        Args:
            server: Which server answers.
            path: The RPC's path, ``/package.Service/Method``.
            metadata: What came with it.
            context: Its servicer context, which knows the code at the end.

        Yields:
            The entry, and the context to hand on: its ``abort()`` ends the entry before the status is sent.
        """
        service, _, method = path.lstrip("/").rpartition("/")
        now = self._clock.now() if self._clock is not None else datetime.now(UTC)
        sent = masked(metadata)
        caller, limit = sent.get("jumpstarter-name", ""), context.time_remaining()
        call = Call(server, service.rpartition(".")[2], method, now, caller, sent, limit_s=limit)
        began = time.monotonic()
        with self._lock:
            self._calls.append(call)
            self._open[RUNNING] += 1

        def end(code: grpc.StatusCode, details: str) -> None:
            with self._lock:
                if call.code is not None:
                    return
                call.code, call.details, call.seconds = code, details, time.monotonic() - began
                self._open[RUNNING] -= 1

        code: grpc.StatusCode | None = None
        try:
            yield call, _WatchedContext(context, end)
        except grpc.aio.AbortError:
            raise
        except BaseException as error:
            code = grpc.StatusCode.UNKNOWN if isinstance(error, Exception) else grpc.StatusCode.CANCELLED
            raise
        finally:
            end(code or _code(context), _text(context.details()))


class _WatchedContext:
    """A servicer context that tells of its abort before the caller has it."""

    def __init__(self, context: Any, end: Callable[[grpc.StatusCode, str], None]) -> None:
        self._context = context
        self._end = end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> None:
        # grpc.aio sends the status within abort(), so that a caller may ask the journal before the servicer returns.
        self._end(code, details)
        await self._context.abort(code, details, trailing_metadata)


class JournalInterceptor(_Interceptor):
    """Writes every RPC of a ``grpc.aio`` server into a journal. Put it first, so that it sees what others refuse.

    Args:
        journal: Where to.
        server: The server's name in the entries.
    """

    def __init__(self, journal: Journal, server: str) -> None:
        self._journal = journal
        self._server = server

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Let an RPC pass and write it down."""
        details: Any = handler_call_details
        handler = await continuation(handler_call_details)
        if handler is None:
            return _unimplemented(lambda context: self._call(details, context))
        return wrapped(handler, lambda function: self._watching(details, handler, function))

    def _call(self, details: Any, context: Any) -> Any:
        return self._journal.call(self._server, details.method, details.invocation_metadata, context)

    def _watching(self, details: Any, handler: Any, function: Any) -> Any:
        if inspect.isasyncgenfunction(function):

            async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
                with self._call(details, context) as (call, watched):
                    call.request = None if handler.request_streaming else request
                    async for answer in function(request, watched):
                        yield answer

            return stream

        async def unary(request: Any, context: Any) -> Any:
            with self._call(details, context) as (call, watched):
                call.request = None if handler.request_streaming else request
                return await function(request, watched)

        return unary


def wrapped(handler: Any, wrap: Callable[[Any], Any]) -> Any:
    """Return an RPC's handler with its function exchanged for ``wrap(function)``."""
    shape = "stream" if handler.request_streaming else "unary"
    shape += "_stream" if handler.response_streaming else "_unary"
    return getattr(grpc, f"{shape}_rpc_method_handler")(
        wrap(getattr(handler, shape)), handler.request_deserializer, handler.response_serializer
    )


def masked(metadata: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Return metadata by key, without the secrets in it."""
    return {key: _masked(key, _text(value)) for key, value in metadata}


def _masked(key: str, value: str) -> str:
    if key == "authorization":
        scheme, blank, _ = value.partition(" ")
        return f"{scheme} {_MASK}" if blank else _MASK
    return _MASK if key == PASSPHRASE_KEY else value


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _code(context: Any) -> grpc.StatusCode:
    # grpc.aio hands out the number; 0 also stands for "nothing was set".
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return next(known for known in grpc.StatusCode if known.value[0] == (code or 0))


def _unimplemented(call: Callable[[Any], Any]) -> Any:
    async def refuse(_requests: object, context: Any) -> None:
        with call(context) as (_, watched):
            await watched.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")

    # A method without a request or a response is no less streaming for that: this shape fits all four.
    return grpc.stream_stream_rpc_method_handler(refuse)
