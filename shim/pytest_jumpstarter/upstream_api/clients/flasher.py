"""Clients of flashers, and the interface that all clients have that write images."""

from __future__ import annotations

import hashlib
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from JumpstarterLibrary.client import DriverProxy
from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.flasher import FlasherMethods, FlasherProxy
from JumpstarterLibrary.client.source import RemoteSource, Source, is_url
from JumpstarterLibrary.types import Compression
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf, compression_of, sink_for, source_for
from pytest_jumpstarter.upstream_api.clients.trouble import argument_errors
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


class FlasherClient(FlasherMethods, FlasherClientInterface, DriverClient):
    """A flasher. What ``target`` means is the driver's to say: partition, load command, flash address, file name."""

    PROXY: ClassVar[type[DriverProxy]] = FlasherProxy

    def flash(
        self,
        path: PathBuf | Mapping[str, PathBuf],
        *,
        target: str | None = None,
        operator: Any = None,
        compression: Any = None,
        timeout: Seconds = None,
    ) -> Any:
        """Write an image, or one for each of several targets; see `ImageMethods.flash`.

        Args:
            path: A file, an http(s) URL that the exporter fetches by itself, or a mapping of targets to those.
            target: Where to; None for the driver's default. Not together with a mapping.
            operator: One of OpenDAL's, in which ``path`` is; with a mapping, perhaps one for each target.
            compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the image is to be decompressed. Default: as it is.
            timeout: Seconds or timedelta for each image. Default: no limit.

        Returns:
            What the driver returned; with a mapping, by target.

        Raises:
            ArgumentError: The arguments contradict each other.
            UsageError: There is no such file; nothing was switched.
            DriverError: It could not be written.
        """
        with argument_errors():
            self._check_arguments(path, target)
        kind = compression_of(compression)
        if isinstance(path, Mapping):
            operators = operator if isinstance(operator, Mapping) else dict.fromkeys(path, operator)
            images: Any = {name: source_for(image, operators.get(name), kind) for name, image in path.items()}
        elif isinstance(operator, Mapping):
            raise ArgumentError("operator= is a mapping, but there is only one image. Give one operator.")
        else:
            images = source_for(path, operator, kind)
        return super().flash(images, target=target, compression=kind.value, timeout=timeout)

    def dump(
        self,
        path: PathBuf,
        *,
        target: str | None = None,
        operator: Any = None,
        compression: Any = None,
        timeout: Seconds = None,
    ) -> Any:
        """Read an image into a file; see `ImageMethods.dump`.

        Args:
            path: The file, or an http(s) URL to which the exporter sends it by itself.
            target: Where from; None for the driver's default.
            operator: One of OpenDAL's, in which ``path`` is.
            compression: How the file is to be compressed: ``gzip``, ``xz``, ``bz2`` or ``zstd``. Default: as it is.
            timeout: Seconds or timedelta. Default: no limit.

        Raises:
            ArgumentError: The arguments contradict each other.
            DriverError: It could not be read.
        """
        with argument_errors():
            self._check_arguments(path, target)
        with sink_for(path, operator, compression) as what:
            return self._dump(what, target, Deadline.of(timeout))

    def _target(self, target: str | None) -> tuple[str | None, ...]:
        return (target,)

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


class PlainFlasherClient(FlasherClient):
    """The flasher of upstream's core: with a URL, for which there is no ``compression``, it only warns of one."""

    def _flash(
        self, source: Source | RemoteSource, target: str | None, compression: Compression, deadline: Deadline
    ) -> Any:
        if isinstance(source, RemoteSource) and compression is not Compression.none:
            _warn_of_compression()
            compression = Compression.none
        return super()._flash(source, target, compression, deadline)

    def dump(
        self,
        path: PathBuf,
        *,
        target: str | None = None,
        operator: Any = None,
        compression: Any = None,
        timeout: Seconds = None,
    ) -> Any:
        """Read an image into a file; see `FlasherClient.dump`."""
        if compression is not None and is_url(path):
            _warn_of_compression()
            compression = None
        return super().dump(path, target=target, operator=operator, compression=compression, timeout=timeout)


def _warn_of_compression() -> None:
    warnings.warn(
        "The compression parameter is ignored for a URL: the exporter sends and fetches the file by itself.",
        stacklevel=2,
    )
