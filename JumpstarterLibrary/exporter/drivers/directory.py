"""A folder of the exporter, as clients see it: paths are texts relative to it, and none leads out of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CAPABILITY: Mapping[str, bool | None] = {
    "stat": True,
    "stat_with_if_match": False,
    "stat_with_if_none_match": False,
    "read": True,
    "read_with_if_match": False,
    "read_with_if_none_match": False,
    "read_with_override_cache_control": False,
    "read_with_override_content_disposition": False,
    "read_with_override_content_type": False,
    "write": True,
    "write_can_multi": True,
    "write_can_empty": True,
    "write_can_append": True,
    "write_with_content_type": False,
    "write_with_content_disposition": False,
    "write_with_cache_control": False,
    "write_multi_max_size": None,
    "write_multi_min_size": None,
    "write_total_max_size": None,
    "create_dir": True,
    "delete": True,
    "copy": True,
    "rename": True,
    "list": True,
    "list_with_limit": False,
    "list_with_start_after": False,
    "list_with_recursive": False,
    "presign": False,
    "presign_read": False,
    "presign_stat": False,
    "presign_write": False,
    "shared": True,
    "blocking": True,
}
"""What a folder can do, in the terms of upstream's storage library."""

HASHES = ("md5", "sha256")
"""What ``Directory.hash`` can compute."""


DEPTH_LIMIT = 100
"""Names of a path, one below the other."""

PATH_LIMIT = 2000
"""Bytes of a path; systems end at some 4,000, to which the root's own path counts."""

SHOWN = 100
"""Characters of a path that messages show."""


class FileError(RuntimeError):
    """A file operation failed. Clients get UNKNOWN and the text, as from upstream's storage library."""


@dataclass(frozen=True)
class StoragePath:
    """A client's path in its one spelling: no slash in front, no doubled slashes, no dots.

    Attributes:
        parts: The names on the way; none for the root.
        is_dir: Whether the path names a folder: it ends with a slash, or is the root.
    """

    parts: tuple[str, ...]
    is_dir: bool

    @classmethod
    def parse(cls, path: object) -> StoragePath:
        """Return the path that a text names.

        Raises:
            ValueError: It is no text, or cannot be a path below the root.
        """
        if not isinstance(path, str):
            raise ValueError(f"A path is text, not {path!r}.")
        if "\0" in path:
            raise ValueError(f"The path {path!r} holds a null character.")
        spelled = path.strip()
        parts = tuple(part for part in spelled.split("/") if part not in ("", "."))
        size = len(spelled.encode(errors="replace"))
        if len(parts) > DEPTH_LIMIT or size > PATH_LIMIT:
            raise ValueError(
                f"The path {path[:SHOWN]!r}, of which this is the beginning, has {len(parts)} names and {size} bytes. "
                f"A path has at most {DEPTH_LIMIT} names and {PATH_LIMIT} bytes."
            )
        if ".." in parts:
            raise ValueError(f"The path {path!r} goes up with '..'. Give the path from the storage's root.")
        return cls(parts, is_dir=not parts or spelled.endswith(("/", "/.")))

    def __str__(self) -> str:
        """Return the spelling; folders end with a slash."""
        return self.name + "/" if self.is_dir else self.name

    @property
    def name(self) -> str:
        """The spelling without a slash at the end; empty for the root."""
        return "/".join(self.parts)


