"""Client classes that users write, in all forms that upstream's interface allows."""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import anyio
import pydantic.dataclasses
import pytest
from pytest_jumpstarter.upstream_api.clients.async_streams import opener_of
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.composite import CompositeClient
from pytest_jumpstarter.upstream_api.clients.flasher import FlasherClient
from pytest_jumpstarter.upstream_api.clients.power import PowerClient
from pytest_jumpstarter.upstream_api.clients.trouble import as_driver_error

from JumpstarterLibrary.errors import (
    DriverError,
    DriverInvalidArgument,
    DriverMethodNotImplemented,
    InfrastructureError,
    LinkError,
    UsageError,
)
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher

Served = Callable[[Driver], Any]
MakeRelay = Callable[[str], Driver]


class Plain(DriverClient):
    """No fields, only methods."""

    def switch(self, number: int) -> str:
        return str(self.call("switch", number))

    def positions(self, count: int) -> list[int]:
        return list(self.streamingcall("positions", count))

    def echo(self, data: bytes) -> bytes:
        with self.stream() as stream:
            stream.send(data)
            return stream.receive()


@dataclasses.dataclass(kw_only=True)
class Fields(DriverClient):
    """A dataclass of the standard library."""

    offset: int = 10
    seen: list[int] = dataclasses.field(default_factory=list)
    history: str = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.history = f"{self.name} with {len(self.children)} below"

    def switch(self, number: int) -> str:
        self.seen.append(number)
        return str(self.call("switch", number + self.offset))


@dataclasses.dataclass(kw_only=True)
class ForgetfulFields(DriverClient):
    """One that does not call the other ``__post_init__``."""

    ready: bool = False

    def __post_init__(self) -> None:
        self.ready = True


