"""Images and files that drivers take and give: local ones, URLs, and those of OpenDAL's operators."""

from __future__ import annotations

import asyncio
import bz2
import lzma
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from JumpstarterLibrary.client.offer import download_handle, presigned, upload_handle
from JumpstarterLibrary.client.source import Source, is_url
from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.types import Compression
from pytest_jumpstarter.upstream_api.clients.driver_handle import proxy_of
from pytest_jumpstarter.upstream_api.clients.optional import needed
from pytest_jumpstarter.upstream_api.clients.trouble import also_as, as_driver_error

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
        path: A local file, or with an operator its path there, or an http(s) URL, which the exporter fetches by itself.
        operator: One of OpenDAL's. What it can sign, the exporter fetches by itself.
        compression: ``gzip``, ``xz``, ``bz2`` or ``zstd`` if the driver is to get the file's content. Default: the
            bytes as they are.
        url: The URL of what the operator names, if it is known; the exporter fetches that.

    Raises:
        UsageError: There is no such file; also a `FileNotFoundError`. Or the compression cannot be had.
        TransferError: It could not be read to its end, or the driver took only a part of it.
    """
    kind = compression_of(compression)
    url = url or (str(path) if is_url(path) else None)
    if url is not None:
        if kind is not Compression.none:
            raise UsageError(
                f"compression={kind.value} does not go with a URL: compression is not supported for what the exporter "
                f"fetches by itself. Download the file first, or leave compression= out."
            )
        yield presigned(url)
    elif operator is None:
        local = local_source(path)
        with as_driver_error(), upload_handle(proxy_of(client), local.open, local.name, local.size, kind) as handle:
            yield handle
    elif kind is Compression.none and operator.capability().presign_read:
        yield signed(operator, str(path))
    else:
        name, proxy = str(path), proxy_of(client)
        with as_driver_error(), upload_handle(proxy, lambda: operator.open(name, "rb"), name, None, kind) as handle:
            yield handle


@contextmanager
def sink(client: Any, path: PathBuf, operator: Any = None, compression: Any = None) -> Iterator[dict[str, Any]]:
    """Take a file from a driver, and yield the handle that a call inside the block gives it.

    A local file appears under its name only when it is complete.

    Args:
        client: The driver.
        path: A local file, or an http(s) URL to which the exporter sends it by itself; with an operator, a path there.
        operator: One of OpenDAL's.
        compression: How the file is to be compressed: ``gzip``, ``xz`` or ``bz2``. Default: the bytes as they are.

    Raises:
        TransferError: It could not be written to its end, or the driver's data broke off.
    """
    if operator is None and is_url(path):
        if compression is not None:
            raise UsageError("compression= does not go with a URL: the exporter sends the file by itself.")
        yield presigned(str(path), "PUT")
        return
    kind = compression_of(compression)
    with ExitStack() as stack:
        opened = _local_sink(Path(path)) if operator is None else _remote_sink(operator, str(path))
        write = stack.enter_context(_compressed(stack.enter_context(opened), kind))
        stack.enter_context(as_driver_error())
        yield stack.enter_context(download_handle(proxy_of(client), write, str(path)))


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


def signed(operator: Any, path: str) -> dict[str, Any]:
    """Return the handle with which the exporter fetches what an operator has signed."""
    request = _run(lambda: operator.to_async_operator().presign_read(path, expire_second=PRESIGNED_S))
    return presigned(request.url, request.method, dict(request.headers))


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
    """Run a coroutine of OpenDAL's in a thread of its own, since the caller's may have an event loop."""
    found: list[Any] = []
    failed: list[BaseException] = []

    async def main() -> None:
        found.append(await start())

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for it
            failed.append(error)

    thread = threading.Thread(target=run, name="jumpstarter-presign", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


@contextmanager
def _local_sink(path: Path) -> Iterator[Callable[[bytes], object]]:
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file.write
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _remote_sink(operator: Any, path: str) -> Iterator[Callable[[bytes], object]]:
    with operator.open(path, "wb") as file:
        yield file.write


@contextmanager
def _compressed(write: Callable[[bytes], object], kind: Compression) -> Iterator[Callable[[bytes], object]]:
    """Yield a function that writes compressed what it is given; the end comes with that of the block."""
    if kind is Compression.none:
        yield write
        return
    if kind not in _COMPRESSORS:
        raise UsageError(f"This side cannot compress {kind.value}. Use gzip, xz or bz2, or leave compression= out.")
    engine = _COMPRESSORS[kind]()
    yield lambda data: write(engine.compress(data))
    write(engine.flush())


_COMPRESSORS: dict[Compression, Callable[[], Any]] = {
    Compression.gzip: lambda: zlib.compressobj(wbits=31),
    Compression.xz: lambda: lzma.LZMACompressor(),
    Compression.bz2: lambda: bz2.BZ2Compressor(),
}
