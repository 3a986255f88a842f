"""A router and a controller that misbehave, and wrong tokens and certificates."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.errors import InfrastructureError, LinkError, OperationTimeout
from JumpstarterLibrary.lab import VirtualLab
from JumpstarterLibrary.lab.router import WAITING
from JumpstarterLibrary.protocol import RouterStub, common_pb2, jumpstarter_pb2

Eventually = Callable[[Callable[[], object]], None]
Failing = Callable[[Callable[[], object]], tuple[str, str]]
Ready = Callable[..., str]


# The router


def test_tunnels_break(lab: VirtualLab, device: LeasedDevice, eventually: Eventually) -> None:
    (before,) = lab.router.tunnels()
    lab.inject("router", "drop")
    eventually(lambda: before.stream_id not in [tunnel.stream_id for tunnel in lab.router.tunnels()])
    _works_again(device)


def test_tunnels_fall_silent(lab: VirtualLab, device: LeasedDevice) -> None:
    lab.inject("router", "drop", how="silent")
    with pytest.raises(OperationTimeout, match="did not finish within"):
        device.client.power.on(timeout=0.1)
    assert len(lab.router.tunnels()) == 1
    lab.inject("router", "drop")
    _works_again(device)


def test_tunnels_are_refused(lab: VirtualLab, observer: Any, ready: Ready, failing: Failing) -> None:
    name = ready()
    with lab.inject("router", "refuse"):
        assert failing(lambda: _join(lab, observer.dial(name))) == ("UNAUTHENTICATED", "invalid jwt token")
    with lab.inject("router", "refuse", code="UNAVAILABLE", details="later"):
        assert failing(lambda: _join(lab, observer.dial(name))) == ("UNAVAILABLE", "later")
    observer.delete(name)
    assert lab.leaks() == []


def test_the_two_sides_never_meet(
    lab: VirtualLab, leasing: Any, during: Any, eventually: Eventually, clock: MovableClock
) -> None:
    def lease() -> None:
        with leasing(timeout=60):
            pytest.fail("they have met")

    fault = lab.inject("router", "never-pair")
    join = during(lease)
    eventually(lambda: lab.journal.open.get(WAITING) == 2)
    clock.advance(60)
    with pytest.raises(InfrastructureError, match="did not answer within 60 seconds"):
        join()
    fault.clear()
    with leasing() as device:
        device.client.power.on()
    assert lab.leaks() == []


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("slow", {"delay": "100 ms", "rate": "1 MiB"}),
        ("rechunk", {"size": 7}),
        ("empty-frames", {}),
        ("odd-frames", {}),
        ("half-open", {"mode": "clean"}),
    ],
)
def test_whatever_becomes_of_frames_the_bytes_arrive(
    lab: VirtualLab, device: LeasedDevice, tmp_path: Any, fault: str, options: dict[str, Any]
) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(range(256)) * 20)
    with lab.inject("router", fault, **options):
        device.client.storage.write_local_file(image)
        board = lab.exporters["virtual-1"].driver
        assert board is not None
        medium: Any = board.children["storage"]
        assert medium.medium.file().read_bytes() == image.read_bytes()
    assert vars(lab.router.behaviour) == vars(type(lab.router.behaviour)())


def test_a_survivor_is_told(lab: VirtualLab, device: LeasedDevice, eventually: Eventually) -> None:
    with lab.inject("router", "half-open", mode="clean"), lab.inject("exporter", "crash"):
        eventually(lambda: not lab.router.tunnels())


@pytest.mark.parametrize(("fault", "ends"), [("down", True), ("restart", False)])
def test_the_router_goes_and_comes_back(
    lab: VirtualLab, device: LeasedDevice, eventually: Eventually, fault: str, ends: bool
) -> None:
    injected = lab.inject("router", fault)
    if ends:
        assert not _listens(lab.router.endpoint)
        injected.clear()
    eventually(lambda: _listens(lab.router.endpoint))
    _works_again(device)


# The controller


@pytest.mark.parametrize("fault", ["down", "restart"])
def test_the_controller_goes_and_comes_back(
    lab: VirtualLab, observer: Any, device: LeasedDevice, eventually: Eventually, fault: str
) -> None:
    injected = lab.inject("controller", fault)
    if fault == "down":
        assert not _listens(lab.endpoint)
        device.client.power.on()
        injected.clear()
    eventually(lambda: lab.open().get("listens") == 1)
    eventually(lambda: lab.open().get("controller streams") == 2)
    assert [lease.ended for lease in lab.leases()] == [False]
    device.client.power.on()


NOT_INITIALIZED = "UNKNOWN", "oidc: authenticator not initialized"
"""What a real controller answers in the first seconds after its start."""


def test_the_controller_has_just_started(lab: VirtualLab, observer: Any, failing: Failing) -> None:
    with lab.inject("controller", "starting"):
        assert failing(observer.exporters) == NOT_INITIALIZED
    observer.exporters()


def test_the_controller_restarts_and_accepts_no_exporter_at_first(
    lab: VirtualLab, observer: Any, eventually: Eventually
) -> None:
    def refused() -> bool:
        """Whether an exporter was, when it came back."""
        return any(entry.code is grpc.StatusCode.UNKNOWN for entry in lab.journal.entries("ControllerService"))

    def accepted() -> bool:
        with suppress(grpc.RpcError):
            observer.exporters()
            return True
        return False

    lab.inject("controller", "restart", starting=10)
    assert refused()
    eventually(accepted)
    eventually(lambda: lab.open().get("controller streams") == 2)


def test_the_controller_says_nothing(lab: VirtualLab) -> None:
    host, _, port = lab.endpoint.rpartition(":")
    with lab.inject("controller", "silent"), socket.create_connection((host, int(port)), 1) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"hello")
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert _listens(lab.endpoint)


def test_the_controller_has_no_address(lab: VirtualLab) -> None:
    with lab.inject("controller", "unknown-host"):
        assert lab.client_config()["endpoint"] == lab.endpoint == "no-such-host.invalid:8082"
    assert lab.client_config()["endpoint"] == lab.controller.endpoint


def test_answers_take_their_time(lab: VirtualLab, observer: Any) -> None:
    with lab.inject("controller", "slow", rpc="ListExporters", delay=1):
        observer.exporters()
        observer.create(name="mine")
    (slow,) = lab.journal.entries("ClientService", "ListExporters")
    (quick,) = lab.journal.entries("ClientService", "CreateLease")
    assert slow.seconds is not None
    assert quick.seconds is not None
    assert quick.seconds < 0.1 <= slow.seconds


def test_rpcs_fail(lab: VirtualLab, observer: Any, observing: Any, failing: Failing) -> None:
    lab.inject("controller", "fail", rpc="ListExporters", code="internal", details="no", times=1, caller="tester")
    observing(lab, "other").exporters()
    assert failing(observer.exporters) == ("INTERNAL", "no")
    observer.exporters()
    with lab.inject("controller", "fail"):
        assert failing(observer.exporters) == ("UNAVAILABLE", "the lab refuses on request")
    observer.exporters()


def test_answers_are_lost(lab: VirtualLab, observer: Any, failing: Failing) -> None:
    lab.inject("controller", "lose-reply")
    assert failing(lambda: observer.create(name="mine")) == ("UNAVAILABLE", "the answer was lost")
    assert [lease.name for lease in lab.leases()] == ["mine"]
    details = 'leases.jumpstarter.dev "mine" already exists'
    assert failing(lambda: observer.create(name="mine")) == ("UNKNOWN", details)


def test_two_faults_of_one_rpc(lab: VirtualLab, observer: Any, failing: Failing) -> None:
    with (
        lab.inject("controller", "slow", rpc="ListExporters", delay=0.5),
        lab.inject("controller", "fail", rpc="ListExporters"),
    ):
        assert failing(observer.exporters)[0] == "UNAVAILABLE"
    (call,) = lab.journal.entries("ClientService", "ListExporters")
    assert call.seconds is not None
    assert call.seconds >= 0.05


def test_an_old_controller(lab: VirtualLab, leasing: Any, eventually: Eventually) -> None:
    with lab.inject("controller", "old"):
        eventually(lambda: lab.controller.exporter("virtual-1").online)
        with leasing() as device:
            device.client.power.on()
        codes = {call.code.name for call in lab.journal.entries(method="ReportStatus") if call.code is not None}
        assert codes == {"OK", "UNIMPLEMENTED"}
    available = common_pb2.EXPORTER_STATUS_AVAILABLE
    eventually(lambda: lab.controller.exporter("virtual-1").status == available)


# Tokens and certificates


@pytest.mark.parametrize(
    ("fault", "code", "details"),
    [
        ("expire", "UNKNOWN", "oidc: verify token: oidc: token is expired"),
        ("invalid", "UNKNOWN", "oidc: verify token: failed to verify signature"),
        ("wrong-kind", "INVALID_ARGUMENT", "object kind mismatch"),
        ("wrong-namespace", "PERMISSION_DENIED", "namespace mismatch"),
    ],
)
def test_tokens(lab: VirtualLab, observing: Any, failing: Failing, fault: str, code: str, details: str) -> None:
    mine, other = observing(lab, "tester"), observing(lab, "other")
    injected = lab.inject("token", fault, name="tester")
    assert failing(mine.exporters) == (code, details)
    other.exporters()
    injected.clear()
    mine.exporters()


@pytest.mark.parametrize("fault", ["expire", "invalid"])
def test_new_tokens_are_good(lab: VirtualLab, observing: Any, failing: Failing, fault: str) -> None:
    before = observing(lab)
    with lab.inject("token", fault):
        assert failing(before.exporters)[0] == "UNKNOWN"
        observing(lab).exporters()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("unknown-ca", "unable to get local issuer certificate"),
        ("wrong-name", "IP address mismatch"),
        ("expired", "certificate has expired"),
    ],
)
def test_certificates(lab: VirtualLab, fault: str, expected: str) -> None:
    for server, endpoint in (("controller", lab.endpoint), ("router", lab.router.endpoint)):
        assert _handshake(endpoint, lab.ca) == "OK"
        with lab.inject("tls", fault, server=server):
            assert expected in _handshake(endpoint, lab.ca)
        assert _handshake(endpoint, lab.ca) == "OK"


def test_no_certificates(lab: VirtualLab) -> None:
    with lab.inject("tls", "plaintext", server="both"):
        for endpoint in (lab.endpoint, lab.router.endpoint):
            assert _handshake(endpoint, lab.ca) not in ("OK", "")
    assert _handshake(lab.endpoint, lab.ca) == _handshake(lab.router.endpoint, lab.ca) == "OK"


def _works_again(device: LeasedDevice) -> None:
    """Use a device whose tunnel broke: what is on its way when that is noticed fails."""
    with suppress(LinkError):
        device.client.power.off()
    device.client.power.off()


def _join(lab: VirtualLab, answer: jumpstarter_pb2.DialResponse) -> None:
    """Open a client's end of a tunnel, and wait for what comes."""
    credentials = grpc.ssl_channel_credentials(lab.ca)
    with grpc.secure_channel(answer.router_endpoint, credentials) as channel:
        metadata = (("authorization", f"Bearer {answer.router_token}"),)
        next(RouterStub(channel).stream(iter(()), metadata=metadata, timeout=5))


def _handshake(endpoint: str, ca: bytes) -> str:
    """Return how a TLS handshake ends."""
    host, _, port = endpoint.rpartition(":")
    context = ssl.create_default_context(cadata=ca.decode())
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((host, int(port)), 5) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return "OK"
    except (OSError, ssl.SSLError) as error:
        return str(error)


def _listens(endpoint: str) -> bool:
    host, _, port = endpoint.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), 5):
            return True
    except ConnectionRefusedError:
        return False
