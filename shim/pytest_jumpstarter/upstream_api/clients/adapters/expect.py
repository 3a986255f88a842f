"""pexpect over a driver."""

from __future__ import annotations

from typing import Any

from JumpstarterLibrary.client import expect
from pytest_jumpstarter.upstream_api.clients.async_streams import opener_of


class PexpectAdapter(expect.PexpectAdapter):
    """A context manager that gives a pexpect session (bytes mode) on a driver's byte stream.

    Args:
        client: The driver.
        method: Its stream method. Default: ``connect``.

    Example:
        ``with PexpectAdapter(client=client.dutlink.console) as console: console.expect("login:", timeout=60)``
    """

    def __init__(self, *, client: Any, method: str = "connect") -> None:
        super().__init__(client=opener_of(client), method=method)
