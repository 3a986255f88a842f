"""The authorities that may sign the controller's certificate: PEM text, checked before it is used."""

from __future__ import annotations

import base64
import re
import ssl
from pathlib import Path

from JumpstarterLibrary.client.settings.values import text
from JumpstarterLibrary.common.values import InvalidValue, type_name
from JumpstarterLibrary.errors import ConfigurationError

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_BASE64 = "base64 of PEM certificates (`base64 -w0 ca.pem`)"


def decoded(value: object) -> bytes | None:
    """Return the PEM bundle in a ``tls.ca`` setting; None if it is empty."""
    found = "".join(text(value).split())
    if not found:
        return None
    if "BEGINCERTIFICATE" in found:
        raise InvalidValue(_BASE64, "the PEM text itself")
    try:
        pem = base64.b64decode(found, validate=True)
    except ValueError:
        raise InvalidValue(_BASE64, type_name(found)) from None
    problem = _problem(pem)
    if problem:
        raise InvalidValue(_BASE64, f"base64 of something that {problem}")
    return pem


def read(path: Path) -> bytes:
    """Return the PEM bundle in a file.

    Raises:
        ConfigurationError: It cannot be read, or holds no certificates that can be used.
    """
    try:
        pem = path.expanduser().read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The CA file '{path}' cannot be read: {error.strerror}. Give the PEM file of the controller's authority."
        ) from error
    problem = _problem(pem)
    if problem:
        raise ConfigurationError(f"The CA file '{path}' {problem}. Give the PEM file of the controller's authority.")
    return pem


def count(pem: bytes) -> int:
    """Return how many certificates are in a PEM bundle."""
    return len(_BLOCK.findall(pem))


def _problem(pem: bytes) -> str:
    blocks = _BLOCK.findall(pem)
    if not blocks:
        return "holds no PEM certificate"
    try:
        # What is between the certificates may be anything, the comments of a bundle for example.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=b"\n".join(blocks).decode("ascii"))
    except (ssl.SSLError, ValueError):
        return "holds a certificate that cannot be read"
    return ""
