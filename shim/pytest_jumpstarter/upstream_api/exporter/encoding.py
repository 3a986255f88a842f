"""Compressed data on its way: recognised, decoded and encoded chunk by chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from JumpstarterLibrary.common.compression import SIGNATURES, compressor, encoding_of
from JumpstarterLibrary.exporter.compression import Decoder, DecodingError
from JumpstarterLibrary.exporter.streams import ClosedStream, EndOfStream, StreamMixin, end_of_stream_types


class Compression(StrEnum):
    """A compression of data."""

    GZIP = "gzip"
    XZ = "xz"
    BZ2 = "bz2"
    ZSTD = "zstd"


@dataclass(frozen=True)
class FileSignature:
    """The first bytes of a format's files.

    Attributes:
        signature: The first bytes.
        compression: The format.
    """

    signature: bytes
    compression: Compression


COMPRESSION_SIGNATURES = tuple(
    FileSignature(signature, Compression(encoding)) for encoding, signature in SIGNATURES.items()
)
"""The formats that are recognised."""

SIGNATURE_BUFFER_SIZE = 8
"""First bytes of a file that are enough to recognise it."""


def detect_compression_from_signature(data: bytes) -> Compression | None:
    """Return the format of a file by its first bytes, or None if it is no known one."""
    encoding = encoding_of(data)
    return None if encoding is None else Compression(encoding)


def compress_stream(stream: Any, compression: Compression | str | None) -> Any:
    """Return a stream that compresses what is sent and decodes what is received; the same one for None.

    Args:
        stream: The stream that carries the compressed data, of anyio or ours.
        compression: How.

    Raises:
        DecodingError: No module for the compression is installed.
    """
    return stream if compression is None else CompressedStream(stream, Compression(compression))


class CompressedStream(StreamMixin):
    """A stream with compressed data on one side and plain data on the other.

    What is sent may wait in the compressor until ``send_eof`` or ``aclose``.

    Args:
        stream: The compressed side.
        compression: How.
    """

    def __init__(self, stream: Any, compression: Compression) -> None:
        self._stream = stream
        self._compression = compression
        self._decoder = Decoder(compression.value)
        self._compressor: Any = None
        self._ended = False

    async def send(self, data: bytes) -> None:
        """Send plain data.

        Raises:
            ClosedStream: The data has been ended.
        """
        if self._ended:
            raise ClosedStream("this stream's data has ended; nothing can be sent any more")
        self._compressor = self._compressor or compressor(self._compression.value)
        await self._pass_on(self._compressor.compress(data))

    async def receive(self) -> bytes:
        """Return plain data.

        Raises:
            EndOfStream: That was all.
            DecodingError: The data does not fit, or ended too early.
        """
        while not (piece := self._decoder.read()):
            try:
                self._decoder.feed(await self._stream.receive())
            except end_of_stream_types():
                self._decoder.finish()
                raise EndOfStream from None
        return piece

    async def send_eof(self) -> None:
        """End the data sent."""
        await self._flush()
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """End the data sent, and close."""
        try:
            await self._flush()
        finally:
            await self._stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The typed attributes of the compressed side."""
        attributes: Mapping[Any, Callable[[], Any]] = self._stream.extra_attributes
        return attributes

    def extra(self, attribute: Any, *default: Any) -> Any:
        """Return a typed attribute of the compressed side."""
        return self._stream.extra(attribute, *default)

    async def _flush(self) -> None:
        self._ended = True
        compressor, self._compressor = self._compressor, None
        if compressor is not None:
            await self._pass_on(compressor.flush())

    async def _pass_on(self, data: bytes) -> None:
        if data:
            await self._stream.send(data)


class AutoDecompressIterator(AsyncIterator[bytes]):
    """Decodes what an iterator gives, if it begins like a compressed file, and else gives it as it is.

    Args:
        source: The data.
    """

    def __init__(self, *, source: AsyncIterator[bytes]) -> None:
        self.source = source
        self._head: bytes | None = b""
        self._compression: Compression | None = None
        self._decoder: Decoder | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next plain data.

        Raises:
            RuntimeError: The data is damaged, or ended too early.
        """
        head = await self._recognised()
        if self._decoder is None:
            return head or await anext(self.source)
        if head:
            self._decoder.feed(head)
        with _failures(self._compression):
            return await self._decoded(self._decoder)

    async def _decoded(self, decoder: Decoder) -> bytes:
        while not (piece := decoder.read()):
            try:
                decoder.feed(await anext(self.source))
            except StopAsyncIteration:
                decoder.finish()
                raise
        return piece

    async def _recognised(self) -> bytes:
        """Return the data that recognising the format took, once."""
        if self._head is None:
            return b""
        head, self._head = self._head, None
        while len(head) < SIGNATURE_BUFFER_SIZE and (chunk := await anext(self.source, None)) is not None:
            head += chunk
        self._compression = detect_compression_from_signature(head)
        if self._compression is not None:
            with _failures(self._compression):
                self._decoder = Decoder(self._compression.value)
        return head


@contextmanager
def _failures(compression: Compression | None) -> Iterator[None]:
    try:
        yield
    except DecodingError as error:
        raise RuntimeError(f"Failed to decompress {compression}: {error}") from error


def create_decompressor(compression: Compression) -> Any:
    """Return an object with a method ``decompress``, which takes compressed data and returns what it holds."""
    return _Decompressor(Decoder(compression.value))


class _Decompressor:
    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def decompress(self, data: bytes) -> bytes:
        self._decoder.feed(data)
        return b"".join(iter(self._decoder.read, b""))
