"""Clients of storage muxes: a medium that either the exporter or the device has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.mux import StorageMuxFlasherMethods, StorageMuxMethods, StorageMuxProxy
from JumpstarterLibrary.types import Compression
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.flasher import FlasherClient
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf, local_source, sink_for, source_for


class StorageMuxClient(StorageMuxMethods, DriverClient):
    """A storage mux."""

    PROXY = StorageMuxProxy
    GIVE_BACK_S = None
    """No limit: a user's class may have a ``dut`` of its own, which has no ``timeout``."""

    def write_file(self, operator: Any, path: PathBuf) -> Any:
        """Write a file of OpenDAL's to the raw medium, without switching sides.

        Args:
            operator: The operator. What it can sign, the exporter fetches by itself.
            path: The file's path there.
        """
        return self._write_source(source_for(path, operator), Compression.none, Deadline(None))[0]

    def read_file(self, operator: Any, path: PathBuf) -> Any:
        """Read the raw medium to its end into a file of OpenDAL's, without switching sides."""
        with sink_for(path, operator) as what:
            return self._read_sink(what, Deadline(None))[0]

    def write_local_file(self, filepath: PathBuf, *, timeout: Seconds = None) -> Any:
        """Write a local file to the raw medium, without switching sides.

        Raises:
            UsageError: There is no such file; also a `FileNotFoundError`.
        """
        return self._write_source(local_source(filepath), Compression.none, Deadline.of(timeout))[0]

    def read_local_file(self, filepath: PathBuf, *, timeout: Seconds = None) -> Any:
        """Read the raw medium to its end into a local file, without switching sides."""
        with sink_for(Path(filepath)) as what:
            return self._read_sink(what, Deadline.of(timeout))[0]

    def cli(self, base: Any = None) -> Any:
        """Return the commands of this driver, as a group of click's.

        Args:
            base: A group that they are added to. Default: a new one.
        """
        return commands("storage").mux(self, base)


class StorageMuxFlasherClient(StorageMuxFlasherMethods, FlasherClient, StorageMuxClient):
    """A storage mux that writes images: to the exporter's side, write, and to the device's side."""

    PROXY = StorageMuxProxy

    def cli(self, base: Any = None) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("storage").mux(self, FlasherClient.cli(self) if base is None else base)
