"""Storage muxes: who has the medium, also when something fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import WriteOptions
from JumpstarterLibrary.errors import DriverError, TransferError, UsageError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.storage import MockStorageMuxFlasher, Side
from JumpstarterLibrary.types import StorageSide, Verdict, Verify


@pytest.fixture
def medium() -> MockStorageMuxFlasher:
    return MockStorageMuxFlasher()


@pytest.fixture
def storage(medium: MockStorageMuxFlasher, device_with: Callable[..., Device]) -> Any:
    return device_with({"storage": medium}).client.storage


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "board.img"
    path.write_bytes(b"image" * 1000)
    return path


def test_sides(storage: Any, medium: MockStorageMuxFlasher) -> None:
    found = []
    for act in (storage.host, storage.dut, storage.off):
        act()
        found.append(medium.side)
    for side in StorageSide:
        storage.switch(side)
        found.append(medium.side)
    assert found == [Side.HOST, Side.DEVICE, Side.OFF, Side.DEVICE, Side.HOST, Side.OFF]


def test_flash_and_dump_give_the_medium_to_the_device(
    storage: Any, medium: MockStorageMuxFlasher, image: Path, tmp_path: Path
) -> None:
    storage.flash(image)
    assert (medium.side, medium.medium.read_bytes()) == (Side.DEVICE, image.read_bytes())
    storage.host()
    storage.dump(tmp_path / "dump")
    assert (medium.side, (tmp_path / "dump").read_bytes()) == (Side.DEVICE, image.read_bytes())


def test_raw_transfers_switch_nothing(storage: Any, medium: MockStorageMuxFlasher, image: Path, tmp_path: Path) -> None:
    assert storage.write_local_file(image).size == 5000
    assert storage.read_local_file(tmp_path / "dump").size == 5000
    assert (medium.side, (tmp_path / "dump").read_bytes()) == (Side.OFF, image.read_bytes())


def test_read_back_and_reading_a_part(storage: Any, image: Path, tmp_path: Path) -> None:
    assert storage.write_image(image, WriteOptions(verify=Verify.read_back)).verdict is Verdict.verified
    report = storage.read_image(tmp_path / "part", size=7)
    assert (report.verdict, report.size, (tmp_path / "part").read_bytes()) == (Verdict.received, 7, b"imageim")


def test_reading_more_than_there_is(storage: Any, image: Path, tmp_path: Path) -> None:
    storage.flash(image)
    with pytest.raises(TransferError) as caught:
        storage.read_image(tmp_path / "dump", size=5001)
    assert str(caught.value) == "Driver 'storage' gave 5000 bytes where 5001 were asked for."
    assert not (tmp_path / "dump").exists()


@pytest.mark.parametrize("action", ["flash", "dump"])
def test_a_mux_knows_no_targets(storage: Any, medium: MockStorageMuxFlasher, image: Path, action: str) -> None:
    with pytest.raises(UsageError) as caught:
        getattr(storage, action)(image, target="boot")
    assert str(caught.value) == (
        "Driver 'storage' is a storage mux, which writes the whole medium and knows no target 'boot'. "
        "Leave target= out."
    )
    assert medium.side is Side.OFF


class Broken(Driver):
    """A mux whose medium fails, and which may not let go of it."""

    def __init__(self, *, lets_go: bool) -> None:
        super().__init__()
        self.log: list[str] = []
        self._lets_go = lets_go

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_opendal.client.StorageMuxClient"

    @export
    async def host(self) -> None:
        self.log.append("host")

    @export
    async def dut(self) -> None:
        self.log.append("dut")
        if not self._lets_go:
            raise OSError("the switch is stuck")

    @export
    async def write(self, source: Mapping[str, Any]) -> None:
        self.log.append("write")
        raise OSError("the medium is broken")


@pytest.mark.parametrize("lets_go", [True, False])
def test_after_a_failure_the_device_gets_its_medium_back(
    lets_go: bool, device_with: Callable[..., Device], image: Path, caplog: pytest.LogCaptureFixture
) -> None:
    driver = Broken(lets_go=lets_go)
    with pytest.raises(DriverError) as caught:
        device_with({"storage": driver}).client.storage.flash(image)
    assert str(caught.value) == "'write' of driver 'storage' failed on the exporter: the medium is broken."
    assert driver.log == ["host", "write", "dut"]
    warnings = [record.getMessage() for record in caplog.records if record.name.endswith("drivers.mux")]
    assert warnings == (
        []
        if lets_go
        else [
            "The medium of driver 'storage' could not be given back to the device: 'dut' of driver 'storage' failed on "
            "the exporter: the switch is stuck."
        ]
    )