class Directory:
    """File operations below a root.

    A symbolic link that leads out of the root is refused where it would be followed; operations on names (delete,
    rename, listing) take links as what they are.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))

    def file_to_read(self, path: object) -> Path:
        """Return the place of a file that is there.

        Raises:
            ValueError: The path leads out of the root.
            FileError: It is no file, or there is none.
        """
        wanted = StoragePath.parse(path)
        with file_errors("read", wanted):
            place = self._followed(wanted)
            _refuse_other_than_file(wanted, place.stat().st_mode)
        return place

    def file_to_write(self, path: object) -> Path:
        """Return the place of a file that may be there; the folders on its way are made.

        Raises:
            ValueError: The path leads out of the root.
            FileError: It is something else than a file, or cannot be made.
        """
        wanted = StoragePath.parse(path)
        with file_errors("write", wanted):
            place = self._followed(wanted)
            _refuse_other_than_file(wanted, place.stat().st_mode if place.exists() else stat.S_IFREG)
            place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def stat(self, path: object) -> dict[str, object]:
        """Return what is known about a file or folder, in the wire's form.

        Raises:
            FileError: There is none.
        """
        wanted = StoragePath.parse(path)
        with file_errors("look at", wanted):
            place = self._followed(wanted)
            status = place.stat()
        if wanted.is_dir and not place.is_dir():
            raise FileError(f"{wanted.name!r} is a file, not a folder.")
        return {
            "content_disposition": None,
            "content_length": status.st_size if wanted.parts else 0,
            "content_md5": None,
            "content_type": None,
            "etag": None,
            "mode": {"entry_is_file": place.is_file(), "entry_is_dir": place.is_dir()},
        }

    def exists(self, path: object) -> bool:
        """Return whether there is a file or folder; a path with a slash at the end names folders only."""
        wanted = StoragePath.parse(path)
        with file_errors("look at", wanted):
            place = self._followed(wanted)
            return place.is_dir() if wanted.is_dir else place.exists()

    def hash(self, path: object, algorithm: object) -> str:
        """Return a file's hash in hexadecimal.

        Raises:
            ValueError: The algorithm is unknown.
            FileError: There is no such file.
        """
        if algorithm not in HASHES:
            raise ValueError(f"A hash is one of {', '.join(HASHES)}, not {algorithm!r}.")
        with file_errors("read", StoragePath.parse(path)), self.file_to_read(path).open("rb") as file:
            return hashlib.file_digest(file, str(algorithm)).hexdigest()

    def copy(self, source: object, target: object) -> None:
        """Copy a file; folders on the target's way are made, a file there is replaced.

        Raises:
            FileError: There is no such file, or the target is a folder or the file itself.
        """
        _refuse_same(source, target)
        origin, destination = self.file_to_read(source), self.file_to_write(target)
        with file_errors("copy", StoragePath.parse(source)):
            shutil.copy(origin, destination)

    def rename(self, source: object, target: object) -> None:
        """Give a file, folder or link another name; folders on the target's way are made, a file there is replaced.

        Raises:
            FileError: There is no such thing, or the target is a folder or the thing itself.
        """
        _refuse_same(source, target)
        old, new = StoragePath.parse(source), StoragePath.parse(target)
        for path in (old, new):
            if path.is_dir:
                raise FileError(f"{str(path)!r} cannot be renamed or replaced as a folder. Leave out the last slash.")
        with file_errors("rename", old):
            origin, destination = self._unfollowed(old), self._unfollowed(new)
            origin.lstat()
            destination.parent.mkdir(parents=True, exist_ok=True)
            origin.replace(destination)

    def create_dir(self, path: object) -> bool:
        """Make a folder and those on its way; one that is there is fine.

        Returns:
            Whether it was made now.

        Raises:
            FileError: The path does not end with a slash, or a file is there.
        """
        wanted = StoragePath.parse(path)
        if not wanted.is_dir:
            raise FileError(f"A folder's path ends with a slash: try {wanted.name + '/'!r}.")
        with file_errors("make", wanted):
            place = self._followed(wanted)
            made = not place.is_dir()
            place.mkdir(parents=True, exist_ok=True)
        return made

    def delete(self, path: object) -> None:
        """Remove a file, a link or an empty folder; nothing there is fine.

        Raises:
            FileError: A folder is not empty, or is the root, or a file is named as a folder.
        """
        wanted = StoragePath.parse(path)
        if not wanted.parts:
            raise FileError("The storage's root cannot be deleted.")
        with file_errors("delete", wanted):
            place = self._unfollowed(wanted)
            if not os.path.lexists(place):
                return
            if _is_real_dir(place):
                place.rmdir()
            elif wanted.is_dir:
                raise FileError(f"{wanted.name!r} is a file, not a folder.")
            else:
                place.unlink()

    def remove_all(self, path: object) -> None:
        """Remove a file or link, or a folder with everything in it; of the root only the content. Nothing is fine."""
        wanted = StoragePath.parse(path)
        with file_errors("remove", wanted):
            place = self._unfollowed(wanted)
            if not os.path.lexists(place):
                return
            for doomed in (place,) if wanted.parts else tuple(place.iterdir()):
                if _is_real_dir(doomed):
                    shutil.rmtree(doomed)
                else:
                    doomed.unlink()

    def entries(self, path: object, *, recursive: bool) -> Iterator[str]:
        """Yield the paths that begin with a path, sorted, folders before their content; folders end with a slash.

        Args:
            path: A folder, which comes first itself; or the first letters of names, as object stores list them.
            recursive: Go into all folders, not only that one.
        """
        wanted = StoragePath.parse(path)
        with file_errors("list", wanted):
            if wanted.is_dir:
                folder, prefix = wanted, ""
            else:
                folder, prefix = StoragePath(wanted.parts[:-1], is_dir=True), wanted.parts[-1]
            place = self._followed(folder)
            if not place.is_dir():
                return
            if wanted.is_dir:
                yield str(wanted)
            yield from _listed(place, folder.parts, prefix, recursive)

    def capability(self) -> Mapping[str, bool | None]:
        """Return what a folder can do."""
        return CAPABILITY

    def _followed(self, path: StoragePath) -> Path:
        """Return where a path leads, all links followed."""
        place = Path(os.path.realpath(self._root.joinpath(*path.parts)))
        self._refuse_outside(place, path)
        return place

    def _unfollowed(self, path: StoragePath) -> Path:
        """Return where a name is, links on its way followed but not itself."""
        if not path.parts:
            return self._root
        folder = Path(os.path.realpath(self._root.joinpath(*path.parts[:-1])))
        self._refuse_outside(folder, path)
        return folder / path.parts[-1]

    def _refuse_outside(self, place: Path, path: StoragePath) -> None:
        if not place.is_relative_to(self._root):
            raise ValueError(f"The path {str(path)!r} leads out of the storage's root through a symbolic link.")


def _listed(place: Path, parts: tuple[str, ...], prefix: str, recursive: bool) -> Iterator[str]:
    with os.scandir(place) as found:
        entries = sorted((entry for entry in found if entry.name.startswith(prefix)), key=lambda entry: entry.name)
    for entry in entries:
        is_dir = entry.is_dir(follow_symlinks=False)
        path = StoragePath((*parts, entry.name), is_dir)
        yield str(path)
        if recursive and is_dir:
            yield from _listed(place / entry.name, path.parts, "", recursive)


def _refuse_other_than_file(path: StoragePath, mode: int) -> None:
    if path.is_dir or stat.S_ISDIR(mode):
        raise FileError(f"{str(path)!r} is a folder. Give the path of a file.")
    if not stat.S_ISREG(mode):
        # A pipe would keep its reader waiting for ever.
        raise FileError(f"{str(path)!r} is a device, pipe or socket, not a file.")


def _refuse_same(source: object, target: object) -> None:
    if StoragePath.parse(source) == StoragePath.parse(target):
        raise FileError(f"{source!r} and {target!r} are the same path. Give two different ones.")


def _is_real_dir(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


@contextmanager
def file_errors(action: str, path: StoragePath) -> Iterator[None]:
    """Turn what the operating system refuses into a FileError.

    Args:
        action: What was asked, as a verb: ``read``.
        path: For what.
    """
    try:
        yield
    except RecursionError:
        raise FileError(f"Cannot {action} {str(path) or '/'!r}: its folders are nested too deeply.") from None
    except OSError as error:
        raise FileError(f"Cannot {action} {str(path) or '/'!r}: {error.strerror or error}.") from error
