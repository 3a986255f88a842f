"""Flashers: drivers with ``flash`` and ``dump`` on the wire."""

from __future__ import annotations

from typing import Any

from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.drivers.image import ImageMethods, ImageStore, WriteOptions
from JumpstarterLibrary.client.sink import DownloadSink
from JumpstarterLibrary.client.source import RemoteSource, Source
from JumpstarterLibrary.client.transfers import Transfer
from JumpstarterLibrary.types import Compression, Verdict, Verify


class FlasherMethods(ImageMethods):
    """The methods of flashers, for both faces.

    What ``target`` means is the driver's to say: partition, load command, flash address, file name.
    """

    def _flash(
        self, source: Source | RemoteSource, target: str | None, compression: Compression, deadline: Deadline
    ) -> Any:
        with self._uploading("flash", source, compression=compression, timeout=deadline) as sending:
            return self._driver_call("flash", sending.handle, *self._target(target), timeout=deadline)

    def _dump(self, sink: DownloadSink | RemoteSource, target: str | None, deadline: Deadline) -> Any:
        with self._downloading("dump", sink, timeout=deadline) as receiving:
            return self._driver_call("dump", receiving.handle, *self._target(target), timeout=deadline)

    def _target(self, target: str | None) -> tuple[str | None, ...]:
        """Return the arguments behind the handle; a target that is not given is not sent."""
        return () if target is None else (target,)


class FlasherProxy(FlasherMethods, ImageStore):
    """A flasher driver."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_opendal.client.FlasherClient",
        "jumpstarter.client.flasher.FlasherClient",
        "jumpstarter_driver_qemu.client.QemuFlasherClient",
        "jumpstarter_driver_esp32.client.Esp32FlasherClient",
        "jumpstarter_driver_pi_pico.client.PiPicoClient",
        "jumpstarter_driver_stlink_msd.client.StlinkMsdFlasherClient",
    )

    def _write(
        self, source: Source, compression: Compression, options: WriteOptions, deadline: Deadline
    ) -> tuple[Transfer, Verdict]:
        back = options.verify is Verify.read_back
        target = self._target(options.target)
        sent = self._upload("flash", source, *target, compression=compression, hash_content=back, timeout=deadline)
        if back:
            return sent, self._read_back(sent, options.target, deadline)
        return sent, Verdict.unchecked if options.verify is Verify.none else Verdict.unverified

    def _write_url(self, source: RemoteSource, target: str | None, deadline: Deadline) -> None:
        self._flash(source, target, Compression.none, deadline)

    def _read(self, sink: DownloadSink, target: str | None, size: int | None, deadline: Deadline) -> Transfer:
        return self._download("dump", sink, *self._target(target), limit=size, timeout=deadline)
