"""What randomised runs have found, each as a test of its own."""

from __future__ import annotations

from typing import Any

import pytest

from JumpstarterLibrary.client.leasing import last_resort
from JumpstarterLibrary.client.leasing.refusals import Peer, transport_error
from JumpstarterLibrary.errors import ControllerUnreachable, TlsError

PEER = Peer("controller", "lab.example:8082", "default/tester", "the test")
LAST = "failed to connect to all addresses; last error: {}: ipv4:127.0.0.1:8082: {}"


@pytest.mark.parametrize(
    "details", ["Handshake read failed (Socket closed)", "Handshake read failed (Connection reset by peer)"]
)
def test_a_connection_that_closes_in_its_handshake_is_no_trouble_with_tls(details: str) -> None:
    error = transport_error(LAST.format("UNAVAILABLE", details), PEER)
    assert type(error) is ControllerUnreachable
    assert str(error) == (
        "The controller lab.example:8082 cannot be reached: the connection was closed. Check the endpoint of the "
        "client configuration (the test) and the network."
    )


def test_a_handshake_that_fails_is_trouble_with_tls() -> None:
    details = "Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:100000f7: WRONG_VERSION_NUMBER"
    error: Any = transport_error(LAST.format("UNKNOWN", details), PEER)
    assert type(error) is TlsError
    assert str(error).startswith("The secure connection to controller lab.example:8082 could not be made: it does not ")


def test_whoever_only_attached_to_a_lease_does_not_forget_it(rig: Any) -> None:
    device = rig.lease()
    attached = rig.service_of(rig.settings).attach(device.lease.name, 10)
    assert rig.service.release(attached) is True
    last_resort.release_all()
    assert rig.active() == []
