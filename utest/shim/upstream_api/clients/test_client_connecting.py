"""How clients come to be: drivers of this process, the exporter of a shell, and a socket's path."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import pytest
from pytest_jumpstarter.shell import ExporterMetadata, env, env_async, env_with_metadata, env_with_metadata_async
from pytest_jumpstarter.upstream_api.clients.connecting import client_from_channel, client_from_path, is_tcp_address
from pytest_jumpstarter.upstream_api.clients.importing import MissingDriverError
from pytest_jumpstarter.upstream_api.clients.power import PowerClient
from pytest_jumpstarter.upstream_api.clients.serving import serve as serve_client
from pytest_jumpstarter.upstream_api.clients.serving import serve_async
from pytest_jumpstarter.upstream_api.clients.trouble import also_as, as_driver_error
from pytest_jumpstarter.upstream_api.config.exceptions import EnvironmentVariableNotSetError, ExporterUnreachableError

from JumpstarterLibrary.common.values import InvalidSetting
from JumpstarterLibrary.errors import (
    ConfigurationError,
    DriverError,
    DriverInvalidArgument,
    ExporterNotReady,
    FaultClass,
    InfrastructureError,
    JumpstarterError,
    LinkError,
    OperationTimeout,
    UsageError,
)
from JumpstarterLibrary.exporter import Driver, serve
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.hints import Hint

MakeRelay = Callable[[str], Driver]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, make_relay: MakeRelay) -> Any:
    """Put the environment inside a shell, and yield its exporter's address."""
    tree = Composite(children={"power": MockPower(), "relay": make_relay(f"{__name__}.Mine")})
    with serve(tree, grace=0) as served:
        monkeypatch.setenv("JUMPSTARTER_HOST", served.host)
        yield served.host


class Mine(PowerClient):
    """Somebody's own."""


# Drivers of this process


