"""Byte streams of clients: send, receive, and how they end."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from pytest_jumpstarter.upstream_api.clients.endings import EndOfStream
from pytest_jumpstarter.upstream_api.clients.streams import BlockingStream

from JumpstarterLibrary.errors import (
    DriverError,
    DriverMethodNotImplemented,
    InfrastructureError,
    LinkError,
    OperationTimeout,
)
from JumpstarterLibrary.exporter import Driver, exportstream
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork

Served = Callable[[Driver], Any]


class Breaking(EchoNetwork):
    """A stream that breaks off at once."""

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        raise RuntimeError("no carrier")
        yield


@pytest.fixture
def without_anyio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it that nobody has loaded anyio."""
    monkeypatch.delitem(sys.modules, "anyio")


def test_what_is_sent_comes_back_until_the_end(served: Served) -> None:
    client = served(EchoNetwork())
    with client.stream() as stream:
        assert isinstance(stream, BlockingStream)
        stream.send(b"hello")
        assert stream.receive() == b"hello"
        stream.send_eof()
        with pytest.raises(anyio.EndOfStream) as ending:
            stream.receive()
    assert isinstance(ending.value, EOFError)
    assert str(ending.value) == "The byte stream has ended: the far side sends no more data."


@pytest.mark.usefixtures("without_anyio")
def test_the_end_of_data_where_nobody_uses_anyio(served: Served) -> None:
    with served(EchoNetwork()).stream() as stream:
        stream.send_eof()
        with pytest.raises(EndOfStream, match="The byte stream has ended"):
            stream.receive()


def test_waits_have_limits_for_who_wants_them(served: Served) -> None:
    with served(EchoNetwork()).stream() as stream:
        with pytest.raises(OperationTimeout, match=r"No data on the byte stream within 50 milliseconds\."):
            stream.receive(timeout=0.05)
        stream.send(b"hello", timeout=5)
        assert stream.receive(max_bytes=2, timeout=5) == b"he"
        assert stream.receive(timeout=5) == b"llo"


def test_a_stream_that_cannot_be_opened(served: Served) -> None:
    client = served(Breaking())
    with pytest.raises(DriverError, match="no carrier"), client.stream():
        pass
    with pytest.raises(DriverMethodNotImplemented, match="has no stream method 'nope'"), client.stream("nope"):
        pass


def test_a_stream_that_breaks(served: Served) -> None:
    client = served(EchoNetwork())
    with client.stream() as stream:
        client.stub.device.link.close()
        with pytest.raises(anyio.BrokenResourceError) as failure:
            stream.receive(timeout=5)
    assert isinstance(failure.value, InfrastructureError)


def test_a_closed_stream_takes_nothing(served: Served) -> None:
    with served(EchoNetwork()).stream() as stream:
        stream.close()
        with pytest.raises(anyio.ClosedResourceError) as failure:
            stream.send(b"late")
    assert isinstance(failure.value, LinkError)
    assert str(failure.value) == "The byte stream is closed; nothing more can be sent on it."


@pytest.mark.usefixtures("without_anyio")
def test_a_closed_stream_where_nobody_uses_anyio(served: Served) -> None:
    with served(EchoNetwork()).stream() as stream:
        stream.close()
        with pytest.raises(LinkError, match="The byte stream is closed"):
            stream.send(b"late")


def test_open_streams_last_until_close(served: Served) -> None:
    client = served(EchoNetwork())
    stream = client.open_stream()
    stream.send(b"hello")
    assert stream.receive() == b"hello"
    client.close()
    with pytest.raises(anyio.ClosedResourceError):
        stream.send(b"late")
    again = client.open_stream()
    again.send(b"hello")
    assert again.receive() == b"hello"


def test_any_stream_of_anyio_can_be_used_from_a_thread(served: Served) -> None:
    client = served(EchoNetwork())
    here, there = client.portal.call(_pair)
    stream = BlockingStream(stream=here, portal=client.portal)
    stream.send(b"hello")
    assert client.portal.call(there.receive) == b"hello"
    client.portal.call(there.send, b"back")
    assert stream.receive() == b"back"
    stream.send_eof()
    with pytest.raises(anyio.EndOfStream):
        client.portal.call(there.receive)
    client.portal.call(here.aclose)
    client.portal.call(there.aclose)


async def _pair() -> Any:
    from pytest_jumpstarter.upstream_api.exporter.streams import create_memory_stream

    return create_memory_stream()
