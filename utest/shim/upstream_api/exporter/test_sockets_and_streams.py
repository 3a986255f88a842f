"""Streams of anyio in memory, joined ones, and listeners for a block."""

from __future__ import annotations

import logging
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from pytest_jumpstarter.upstream_api.exporter.listeners import (
    TemporarySocket,
    TemporaryTcpListener,
    TemporaryUnixListener,
)
from pytest_jumpstarter.upstream_api.exporter.streams import copy_stream, create_memory_stream, forward_stream

from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.exporter.streams import memory_pair


async def echo(stream: Any) -> None:
    async with stream:
        async for chunk in stream:
            await stream.send(chunk)


def test_a_pair_in_memory() -> None:
    async def scenario() -> None:
        one, other = create_memory_stream()
        async with one, other:
            await one.send(b"there")
            await other.send(b"back")
            await one.send_eof()
            assert [chunk async for chunk in other] == [b"there"]
            assert await one.receive() == b"back"

    anyio.run(scenario)


@pytest.mark.parametrize("make", [create_memory_stream, memory_pair])
def test_two_streams_are_joined_and_closed(make: Any) -> None:
    async def scenario() -> None:
        client, near = make()
        far, service = make()
        async with forward_stream(near, far):
            await client.send(b"question")
            assert await service.receive() == b"question"
            await service.send(b"answer")
            assert await client.receive() == b"answer"
            await client.send_eof()
            with pytest.raises(anyio.EndOfStream):
                await service.receive()
            await service.send_eof()
        with pytest.raises((anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError)):
            await service.send(b"too late")
        for stream in (client, service):
            await stream.aclose()

    anyio.run(scenario)


def test_a_stream_that_breaks_ends_the_copying(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        one, other = memory_pair()
        sink, gone = memory_pair()
        await gone.aclose()
        await one.send(b"lost")
        await copy_stream(sink, other)

    caplog.set_level(logging.DEBUG)
    anyio.run(scenario)
    assert "copying a stream ended: BrokenStream('the other end of this stream is closed')" in caplog.messages


def test_a_path_for_a_socket_is_private_and_removed() -> None:
    with TemporarySocket() as path:
        assert isinstance(path, Path)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.touch()
    assert not path.parent.exists()


@pytest.mark.parametrize("kind", ["own", "chosen", "tcp"])
def test_listeners_for_a_block(kind: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        listening: Any = {
            "own": lambda: TemporaryUnixListener(echo),
            "chosen": lambda: TemporaryUnixListener(echo, tmp_path / "s"),
            "tcp": lambda: TemporaryTcpListener(echo, local_host="127.0.0.1"),
        }[kind]()
        async with listening as place:
            connecting = anyio.connect_tcp(*place) if kind == "tcp" else anyio.connect_unix(place)
            async with await connecting as stream:
                await stream.send(b"hello")
                assert await stream.receive() == b"hello"
        if kind == "chosen":
            assert place == tmp_path / "s"
        with pytest.raises((OSError, ExceptionGroup)):
            await (anyio.connect_tcp(*place) if kind == "tcp" else anyio.connect_unix(place))

    anyio.run(scenario)


def test_a_listener_without_anyio_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    async def scenario() -> None:
        async with TemporaryTcpListener(echo):
            pass

    monkeypatch.setitem(sys.modules, "anyio", None)
    with pytest.raises(UsageError) as caught:
        asyncio.run(scenario())
    assert str(caught.value) == (
        "Listeners for a block need anyio, which is not installed. Install robotframework-jumpstarter[upstream]."
    )


@pytest.mark.parametrize("module", ["streams", "progress"])
def test_modules_that_need_anyio_say_what_to_install(module: str) -> None:
    script = f"import sys; sys.modules['anyio'] = None\nimport pytest_jumpstarter.upstream_api.exporter.{module}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "need anyio, which is not installed. Install robotframework-jumpstarter[upstream]." in run.stderr


def test_the_rest_needs_no_anyio_nor_pydantic() -> None:
    modules = (
        "conditions devices driver encoding exporter fls guards hosts listeners loggers metadata oci "
        "session statuses values"
    )
    script = (
        "import importlib, sys\nfor name in ('anyio', 'pydantic', 'click'): sys.modules[name] = None\n"
        f"for name in {modules.split()}: importlib.import_module(f'pytest_jumpstarter.upstream_api.exporter.{{name}}')"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
