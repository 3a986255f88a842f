"""Files on the exporter: opendal storage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.image import ImageStore, WriteOptions, hashable
from JumpstarterLibrary.client.resource import Transfer
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.errors import DriverError, InfrastructureError, TransferError, UsageError
from JumpstarterLibrary.types import Compression, Verdict, Verify

RemotePath = str | Path


@dataclass(frozen=True)
class FileStat:
    """What is known of a file on the exporter.

    Attributes:
        size: Bytes.
        is_file: Whether it is a file.
        is_dir: Whether it is a directory.
        etag: The storage's tag of this version, if it has such.
        content_type: MIME type, if known.
    """

    size: int
    is_file: bool
    is_dir: bool
    etag: str | None = None
    content_type: str | None = None


class OpendalProxy(ImageStore):
    """A file store on the exporter. Paths are relative to its root; directories end with ``/``."""

    LABELS: tuple[str, ...] = ("jumpstarter_driver_opendal.client.OpendalClient",)

    # Whole files

    def write_bytes(self, path: RemotePath, data: bytes, timeout: Seconds = None) -> Transfer:
        """Write bytes to a file on the exporter."""
        return self._write_file(str(path), Source.of(bytes(data)), Compression.none, False, Deadline.of(timeout))

    def read_bytes(self, path: RemotePath, timeout: Seconds = None) -> bytes:
        """Return the bytes of a file on the exporter."""
        sink = io.BytesIO()
        self._read(sink, str(path), None, Deadline.of(timeout))
        return sink.getvalue()

    def write_from_path(self, dst: RemotePath, src: Path | str, timeout: Seconds = None) -> Transfer:
        """Copy a local file to the exporter."""
        return self._write_file(str(dst), Source.of(src), Compression.none, False, Deadline.of(timeout))

    def read_into_path(self, src: RemotePath, dst: Path | str, timeout: Seconds = None) -> None:
        """Copy a file of the exporter to here."""
        self.read_image(Path(dst), target=str(src), timeout=timeout)

    # Metadata

    def stat(self, path: RemotePath) -> FileStat:
        """Return size and kind of a file or directory."""
        found = self.call("stat", str(path))
        mode = found.get("mode", {})
        return FileStat(
            size=int(found.get("content_length") or 0),
            is_file=bool(mode.get("entry_is_file")),
            is_dir=bool(mode.get("entry_is_dir")),
            etag=found.get("etag"),
            content_type=found.get("content_type"),
        )

    def hash(self, path: RemotePath, algo: str = "sha256") -> str:
        """Return a file's hash in hexadecimal, computed on the exporter; ``algo`` is ``sha256`` or ``md5``."""
        return str(self.call("hash", str(path), algo))

    def exists(self, path: RemotePath) -> bool:
        """Whether there is such a file or directory."""
        return bool(self.call("exists", str(path)))

    def list(self, path: RemotePath) -> Iterator[str]:
        """Yield the paths in a directory."""
        with self.streamingcall("list", str(path)) as results:
            yield from results

    def scan(self, path: RemotePath) -> Iterator[str]:
        """Yield the paths in a directory and below."""
        with self.streamingcall("scan", str(path)) as results:
            yield from results

    def copy(self, source: RemotePath, target: RemotePath) -> None:
        """Copy a file on the exporter."""
        self.call("copy", str(source), str(target))

    def rename(self, source: RemotePath, target: RemotePath) -> None:
        """Rename a file on the exporter."""
        self.call("rename", str(source), str(target))

    def create_dir(self, path: RemotePath) -> None:
        """Make a directory, and those above it."""
        self.call("create_dir", str(path))

    def delete(self, path: RemotePath) -> None:
        """Delete a file; one that is not there is fine."""
        self.call("delete", str(path))

    def remove_all(self, path: RemotePath) -> None:
        """Delete a directory with everything in it."""
        self.call("remove_all", str(path))

    def capability(self) -> dict[str, Any]:
        """Return what the storage can do."""
        return dict(self.call("capability"))

    def get_created_resources(self) -> set[str]:
        """Return the paths that were written in this session."""
        return set(self.call("get_created_resources"))

    # Open files

    @contextmanager
    def _open(self, path: str, mode: str, deadline: Deadline) -> Iterator[str]:
        """Open a file on the exporter; it is closed in any case, and only closing commits what was written."""
        file = self.call("open", path, mode, timeout=deadline)
        try:
            yield file
        except BaseException:
            with suppress(InfrastructureError):  # the first error is the one to tell
                self.call("file_close", file, timeout=5.0)
            raise
        self.call("file_close", file, timeout=deadline)

    def _write_file(
        self, path: str, source: Source, compression: Compression, hash_content: bool, deadline: Deadline
    ) -> Transfer:
        with self._open(path, "wb", deadline) as file:
            return self._upload(
                "file_write",
                source,
                before=(file,),
                compression=compression,
                hash_content=hash_content,
                timeout=deadline,
            )

    # Images

    def _write(
        self, source: Source, compression: Compression, options: WriteOptions, deadline: Deadline
    ) -> tuple[Transfer, Verdict]:
        path = options.target or source.name
        hash_content = options.verify is not Verify.none and hashable(compression)
        sent = self._write_file(path, source, compression, hash_content, deadline)
        match options.verify:
            case Verify.none:
                return sent, Verdict.unchecked
            case Verify.read_back:
                return sent, self._read_back(sent, path, deadline)
        if not hash_content:
            return sent, Verdict.unverified
        try:
            found = self.call("hash", path, "sha256", timeout=deadline)
        except DriverError:
            return sent, Verdict.unverified
        if found != sent.content_sha256:
            raise TransferError(
                f"Driver '{self.path}' reported success, but '{path}' has SHA-256 {found} on the exporter, "
                f"not {sent.content_sha256}."
            )
        return sent, Verdict.verified

    def _write_url(self, url: str, target: str | None, deadline: Deadline) -> None:
        if target is None:
            raise UsageError(f"Writing '{url}' to driver '{self.path}' needs target=, the path of the file to write.")
        with self._open(target, "wb", deadline) as file:
            self.call("file_write", file, self._presigned(url), timeout=deadline)

    def _read(self, sink: BinaryIO, target: str | None, size: int | None, deadline: Deadline) -> Transfer:
        if target is None:
            raise UsageError(f"Reading from driver '{self.path}' needs target=, the path of the file to read.")
        with self._open(target, "rb", deadline) as file:
            return self._download("file_read", sink, before=(file,), limit=size, timeout=deadline)
