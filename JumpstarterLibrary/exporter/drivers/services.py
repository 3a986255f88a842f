"""Storage services that the package ``opendal`` can reach, seen as a folder of the exporter is."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.drivers.directory import HASHES, FileError, StoragePath

BLOCK = 1024 * 1024
"""Bytes that are read at a time."""


class Service:
    """File operations on a storage service; the methods are those of ``Directory``.

    Args:
        scheme: The service's kind, as ``opendal`` calls it: ``s3``, ``http``, ``memory``.
        options: Its settings.

    Raises:
        ConfigurationError: The package is missing, or does not take this.
    """

    def __init__(self, scheme: str, options: Mapping[str, str]) -> None:
        try:
            opendal: Any = importlib.import_module("opendal")
        except ImportError as error:
            raise ConfigurationError(
                f"Opendal's scheme {scheme!r} needs the package 'opendal', which is not installed. "
                "Install it, or use the scheme 'fs', which serves a folder without it."
            ) from error
        # Files of newer releases raise what the system's files do.
        self._errors: tuple[type[Exception], ...] = (OSError, *_kinds(opendal.exceptions))
        refusals: tuple[type[Exception], ...] = (TypeError, ValueError, *self._errors)
        try:
            self._operator = opendal.Operator(scheme, **options)
        except refusals as error:
            raise ConfigurationError(f"Opendal's scheme {scheme!r} cannot be used: {_short(error)}.") from error

    def file_to_read(self, path: object) -> _Place:
        """Return the place of a file."""
        return _Place(self, StoragePath.parse(path))

    def file_to_write(self, path: object) -> _Place:
        """Return the place of a file that may be there."""
        return _Place(self, StoragePath.parse(path))

    def opened(self, path: StoragePath, mode: str) -> Any:
        """Open a file.

        Raises:
            FileError: It cannot be opened.
        """
        with self._told("open", path):
            return self._operator.open(str(path), mode)

    def stat(self, path: object) -> dict[str, object]:
        """Return what is known about a file or folder, in the wire's form."""
        wanted = StoragePath.parse(path)
        with self._told("look at", wanted):
            found = self._operator.stat(str(wanted))
        texts = ("content_disposition", "content_md5", "content_type", "etag")
        return {
            **{name: getattr(found, name) for name in texts},
            "content_length": found.content_length,
            "mode": {"entry_is_file": found.mode.is_file(), "entry_is_dir": found.mode.is_dir()},
        }

    def exists(self, path: object) -> bool:
        """Return whether there is a file or folder."""
        wanted = StoragePath.parse(path)
        with self._told("look at", wanted):
            return bool(self._operator.exists(str(wanted)))

    def hash(self, path: object, algorithm: object) -> str:
        """Return a file's hash in hexadecimal."""
        if algorithm not in HASHES:
            raise ValueError(f"A hash is one of {', '.join(HASHES)}, not {algorithm!r}.")
        wanted, digest = StoragePath.parse(path), hashlib.new(str(algorithm))
        file = self.opened(wanted, "rb")
        with self._told("read", wanted):
            try:
                while block := file.read(BLOCK):
                    digest.update(block)
            finally:
                file.close()
        return digest.hexdigest()

    def copy(self, source: object, target: object) -> None:
        """Copy a file."""
        self._do("copy", source, target)

    def rename(self, source: object, target: object) -> None:
        """Give a file another name."""
        self._do("rename", source, target)

    def create_dir(self, path: object) -> bool:
        """Make a folder, and return whether it was made now."""
        made = not self.exists(path)
        self._do("create_dir", path)
        return made

    def delete(self, path: object) -> None:
        """Remove a file or an empty folder."""
        self._do("delete", path)

    def remove_all(self, path: object) -> None:
        """Remove a file, or a folder with everything in it."""
        self._do("remove_all", path)

    def entries(self, path: object, *, recursive: bool) -> Iterator[str]:
        """Yield the paths that begin with a path."""
        wanted = StoragePath.parse(path)
        with self._told("list", wanted):
            for entry in self._operator.scan(str(wanted)) if recursive else self._operator.list(str(wanted)):
                yield str(entry.path)

    async def presign(self, action: Literal["stat", "read", "write"], path: object, seconds: int) -> dict[str, Any]:
        """Return a request that does something with a file without the exporter's credentials, for some time."""
        wanted = StoragePath.parse(path)
        with self._told(f"presign a request to {action}", wanted):
            signed = await getattr(self._operator.to_async_operator(), f"presign_{action}")(str(wanted), int(seconds))
        return {"url": signed.url, "method": signed.method, "headers": dict(signed.headers)}

    def capability(self) -> Mapping[str, Any]:
        """Return what the service can do."""
        found = self._operator.capability()
        return {name: getattr(found, name) for name in dir(found) if not name.startswith("_")}

    def _do(self, action: str, *paths: object) -> None:
        wanted = [StoragePath.parse(path) for path in paths]
        with self._told(action, wanted[0]):
            getattr(self._operator, action)(*map(str, wanted))

    @contextmanager
    def _told(self, action: str, path: StoragePath) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise FileError(f"Cannot {action} {str(path) or '/'!r}: {_short(error)}.") from error


class _Place:
    """A file of a service, which opens as a path does."""

    def __init__(self, service: Service, path: StoragePath) -> None:
        self._service = service
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def open(self, mode: str) -> Any:
        return _File(self._service.opened(self._path, mode))


class _File:
    """An open file of a service, which takes what a file takes."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes | bytearray) -> int:
        # The library takes no bytearray, and refuses to write nothing.
        return int(self._file.write(bytes(data))) if data else 0

    def flush(self) -> None:
        """Nothing: the service has the data when the file is closed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _kinds(exceptions: Any) -> tuple[type[Exception], ...]:
    kinds = (getattr(exceptions, name) for name in dir(exceptions))
    return tuple(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception))


def _short(error: Exception) -> str:
    return str(error).partition("\n")[0].strip().rstrip(".")
