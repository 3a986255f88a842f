"""Tell whether a typed line came back whole, through the line editors of shells.

Nothing of a terminal's width is known here, and a serial line has none; so the rules are those of what editors print:

- Where a line wraps, readline prints the character that comes next, a carriage return and the character again, or a
  space and a carriage return where no character follows yet. BusyBox, and readline on terminals that do not wrap by
  themselves, print a line end, zsh a mixture. All of them are taken out again.
- Where an editor scrolls a line sideways (readline on a dumb terminal, mksh), it goes back to the begin of the row and
  shows the end of the line there. Of a line that came in one write, the rest is never shown; so it is typed in pieces,
  each of which has to appear at the end of the row.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from unicodedata import east_asian_width

from JumpstarterLibrary.client.consoles.kernel import without_begun_message, without_kernel_messages
from JumpstarterLibrary.client.text import without_erased, without_escapes

PIECES = (8, 3)
"""Characters of a piece, and where that is too much. An editor that scrolls a row of 40 columns shows 25 before the
cursor, or half of what the prompt leaves: enough for two pieces and to tell a lost character from a repeated text."""

LOOK_AHEAD = 16
"""Characters of a line that may be lost in one place, for what came instead to count as the echo of the line."""

_WRAP = re.compile(r"([^\r\n])\r+(?=\1)| \r+(?![\r\n])|(?P<end>(?<!\r)\r*\n\r*)")
_SCROLLED = re.compile(r"[^<\r]\r+<")
"""A line that scrolls, also behind a blank, where it looks like one that wraps."""
_LETTERS = re.compile(r"([^\x00-\x7f](?:[^\x00-\x7f]|\?)*)")
"""Letters that not all editors know, with the question marks among and behind them."""
_STEP = re.compile(r"\x1b\[(\d*)([@CDKP])|\x1b\[\??[\d;]*[a-zA-Z]|\x1b[^\[]|[^\x1b]", re.DOTALL)


class LineEcho:
    """The echo of a line.

    Args:
        line: What is typed.
        prompts: Whether a text is a prompt, which may come before the echo if it was still to come.

    Attributes:
        size: How many characters it has.
    """

    def __init__(self, line: str, prompts: Callable[[str], bool] = lambda _text: False) -> None:
        self.size = len(line)
        self._line, self._prompts = line, prompts
        self._expected = re.compile(_as_shown(line))

    def whole(self, raw: str) -> bool:
        """Whether the line came whole, without anything before or behind it that may belong to it.

        Args:
            raw: What the console said since the line was typed, with its control characters.
        """
        raw = without_escapes(raw)
        quiet = without_kernel_messages(raw)
        return any(map(self._stands_in, dict.fromkeys((raw, quiet, without_begun_message(quiet)))))

    def _stands_in(self, raw: str) -> bool:
        rows = without_erased(_unwrapped(raw)).split("\n")
        text = "".join(rows)
        return any(
            self._begins_at(found.start(), rows) and self._ends_at(found.end(), rows)
            for found in self._expected.finditer(text)
        )

    def _begins_at(self, place: int, rows: list[str]) -> bool:
        """Whether the line may begin at a place, and nothing before it is a doubled begin of the line."""
        number, column = _row_of(place, rows)
        before = rows[number][:column]
        if not before:
            above = next((row for row in reversed(rows[:number]) if row), "")
            return not (above and self._line.startswith(above))
        doubled = any(before.endswith(self._line[:size]) for size in self._sizes)
        return bool(number or self._prompts(before)) and (self._line[0].isspace() or not doubled)

    def _ends_at(self, place: int, rows: list[str]) -> bool:
        """Whether the line may end at a place, and nothing behind it is a doubled end of the line."""
        number, column = _row_of(place - 1, rows)
        behind = rows[number][column + 1 :]
        if not behind.strip():
            below = next((row for row in rows[number + 1 :] if row), "")
            return not (below and self._line.endswith(below))
        doubled = any(behind.startswith(self._line[-size:]) for size in self._sizes)
        # A line of another program ends; what the editor shows goes on, unless it wraps.
        of_another = number + 1 < len(rows) and len(behind) > LOOK_AHEAD
        return bool(number or of_another or self._prompts(behind)) and not doubled

    @property
    def _sizes(self) -> range:
        return range(1, min(len(self._line), LOOK_AHEAD) + 1)

    def progress(self, raw: str) -> int:
        """Return how many of the line's characters came, in their order."""
        text = without_kernel_messages(without_escapes(raw))
        at = found = 0
        for character in self._line:
            at = text.find(character, at) + 1
            if not at:
                break
            found += 1
        return found

    def resembles(self, raw: str) -> bool:
        """Whether what came is an echo of the line, though not a whole one: half of it is in the line, in its order."""
        line = self._line
        came = without_erased(_unwrapped(without_kernel_messages(without_escapes(raw))).replace("\r", ""))
        came = came.replace("\n", "").strip()
        at = found = 0
        for character in came:
            place = line.find(character, at, at + LOOK_AHEAD)
            if place >= 0:
                at, found = place + 1, found + 1
        if found and 2 * found >= min(len(came), len(line)):
            return True
        longest = difflib.SequenceMatcher(None, line, came[-4 * len(line) - 200 :], autojunk=False).find_longest_match()
        return longest.size >= max(2, len(line) / 2)


