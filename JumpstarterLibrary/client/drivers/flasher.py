"""Flashers: drivers with ``flash`` and ``dump`` on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.image import ImageStore, WriteOptions, compression_named
from JumpstarterLibrary.client.resource import Transfer
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.hints import Hint, argument
from JumpstarterLibrary.types import Compression, ImageSource, Verdict, Verify


class FlasherProxy(ImageStore):
    """A flasher. What ``target`` means is the driver's to say: partition, load command, flash address, file name."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_opendal.client.FlasherClient",
        "jumpstarter.client.flasher.FlasherClient",
        "jumpstarter_driver_qemu.client.QemuFlasherClient",
        "jumpstarter_driver_esp32.client.Esp32FlasherClient",
        "jumpstarter_driver_pi_pico.client.PiPicoClient",
        "jumpstarter_driver_stlink_msd.client.StlinkMsdFlasherClient",
    )

    def flash(
        self,
        path: ImageSource | Mapping[str, ImageSource],
        *,
        target: str | None = None,
        compression: str | None = None,
        timeout: Seconds = None,
    ) -> None:
        """Write an image, or one image for each of several targets.

        Args:
            path: A file, an http(s) URL that the exporter fetches by itself, or a mapping of target to those.
            target: Where to; None for the driver's default. Not together with a mapping.
            compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the file is to be decompressed. Default: as it is.
            timeout: Seconds or timedelta for each image. Default: no limit.
        """
        kind = compression_named(compression)
        if isinstance(path, Mapping) and target is not None:
            raise UsageError(
                f"{argument('target')}'{target}' and a mapping of targets to images contradict each other.",
                hint=Hint.LEAVE_TARGET_OUT,
            )
        images = path if isinstance(path, Mapping) else {target: path}
        for where, image in images.items():
            self.write_image(image, WriteOptions(where, kind, Verify.none), timeout)

    def dump(self, path: Path | str, *, target: str | None = None, timeout: Seconds = None) -> None:
        """Read an image into a file."""
        self.read_image(Path(path), target=target, timeout=timeout)

    def _write(
        self, source: Source, compression: Compression, options: WriteOptions, deadline: Deadline
    ) -> tuple[Transfer, Verdict]:
        back = options.verify is Verify.read_back
        sent = self._upload(
            "flash",
            source,
            *_optional(options.target),
            compression=compression,
            hash_content=back,
            timeout=deadline,
        )
        if back:
            return sent, self._read_back(sent, options.target, deadline)
        return sent, Verdict.unchecked if options.verify is Verify.none else Verdict.unverified

    def _write_url(self, url: str, target: str | None, deadline: Deadline) -> None:
        self.call("flash", self._presigned(url), *_optional(target), timeout=deadline)

    def _read(self, sink: BinaryIO, target: str | None, size: int | None, deadline: Deadline) -> Transfer:
        return self._download("dump", sink, *_optional(target), limit=size, timeout=deadline)


def _optional(target: str | None) -> tuple[str, ...]:
    """Return the arguments behind the handle; a target that is not given is not sent."""
    return () if target is None else (target,)
