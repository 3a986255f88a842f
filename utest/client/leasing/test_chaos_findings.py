"""What randomised runs have found, each as a test of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.leasing import exit_cleanup
from JumpstarterLibrary.client.leasing.refusals import Peer, transport_error
from JumpstarterLibrary.errors import ControllerUnreachable, LeaseError, LeaseExpired, TlsError
from JumpstarterLibrary.lab.model import AVAILABLE

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
    exit_cleanup.release_all()
    assert rig.active() == []


def test_an_exporter_that_kept_its_status_to_itself_is_free_in_the_end(
    rig: Any, eventually: Callable[[Callable[[], object]], None]
) -> None:
    device = rig.lease()
    record = rig.lab.controller.exporter
    with rig.lab.inject("exporter", "stuck-available"):
        assert rig.service.release(device) is True
        eventually(lambda: rig.lab.exporters["b1"].session is None)
    eventually(lambda: record("b1").status == AVAILABLE)
    assert rig.lease().lease.exporter == "b1"


def test_an_exporter_that_goes_while_its_session_ends_leaves_no_tunnel(rig: Any) -> None:
    device = rig.lease()
    rig.lab.router.drop(how="silent")
    rig.lab.controller.release(device.lease.name)
    exporter = rig.lab.exporters["b1"]
    while exporter.session is not None:
        threading.Event().wait(0.002)
    exporter.crash()
    device.close()
    assert rig.lab.leaks() == []
    exporter.start()


def test_a_lease_that_ends_while_it_is_extended_is_not_extended(
    rig: Any,
    seconds: Callable[[float], Any],
    during: Callable[[Callable[[], object]], Callable[[], Any]],
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    lease = rig.only_lease()
    fault = rig.hold("UpdateLease")
    join = during(lambda: lease.extend(seconds(60)))
    eventually(lambda: fault.hits)
    rig.lab.controller.expire(lease.name)
    fault.clear()
    with pytest.raises(LeaseExpired, match=rf"^Lease '{lease.name}' of exporter 'b1' has expired at "):
        join()


def test_a_request_whose_answer_broke_on_its_way_is_taken_back(rig: Any) -> None:
    rig.fault(
        "CreateLease", when="after", code=grpc.StatusCode.INTERNAL, details="RST_STREAM with error code 2", times=1
    )
    with pytest.raises(LeaseError, match=r"^The controller .* refused a lease of selector 'board=b': RST_STREAM"):
        rig.lease()
    assert rig.codes("DeleteLease") == ["OK"]
    assert rig.active() == []
