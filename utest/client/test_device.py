"""Devices: finding drivers and consoles in a tree with proxies, and closing all that was opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.drivers import (
    CompositeProxy,
    FlasherProxy,
    GenericProxy,
    ImageStore,
    NetworkProxy,
    OpendalProxy,
    SerialProxy,
    StorageMuxProxy,
)
from JumpstarterLibrary.client.drivers.power import PowerProxy
from JumpstarterLibrary.errors import AmbiguousDriver, LinkError, NoSuchDriver
from JumpstarterLibrary.exporter import Driver, HostedExporter
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher
from JumpstarterLibrary.protocol import jumpstarter_pb2

LIMIT_S = 10.0


class Unknown(Driver):
    """A driver with a label that nobody knows."""

    @classmethod
    def client(cls) -> str:
        return "acme.client.Widget"


# Finding


def test_the_only_one(bench: Device) -> None:
    assert bench.find(SerialProxy, "console").path == "board.console"
    assert bench.find(StorageMuxProxy, "storage").path == "storage"


def test_a_driver_with_several_names_counts_once(bench: Device) -> None:
    power = bench.find(PowerProxy, "power")
    assert power.path == "board.power"
    assert bench.driver("switch").uuid == bench.driver("alias.power").uuid == power.uuid
    assert bench.find(PowerProxy, "power", "switch").path == "switch"


def test_several(bench: Device) -> None:
    with pytest.raises(AmbiguousDriver) as caught:
        bench.find(ImageStore, "image")
    assert str(caught.value) == (
        f"The exporter '{bench.link.name}' has several image drivers: storage, flasher, files. Say which with driver=."
    )


def test_none(device_with: Callable[..., Device]) -> None:
    device = device_with({"board": Composite(children={"power": MockPower()}), "echo": EchoNetwork()})
    with pytest.raises(NoSuchDriver) as caught:
        device.find(StorageMuxProxy, "storage")
    assert str(caught.value) == (f"The exporter '{device.link.name}' has no storage driver. It has: board.power, echo.")


def test_none_on_an_exporter_whose_root_is_a_driver(
    serving: Callable[..., HostedExporter], connecting: Callable[..., Device]
) -> None:
    device = connecting(serving(MockPower()).host)
    assert device.find(PowerProxy, "power").path == ""
    with pytest.raises(NoSuchDriver) as caught:
        device.find(StorageMuxProxy, "storage")
    assert str(caught.value) == f"The exporter '{device.link.name}' has no storage driver. It has: (root)."


def test_one_of_another_kind(bench: Device) -> None:
    with pytest.raises(NoSuchDriver) as caught:
        bench.find(PowerProxy, "power", "storage")
    assert str(caught.value) == (
        "Driver 'storage' is no power driver; its exporter calls it "
        "'jumpstarter_driver_opendal.client.StorageMuxClient'."
    )


def test_one_that_is_not_there(bench: Device) -> None:
    with pytest.raises(NoSuchDriver) as caught:
        bench.find(PowerProxy, "power", "board.powr")
    assert str(caught.value) == "No driver 'powr' under 'board'. It has: console, power."


def test_one_of_an_unknown_label_is_what_the_caller_says(device_with: Callable[..., Device]) -> None:
    device = device_with({"widget": Unknown()})
    assert isinstance(device.driver("widget"), GenericProxy)
    assert isinstance(device.find(PowerProxy, "power", "widget"), PowerProxy)
    with pytest.raises(NoSuchDriver, match=r"has no power driver\. It has: widget\.$"):
        device.find(PowerProxy, "power")


def test_proxies_by_label_and_always_the_same(bench: Device) -> None:
    kinds: dict[str, type] = {
        "": CompositeProxy,
        "board": CompositeProxy,
        "board.power": PowerProxy,
        "board.console": SerialProxy,
        "storage": StorageMuxProxy,
        "flasher": FlasherProxy,
        "files": OpendalProxy,
        "echo": NetworkProxy,
        "alias.console": SerialProxy,
    }
    assert {path: type(bench.driver(path)) for path in kinds} == kinds
    assert bench.driver("board.power") is bench.client.board.power is bench.client.children["board"].power


# Connecting


def test_what_the_exporter_says(serving: Callable[..., HostedExporter], connecting: Callable[..., Device]) -> None:
    exporter = serving(MockPower(), motd="be gentle")
    device = connecting(exporter.host)
    assert (device.motd, device.status().status, device.link.name) == ("be gentle", "LEASE_READY", exporter.host)


def test_a_tree_that_is_unusable(odd_exporter: Callable[..., str], connecting: Callable[..., Device]) -> None:
    host = odd_exporter(get_report=lambda _request, _context: jumpstarter_pb2.GetReportResponse())
    with pytest.raises(NoSuchDriver) as caught:
        connecting(host)
    assert str(caught.value) == "The exporter reports no driver at all. Check its `export` configuration."


def test_leaving_it_closes_it(serving: Callable[..., HostedExporter]) -> None:
    host = serving(MockPower()).host
    with Device.connect(DirectConnection.from_arguments(host, environ={})) as device:
        device.client.on()
    with pytest.raises(LinkError) as caught:
        device.client.on()
    assert str(caught.value) == f"The link to exporter '{host}' is closed. Connect to it again."


# Consoles


def test_the_only_serial_port(bench: Device) -> None:
    console = bench.console()
    console.write(b"hello\n")
    assert console.wait_for("hello", LIMIT_S).start == 0
    assert bench.console() is bench.console("board.console") is bench.console("alias.console") is console


def test_several_serial_ports(device_with: Callable[..., Device]) -> None:
    device = device_with({"a": PySerial(url="loop://"), "b": PySerial(url="loop://")})
    with pytest.raises(AmbiguousDriver) as caught:
        device.console()
    assert str(caught.value) == (
        f"The exporter '{device.link.name}' has several console drivers: a, b. Say which with driver=."
    )
    assert device.console("a") is not device.console("b")


def test_a_network_driver_by_the_name_of_a_console(device_with: Callable[..., Device]) -> None:
    device = device_with({"ssh": EchoNetwork(), "board": Composite(children={"console": EchoNetwork()})})
    assert device.console().name == "board.console"


def test_no_console(device_with: Callable[..., Device]) -> None:
    device = device_with({"ssh": EchoNetwork()})
    with pytest.raises(NoSuchDriver) as caught:
        device.console()
    assert str(caught.value) == f"The exporter '{device.link.name}' has no console driver. It has: ssh."


class Absent(PySerial):
    """A port that cannot be opened."""

    def _open(self) -> int:
        raise ConnectionError("no such port")


def test_opening_all_consoles_reports_those_that_cannot_be_opened(
    device_with: Callable[..., Device], caplog: pytest.LogCaptureFixture
) -> None:
    device = device_with(
        {
            "good": PySerial(url="loop://"),
            "bad": Absent(url="/dev/none", check_present=False),
            "again": Proxy(ref="good"),
        }
    )
    device.open_consoles()
    assert device.consoles() == ["good"]
    assert [record.getMessage() for record in caplog.records if record.name.endswith("client.device")] == [
        "Console 'bad' could not be opened: 'connect' of driver 'bad' failed on the exporter: "
        "Unexpected <class 'ConnectionError'>: no such port."
    ]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("console", "console"),
        ("../../etc/passwd", "_.._etc_passwd-3754d6cb3a38"),
        ("/abs", "_abs-e802dcc0fe5e"),
        ("..", "_-5ec1f7e700f3"),
    ],
)
def test_an_exporter_does_not_choose_where_transcripts_go(
    name: str, stem: str, device_with: Callable[..., Device], tmp_path: Path
) -> None:
    device = device_with({name: PySerial(url="loop://")})
    device.transcripts = tmp_path / "out"
    device.console()
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == [f"out/{stem}.log", f"out/{stem}.timed.log"]


def test_closing_closes_everything(bench: Device, eventually: Any) -> None:
    console = bench.console()
    bench.follow_logs()
    bench.close()
    with pytest.raises(LinkError) as caught:
        console.wait_for("x", LIMIT_S)
    assert str(caught.value) == "Console 'board.console' was closed while waiting for 'x'."
    bench.close()


def test_a_flasher_is_no_mux(device_with: Callable[..., Device]) -> None:
    device = device_with({"flasher": MockFlasher()})
    with pytest.raises(NoSuchDriver, match=r"has no storage driver\. It has: flasher\.$"):
        device.find(StorageMuxProxy, "storage")
