"""Report the progress of transfers: an attribute of anyio's streams, and a stream that reports."""

from __future__ import annotations

import logging
from typing import Any

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.exporter.streams import StreamMixin

try:
    from anyio import TypedAttributeSet, typed_attribute
except ImportError as error:
    raise ImportError(
        "Attributes of streams need anyio, which is not installed. Install robotframework-jumpstarter[upstream]."
    ) from error

REPORT_INTERVAL_S = 2.0
"""Seconds between two lines in the log."""

_log = logging.getLogger(__name__)


class ProgressAttribute(TypedAttributeSet):
    """The progress attributes of a stream."""

    total: float = typed_attribute()
    """Bytes of the whole transfer."""


class ProgressStream(StreamMixin):
    """A stream that says in the log, every two seconds, how much has gone through it.

    Args:
        stream: The stream.
        logging: Say so; otherwise nothing is said.
        interval: Seconds between two lines. Default: 2.
    """

    def __init__(self, *, stream: Any, logging: bool = False, interval: float = REPORT_INTERVAL_S) -> None:
        self.stream, self.logging = stream, logging
        self._interval = interval
        self._done = 0
        self._begun = self._said = clock.seconds()

    async def send(self, item: bytes) -> None:
        """Send a chunk."""
        await self.stream.send(item)
        self._count(item)

    async def receive(self) -> bytes:
        """Return the next chunk."""
        item: bytes = await self.stream.receive()
        self._count(item)
        return item

    async def send_eof(self) -> None:
        """Half-close."""
        await self.stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self.stream.aclose()

    @property
    def extra_attributes(self) -> Any:
        """The typed attributes of the stream."""
        return self.stream.extra_attributes

    def extra(self, attribute: Any, *default: Any) -> Any:
        """Return a typed attribute of the stream."""
        return self.stream.extra(attribute, *default)

    def _count(self, item: bytes) -> None:
        self._done += len(item)
        now = clock.seconds()
        if not self.logging or now - self._said < self._interval:
            return
        self._said = now
        total = self.stream.extra(ProgressAttribute.total, None)
        share = f" of {total / 1e6:.1f} MB" if total else ""
        _log.info("%.1f MB%s in %.0f s", self._done / 1e6, share, now - self._begun)
