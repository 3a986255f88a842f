"""Images and files that drivers take and give: local ones, URLs, and those of OpenDAL's operators."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.client.interrupts import wait
from JumpstarterLibrary.client.sink import DownloadSink, local_sink
from JumpstarterLibrary.client.source import RemoteSource, Source, is_url
from JumpstarterLibrary.common.compression import ZSTD_PACKAGE, compressor
from JumpstarterLibrary.errors import OperationTimeout, UsageError
from JumpstarterLibrary.types import Compression
from pytest_jumpstarter.upstream_api.clients.driver_handle import proxy_of
from pytest_jumpstarter.upstream_api.clients.optional import needed
from pytest_jumpstarter.upstream_api.clients.trouble import also_as, as_driver_error

PRESIGN_S = 30.0
"""How long a storage service may take to presign a request, which most do without a question to anything."""

PathBuf = str | os.PathLike[str]

PRESIGNED_S = 60
"""How long the exporter may fetch what an operator has signed for it."""


@contextmanager
def source(
    client: Any, path: PathBuf, operator: Any = None, compression: Any = None, url: str | None = None
) -> Iterator[dict[str, Any]]:
    """Offer a file to a driver, and yield the handle that a call inside the block gives it.

    Args:
        client: The driver.
        path: The file; see `source_for`.
        operator: One of OpenDAL's.
        compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the driver is to get the file's content. Default: the
            bytes as they are.
        url: The URL of what the operator names, if it is known; the exporter fetches that.

    Raises:
        TransferError: It could not be read to its end, or the driver took only a part of it.
    """
    kind = compression_of(compression)
    what = source_for(path, operator, kind) if url is None else RemoteSource(url)
    with as_driver_error(), proxy_of(client)._uploading(None, what, compression=kind) as sending:
        yield sending.handle


@contextmanager
def sink(client: Any, path: PathBuf, operator: Any = None, compression: Any = None) -> Iterator[dict[str, Any]]:
    """Take a file from a driver, and yield the handle that a call inside the block gives it.

    Args:
        client: The driver.
        path: The file; see `sink_for`.
        operator: One of OpenDAL's.
        compression: How the file is to be compressed: ``gzip``, ``xz``, ``bz2`` or ``zstd``. Default: as it is.

    Raises:
        TransferError: It could not be written to its end, or the driver's data broke off.
    """
    with (
        sink_for(path, operator, compression) as what,
        as_driver_error(),
        proxy_of(client)._downloading(None, what) as receiving,
    ):
        yield receiving.handle


def source_for(
    path: PathBuf, operator: Any = None, compression: Compression = Compression.none
) -> Source | RemoteSource:
    """Return what a driver gets for a file.

    Args:
        path: A local file, or with an operator its path there, or an http(s) URL, which the exporter fetches by itself.
        operator: One of OpenDAL's. What it can sign, the exporter fetches by itself.
        compression: How the file is compressed, if the driver is to get its content.

    Raises:
        UsageError: There is no such file; also a `FileNotFoundError`.
    """
    if is_url(path):
        return RemoteSource(str(path))
    if operator is None:
        return local_source(path)
    name = str(path)
    if compression is Compression.none and operator.capability().presign_read:
        return signed(operator, name)
    return Source(name, None, opener=lambda: operator.open(name, "rb"))


@contextmanager
def sink_for(path: PathBuf, operator: Any = None, compression: Any = None) -> Iterator[DownloadSink | RemoteSource]:
    """Open the sink for a file. A local file appears under its name only when it is complete.

    Args:
        path: A local file, or an http(s) URL to which the exporter sends it by itself; with an operator, a path there.
        operator: One of OpenDAL's.
        compression: How the file is to be compressed: ``gzip``, ``xz``, ``bz2`` or ``zstd``. Default: as it is.
    """
    if operator is None and is_url(path):
        if compression is not None:
            raise UsageError("compression= does not go with a URL: the exporter sends the file by itself.")
        yield RemoteSource(str(path), "PUT")
        return
    opened = local_sink(Path(path)) if operator is None else _remote_sink(operator, str(path))
    with opened as plain, _compressed(plain, compression_of(compression)) as what:
        yield what


def parse_path(path: PathBuf) -> tuple[Path, None] | tuple[None, str]:
    """Return the absolute path of a local file and None, or None and an http(s) URL."""
    text = os.fspath(path)
    return (None, text) if is_url(text) else (Path(text).resolve(), None)


def local_source(path: PathBuf) -> Source:
    """Return a local file to send.

    Raises:
        UsageError: There is none, or it cannot be read; also the `OSError` of that.
    """
    try:
        return Source.of(Path(path))
    except UsageError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        both = also_as(error, type(error.__cause__))
        raise both from error.__cause__


def compression_of(wanted: Any) -> Compression:
    """Return what is meant by a name, or by upstream's enumeration; None is no compression.

    Raises:
        UsageError: There is no such compression.
    """
    name = str(getattr(wanted, "value", wanted) or "none")
    try:
        return Compression(name)
    except ValueError:
        known = ", ".join(kind.value for kind in Compression if kind is not Compression.auto)
        raise UsageError(f"There is no compression '{name}'. Choose one of: {known}.") from None


def signed(operator: Any, path: str) -> RemoteSource:
    """Return the request by which the exporter fetches what an operator has signed."""
    request = _run(lambda: operator.to_async_operator().presign_read(path, expire_second=PRESIGNED_S))
    return RemoteSource(request.url, request.method, dict(request.headers))


def operator_for_path(path: PathBuf) -> tuple[Path, Any, str]:
    """Return the path, OpenDAL's operator and the scheme for a local file or an http(s) URL, without its query."""
    operator = needed("opendal", "operator_for_path", "opendal").Operator
    if not is_url(path):
        return Path(path).resolve(), operator("fs", root="/"), "fs"
    parts = urlsplit(str(path))
    return Path(parts.path), operator("http", root="/", endpoint=f"{parts.scheme}://{parts.netloc}"), "http"


