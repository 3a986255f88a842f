"""Files of OpenDAL's as arguments of driver calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from JumpstarterLibrary.errors import UsageError
from pytest_jumpstarter.upstream_api.clients.transfers import PathBuf, sink, source


@contextmanager
def OpendalAdapter(
    *,
    client: Any,
    operator: Any,
    path: PathBuf,
    mode: Literal["rb", "wb"] = "rb",
    compression: Any = None,
    original_url: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Offer a file to a driver, and yield the handle that a call inside the block gives it.

    Args:
        client: The driver.
        operator: OpenDAL's operator in which the file is. What it can sign, the exporter fetches by itself.
        path: The file's path there.
        mode: ``rb`` to send it to the driver, ``wb`` to take it from there.
        compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the driver is to get the file's content.
        original_url: The file's URL, if it has one; the exporter fetches that.

    Raises:
        UsageError: The arguments contradict each other.
        TransferError: The file could not be sent or taken to its end.
    """
    if mode == "wb" and original_url is not None:
        raise UsageError("original_url is for files that are sent to a driver, not for mode 'wb'. Leave it out.")
    if mode == "wb":
        with sink(client, path, operator, compression) as handle:
            yield handle
    else:
        with source(client, path, operator, compression, original_url) as handle:
            yield handle
