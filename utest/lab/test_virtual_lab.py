"""The whole lab, over real sockets, with the library's own client."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.client.leasing.device import LeasedDevice
from JumpstarterLibrary.client.leasing.service import LeaseService
from JumpstarterLibrary.client.settings import find_settings
from JumpstarterLibrary.errors import ConfigurationError, LinkError, UsageError
from JumpstarterLibrary.exporter import Driver, ExporterConfigV1Alpha1
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.hosting import LoopThread
from JumpstarterLibrary.exporter.leasing import ControllerAccess, LeasedExporter
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab
from JumpstarterLibrary.lab.exporters import virtual_boards
from JumpstarterLibrary.lab.policies import AccessRule, ExporterAccessPolicy
from JumpstarterLibrary.lab.tokens import TokenIssuer
from JumpstarterLibrary.protocol import ClientStub, client_pb2

LIMIT_S = 10

Leasing = Callable[..., AbstractContextManager[LeasedDevice]]
Eventually = Callable[[Callable[[], object]], None]

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def private(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for whatever is temporary."""
    place = tmp_path_factory.mktemp("t")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.fixture
def leasing(tmp_path: Path) -> Leasing:
    """Lease a device from a lab, as its configuration files say, while the block runs."""

    @contextmanager
    def lease(lab: VirtualLab, selector: str = "board=virtual") -> Iterator[LeasedDevice]:
        environ = lab.environment(tmp_path / "config")
        service = LeaseService(lambda: find_settings(environ=environ))
        device = service.lease(LeaseRequest(selector=selector), LIMIT_S)
        try:
            yield device
        finally:
            service.release(device)
            service.close()

    return lease


def test_boards_are_there_as_soon_as_it_is(leasing: Leasing, private: Path) -> None:
    with VirtualLab() as lab:
        assert {name: lab.controller.exporter(name).labels for name in lab.exporters} == {
            f"virtual-{number}": {"board": "virtual", "number": str(number)} for number in (1, 2, 3, 4)
        }
        with leasing(lab, "board=virtual,number=3") as device:
            device.client.power.on()
            (lease,) = lab.leases()
            assert (lease.exporter, lease.client, lease.ended) == ("virtual-3", "tester", False)
            gauges = lab.open()
            assert {name: gauges[name] for name in ("leases", "tunnels", "sessions", "controller streams")} == {
                "leases": 1,
                "tunnels": 1,
                "sessions": 1,
                "controller streams": 4,
            }
            assert set(lab.leaks(settle=0)) >= {"1 leases", "1 listens", "1 sessions"}
            assert lab.open()["tunnels"] == 1
        assert lab.leaks() == []
        assert lab.exporters["virtual-3"].session is None
    assert list(private.iterdir()) == []


def test_each_lease_gets_a_fresh_board(leasing: Leasing) -> None:
    with VirtualLab(exporters=1) as lab:
        boards = []
        for _ in range(2):
            with leasing(lab) as device:
                device.client.power.on()
                board = lab.exporters["virtual-1"].driver
                assert board is not None
                boards.append(board)
            assert lab.leaks() == []
        assert boards[0].uuid != boards[1].uuid


def test_it_ends_at_once_with_everything_running(private: Path, tmp_path: Path, eventually: Eventually) -> None:
    hook = HookInstanceConfigV1Alpha1(script=f"trap '' TERM HUP; echo $$ > {tmp_path}/pid; sleep 60")
    hooked = LabExporter(name="hooked", labels={"board": "hooked"}, before_lease=hook)
    with VirtualLab([hooked, *virtual_boards(1)]) as lab, _channel(lab) as (stub, metadata):
        for board in ("hooked", "virtual"):
            _create(stub, metadata, f"board={board}")
        eventually((tmp_path / "pid").exists)
        eventually(lambda: lab.open().get("sessions") == 2)
    # The hook was killed, and not waited for.
    assert list(private.iterdir()) == []
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_hundreds_of_boards_and_leases(eventually: Eventually) -> None:
    # Hundreds of anything take some seconds.
    number = 200
    with VirtualLab(exporters=number) as lab, _channel(lab) as (stub, metadata):
        names = [_create(stub, metadata) for _ in range(number)]
        eventually(lambda: lab.open().get("sessions") == number)
        assert {lease.exporter for lease in lab.leases()} == set(lab.exporters)
        for name in names:
            stub.delete_lease(
                client_pb2.DeleteLeaseRequest(name=f"namespaces/default/leases/{name}"),
                metadata=metadata,
                timeout=LIMIT_S,
            )
        assert lab.leaks(settle=LIMIT_S) == []


