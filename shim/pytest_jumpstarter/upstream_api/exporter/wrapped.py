"""Byte streams of anyio that stand for something else: a stream with metadata, and the body of an HTTP answer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

try:
    from anyio import BrokenResourceError, EndOfStream, TypedAttributeSet, typed_attribute
    from anyio.abc import ObjectStream
except ImportError as error:
    raise ImportError(
        "Streams of drivers need anyio, which is not installed. Install robotframework-jumpstarter[upstream]."
    ) from error


class MetadataStreamAttributes(TypedAttributeSet):
    """The attributes that a stream offers with ``extra``.

    Attributes:
        metadata: What was sent along with the stream.
    """

    metadata: dict[str, str] = typed_attribute()


@dataclass(frozen=True, kw_only=True)
class MetadataStream(ObjectStream[bytes]):
    """A stream with metadata; that of the stream below shows through, except where it has the same key.

    Attributes:
        stream: The stream.
        metadata: What is told beside it.
    """

    stream: Any
    metadata: dict[str, str]

    async def send(self, item: bytes) -> None:
        """Send some bytes."""
        await self.stream.send(item)

    async def receive(self) -> bytes:
        """Return what comes next."""
        data: bytes = await self.stream.receive()
        return data

    async def send_eof(self) -> None:
        """Send no more."""
        await self.stream.send_eof()

    async def aclose(self) -> None:
        """Close the stream."""
        await self.stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The attributes of ``extra``."""
        return {**self.stream.extra_attributes, MetadataStreamAttributes.metadata: self._all}

    def _all(self) -> dict[str, str]:
        below = self.stream.extra(MetadataStreamAttributes.metadata, {})
        return {**below, **self.metadata}


@dataclass(frozen=True, kw_only=True)
class AiohttpStreamReaderStream(ObjectStream[bytes]):
    """The body of an aiohttp response. It can only be read, and the code that made the request closes it.

    Attributes:
        reader: The body: ``response.content``.
    """

    reader: Any

    async def send(self, item: bytes) -> None:  # noqa: ARG002 - the name is anyio's
        """Refuse.

        Raises:
            BrokenResourceError: Always.
        """
        raise BrokenResourceError

    async def receive(self) -> bytes:
        """Return what has come.

        Raises:
            EndOfStream: That was all.
            BrokenResourceError: The connection broke before.
        """
        # aiohttp is installed, since the response is its own.
        trouble = importlib.import_module("aiohttp").ClientError
        try:
            data: bytes = await self.reader.readany()
        except trouble as error:
            raise BrokenResourceError from error
        if not data:
            raise EndOfStream
        return data

    async def send_eof(self) -> None:
        """Do nothing: nothing is ever sent."""

    async def aclose(self) -> None:
        """Do nothing: it is the request that is closed."""
