"""Test classes that lease their board; SELECTOR says which, in the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jumpstarter_driver_network.adapters import PexpectAdapter
from jumpstarter_testing import JumpstarterTest

SELECTOR = os.environ["SELECTOR"]


class TestBySelector(JumpstarterTest):
    """One lease for all of them."""

    selector = SELECTOR

    @pytest.fixture
    def console(self, client):
        with PexpectAdapter(client=client.wire) as console:
            yield console

    def test_power(self, client):
        client.power.on()
        assert [(one.voltage, one.current) for one in client.power.read()] == [(0.0, 0.0), (5.0, 2.0)]
        client.power.off()

    def test_image(self, client, tmp_path: Path):
        image, back = tmp_path / "image.bin", tmp_path / "back.bin"
        image.write_bytes(os.urandom(3_000_001))
        client.flasher.flash(str(image))
        client.flasher.dump(str(back))
        assert back.read_bytes() == image.read_bytes()

    def test_console(self, console):
        console.send("one two three\n")
        console.expect("two three", timeout=10)


class TestByName(JumpstarterTest):
    """The next class leases it anew."""

    exporter_name = SELECTOR.removeprefix("kind=")

    def test_call(self, client):
        assert client.faults.call("same", [1, 2.5, None]) == [1, 2.5, None]
