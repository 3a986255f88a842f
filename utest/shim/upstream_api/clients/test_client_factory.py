"""Which client class each driver gets, and what becomes of clients when their device is closed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.composite import CompositeClient
from pytest_jumpstarter.upstream_api.clients.factory import Allow, build_clients, client_class
from pytest_jumpstarter.upstream_api.clients.files import OpendalClient
from pytest_jumpstarter.upstream_api.clients.flasher import FlasherClient, PlainFlasherClient
from pytest_jumpstarter.upstream_api.clients.mux import StorageMuxClient, StorageMuxFlasherClient
from pytest_jumpstarter.upstream_api.clients.network import NetworkClient
from pytest_jumpstarter.upstream_api.clients.power import ExporterCyclePowerClient, PowerClient, VirtualPowerClient
from pytest_jumpstarter.upstream_api.clients.serial import PySerialClient
from pytest_jumpstarter.upstream_api.clients.stub import StubDriverClient

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.drivers import PowerProxy, SerialProxy
from JumpstarterLibrary.exporter import Driver, serve
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
from JumpstarterLibrary.exporter.drivers.files import Opendal
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher, MockStorageMux

MakeRelay = Callable[[str], Driver]
NOBODY = Allow()


class Mine(DriverClient):
    """Somebody's own."""

    def __post_init__(self) -> None:
        self.closed: list[str] = []
        self.stack.callback(lambda: self.closed.append(self.call("switch", 1)))


class Careless(DriverClient):
    """One whose own things do not close."""

    def __post_init__(self) -> None:
        def fail() -> None:
            raise KeyError("lost")

        self.stack.callback(fail)


@contextmanager
def adopted(driver: Driver, allow: Allow | None = None) -> Iterator[Any]:
    with serve(driver, grace=0) as served, Device.connect(DirectConnection.from_arguments(served.host)) as device:
        yield build_clients(device, allow)


@pytest.mark.parametrize(
    ("text", "patterns", "unsafe"),
    [
        ("", (), False),
        ("my_drivers.*", ("my_drivers.*",), False),
        (" a.* , b.C ,", ("a.*", "b.C"), False),
        ("UNSAFE", ("UNSAFE",), True),
        ("a.*,UNSAFE", ("a.*", "UNSAFE"), True),
    ],
)
def test_what_the_environment_allows(text: str, patterns: tuple[str, ...], unsafe: bool) -> None:
    assert Allow.from_environment({"JMP_DRIVERS_ALLOW": text}) == Allow(patterns, unsafe)


def test_unsafe_by_a_variable_of_its_own() -> None:
    assert Allow.from_environment({"JMP_DRIVERS_UNSAFE": "true"}).permits("anything.at.All")
    assert not Allow.from_environment({"JMP_DRIVERS_UNSAFE": "false"}).permits("anything.at.All")


def test_patterns_are_those_of_file_names() -> None:
    allow = Allow(("my_drivers.*", "other.client.Relay[AB]"))
    assert allow.permits("my_drivers.client.Relay")
    assert allow.permits("other.client.RelayB")
    assert not allow.permits("My_Drivers.client.Relay")
    assert not allow.permits("other.client.RelayC")


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("jumpstarter.client.DriverClient", DriverClient),
        ("jumpstarter_driver_composite.client.CompositeClient", CompositeClient),
        ("jumpstarter_driver_power.client.PowerClient", PowerClient),
        ("jumpstarter_driver_power.client.VirtualPowerClient", VirtualPowerClient),
        ("jumpstarter_driver_noyito_relay.client.NoyitoPowerClient", PowerClient),
        ("jumpstarter_driver_ridesx.client.RideSXPowerClient", ExporterCyclePowerClient),
        ("jumpstarter_driver_adb.client.AdbClient", NetworkClient),
        ("jumpstarter_driver_pyserial.client.PySerialClient", PySerialClient),
        ("jumpstarter_driver_opendal.client.OpendalClient", OpendalClient),
        ("jumpstarter_driver_opendal.client.FlasherClient", FlasherClient),
        ("jumpstarter.client.flasher.FlasherClient", PlainFlasherClient),
        ("jumpstarter_driver_qemu.client.QemuFlasherClient", FlasherClient),
        ("jumpstarter_driver_opendal.client.StorageMuxClient", StorageMuxClient),
        ("jumpstarter_driver_opendal.client.StorageMuxFlasherClient", StorageMuxFlasherClient),
        ("nowhere.client.Nobody", StubDriverClient),
        ("not a path", StubDriverClient),
        ("", StubDriverClient),
    ],
)
def test_the_class_for_a_label_without_leave_to_import(label: str, kind: type[DriverClient]) -> None:
    assert client_class(label, NOBODY) is kind


