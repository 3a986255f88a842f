"""A test class as upstream's documentation shows them, with upstream's names only."""

from __future__ import annotations

import os

import pytest
from jumpstarter_driver_network.adapters import PexpectAdapter
from jumpstarter_testing.pytest import JumpstarterTest


class TestResource(JumpstarterTest):
    selector = "board=rpi4"

    @pytest.fixture
    def console(self, client):
        with PexpectAdapter(client=client.dutlink.console) as console:
            yield console

    def test_setup_device(self, client, console):
        client.dutlink.power.off()
        client.dutlink.storage.write_local_file(os.environ["IMAGE"])
        client.dutlink.storage.dut()
        client.dutlink.power.on()
        console.expect("login:", timeout=60)
        console.sendline("root")
        console.expect("Password:", timeout=20)
        console.sendline("root")
        console.expect("# ", timeout=20)
        console.sendline("uname -s; echo status=$?")
        console.expect(r"status=0", timeout=20)
        assert b"Linux" in console.before

    def test_is_still_on(self, client):
        first = next(iter(client.dutlink.power.read()))
        assert 4.5 < first.voltage < 5.5
