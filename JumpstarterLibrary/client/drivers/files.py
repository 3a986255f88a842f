"""Files on the exporter: opendal storage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.base import DriverMethods, call_within
from JumpstarterLibrary.client.drivers.image import ImageStore, WriteOptions, hashable
from JumpstarterLibrary.client.sink import DownloadSink, local_sink
from JumpstarterLibrary.client.source import RemoteSource, Source, shown_url, source_of
from JumpstarterLibrary.client.transfers import Transfer
from JumpstarterLibrary.errors import DriverMethodNotImplemented, InfrastructureError, TransferError, UsageError
from JumpstarterLibrary.hints import argument
from JumpstarterLibrary.types import Compression, Verdict, Verify

RemotePath = str | PathLike[str]
Mode = Literal["rb", "wb"]
HashAlgo = Literal["md5", "sha256"]

ARCHIVES = (".gz", ".tgz", ".xz", ".txz", ".bz2", ".tbz2", ".zst")
"""Names in a file store whose files stay compressed."""


@dataclass(frozen=True)
class EntryMode:
    """What kind of entry a path is."""

    entry_is_file: bool
    entry_is_dir: bool

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.entry_is_file

    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.entry_is_dir


@dataclass(frozen=True)
class FileStat:
    """What is known of a file on the exporter, under the names that the wire and upstream's client have.

    Attributes:
        content_length: Bytes.
        mode: Whether it is a file or a directory.
        etag: The storage's tag of this version, if it has such.
        content_type: MIME type, if known.
        content_md5: MD5 of the content, if the storage keeps it.
        content_disposition: As in HTTP, if known.
    """

    content_length: int
    mode: EntryMode
    etag: str | None = None
    content_type: str | None = None
    content_md5: str | None = None
    content_disposition: str | None = None

    @classmethod
    def parse(cls, found: dict[str, Any]) -> FileStat:
        """Return the answer of an exporter; keys that it has beyond these are for newer clients."""
        mode = found.get("mode") or {}
        return cls(
            content_length=int(found.get("content_length") or 0),
            mode=EntryMode(bool(mode.get("entry_is_file")), bool(mode.get("entry_is_dir"))),
            etag=found.get("etag"),
            content_type=found.get("content_type"),
            content_md5=found.get("content_md5"),
            content_disposition=found.get("content_disposition"),
        )


class RemoteFile:
    """An open file on the exporter; a context manager. Only closing it commits what was written.

    Args:
        client: The file store.
        fd: The exporter's id of the open file.
        deadline: For closing it at the end of a ``with`` block. Default: no limit.
    """

    CLOSE_S = 5.0
    """How long closing may take after something has failed."""

    def __init__(self, client: FileStoreMethods, fd: Any, deadline: Deadline | None = None) -> None:
        self.client, self.fd, self._deadline = client, fd, deadline

    def write_bytes(self, data: bytes, *, timeout: Seconds = None) -> None:
        """Write bytes at the end of what was written."""
        self._write(Source.of(bytes(data)), timeout)

    def write_from_path(self, path: Path | str, *, timeout: Seconds = None) -> None:
        """Write a file's content at the end of what was written.

        Args:
            path: A local file, or an http(s) URL, which the exporter fetches by itself.
            timeout: Seconds or timedelta. Default: no limit.
        """
        self._write(source_of(path), timeout)

    def read_bytes(self, *, timeout: Seconds = None) -> bytes:
        """Return the bytes from the cursor to the end."""
        memory = io.BytesIO()
        self._read(DownloadSink.of(memory), timeout)
        return memory.getvalue()

    def read_into_path(self, path: Path | str, *, timeout: Seconds = None) -> None:
        """Copy the bytes from the cursor to the end into a local file."""
        with local_sink(Path(path)) as sink:
            self._read(sink, timeout)

    def seek(self, pos: int, whence: int = 0) -> int:
        """Move the cursor and return where it is; ``whence`` is 0 for the start, 1 for the cursor, 2 for the end."""
        return int(self.client.call("file_seek", self.fd, pos, whence))

    def tell(self) -> int:
        """Return where the cursor is."""
        return int(self.client.call("file_tell", self.fd))

    def close(self, *, timeout: Seconds = None) -> None:
        """Close it, and commit what was written."""
        self.client._driver_call("file_close", self.fd, timeout=timeout)

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return bool(self.client.call("file_closed", self.fd))

    def readable(self) -> bool:
        """Whether it can be read."""
        return bool(self.client.call("file_readable", self.fd))

    def seekable(self) -> bool:
        """Whether its cursor can be moved."""
        return bool(self.client.call("file_seekable", self.fd))

    def writable(self) -> bool:
        """Whether it can be written."""
        return bool(self.client.call("file_writable", self.fd))

    def _write(self, source: Source | RemoteSource, timeout: Seconds) -> Any:
        deadline = Deadline.of(timeout)
        with self.client._uploading("file_write", source, timeout=deadline) as sending:
            self.client._driver_call("file_write", self.fd, sending.handle, timeout=deadline)
        return sending.result()

    def _read(self, sink: DownloadSink | RemoteSource, timeout: Seconds) -> None:
        deadline = Deadline.of(timeout)
        with self.client._downloading("file_read", sink, timeout=deadline) as receiving:
            self.client._driver_call("file_read", self.fd, receiving.handle, timeout=deadline)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close(timeout=self._deadline)
            return
        with suppress(InfrastructureError):  # the first error is the one to tell
            self.close(timeout=self.CLOSE_S)


class FileStoreMethods(DriverMethods):
    """The methods of file stores, for both faces.

    Paths are relative to its root; directories end with ``/``.
    """

    # Whole files

    def write_bytes(self, /, path: RemotePath, data: bytes, *, timeout: Seconds = None) -> Any:
        """Write bytes to a file on the exporter, and return the `Transfer`."""
        return self._write_from(path, Source.of(bytes(data)), timeout)

    def read_bytes(self, /, path: RemotePath, *, timeout: Seconds = None) -> bytes:
        """Return the bytes of a file on the exporter."""
        deadline = Deadline.of(timeout)
        with self._opened(path, "rb", deadline) as file:
            return file.read_bytes(timeout=deadline)

    def write_from_path(self, dst: RemotePath, src: Path | str, *, timeout: Seconds = None) -> Any:
        """Copy a file to the exporter, and return the `Transfer`; None for a URL.

        Args:
            dst: Its path there.
            src: A local file, or an http(s) URL, which the exporter fetches by itself.
            timeout: Seconds or timedelta. Default: no limit.
        """
        return self._write_from(dst, source_of(src), timeout)

    def read_into_path(self, src: RemotePath, dst: Path | str, *, timeout: Seconds = None) -> None:
        """Copy a file of the exporter to here; it appears under its name only when it is complete."""
        with local_sink(Path(dst)) as sink:
            self._read_into(src, sink, timeout)

    # Metadata

    def stat(self, /, path: RemotePath) -> FileStat:
        """Return size and kind of a file or directory."""
        return FileStat.parse(self.call("stat", fspath(path)))

    def hash(self, /, path: RemotePath, algo: str = "sha256") -> str:
        """Return a file's hash in hexadecimal, computed on the exporter; ``algo`` is ``sha256`` or ``md5``."""
        return str(self.call("hash", fspath(path), algo))

    def exists(self, /, path: RemotePath) -> bool:
        """Whether there is such a file or directory."""
        return bool(self.call("exists", fspath(path)))

    def list(self, /, path: RemotePath) -> Iterator[str]:
        """Yield the paths in a directory, and its own."""
        return self._driver_results("list", fspath(path))

    def scan(self, /, path: RemotePath) -> Iterator[str]:
        """Yield the paths in a directory and below, and its own."""
        return self._driver_results("scan", fspath(path))

    def copy(self, /, source: RemotePath, target: RemotePath) -> None:
        """Copy a file on the exporter."""
        self.call("copy", fspath(source), fspath(target))

    def rename(self, /, source: RemotePath, target: RemotePath) -> None:
        """Rename a file on the exporter."""
        self.call("rename", fspath(source), fspath(target))

    def create_dir(self, /, path: RemotePath) -> None:
        """Make a directory, and those above it."""
        self.call("create_dir", fspath(path))

    def delete(self, /, path: RemotePath) -> None:
        """Delete a file; one that is not there is fine."""
        self.call("delete", fspath(path))

    def remove_all(self, /, path: RemotePath) -> None:
        """Delete a directory with everything in it."""
        self.call("remove_all", fspath(path))

    def capability(self, /) -> Any:
        """Return what the storage can do."""
        return dict(self.call("capability"))

    def get_created_resources(self) -> set[str]:
        """Return the paths that were written in this session."""
        return set(self.call("get_created_resources"))

    def register_path(self, path: RemotePath) -> None:
        """Have a path deleted with what was written in this session, where the exporter does so."""
        self.call("register_path", fspath(path))

    # Open files

    def open(self, /, path: RemotePath, mode: Mode, *, timeout: Seconds = None) -> RemoteFile:
        """Open a file on the exporter.

        Args:
            path: The file.
            mode: ``rb`` or ``wb``.
            timeout: For opening and, as a context manager, for closing it. Default: no limit.

        Raises:
            UsageError: There is no such mode.
        """
        if mode not in ("rb", "wb"):
            raise UsageError(f"'{mode}' is no mode to open a file on the exporter. Use 'rb' or 'wb'.")
        deadline = Deadline.of(timeout)
        return self._file(str(self._driver_call("open", fspath(path), mode, timeout=deadline)), deadline)

    def _write_from(self, dst: RemotePath, source: Source | RemoteSource, timeout: Seconds) -> Any:
        deadline = Deadline.of(timeout)
        with self._opened(dst, "wb", deadline) as file:
            return file._write(source, deadline)

    def _read_into(self, src: RemotePath, sink: DownloadSink | RemoteSource, timeout: Seconds) -> None:
        deadline = Deadline.of(timeout)
        with self._opened(src, "rb", deadline) as file:
            file._read(sink, deadline)

    def _file(self, fd: str, deadline: Deadline) -> RemoteFile:
        return RemoteFile(self, fd, deadline)

    def _opened(self, path: RemotePath, mode: Mode, deadline: Deadline) -> RemoteFile:
        file: RemoteFile = call_within(deadline, self.open, path, mode)
        return file


