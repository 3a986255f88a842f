"""Reports an exporter's status to the controller, in the background: the latest wins."""

from __future__ import annotations

import asyncio
import logging

import grpc
import grpc.aio

from JumpstarterLibrary.errors import InfrastructureError
from JumpstarterLibrary.exporter.leasing.controller import Controller
from JumpstarterLibrary.exporter.leasing.refusals import short
from JumpstarterLibrary.exporter.leasing.timing import Backoff, ExporterTiming

_log = logging.getLogger(__name__)


class StatusReporter:
    """Remembers the last status and sends it, again and again until the controller has it.

    What is overtaken before it was sent is never sent: the controller may miss a status, but does not lag for good.

    Args:
        controller: Who is told.
        timing: Pauses between attempts.

    Attributes:
        last: The last status, a number of the protocol's ExporterStatus, with its message.
    """

    def __init__(self, controller: Controller, timing: ExporterTiming) -> None:
        self.last: tuple[int, str] | None = None
        self._controller = controller
        self._timing = timing
        self._news = asyncio.Event()

    def report(self, status: int, message: str) -> None:
        """Take a status to be reported; does not wait."""
        self.last = (status, message)
        self._news.set()

    def repeat(self) -> None:
        """Report the last status again: a controller that was away may have forgotten it."""
        if self.last is not None:
            self._news.set()

    async def run(self) -> None:
        """Send what is reported, until cancelled."""
        backoff = Backoff(self._timing)
        while True:
            await self._news.wait()
            self._news.clear()
            assert self.last is not None
            try:
                await self._controller.report_status(*self.last)
            except (grpc.aio.AioRpcError, InfrastructureError) as error:
                if isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    _log.info("The controller is too old to be told of statuses.")
                    continue
                _log.warning("The controller did not take the status: %s", short(error))
                await asyncio.sleep(backoff.pause())
                self._news.set()
            else:
                backoff.reset()
