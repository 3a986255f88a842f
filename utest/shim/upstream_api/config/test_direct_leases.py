"""Leases of exporters that listen themselves: nothing is acquired, nothing is released."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.config.direct import DirectLease
from pytest_jumpstarter.upstream_api.config.exceptions import (
    ConfigurationError,
    ConnectionError,
    ExporterUnreachableError,
)
from pytest_jumpstarter.upstream_api.config.sections import TLSConfigV1Alpha1

from JumpstarterLibrary.errors import AuthenticationError, TlsError
from JumpstarterLibrary.exporter import HostedExporter
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab.certificates import Authority

Serving = Callable[..., HostedExporter]


@pytest.fixture
def exporter(serving: Serving) -> Callable[..., str]:
    """Serve a board and return where it listens."""

    def start(**options: Any) -> str:
        return serving(Composite(children={"power": MockPower()}), **options).host

    return start


def direct(address: str, **more: Any) -> DirectLease:
    return DirectLease(address=address, portal=None, allow=[], unsafe=False, **more)


def works(lease: DirectLease) -> None:
    with lease as entered, entered.monitor(), entered.serve_unix() as address, entered.connect() as client:
        assert address == lease.address
        assert isinstance(client, DriverClient)
        client.power.on()


def test_what_it_says_of_itself() -> None:
    lease = direct("board.example.com:1234", passphrase="secret")
    assert (lease.name, lease.exporter_name, lease.exporter_labels) == ("direct", "direct", {})
    assert (lease.release, lease.lease_ended) == (False, False)
    assert "secret" not in repr(lease)


def test_a_socket(exporter: Callable[..., str]) -> None:
    works(direct(exporter()))


def test_plain_text(exporter: Callable[..., str]) -> None:
    works(direct(exporter(tcp=("127.0.0.1", 0), passphrase="right"), insecure=True, passphrase="right"))


def test_a_certificate(exporter: Callable[..., str]) -> None:
    authority = Authority()
    certificate = authority.issue("127.0.0.1")
    address = exporter(tcp=("127.0.0.1", 0), certificate=certificate.certificate, key=certificate.key)
    ca = base64.b64encode(authority.pem).decode()
    works(direct(address, tls_config=TLSConfigV1Alpha1(ca=ca)))
    works(direct(address, tls_config=TLSConfigV1Alpha1(insecure=True)))
    with pytest.raises(TlsError), direct(address).connect():
        pytest.fail("nobody has vouched for it")
    with pytest.raises(ConfigurationError) as info, direct(address, tls_config=TLSConfigV1Alpha1(ca="x")).connect():
        pytest.fail("that is no certificate")
    assert str(info.value) == ("tls_config.ca must be base64 of PEM certificates (`base64 -w0 ca.pem`), not this text.")


def test_a_wrong_passphrase(exporter: Callable[..., str]) -> None:
    address = exporter(tcp=("127.0.0.1", 0), passphrase="right")
    with pytest.raises(AuthenticationError), direct(address, insecure=True, passphrase="wrong").connect():
        pytest.fail("it is wrong")


def test_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(ExporterUnreachableError) as info, direct(str(tmp_path / "socket")).connect():
        pytest.fail("there is nobody")
    assert isinstance(info.value, ConnectionError)
    assert str(info.value) == (
        f"There is no exporter socket '{tmp_path / 'socket'}' (from DirectLease). Check the path, and that the "
        f"exporter or the shell that made it still runs."
    )


def test_in_a_coroutine(exporter: Callable[..., str]) -> None:
    lease = direct(exporter())

    async def main() -> None:
        async with lease, lease.monitor_async(timedelta(minutes=1)), lease.serve_unix_async() as address:
            assert address == lease.address
            async with lease.connect_async(None) as client:
                await asyncio.to_thread(client.power.on)

    asyncio.run(main())