def test_exporters_as_they_are_described(leasing: Leasing) -> None:
    wish = LabExporter(
        name="bench-7",
        labels={"board": "rpi4"},
        driver=MockPower,
        before_lease=HookInstanceConfigV1Alpha1(script="echo from the hook >> $JMP_MOTD_FILE"),
        motd="Handle with care.",
    )
    disabled = LabExporter(name="bench-8", labels={"board": "rpi4"}, enabled=False)
    with VirtualLab([disabled, wish]) as lab, leasing(lab, "board=rpi4") as device:
        assert device.motd == "Handle with care.\nfrom the hook"
        device.client.on()
        assert isinstance(lab.exporters["bench-7"].driver, MockPower)


def test_a_place_for_an_exporter_from_elsewhere(leasing: Leasing, tmp_path: Path, eventually: Eventually) -> None:
    place = LabExporter(name="theirs", labels={"board": "theirs"}, register=False)
    with VirtualLab([place]) as lab:
        assert not lab.exporters["theirs"].alive
        power = {"type": "jumpstarter_driver_power.driver.MockPower"}
        path = lab.write_exporter_config(tmp_path / "theirs.yaml", "theirs", {"power": power})
        assert path.stat().st_mode & 0o777 == 0o600
        config = ExporterConfigV1Alpha1.load(path)
        thread = LoopThread("theirs")
        try:
            exporter = _exporter(thread, config)
            running = thread.start(exporter.run())
            eventually(lambda: lab.controller.exporter("theirs").online)
            with leasing(lab, "board=theirs") as device:
                device.client.power.on()
            assert lab.leaks() == []
            thread.run(exporter.stop())
            assert running.result(LIMIT_S) == 0
        finally:
            thread.stop()


def _exporter(thread: LoopThread, config: ExporterConfigV1Alpha1) -> LeasedExporter:
    async def make() -> LeasedExporter:
        return LeasedExporter(ControllerAccess.from_config(config, {}), config.instantiate)

    return thread.run(make())


def test_configuration_files(tmp_path: Path) -> None:
    with VirtualLab(exporters=0, clients={"alice": {"team": "qa"}, "bob": {}}, namespace="lab") as lab:
        config = lab.client_config("alice")
        assert {key: value for key, value in config.items() if key not in ("token", "tls")} == {
            "apiVersion": "jumpstarter.dev/v1alpha1",
            "kind": "ClientConfig",
            "metadata": {"namespace": "lab", "name": "alice"},
            "endpoint": lab.endpoint,
            "drivers": {"allow": [], "unsafe": True},
        }
        assert list(config["tls"]) == ["ca"]
        home = tmp_path / "deep" / "home"
        bob = lab.write_client_config(home, "bob")
        alice = lab.write_client_config(home, "alice", current=False)
        assert (alice, bob) == (home / "clients" / "alice.yaml", home / "clients" / "bob.yaml")
        assert yaml.safe_load(bob.read_text())["metadata"] == {"namespace": "lab", "name": "bob"}
        assert {path.stat().st_mode & 0o777 for path in (alice, bob)} == {0o600}
        assert yaml.safe_load((home / "config.yaml").read_text()) == {
            "apiVersion": "jumpstarter.dev/v1alpha1",
            "kind": "UserConfig",
            "config": {"current-client": "bob"},
        }
        assert sorted(path.name for path in home.rglob("*")) == ["alice.yaml", "bob.yaml", "clients", "config.yaml"]
        assert lab.environment(home, "alice") == {"JMP_CLIENT_CONFIG_HOME": str(home)}
        found = find_settings(environ={"JMP_CLIENT_CONFIG_HOME": str(home)})
        assert (found.name, found.endpoint, found.ca) == ("alice", lab.endpoint, lab.ca)
        with pytest.raises(UsageError, match=re.escape("There is no client 'carol'. There is: alice, bob.")):
            lab.client_config("carol")


def test_certificates_that_vouch_for_themselves(leasing: Leasing) -> None:
    with VirtualLab(exporters=1, tls="self-signed") as lab:
        assert lab.client_config()["tls"] == {"insecure": True}
        with leasing(lab) as device:
            device.client.power.on()


def test_policies_and_clients(eventually: Eventually) -> None:
    policy = ExporterAccessPolicy(rules=[AccessRule(clients=["team=qa"])])
    clients = {"alice": {"team": "qa"}, "bob": {}}
    with VirtualLab(exporters=1, clients=clients, policies=[policy]) as lab:
        assert lab.controller.state.clients["alice"].labels == {"team": "qa"}
        reasons = {}
        for name in clients:
            with _channel(lab, name) as (stub, metadata):
                lease = _create(stub, metadata)
            eventually(lambda lease=lease: lab.controller.lease(lease).conditions)  # type: ignore[misc]
            reasons[name] = lab.controller.lease(lease).conditions[0].reason
        assert reasons == {"alice": "Ready", "bob": "NoAccess"}


