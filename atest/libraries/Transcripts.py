"""What transcripts and reports hold."""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

from robot.api import logger
from robot.api.deco import library

from JumpstarterLibrary.client.devices.event_log import read_event_log

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")


@library(scope="SUITE", auto_keywords=True)
class Transcripts:
    """Reads them, as bytes."""

    def random_bytes(self, count: int) -> bytes:
        """Return bytes of all kinds; the seed is in the log."""
        seed = random.randrange(2**32)
        logger.info(f"seed {seed}")
        return random.Random(seed).randbytes(count)

    def cut(self, data: bytes, size: int) -> list[bytes]:
        """Return bytes in pieces of a size."""
        return [data[start : start + size] for start in range(0, len(data), size)]

    def transcript_should_have(self, path: Path, data: bytes) -> None:
        """Fail unless a file begins with bytes, compared by their SHA-256."""
        found = hashlib.sha256(path.read_bytes()[: len(data)]).hexdigest()
        assert found == hashlib.sha256(data).hexdigest(), f"{path} has other bytes"

    def timed_lines_since(self, path: Path, line: str) -> list[str]:
        """Return the lines behind the last one that is a certain line, without their times, which are checked."""
        lines = path.read_text(errors="surrogateescape").splitlines()
        plain = [STAMP.sub("", each) for each in lines if STAMP.match(each)]
        begin = len(plain) - 1 - plain[::-1].index(line)
        return plain[begin + 1 :]

    def no_file_should_have(self, folder: Path, text: str) -> None:
        """Fail if a file below a folder holds a text."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert len(files) > 3, f"{folder} has only {files}"
        found = [str(path) for path in files if text.encode() in path.read_bytes()]
        assert not found, f"The text is in {', '.join(found)}."

    def events_should_be(self, path: Path, *expected: str) -> None:
        """Fail unless an event log has events of these words: the kind, and the values of some of the fields."""
        found = [[entry["event"], *map(str, entry.values())] for entry in read_event_log(path)]
        missing = [text for text in expected if not any(set(text.split()) <= set(words) for words in found)]
        assert not missing, f"{path} has no {', no '.join(missing)}"
