"""Standalone exporters on TCP: TLS and passphrases, right and wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from interop.certificates import Certificates, make_certificates
from interop.exporters import Tcp, free_port, our_exporter, upstream_tcp
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.drivers import PowerProxy
from JumpstarterLibrary.errors import AuthenticationError, LinkError, TlsError
from JumpstarterLibrary.types import Tls

PASSPHRASE = "open sesame"

direct = partial(DirectConnection.from_arguments, environ={})


@pytest.fixture(scope="module", params=["upstream", "ours"])
def start(request: pytest.FixtureRequest, config: Path, runtime: Path) -> Iterator[Callable[[Tcp], str]]:
    """Return a function that starts an exporter, and the same only once."""
    running: dict[tuple[bool, bool], str] = {}
    with ExitStack() as stack:

        def start(tcp: Tcp) -> str:
            key = (tcp.certificates is not None, tcp.passphrase is not None)
            if key not in running:
                if request.param == "upstream":
                    exporter = upstream_tcp(request.getfixturevalue("upstream"), config, runtime, tcp)
                else:
                    exporter = our_exporter(config, runtime, tcp)
                running[key] = stack.enter_context(exporter)
            return running[key]

        yield start


@pytest.fixture
def secure(start: Callable[[Tcp], str], certificates: Certificates) -> str:
    """Return the host of an exporter with TLS and a passphrase."""
    return start(Tcp(certificates, PASSPHRASE))


@pytest.fixture
def plain(start: Callable[[Tcp], str]) -> str:
    """Return the host of an exporter with neither."""
    return start(Tcp())


def use(connection: DirectConnection) -> None:
    """Connect and use every kind of call."""
    with Device.connect(connection, timeout=20) as device:
        power = device.find(PowerProxy, "power", "power")
        power.on(timeout=10)
        assert len(power.readings(2, timeout=10)) == 2
        with device.driver("echo").stream() as stream:
            stream.send(b"hello")
            assert stream.receive(timeout=10) == b"hello"


def test_tls_and_passphrase(secure: str, certificates: Certificates) -> None:
    use(direct(secure, ca=certificates.ca, passphrase=PASSPHRASE))


def test_host_name_instead_of_address(secure: str, certificates: Certificates) -> None:
    use(direct(secure.replace("127.0.0.1", "localhost"), ca=certificates.ca, passphrase=PASSPHRASE))


def test_pinned_certificate(secure: str) -> None:
    use(direct(secure, tls=Tls.pin, passphrase=PASSPHRASE))


def test_plain_text(plain: str) -> None:
    use(direct(plain, tls=Tls.plaintext))


def test_plain_text_and_passphrase(start: Callable[[Tcp], str]) -> None:
    host = start(Tcp(passphrase=PASSPHRASE))
    use(direct(host, tls=Tls.plaintext, passphrase=PASSPHRASE))
    with pytest.raises(AuthenticationError):
        use(direct(host, tls=Tls.plaintext))


def test_environment_of_a_direct_shell(start: Callable[[Tcp], str]) -> None:
    host = start(Tcp(passphrase=PASSPHRASE))
    environ = {"JUMPSTARTER_HOST": host, "JMP_GRPC_INSECURE": "1", "JMP_GRPC_PASSPHRASE": PASSPHRASE}
    use(DirectConnection.from_environment(environ))


def test_environment_that_pins(secure: str) -> None:
    environ = {"JUMPSTARTER_HOST": secure, "JUMPSTARTER_GRPC_INSECURE": "1", "JMP_GRPC_PASSPHRASE": PASSPHRASE}
    use(DirectConnection.from_environment(environ))


@pytest.mark.parametrize("passphrase", [None, "wrong"])
def test_wrong_passphrase(secure: str, certificates: Certificates, passphrase: str | None) -> None:
    with pytest.raises(AuthenticationError) as caught:
        use(direct(secure, ca=certificates.ca, passphrase=passphrase))
    assert str(caught.value) == (
        f"The exporter '{secure}' refused the passphrase: invalid or missing passphrase. "
        f"Give the right one with passphrase= or JMP_GRPC_PASSPHRASE."
    )


def test_authority_that_did_not_sign(secure: str, tmp_path: Path) -> None:
    stranger = make_certificates(tmp_path)
    with pytest.raises(TlsError, match=rf"^The secure connection to exporter '{secure}' could not be made: "):
        use(direct(secure, ca=stranger.ca, passphrase=PASSPHRASE))


def test_authority_that_the_system_does_not_know(secure: str) -> None:
    with pytest.raises(TlsError, match=rf"^The secure connection to exporter '{secure}' could not be made: "):
        use(direct(secure, passphrase=PASSPHRASE))


def test_tls_where_none_is_spoken(plain: str, certificates: Certificates) -> None:
    with pytest.raises(TlsError):
        use(direct(plain, ca=certificates.ca))
    with pytest.raises(TlsError):
        use(direct(plain, tls=Tls.pin))


def test_no_tls_where_it_is_spoken(secure: str) -> None:
    with pytest.raises(LinkError):
        use(direct(secure, tls=Tls.plaintext, passphrase=PASSPHRASE))


def test_nobody_there() -> None:
    host = f"127.0.0.1:{free_port()}"
    with pytest.raises(LinkError, match=rf"^Exporter '{host}' \(from host=\) cannot be reached: "):
        use(direct(host, tls=Tls.plaintext))


def test_passphrase_is_shown_nowhere(secure: str, certificates: Certificates) -> None:
    connection = direct(secure, ca=certificates.ca, passphrase=PASSPHRASE)
    with Device.connect(connection) as device:
        assert PASSPHRASE not in repr(connection) + repr(device) + repr(device.link) + repr(device.client)
    assert PASSPHRASE not in os.environ.values()
