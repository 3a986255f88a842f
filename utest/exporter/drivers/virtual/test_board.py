from __future__ import annotations

import copy
import logging
import re
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import ExporterConfigV1Alpha1DriverInstance, serve
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard, make_image
from JumpstarterLibrary.protocol import jumpstarter_pb2

IMAGE = make_image(bytes(3_000_000), hostname="wired")


class Rig:
    """A served board: clients of its three drivers."""

    def __init__(self, serving: Any, board: VirtualBoard | None = None, **config: Any) -> None:
        self.board = board or VirtualBoard(**config)
        self.client = serving(self.board)
        self.power, self.storage, self.console = map(self._child, ("power", "storage", "console"))

    def _child(self, name: str) -> Any:
        client = copy.copy(self.client)
        client._uuid = str(self.board.children[name].uuid)
        return client

    def flash(self, image: bytes = IMAGE) -> None:
        self.storage.call("host")
        self.storage.upload("write", [image[start : start + 1_000_000] for start in range(0, len(image), 1_000_000)])
        self.storage.call("dut")


@pytest.fixture
def rig(serving: Any) -> Rig:
    return Rig(serving, speed=100)


def until(stream: Any, text: bytes) -> bytes:
    data = b""
    while text not in data:
        chunk = stream.receive()
        assert chunk is not None, f"the stream ended after {data!r}"
        data += chunk
    return data


def test_report_is_that_of_a_board_with_three_drivers(rig: Rig) -> None:
    reports = rig.client.exporter.session.report().reports
    labels = [
        (report.labels.get("jumpstarter.dev/name"), report.labels["jumpstarter.dev/client"]) for report in reports
    ]
    assert labels == [
        (None, "jumpstarter_driver_composite.client.CompositeClient"),
        ("power", "jumpstarter_driver_power.client.PowerClient"),
        ("storage", "jumpstarter_driver_opendal.client.StorageMuxFlasherClient"),
        ("console", "jumpstarter_driver_pyserial.client.PySerialClient"),
    ]


def test_boots_what_was_written_and_runs_commands(rig: Rig) -> None:
    rig.flash()
    with rig.console.stream() as stream:
        rig.power.call("on")
        until(stream, b"wired login: ")
        stream.send(b"root\r")
        until(stream, b"Password: ")
        stream.send(b"root\r")
        until(stream, b"root@wired:~# ")
        stream.send(b'echo "MARK""ER:$?"\r')
        assert b"\r\nMARKER:0\r\n" in until(stream, b"# ")
        rig.power.call("off")
        rig.power.call("on")
        until(stream, b"wired login: ")


def test_cold_boot_takes_more_than_half_a_second_by_default(serving: Any) -> None:
    rig = Rig(serving, preinstalled=True)
    with rig.console.stream() as stream:
        start = time.monotonic()
        rig.power.call("on")
        until(stream, b"virtual login: ")
        assert time.monotonic() - start > 0.5


def test_blank_board_says_so(rig: Rig) -> None:
    with rig.console.stream() as stream:
        rig.power.call("on")
        assert b"** Medium is blank **\r\n" in until(stream, b"ERROR: can't get kernel image!\r\n=> ")


def test_interrupted_upload_leaves_an_image_that_does_not_boot(rig: Rig) -> None:
    rig.storage.call("host")
    with rig.storage.resource() as stream:
        call = rig.storage.start("write", stream.handle)
        stream.send(IMAGE[:1_000_000])
        stream.cancel()
        with pytest.raises(grpc.RpcError):
            call.result()
    rig.storage.call("dut")
    with rig.console.stream() as stream:
        rig.power.call("on")
        said = until(stream, b"ERROR: can't get kernel image!\r\n=> ")
        assert re.search(rb"\*\* (Image is truncated: .*|Medium is blank) \*\*\r\n", said)


def test_medium_is_read_back_on_the_host_side(rig: Rig) -> None:
    rig.flash()
    rig.storage.call("host")
    assert rig.storage.download("read") == IMAGE


@pytest.mark.parametrize("side", ["dut", "off"])
def test_transfers_take_the_medium_to_the_host_side(rig: Rig, side: str) -> None:
    rig.storage.call(side)
    rig.storage.upload("write", [IMAGE[:1_000_000], IMAGE[1_000_000:2_000_000], IMAGE[2_000_000:]])
    rig.storage.call(side)
    assert rig.storage.download("read") == IMAGE
    with rig.console.stream() as stream:
        rig.power.call("on")
        until(stream, b"Card did not respond to voltage select! : -110")


def test_switching_away_fails_the_write_in_progress(rig: Rig) -> None:
    rig.storage.call("host")
    with rig.storage.resource() as stream:
        call = rig.storage.start("write", stream.handle)
        stream.send(IMAGE[:1_000_000])
        rig.storage.call("dut")
        stream.send(IMAGE[1_000_000:])
        stream.send_eof()
        with pytest.raises(grpc.RpcError) as caught:
            call.result()
    assert caught.value.details() == (
        "Cannot go on with the medium: it is on side 'dut', so there is no block device here. "
        "Switch it to side 'host' first."
    )


def test_medium_can_be_changed_while_the_board_runs(rig: Rig) -> None:
    rig.flash()
    with rig.console.stream() as stream:
        rig.power.call("on")
        until(stream, b"wired login: ")
        rig.storage.call("host")
        until(stream, b"mmc0: card b368 removed\r\n")
        rig.flash(make_image(hostname="second"))
        until(stream, b"mmc0: new high speed SDHC card at address b368\r\n")
        rig.power.call("off")
        rig.power.call("on")
        until(stream, b"second login: ")


