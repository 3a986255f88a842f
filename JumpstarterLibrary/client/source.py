"""Sources of uploads: files, bytes and their compression."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from JumpstarterLibrary.common.compression import SIGNATURE_SIZE, encoding_of
from JumpstarterLibrary.common.urls import redacted_url
from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.protocol.streams import presigned_handle
from JumpstarterLibrary.types import Compression, ImageSource


@dataclass(frozen=True)
class Source:
    """Bytes to upload.

    Attributes:
        name: File name, for messages and reports.
        size: Bytes in all; None if that is not known before.
        path: The file; None for bytes in memory.
        data: The bytes; None for a file.
        opener: Opens what is neither: a context manager with a method ``read``. Called in a thread of the upload.
    """

    name: str
    size: int | None
    path: Path | None = None
    data: bytes | None = None
    opener: Callable[[], Any] | None = None

    @classmethod
    def of(cls, what: Path | str | bytes) -> Source:
        """Return a source for a file or for bytes in memory.

        Raises:
            UsageError: There is no such file, or it cannot be read.
        """
        if isinstance(what, bytes):
            return cls("bytes in memory", len(what), data=what)
        path = Path(what).expanduser()
        try:
            with path.open("rb") as file:
                return cls(path.name, file.seek(0, io.SEEK_END), path)
        except FileNotFoundError as error:
            raise UsageError(
                f"There is no image file '{path}'. Check the path; it is relative to '{Path.cwd()}'."
            ) from error
        except OSError as error:
            raise UsageError(f"The image file '{path}' cannot be read: {error.strerror}.") from error

    def open(self) -> BinaryIO:
        """Open it for reading from its start; the caller closes it."""
        if self.opener is not None:
            opened: BinaryIO = self.opener()
            return opened
        return self.path.open("rb") if self.path is not None else io.BytesIO(self.data or b"")

    def compression(self) -> Compression:
        """Return how it is compressed, by its first bytes."""
        with self.open() as file:
            encoding = encoding_of(file.read(SIGNATURE_SIZE))
        return Compression.none if encoding is None else Compression(encoding)


@dataclass(frozen=True)
class RemoteSource:
    """An HTTP request that the exporter makes by itself, in place of an upload or a download.

    Attributes:
        url: The URL.
        method: ``GET`` for a source, ``PUT`` for a sink.
        headers: Headers to send.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def handle(self) -> dict[str, object]:
        """What a call gets as its argument."""
        return presigned_handle(self.url, self.method, dict(self.headers))

    def result(self) -> None:
        """Return what is known of the transfer here: nothing."""


def source_of(what: ImageSource | Source | RemoteSource) -> Source | RemoteSource:
    """Return the source for a file or an http(s) URL, which the exporter fetches by itself; a source is its own.

    Raises:
        UsageError: There is no such file, or it cannot be read.
    """
    if isinstance(what, Source | RemoteSource):
        return what
    return RemoteSource(str(what)) if is_url(what) else Source.of(what)


def shown_url(url: str) -> str:
    """Return a URL for logs and errors: without user, password and query, which may be secret."""
    return redacted_url(url)


def is_url(what: object) -> bool:
    """Whether a source is an http(s) URL, which exporters fetch by themselves."""
    return isinstance(what, str) and what.startswith(("http://", "https://"))
