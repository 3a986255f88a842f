"""The running system's files: in memory, lost with the power, except what was synced below ``/data``."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass

from JumpstarterLibrary.exporter.drivers.virtual.medium import Medium, Side

CAPACITY = 4 * 1024 * 1024
"""Characters that all files hold together."""

DATA = "/data"
"""The directory that is on the medium; what `Files.sync` has written there survives a power cut."""


@dataclass(frozen=True)
class Special:
    """A file that the kernel makes up."""

    read: Callable[[], str] = lambda: ""
    write: Callable[[str], None] = lambda _: None


class Files:
    """Paths are absolute, or relative to ``directory``. Errors are OSErrors that name the path as it was given.

    Attributes:
        directory: The working directory.
        home: The user's own directory.
        specials: The kernel's files, by absolute path.
    """

    def __init__(self, medium: Medium, home: str, *, privileged: bool = True) -> None:
        self.home = self.directory = home
        self.specials: dict[str, Special] = {"/dev/null": Special()}
        self._medium = medium
        self._privileged = privileged
        self._contents: dict[str, str] = dict(medium.files)
        self._directories = {
            "/",
            "/bin",
            "/dev",
            "/etc",
            "/proc",
            "/proc/sys",
            "/proc/sys/kernel",
            "/tmp",
            DATA,
            "/home",
        }
        self._directories |= {"/root", home} | set(map(posixpath.dirname, self._contents))

    def resolve(self, path: str) -> str:
        """Return the absolute path."""
        return "/" + posixpath.normpath(posixpath.join(self.directory, path)).lstrip("/")

    def is_directory(self, path: str) -> bool:
        """Tell whether there is such a directory."""
        return self.resolve(path) in self._directories

    def is_file(self, path: str) -> bool:
        """Tell whether there is such a file."""
        return self.resolve(path) in self._contents or self.resolve(path) in self.specials

    def read(self, path: str) -> str:
        """Return a file's content."""
        place = self._checked(path)
        if place in self.specials:
            return self.specials[place].read()
        if place not in self._contents:
            raise _error(errno.EISDIR if place in self._directories else errno.ENOENT, path)
        return self._contents[place]

    def write(self, path: str, text: str, *, append: bool = False) -> None:
        """Write a file, or append to it."""
        place = self._checked(path, writing=True)
        if place in self.specials:
            return self.specials[place].write(text) if text else None
        if place in self._directories:
            raise _error(errno.EISDIR, path)
        if posixpath.dirname(place) not in self._directories:
            raise _error(errno.ENOENT, path)
        if sum(map(len, self._contents.values())) + len(text) > CAPACITY:
            raise _error(errno.ENOSPC, path)
        self._contents[place] = self._contents.get(place, "") * append + text
        return None

    def install(self, contents: dict[str, str]) -> None:
        """Add the files that the system comes with."""
        self._contents.update(contents)

    def list(self, path: str) -> list[str]:
        """Return the names in a directory, or the path itself if it is a file."""
        place = self._checked(path)
        if place not in self._directories:
            if not self.is_file(path):
                raise _error(errno.ENOENT, path)
            return [path]
        everything = {*self._directories, *self._contents, *self.specials} - {"/"}
        return sorted(posixpath.basename(entry) for entry in everything if posixpath.dirname(entry) == place)

    def make_directory(self, path: str, *, parents: bool = False) -> None:
        """Make a directory; with ``parents`` also those above it, and it may exist."""
        place = self._checked(path, writing=True)
        if parents:
            while place not in self._directories:
                self._directories.add(place)
                place = posixpath.dirname(place)
        elif self.is_directory(path) or self.is_file(path):
            raise _error(errno.EEXIST, path)
        elif posixpath.dirname(place) not in self._directories:
            raise _error(errno.ENOENT, path)
        self._directories.add(place)

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file; with ``recursive`` also a directory and everything below."""
        place = self._checked(path, writing=True)
        if place in self._directories and not recursive:
            raise _error(errno.EISDIR, path)
        below = {entry for entry in (*self._contents, *self._directories) if f"{entry}/".startswith(f"{place}/")}
        if not below:
            raise _error(errno.ENOENT, path)
        self._directories -= below
        for entry in below & self._contents.keys():
            del self._contents[entry]

    def change_directory(self, path: str) -> None:
        """Make a directory the working directory."""
        if not self.is_directory(path):
            raise _error(errno.ENOTDIR if self.is_file(path) else errno.ENOENT, path)
        self.directory = self.resolve(path)

    def sync(self) -> None:
        """Write what is below ``/data`` to the medium."""
        if self._medium.side is Side.BOARD:
            data = {path: text for path, text in self._contents.items() if path.startswith(DATA + "/")}
            self._medium.files = data

    def _checked(self, path: str, *, writing: bool = False) -> str:
        place = self.resolve(path)
        if f"{place}/".startswith(DATA + "/") and self._medium.side is not Side.BOARD:
            raise _error(errno.EIO, path)
        if writing and not self._privileged and not place.startswith((self.home, "/tmp", DATA, "/dev/null")):
            raise _error(errno.EACCES, path)
        return place


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
