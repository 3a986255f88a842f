"""The exporter's log, followed while a device is connected."""

from __future__ import annotations

import logging
import threading
from typing import Any

import grpc

from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.events import LogRecord, Notice
from JumpstarterLibrary.client.interrupts import pause, started
from JumpstarterLibrary.client.link import ExporterState, Link, enum_name
from JumpstarterLibrary.client.peer_text import details_of
from JumpstarterLibrary.errors import InfrastructureError
from JumpstarterLibrary.protocol import common_pb2
from JumpstarterLibrary.protocol.names import LOG_NUMBER
from JumpstarterLibrary.protocol.wellknown import Empty

logger = logging.getLogger(__name__)

ASK_S = 2.0
"""How long an exporter may take to tell how much of its log there is."""

SILENT_S = 0.3
"""How long a log may be silent of which lines are missing: another client may have read them."""

POLLED_S = 0.15
"""The same for upstream's exporters, which look for new lines every 50 ms."""

READ_S = 10.0
"""How long the rest of a log is read at most."""

LOOK_S = 0.01


class LogFollower:
    """Emits every line of an exporter's log as an event, from now until ``close``.

    Reading is destructive on the exporter: a second follower would get the other half of the lines. An exporter that is
    too old for LogStream simply has none.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._arrived = 0
        self._call: Any = started(lambda: link.stub.log_stream(Empty(), metadata=link.metadata))
        self._thread = threading.Thread(target=self._read, name="jumpstarter-log", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._call:
                source = enum_name(common_pb2.LogSource, line.source, "LOG_SOURCE_")
                number = line.structured_fields.get(LOG_NUMBER, "")
                written = line.timestamp.ToNanoseconds() / 1e9 if line.HasField("timestamp") else None
                self._link.events.emit(LogRecord(line.message, line.severity, source, written))
                self._link.log_read = int(number) if number.isdecimal() else self._link.log_read
                self._arrived += 1
        except grpc.RpcError as error:
            # The call that needs the link tells what has ended it.
            logger.debug("the exporter's log of %s ended: %s", self._link.name, details_of(error))

    def read_rest(self, state: ExporterState | None = None) -> None:
        """Wait until all has been read that the exporter had written when this was called.

        It ends early where the log falls silent, since another client may have read the rest, or where the exporter
        cannot be asked. Upstream's exporters do not tell how much there is; their log is read until it is silent.

        Args:
            state: The exporter's state, if it was asked for just now.
        """
        link = self._link
        if not self._thread.is_alive() or (link.route is not None and link.route.lost):
            return
        try:
            count = (state or link.get_status(ASK_S)).log_count
        except InfrastructureError as error:
            logger.debug("the rest of the log of %s is not read: %s", link.name, error)
            return
        if count is not None and count < link.log_read:
            # The exporter has been started anew, and counts from one again.
            link.log_read = 0
        silence_s = POLLED_S if count is None else SILENT_S
        end, silent, arrived = Deadline(READ_S), Deadline(silence_s), self._arrived
        while (count is None or link.log_read < count) and self._thread.is_alive() and not silent.expired:
            if end.expired:
                text = f"The end of the log of exporter '{link.name}' was not read within {format_duration(READ_S)}."
                link.events.emit(Notice(text, "WARN"))
                return
            if arrived != self._arrived:
                arrived, silent = self._arrived, Deadline(silence_s)
            pause(LOOK_S)

    def close(self) -> None:
        """Stop following, at once."""
        self._call.cancel()
        self._thread.join(timeout=5)
