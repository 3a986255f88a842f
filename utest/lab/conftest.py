"""A controller over real TLS sockets, and its callers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.controller import MockController
from JumpstarterLibrary.lab.features import RouterEntry
from JumpstarterLibrary.protocol import ClientStub, ControllerStub, client_pb2, common_pb2, jumpstarter_pb2

DEADLINE_S = 30
START = datetime(2030, 1, 1, tzinfo=UTC)
PARENT = "namespaces/default"
ROUTER = RouterEntry("router.example:8083")


def until(condition: Callable[[], Any]) -> Any:
    """Return what a condition gives, as soon as that is true."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return found


class Peer:
    """Somebody with a token."""

    def __init__(self, channel: grpc.Channel, kind: str, name: str, token: str) -> None:
        self.name = name
        self.token = token
        self.metadata = (
            ("authorization", f"Bearer {token}"),
            ("jumpstarter-kind", kind),
            ("jumpstarter-namespace", "default"),
            ("jumpstarter-name", name),
        )
        self.controller_stub = ControllerStub(channel)
        self.client_stub = ClientStub(channel)

    def call(self, method: Any, request: Any, **changes: str) -> Any:
        """Call an RPC; ``changes`` exchange metadata, underscores standing for dashes."""
        metadata = [(key, changes.get(key.replace("-", "_"), value)) for key, value in self.metadata]
        return method(request, metadata=metadata, timeout=DEADLINE_S)


class ClientPeer(Peer):
    """A client."""

    def create(
        self,
        selector: str = "board=rpi4",
        *,
        name: str = "",
        seconds: float | None = 3600,
        parent: str = PARENT,
        begin: datetime | None = None,
        end: datetime | None = None,
        **fields: Any,
    ) -> client_pb2.Lease:
        lease = self.wish(seconds, begin, end)
        lease.MergeFrom(client_pb2.Lease(selector=selector, **fields))
        return self.call(
            self.client_stub.create_lease,
            client_pb2.CreateLeaseRequest(parent=parent, lease_id=name, lease=lease),
        )

    @staticmethod
    def wish(
        seconds: float | None = None, begin: datetime | None = None, end: datetime | None = None
    ) -> client_pb2.Lease:
        lease = client_pb2.Lease()
        if seconds is not None:
            lease.duration.FromNanoseconds(int(seconds * 1e9))
        if begin is not None:
            lease.begin_time.FromDatetime(begin)
        if end is not None:
            lease.end_time.FromDatetime(end)
        return lease

    def update(self, name: str, lease: client_pb2.Lease) -> client_pb2.Lease:
        lease.name = f"{PARENT}/leases/{name}"
        return self.call(self.client_stub.update_lease, client_pb2.UpdateLeaseRequest(lease=lease))

    def get(self, name: str) -> client_pb2.Lease:
        return self.call(self.client_stub.get_lease, client_pb2.GetLeaseRequest(name=f"{PARENT}/leases/{name}"))

    def delete(self, name: str) -> None:
        self.call(self.client_stub.delete_lease, client_pb2.DeleteLeaseRequest(name=f"{PARENT}/leases/{name}"))

    def leases(self, **fields: Any) -> list[str]:
        request = client_pb2.ListLeasesRequest(parent=PARENT, **fields)
        return [lease.name.rpartition("/")[2] for lease in self.call(self.client_stub.list_leases, request).leases]

    def exporters(self, **fields: Any) -> client_pb2.ListExportersResponse:
        return self.call(self.client_stub.list_exporters, client_pb2.ListExportersRequest(parent=PARENT, **fields))

    def exporter(self, name: str, **fields: Any) -> client_pb2.Exporter:
        request = client_pb2.GetExporterRequest(name=f"{PARENT}/exporters/{name}", **fields)
        return self.call(self.client_stub.get_exporter, request)

    def dial(self, lease: str) -> jumpstarter_pb2.DialResponse:
        return self.call(self.controller_stub.dial, jumpstarter_pb2.DialRequest(lease_name=lease))

    def until(self, name: str, kind: str, reason: str) -> client_pb2.Lease:
        """Return a lease as soon as a condition has a reason."""

        def look() -> client_pb2.Lease | None:
            lease = self.get(name)
            found = any(one.type == kind and one.reason == reason for one in lease.conditions)
            return lease if found else None

        lease: client_pb2.Lease = until(look)
        return lease