def test_lab_time_can_run_faster(leasing: Leasing, eventually: Eventually) -> None:
    clock = Clock(scale=100)
    with VirtualLab(exporters=1, clock=clock, assignment_delay=5) as lab, leasing(lab) as device:
        assert clock.seconds() > 5
        clock.advance(3600)
        eventually(lambda: lab.controller.lease(device.lease.name).ended)
        assert lab.controller.lease(device.lease.name).conditions[-1].reason == "Expired"


def test_two_labs_side_by_side(leasing: Leasing) -> None:
    with VirtualLab(exporters=1) as one, VirtualLab(exporters=1) as other, leasing(one):
        assert (len(one.leases()), len(other.leases())) == (1, 0)


def test_acts_on_an_exporter(leasing: Leasing, eventually: Eventually) -> None:
    with VirtualLab(exporters=2) as lab:
        exporter = lab.exporters["virtual-1"]
        assert repr(exporter) == "<exporter virtual-1>"
        with leasing(lab, "number=1") as device:
            exporter.crash()
            assert (exporter.alive, exporter.session, exporter.driver) == (False, None, None)
            assert lab.controller.exporter("virtual-1").online
            exporter.start()
            eventually(lambda: exporter.session)
            with suppress(LinkError):
                device.client.power.off()
            device.client.power.off()
            exporter.pause()
            exporter.resume()
            device.client.power.off()
        assert lab.leaks() == []
        exporter.stop()
        eventually(lambda: not lab.controller.exporter("virtual-1").online)
        exporter.restart()
        eventually(lambda: lab.controller.exporter("virtual-1").online)


def test_an_exporter_that_cannot_begin(private: Path) -> None:
    def broken() -> Driver:
        raise ConfigurationError("the board is not plugged in")

    with pytest.raises(ConfigurationError, match=r"^the board is not plugged in$"):
        VirtualLab([LabExporter(name="bench-7"), LabExporter(name="bench-8", driver=broken)]).__enter__()
    assert list(private.iterdir()) == []


def test_a_port_that_is_taken() -> None:
    with VirtualLab(exporters=0) as lab:
        port = int(lab.endpoint.rpartition(":")[2])
        text = f"The controller cannot listen on 127.0.0.1:{port}. Is the port free, and the address this machine's?"
        with pytest.raises(ConfigurationError, match=f"^{re.escape(text)}$"):
            VirtualLab(exporters=0, port=port).__enter__()


def test_what_does_not_fit_together() -> None:
    with pytest.raises(ConfigurationError, match=r"^tls: 'none' is none of authority, self-signed\.$"):
        VirtualLab(tls="none")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^There is already an exporter 'a'\.$"):
        VirtualLab([LabExporter(name="a"), LabExporter(name="a")])
    with pytest.raises(UsageError, match=r"^The lab does not run\. Enter it with 'with' first\.$"):
        VirtualLab(exporters=0).inject("router", "drop")


def _create(stub: ClientStub, metadata: Any, selector: str = "board=virtual") -> str:
    request = client_pb2.CreateLeaseRequest(parent="namespaces/default")
    request.lease.selector = selector
    request.lease.duration.seconds = 600
    name: str = stub.create_lease(request, metadata=metadata, timeout=LIMIT_S).name
    return name.rpartition("/")[2]


class _channel:
    """A client's calls, without the library's client."""

    def __init__(self, lab: VirtualLab, name: str = "tester") -> None:
        config = lab.client_config(name)
        self._channel = grpc.secure_channel(lab.endpoint, grpc.ssl_channel_credentials(lab.ca))
        self._metadata = (
            ("authorization", f"Bearer {config['token']}"),
            ("jumpstarter-kind", "Client"),
            ("jumpstarter-namespace", lab.namespace),
            ("jumpstarter-name", name),
        )

    def __enter__(self) -> tuple[ClientStub, Any]:
        return ClientStub(self._channel), self._metadata

    def __exit__(self, *_: object) -> None:
        self._channel.close()


def test_tokens_of_another_issuer_count_where_it_is_given() -> None:
    issuer = TokenIssuer(issuer="https://sso.example", prefix="sso:")
    with VirtualLab(1, clients={}, issuers=[issuer]) as lab:
        lab.controller.add_client("ann", username="sso:ann")
        token = issuer.mint("client", "", "", "", sub="ann")
        config = {**lab.client_config("ann"), "token": token}
        settings = find_settings(
            environ={
                "JMP_NAMESPACE": "default",
                "JMP_NAME": "ann",
                "JMP_ENDPOINT": lab.endpoint,
                "JMP_TOKEN": token,
                "JMP_TLS": json.dumps(config["tls"]),
            }
        )
        service = LeaseService(lambda: settings)
        try:
            assert [one.exporter.name for one in service.exporters()] == ["virtual-1"]
        finally:
            service.close()