def scrolls(raw: str) -> bool:
    """Whether an editor seems to show a line sideways: it went back to the begin of the row, and not for a wrap."""
    text = without_kernel_messages(without_escapes(raw))
    return "\r" in _unwrapped(text).rstrip() or _SCROLLED.search(text) is not None


class ScrolledRow:
    """A row in which an editor shows the end of a line.

    Args:
        row: What stands there before the line is typed: the prompt.
    """

    def __init__(self, row: str) -> None:
        self._cells: list[str] = []
        self._column = 0
        self._take(row)

    def followed_by(self, raw: str) -> ScrolledRow:
        """Return the row as it is after what the console said next, with its control characters."""
        row = ScrolledRow("")
        row._cells, row._column = self._cells.copy(), self._column
        row._take(raw)
        return row

    def _take(self, raw: str) -> None:
        for step in _STEP.finditer(without_kernel_messages(raw)):
            text = step.group()
            if step[2]:
                self._edit(step[2], int(step[1] or (0 if step[2] == "K" else 1)))
            elif text == "\r":
                self._column = 0
            elif text == "\n":
                self._cells, self._column = [], 0
            elif text == "\b":
                self._column = max(0, self._column - 1)
            elif text.isprintable():
                cells = [text, ""] if east_asian_width(text) in "WF" else [text]
                self._cells[self._column : self._column + len(cells)] = cells
                self._column += len(cells)

    def _edit(self, command: str, count: int) -> None:
        column = self._column
        if command == "C":
            self._column += count
            self._cells += " " * (self._column - len(self._cells))
        elif command == "D":
            self._column = max(0, column - count)
        elif command == "K":
            del self._cells[column if count == 0 else len(self._cells) :]
        elif command == "P":
            del self._cells[column : column + count]
        else:
            self._cells[column:column] = " " * count

    def proves(self, typed: str, size: int) -> bool:
        """Whether the row shows that the last characters were taken as they were typed, each of them once.

        What was typed before must be proved already. In a text that repeats itself a lost character cannot be seen.

        Args:
            typed: All that was typed.
            size: How many characters of it are new.
        """
        shown = "".join(self._cells[: self._column])
        same = 0
        while same < min(len(shown), len(typed)) and shown[-1 - same] == typed[-1 - same]:
            same += 1
        before = typed[len(typed) - same : len(typed) - size]
        return len(before) > size and all(before[step:] != before[:-step] for step in range(1, size + 1))


def _as_shown(line: str) -> str:
    """Return an expression for a line as it comes back.

    Editors print question marks for letters that they do not know, one or several for each, readline in the C locale
    the octal numbers of their bytes. That there may be more is said once for letters that stand together: the
    expression decides at each place, and takes a time that grows with the text only.
    """
    runs = _LETTERS.split(line)
    return "".join(re.escape(run) if run.isascii() else f"{''.join(map(_shown, run))}[?\ufffd]*+" for run in runs)


def _shown(character: str) -> str:
    """Return an expression for a character as it comes back."""
    octal = "".join(rf"\\{byte:03o}" for byte in character.encode(errors="surrogatepass"))
    plain = re.escape(character)
    return plain if character.isascii() else f"(?:{plain}|{octal}|[?\ufffd])"


def _row_of(place: int, rows: list[str]) -> tuple[int, int]:
    """Return the row and the column of a character, given its place in all rows together."""
    for number, row in enumerate(rows):
        if place < len(row):
            return number, place
        place -= len(row)
    raise AssertionError("a place behind the last row")


def _unwrapped(text: str) -> str:
    """Return a text without what an editor adds where a line wraps; line ends are plain."""
    return _WRAP.sub(lambda found: "\n" if found["end"] else "", text)