class ExporterPeer(Peer):
    """An exporter."""

    def register(self, *, reports: int = 1, labels: Mapping[str, str] | None = None) -> str:
        request = jumpstarter_pb2.RegisterRequest(
            labels=labels or {"jumpstarter.dev/name": self.name},
            reports=[jumpstarter_pb2.DriverInstanceReport(uuid=str(number)) for number in range(reports)],
        )
        uuid: str = self.call(self.controller_stub.register, request).uuid
        return uuid

    def unregister(self, reason: str = "Exporter shutdown") -> None:
        self.call(self.controller_stub.unregister, jumpstarter_pb2.UnregisterRequest(reason=reason))

    def report(self, status: str, message: str = "", *, release: bool | None = None) -> None:
        number = common_pb2.ExporterStatus.Value(f"EXPORTER_STATUS_{status}")
        request = jumpstarter_pb2.ReportStatusRequest(status=number, message=message, release_lease=release)
        self.call(self.controller_stub.report_status, request)

    def come(self, status: str = "AVAILABLE") -> ExporterPeer:
        """Register and say that it is there."""
        self.register()
        self.report(status)
        return self

    def status(self) -> Any:
        return self.call(self.controller_stub.status, jumpstarter_pb2.StatusRequest())

    def listen(self, lease: str) -> Any:
        return self.call(self.controller_stub.listen, jumpstarter_pb2.ListenRequest(lease_name=lease))

    def release(self, lease: str) -> None:
        self.call(self.controller_stub.release_lease, jumpstarter_pb2.ReleaseLeaseRequest(name=lease))


class Lab:
    """A controller that serves, and a channel to it."""

    def __init__(self, controller: MockController, channel: grpc.Channel) -> None:
        self.controller = controller
        self.channel = channel
        self.clock = controller.clock

    def client(self, name: str = "alice", labels: Mapping[str, str] | None = None) -> ClientPeer:
        return ClientPeer(self.channel, "Client", name, self.controller.add_client(name, labels))

    def exporter(
        self, name: str = "board1", labels: Mapping[str, str] | None = None, *, enabled: bool = True
    ) -> ExporterPeer:
        wanted = {"board": "rpi4"} if labels is None else labels
        token = self.controller.add_exporter(name, wanted, enabled=enabled)
        return ExporterPeer(self.channel, "Exporter", name, token)


@contextmanager
def _serving(**options: Any) -> Iterator[Lab]:
    options.setdefault("clock", Clock(scale=0, start=START))
    options.setdefault("routers", [ROUTER])
    with MockController(**options) as controller:
        credentials = grpc.ssl_channel_credentials(controller.ca)
        with grpc.secure_channel(controller.endpoint, credentials) as channel:
            yield Lab(controller, channel)
    assert controller.journal.open.keys() <= {"leases"}, "calls or streams survived the controller"


@pytest.fixture
def serve() -> Iterator[Callable[..., Lab]]:
    """Start a controller with options of ``MockController``: ``lab = serve(features=…)``. Its clock stands still."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(_serving(**options))


@pytest.fixture
def lab(serve: Callable[..., Lab]) -> Lab:
    """A controller without special options."""
    return serve()


@pytest.fixture
def failing() -> Callable[[Callable[[], object]], tuple[str, str]]:
    """Return code and details of the status with which an RPC fails."""

    def fail(function: Callable[[], object]) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as info:
            function()
        error: Any = info.value
        return error.code().name, error.details()

    return fail


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Return what a condition gives, as soon as that is true."""
    return until
