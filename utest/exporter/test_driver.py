from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import pytest

from JumpstarterLibrary.exporter import Driver, export, exportstream
from JumpstarterLibrary.exporter.driver import CallKind, call_kind


def _decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


@dataclass(kw_only=True)
class Relay(Driver):
    port: int
    events: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.name = f"relay {self.port}"

    @classmethod
    def client(cls) -> str:
        return "some.client.Relay"

    def extra_labels(self) -> dict[str, str]:
        return {"port": str(self.port)}

    def reset(self) -> None:
        super().reset()
        self.events.append(f"reset {self.name}")

    def close(self) -> None:
        self.events.append(f"close {self.name}")
        super().close()
        if self.port == 13:
            raise RuntimeError("stuck")

    @export
    def plain(self) -> None: ...

    @export
    async def coroutine(self) -> None: ...

    @export
    def generator(self) -> Iterator[int]:
        yield 1

    @export
    async def async_generator(self) -> AsyncIterator[int]:
        yield 1

    @export
    @_decorated
    def decorated_generator(self) -> Iterator[int]:
        yield 1

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[None]:
        yield

    def private(self) -> None: ...


def _tree() -> tuple[Relay, list[str]]:
    events: list[str] = []
    inner = Relay(port=2, events=events)
    return Relay(
        port=1,
        events=events,
        children={"bad": Relay(port=13, events=events), "good": Relay(port=3, events=events, children={"in": inner})},
        description="the first",
        methods_description={"plain": "does nothing"},
        labels={"room": "lab"},
    ), events


def test_marks_say_how_clients_reach_a_method() -> None:
    kinds = {name: call_kind(getattr(Relay, name)) for name in dir(Relay)}
    assert {name: kind for name, kind in kinds.items() if kind is not None} == {
        "plain": CallKind.UNARY,
        "coroutine": CallKind.UNARY,
        "generator": CallKind.STREAMING,
        "async_generator": CallKind.STREAMING,
        "decorated_generator": CallKind.STREAMING,
        "connect": CallKind.STREAM,
    }


def test_the_tree_is_depth_first_and_reported_with_parents_and_names() -> None:
    root, _ = _tree()
    entries = list(root.enumerate())
    assert [entry.name for entry in entries] == [None, "bad", "good", "in"]
    reports = [entry.driver.report(parent=entry.parent, name=entry.name) for entry in entries]
    assert [report.uuid for report in reports] == [str(entry.driver.uuid) for entry in entries]
    assert not reports[0].HasField("parent_uuid")
    assert [report.parent_uuid for report in reports[1:]] == [reports[0].uuid, reports[0].uuid, reports[2].uuid]
    assert dict(reports[0].labels) == {"jumpstarter.dev/client": "some.client.Relay", "room": "lab", "port": "1"}
    assert reports[3].labels["jumpstarter.dev/name"] == "in"
    assert (reports[0].description, dict(reports[0].methods_description)) == ("the first", {"plain": "does nothing"})
    assert not reports[1].HasField("description")


def test_reset_and_close_reach_every_child_whatever_fails() -> None:
    root, events = _tree()
    root.reset()
    assert events == ["reset relay 13", "reset relay 2", "reset relay 3", "reset relay 1"]
    events.clear()
    with pytest.raises(RuntimeError, match=r"^stuck$"):
        root.close()
    assert events == ["close relay 1", "close relay 13", "close relay 3", "close relay 2"]


def test_several_failures_to_close_are_all_told() -> None:
    events: list[str] = []
    children = {name: Relay(port=13, events=events, labels={"n": name}) for name in ("first", "second")}
    with pytest.raises(RuntimeError) as info:
        Relay(port=1, events=events, children=children).close()
    assert isinstance(info.value.__context__, RuntimeError)
    assert len(events) == 3


def test_the_logger_is_named_after_the_class_and_has_the_level() -> None:
    relay = Relay(port=1, events=[], log_level="WARNING")
    assert relay.logger.name == "driver.Relay"
    assert relay.logger.level == logging.WARNING


def test_a_driver_must_say_its_client_class() -> None:
    with pytest.raises(NotImplementedError) as info:
        Driver().report()
    assert str(info.value) == "Driver does not say which client class it belongs to: define client()"


def test_a_drivers_repr_shows_neither_children_nor_resources() -> None:
    root, _ = _tree()
    assert "good" not in repr(root)
