"""Drivers of unknown kinds: everything is reached by name, and nothing that an exporter says is imported."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import GenericProxy
from JumpstarterLibrary.exporter import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.streams import memory_pair

LIMIT_S = 10.0


class Widget(Driver):
    """A driver of a kind of its own, with a child."""

    @classmethod
    def client(cls) -> str:
        return "evil_widget.client.Widget"

    @export
    async def turn(self, degrees: float) -> float:
        return degrees * 2

    @export
    async def steps(self) -> AsyncIterator[int]:
        yield 1

    @export
    async def _hidden(self) -> str:
        return "found"

    @exportstream
    @asynccontextmanager
    async def raw(self) -> AsyncIterator[Any]:
        near, far = memory_pair()
        await far.send(b"raw")
        yield near


def test_everything_by_name(
    device_with: Callable[..., Device], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Were the label imported, this would say so.
    (tmp_path / "evil_widget").mkdir()
    (tmp_path / "evil_widget" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    widget = device_with({"widget": Widget(children={"power": MockPower()})}).client.widget
    assert isinstance(widget, GenericProxy)
    assert (widget.turn(21), widget.call("_hidden"), list(widget.streamingcall("steps"))) == (42, "found", [1])
    with widget.stream("raw") as stream:
        assert stream.receive(timeout=LIMIT_S) == b"raw"
    widget.power.on()
    assert "evil_widget" not in sys.modules
