"""The exporter's calls to its controller, and the controller's answers.

Upstream's exporter gives up half a second to a few seconds after it lost its controller, and takes the tunnels of a
running lease with it. This one keeps trying for as long as it runs, with pauses of at most ten seconds: tunnels and
sessions live on meanwhile, since neither needs the controller.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from JumpstarterLibrary.errors import InfrastructureError
from JumpstarterLibrary.exporter.leasing.access import ControllerAccess
from JumpstarterLibrary.exporter.leasing.channels import SharedChannel, shared_channels
from JumpstarterLibrary.exporter.leasing.refusals import refusal, short
from JumpstarterLibrary.exporter.leasing.timing import Backoff, ExporterTiming
from JumpstarterLibrary.protocol import jumpstarter_pb2

STEADY_S = 10.0
"""Seconds that a stream has to last for its next failure to count as the first one."""

_FINAL = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNIMPLEMENTED)
"""With these codes the controller says that there is nothing to be done any more."""

_BROKEN = "The %s stream to the controller broke: %s. Trying again and again."

_log = logging.getLogger(__name__)


class Controller:
    """The controller as one exporter sees it. All calls carry the exporter's identity.

    Args:
        access: Where it is and how to reach it.
        timing: Pauses between attempts, and the time of one call.
    """

    def __init__(self, access: ControllerAccess, timing: ExporterTiming) -> None:
        self.access = access
        self._timing = timing
        self._shared: SharedChannel | None = None
        self._connecting = asyncio.Lock()
        self._busy = 0

    async def close(self) -> None:
        """Let go of the connection. Calls that run must have ended before."""
        shared, self._shared = self._shared, None
        if shared is not None:
            await shared_channels().give_back(shared)

    async def register(self, reports: list[jumpstarter_pb2.DriverInstanceReport], labels: dict[str, str]) -> None:
        """Register the exporter's drivers at the controller. Not repeated: an error is to be raised at once.

        Raises:
            LinkError: The controller cannot be reached, or does not accept the exporter.
        """
        request = jumpstarter_pb2.RegisterRequest(reports=reports, labels=labels)
        try:
            await self._call("register", request)
        except grpc.aio.AioRpcError as error:
            raise refusal(self.access, error) from error

    async def unregister(self, reason: str) -> None:
        """Unregister the exporter from the controller.

        Raises:
            grpc.aio.AioRpcError: It did not work.
        """
        await self._call("unregister", jumpstarter_pb2.UnregisterRequest(reason=reason))

    async def report_status(self, status: int, message: str) -> None:
        """Report a status once.

        Raises:
            grpc.aio.AioRpcError: It did not work.
        """
        await self._call(
            "report_status",
            jumpstarter_pb2.ReportStatusRequest(status=status, message=message),  # type: ignore[arg-type]
        )

    async def release_lease(self, name: str) -> None:
        """Give a lease back, as often as it takes. A lease that has ended meanwhile is fine."""
        request = jumpstarter_pb2.ReleaseLeaseRequest(name=name)
        await self._persistently(f"release lease {name}", lambda: self._call("release_lease", request))

    async def ask_service_endpoints(self) -> None:
        """Ask for telemetry services, as upstream's newer exporters do. None, and no answer, are fine."""
        try:
            await self._call("get_service_endpoints", jumpstarter_pb2.GetServiceEndpointsRequest())
        except (grpc.aio.AioRpcError, InfrastructureError) as error:
            _log.debug("The controller names no services: %s", short(error))

    async def states(self, reopened: Callable[[], None]) -> AsyncGenerator[jumpstarter_pb2.StatusResponse]:
        """Yield what the controller says about this exporter's lease, for ever, over as many streams as it takes.

        Args:
            reopened: Called when a stream after the first one has brought its first message.
        """
        messages = self._streams("status", jumpstarter_pb2.StatusRequest(), reopened)
        async with aclosing(messages):
            async for message in messages:
                yield message

    async def tokens(self, lease: str) -> AsyncGenerator[jumpstarter_pb2.ListenResponse]:
        """Yield the router tokens of a lease, for ever, over as many streams as it takes."""
        messages = self._streams("listen", jumpstarter_pb2.ListenRequest(lease_name=lease), lambda: None)
        async with aclosing(messages):
            async for message in messages:
                yield message

    async def _streams(self, name: str, request: Any, reopened: Callable[[], None]) -> AsyncGenerator[Any]:
        backoff = Backoff(self._timing)
        again = False
        while True:
            opened = time.monotonic()
            try:
                async with aclosing(self._stream(name, request)) as messages:
                    async for message in messages:
                        if again:
                            again = False
                            _log.info("The %s stream to the controller is back.", name)
                            reopened()
                        yield message
                _log.info("The controller ended the %s stream.", name)
            except (grpc.aio.AioRpcError, InfrastructureError) as error:
                # The first time aloud; a controller may be away for days.
                _log.log(logging.DEBUG if again else logging.WARNING, _BROKEN, name, short(error))
                await self._renew()
            again = True
            if time.monotonic() - opened > STEADY_S:
                backoff.reset()
            # Also where it ended in good order: two exporters with one name would otherwise take turns without a pause.
            await asyncio.sleep(backoff.pause())

    async def _stream(self, name: str, request: Any) -> AsyncGenerator[Any]:
        async with self._using() as stub:
            call = getattr(stub, name)(request, metadata=self.access.metadata())
            try:
                async for message in call:
                    yield message
            finally:
                call.cancel()

    async def _persistently(self, what: str, attempt: Callable[[], Awaitable[Any]]) -> None:
        backoff = Backoff(self._timing)
        while True:
            try:
                await attempt()
            except (grpc.aio.AioRpcError, InfrastructureError) as error:
                if isinstance(error, grpc.aio.AioRpcError) and error.code() in _FINAL:
                    _log.info("The controller did not %s: %s", what, short(error))
                    return
                _log.warning("The controller did not %s yet: %s", what, short(error))
                await self._renew()
            else:
                return
            await asyncio.sleep(backoff.pause())

    async def _call(self, name: str, request: Any) -> Any:
        async with self._using() as stub:
            method = getattr(stub, name)
            return await method(request, timeout=self._timing.call_limit_s, metadata=self.access.metadata())

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[Any]:
        async with self._connecting:
            if self._shared is None:
                self._shared = await shared_channels().take(self.access)
            shared = self._shared
            self._busy += 1
        try:
            yield shared.stub
        finally:
            self._busy -= 1

    async def _renew(self) -> None:
        """Look at the certificate again, where trust came from what was shown: a new controller shows another one."""
        if self.access.insecure and not self._busy:
            await self.close()
