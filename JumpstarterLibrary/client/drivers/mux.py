"""Storage muxes: switch a medium between exporter and device, write it and read it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.base import DriverMethods, call_within
from JumpstarterLibrary.client.drivers.image import ImageMethods, ImageStore, WriteOptions
from JumpstarterLibrary.client.sink import DownloadSink, local_sink
from JumpstarterLibrary.client.source import RemoteSource, Source
from JumpstarterLibrary.client.transfers import Transfer
from JumpstarterLibrary.errors import JumpstarterError, LinkError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.types import Compression, ImageReport, StorageSide, Verdict, Verify

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class StorageMuxMethods(DriverMethods):
    """The methods of storage muxes, for both faces."""

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

    def write(self, handle: Any, *, timeout: Seconds = None) -> Any:
        """Write what a resource handle stands for to the raw medium."""
        return self._driver_call("write", handle, timeout=timeout)

    def read(self, handle: Any, *, timeout: Seconds = None) -> Any:
        """Read the raw medium to its end, to what a resource handle stands for."""
        return self._driver_call("read", handle, timeout=timeout)

    def write_local_file(self, filepath: Path | str, *, timeout: Seconds = None) -> Any:
        """Write a local file to the raw medium, byte by byte and without switching sides; return the `Transfer`.

        Raises:
            UsageError: There is no such file.
            DriverError: It could not be written.
        """
        return self._write_source(Source.of(filepath), Compression.none, Deadline.of(timeout))[1]

    def read_local_file(self, filepath: Path | str, *, timeout: Seconds = None) -> Any:
        """Read the raw medium to its end into a local file, without switching sides; return the `Transfer`."""
        with local_sink(Path(filepath)) as sink:
            return self._read_sink(sink, Deadline.of(timeout))[1]

    def _write_source(self, source: Source | RemoteSource, compression: Compression, deadline: Deadline) -> Any:
        """Write a source to the raw medium, and return the driver's result and the `Transfer`."""
        with self._uploading("write", source, compression=compression, timeout=deadline) as sending:
            result = call_within(deadline, self.write, sending.handle)
        return result, sending.result()

    def _read_sink(self, sink: DownloadSink | RemoteSource, deadline: Deadline) -> Any:
        """Read the raw medium into a sink, and return the driver's result and the `Transfer`."""
        with self._downloading("read", sink, timeout=deadline) as receiving:
            result = call_within(deadline, self.read, receiving.handle)
        return result, receiving.result()

    def _on_host(self, action: Callable[[], _Result], deadline: Deadline) -> _Result:
        """Do something while the exporter has the medium, and give it to the device afterwards in any case."""
        call_within(deadline, self.host)
        try:
            result = action()
        except LinkError:
            raise  # without a link, the medium cannot be given back
        except BaseException:
            if not self._driver_proxy._device.present.alive():
                raise
            try:
                call_within(self.GIVE_BACK_S, self.dut)
            except JumpstarterError as error:
                path = self._driver_proxy.path
                logger.warning("The medium of driver '%s' could not be given back to the device: %s", path, error)
            raise
        call_within(deadline, self.dut)
        return result


class StorageMuxFlasherMethods(ImageMethods, StorageMuxMethods):
    """The methods of storage muxes that flash, for both faces.

    The medium goes to the exporter, is written or read as a whole, and goes to the device in any case.
    """

    def _check_arguments(self, path: object, target: str | None) -> None:
        driver = f"{self._driver_proxy._subject} is a storage mux, which writes"
        if isinstance(path, Mapping):
            raise UsageError(f"{driver} one image to the whole medium, not several to targets.")
        if target is not None:
            raise UsageError(f"{driver} the whole medium and knows no target '{target}'.", hint=Hint.LEAVE_TARGET_OUT)

    def _flash(
        self, source: Source | RemoteSource, _target: str | None, compression: Compression, deadline: Deadline
    ) -> Any:
        return self._on_host(lambda: self._write_source(source, compression, deadline), deadline)[0]

    def _dump(self, sink: DownloadSink | RemoteSource, _target: str | None, deadline: Deadline) -> Any:
        return self._on_host(lambda: self._read_sink(sink, deadline), deadline)[0]


class StorageMuxProxy(StorageMuxFlasherMethods, ImageStore):
    """A storage mux driver."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_opendal.client.StorageMuxClient",
        "jumpstarter_driver_opendal.client.StorageMuxFlasherClient",
    )

    def switch(self, side: StorageSide, timeout: Seconds = None) -> None:
        """Give the medium to a side."""
        self.call(side.value, timeout=timeout)

    def _write(
        self, source: Source, compression: Compression, options: WriteOptions, deadline: Deadline
    ) -> tuple[Transfer, Verdict]:
        self._check_arguments(None, options.target)
        back = options.verify is Verify.read_back

        def write() -> tuple[Transfer, Verdict]:
            sent = self._upload("write", source, compression=compression, hash_content=back, timeout=deadline)
            if back:
                return sent, self._read_back(sent, None, deadline)
            return sent, Verdict.unchecked if options.verify is Verify.none else Verdict.unverified

        return self._on_host(write, deadline)

    def _write_url(self, source: RemoteSource, target: str | None, deadline: Deadline) -> None:
        self._check_arguments(None, target)
        self._flash(source, None, Compression.none, deadline)

    def read_image(
        self, sink: Path, *, target: str | None = None, size: int | None = None, timeout: Seconds = None
    ) -> ImageReport:
        """Read the medium into a file; see ``ImageStore.read_image``. The device gets the medium back."""
        self._check_arguments(None, target)
        deadline = Deadline.of(timeout)
        read = super().read_image
        return self._on_host(lambda: read(sink, size=size, timeout=deadline), deadline)

    def _read(self, sink: DownloadSink, _target: str | None, size: int | None, deadline: Deadline) -> Transfer:
        return self._download("read", sink, limit=size, timeout=deadline)
