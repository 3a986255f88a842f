"""The authorities that are trusted: in a setting, and in a file."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from JumpstarterLibrary.client.settings.authorities import count, decoded, read
from JumpstarterLibrary.common.values import InvalidValue
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.lab.certificates import Authority

BASE64 = "base64 of PEM certificates (`base64 -w0 ca.pem`)"


def test_a_certificate(pem: bytes, encoded: str) -> None:
    assert decoded(encoded) == pem
    # Editors and base64 without -w0 break lines.
    assert decoded(f" {encoded[:76]}\n{encoded[76:]}\n") == pem
    assert count(pem) == 1


def test_a_bundle_with_comments(pem: bytes) -> None:
    bundle = "# Zertifikate für das Labor\n".encode() + pem + b"\r\n# and another\r\n" + Authority("other").pem
    assert decoded(base64.b64encode(bundle).decode()) == bundle
    assert count(bundle) == 2


@pytest.mark.parametrize("value", ["", " \n"])
def test_no_certificate(value: str) -> None:
    assert decoded(value) is None


def test_what_is_refused(pem: bytes) -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
    for value, found in [
        (pem.decode(), "the PEM text itself"),
        ("no base64!", "this text"),
        ("ä", "this text"),
        ("YWJj", "base64 of something that holds no PEM certificate"),
        (base64.b64encode(broken).decode(), "base64 of something that holds a certificate that cannot be read"),
        (base64.b64encode(pem + broken).decode(), "base64 of something that holds a certificate that cannot be read"),
    ]:
        with pytest.raises(InvalidValue) as caught:
            decoded(value)
        assert (caught.value.needed, caught.value.found) == (BASE64, found)


def test_a_file(tmp_path: Path, pem: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(pem)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read(path) == read(Path("~/ca.pem")) == pem


def test_files_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    remedy = "Give the PEM file of the controller's authority."
    sentences = []
    for data in (None, b"", b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(ConfigurationError) as caught:
            read(path)
        sentences.append(str(caught.value))
    assert sentences == [
        f"The CA file '{path}' cannot be read: No such file or directory. {remedy}",
        f"The CA file '{path}' holds no PEM certificate. {remedy}",
        f"The CA file '{path}' holds a certificate that cannot be read. {remedy}",
    ]
