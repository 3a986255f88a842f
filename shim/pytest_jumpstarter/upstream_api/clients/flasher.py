"""Clients of flashers, and the interface that all clients have that write images."""

from __future__ import annotations

import hashlib
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from JumpstarterLibrary.client import DriverProxy
from JumpstarterLibrary.client.drivers.flasher import FlasherProxy
from JumpstarterLibrary.client.source import is_url
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf, sink, source
from pytest_jumpstarter.upstream_api.config.exceptions import ArgumentError

CHUNK = 1024 * 1024


class FlasherClientInterface(metaclass=ABCMeta):
    """The base of clients that write images to a device and read them from it."""

    @abstractmethod
    def flash(
        self,
        path: PathBuf | Mapping[str, PathBuf],
        *,
        target: str | None = None,
        operator: Any = None,
        compression: Any = None,
    ) -> Any:
        """Write an image, or one for each of several targets."""

    @abstractmethod
    def dump(self, path: PathBuf, *, target: str | None = None, operator: Any = None, compression: Any = None) -> Any:
        """Read an image into a file."""

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("storage").flasher(self)


class FlasherClient(FlasherClientInterface, DriverClient):
    """A flasher. What ``target`` means is the driver's to say: partition, load command, flash address, file name."""

    PROXY: ClassVar[type[DriverProxy]] = FlasherProxy

    def flash(
        self,
        path: PathBuf | Mapping[str, PathBuf],
        *,
        target: str | None = None,
        operator: Any = None,
        compression: Any = None,
    ) -> Any:
        """Write an image, or one for each of several targets.

        Args:
            path: A file, an http(s) URL that the exporter fetches by itself, or a mapping of targets to those.
            target: Where to; None for the driver's default. Not together with a mapping.
            operator: One of OpenDAL's, in which ``path`` is; with a mapping, perhaps one for each target.
            compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the image is to be decompressed. Default: as it is.

        Returns:
            What the driver returned; with a mapping, by target.

        Raises:
            ArgumentError: The arguments contradict each other.
            UsageError: There is no such file.
            DriverError: It could not be written.
        """
        if isinstance(path, Mapping):
            if target is not None:
                raise ArgumentError(
                    f"The 'target' parameter is not valid together with a mapping of targets to images: '{target}'. "
                    f"Leave target= out."
                )
            operators = operator if isinstance(operator, Mapping) else dict.fromkeys(path, operator)
            return {
                name: self._flash_single(image, target=name, operator=operators.get(name), compression=compression)
                for name, image in path.items()
            }
        if isinstance(operator, Mapping):
            raise ArgumentError("operator= is a mapping, but there is only one image. Give one operator.")
        return self._flash_single(path, target=target, operator=operator, compression=compression)

    def _should_upload_file(
        self, storage: Any, filename: str, src_path: PathBuf, src_operator: Any, operator_scheme: str = "fs"
    ) -> bool:
        """Whether a file store lacks a file, or has another one of its name; what cannot be compared is uploaded."""
        if operator_scheme != "fs" or not storage.exists(filename):
            return True
        digest = hashlib.sha256()
        try:
            with src_operator.open(src_path, "rb") as file:
                while data := file.read(CHUNK):
                    digest.update(data)
            return bool(storage.hash(filename) != digest.hexdigest())
        except Exception as error:  # noqa: BLE001 - operators may raise anything; the upload itself will tell
            self.logger.debug("'%s' was not compared with what is on the exporter: %s", src_path, error)
            return True

    def _flash_single(
        self, image: PathBuf, *, target: str | None, operator: Any = None, compression: Any = None
    ) -> Any:
        with source(self, image, operator, compression) as handle:
            return self.call("flash", handle, target)

    def dump(self, path: PathBuf, *, target: str | None = None, operator: Any = None, compression: Any = None) -> Any:
        """Read an image into a file.

        Args:
            path: The file, or an http(s) URL to which the exporter sends it by itself.
            target: Where from; None for the driver's default.
            operator: One of OpenDAL's, in which ``path`` is.
            compression: How the file is to be compressed: ``gzip``, ``xz`` or ``bz2``. Default: as it is.

        Raises:
            DriverError: It could not be read.
        """
        with sink(self, path, operator, compression) as handle:
            return self.call("dump", handle, target)


class PlainFlasherClient(FlasherClient):
    """The flasher of upstream's core: with a URL, for which there is no ``compression``, it only warns of one."""

    def _flash_single(
        self, image: PathBuf, *, target: str | None, operator: Any = None, compression: Any = None
    ) -> Any:
        compression = _without_urls(image, compression)
        return super()._flash_single(image, target=target, operator=operator, compression=compression)

    def dump(self, path: PathBuf, *, target: str | None = None, operator: Any = None, compression: Any = None) -> Any:
        """Read an image into a file; see `FlasherClient.dump`."""
        return super().dump(path, target=target, operator=operator, compression=_without_urls(path, compression))


def _without_urls(path: PathBuf, compression: Any) -> Any:
    if compression is None or not is_url(path):
        return compression
    warnings.warn(
        "The compression parameter is ignored for a URL: the exporter sends and fetches the file by itself.",
        stacklevel=4,
    )
    return None