@pydantic.dataclasses.dataclass(kw_only=True, config=pydantic.ConfigDict(arbitrary_types_allowed=True))
class Validated(DriverClient):
    """A dataclass of pydantic's."""

    offset: int = 7
    doubled: int = pydantic.Field(default=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.doubled = 2 * self.offset

    def switch(self, number: int) -> str:
        return str(self.call("switch", number + self.doubled))


class OwnConstructor(DriverClient):
    """One that takes whatever keywords there are."""

    def __init__(self, **kwargs: Any) -> None:
        self.before = dict(kwargs)
        super().__init__(**kwargs)
        self.after = self.call("switch", 3)


class LoudPower(PowerClient):
    """A power client that counts."""

    count = 0

    def on(self) -> None:
        self.count += 1
        super().on()


class Bench(CompositeClient):
    """A composite with a method of its own."""

    def names(self) -> list[str]:
        return sorted(self.children)


class QuietFlasher(FlasherClient):
    """A flasher with a default."""

    def flash_default(self, path: Any) -> Any:
        return self.flash(path, target="rootfs")


class WithPortal(DriverClient):
    """One that is written for coroutines, and used without."""

    def all_at_once(self, numbers: list[int]) -> list[str]:
        async def main() -> list[str]:
            results: dict[int, str] = {}

            async def one(number: int) -> None:
                results[number] = await self.call_async("switch", number)

            async with anyio.create_task_group() as tasks:
                for number in numbers:
                    tasks.start_soon(one, number)
            return [results[number] for number in numbers]

        return list(self.portal.call(main))

    def echo(self, data: bytes) -> bytes:
        with self.portal.wrap_async_context_manager(self.stream_async("connect")) as stream:
            self.portal.call(stream.send, data)
            return bytes(self.portal.call(stream.receive))

    def positions(self, count: int) -> list[int]:
        async def main() -> list[int]:
            return [number async for number in self.streamingcall_async("positions", count)]

        return list(self.portal.call(main))


class ThroughChild(DriverClient):
    """One whose streams are those of a driver below."""

    @asynccontextmanager
    async def stream_async(self, method: str = "connect") -> Any:
        async with self.children["line"].stream_async(method) as stream:
            yield stream


class Duck:
    """Not derived from anything of ours."""

    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs


class Fussy(DriverClient):
    """One that refuses to be."""

    def __post_init__(self) -> None:
        raise RuntimeError("there is no child 'tcp'")


@pytest.fixture
def labelled(served: Served, make_relay: MakeRelay) -> Callable[[type], Any]:
    """Serve a relay that names a class of this module, and return its client."""
    return lambda kind: served(make_relay(f"{__name__}.{kind.__name__}"))


def test_a_plain_class_calls_streams_and_talks(labelled: Callable[[type], Any]) -> None:
    client = labelled(Plain)
    assert type(client) is Plain
    assert client.switch(4) == "switched 4"
    assert client.positions(3) == [0, 1, 2]
    assert client.echo(b"ping") == b"ping"
    assert isinstance(client.uuid, UUID)
    assert client.labels["jumpstarter.dev/client"].endswith(".Plain")
    assert client.name == "unknown"


def test_errors_of_the_driver_come_as_they_are(labelled: Callable[[type], Any]) -> None:
    client = labelled(Plain)
    with pytest.raises(DriverInvalidArgument, match="it is stuck"):
        client.call("refuse")
    with pytest.raises(DriverMethodNotImplemented, match="has no unary method 'nope'"):
        client.call("nope")
    with pytest.raises(AttributeError, match="This Plain has no attribute 'nope'"):
        client.nope()
    assert not hasattr(client, "nope")


def test_a_dataclass_with_fields_and_post_init(labelled: Callable[[type], Any]) -> None:
    client = labelled(Fields)
    assert client.switch(1) == "switched 11"
    assert (client.seen, client.history) == ([1], "unknown with 0 below")


def test_a_dataclass_whose_post_init_does_not_call_ours(
    labelled: Callable[[type], Any], caplog: pytest.LogCaptureFixture
) -> None:
    client = labelled(ForgetfulFields)
    with caplog.at_level(logging.INFO):
        client.logger.info("it has a logger all the same")
    assert client.ready
    assert caplog.record_tuples[-1] == ("ForgetfulFields", logging.INFO, "it has a logger all the same")


def test_a_dataclass_of_pydantic(labelled: Callable[[type], Any]) -> None:
    client = labelled(Validated)
    assert (client.offset, client.doubled) == (7, 14)
    assert client.switch(1) == "switched 15"
    assert isinstance(client.uuid, UUID)


def test_a_class_with_a_constructor_of_its_own(labelled: Callable[[type], Any]) -> None:
    client = labelled(OwnConstructor)
    assert client.after == "switched 3"
    assert sorted(client.before) == [
        "children",
        "description",
        "labels",
        "methods_description",
        "portal",
        "stack",
        "stub",
        "uuid",
    ]


def test_classes_that_are_derived_from_ours(served: Served, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class NamedPower(MockPower):
        client = classmethod(lambda cls: f"{__name__}.LoudPower")

    class NamedBench(Composite):
        client = classmethod(lambda cls: f"{__name__}.Bench")

    class NamedFlasher(MockFlasher):
        client = classmethod(lambda cls: f"{__name__}.QuietFlasher")

    bench = served(NamedBench(children={"power": NamedPower(), "flasher": NamedFlasher()}))
    assert bench.names() == ["flasher", "power"]
    bench.power.on()
    assert bench.power.count == 1
    assert [reading.voltage for reading in bench.power.read()] == [0.0, 5.0]
    image = tmp_path / "image"
    image.write_bytes(b"a root file system")
    bench.flasher.flash_default(image)
    bench.flasher.dump(tmp_path / "back", target="rootfs")
    assert (tmp_path / "back").read_bytes() == b"a root file system"


def test_a_power_client_of_ones_own_starts_chapters_on_the_consoles(served: Served) -> None:
    class NamedPower(MockPower):
        client = classmethod(lambda cls: f"{__name__}.LoudPower")

    client = served(NamedPower())
    changes = []
    device = client.stub.device
    device.power_changes = lambda: changes.append(1)
    client.on()
    client.off()
    assert len(changes) == 2


def test_a_class_that_is_written_for_coroutines(labelled: Callable[[type], Any]) -> None:
    client = labelled(WithPortal)
    assert client.all_at_once([1, 2, 3]) == ["switched 1", "switched 2", "switched 3"]
    assert client.echo(b"ping") == b"ping"
    assert client.positions(2) == [0, 1]


def test_streams_through_a_child(served: Served, make_relay: MakeRelay) -> None:
    from pytest_jumpstarter.upstream_api.adapters import PexpectAdapter, TcpPortforwardAdapter

    outer = make_relay(f"{__name__}.ThroughChild")
    outer.children["line"] = make_relay(f"{__name__}.Plain")
    client = served(outer)
    with client.stream() as stream:
        stream.send(b"one")
        assert stream.receive() == b"one"
    with PexpectAdapter(client=client) as session:
        session.send(b"two\n")
        session.expect(b"two", timeout=5)
    import socket

    with TcpPortforwardAdapter(client=client) as address, socket.create_connection(address, 5) as connection:
        connection.sendall(b"three")
        assert connection.recv(5) == b"three"


@pytest.mark.parametrize(
    "use",
    [lambda stream: stream.send(b"late"), lambda stream: stream.send_eof(), lambda stream: stream.receive(5)],
    ids=["send", "send_eof", "receive"],
)
def test_a_stream_through_a_child_ends_with_the_connection(
    served: Served, make_relay: MakeRelay, use: Callable[[Any], object]
) -> None:
    outer = make_relay(f"{__name__}.ThroughChild")
    outer.children["line"] = make_relay(f"{__name__}.Plain")
    client = served(outer)
    stream = opener_of(client).stream("connect")
    client.portal.close()
    with pytest.raises(LinkError, match=r"^The byte stream was closed with the connection to its exporter\.$"):
        use(stream)
    stream.close()
    stream.close()


def test_a_wait_on_a_stream_through_a_child_ends_with_the_connection(served: Served, make_relay: MakeRelay) -> None:
    outer = make_relay(f"{__name__}.ThroughChild")
    outer.children["line"] = make_relay(f"{__name__}.Plain")
    client = served(outer)
    stream = opener_of(client).stream("connect")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stream.receive, 5)
        client.portal.close()
        with pytest.raises(LinkError, match=r"^The byte stream was closed with the connection to its exporter\.$"):
            waiting.result(10)
    stream.close()


def test_the_portal_exists_only_for_who_asks(labelled: Callable[[type], Any]) -> None:
    client = labelled(Plain)
    client.switch(1)
    assert not client.portal.running
    assert client.portal.call(anyio.sleep, 0) is None
    assert client.portal.running


def test_a_class_that_is_not_ours_costs_only_itself(
    labelled: Callable[[type], Any], caplog: pytest.LogCaptureFixture
) -> None:
    client = labelled(Duck)
    assert client.switch(2) == "switched 2"
    assert "It is not derived from jumpstarter.client.DriverClient." in caplog.text


def test_a_module_that_cannot_be_imported_costs_only_its_driver(
    served: Served,
    make_relay: MakeRelay,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "broken_clients.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    client = served(make_relay("broken_clients.RelayClient"))
    assert client.switch(2) == "switched 2"
    assert (
        "Driver client 'broken_clients.RelayClient' is not available. Its driver is called by names: "
        "Importing it failed with ZeroDivisionError: division by zero"
    ) in caplog.text
    sys.modules.pop("broken_clients", None)


def test_a_class_that_refuses_to_be_is_told_to_its_user(labelled: Callable[[type], Any]) -> None:
    with pytest.raises(RuntimeError, match="there is no child 'tcp'"):
        labelled(Fussy)


def test_a_client_that_belongs_to_nothing_says_so() -> None:
    with pytest.raises(
        UsageError,
        match=r"This Plain belongs to no connected driver\. Take the client from a fixture, a lease or serve\(\), "
        r"and do not construct it\.",
    ):
        Plain(stub=None).switch(1)


@pytest.fixture(autouse=True)
def _no_leftovers() -> Iterator[None]:
    yield
    assert not [name for name in sys.modules if name.startswith("nowhere")]


def test_trouble_of_no_kind_in_particular_is_a_driver_error() -> None:
    with pytest.raises(DriverError, match=r"^odd$") as info, as_driver_error():
        raise InfrastructureError("odd")
    assert type(info.value) is DriverError