def test_bounded_readings(serving: Any) -> None:
    rig = Rig(serving, speed=100, readings=3)
    assert rig.power.iterate("read") == [{"voltage": 0, "current": 0}] * 3
    rig.power.call("on")
    assert all(4.9 < reading["voltage"] < 5.1 and reading["current"] > 0.1 for reading in rig.power.iterate("read"))


def test_readings_go_on_until_the_client_leaves(rig: Rig) -> None:
    request = jumpstarter_pb2.StreamingDriverCallRequest(uuid=rig.power._uuid, method="read")
    call = rig.client._stub.streaming_driver_call(request, timeout=10)
    assert len(list(islice(call, 50))) == 50
    call.cancel()
    with pytest.raises(grpc.RpcError, match="CANCELLED"):
        next(call)


def test_streams_that_join_hear_the_board_from_the_first_opening_on(rig: Rig) -> None:
    with rig.console.stream() as first:
        rig.power.call("on")
        until(first, b"=> ")
        with rig.console.stream() as second:
            assert b"autoboot" in until(second, b"=> ")
            second.send(b"version\r")
            assert until(second, b"=> ").startswith(b"version\r\n")
            until(first, b"version\r\nU-Boot 2026.01 (virtual board)\r\n=> ")
        first.send(b"echo still here\r")
        until(first, b"still here\r\n=> ")


def test_close_ends_the_streams_and_the_console_can_be_opened_again(rig: Rig) -> None:
    rig.console.call("close")
    with rig.console.stream() as stream:
        rig.console.call("close")
        assert stream.receive() is None
    rig.power.call("on")
    with rig.console.stream() as stream:
        until(stream, b"=> ")


def test_control_lines_are_remembered(rig: Rig) -> None:
    console = rig.board.children["console"]
    for line in ("dtr", "rts"):
        for value in (False, True):
            rig.console.call(f"set_{line}", value)
            assert getattr(console, line) is value
    assert rig.console.failure("set_dtr", "up") == "INVALID_ARGUMENT: DTR is set to true or false, not 'up'."


def test_session_end_cuts_the_power_and_removes_the_medium() -> None:
    board = VirtualBoard(noise=0.1)
    with serve(board, grace=0) as exporter:
        exporter.call(board.machine.power_on)
        file = exporter.call(board.machine.medium.file)
        assert file.stat().st_mode & 0o777 == 0o600
    assert not file.exists()
    assert board.machine.state.value == 0


def test_medium_of_ones_own_stays(serving: Any, tmp_path: Path) -> None:
    Rig(serving, storage=str(tmp_path / "sd.img")).flash()
    assert (tmp_path / "sd.img").read_bytes() == IMAGE
    rig = Rig(serving, storage=str(tmp_path / "sd.img"), speed=100)
    with rig.console.stream() as stream:
        rig.power.call("on")
        until(stream, b"wired login: ")


CONFIG = """
type: JumpstarterLibrary.exporter.drivers.virtual.VirtualBoard
config:
  speed: 100
  preinstalled: {hostname: from-yaml, password: ""}
  bootdelay: 0
"""


def test_configured_in_an_exporter_file(serving: Any) -> None:
    board = ExporterConfigV1Alpha1DriverInstance.from_str(CONFIG).instantiate()
    assert isinstance(board, VirtualBoard)
    rig = Rig(serving, board)
    with rig.console.stream() as stream:
        rig.power.call("on")
        until(stream, b"from-yaml login: ")
        stream.send(b"root\r")
        until(stream, b"root@from-yaml:~# ")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("speed: 0", "The board's speed must be above 0, not 0; 1 is real time, 10 is ten times as fast."),
        ("noise: -1", "noise, read_interval and readings must not be negative."),
        ("baudrate: -1", "The console's baudrate must be 0 (unlimited) or above, not -1."),
        ('preinstalled: {hostname: "a\\nb"}', "A virtual image's hostname is one line, not 'a\\nb'."),
    ],
)
def test_impossible_configuration_is_refused(config: str, reason: str) -> None:
    text = f"type: JumpstarterLibrary.exporter.drivers.virtual.VirtualBoard\nconfig:\n  {config}"
    with pytest.raises(ConfigurationError) as caught:
        ExporterConfigV1Alpha1DriverInstance.from_str(text).instantiate()
    assert str(caught.value) == f"The YAML text, line 2: config: VirtualBoard did not accept it: {reason}"


def test_children_of_the_configuration_do_not_replace_the_boards_own() -> None:
    text = f"{CONFIG}children:\n  power: {{type: jumpstarter_driver_power.driver.MockPower}}"
    with pytest.raises(ConfigurationError) as caught:
        ExporterConfigV1Alpha1DriverInstance.from_str(text).instantiate()
    assert str(caught.value) == (
        "The YAML text, line 3: config: VirtualBoard did not accept it: A virtual board has its own child 'power'. "
        "Give the configured one another name."
    )


@pytest.fixture(autouse=True)
def no_errors_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    records = [record for record in caplog.get_records("call") if record.name == "driver.VirtualBoard"]
    assert not [record.getMessage() for record in records if record.levelno >= logging.ERROR]
