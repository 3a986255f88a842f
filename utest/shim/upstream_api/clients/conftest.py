"""Drivers whose clients are tested, and their clients, connected over unix sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import pytest
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.serving import serve

from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork

Served = Callable[[Driver], DriverClient]


@pytest.fixture
def served() -> Iterator[Served]:
    """Serve a driver until the test ends, and return its client."""
    with ExitStack() as stack:
        yield lambda driver: stack.enter_context(serve(driver))


@pytest.fixture
def make_relay() -> Callable[[str], Driver]:
    """Return a function that makes a relay whose client class is the one of a path."""
    return lambda label: type("LabelledRelay", (Relay,), {"label": label})()


class Relay(EchoNetwork):
    """A driver with unary calls, a streaming call and an echo; ``label`` says which client belongs to it."""

    label = "nowhere.RelayClient"

    @classmethod
    def client(cls) -> str:
        return cls.label

    @export
    def switch(self, number: float) -> str:
        return f"switched {number:g}"

    @export
    async def positions(self, count: float) -> AsyncIterator[int]:
        for number in range(int(count)):
            yield number

    @export
    def refuse(self) -> None:
        raise ValueError("it is stuck")
