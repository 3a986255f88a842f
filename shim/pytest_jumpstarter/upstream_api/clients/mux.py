"""Clients of storage muxes: a medium that either the exporter or the device has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.drivers.mux import StorageMuxMethods, StorageMuxProxy
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.flasher import FlasherClient
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf, local_source, sink, source
from pytest_jumpstarter.upstream_api.clients.trouble import argument_errors
from pytest_jumpstarter.upstream_api.config.exceptions import ArgumentError


class StorageMuxClient(StorageMuxMethods, DriverClient):
    """A storage mux."""

    PROXY = StorageMuxProxy
    GIVE_BACK_S = None
    """No limit: a user's class may have a ``dut`` of its own, which has no ``timeout``."""

    def write(self, handle: Any) -> Any:
        """Write what a resource handle stands for to the raw medium."""
        return self.call("write", handle)

    def read(self, handle: Any) -> Any:
        """Read the raw medium to its end, to what a resource handle stands for."""
        return self.call("read", handle)

    def write_file(self, operator: Any, path: PathBuf) -> Any:
        """Write a file of OpenDAL's to the raw medium, without switching sides.

        Args:
            operator: The operator. What it can sign, the exporter fetches by itself.
            path: The file's path there.
        """
        with source(self, path, operator) as handle:
            return self.write(handle)

    def read_file(self, operator: Any, path: PathBuf) -> Any:
        """Read the raw medium to its end into a file of OpenDAL's, without switching sides."""
        with sink(self, path, operator) as handle:
            return self.read(handle)

    def write_local_file(self, filepath: PathBuf) -> Any:
        """Write a local file to the raw medium, without switching sides.

        Raises:
            UsageError: There is no such file.
            DriverError: It could not be written.
        """
        with source(self, Path(filepath)) as handle:
            return self.write(handle)

    def read_local_file(self, filepath: PathBuf) -> Any:
        """Read the raw medium to its end into a local file, without switching sides."""
        with sink(self, Path(filepath)) as handle:
            return self.read(handle)

    def cli(self, base: Any = None) -> Any:
        """Return the commands of this driver, as a group of click's.

        Args:
            base: A group that they are added to. Default: a new one.
        """
        return commands("storage").mux(self, base)


class StorageMuxFlasherClient(FlasherClient, StorageMuxClient):
    """A storage mux that writes images: to the exporter's side, write, and to the device's side."""

    PROXY = StorageMuxProxy

    def flash(
        self,
        path: PathBuf | Mapping[str, PathBuf],
        *,
        target: str | None = None,
        operator: Any = None,
        compression: Any = None,
    ) -> Any:
        """Write an image: medium to the exporter, write, medium to the device, also when the writing failed.

        Args:
            path: A file, or an http(s) URL that the exporter fetches by itself.
            target: A mux has none.
            operator: One of OpenDAL's, in which ``path`` is.
            compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the image is to be decompressed. Default: as it is.

        Raises:
            ArgumentError: There is a target, or there are several.
            UsageError: There is no such file; nothing was switched.
            DriverError: It could not be written.
        """
        if isinstance(path, Mapping):
            raise ArgumentError("A storage mux writes one image to the whole medium, not several to targets.")
        self._refuse_target(target)
        if operator is None and not str(path).startswith(("http://", "https://")):
            local_source(path)

        def write() -> Any:
            with source(self, path, operator, compression) as handle:
                return self.write(handle)

        return self._on_host(write, Deadline(None))

    def dump(self, path: PathBuf, *, target: str | None = None, operator: Any = None, compression: Any = None) -> Any:
        """Read the medium to its end into a file: medium to the exporter, read, medium to the device.

        Args:
            path: The file.
            target: A mux has none.
            operator: One of OpenDAL's, in which ``path`` is.
            compression: How the file is to be compressed: ``gzip``, ``xz`` or ``bz2``. Default: as it is.

        Raises:
            ArgumentError: There is a target.
            DriverError: It could not be read.
        """
        self._refuse_target(target)

        def read() -> Any:
            with sink(self, path, operator, compression) as handle:
                return self.read(handle)

        return self._on_host(read, Deadline(None))

    def cli(self, base: Any = None) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("storage").mux(self, FlasherClient.cli(self) if base is None else base)

    def _refuse_target(self, target: str | None) -> None:
        with argument_errors():
            super()._refuse_target(target)
