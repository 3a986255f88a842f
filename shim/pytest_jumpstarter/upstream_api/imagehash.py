"""Snapshots of a device's screen, compared with reference images by perceptual hashes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_jumpstarter.upstream_api.clients.optional import needed

logger = logging.getLogger(__name__)


def average_hash(image: Any, hash_size: int = 8) -> Any:
    """Return the average hash of an image of Pillow's; see ``imagehash.average_hash``.

    Raises:
        MissingPackage: The package imagehash is not installed.
    """
    return needed("imagehash", "ImageHash", "imagehash").average_hash(image, hash_size=hash_size)


@dataclass
class ImageHash:
    """Compares what a video driver shows with reference images.

    Attributes:
        client: The driver's client; it has ``snapshot()``, which returns an image of Pillow's.
        outdir: Where a snapshot is saved that differs. Default: the current folder.
        hash_func: The hash: called with an image and ``hash_size``. Default: the average hash.
        hash_size: Its size: 8 for 64 bits.
    """

    client: Any
    outdir: Path = field(default_factory=Path.cwd)
    hash_func: Callable[..., Any] = average_hash
    hash_size: int = 8

    def snapshot(self) -> Any:
        """Return a snapshot, as an image of Pillow's."""
        return self.client.snapshot()

    def hash_snapshot(self) -> Any:
        """Return the hash of a snapshot."""
        return self.hash_func(self.snapshot(), hash_size=self.hash_size)

    def assert_snapshot(self, reference_img_file: str | os.PathLike[str], tolerance: int = 1) -> None:
        """Check that a snapshot looks like a reference image. One that does not is saved, as ``FAILED_`` and its name.

        Args:
            reference_img_file: The reference image.
            tolerance: How many bits of the hashes may differ. Default: 1.

        Raises:
            AssertionError: More do.
        """
        reference = Path(reference_img_file)
        snapshot = self.snapshot()
        with needed("PIL.Image", "ImageHash", "imagehash").open(reference) as image:
            expected = self.hash_func(image, hash_size=self.hash_size)
        difference = expected - self.hash_func(snapshot, hash_size=self.hash_size)
        logger.info("A snapshot of %s differs from %s in %s bits.", self._name, reference.name, difference)
        if difference > tolerance:
            saved = self.outdir / f"FAILED_{reference.name}"
            snapshot.save(saved)
            raise AssertionError(
                f"The snapshot of '{self._name}' does not look like '{reference}': {difference} bits of their hashes "
                f"differ, and {tolerance} may. It was saved as '{saved}'."
            )

    @property
    def _name(self) -> str:
        return str(getattr(self.client, "name", "the device"))
