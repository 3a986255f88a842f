"""A board's screen in the browser: noVNC's page, and a WebSocket that carries VNC to the driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from pytest_jumpstarter.upstream_api.clients.async_streams import opener_of
from pytest_jumpstarter.upstream_api.clients.optional import needed

PAGE = "https://novnc.com/noVNC/vnc.html"


@contextmanager
def NovncAdapter(*, client: Any, method: str = "connect", encrypt: bool = True) -> Iterator[str]:
    """Listen for noVNC on a local port, and yield the URL of its page, to be opened in a browser here.

    Args:
        client: The driver that speaks VNC.
        method: Its stream method.
        encrypt: Whether the page is to use an encrypted WebSocket. Default: yes.

    Raises:
        MissingPackage: websockets is not installed.
    """
    websocket = needed("pytest_jumpstarter.upstream_api.clients.adapters.websocket", "NovncAdapter", "novnc")
    with websocket.WebsocketForward(opener_of(client), "127.0.0.1", 0, method) as forward:
        query = {
            "encrypt": int(encrypt),
            "autoconnect": 1,
            "reconnect": 1,
            "host": forward.host,
            "port": forward.port,
        }
        yield f"{PAGE}?{urlencode(query)}"
