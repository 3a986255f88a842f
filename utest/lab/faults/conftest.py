"""A lab in which things go wrong, somebody who sees it on the wire, and a device that is leased from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab
from JumpstarterLibrary.protocol import ClientStub, ControllerStub, client_pb2, jumpstarter_pb2

LIMIT_S = 10
PARENT = "namespaces/default"


class Observer:
    """A client on the wire, without the library's client in between."""

    def __init__(self, lab: VirtualLab, channel: grpc.Channel, name: str) -> None:
        token = lab.client_config(name)["token"]
        self._metadata = (
            ("authorization", f"Bearer {token}"),
            ("jumpstarter-kind", "Client"),
            ("jumpstarter-namespace", lab.namespace),
            ("jumpstarter-name", name),
        )
        self._client = ClientStub(channel)
        self._controller = ControllerStub(channel)

    def create(self, selector: str = "board=virtual", name: str = "", seconds: int = 3600) -> str:
        request = client_pb2.CreateLeaseRequest(parent=PARENT, lease_id=name)
        request.lease.selector = selector
        request.lease.duration.seconds = seconds
        answer = self._client.create_lease(request, metadata=self._metadata, timeout=LIMIT_S)
        return str(answer.name.rpartition("/")[2])

    def get(self, name: str) -> client_pb2.Lease:
        request = client_pb2.GetLeaseRequest(name=f"{PARENT}/leases/{name}")
        return self._client.get_lease(request, metadata=self._metadata, timeout=LIMIT_S)

    def delete(self, name: str) -> None:
        request = client_pb2.DeleteLeaseRequest(name=f"{PARENT}/leases/{name}")
        self._client.delete_lease(request, metadata=self._metadata, timeout=LIMIT_S)

    def exporters(self, **fields: Any) -> client_pb2.ListExportersResponse:
        request = client_pb2.ListExportersRequest(parent=PARENT, **fields)
        return self._client.list_exporters(request, metadata=self._metadata, timeout=LIMIT_S)

    def dial(self, lease: str) -> jumpstarter_pb2.DialResponse:
        request = jumpstarter_pb2.DialRequest(lease_name=lease)
        return self._controller.dial(request, metadata=self._metadata, timeout=LIMIT_S)


@pytest.fixture
def wishes() -> int | list[LabExporter]:
    """The exporters of the lab. Test modules may have others."""
    return 2


@pytest.fixture
def lab(wishes: int | list[LabExporter], nothing_left: None) -> Iterator[VirtualLab]:
    """Two virtual boards, or what else is wished. Ten of the lab's seconds are one of ours."""
    with VirtualLab(wishes, clients={"tester": {}, "other": {}}, clock=Clock(scale=10)) as lab:
        yield lab


@pytest.fixture
def observing() -> Iterator[Callable[..., Observer]]:
    """Return somebody who calls a lab's controller directly."""
    with ExitStack() as stack:

        def observe(lab: VirtualLab, name: str = "tester") -> Observer:
            credentials = grpc.ssl_channel_credentials(lab.ca)
            # A controller that was away is to be found again at once.
            options = (("grpc.max_reconnect_backoff_ms", 100), ("grpc.use_local_subchannel_pool", 1))
            channel = stack.enter_context(grpc.secure_channel(lab.endpoint, credentials, options=options))
            return Observer(lab, channel, name)

        yield observe


@pytest.fixture
def observer(lab: VirtualLab, observing: Callable[..., Observer]) -> Observer:
    """Somebody who calls the lab's controller directly."""
    return observing(lab)


@pytest.fixture
def ready(lab: VirtualLab, observer: Observer, eventually: Any) -> Callable[..., str]:
    """Make a lease of a board, and return its name when the exporter serves it."""

    def make(selector: str = "number=1") -> str:
        name = observer.create(selector)
        eventually(lambda: lab.controller.lease(name).exporter)
        exporter = lab.exporters[lab.controller.lease(name).exporter or ""]
        eventually(lambda: exporter.session is not None and exporter.session.status().message == "Ready for commands")
        return name

    return make


@pytest.fixture
def failing() -> Callable[[Callable[[], object]], tuple[str, str]]:
    """Call something, and return code and details of the RPC error that it raises."""

    def fail(function: Callable[[], object]) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as info:
            function()
        error: Any = info.value
        return error.code().name, error.details()

    return fail


@pytest.fixture
def leasing(lab: VirtualLab) -> Any:
    """Lease a device while the block runs."""

    @contextmanager
    def lease(selector: str = "number=1", timeout: float = LIMIT_S) -> Iterator[LeasedDevice]:
        config = lab.client_config()
        found = ClientSettings(
            namespace=lab.namespace,
            name="tester",
            endpoint=config["endpoint"],
            token=config["token"],
            ca=lab.ca,
        )
        service = LeaseService(lambda: found)
        try:
            device = service.lease(LeaseRequest(selector=selector), timeout)
            try:
                yield device
            finally:
                service.release(device)
        finally:
            service.close()

    return lease


@pytest.fixture
def device(leasing: Any) -> Iterator[LeasedDevice]:
    """The first board, leased."""
    with leasing() as device:
        yield device
