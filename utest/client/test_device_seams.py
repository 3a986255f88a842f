"""Where others come in: who makes the proxies, what is closed first, and who follows the log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device, DriverProxy
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.drivers import GenericProxy, PowerProxy, StorageMuxProxy
from JumpstarterLibrary.client.events import Event, Events, LogRecord, TransferEnded
from JumpstarterLibrary.client.outbox import Outbox
from JumpstarterLibrary.client.tree import Node
from JumpstarterLibrary.errors import LinkError, NoSuchDriver
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.storage import MockStorageMux

Serving = Callable[[Driver], Any]
Connecting = Callable[[str], Device]
Eventually = Callable[[Callable[[], object]], None]


class MyPower(PowerProxy):
    """A kind of somebody's own."""


class MyUnknown(GenericProxy):
    """Another kind for what nobody knows."""


class Unknown(MockPower):
    client = classmethod(lambda cls: "nowhere.Client")


@pytest.fixture
def device(serving: Serving, connecting: Connecting) -> Device:
    tree = Composite(children={"power": MockPower(), "odd": Unknown(), "echo": EchoNetwork()})
    return connecting(serving(tree).host)


def kinds(device: Device, node: Node) -> DriverProxy:
    return {"power": MyPower, "odd": MyUnknown}.get(node.name, GenericProxy)(device, node)


def test_who_makes_the_proxies_says_their_kinds(device: Device) -> None:
    device.proxies = kinds
    assert type(device.client.power) is MyPower
    assert device.driver("power") is device.client.power
    assert device.find(PowerProxy, "power").path == "power"


def test_a_generic_proxy_of_ones_own_can_still_be_taken_for_what_the_caller_knows(device: Device) -> None:
    device.proxies = kinds
    device.find(PowerProxy, "power", "odd").on()


def test_a_proxy_that_says_what_it_is_cannot(device: Device) -> None:
    with pytest.raises(NoSuchDriver, match="Driver 'echo' is no power driver"):
        device.find(PowerProxy, "power", "echo")


def test_callbacks_come_first_the_last_one_before(device: Device) -> None:
    asked: list[Any] = []
    device.before_close.append(lambda: asked.append(device.client.power.on()))
    device.before_close.append(lambda: asked.append("last"))
    device.close()
    assert asked == ["last", None]
    with pytest.raises(LinkError):
        device.client.power.on()
    device.close()
    assert len(asked) == 2


def test_a_callback_that_fails_keeps_nothing_open(device: Device) -> None:
    asked: list[str] = []

    def fail() -> None:
        raise KeyError("lost")

    device.before_close.append(lambda: asked.append("other"))
    device.before_close.append(fail)
    with pytest.raises(KeyError):
        device.close()
    assert asked == ["other"]
    with pytest.raises(LinkError):
        device.client.power.on()


def test_the_log_for_a_while(device: Device, eventually: Eventually) -> None:
    events: list[Event] = []
    device.link.events.subscribe(events.append)
    with device.following_logs():
        device.client.power.on()
        eventually(lambda: any(isinstance(event, LogRecord) for event in events))
    assert not device.follows_logs


def test_the_log_that_is_followed_anyway_goes_on(device: Device) -> None:
    device.follow_logs()
    with device.following_logs():
        assert device.follows_logs
    assert device.follows_logs


def test_who_does_not_listen_any_more_is_told_nothing() -> None:
    events, told = Events(), []
    events.subscribe(told.append)
    events.unsubscribe(told.append)
    events.unsubscribe(told.append)
    events.emit(LogRecord("x", "INFO", "DRIVER"))
    assert told == []


def test_what_byte_streams_bring_is_heard(device: Device) -> None:
    heard: list[tuple[str, bytes]] = []
    device.link.events.listen(lambda path, data: heard.append((path, data)))
    with device.client.echo.stream() as stream:
        stream.send(b"hello")
        assert stream.receive(timeout=5) == b"hello"
    assert heard == [("echo", b"hello")]


def test_streams_can_be_polled(device: Device, eventually: Eventually) -> None:
    changes: list[int] = []
    with device.client.echo.stream() as stream:
        assert stream.poll() is None
        stream.watch(lambda: changes.append(1))
        assert len(changes) == 1
        stream.send(b"hello")
        eventually(lambda: len(changes) == 2)
        assert stream.poll(2) == b"he"
        assert stream.poll() == b"llo"
        assert stream.poll() is None
        stream.send_eof()
        eventually(lambda: stream.poll() == b"")
        assert len(changes) == 3


def test_what_waits_to_be_sent() -> None:
    outbox = Outbox()
    outbox.put(b"12345", Deadline(None))
    outbox.put(b"678", Deadline(None))
    outbox.end()
    assert outbox.waiting == 8
    next(outbox)
    assert outbox.waiting == 3
    outbox.kill()
    assert outbox.waiting == 0


def test_what_was_uploaded_is_told(serving: Serving, connecting: Connecting, tmp_path: Path) -> None:
    image = tmp_path / "image.bin"
    image.write_bytes(b"content")
    device = connecting(serving(Composite(children={"sd": MockStorageMux()})).host)
    events: list[Event] = []
    device.link.events.subscribe(events.append)
    device.find(StorageMuxProxy, "storage").write_local_file(image)
    (uploaded,) = (event for event in events if isinstance(event, TransferEnded))
    assert uploaded.operation == "'write' of driver 'sd'"
    assert (uploaded.name, uploaded.size) == ("image.bin", 7)
    assert uploaded.sha256 == hashlib.sha256(b"content").hexdigest()
