"""The lab's certificates, judged by the standard library's TLS."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest

from JumpstarterLibrary.lab.certificates import Authority, Certificate, self_signed


def handshake(server: Certificate, roots: bytes, name: str, folder: Path) -> None:
    (folder / "certificate.pem").write_bytes(server.certificate)
    (folder / "key.pem").write_bytes(server.key)
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    theirs = ssl.create_default_context(cadata=roots.decode())
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            ours.wrap_socket(far, server_side=True).close()
        except OSError:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        theirs.wrap_socket(near, server_hostname=name).close()
    finally:
        near.close()
        thread.join()


def test_issued_certificates_are_trusted(tmp_path: Path) -> None:
    authority = Authority()
    handshake(authority.issue("lab.example", "127.0.0.1"), authority.pem, "lab.example", tmp_path)
    handshake(authority.issue("lab.example", "127.0.0.1"), authority.pem, "127.0.0.1", tmp_path)


def test_self_signed_certificates_are_their_own_root(tmp_path: Path) -> None:
    certificate = self_signed("lab.example")
    handshake(certificate, certificate.certificate, "lab.example", tmp_path)


def test_self_signed_certificates_of_one_name_are_told_apart(tmp_path: Path) -> None:
    first, second = self_signed("lab.example"), self_signed("lab.example")
    for certificate in (first, second):
        handshake(certificate, first.certificate + second.certificate, "lab.example", tmp_path)


@pytest.mark.parametrize("trouble", ["authority", "name", "expired"])
def test_wrong_ones_are_not(trouble: str, tmp_path: Path) -> None:
    authority = Authority()
    life = datetime.timedelta(days=-1) if trouble == "expired" else datetime.timedelta(days=1)
    roots = Authority("another").pem if trouble == "authority" else authority.pem
    name = "other.example" if trouble == "name" else "lab.example"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.issue("lab.example", life=life), roots, name, tmp_path)