def test_a_served_driver_imports_what_it_names(make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_GRPC_PASSPHRASE", "not for this one")
    with serve_client(make_relay(f"{__name__}.Mine")) as client:
        assert type(client) is Mine
        assert client.call("switch", 1) == "switched 1"
    with pytest.raises(DriverError):
        client.call("switch", 1)


@pytest.mark.anyio
async def test_a_served_driver_for_a_coroutine(make_relay: MakeRelay) -> None:
    async with serve_async(make_relay(f"{__name__}.Mine")) as client:
        assert await client.call_async("switch", 1) == "switched 1"


def test_a_served_driver_on_the_portal_of_its_user(make_relay: MakeRelay) -> None:
    with anyio.from_thread.start_blocking_portal() as portal, ExitStack() as stack:
        serving = serve_async(make_relay("nowhere.Client"), portal, stack)
        with portal.wrap_async_context_manager(serving) as client:
            assert client.portal is portal
            assert portal.call(client.call_async, "switch", 2) == "switched 2"
            assert client.switch(3) == "switched 3"
        assert portal.call(anyio.sleep, 0) is None, "the portal of the user was ended"


# Shells


def test_the_exporter_of_a_shell(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with env() as client:
        client.power.on()
        assert type(client.relay) is not Mine
    monkeypatch.setenv("JMP_DRIVERS_ALLOW", f"{__name__}.*")
    with env() as client:
        assert type(client.relay) is Mine


def test_what_a_shell_tells(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_EXPORTER", "bench-7")
    monkeypatch.setenv("JMP_EXPORTER_LABELS", "board=rpi4,rev=a=b,broken,=x")
    monkeypatch.setenv("JMP_LEASE", "lease-1")
    with env_with_metadata() as (client, told):
        client.power.on()
        assert told == ExporterMetadata("bench-7", {"board": "rpi4", "rev": "a=b"}, "lease-1")
    assert ExporterMetadata.from_env({}) == ExporterMetadata(name="", labels={}, lease=None)


@pytest.mark.anyio
async def test_the_exporter_of_a_shell_for_a_coroutine(shell: str) -> None:
    async with env_async(None, None) as client:
        await client.power.call_async("on")
    async with env_with_metadata_async() as (client, told):
        await client.power.call_async("on")
        assert told.name == ""


def test_outside_of_a_shell() -> None:
    with pytest.raises(EnvironmentVariableNotSetError) as failure, env():
        pass
    assert isinstance(failure.value, ConfigurationError)
    assert str(failure.value) == (
        "JUMPSTARTER_HOST is not set, so there is no exporter to join. Run inside `jmp shell`, set JUMPSTARTER_HOST to "
        "the socket path or host:port of an exporter, or choose another mode."
    )


# Paths


@pytest.mark.anyio
@pytest.mark.parametrize("unsafe", [True, False])
async def test_a_client_for_a_path(shell: str, unsafe: bool) -> None:
    with ExitStack() as stack:
        async with client_from_path(shell, None, stack, [f"{__name__}.*"], unsafe) as client:
            assert type(client.relay) is Mine
            await client.power.call_async("on")
        async with client_from_path(Path(shell), None, stack, allow=[], unsafe=unsafe) as client:
            assert (type(client.relay) is Mine) is unsafe


@pytest.mark.anyio
async def test_a_client_for_a_port() -> None:
    with serve(MockPower(), tcp=("127.0.0.1", 0), passphrase="sesame", grace=0) as served:
        async with client_from_path(served.host, None, None, [], False, insecure=True, passphrase="sesame") as client:
            await client.call_async("on")


@pytest.mark.anyio
async def test_nobody_at_a_path(tmp_path: Path) -> None:
    with pytest.raises(ExporterUnreachableError, match="There is no exporter socket"):
        async with client_from_path(tmp_path / "s", None, None, [], False):
            pass


@pytest.mark.anyio
async def test_channels_of_others_are_refused() -> None:
    with pytest.raises(UsageError) as failure:
        await client_from_channel(object(), None, None, [], False)
    assert str(failure.value) == (
        "A client cannot be made for a channel of grpc.aio: this library's connections are synchronous. Use "
        "client_from_path with the socket's path or HOST:PORT."
    )


@pytest.mark.parametrize(
    ("text", "tcp"),
    [
        ("host:1234", True),
        ("[::1]:1234", True),
        (":1234", True),
        ("host:0", False),
        ("host:", False),
        ("/run/socket", False),
        ("socket", False),
    ],
)
def test_addresses(text: str, tcp: bool) -> None:
    assert is_tcp_address(text) is tcp


# Errors


def test_whatever_fails_in_a_call_is_an_error_of_the_driver(make_relay: MakeRelay) -> None:
    with serve_client(make_relay("nowhere.Client")) as client:
        with pytest.raises(DriverInvalidArgument) as refused:
            client.call("refuse")
        assert type(refused.value) is DriverInvalidArgument
        client.stub.device.link.close()
        with pytest.raises(DriverError) as lost:
            client.call("switch", 1)
        assert isinstance(lost.value, LinkError)
        assert type(lost.value).__name__ == "LinkError"
        assert lost.value.code == "JMP-LINK-ERROR"


@pytest.mark.parametrize("kind", [LinkError, OperationTimeout, ExporterNotReady])
def test_errors_of_two_kinds(kind: type[InfrastructureError]) -> None:
    cause = KeyError("x")
    with pytest.raises(kind) as caught, as_driver_error():
        raise kind("what happened") from cause
    assert isinstance(caught.value, DriverError)
    assert str(caught.value) == "what happened"
    assert (caught.value.code, caught.value.fault) == (kind("x").code, kind("x").fault)
    assert caught.value.__cause__ is cause
    assert also_as(caught.value, DriverError) is caught.value
    assert type(also_as(kind("x"), DriverError)) is type(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        LinkError("what happened", hint=Hint.DEFINE_STATE, fault=FaultClass.PRODUCT),
        MissingDriverError("what happened", "vendor.Client"),
        InvalidSetting("a.b", "It is wrong."),
    ],
)
def test_errors_of_several_kinds_survive_copies_and_other_processes(error: JumpstarterError) -> None:
    made = also_as(also_as(error, OperationTimeout), ExporterUnreachableError)
    for again in (copy.copy(made), pickle.loads(pickle.dumps(made))):
        assert isinstance(again, JumpstarterError)
        assert type(again) is type(made)
        assert (again.facts, again.hints, again.fault) == (error.facts, error.hints, error.fault)
        assert vars(again) == vars(made)


def test_an_error_of_two_foreign_kinds_survives_other_processes() -> None:
    made = also_as(also_as(EOFError("the end"), anyio.EndOfStream), OSError)
    again = pickle.loads(pickle.dumps(made))
    assert (type(again), again.args) == (type(made), ("the end",))


def test_nothing_is_left_running(make_relay: MakeRelay, eventually: Callable[[Callable[[], object]], None]) -> None:
    before = {thread for thread in threading.enumerate() if thread.is_alive()}
    with serve_client(make_relay("nowhere.Client")) as client:
        client.portal.call(anyio.sleep, 0)
        client.open_stream().send(b"x")
    eventually(lambda: not {thread.name for thread in threading.enumerate()} - {thread.name for thread in before})
