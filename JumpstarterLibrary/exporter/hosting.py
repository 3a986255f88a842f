"""A session for synchronous code: its event loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from JumpstarterLibrary.errors import OperationTimeout
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.serving import serve_tcp, serve_unix
from JumpstarterLibrary.exporter.session import LEASE_READY, Features, Session

Result = TypeVar("Result")

START_LIMIT_S = 30.0
"""Seconds for an exporter to listen."""

STOP_LIMIT_S = 15.0
"""Seconds for an exporter to end: the grace for running calls, and closing its drivers."""


class LoopThread:
    """An asyncio event loop in a daemon thread.

    Args:
        name: The thread's name.
        stop_limit: Seconds that it may take to end. Default: 15.
    """

    def __init__(self, name: str, stop_limit: float = STOP_LIMIT_S) -> None:
        self._stop_limit = stop_limit
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_handle_loop_error)
        self._executor = ThreadPoolExecutor(thread_name_prefix=f"{name}-executor")
        self._loop.set_default_executor(self._executor)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            try:
                # Not only as long as the one who stops it waits: a server that was not stopped keeps its socket.
                self._loop.run_until_complete(_finish_tasks(STOP_LIMIT_S))
                self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            finally:
                # Without waiting: a function that never returns would keep the loop from ending.
                self._executor.shutdown(wait=False, cancel_futures=True)
                self._loop.close()

    def start(self, coroutine: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Run a coroutine on the loop, without waiting."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function on the loop, without waiting."""
        self._loop.call_soon_threadsafe(function)

    def run(self, coroutine: Coroutine[Any, Any, Result], timeout: float = START_LIMIT_S) -> Result:
        """Run a coroutine on the loop and return its result; it is cancelled when the caller leaves.

        Args:
            coroutine: What to run.
            timeout: Seconds to wait for it.

        Raises:
            OperationTimeout: It took longer.
        """
        future = self.start(coroutine)
        try:
            return future.result(timeout)
        except TimeoutError as error:
            if future.done():
                raise
            name = getattr(coroutine, "__qualname__", "its work")
            raise OperationTimeout(f"The exporter did not finish {name} in {timeout:g} seconds.") from error
        finally:
            future.cancel()

    def stop(self) -> None:
        """End the loop and its thread.

        Raises:
            OperationTimeout: The thread still runs after the stop limit.
        """
        self.call(self._loop.stop)
        self._thread.join(self._stop_limit)
        if self._thread.is_alive():
            raise OperationTimeout(
                f"The thread {self._thread.name} did not end in {self._stop_limit:g} seconds. "
                "Something blocks its event loop, for example a driver's close()."
            )


async def _finish_tasks(limit_s: float) -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=limit_s)


def _handle_loop_error(loop: asyncio.AbstractEventLoop, details: dict[str, Any]) -> None:
    # grpc.aio shares one wake-up pipe between the event loops of a process; the loop that comes second finds it empty.
    if isinstance(details.get("exception"), BlockingIOError) and "_handle_events" in details.get("message", ""):
        return
    loop.default_exception_handler(details)


class HostedExporter:
    """A session that runs in a background thread.

    Attributes:
        host: Where it listens: the path of a unix socket, or ``host:port``. The form of ``JUMPSTARTER_HOST``.
        session: The session. Use it on its own loop only, through ``run`` or ``call``.
    """

    def __init__(self, host: str, session: Session, thread: LoopThread) -> None:
        self.host = host
        self.session = session
        self._thread = thread

    def run(self, coroutine: Coroutine[Any, Any, Result], timeout: float = START_LIMIT_S) -> Result:
        """Run a coroutine on the exporter's loop and return its result.

        Args:
            coroutine: What to run.
            timeout: Seconds to wait for it.

        Raises:
            OperationTimeout: It took longer, and was cancelled.
        """
        return self._thread.run(coroutine, timeout)

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a plain function on the exporter's loop and return its result."""

        async def calling() -> Result:
            return function(*arguments)

        return self.run(calling())