def test_a_class_of_ones_own_needs_leave(make_relay: MakeRelay, caplog: pytest.LogCaptureFixture) -> None:
    label = f"{__name__}.Mine"
    with adopted(make_relay(label), Allow((f"{__name__}.*",))) as client:
        assert type(client) is Mine
    assert not caplog.records
    with adopted(make_relay(label), NOBODY) as client:
        assert type(client) is StubDriverClient
        assert client.switch(2) == "switched 2"
    assert caplog.messages == [
        f"Driver client '{label}' is not available. Its driver is called by names: The client class '{label}' was not "
        f"imported: no pattern of drivers that are allowed admits it. Add one to JMP_DRIVERS_ALLOW, or to "
        f"drivers.allow of the client configuration."
    ]


def test_leave_comes_from_the_environment_unless_it_is_given(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JMP_DRIVERS_ALLOW", "UNSAFE")
    with adopted(make_relay(f"{__name__}.Mine")) as client:
        assert type(client) is Mine
    monkeypatch.delenv("JMP_DRIVERS_ALLOW")
    with adopted(make_relay(f"{__name__}.Mine")) as client:
        assert type(client) is StubDriverClient


def test_a_shell_that_has_warned_already_is_quiet(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("_JMP_SUPPRESS_DRIVER_WARNINGS", "1")
    with adopted(make_relay("nowhere.Nobody")) as client:
        assert client.switch(2) == "switched 2"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_whole_tree(tmp_path: Any) -> None:
    bench = Composite(
        description="the bench in the cellar",
        children={
            "dutlink": Composite(
                children={
                    "power": MockPower(description="the big switch", methods_description={"on": "Lights on"}),
                    "console": PySerial(url="loop://"),
                    "storage": MockStorageMux(),
                }
            ),
            "files": Opendal(scheme="fs", kwargs={"root": str(tmp_path)}),
            "flasher": MockFlasher(),
            "echo": EchoNetwork(),
            "same": Proxy(ref="dutlink.power"),
        },
    )
    with adopted(bench, NOBODY) as client:
        assert list(client.children) == ["dutlink", "files", "flasher", "echo", "same"]
        assert client.description == "the bench in the cellar"
        power = client.dutlink.power
        assert (power.name, power.description, power.methods_description) == (
            "power",
            "the big switch",
            {"on": "Lights on"},
        )
        assert client.same.uuid == power.uuid
        assert client.same is not power
        assert {"dutlink", "echo", "call"} <= set(dir(client))
        with pytest.raises(AttributeError) as failure:
            _ = client.dutlink.powr
        assert str(failure.value) == (
            "This CompositeClient has no attribute 'powr', and none of its drivers has that name: console, power, "
            "storage."
        )


def test_the_core_knows_the_kinds_as_before(tmp_path: Any) -> None:
    class OwnSerial(PySerial):
        client = classmethod(lambda cls: f"{__name__}.OwnSerialClient")

    tree = Composite(children={"power": MockPower(), "console": OwnSerial(url="loop://")})
    with adopted(tree, Allow(unsafe=True)) as client:
        device = client.stub.device
        assert type(client.console) is OwnSerialClient
        assert device.find(SerialProxy, "console").path == "console"
        assert device.find(PowerProxy, "power").path == "power"
        device.open_consoles()
        assert device.consoles() == ["console"]


class OwnSerialClient(PySerialClient):
    """A serial port with more."""


def test_what_clients_have_opened_is_closed_while_the_exporter_is_still_there(make_relay: MakeRelay) -> None:
    with adopted(make_relay(f"{__name__}.Mine"), Allow(unsafe=True)) as client:
        assert client.closed == []
    assert client.closed == ["switched 1"]


def test_what_does_not_close_is_told_in_the_log(make_relay: MakeRelay, caplog: pytest.LogCaptureFixture) -> None:
    tree = Composite(children={"a": make_relay(f"{__name__}.Careless"), "b": make_relay(f"{__name__}.Mine")})
    with adopted(tree, Allow(unsafe=True)) as client:
        mine = client.b
    assert mine.closed == ["switched 1"]
    assert caplog.messages[-1] == "What a client had opened was not closed cleanly: KeyError('lost')"


def test_the_portal_of_a_closed_device_is_closed(make_relay: MakeRelay) -> None:
    with adopted(make_relay("nowhere.Nobody")) as client:
        import anyio

        client.portal.call(anyio.sleep, 0)
        client.portal.start_task_soon(anyio.sleep_forever)
    from JumpstarterLibrary.errors import UsageError

    with pytest.raises(UsageError) as failure:
        client.portal.call(anyio.sleep, 0)
    assert str(failure.value) == ("The client's portal is closed, like the connection to its exporter. Connect again.")
