"""Files that appear under their names only when they are whole, and that no link leads elsewhere."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def draft_of(path: Path, *, suffix: str, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Write a new file beside a path, and put it in its place when the block has ended well; otherwise remove it.

    The draft has a name that no other process can foresee, and is made only if nothing is there, no link either. A
    link at the path itself is replaced, not followed.

    Args:
        path: Where the file is to be.
        suffix: The end of the draft's name, such as ``.part``.
        mode: The permissions of the file, less the process's umask. Default: all may read and write.

    Raises:
        OSError: The file cannot be written there.
    """
    # File systems end names at 255 bytes.
    name = os.fsdecode(os.fsencode(path.name)[:200])
    draft = path.with_name(f"{name}.{secrets.token_hex(4)}{suffix}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: str, *, suffix: str = ".new", mode: int = 0o666) -> None:
    """Put a text in the place of a file, in one step.

    Args:
        path: The file.
        content: Its text.
        suffix: The end of the draft's name. Default: ``.new``.
        mode: The permissions of the file, less the process's umask. Default: all may read and write.

    Raises:
        OSError: The file cannot be written there.
    """
    with draft_of(path, suffix=suffix, mode=mode) as file:
        file.write(content.encode())
