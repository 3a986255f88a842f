"""Images for the storage tests, and a web server that has them."""

from __future__ import annotations

import bz2
import functools
import gzip
import hashlib
import http.server
import lzma
import os
import shutil
import tempfile
import threading
from functools import cached_property
from pathlib import Path

from robot.api.deco import library

PACK = {"gzip": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None: ...


@library(scope="SUITE", auto_keywords=True)
class Images:
    """Makes images; they are gone after the suite."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._servers: list[http.server.ThreadingHTTPServer] = []

    @cached_property
    def _directory(self) -> Path:
        """Made when it is needed: Robot makes instances that are never used."""
        return Path(tempfile.mkdtemp(prefix="jumpstarter-atest-"))

    def create_random_image(self, size: int) -> Path:
        """Create an image of random bytes."""
        path = self._directory / f"random{size}.img"
        path.write_bytes(os.urandom(size))
        return path

    def create_compressed_image(self, compression: str, damaged: bool = False) -> tuple[Path, Path]:
        """Create an image and its compressed form; return both paths."""
        plain = self.create_random_image(200_000)
        packed = self._directory / f"packed.{compression}"
        data = PACK[compression](plain.read_bytes())
        packed.write_bytes(data[: len(data) // 2] + bytes(1000) if damaged else data)
        return plain, packed

    def sha256_of(self, path: Path) -> str:
        """Return a file's SHA-256."""
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def serve_file(self, path: Path) -> str:
        """Serve a file by HTTP on loopback until the suite's end; return its URL."""
        handler = functools.partial(_Handler, directory=str(path.parent))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/{path.name}"

    def end_suite(self, _data: object, _result: object) -> None:
        """Stop servers and remove files."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        if "_directory" in vars(self):
            shutil.rmtree(self._directory, ignore_errors=True)
