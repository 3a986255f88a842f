"""A test class whose exporter, upstream's, is killed and started anew; UPSTREAM, CONFIG and DRIVERS say which it is."""

from __future__ import annotations

import os
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from jumpstarter_testing import JumpstarterTest
from Peer import Peer

from interop.leases.processes import wait_until
from JumpstarterLibrary.errors import ExporterNotReady, LinkError


def _works(client):
    try:
        client.power.on()
    except ExporterNotReady:
        return False  # on a slow machine it takes longer than our client waits
    return True


@pytest.fixture(scope="module", autouse=True)
def peer():
    peer = Peer(*(Path(os.environ[name]) for name in ("UPSTREAM", "CONFIG", "DRIVERS")))
    peer.start_exporter()
    yield peer
    peer.close()


class TestFaults(JumpstarterTest):
    """One lease throughout."""

    selector = "board=peer"

    def test_paused(self, peer, client):
        peer.pause_exporter(timedelta(seconds=0.2))
        peer.resume_exporter(timedelta(seconds=1.5))
        assert client.faults.call("wait", 0.7) == "waited"

    def test_killed(self, peer, client):
        peer.kill_exporter(timedelta(seconds=0.2))
        begin = time.monotonic()
        with pytest.raises(LinkError, match="broke during 'wait' of driver 'faults': the exporter "):
            client.faults.call("wait", 30)
        assert time.monotonic() - begin < 10

    def test_dead(self, client):
        with pytest.raises(ExporterNotReady) as info:
            client.power.on()
        assert re.fullmatch(
            "The exporter 'peer' of lease '[-0-9a-f]{36}' does not listen for clients; that did not change within "
            "5 seconds. Look at the exporter's log, or acquire another exporter.",
            str(info.value),
        )

    def test_started_anew(self, peer, client):
        peer.start_exporter()
        wait_until(lambda: _works(client), "the exporter is used again", 20)
        assert client.faults.call("same", [1, 2.5]) == [1, 2.5]

    def test_killed_at_the_end(self, peer, client):
        client.power.off()
        peer.kill_exporter()
