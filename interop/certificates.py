"""An authority and a server certificate for loopback, made anew for every run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from JumpstarterLibrary.lab.certificates import Authority


@dataclass(frozen=True)
class Certificates:
    """PEM files.

    Attributes:
        ca: The authority's certificate.
        certificate: The server's certificate, for ``localhost`` and 127.0.0.1.
        key: The server's private key.
    """

    ca: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Write an authority's certificate and a server's certificate and key."""
    authority = Authority("interop")
    issued = authority.issue("localhost", "127.0.0.1")
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    made.ca.write_bytes(authority.pem)
    made.certificate.write_bytes(issued.certificate)
    made.key.touch(mode=0o600)
    made.key.write_bytes(issued.key)
    return made