@contextmanager
def serve(
    driver: Driver,
    *,
    path: str | Path | None = None,
    tcp: tuple[str, int] | None = None,
    certificate: bytes | None = None,
    key: bytes | None = None,
    passphrase: str | None = None,
    status: int | None = LEASE_READY,
    features: Features | None = None,
    grace: float | None = None,
    start_limit: float = START_LIMIT_S,
    stop_limit: float = STOP_LIMIT_S,
    **options: Any,
) -> Iterator[HostedExporter]:
    """Serve a driver tree from a background thread while the block runs.

    Args:
        driver: The root of the tree.
        path: The unix socket to listen on; by default one in a new private directory.
        tcp: Host and port to listen on instead; port 0 takes a free one.
        certificate: Certificate chain as PEM text, for TLS on TCP.
        key: Private key as PEM text.
        passphrase: What clients must send, on TCP.
        status: The status that clients see from the beginning; default LEASE_READY. None leaves it at AVAILABLE.
        features: What the exporter can do.
        grace: Seconds that running calls get at the end; default 1.
        start_limit: Seconds until it has to listen; default 30.
        stop_limit: Seconds that the grace and closing the drivers may take; default 15.
        **options: Further arguments of ``Session``.

    Raises:
        ConfigurationError: It cannot listen there.
        OperationTimeout: It did not start or stop in time.
    """
    if grace is not None:
        options["grace"] = grace
    session = Session(driver, features=features, **options)
    if status is not None:
        session.update_status(status)
    if tcp is None:
        serving = serve_unix(session, path)
    else:
        serving = serve_tcp(session, *tcp, certificate=certificate, key=key, passphrase=passphrase)
    with hosted(serving, start_limit=start_limit, stop_limit=stop_limit) as (host, thread):
        yield HostedExporter(host, session, thread)


@contextmanager
def hosted(
    serving: AbstractAsyncContextManager[str], *, start_limit: float = START_LIMIT_S, stop_limit: float = STOP_LIMIT_S
) -> Iterator[tuple[str, LoopThread]]:
    """Keep an asynchronous context that serves open in a background thread, and yield where it listens.

    Args:
        serving: What one of a session's ``serve_`` methods returned.
        start_limit: Seconds until it has to listen; default 30.
        stop_limit: Seconds that it may take to end; default 15.

    Raises:
        ConfigurationError: It cannot listen there.
        OperationTimeout: It did not start or stop in time.
    """
    with ExitStack() as stack:
        thread = LoopThread("exporter-loop", stop_limit)
        stack.callback(thread.stop)
        service = _Service(thread, serving)
        host = service.start(start_limit)
        stack.callback(lambda: service.stop(stop_limit))
        yield host, thread


class _Service:
    """Enters and leaves a serving context in one task, as contexts with timeouts and task groups inside expect it."""

    def __init__(self, thread: LoopThread, serving: AbstractAsyncContextManager[str]) -> None:
        self._thread = thread
        self._serving = serving
        self._ready: Future[str] = Future()
        self._stopping = asyncio.Event()
        self._done = thread.start(self._serve())

    async def _serve(self) -> None:
        try:
            async with self._serving as host:
                self._ready.set_result(host)
                await self._stopping.wait()
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    def start(self, limit_s: float) -> str:
        try:
            return self._ready.result(limit_s)
        except TimeoutError as error:
            if self._ready.done():
                raise
            self._done.cancel()
            raise OperationTimeout(f"The exporter did not start in {limit_s:g} seconds.") from error

    def stop(self, limit_s: float) -> None:
        self._thread.call(self._stopping.set)
        try:
            self._done.result(limit_s)
        except TimeoutError as error:
            if self._done.done():
                raise
            raise OperationTimeout(
                f"The exporter did not stop in {limit_s:g} seconds. A driver may be stuck in its close()."
            ) from error
