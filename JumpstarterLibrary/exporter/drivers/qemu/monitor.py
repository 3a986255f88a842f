"""QEMU's control socket: its machine protocol, as far as a board needs it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

ANSWER_S = 10.0
"""Seconds for an answer; QEMU gives one at once, unless the machine is overloaded."""


class MonitorError(RuntimeError):
    """QEMU refused a command."""


class QmpClient:
    """One connection to QEMU's monitor; commands wait for each other.

    Args:
        reader: What QEMU says: a line of JSON for each answer and each event.
        writer: The other direction.
        logger: Where events are told.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, logger: logging.Logger) -> None:
        self._reader, self._writer, self._logger = reader, writer, logger
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[Mapping[str, Any]] | None = None
        self._listening = asyncio.create_task(self._listen())

    async def execute(self, command: str, **arguments: object) -> Any:
        """Let QEMU do something, and return its answer.

        Raises:
            MonitorError: It refused, or has gone.
            TimeoutError: It does not answer.
        """
        async with self._turn:
            self._answer = asyncio.get_running_loop().create_future()
            request = {"execute": command, **({"arguments": arguments} if arguments else {})}
            self._writer.write(json.dumps(request).encode() + b"\n")
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer = await self._answer
            finally:
                self._answer = None
        if "error" in answer:
            raise MonitorError(f"QEMU refused '{command}': {answer['error'].get('desc')}.")
        return answer["return"]

    async def close(self) -> None:
        """Close the connection."""
        self._listening.cancel()
        self._writer.close()
        with suppress(asyncio.CancelledError):
            await self._listening

    async def _listen(self) -> None:
        try:
            # An answer that is longer than the reader's limit is none that a board asks for.
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except OSError:
            pass  # QEMU was killed
        finally:
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(MonitorError("QEMU has ended. Switch the board off and on."))

    def _take(self, message: Mapping[str, Any]) -> None:
        if "event" in message:
            self._logger.info("QEMU: %s", message["event"].lower())
        elif self._answer is not None and not self._answer.done() and message.keys() & {"return", "error"}:
            self._answer.set_result(message)
