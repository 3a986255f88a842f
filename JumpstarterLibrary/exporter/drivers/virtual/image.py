"""The images that a virtual board boots: a text header, an empty line, and a payload.

    JUMPSTARTER-VIRTUAL-IMAGE v1
    hostname=bench-7
    version=2.1
    log=adc0: 8 channels

Written by hand, the header alone is an image. Every key may be left out; ``log`` may be repeated. ``size`` and
``sha256`` describe the payload, so that the boot loader notices a truncated or corrupted image; `make_image` always
writes them.

    python -m JumpstarterLibrary.exporter.drivers.virtual board.img --hostname bench-7
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = "JUMPSTARTER-VIRTUAL-IMAGE v1"
HEADER_LIMIT = 64 * 1024
SLICE = 1024 * 1024


class BadImage(Exception):
    """An image on the medium that does not boot; the text is a boot loader's line."""


@dataclass(frozen=True)
class Image:
    """The header of an image.

    Attributes:
        hostname: The machine's name, in the login prompt and everywhere else.
        version: The system's version, in the greeting and ``/etc/os-release``.
        user: The only account.
        password: Its password; empty to log in without one.
        cmdline: Added to the kernel's command line, for instance ``panic=5``.
        log: Extra kernel lines during boot.
        panic: With a text, the kernel panics with it instead of starting the system.
        size: Bytes of payload, when declared.
        sha256: The payload's hash, when declared.
    """

    hostname: str = "virtual"
    version: str = "1.0"
    user: str = "root"
    password: str = "root"
    cmdline: str = ""
    log: tuple[str, ...] = ()
    panic: str = ""
    size: int | None = None
    sha256: str = ""


KEYS = frozenset(field.name for field in dataclasses.fields(Image))


def make_image(
    payload: bytes = b"",
    *,
    hostname: str = "virtual",
    version: str = "1.0",
    user: str = "root",
    password: str = "root",
    cmdline: str = "",
    log: Sequence[str] = (),
    panic: str = "",
) -> bytes:
    """Return an image that a virtual board boots. The arguments are those of `Image`.

    Raises:
        ValueError: A value has more than one line.
    """
    size, sha256 = len(payload), hashlib.sha256(payload).hexdigest()
    image = Image(hostname, version, user, password, cmdline, tuple(log), panic, size, sha256)
    return header(image) + payload


def header(image: Image) -> bytes:
    """Return an image's header; the size first, so that a header that was cut off shows it.

    Raises:
        ValueError: A value has more than one line.
    """
    values = dataclasses.asdict(image)
    pairs = [(key, values[key]) for key in ("size", "sha256") if values[key] not in (None, "")]
    pairs += [(key, values[key]) for key in ("hostname", "version", "user", "password")]
    pairs += [(key, values[key]) for key in ("cmdline", "panic") if values[key]]
    pairs += [("log", line) for line in image.log]
    for key, value in pairs:
        if len(str(value).splitlines()) > 1 or str(value).endswith("\n"):
            raise ValueError(f"A virtual image's {key} is one line, not {value!r}.")
    return "\n".join([MAGIC, *(f"{key}={value}" for key, value in pairs), "", ""]).encode()


def read_header(file: BinaryIO) -> Image:
    """Read an image's header, and leave the file at the payload's first byte.

    Raises:
        BadImage: This is no image, or its header was cut off.
    """
    start = file.read(HEADER_LIMIT)
    if not start:
        raise BadImage("** Medium is blank **\nWrong Image Format for bootm command")
    if not start.startswith(MAGIC.encode()):
        raise BadImage("Wrong Image Format for bootm command")
    head, empty_line, _ = start.partition(b"\n\n")
    image = _parse(head)
    if not empty_line and len(start) == HEADER_LIMIT:
        raise BadImage(f"** Image header does not end within {HEADER_LIMIT} bytes **")
    if not empty_line and image.size is not None:
        raise BadImage(f"** Image is truncated: its header ends after {len(start)} bytes **")
    file.seek(len(head) + len(empty_line))
    return image


def check_payload(image: Image, file: BinaryIO) -> Iterator[int]:
    """Check the payload against the header, a slice at a time: yields the bytes seen so far.

    Raises:
        BadImage: The payload is shorter than declared, or has another hash.
    """
    digest, seen = hashlib.sha256(), 0
    while part := file.read(SLICE if image.size is None else min(SLICE, image.size - seen)):
        digest.update(part)
        seen += len(part)
        yield seen
    if image.size is not None and seen < image.size:
        raise BadImage(f"** Image is truncated: {image.size} bytes declared, {seen} found **")
    if image.sha256 and digest.hexdigest() != image.sha256:
        raise BadImage("Verifying Hash Integrity ... sha256 error!\nBad hash value for the image's payload")


def _parse(head: bytes) -> Image:
    first, *lines = head.decode(errors="replace").splitlines()
    if first != MAGIC:
        raise BadImage(f"Wrong Image Format for bootm command: {first[:60]!r}")
    values: dict[str, str] = {}
    log: list[str] = []
    for line in filter(None, lines):
        key, equals, value = line.partition("=")
        if not equals or key not in KEYS:
            raise BadImage(f"** Image header: no such setting {line[:60]!r} **")
        if key == "log":
            log.append(value)
        else:
            values[key] = value
    return _image(values, tuple(log))


def _image(values: dict[str, str], log: tuple[str, ...]) -> Image:
    size = values.pop("size", None)
    if size is not None and not re.fullmatch("[0-9]{1,18}", size):
        raise BadImage(f"** Image header: size is a number of bytes, not {size[:60]!r} **")
    return Image(log=log, size=None if size is None else int(size), **values)
