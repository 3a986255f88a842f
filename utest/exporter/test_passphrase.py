"""TCP: plain, with TLS, and with a passphrase."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.protocol import ExporterStub, jumpstarter_pb2
from JumpstarterLibrary.protocol.names import PASSPHRASE_KEY
from JumpstarterLibrary.protocol.streams import driver_stream_request
from JumpstarterLibrary.protocol.wellknown import Empty

LOOPBACK = ("127.0.0.1", 0)
REFUSED = (grpc.StatusCode.UNAUTHENTICATED, "invalid or missing passphrase")


@pytest.fixture(scope="module")
def tls() -> dict[str, bytes]:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "exporter")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return {
        "certificate": certificate.public_bytes(serialization.Encoding.PEM),
        "key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }


def _rpcs(stub: ExporterStub, passphrase: str | None) -> list[Callable[[], object]]:
    metadata = () if passphrase is None else ((PASSPHRASE_KEY, passphrase),)
    options: dict[str, Any] = {"timeout": 5, "metadata": metadata}
    call = jumpstarter_pb2.StreamingDriverCallRequest(method="read")
    opening = {**options, "metadata": (*metadata, ("request", driver_stream_request("x", "connect")))}
    return [
        lambda: stub.get_report(Empty(), **options),
        lambda: stub.get_status(jumpstarter_pb2.GetStatusRequest(), **options),
        lambda: next(stub.streaming_driver_call(call, **options)),
        lambda: next(stub.log_stream(Empty(), **options)),
        lambda: next(stub.stream(iter(()), **opening)),
    ]


@pytest.mark.parametrize("passphrase", [None, "", "wrong", "sesame "])
def test_without_the_passphrase_every_rpc_is_refused(refused: Any, passphrase: str | None) -> None:
    with (
        serve(MockPower(), tcp=LOOPBACK, passphrase="sesame") as exporter,
        grpc.insecure_channel(exporter.host) as channel,
    ):
        assert [refused(rpc) for rpc in _rpcs(ExporterStub(channel), passphrase)] == [REFUSED] * 5


def test_with_the_passphrase_everything_is_as_without_one(refused: Any) -> None:
    with (
        serve(MockPower(), tcp=LOOPBACK, passphrase="sesame") as exporter,
        grpc.insecure_channel(exporter.host) as channel,
    ):
        report, status, streaming, _, stream = _rpcs(ExporterStub(channel), "sesame")
        assert report() is not None
        assert status() is not None
        assert [refused(rpc)[0] for rpc in (streaming, stream)] == [grpc.StatusCode.UNKNOWN] * 2


def test_a_refusal_is_logged_without_the_passphrase(refused: Any, caplog: pytest.LogCaptureFixture) -> None:
    with (
        serve(MockPower(), tcp=LOOPBACK, passphrase="sesame") as exporter,
        grpc.insecure_channel(exporter.host) as channel,
    ):
        stub = ExporterStub(channel)
        refused(lambda: stub.get_report(Empty(), timeout=5, metadata=((PASSPHRASE_KEY, "guessed"),)))
    method = "/jumpstarter.v1.ExporterService/GetReport"
    assert f"authentication failed: {method} came with a wrong passphrase, or without one" in caplog.messages
    assert not any(secret in caplog.text for secret in ("sesame", "guessed"))


def test_plain_tcp(connect: Callable[..., AbstractContextManager[Any]]) -> None:
    with connect(MockPower(), tcp=LOOPBACK) as wire:
        host, _, port = wire.exporter.host.rpartition(":")
        assert host == "127.0.0.1"
        assert int(port) > 0
        assert wire.items("read") == [{"voltage": 0, "current": 0}, {"voltage": 5, "current": 2}]


def test_tls(tls: dict[str, bytes]) -> None:
    credentials = grpc.ssl_channel_credentials(tls["certificate"])
    with (
        serve(MockPower(), tcp=LOOPBACK, passphrase="sesame", **tls) as exporter,
        grpc.secure_channel(exporter.host, credentials) as channel,
    ):
        stub = ExporterStub(channel)
        report = stub.get_report(Empty(), timeout=5, metadata=((PASSPHRASE_KEY, "sesame"),))
        assert len(report.reports) == 1


def test_tls_does_not_talk_to_plain_clients(tls: dict[str, bytes], refused: Any) -> None:
    with serve(MockPower(), tcp=LOOPBACK, **tls) as exporter, grpc.insecure_channel(exporter.host) as channel:
        code, _ = refused(lambda: ExporterStub(channel).get_report(Empty(), timeout=5))
        assert code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("given", ["certificate", "key"])
def test_half_of_the_credentials_is_an_error(tls: dict[str, bytes], given: str) -> None:
    with (
        pytest.raises(ConfigurationError) as info,
        serve(MockPower(), tcp=LOOPBACK, **{given: tls[given]}),  # type: ignore[arg-type]
    ):
        pass
    assert str(info.value) == "TLS needs a certificate and its key. Give both, or neither for plain text."


def test_ipv6_loopback(connect: Callable[..., AbstractContextManager[Any]]) -> None:
    try:
        with connect(MockPower(), tcp=("::1", 0)) as wire:
            assert wire.exporter.host.startswith("[::1]:")
            assert wire.call("on") is None
    except ConfigurationError as error:
        pytest.skip(f"no IPv6 here: {error}")
