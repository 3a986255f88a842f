from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import grpc
import pydantic
import pydantic.dataclasses
import pytest

from JumpstarterLibrary.exporter import Driver, export, exportstream
from JumpstarterLibrary.exporter.driver import CallKind, call_kind
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
from JumpstarterLibrary.exporter.drivers.datagrams import UdpNetwork
from JumpstarterLibrary.exporter.drivers.dbus import DbusNetwork
from JumpstarterLibrary.exporter.drivers.files import Opendal
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork, TcpNetwork, UnixNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower, SyncMockPower
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher, MockStorageMux, MockStorageMuxFlasher
from JumpstarterLibrary.exporter.drivers.vsock import VsockNetwork
from JumpstarterLibrary.exporter.drivers.websocket import WebsocketNetwork


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
    kinds = {name: call_kind(method) for name, method in inspect.getmembers(Relay)}
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
    class Nameless(Driver):
        pass

    for kind in (Driver, Nameless):
        with pytest.raises(
            TypeError, match=rf"^Can't instantiate abstract class {kind.__name__} with.* method '?client"
        ):
            kind()


def test_a_drivers_repr_shows_neither_children_nor_resources() -> None:
    root, _ = _tree()
    assert "good" not in repr(root)


class Nest(Driver):
    @classmethod
    def client(cls) -> str:
        return "some.client.Nest"


def test_a_name_is_what_the_labels_say_or_the_class_or_the_instance() -> None:
    @dataclass(kw_only=True)
    class Named(Nest):
        name: str

    assert Nest().name == "unknown"
    assert Nest(labels={"jumpstarter.dev/name": "left"}).name == "left"
    assert Named(name="right").name == "right"
    with pytest.raises(TypeError, match=r"missing 1 required keyword-only argument: 'name'$"):
        Named()  # type: ignore[call-arg]
    nest = Nest()
    nest.name = "own"
    assert (nest.name, nest.labels) == ("own", {})


def test_a_mixin_behind_the_driver_is_set_up_too() -> None:
    class Mixin:
        def __post_init__(self) -> None:
            self.mixed = self.logger.name if hasattr(self, "logger") else "before"

    @dataclass(kw_only=True)
    class Mixed(Nest, Mixin):
        port: int = 3

        def __post_init__(self) -> None:
            super().__post_init__()
            self.done = f"port {self.port}"

    mixed = Mixed(port=4)
    assert (mixed.mixed, mixed.done, mixed.logger.name) == ("before", "port 4", "driver.Mixed")


def test_an_entry_of_the_tree_is_a_tuple_of_uuid_parent_name_and_driver() -> None:
    child = Nest()
    root = Nest(children={"a": child})
    assert root.enumerate() == [(root.uuid, None, None, root), (child.uuid, root, "a", child)]


def test_an_empty_description_is_none() -> None:
    assert not Nest(description="").report().HasField("description")


def test_drivers_as_dataclasses_of_pydantic(tmp_path: Path) -> None:
    bases: dict[type[Driver], dict[str, Any]] = {
        Composite: {},
        DbusNetwork: {"kind": "system"},
        EchoNetwork: {},
        MockFlasher: {},
        MockPower: {},
        MockStorageMux: {},
        MockStorageMuxFlasher: {},
        Opendal: {"scheme": "fs", "kwargs": {"root": str(tmp_path)}},
        Proxy: {"ref": "somewhere"},
        PySerial: {"url": "loop://"},
        SyncMockPower: {},
        TcpNetwork: {"host": "h", "port": "22"},
        UdpNetwork: {"host": "h", "port": 22},
        UnixNetwork: {"path": "/x"},
        VsockNetwork: {"cid": 3, "port": 22},
        WebsocketNetwork: {"url": "ws://h"},
    }
    for base, arguments in bases.items():
        own: Any = pydantic.dataclasses.dataclass(kw_only=True)(
            type("Own", (base,), {"__annotations__": {"extra": "int"}, "extra": 3, "__module__": __name__})
        )
        child = MockPower()
        driver = own(**arguments, extra="5", children={"power": child}, labels={"a": "b"})
        assert (driver.extra, driver.children["power"], driver.labels) == (5, child, {"a": "b"})
        assert driver.logger.name == "driver.Own"
        with pytest.raises(pydantic.ValidationError):
            own(**arguments, extra="many")
    assert own(url="ws://h").extra == 3


def test_functions_that_pydantic_checks(connect: Any) -> None:
    @pydantic.dataclasses.dataclass(kw_only=True)
    class Checked(Nest):
        @export
        @pydantic.validate_call(validate_return=True)
        def plain(self, number: int) -> str:
            return str(number)  # type: ignore[return-value]

        @export
        @pydantic.validate_call
        async def coroutine(self, number: int = 1) -> int:
            return number + 1

        @export
        @pydantic.validate_call
        def generator(self, count: int) -> Iterator[int]:
            yield from range(count)

        @export
        @pydantic.validate_call
        async def async_generator(self, count: int) -> AsyncIterator[int]:
            for number in range(count):
                yield number

    with connect(Checked()) as wire:
        assert wire.call("plain", "7") == "7"
        assert wire.call("coroutine", 1) == 2
        assert wire.items("generator", 3) == [0, 1, 2]
        assert wire.items("async_generator", 2) == [0, 1]
        with pytest.raises(grpc.RpcError) as caught:
            wire.call("plain", "many")
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "should be a valid integer" in caught.value.details()
