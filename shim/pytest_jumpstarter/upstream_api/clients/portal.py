"""Run coroutines from a test by anyio's portal, which is started on first use."""

from __future__ import annotations

import logging
import threading
from typing import Any

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.errors import UsageError

logger = logging.getLogger(__name__)

CLOSE_S = 5.0
"""How long what runs on an event loop may take to end once it is cancelled."""


class LazyPortal:
    """Stands for anyio's ``BlockingPortal``, and starts one, with an event loop in a thread of its own, on first use.

    Clients that only call and stream have no need of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: Any = None
        self._portal: Any = None
        self._closed = False

    @property
    def running(self) -> bool:
        """Whether there is an event loop."""
        return self._portal is not None

    @property
    def closed(self) -> bool:
        """Whether it was closed, and the event loop with it."""
        return self._closed

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._started(), name)

    def close(self) -> None:
        """End the event loop and what still runs on it. Closing twice is fine."""
        with self._lock:
            self._closed = True
            context, portal, self._context, self._portal = self._context, self._portal, None, None
        if context is None:
            return

        ended = threading.Event()

        def stop() -> None:
            portal.call(portal.stop, True)
            context.__exit__(None, None, None)
            ended.set()

        threading.Thread(target=stop, name="jumpstarter-portal", daemon=True).start()
        if not clock.wait(ended, CLOSE_S):
            logger.warning("The event loop of a client's portal did not end in %g seconds.", CLOSE_S)

    def _started(self) -> Any:
        with self._lock:
            if self._closed:
                raise UsageError("The client's portal is closed, like the connection to its exporter. Connect again.")
            if self._portal is None:
                try:
                    from anyio.from_thread import start_blocking_portal
                except ImportError as error:
                    raise UsageError(
                        "A client's portal and its methods for coroutines need anyio, which is not installed. "
                        "Install robotframework-jumpstarter[upstream]."
                    ) from error
                self._context = start_blocking_portal("asyncio")
                self._portal = self._context.__enter__()
            return self._portal