def clean_filename(path: PathBuf) -> str:
    """Return the file name of a path or URL, without a query."""
    text = os.fspath(path)
    return (urlsplit(text).path if is_url(text) else text.partition("?")[0]).rpartition("/")[2]


def path_with_query(url: Any) -> str:
    """Return path and query of a URL in parts."""
    return f"{url.path}?{url.query}" if url.query else str(url.path)


def _run(start: Callable[[], Any]) -> Any:
    """Run a coroutine of OpenDAL's in a thread of its own, since the caller's may have an event loop.

    Raises:
        OperationTimeout: It did not end within 30 seconds.
    """
    found: list[Any] = []
    failed: list[BaseException] = []
    ended = threading.Event()

    async def main() -> None:
        found.append(await start())

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for it
            failed.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, name="jumpstarter-presign", daemon=True).start()
    if not wait(ended, PRESIGN_S):
        raise OperationTimeout(
            f"The storage of the image did not presign a request for it within {format_duration(PRESIGN_S)}. Check the "
            f"operator, and that its service can be reached."
        )
    if failed:
        raise failed[0]
    return found[0]


@contextmanager
def _remote_sink(operator: Any, path: str) -> Iterator[DownloadSink]:
    with operator.open(path, "wb") as file:
        yield DownloadSink(path, file.write)


@contextmanager
def _compressed(sink: DownloadSink, kind: Compression) -> Iterator[DownloadSink]:
    """Yield a sink that writes compressed what it is given; the end comes with that of the block."""
    if kind is Compression.none:
        yield sink
        return
    engine = compressor(kind.value)
    if engine is None:
        raise UsageError(
            f"This side cannot compress {kind.value}. Install {ZSTD_PACKAGE}, use gzip, xz or bz2, or leave "
            f"compression= out."
        )
    yield replace(sink, write=lambda data: sink.write(engine.compress(data)))
    sink.write(engine.flush())
