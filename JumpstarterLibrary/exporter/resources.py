"""Resources: data that a client sends, a sink that it offers, or a URL that the exporter fetches for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from JumpstarterLibrary.exporter.compression import Decoder, DecodingError
from JumpstarterLibrary.exporter.presigned import PresignedSource, ResourceError
from JumpstarterLibrary.exporter.streams import ByteStream, StreamMixin, end_of_stream_types
from JumpstarterLibrary.exporter.workers import WorkerPool
from JumpstarterLibrary.protocol.names import CONTENT_ENCODING_FIELD

__all__ = ["PendingResource", "PendingStream", "ResourceError", "ResourceStream", "UnknownResource", "open_resource"]


class UnknownResource(KeyError):
    """Nothing was offered under a handle, or it has been used."""

    def __str__(self) -> str:
        # KeyError quotes its argument; this one is a sentence.
        return str(self.args[0])


@dataclass(frozen=True)
class PendingResource:
    """A resource that a client has opened for one driver, and that no call has taken yet.

    Attributes:
        stream: The driver's end of it.
        content_encoding: How its bytes are encoded.
        taken: Set when a call takes it. Until then the client's data stays with the client.
    """

    stream: ByteStream
    content_encoding: str | None = None
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class PendingStream(StreamMixin):
    """The driver's end of a resource. Its first use takes the resource: some drivers look for it by themselves."""

    def __init__(self, stream: ByteStream) -> None:
        self.taken = asyncio.Event()
        self._stream = stream

    async def send(self, data: bytes) -> None:
        """Send data to the client."""
        self.taken.set()
        await self._stream.send(data)

    async def receive(self) -> bytes:
        """Return the client's next data."""
        self.taken.set()
        return await self._stream.receive()

    async def send_eof(self) -> None:
        """Say that no more data follows."""
        self.taken.set()
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close both directions."""
        self.taken.set()
        await self._stream.aclose()


class _Source(Protocol):
    async def receive(self) -> bytes: ...

    async def aclose(self) -> None: ...


class ResourceStream(StreamMixin):
    """The stream of ``Driver.resource``: receive the client's data decoded, or send data to the client.

    ``async for chunk in stream`` reads to the end. Chunks are never empty.
    """

    def __init__(self, stream: ByteStream | PresignedSource, content_encoding: str | None = None) -> None:
        self._stream: _Source = stream
        self._encoding = content_encoding
        self._decoder = Decoder(content_encoding) if content_encoding is not None else None
        self._workers = WorkerPool(limit=1, name="decoder")

    async def receive(self) -> bytes:
        """Return the next data.

        Raises:
            EndOfStream: That was all.
            BrokenStream: The client went away before the end of its data.
            DecodingError: The data does not fit its content encoding.
        """
        if self._decoder is None:
            while not (chunk := await self._stream.receive()):
                pass
            return chunk
        while not (chunk := await self._workers.run(self._decoder.read)):
            try:
                self._decoder.feed(await self._stream.receive())
            except end_of_stream_types():
                self._decoder.finish()
                raise
        return chunk

    async def send(self, data: bytes) -> None:
        """Send data to the client.

        Raises:
            BrokenStream: The client went away.
            ResourceError: The client asked for a content encoding, or this is a presigned request.
        """
        await self._sink().send(data)

    async def send_eof(self) -> None:
        """Say that no more data follows. Leaving ``Driver.resource`` says so too."""
        await self._sink().send_eof()

    async def aclose(self) -> None:
        """Let go of the stream. Data that was not received is lost."""
        self._workers.close()
        await self._stream.aclose()

    def _sink(self) -> ByteStream:
        if isinstance(self._stream, PresignedSource):
            raise ResourceError("This resource is a request to fetch a URL; nothing can be sent to it.")
        if self._encoding is not None:
            raise ResourceError(
                f"The client asked for {self._encoding} data, but downloads travel as they are. "
                "Open the resource without a content encoding."
            )
        assert isinstance(self._stream, ByteStream)
        return self._stream


async def open_resource(
    offers: dict[UUID, PendingResource | ByteStream], handle: object, timeout: float
) -> ResourceStream:
    """Return the stream for a resource handle; a client's offer is used up.

    Args:
        offers: What clients have offered to this driver.
        handle: The handle as it arrived.
        timeout: Seconds that a presigned request may take altogether.

    Raises:
        ValueError: It is no resource handle.
        UnknownResource: There is no such offer.
        ResourceError: The URL cannot be fetched.
        DecodingError: This exporter does not decode the offer's content encoding.
    """
    if not isinstance(handle, Mapping) and callable(dump := getattr(type(handle), "model_dump", None)):
        # The handle is a record, such as a pydantic model.
        handle = dump(handle, mode="json")
    if not isinstance(handle, Mapping):
        raise ValueError(f"A resource handle is an object, not {type(handle).__name__}. Pass the handle undecorated.")
    match handle.get("kind"):
        case "client_stream":
            return await _client_stream(offers, handle)
        case "presigned_request":
            return ResourceStream(await _presigned(handle, timeout))
        case kind:
            raise ValueError(f"A resource handle is of kind client_stream or presigned_request, not {kind!r}.")


async def _client_stream(offers: dict[UUID, PendingResource | ByteStream], handle: Mapping[str, Any]) -> ResourceStream:
    encoding = handle.get(CONTENT_ENCODING_FIELD)
    if encoding is not None and not isinstance(encoding, str):
        raise ValueError(f"A resource handle's {CONTENT_ENCODING_FIELD} is text or null, not {encoding!r}.")
    text = _text(handle, "uuid")
    try:
        uuid = UUID(text)
    except ValueError:
        raise ValueError(f"A resource handle's uuid is a UUID, not {text!r}.") from None
    offer = offers.pop(uuid, None)
    if offer is None:
        raise UnknownResource(f"No resource {uuid} was offered to this driver, or it has been used. Open a new one.")
    # A test of a driver may put a stream there by itself.
    stream = offer.stream if isinstance(offer, PendingResource) else offer
    if isinstance(offer, PendingResource):
        offer.taken.set()
    try:
        return ResourceStream(stream, encoding)
    except DecodingError:
        # No driver will read the stream: end the client's sending.
        await stream.aclose()
        raise


async def _presigned(handle: Mapping[str, Any], timeout: float) -> PresignedSource:
    headers = handle.get("headers")
    if not isinstance(headers, Mapping) or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("A presigned request's headers are an object of texts.")
    method, url = _text(handle, "method"), _text(handle, "url")
    if method not in {"GET", "PUT"}:
        raise ValueError(f"A presigned request's method is GET or PUT, not {method!r}.")
    if method == "PUT":
        raise ResourceError(
            "This exporter does not upload with presigned PUT requests. Download to the client and upload from there."
        )
    return await PresignedSource.open(url, dict(headers), timeout)


def _text(handle: Mapping[str, Any], key: str) -> str:
    value = handle.get(key)
    if not isinstance(value, str):
        raise ValueError(f"A resource handle of kind {handle['kind']} needs the text {key!r}.")
    return value
