"""A plain generator as an asynchronous one, computed in threads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from threading import Lock
from typing import Any, TypeVar

from JumpstarterLibrary.exporter.workers import Threads

Item = TypeVar("Item")

_END: Any = object()


class ThreadedIterator(AsyncIterator[Item]):
    """Takes each item in a worker thread when it is asked for, so that slow ones do not stop the event loop."""

    def __init__(self, workers: Threads, items: Iterable[Item]) -> None:
        self._workers = workers
        self._items: Iterator[Item] = iter(items)
        self._guard = Lock()
        self._closing = False

    async def __anext__(self) -> Item:
        item = await self._workers.run(self._next)
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Close the generator. One that is computing is closed when it next yields; this does not wait for it."""
        self._closing = True
        if not self._guard.locked():
            await self._workers.run(self._close)

    def _next(self) -> Item:
        with self._guard:
            item: Item = _END if self._closing else next(self._items, _END)
        # Looked at without the guard: who has tried to close it meanwhile did not get the guard, and has left it to us.
        if self._closing:
            self._close()
        return item

    def _close(self) -> None:
        """Close the generator, unless it is computing."""
        close = getattr(self._items, "close", None)
        if close is None or not self._guard.acquire(blocking=False):
            return
        try:
            close()
        finally:
            self._guard.release()