class OpendalProxy(FileStoreMethods, ImageStore):
    """A file store driver."""

    LABELS: tuple[str, ...] = ("jumpstarter_driver_opendal.client.OpendalClient",)

    # Images

    def _write(
        self, source: Source, compression: Compression, options: WriteOptions, deadline: Deadline
    ) -> tuple[Transfer, Verdict]:
        path = options.target or source.name
        if options.compression is Compression.auto and path.endswith(ARCHIVES):
            compression = Compression.none  # a program that fetches it by this name expects it compressed
        hash_content = options.verify is not Verify.none and hashable(compression)
        with self.open(path, "wb", timeout=deadline) as file:
            sent = self._upload(
                "file_write",
                source,
                before=(file.fd,),
                compression=compression,
                hash_content=hash_content,
                timeout=deadline,
            )
        match options.verify:
            case Verify.none:
                return sent, Verdict.unchecked
            case Verify.read_back:
                return sent, self._read_back(sent, path, deadline)
        if not hash_content:
            return sent, Verdict.unverified
        try:
            found = self.call("hash", path, "sha256", timeout=deadline)
        except DriverMethodNotImplemented:
            return sent, Verdict.unverified
        if found != sent.content_sha256:
            raise TransferError(
                f"{self._subject} reported success, but '{path}' has SHA-256 {found} on the exporter, "
                f"not {sent.content_sha256}."
            )
        return sent, Verdict.verified

    def _write_url(self, source: RemoteSource, target: str | None, deadline: Deadline) -> None:
        if target is None:
            raise UsageError(
                f"Writing '{shown_url(source.url)}' to {self._title} needs {argument('target')}, the path of "
                f"the file to write."
            )
        with self.open(target, "wb", timeout=deadline) as file:
            file._write(source, deadline)

    def _read(self, sink: DownloadSink, target: str | None, size: int | None, deadline: Deadline) -> Transfer:
        if target is None:
            raise UsageError(f"Reading from {self._title} needs {argument('target')}, the path of the file to read.")
        with self.open(target, "rb", timeout=deadline) as file:
            return self._download("file_read", sink, before=(file.fd,), limit=size, timeout=deadline)
