"""The registry of devices: modes, aliases, ownership, and what is closed when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.errors import ConfigurationError, LinkError, NoSuchDevice
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.keywords.devices import Devices
from JumpstarterLibrary.lab import LocalExporter
from JumpstarterLibrary.types import Mode, Scope, Tls


@pytest.fixture
def host() -> Iterator[str]:
    with serve(MockPower()) as exporter:
        yield exporter.host


def registry(default: DeviceRequest | None = None, environ: dict[str, str] | None = None) -> Devices:
    return Devices(
        default or DeviceRequest(), environ or {}, lambda: LocalExporter(MockPower()), lambda device, alias: None
    )


@pytest.fixture
def devices(host: str) -> Iterator[Devices]:
    found = registry(DeviceRequest(host=host))
    yield found
    found.close_all()


def test_shell_mode_joins_what_the_environment_names(host: str) -> None:
    devices = registry(environ={"JUMPSTARTER_HOST": host})
    devices.get().client.call("on")
    assert devices.get().link.source == "JUMPSTARTER_HOST"
    devices.close_all()


def test_virtual_mode_brings_its_exporter_and_takes_it_away() -> None:
    devices = registry(DeviceRequest(Mode.virtual))
    path = Path(devices.get().link.name)
    assert path.exists()
    devices.close_all()
    assert not path.exists()


def test_the_default_device_is_connected_when_needed(devices: Devices) -> None:
    assert devices.all() == {}
    first = devices.get()
    assert devices.get() is first
    assert devices.alias() == "device"


def test_aliases_are_given_and_current_moves(devices: Devices) -> None:
    names = [devices.connect(devices.default) for _ in range(3)]
    assert names == ["device", "device2", "device3"]
    assert devices.alias() == "device3"
    assert devices.switch("device") == "device3"
    devices.disconnect()
    assert devices.alias() == "device3"
    assert devices.connect(devices.default) == "device"


def test_an_alias_is_taken_once(devices: Devices) -> None:
    devices.connect(devices.default, "board")
    with pytest.raises(ConfigurationError, match=r"^There is a device 'board' already\. Disconnect it first"):
        devices.connect(devices.default, "board")


def test_disconnecting_what_is_gone_is_fine_but_not_what_never_was(devices: Devices) -> None:
    devices.disconnect()
    devices.connect(devices.default, "board")
    devices.disconnect("board")
    devices.disconnect("board")
    with pytest.raises(NoSuchDevice, match=r"^No device 'bord' is connected\. Connected devices: none\.$"):
        devices.disconnect("bord")


def test_devices_end_with_their_owner(devices: Devices) -> None:
    devices.owner = "s1"
    devices.connect(devices.default, "outer")
    devices.owner = "s1-s1"
    devices.connect(devices.default, "inner")
    devices.close_owned("s1-s1")
    assert list(devices.all()) == ["outer"]
    devices.close_owned("s1")
    assert devices.all() == {}


def test_a_device_that_cannot_be_prepared_leaves_nothing(host: str) -> None:
    closed: list[Device] = []

    def prepare(device: Device, _alias: str) -> None:
        closed.append(device)
        raise OSError("no space for transcripts")

    devices = Devices(DeviceRequest(host=host), {}, LocalExporter, prepare)
    with pytest.raises(OSError, match="no space"):
        devices.get()
    assert devices.all() == {}
    with pytest.raises(LinkError, match=r"is closed\. Connect to it again\.$"):
        closed[0].client.call("on")


def test_a_request_that_a_timeout_ends_is_one_that_failed(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class TestTimeout(BaseException):
        """What a test framework raises wherever the main thread is."""

    def interrupted(*_: object, **__: object) -> None:
        raise TestTimeout

    devices = registry(DeviceRequest(host=host))
    monkeypatch.setattr(Device, "connect", interrupted)
    with pytest.raises(TestTimeout):
        devices.connect(devices.default)
    monkeypatch.undo()
    with pytest.raises(NoSuchDevice) as caught:
        devices.get()
    assert str(caught.value) == (
        "No device is connected: the last request for one failed with TestTimeout. Use Acquire Lease or Connect To "
        "Exporter first."
    )


def test_an_insecure_connection_is_said_aloud_once(caplog: pytest.LogCaptureFixture) -> None:
    with serve(MockPower(), tcp=("127.0.0.1", 0)) as exporter:
        devices = registry(DeviceRequest(host=exporter.host, tls=Tls.plaintext))
        devices.connect(devices.default)
        devices.connect(devices.default)
        devices.close_all()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [f"The connection to exporter '{exporter.host}' is not encrypted (tls=plaintext)."]


def test_what_is_asked_for_counts_in_shell_mode_too() -> None:
    devices = registry(
        DeviceRequest(ca=Path("/nowhere.pem")), {"JUMPSTARTER_HOST": "127.0.0.1:1", "JMP_GRPC_INSECURE": "1"}
    )
    with pytest.raises(ConfigurationError, match=r"^The CA file '/nowhere\.pem' cannot be read: No such file or "):
        devices.get()


def test_nothing_is_leased_where_nothing_can_be() -> None:
    devices = registry()
    with pytest.raises(ConfigurationError, match=r"^Nothing can be leased here\.$"):
        devices.acquire(DeviceRequest(request=LeaseRequest(selector="board=b")))
    assert devices.all() == {}
    devices.close_all()


def test_who_acquires_inside_a_shell_joins_it_once_and_shares_it(host: str) -> None:
    devices = registry(environ={"JUMPSTARTER_HOST": host})
    wanted = DeviceRequest(request=LeaseRequest(selector="board=b"))
    alias = devices.acquire(wanted)
    assert devices.mode(alias) is Mode.shell
    assert devices.acquire(wanted) == alias
    with pytest.raises(
        ConfigurationError, match=r"^This run is inside a shell, whose only device is in use already\. "
    ):
        devices.acquire(DeviceRequest(request=LeaseRequest(selector="board=c")))
    devices.release()
    assert list(devices.all()) == [alias]
    devices.release()
    assert devices.all() == {}


def test_scopes_decide_who_closes_a_device(host: str) -> None:
    devices = registry(environ={"JUMPSTARTER_HOST": host})
    devices.owner, devices.test = "s1-s1", "s1-s1-t1"
    wanted = DeviceRequest(request=LeaseRequest(selector="board=b"))
    devices.acquire(replace(wanted, scope=Scope.test), "one")
    devices.acquire(replace(wanted, scope=Scope.suite), "one")
    devices.close_owned("s1-s1-t1")
    assert list(devices.all()) == ["one"]
    devices.close_owned("s1-s1")
    assert devices.all() == {}


def test_a_test_scope_outside_of_a_test_is_the_suites(host: str) -> None:
    devices = registry(environ={"JUMPSTARTER_HOST": host})
    devices.owner = "s1"
    devices.acquire(DeviceRequest(request=LeaseRequest(selector="board=b"), scope=Scope.test))
    devices.close_owned("s1")
    assert devices.all() == {}


def test_a_device_that_does_not_close_cleanly_keeps_no_other_one(
    host: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Device.close

    def close(device: Device) -> None:
        original(device)
        raise LinkError("It was not there any more.")

    monkeypatch.setattr(Device, "close", close)
    devices = registry(DeviceRequest(host=host))
    devices.connect(devices.default, "one")
    devices.connect(devices.default, "two")
    devices.close_all()
    assert devices.all() == {}
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [f"Exporter '{host}' was not released cleanly: It was not there any more."] * 2
