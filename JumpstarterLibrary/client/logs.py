"""The exporter's log, followed while a device is connected."""

from __future__ import annotations

import logging
import threading
from typing import Any

import grpc

from JumpstarterLibrary.client.events import LogRecord
from JumpstarterLibrary.client.interrupts import started
from JumpstarterLibrary.client.link import Link, enum_name
from JumpstarterLibrary.client.peer_text import details_of
from JumpstarterLibrary.protocol import common_pb2
from JumpstarterLibrary.protocol.wellknown import Empty

logger = logging.getLogger(__name__)


class LogFollower:
    """Emits every line of an exporter's log as an event, from now until ``close``.

    Reading is destructive on the exporter: a second follower would get the other half of the lines. An exporter that is
    too old for LogStream simply has none.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._call: Any = started(lambda: link.stub.log_stream(Empty(), metadata=link.metadata))
        self._thread = threading.Thread(target=self._read, name="jumpstarter-log", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._call:
                source = enum_name(common_pb2.LogSource, line.source, "LOG_SOURCE_")
                written = line.timestamp.ToNanoseconds() / 1e9 if line.HasField("timestamp") else None
                self._link.events.emit(LogRecord(line.message, line.severity, source, written))
        except grpc.RpcError as error:
            # The call that needs the link tells what has ended it.
            logger.debug("the exporter's log of %s ended: %s", self._link.name, details_of(error))

    def close(self) -> None:
        """Stop following."""
        self._call.cancel()
        self._thread.join(timeout=5)
