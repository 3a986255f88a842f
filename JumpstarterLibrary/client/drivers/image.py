"""Writing and reading images: what storage muxes, flashers and file stores have in common."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.compression import can_decompress
from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.drivers.base import DriverProxy
from JumpstarterLibrary.client.resource import Transfer
from JumpstarterLibrary.client.source import Source, is_url, shown_url
from JumpstarterLibrary.client.stream import FRAME
from JumpstarterLibrary.errors import JumpstarterError, TransferError, UsageError
from JumpstarterLibrary.hints import Hint, argument
from JumpstarterLibrary.protocol.streams import presigned_handle
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
        if is_url(source):
            self._refuse_for_url(str(source), options)
            self._write_url(str(source), options.target, deadline)
            verdict = Verdict.unchecked if options.verify is Verify.none else Verdict.unverified
            return ImageReport(shown_url(str(source)), None, None, clock.seconds() - begin, verdict, self.path)
        local = Source.of(source)
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
        if not sink.name:
            raise UsageError(f"'{sink}' is no file to write an image to.")
        deadline, begin = Deadline.of(timeout), clock.seconds()
        partial = sink.with_name(f"{sink.name}.part")
        try:
            sink.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                transfer = self._read(file, target, size, deadline)
            if size is not None and transfer.size < size:
                raise TransferError(f"Driver '{self.path}' gave {transfer.size} bytes where {size} were asked for.")
            partial.replace(sink)
        except JumpstarterError:
            raise  # some of ours are OSErrors as well
        except OSError as error:
            raise TransferError(f"The image could not be written to '{sink}': {error.strerror or error}.") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        duration = clock.seconds() - begin
        return ImageReport(str(sink), transfer.size, transfer.sha256, duration, Verdict.received, self.path)

    # What subclasses say

    def _write(
        self, source: Source, compression: Compression, options: WriteOptions, deadline: Deadline
    ) -> tuple[Transfer, Verdict]:
        """Write a local source and check it."""
        raise NotImplementedError

    def _write_url(self, url: str, target: str | None, deadline: Deadline) -> None:
        """Let the exporter fetch and write a URL."""
        raise NotImplementedError

    def _read(self, sink: BinaryIO, target: str | None, size: int | None, deadline: Deadline) -> Transfer:
        """Read into an open file."""
        raise NotImplementedError

    # What they share

    def _read_back(self, written: Transfer, target: str | None, deadline: Deadline) -> Verdict:
        """Compare what is on the medium with what was sent."""
        found = self._read(_Nowhere(), target, written.content_size, deadline)
        if (found.size, found.sha256) != (written.content_size, written.content_sha256):
            raise TransferError(
                f"Driver '{self.path}' reported success, but the image read back differs: {written.content_size} "
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
                raise UsageError(
                    f"{name} needs the image here, and the exporter fetches '{shown_url(url)}' by itself. "
                    f"Download the image first, or leave {name} out."
                )

    @staticmethod
    def _presigned(url: str) -> dict[str, object]:
        return presigned_handle(url)


def hashable(compression: Compression) -> bool:
    """Whether the content of a source that is compressed in this way can be hashed here."""
    return compression is Compression.none or can_decompress(compression)


def compression_named(name: str | None) -> Compression:
    """Return the compression of that name; None is none.

    Raises:
        UsageError: There is no such compression.
    """
    if name is None:
        return Compression.none
    try:
        return Compression(name)
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


class _Nowhere(io.BytesIO):
    """A sink that keeps nothing; the transfer hashes what passes."""

    def write(self, data: Any) -> int:
        return len(data)
