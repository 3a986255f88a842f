"""A pytest class on a board, as upstream's users write it.

It leases a board of the lab in examples/lab.yaml, which README says how to start; or it joins the exporter that
JUMPSTARTER_HOST names, as inside `jmp shell`. examples/board.yaml describes such a one.
"""

from pathlib import Path

import pytest
from jumpstarter_driver_network.adapters import PexpectAdapter
from jumpstarter_testing import JumpstarterTest

IMAGE = Path(__file__).parent / "images" / "hello.img"


class TestBoard(JumpstarterTest):
    selector = "board=virtual"

    @pytest.fixture
    def console(self, client):
        with PexpectAdapter(client=client.dutlink.console) as console:
            yield console

    def test_boots_and_logs_in(self, client, console):
        client.dutlink.power.off()
        client.dutlink.storage.write_local_file(IMAGE)
        client.dutlink.storage.dut()
        client.dutlink.power.on()
        console.expect("login:", timeout=30)
        console.sendline("root")
        console.expect("Password:", timeout=10)
        console.sendline("root")
        console.expect("# ", timeout=10)
        console.sendline("uname")
        console.expect("Linux", timeout=10)

    def test_takes_power(self, client):
        reading = next(client.dutlink.power.read())
        assert 4.5 < reading.voltage < 5.5
