"""Certificates for exporters under test."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path

from robot.api.deco import library

from JumpstarterLibrary.lab.certificates import Authority


@library(scope="SUITE", auto_keywords=True)
class Certificates:
    """Makes authorities and what they sign; the files are gone after the suite."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._count = 0

    @cached_property
    def _directory(self) -> Path:
        """Made when it is needed: Robot makes instances that are never used."""
        return Path(tempfile.mkdtemp(prefix="jumpstarter-atest-"))

    def create_authority(self) -> Path:
        """Create an authority that has signed nothing and return its PEM file."""
        return self._file("ca", Authority().pem)

    def create_certificate(self, *names: str) -> tuple[Path, Path, Path]:
        """Create a server certificate; return the PEM files of its authority, the certificate and its key."""
        authority = Authority()
        issued = authority.issue(*names)
        return (
            self._file("ca", authority.pem),
            self._file("certificate", issued.certificate),
            self._file("key", issued.key),
        )

    def _file(self, kind: str, content: bytes) -> Path:
        self._count += 1
        path = self._directory / f"{kind}{self._count}.pem"
        path.touch(mode=0o600)
        path.write_bytes(content)
        return path

    def end_suite(self, _data: object, _result: object) -> None:
        """Remove the files."""
        if "_directory" in vars(self):
            shutil.rmtree(self._directory, ignore_errors=True)
