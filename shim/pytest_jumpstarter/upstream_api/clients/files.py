"""Clients of file stores on the exporter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal
from uuid import UUID

from JumpstarterLibrary.client.drivers import OpendalProxy
from JumpstarterLibrary.client.offer import download_handle, upload_handle
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.errors import UsageError
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.driver_handle import proxy_of
from pytest_jumpstarter.upstream_api.clients.filerecords import Capability, Metadata, PresignedRequest
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf, sink, source
from pytest_jumpstarter.upstream_api.clients.trouble import as_driver_error

Mode = Literal["rb", "wb"]
HashAlgo = Literal["md5", "sha256"]


@dataclass(kw_only=True)
class OpendalFile:
    """An open file on the exporter. Only closing it commits what was written.

    Attributes:
        client: The file store.
        fd: The exporter's id of the open file.
    """

    client: OpendalClient
    fd: UUID

    def write_from_path(self, path: PathBuf, operator: Any = None) -> None:
        """Write a file's content at the end of what was written.

        Args:
            path: A local file, or an http(s) URL, which the exporter fetches by itself.
            operator: One of OpenDAL's, in which ``path`` is.
        """
        with source(self.client, path, operator) as handle:
            self.client.call("file_write", self.fd, handle)

    def read_into_path(self, path: PathBuf, operator: Any = None) -> None:
        """Copy what is between the cursor and the end into a file.

        Args:
            path: A local file.
            operator: One of OpenDAL's, in which ``path`` is.
        """
        with sink(self.client, path, operator) as handle:
            self.client.call("file_read", self.fd, handle)

    def write_bytes(self, data: bytes) -> None:
        """Write bytes at the end of what was written."""
        what = Source.of(bytes(data))
        with as_driver_error(), upload_handle(proxy_of(self.client), what.open, what.name, what.size) as handle:
            self.client.call("file_write", self.fd, handle)

    def read_bytes(self) -> bytes:
        """Return the bytes between the cursor and the end."""
        memory = BytesIO()
        with as_driver_error(), download_handle(proxy_of(self.client), memory.write, "bytes in memory") as handle:
            self.client.call("file_read", self.fd, handle)
        return memory.getvalue()

    def seek(self, pos: int, whence: int = 0) -> int:
        """Move the cursor and return where it is; ``whence`` is 0 for the start, 1 for the cursor, 2 for the end."""
        return int(self.client.call("file_seek", self.fd, pos, whence))

    def tell(self) -> int:
        """Return where the cursor is."""
        return int(self.client.call("file_tell", self.fd))

    def close(self) -> None:
        """Close it, and commit what was written."""
        self.client.call("file_close", self.fd)

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


class OpendalClient(DriverClient):
    """A file store on the exporter. Paths are relative to its root; directories end with ``/``."""

    PROXY = OpendalProxy

    def write_bytes(self, /, path: PathBuf, data: bytes) -> None:
        """Write bytes to a file."""
        with closing(self.open(path, "wb")) as file:
            file.write_bytes(data)

    def read_bytes(self, /, path: PathBuf) -> bytes:
        """Return the bytes of a file."""
        with closing(self.open(path, "rb")) as file:
            return file.read_bytes()

    def write_from_path(self, dst: PathBuf, src: PathBuf, operator: Any = None) -> None:
        """Copy a file to the exporter.

        Args:
            dst: Its path there.
            src: A local file, or an http(s) URL, which the exporter fetches by itself.
            operator: One of OpenDAL's, in which ``src`` is.
        """
        with closing(self.open(dst, "wb")) as file:
            file.write_from_path(src, operator)

    def read_into_path(self, src: PathBuf, dst: PathBuf, operator: Any = None) -> None:
        """Copy a file of the exporter to here.

        Args:
            src: Its path there.
            dst: A local file.
            operator: One of OpenDAL's, in which ``dst`` is.
        """
        with closing(self.open(src, "rb")) as file:
            file.read_into_path(dst, operator)

    def open(self, /, path: PathBuf, mode: Mode) -> OpendalFile:
        """Open a file.

        Args:
            path: The file.
            mode: ``rb`` or ``wb``.

        Raises:
            UsageError: There is no such mode.
        """
        if mode not in ("rb", "wb"):
            raise UsageError(f"'{mode}' is no mode to open a file on the exporter. Use 'rb' or 'wb'.")
        return OpendalFile(client=self, fd=UUID(self.call("open", path, mode)))

    def stat(self, /, path: PathBuf) -> Metadata:
        """Return size and kind of a file or directory."""
        return Metadata.model_validate(self.call("stat", path))

    def hash(self, /, path: PathBuf, algo: HashAlgo = "sha256") -> str:
        """Return a file's hash in hexadecimal, computed on the exporter."""
        return str(self.call("hash", path, algo))

    def copy(self, /, source: PathBuf, target: PathBuf) -> None:
        """Copy a file on the exporter."""
        self.call("copy", source, target)

    def rename(self, /, source: PathBuf, target: PathBuf) -> None:
        """Rename a file on the exporter."""
        self.call("rename", source, target)

    def remove_all(self, /, path: PathBuf) -> None:
        """Delete a directory with everything in it."""
        self.call("remove_all", path)

    def create_dir(self, /, path: PathBuf) -> None:
        """Make a directory, and those above it."""
        self.call("create_dir", path)

    def delete(self, /, path: PathBuf) -> None:
        """Delete a file; one that is not there is fine."""
        self.call("delete", path)

    def exists(self, /, path: PathBuf) -> bool:
        """Whether there is such a file or directory."""
        return bool(self.call("exists", path))

    def list(self, /, path: PathBuf) -> Iterator[str]:
        """Yield the paths in a directory, and its own."""
        yield from self.streamingcall("list", path)

    def scan(self, /, path: PathBuf) -> Iterator[str]:
        """Yield the paths in a directory and below, and its own."""
        yield from self.streamingcall("scan", path)

    def presign_stat(self, /, path: PathBuf, expire_second: int) -> PresignedRequest:
        """Return a request for a file's size that any HTTP client may make for some seconds."""
        return PresignedRequest.model_validate(self.call("presign_stat", path, expire_second))

    def presign_read(self, /, path: PathBuf, expire_second: int) -> PresignedRequest:
        """Return a request for a file's content that any HTTP client may make for some seconds."""
        return PresignedRequest.model_validate(self.call("presign_read", path, expire_second))

    def presign_write(self, /, path: PathBuf, expire_second: int) -> PresignedRequest:
        """Return a request to write a file that any HTTP client may make for some seconds."""
        return PresignedRequest.model_validate(self.call("presign_write", path, expire_second))

    def capability(self, /) -> Capability:
        """Return what the storage can do."""
        return Capability.model_validate(self.call("capability"))

    def get_created_resources(self) -> set[str]:
        """Return the paths that were written in this session."""
        return set(self.call("get_created_resources"))

    def register_path(self, path: PathBuf) -> None:
        """Have a path deleted with what was written in this session, where the exporter does so."""
        self.call("register_path", path)

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("files").files(self)
