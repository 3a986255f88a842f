"""Write an image file: ``python -m JumpstarterLibrary.exporter.drivers.virtual board.img --hostname bench-7``."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from JumpstarterLibrary.exporter.drivers.virtual.image import Image, make_image


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the image that the command line describes."""
    parser = argparse.ArgumentParser(prog="virtual", description="Write an image that a virtual board boots.")
    parser.add_argument("out", type=Path, help="the image file to write")
    for name in ("hostname", "version", "user", "password", "cmdline", "panic"):
        parser.add_argument(f"--{name}", default=getattr(Image, name), help="default: %(default)r")
    parser.add_argument("--log", action="append", default=[], help="an extra kernel line; may be repeated")
    parser.add_argument("--payload-size", type=int, default=0, metavar="BYTES", help="pseudo-random payload")
    options = vars(parser.parse_args(arguments))
    out, size = options.pop("out"), options.pop("payload_size")
    try:
        out.write_bytes(make_image(random.Random(0).randbytes(size), **options))
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
