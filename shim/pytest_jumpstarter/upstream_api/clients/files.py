"""Clients of file stores on the exporter."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.files import FileStoreMethods, OpendalProxy, RemoteFile
from JumpstarterLibrary.client.drivers.files import HashAlgo as HashAlgo
from JumpstarterLibrary.client.drivers.files import Mode as Mode
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.filerecords import Capability, Metadata, PresignedRequest
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf, sink_for, source_for


class OpendalFile(RemoteFile):
    """An open file on the exporter. Only closing it commits what was written.

    Attributes:
        client: The file store.
        fd: The exporter's id of the open file.
    """

    def __init__(self, *, client: OpendalClient, fd: UUID, deadline: Deadline | None = None) -> None:
        super().__init__(client, fd, deadline)

    def write_from_path(self, path: PathBuf, operator: Any = None, *, timeout: Seconds = None) -> None:
        """Write a file's content at the end of what was written.

        Args:
            path: A local file, or an http(s) URL, which the exporter fetches by itself.
            operator: One of OpenDAL's, in which ``path`` is.
            timeout: Seconds or timedelta. Default: no limit.
        """
        self._write(source_for(path, operator), timeout)

    def read_into_path(self, path: PathBuf, operator: Any = None, *, timeout: Seconds = None) -> None:
        """Copy what is between the cursor and the end into a file.

        Args:
            path: A local file.
            operator: One of OpenDAL's, in which ``path`` is.
            timeout: Seconds or timedelta. Default: no limit.
        """
        with sink_for(path, operator) as what:
            self._read(what, timeout)


class OpendalClient(FileStoreMethods, DriverClient):
    """A file store on the exporter. Paths are relative to its root; directories end with ``/``."""

    PROXY = OpendalProxy

    def write_bytes(self, /, path: PathBuf, data: bytes, *, timeout: Seconds = None) -> None:
        """Write bytes to a file."""
        super().write_bytes(path, data, timeout=timeout)

    def write_from_path(self, dst: PathBuf, src: PathBuf, operator: Any = None, *, timeout: Seconds = None) -> None:
        """Copy a file to the exporter.

        Args:
            dst: Its path there.
            src: A local file, or an http(s) URL, which the exporter fetches by itself.
            operator: One of OpenDAL's, in which ``src`` is.
            timeout: Seconds or timedelta. Default: no limit.
        """
        self._write_from(dst, source_for(src, operator), timeout)

    def read_into_path(self, src: PathBuf, dst: PathBuf, operator: Any = None, *, timeout: Seconds = None) -> None:
        """Copy a file of the exporter to here.

        Args:
            src: Its path there.
            dst: A local file.
            operator: One of OpenDAL's, in which ``dst`` is.
            timeout: Seconds or timedelta. Default: no limit.
        """
        with sink_for(dst, operator) as what:
            self._read_into(src, what, timeout)

    def _file(self, fd: str, deadline: Deadline) -> OpendalFile:
        return OpendalFile(client=self, fd=UUID(fd), deadline=deadline)

    def stat(self, /, path: PathBuf) -> Metadata:  # type: ignore[override] # a record of upstream's interface
        """Return size and kind of a file or directory."""
        return Metadata.model_validate(self.call("stat", path))

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

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("files").files(self)
