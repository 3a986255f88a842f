"""Marks of driver methods under upstream's names, and drivers that are served with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.clients.serving import serve
from pytest_jumpstarter.upstream_api.exporter import driver as names
from pytest_jumpstarter.upstream_api.exporter.driver import Driver, FlasherInterface, export, exportstream

from JumpstarterLibrary import exporter
from JumpstarterLibrary.exporter.streams import memory_pair


def logged(function: Any) -> Any:
    @wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return function(*arguments)

    return wrapper


@dataclass(kw_only=True)
class Bench(Driver):
    drawer: str = "top"

    @classmethod
    def client(cls) -> str:
        return "somebody.elses.Client"

    @export
    def plain(self) -> str:
        return self.drawer

    @export
    async def coroutine(self) -> str:
        return self.drawer

    @export
    def generator(self) -> Iterator[int]:
        yield 1

    @export
    async def async_generator(self) -> AsyncIterator[int]:
        yield 2

    @export
    @logged
    def decorated(self) -> Iterator[int]:
        yield 3

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        async with memory_pair()[0] as stream:
            yield stream


def test_the_driver_is_the_exporters_own_class() -> None:
    assert Driver is exporter.Driver


def test_methods_carry_upstreams_marks() -> None:
    def marks(method: str) -> list[str]:
        kinds = ("marker_drivercall", "marker_streamingdrivercall", "marker_streamcall")
        return [kind for kind in kinds if getattr(getattr(Bench, method), kind, None) == names.MARKER_MAGIC]

    assert {
        method: marks(method) for method in ("plain", "coroutine", "generator", "async_generator", "decorated")
    } == {
        "plain": ["marker_drivercall"],
        "coroutine": ["marker_drivercall"],
        "generator": ["marker_streamingdrivercall"],
        "async_generator": ["marker_streamingdrivercall"],
        "decorated": ["marker_streamingdrivercall"],
    }
    assert marks("connect") == ["marker_streamcall"]


@pytest.mark.parametrize("thing", [None, 5, "on"])
def test_only_functions_can_be_exported(thing: Any) -> None:
    with pytest.raises(
        ValueError, match=rf"^Only functions can be exported, not {thing!r}\. Put @export above a method\.$"
    ):
        export(thing)


def test_a_served_driver_answers_in_every_way() -> None:
    with serve(Bench(drawer="bottom")) as client:
        assert client.call("plain") == client.call("coroutine") == "bottom"
        found = [list(client.streamingcall(name)) for name in ("generator", "async_generator", "decorated")]
        assert found == [[1], [2], [3]]


def test_a_flasher_must_flash_and_dump() -> None:
    class Half(FlasherInterface):
        def flash(self, source: Any, target: str | None = None) -> None: ...

    with pytest.raises(TypeError, match=r"^Can't instantiate abstract class Half .*method '?dump"):
        Half()  # type: ignore[abstract]
    assert Half.client() == "jumpstarter.client.flasher.FlasherClient"
