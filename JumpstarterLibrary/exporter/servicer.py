"""ExporterService and the byte streams of RouterService, for one listening socket of a session."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import uuid4

import grpc

from JumpstarterLibrary.exporter.callers import calling, parse_caller
from JumpstarterLibrary.exporter.compression import accepted_encoding
from JumpstarterLibrary.exporter.dispatch import CallFailed, call_streaming, call_unary, exported, unexpected
from JumpstarterLibrary.exporter.driver import CallKind, Driver
from JumpstarterLibrary.exporter.logs import log_scope
from JumpstarterLibrary.exporter.presigned import fetch_policy
from JumpstarterLibrary.exporter.resources import PendingResource, PendingStream
from JumpstarterLibrary.exporter.router import Forwarder
from JumpstarterLibrary.exporter.session import Session
from JumpstarterLibrary.exporter.streams import ByteStream, broken_stream_types, memory_pair
from JumpstarterLibrary.protocol import jumpstarter_pb2
from JumpstarterLibrary.protocol.names import (
    ACCEPT_ENCODING_KEY,
    CLIENT_KEY,
    CONTENT_ENCODING_FIELD,
    LOG_COUNT_KEY,
    REQUEST_KEY,
    RESOURCE_KEY,
)
from JumpstarterLibrary.protocol.streams import StreamTarget, parse_stream_request

CLOSING_DETAILS = "Cancelling all calls"
"""What running RPCs are told when a session ends, as gRPC itself words it."""

_log = logging.getLogger(__name__)

_Context = Any


class Servicer:
    """Answers the RPCs of both services.

    Args:
        session: Whose drivers, log and status it serves.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._closing = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()
        features = session.features
        # An RPC without a method answers UNIMPLEMENTED, as an older exporter does.
        self.get_status = self._get_status if features.get_status else None
        self.end_session = self._end_session if features.end_session else None
        self.log_stream = self._log_stream if features.log_stream else None

    async def get_report(self, _request: object, _context: _Context) -> jumpstarter_pb2.GetReportResponse:
        """Answer with the driver tree."""
        return self._session.report()

    async def driver_call(
        self, request: jumpstarter_pb2.DriverCallRequest, context: _Context
    ) -> jumpstarter_pb2.DriverCallResponse:
        """Call a driver method and answer with its result."""
        async with self._call(context, request.method):
            driver = self._session.callable_driver(request.uuid)
            result = await call_unary(self._session.threads, driver, request.method, request.args)
        return jumpstarter_pb2.DriverCallResponse(uuid=str(uuid4()), result=result)

    async def streaming_driver_call(
        self, request: jumpstarter_pb2.StreamingDriverCallRequest, context: _Context
    ) -> None:
        """Call a driver method and send its items."""
        async with self._call(context, request.method):
            driver = self._session.callable_driver(request.uuid)
            calls = call_streaming(self._session.threads, driver, request.method, request.args)
            async with aclosing(calls) as items:
                async for item in items:
                    await context.write(jumpstarter_pb2.StreamingDriverCallResponse(uuid=str(uuid4()), result=item))

    async def stream(self, _requests: object, context: _Context) -> None:
        """Join the RPC to a driver's byte stream, or offer it to a driver as a resource."""
        async with self._call(context, "stream"):
            try:
                target = parse_stream_request(_metadata(context, REQUEST_KEY))
            except ValueError as error:
                raise unexpected(error) from error
            driver = self._session.driver(target.uuid)
            if target.kind == "driver":
                with calling(parse_caller(_optional_metadata(context, CLIENT_KEY))):
                    await self._driver_stream(context, driver, target.method or "")
            else:
                await self._resource_stream(context, driver, target)
            # Both directions have ended. The client ends the RPC, when it has read the last frame.
            await self._closing.wait()

    async def _driver_stream(self, context: _Context, driver: Driver, name: str) -> None:
        method = exported(driver, name, CallKind.STREAM)
        title = f"stream {name!r} of {type(driver).__name__}"
        failure = None
        try:
            async with AsyncExitStack() as stack:
                with _opening(driver, title):
                    far = await stack.enter_async_context(method())
                stack.push_async_callback(_close, far)
                await context.send_initial_metadata(())
                _log.info("Opened %s", title)
                # Not raised in here: the driver's context manager could wrap it in an exception group.
                failure = await _forward(context, far, title)
        except CallFailed:
            raise
        except Exception as error:
            raise _aborted(title, error) from error
        if failure is not None:
            raise failure

    async def _resource_stream(self, context: _Context, driver: Driver, target: StreamTarget) -> None:
        near, end = memory_pair()
        far = PendingStream(end)
        uuid = uuid4()
        handle = {"kind": "client_stream", "uuid": str(uuid), CONTENT_ENCODING_FIELD: target.content_encoding}
        try:
            async with self._session.offers.place():
                driver.resources[uuid] = PendingResource(far, target.content_encoding, far.taken)
                await context.send_initial_metadata(
                    (
                        (RESOURCE_KEY, json.dumps(handle)),
                        (ACCEPT_ENCODING_KEY, accepted_encoding(target.content_encoding)),
                    )
                )
                await self._session.offers.until(far.taken)
            title = f"resource for {type(driver).__name__}"
            failure = await _forward(context, near, title, doubt_half_close=self._session.features.cut_off_is_error)
        finally:
            # Does nothing to data that has ended. Without it, a driver would take a cut-off upload for a whole one.
            if self._session.features.cut_off_is_error:
                near.break_off("The client went away before the end of its data.")
            await near.aclose()
            driver.resources.pop(uuid, None)
        if failure is not None:
            raise failure

    async def _log_stream(self, _request: object, context: _Context) -> None:
        async with self._call(context, "log_stream"):
            # Tells the client that it is connected; the first record may be long in coming.
            await context.send_initial_metadata(())
            closing = asyncio.ensure_future(self._closing.wait())
            try:
                with self._session.logs.followed():
                    while (record := await self._next_record(closing)) is not None:
                        await self._pass_on(record, context)
            finally:
                closing.cancel()
            raise CallFailed(grpc.StatusCode.UNAVAILABLE, CLOSING_DETAILS)

    async def _next_record(self, closing: asyncio.Future[Any]) -> jumpstarter_pb2.LogStreamResponse | None:
        """Return the next record of the log; None if the session ends and none is left."""
        record = self._session.logs.take()
        if record is not None:
            return record
        getting = asyncio.ensure_future(self._session.logs.get())
        try:
            await asyncio.wait({getting, closing}, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else self._session.logs.take()
        except BaseException:
            if getting.done():
                self._session.logs.put_back(getting.result())
            raise
        finally:
            getting.cancel()

    async def _pass_on(self, record: jumpstarter_pb2.LogStreamResponse, context: _Context) -> None:
        try:
            await context.write(record)
        except BaseException:
            # The client has gone. It may come back for the record.
            self._session.logs.put_back(record)
            raise

    async def _get_status(self, _request: object, context: _Context) -> jumpstarter_pb2.GetStatusResponse:
        context.set_trailing_metadata(((LOG_COUNT_KEY, str(self._session.logs.written)),))
        return self._session.status()

    async def _end_session(self, _request: object, _context: _Context) -> jumpstarter_pb2.EndSessionResponse:
        return self._session.end()

    @asynccontextmanager
    async def _call(self, context: _Context, operation: str) -> AsyncIterator[None]:
        """Keep the books on an RPC, and end it with the right status."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            with log_scope(self._session.logs, operation), fetch_policy(loopback=self._session.fetch_loopback):
                yield
        except CallFailed as failure:
            await context.abort(failure.code, failure.details)
        finally:
            self._running.discard(task)

    def begin_closing(self) -> None:
        """Let the RPCs that only wait end now."""
        self._closing.set()

    async def drained(self, timeout: float) -> None:
        """Wait until no RPC's handler runs.

        Args:
            timeout: Seconds, after which the rest is reported and left alone.
        """
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=timeout)
        if late:
            _log.error("%d RPCs still ran %s seconds after they had been cancelled.", len(late), timeout)


async def _forward(
    context: _Context, far: ByteStream, title: str, *, doubt_half_close: bool = False
) -> CallFailed | None:
    error = await Forwarder(context, far, title, doubt_half_close=doubt_half_close).run()
    return _aborted(title, error) if error is not None else None


def _aborted(title: str, error: Exception) -> CallFailed:
    _log.error("%s failed", title, exc_info=error)
    return CallFailed(grpc.StatusCode.ABORTED, "RouterStream: aclose")


async def _close(far: ByteStream) -> None:
    # Some drivers leave that to the exporter. A second time does nothing, but some streams complain.
    with suppress(*broken_stream_types(), OSError):
        await far.aclose()


@contextmanager
def _opening(driver: Driver, title: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        driver.logger.warning("%s could not be opened: %s: %s", title, type(error).__name__, error)
        raise unexpected(error) from error


def _optional_metadata(context: _Context, name: str) -> object:
    return next((value for key, value in context.invocation_metadata() or () if key == name), None)


def _metadata(context: _Context, name: str) -> str:
    value = _optional_metadata(context, name)
    if not isinstance(value, str):
        raise ValueError(f"The RPC's metadata lacks the key {name!r}, which says what to open.")
    return value
