"""Writing and reading images: what storage muxes, flashers and file stores have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.compression import can_decompress
from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.base import DriverMethods, DriverProxy, refuse_for_url
from JumpstarterLibrary.client.sink import DownloadSink, local_sink
from JumpstarterLibrary.client.source import RemoteSource, Source, shown_url, source_of
from JumpstarterLibrary.client.stream import FRAME
from JumpstarterLibrary.client.transfers import Transfer
from JumpstarterLibrary.errors import TransferError, UsageError
from JumpstarterLibrary.hints import Hint, argument
from JumpstarterLibrary.types import Compression, ImageReport, ImageSource, Verdict, Verify

_READ_BACK = f"{argument('verify')}{Verify.read_back.value}"


@dataclass(frozen=True)
class WriteOptions:
    """How an image is written.

    Attributes:
        target: Partition, address or path, where the driver knows such; None for its default.
        compression: How the source is compressed; ``auto`` looks at it.
        verify: How to check what was written.
        sha256: What the source's SHA-256 must be; checked before anything is sent. None: not checked.
    """

    target: str | None = None
    compression: Compression = Compression.auto
    verify: Verify = Verify.auto
    sha256: str | None = None


class ImageMethods(DriverMethods):
    """The methods of drivers that write images and read them, for both faces."""

    def flash(
        self,
        path: ImageSource | Mapping[str, ImageSource],
        *,
        target: str | None = None,
        compression: str | None = None,
        timeout: Seconds = None,
    ) -> Any:
        """Write an image, or one image for each of several targets.

        Args:
            path: A file, an http(s) URL that the exporter fetches by itself, or a mapping of target to those.
            target: Where to, where the driver knows such; None for its default. Not together with a mapping.
            compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the file is to be decompressed. Default: as it is.
            timeout: Seconds or timedelta for each image. Default: no limit.

        Returns:
            What the driver returned; with a mapping, by target.

        Raises:
            UsageError: There is no such file, or the arguments contradict each other; nothing was switched.
            DriverError: It could not be written.
        """
        self._check_arguments(path, target)
        kind = compression_named(compression)
        if isinstance(path, Mapping):
            sources = {name: source_of(image) for name, image in path.items()}
            return {name: self._flash(each, name, kind, Deadline.of(timeout)) for name, each in sources.items()}
        return self._flash(source_of(path), target, kind, Deadline.of(timeout))

    def dump(self, path: Path | str, *, target: str | None = None, timeout: Seconds = None) -> Any:
        """Read an image into a file, which appears under its name only when it is complete.

        Args:
            path: The file; folders above it are made.
            target: Where from, where the driver knows such; None for its default.
            timeout: Seconds or timedelta. Default: no limit.
        """
        self._check_arguments(path, target)
        with local_sink(Path(path)) as sink:
            return self._dump(sink, target, Deadline.of(timeout))

    def _check_arguments(self, path: object, target: str | None) -> None:
        """Refuse arguments that contradict each other."""
        if isinstance(path, Mapping) and target is not None:
            raise UsageError(
                f"{argument('target')}'{target}' and a mapping of targets to images contradict each other.",
                hint=Hint.LEAVE_TARGET_OUT,
            )

    def _flash(
        self, source: Source | RemoteSource, target: str | None, compression: Compression, deadline: Deadline
    ) -> Any:
        """Write one image and return what the driver returned."""
        raise NotImplementedError

    def _dump(self, sink: DownloadSink | RemoteSource, target: str | None, deadline: Deadline) -> Any:
        """Read into a sink and return what the driver returned."""
        raise NotImplementedError


class ImageStore(DriverProxy):
    """A driver that takes and gives images. Subclasses say how one transfer is done and how it can be checked."""

    def write_image(
        self, source: ImageSource, options: WriteOptions | None = None, timeout: Seconds = None
    ) -> ImageReport:
        """Write an image and say what is known of it afterwards.

        Args:
            source: A file, or an http(s) URL that the exporter fetches by itself.
            options: How; default: everything automatic.
            timeout: Seconds or timedelta for all of it. Default: no limit.

        Raises:
            UsageError: The source is not there, or does not have the SHA-256 that was asked for.
            TransferError: It did not arrive unharmed.
            InfrastructureError: The driver refused or failed, or the link broke.
        """
        options = options or WriteOptions()
        deadline, begin = Deadline.of(timeout), clock.seconds()
        local = source_of(source)
        if isinstance(local, RemoteSource):
            self._refuse_for_url(local.url, options)
            self._write_url(local, options.target, deadline)
            verdict = Verdict.unchecked if options.verify is Verify.none else Verdict.unverified
            return ImageReport(shown_url(local.url), None, None, clock.seconds() - begin, verdict, self.path)
        if options.sha256 is not None:
            check_sha256(local, options.sha256)
        compression = local.compression() if options.compression is Compression.auto else options.compression
        if options.verify is Verify.read_back and not hashable(compression):
            raise UsageError(
                f"{_READ_BACK} needs the content of '{local.name}', and this Python cannot decompress "
                f"{compression.value}.",
                hint=Hint.DECOMPRESS_IMAGE,
            )
        transfer, verdict = self._write(local, compression, options, deadline)
        return ImageReport(local.name, transfer.size, transfer.sha256, clock.seconds() - begin, verdict, self.path)

    def read_image(
        self, sink: Path, *, target: str | None = None, size: int | None = None, timeout: Seconds = None
    ) -> ImageReport:
        """Read an image into a file. The file appears under its name only when it is complete.

        Args:
            sink: The file to write; folders above it are made.
            target: Partition, address or path, where the driver knows such.
            size: Stop after so many bytes. Default: to the end of the medium.
            timeout: Seconds or timedelta for all of it. Default: no limit.
        """
        if size is not None and size < 0:
            raise UsageError(f"{argument('size')}{size} is no number of bytes to read.")
        deadline, begin = Deadline.of(timeout), clock.seconds()
        with local_sink(sink) as file:
            transfer = self._read(file, target, size, deadline)
            if size is not None and transfer.size < size:
                raise TransferError(f"{self._subject} gave {transfer.size} bytes where {size} were asked for.")
        duration = clock.seconds() - begin
        return ImageReport(str(sink), transfer.size, transfer.sha256, duration, Verdict.received, self.path)

    # What subclasses say

    def _write(
        self, source: Source, compression: Compression, options: WriteOptions, deadline: Deadline
    ) -> tuple[Transfer, Verdict]:
        """Write a local source and check it."""
        raise NotImplementedError

    def _write_url(self, source: RemoteSource, target: str | None, deadline: Deadline) -> None:
        """Let the exporter fetch and write a URL."""
        raise NotImplementedError

    def _read(self, sink: DownloadSink, target: str | None, size: int | None, deadline: Deadline) -> Transfer:
        """Read into a sink."""
        raise NotImplementedError

    # What they share

    def _read_back(self, written: Transfer, target: str | None, deadline: Deadline) -> Verdict:
        """Compare what is on the medium with what was sent."""
        found = self._read(DownloadSink("nothing", len), target, written.content_size, deadline)
        if (found.size, found.sha256) != (written.content_size, written.content_sha256):
            raise TransferError(
                f"{self._subject} reported success, but the image read back differs: {written.content_size} "
                f"bytes with SHA-256 {written.content_sha256} were written, {found.size} bytes with SHA-256 "
                f"{found.sha256} were read."
            )
        return Verdict.verified

    @staticmethod
    def _refuse_for_url(url: str, options: WriteOptions) -> None:
        for wanted, name in (
            (options.verify is Verify.read_back, _READ_BACK),
            (options.sha256 is not None, argument("sha256")),
            (options.compression not in (Compression.auto, Compression.none), argument("compression")),
        ):
            if wanted:
                refuse_for_url(url, name)


def hashable(compression: Compression) -> bool:
    """Whether the content of a source that is compressed in this way can be hashed here."""
    return compression is Compression.none or can_decompress(compression)


def compression_named(name: str | Compression | None) -> Compression:
    """Return the compression of that name; None is none.

    Raises:
        UsageError: There is no such compression.
    """
    try:
        return Compression(name or Compression.none)
    except ValueError:
        known = ", ".join(kind.value for kind in Compression)
        raise UsageError(f"There is no compression '{name}'. Choose one of: {known}.") from None


def check_sha256(source: Source, expected: str) -> None:
    """Check a source's SHA-256.

    Raises:
        UsageError: It is another one.
    """
    digest = hashlib.sha256()
    with source.open() as file:
        while data := file.read(FRAME):
            digest.update(data)
    actual = digest.hexdigest()
    if actual != expected.strip().lower():
        raise UsageError(
            f"The image '{source.name}' has SHA-256 {actual}, not {expected.strip().lower()}. Nothing was written."
        )
