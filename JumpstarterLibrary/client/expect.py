"""pexpect over a driver's byte stream."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.forward import Opener, bridge
from JumpstarterLibrary.client.stream import FLUSH_S

if TYPE_CHECKING:
    from pexpect.fdpexpect import fdspawn


class PexpectAdapter:
    """A context manager that gives a pexpect session (bytes mode) on a driver's byte stream.

    Args:
        client: The driver's proxy.
        method: Its stream method. Default: ``connect``.

    Example:
        ``with PexpectAdapter(client=client.dutlink.console) as console: console.expect("login:", timeout=60)``
    """

    def __init__(self, *, client: Opener, method: str = "connect") -> None:
        self._client, self._method = client, method
        self._session: fdspawn[bytes] | None = None
        self._bridge: threading.Thread | None = None
        self._stream: Any = None
        self._sent = threading.Event()

    def __enter__(self) -> fdspawn[bytes]:
        from pexpect.fdpexpect import fdspawn  # only here: pexpect is not needed by most, and slow to import

        self._stream = self._client.stream(self._method)
        self._sent.clear()
        ours, theirs = socket.socketpair()
        # The session owns the descriptor, so that callers may close the session by themselves.
        self._session = fdspawn(theirs.detach())
        self._bridge = threading.Thread(
            target=bridge, args=(ours, self._stream, self._sent), name="jumpstarter-expect", daemon=True
        )
        self._bridge.start()
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        assert self._bridge is not None
        # What the session has sent goes first.
        self._session.close()
        clock.wait(self._sent, FLUSH_S)
        self._stream.close()
        self._bridge.join(timeout=5)
