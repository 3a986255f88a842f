"""Files in a folder of the exporter, for clients to read, write and manage."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.exporter.drivers.background import BackgroundFile
from JumpstarterLibrary.exporter.drivers.directory import Directory, FileError, StoragePath, file_errors
from JumpstarterLibrary.exporter.drivers.services import Service

SEEKS = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)


@dataclass(eq=False)
class _OpenFile:
    """A file that a client opened. Operations on it wait for each other."""

    path: StoragePath
    mode: str
    file: BackgroundFile
    turn: asyncio.Lock
    partial: bool = False
    """Whether a write to it ended early: it goes when it is closed."""

    def require(self, mode: str) -> None:
        """Refuse what the file was not opened for.

        Raises:
            FileError: It is closed, or open for something else.
        """
        if self.file.closed:
            raise FileError(f"The file {str(self.path)!r} is closed. Open it again.")
        if self.mode != mode:
            purpose = "read" if mode == "rb" else "written"
            raise FileError(f"The file {str(self.path)!r} was opened with mode {self.mode!r} and cannot be {purpose}.")


@dataclass(kw_only=True, eq=False)
class Opendal(Driver):
    """Files in a folder, or of a storage service; named as upstream's driver, which uses the library of that name.

    Paths are relative to the folder and end with a slash where they name a folder. What leads out of the folder, by
    ``..`` or by a symbolic link, is refused. Writing makes the folders on the way.

    Attributes:
        scheme: ``fs`` for a folder. Other storage services need the package ``opendal`` on the exporter.
        kwargs: For a folder ``root``, which is made if it is not there; for a service its settings.
        remove_created_on_close: Remove, at the end of a session, what clients have written, made or registered in it;
            default no.
    """

    scheme: str
    kwargs: dict[str, str] = field(default_factory=dict)
    remove_created_on_close: bool = False
    # Spelt loosely, since pydantic's dataclasses look into the types of inherited fields.
    _place: Any = field(init=False, repr=False)
    _files: dict[UUID, Any] = field(init=False, default_factory=dict, repr=False)
    _created_paths: set[str] = field(init=False, default_factory=set, repr=False)

    def __post_init__(self) -> None:
        """Check the configuration and make the folder.

        Raises:
            ConfigurationError: The folder cannot be made, or the service cannot be used, or its package is missing.
        """
        super().__post_init__()
        self._place = self._folder() if self.scheme == "fs" else Service(self.scheme, self.kwargs)

    @property
    def _storage(self) -> Directory | Service:
        place: Directory | Service = self._place
        return place

    def _folder(self) -> Directory:
        if set(self.kwargs) != {"root"} or not self.kwargs["root"]:
            found = ", ".join(sorted(self.kwargs)) or "nothing"
            raise ConfigurationError(
                f"Opendal's kwargs for scheme 'fs' are 'root', the folder, and no more, not {found}."
            )
        root = Path(self.kwargs["root"])
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"Opendal cannot use the folder {root}: {error.strerror}.") from error
        return Directory(root)

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_opendal.client.OpendalClient"

    def close(self) -> None:
        """Close the files that clients left open, and remove what they made, if so configured."""
        super().close()
        for entry in self._files.values():
            entry.file.close_now()
            self._remove_partial(entry)
        self._files.clear()
        created = sorted(self._created_paths) if self.remove_created_on_close else []
        self._created_paths.clear()
        for path in created:
            try:
                self._storage.remove_all(path)
            except (FileError, ValueError) as error:
                self.logger.warning("could not clean up: %s", error)

    @export
    async def open(self, path: str, mode: str) -> str:
        """Open a file with mode ``rb``, or empty or make it with ``wb``, and return its id."""
        match mode:
            case "rb":
                place = self._storage.file_to_read(path)
            case "wb":
                place = self._storage.file_to_write(path)
            case _:
                raise ValueError(f"A file is opened with mode 'rb' or 'wb', not {mode!r}.")
        spelled, file = StoragePath.parse(path), BackgroundFile(place, mode)
        with file_errors("open", spelled):
            await file.open()
        if mode == "wb":
            self._created_paths.add(spelled.name)
        fd = uuid4()
        self._files[fd] = _OpenFile(spelled, mode, file, asyncio.Lock())
        return str(fd)

    @export
    async def file_read(self, fd: str, dst: Mapping[str, Any]) -> None:
        """Send a file's content from its position to its end to a resource."""
        entry = self._file(fd)
        async with self.resource(dst) as target, entry.turn:
            entry.require("rb")
            with file_errors("read", entry.path):
                await entry.file.read_into(target)

    @export
    async def file_write(self, fd: str, src: Mapping[str, Any]) -> None:
        """Write a resource's content at a file's position. If it ends early, the file goes when it is closed."""
        entry = self._file(fd)
        async with self.resource(src) as source, entry.turn:
            entry.require("wb")
            before, entry.partial = entry.partial, True
            with file_errors("write", entry.path):
                await entry.file.write_from(source)
            entry.partial = before

    @export
    async def file_seek(self, fd: str, pos: int, whence: int = os.SEEK_SET) -> int:
        """Set a file's position, from its start (0), from the position (1) or from its end (2), and return it."""
        entry = self._file(fd)
        if not isinstance(pos, int) or whence not in SEEKS:
            raise ValueError(
                f"A position is a whole number, from start (0), here (1) or end (2), not {pos!r} from {whence!r}."
            )
        async with entry.turn:
            entry.require("rb")
            with file_errors("seek in", entry.path):
                return await entry.file.seek(pos, whence)

    @export
    async def file_tell(self, fd: str) -> int:
        """Return a file's position."""
        entry = self._file(fd)
        async with entry.turn:
            entry.require("rb")
            return await entry.file.tell()

    @export
    async def file_close(self, fd: str) -> None:
        """Close a file; one of which only a part was written is removed. Closing it again does nothing."""
        entry = self._file(fd)
        async with entry.turn:
            with file_errors("close", entry.path):
                await entry.file.close()
            self._remove_partial(entry)

    @export
    async def file_closed(self, fd: str) -> bool:
        """Return whether a file was closed."""
        return self._file(fd).file.closed

    @export
    async def file_readable(self, fd: str) -> bool:
        """Return whether a file can be read."""
        return self._usable(fd, "rb")

    @export
    async def file_seekable(self, fd: str) -> bool:
        """Return whether a file's position can be set: of those that can be read."""
        return self._usable(fd, "rb")

    @export
    async def file_writable(self, fd: str) -> bool:
        """Return whether a file can be written."""
        return self._usable(fd, "wb")

    @export
    def stat(self, path: str) -> dict[str, object]:
        """Return what is known about a file or folder."""
        return self._storage.stat(path)

    @export
    def hash(self, path: str, algo: str = "sha256") -> str:
        """Return a file's hash, ``md5`` or ``sha256``, in hexadecimal."""
        return self._storage.hash(path, algo)

    @export
    def copy(self, source: str, target: str) -> None:
        """Copy a file."""
        self._storage.copy(source, target)
        self._created_paths.add(StoragePath.parse(target).name)

    @export
    def rename(self, source: str, target: str) -> None:
        """Give a file or folder another name."""
        self._storage.rename(source, target)
        self._forget(source)
        self._created_paths.add(StoragePath.parse(target).name)

    @export
    def remove_all(self, path: str) -> None:
        """Remove a file, or a folder with everything in it."""
        self._storage.remove_all(path)
        self._forget(path)

    @export
    def create_dir(self, path: str) -> None:
        """Make a folder, and those on its way."""
        if self._storage.create_dir(path):
            self._created_paths.add(StoragePath.parse(path).name)

    @export
    def delete(self, path: str) -> None:
        """Remove a file or an empty folder."""
        self._storage.delete(path)
        self._forget(path)

    @export
    def exists(self, path: str) -> bool:
        """Return whether there is a file or folder."""
        return self._storage.exists(path)

    @export
    def list(self, path: str) -> Iterator[str]:
        """Yield a folder and what is in it, or what begins with a path."""
        yield from self._storage.entries(path, recursive=False)

    @export
    def scan(self, path: str) -> Iterator[str]:
        """Yield a folder and everything below it, or below what begins with a path."""
        yield from self._storage.entries(path, recursive=True)

    @export
    async def presign_stat(self, path: str, expire_second: int) -> dict[str, Any]:
        """Return a request that tells of a file. Files in a folder have none."""
        return await self._presigned("stat", path, expire_second)

    @export
    async def presign_read(self, path: str, expire_second: int) -> dict[str, Any]:
        """Return a request that reads a file. Files in a folder have none."""
        return await self._presigned("read", path, expire_second)

    @export
    async def presign_write(self, path: str, expire_second: int) -> dict[str, Any]:
        """Return a request that writes a file. Files in a folder have none."""
        return await self._presigned("write", path, expire_second)

    @export
    def capability(self) -> Mapping[str, Any]:
        """Return what this storage can do."""
        return self._storage.capability()

    @export
    def get_created_resources(self) -> tuple[str, ...]:
        """Return the paths that clients have written, made or registered in this session."""
        return tuple(sorted(self._created_paths))

    @export
    def register_path(self, path: str) -> None:
        """Count a path among those that were written in this session."""
        wanted = StoragePath.parse(path)
        if not wanted.parts:
            raise ValueError("The storage's root cannot be registered; it would be emptied. Give a path below it.")
        self._created_paths.add(wanted.name)

    async def copy_exporter_file(self, source: Path, target: str) -> None:
        """Copy a file of the exporter into the storage; for drivers above this one.

        Args:
            source: The file.
            target: Its path in the storage.

        Raises:
            FileError: The storage does not take it.
            OSError: The file cannot be read.
        """
        place = self._storage.file_to_write(target)
        async with BackgroundFile(source, "rb") as origin, BackgroundFile(place, "wb") as destination:
            await destination.write_from(origin)
        self._created_paths.add(StoragePath.parse(target).name)

    async def _presigned(self, action: Literal["stat", "read", "write"], path: str, seconds: int) -> dict[str, Any]:
        if not isinstance(self._storage, Service):
            raise FileError(
                f"The files of this exporter have no URLs, {path!r} neither. Open and transfer the file instead."
            )
        return await self._storage.presign(action, path, seconds)

    def _remove_partial(self, entry: _OpenFile) -> None:
        """Remove a file of which only a part was written: it would pass for a whole one."""
        if not entry.partial:
            return
        entry.partial = False
        self.logger.warning("%s is removed, since only a part of it was written", entry.path)
        try:
            self._storage.delete(str(entry.path))
        except (FileError, ValueError) as error:
            self.logger.warning("%s", error)

    def _file(self, fd: object) -> _OpenFile:
        try:
            uuid = UUID(fd) if isinstance(fd, str) else None
        except ValueError:
            uuid = None
        if uuid is None:
            raise ValueError(f"A file's id is a UUID, not {fd!r}. Take it from open().")
        if uuid not in self._files:
            raise FileError(f"No file {uuid} is open. Open it in this session.")
        entry: _OpenFile = self._files[uuid]
        return entry

    def _usable(self, fd: str, mode: str) -> bool:
        entry = self._file(fd)
        return entry.mode == mode and not entry.file.closed

    def _forget(self, path: str) -> None:
        gone = StoragePath.parse(path).parts
        # Calls run in several threads; a copy may be walked, and single names discarded, while others add.
        for name in tuple(self._created_paths):
            if tuple(name.split("/"))[: len(gone)] == gone:
                self._created_paths.discard(name)
