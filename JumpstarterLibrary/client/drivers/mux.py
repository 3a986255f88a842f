"""Storage muxes: switch a medium between exporter and device, write it and read it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from JumpstarterLibrary.client.deadline import Deadline, Seconds, seconds
from JumpstarterLibrary.client.drivers.base import DriverMethods
from JumpstarterLibrary.client.drivers.image import ImageStore, WriteOptions, compression_named
from JumpstarterLibrary.client.resource import Transfer
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.errors import JumpstarterError, LinkError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.types import Compression, ImageReport, ImageSource, StorageSide, Verdict, Verify

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class StorageMuxMethods(DriverMethods):
    """A medium that either the exporter or the device has: what a storage mux offers to both faces."""

    GIVE_BACK_S: float | None = 10.0
    """How long giving the medium back may take after a failure; None for no limit."""

    def host(self, *, timeout: Seconds = None) -> Any:
        """Give the medium to the exporter."""
        return self._driver_call("host", timeout=timeout)

    def dut(self, *, timeout: Seconds = None) -> Any:
        """Give the medium to the device."""
        return self._driver_call("dut", timeout=timeout)

    def off(self, *, timeout: Seconds = None) -> Any:
        """Disconnect the medium from both, where the hardware can; otherwise give it to the exporter."""
        return self._driver_call("off", timeout=timeout)

    def _on_host(self, action: Callable[[], _Result], deadline: Deadline) -> _Result:
        """Do something while the exporter has the medium, and give it to the device afterwards in any case."""
        _switch(self.host, deadline)
        try:
            result = action()
        except LinkError:
            raise  # without a link, the medium cannot be given back
        except BaseException:
            if not self._driver_proxy._device.present.alive():
                raise
            try:
                _switch(self.dut, self.GIVE_BACK_S)
            except JumpstarterError as error:
                path = self._driver_proxy.path
                logger.warning("The medium of driver '%s' could not be given back to the device: %s", path, error)
            raise
        _switch(self.dut, deadline)
        return result

    def _refuse_target(self, target: str | None) -> None:
        if target is not None:
            path = self._driver_proxy.path
            raise UsageError(
                f"Driver '{path}' is a storage mux, which writes the whole medium and knows no target '{target}'.",
                hint=Hint.LEAVE_TARGET_OUT,
            )


def _switch(switch: Callable[..., Any], limit: Seconds) -> None:
    """Switch sides. A user's client class may have methods that know no ``timeout``, as upstream's."""
    if seconds(limit) is None:
        switch()
    else:
        switch(timeout=limit)


class StorageMuxProxy(StorageMuxMethods, ImageStore):
    """A storage mux driver."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_opendal.client.StorageMuxClient",
        "jumpstarter_driver_opendal.client.StorageMuxFlasherClient",
    )

    def switch(self, side: StorageSide, timeout: Seconds = None) -> None:
        """Give the medium to a side."""
        self.call(side.value, timeout=timeout)

    def write_local_file(self, filepath: Path | str, timeout: Seconds = None) -> Transfer:
        """Write a file to the raw medium, byte by byte and without switching sides."""
        return self._upload("write", Source.of(filepath), timeout=timeout)

    def read_local_file(self, filepath: Path | str, timeout: Seconds = None) -> Transfer:
        """Read the raw medium to its end into a file, without switching sides."""
        with Path(filepath).open("wb") as file:
            return self._download("read", file, timeout=timeout)

    def flash(
        self, path: ImageSource, *, target: str | None = None, compression: str | None = None, timeout: Seconds = None
    ) -> None:
        """Write an image: medium to the exporter, write, medium to the device.

        Args:
            path: A file, or an http(s) URL that the exporter fetches by itself.
            target: Not supported by a mux; must be None.
            compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the file is to be decompressed. Default: as it is.
            timeout: Seconds or timedelta. Default: no limit.
        """
        self.write_image(path, WriteOptions(target, compression_named(compression), Verify.none), timeout)

    def dump(self, path: Path | str, *, target: str | None = None, timeout: Seconds = None) -> None:
        """Read the medium to its end into a file: medium to the exporter, read, medium to the device."""
        self.read_image(Path(path), target=target, timeout=timeout)

    def _write(
        self, source: Source, compression: Compression, options: WriteOptions, deadline: Deadline
    ) -> tuple[Transfer, Verdict]:
        self._refuse_target(options.target)
        back = options.verify is Verify.read_back

        def write() -> tuple[Transfer, Verdict]:
            sent = self._upload("write", source, compression=compression, hash_content=back, timeout=deadline)
            if back:
                return sent, self._read_back(sent, None, deadline)
            return sent, Verdict.unchecked if options.verify is Verify.none else Verdict.unverified

        return self._on_host(write, deadline)

    def _write_url(self, url: str, target: str | None, deadline: Deadline) -> None:
        self._refuse_target(target)
        self._on_host(lambda: self.call("write", self._presigned(url), timeout=deadline), deadline)

    def read_image(
        self, sink: Path, *, target: str | None = None, size: int | None = None, timeout: Seconds = None
    ) -> ImageReport:
        """Read the medium into a file; see ``ImageStore.read_image``. The device gets the medium back."""
        self._refuse_target(target)
        deadline = Deadline.of(timeout)
        read = super().read_image
        return self._on_host(lambda: read(sink, size=size, timeout=deadline), deadline)

    def _read(self, sink: BinaryIO, _target: str | None, size: int | None, deadline: Deadline) -> Transfer:
        return self._download("read", sink, limit=size, timeout=deadline)
