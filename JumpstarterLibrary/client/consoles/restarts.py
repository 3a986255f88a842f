"""Tell a restart of a board that no test has asked for, while something else is awaited."""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Mapping
from typing import ClassVar, Protocol

from JumpstarterLibrary.client.consoles.boot_messages import (
    BANNER,
    BOOT_START,
    FIRMWARE,
    KERNEL,
    PANIC_TEXT,
    RESTART_WORDS,
)
from JumpstarterLibrary.client.consoles.kernel import STAMP
from JumpstarterLibrary.client.consoles.pattern_index import WordIndex
from JumpstarterLibrary.client.consoles.prompts import PromptKind, PromptSettings, classify, last_line_of_system
from JumpstarterLibrary.client.text import without_erased

CONTEXT = 64 * 1024
"""Characters before a sign of a restart in which it is looked for what the board has done before."""

LINE_LIMIT = 200
"""Characters of a line that are looked at and told."""

SILENCE_S = 1.0
"""Silence after which output that may be a command's is over, so that a shell's prompt stands below it."""

_LASTING = (
    r"reboot|reset|shut ?down|power ?off|halt|kexec|sysrq|upgrade|update|flash|watchdog|wdt|panic|crash|suspend"
    r"|hibernate|rtcwake|qemu|kvm|virsh|\bxl\b|jailhouse|remoteproc|\b(?:tel)?init +[0-6s]\b"
)
LASTING_ORDER = re.compile(_LASTING, re.IGNORECASE)
"""In a line that was typed: the board restarts because of it, or another machine speaks on its console, perhaps only
after the shell has shown its prompt again, as behind systemd's ``reboot``, ``shutdown -r +1`` or a watchdog."""

ORDER = re.compile(
    rf"{_LASTING}|(?<!U-)boot|restart|power|console|picocom|minicom|microcom|/dev/tty|\b(?:cu|tio|ssh|socat|screen|telnet)\b",
    re.IGNORECASE,
)
"""In a line that was typed: the board may restart because of it, or the console show another machine's boot, until the
shell shows its prompt again."""

_BACKGROUND = re.compile(r"(?<![&>])&(?![&>\d-])")
"""In a line that was typed: a command may print something behind the next prompt, too."""

_SIGN = re.compile(rf"{FIRMWARE.pattern}|{BANNER.pattern}|{KERNEL.pattern}", re.MULTILINE)
_WORDS = WordIndex(RESTART_WORDS)


class WatchedConsole(Protocol):
    """The part of a console in which restarts are looked for."""

    prompts: PromptSettings
    orders: RestartOrders

    @property
    def marks(self) -> Mapping[str, int]: ...

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...

    @property
    def silent_for(self) -> float: ...

    def text(self, since: int | None = None) -> str: ...


class RestartOrders:
    """What was done lately that may restart a board: on its console, or by any driver of any device.

    Args:
        console: The console. It can be read already: a call of another thread may take note of an order at once.

    Attributes:
        ordered: Where the console ended when a restart was ordered last.
        lasting: Where it ended when one was ordered last that may follow later, until the board boots.
        typed: Where it ended when a line was entered last that is no comment.
        background: Where it ended when a command was started last in the background.
    """

    _all: ClassVar[weakref.WeakSet[RestartOrders]] = weakref.WeakSet()
    _lock = threading.Lock()
    """Held while the set of all changes or is read: several threads open consoles and call drivers."""

    def __init__(self, console: WatchedConsole) -> None:
        self._console, self._line = weakref.ref(console), ""
        self.ordered = self.lasting = self.typed = self.background = -1
        with self._lock:
            self._all.add(self)

    @classmethod
    def note_on_all(cls) -> None:
        """Take note of a driver's action that may restart any board."""
        with cls._lock:
            orders = list(cls._all)
        for each in orders:
            console = each._console()
            if console is not None:
                each.ordered = each.lasting = console.end

    def typing(self, data: bytes, end: int) -> None:
        """Take note of what is typed where the console ends."""
        *lines, self._line = (self._line + data.decode(errors="replace")).replace("\r", "\n").split("\n")
        for line in lines:
            if entered := line.rpartition("\x15")[2].strip():
                if not entered.startswith("#"):
                    self.typed = end
                if ORDER.search(entered):
                    self.ordered = end
                if LASTING_ORDER.search(entered):
                    self.lasting = end
                if _BACKGROUND.search(entered):
                    self.background = end
        self._line = self._line[-LINE_LIMIT:]


class RestartWatch:
    """A search for restarts that were not ordered, during one wait.

    Only a board whose system was up before, or whose kernel has died meanwhile, can restart: the stages of one boot are
    none. What a command prints may be the log of another boot: behind one that was typed, and as long as some may run
    in the background, a restart is certain only where a login waits, or a boot loader.

    Args:
        console: The console.
        since: From where on it is looked for restarts.
    """

    def __init__(self, console: WatchedConsole, since: int) -> None:
        self._console, self._orders, self._begin = console, console.orders, since
        self._since = self._looked = max(since, console.marks["power_on"], console.orders.ordered)
        self._noticed: int | None = None
        self._boot = self._kernel = self._up = self._panic = self._known = -1

    def line(self, until: int | None = None) -> str | None:
        """Return the line by which the board told of a restart that was not ordered; None if it did not.

        Args:
            until: Where the line has to have ended. Default: anywhere.
        """
        end = self._console.end if until is None else until
        if self._looked < end:
            begin = max(self._since, self._looked - LINE_LIMIT, self._console.start)
            text = self._console.text(begin)[: max(0, end - begin)]
            for found in _WORDS.matches(_SIGN, text):
                at = begin + found.start()
                self._since = self._looked = begin + found.end()
                if until is not None and "\n" not in text[found.start() :]:
                    break  # it is the line that was awaited
                if self._is_restart(at, text, begin):
                    return self._line_at(at)
            else:
                self._looked = end
        return self._noticed_line() if until is None else None

    def _is_restart(self, at: int, text: str, begin: int) -> bool:
        """Whether a sign tells of a restart that was not ordered; one that may be output is noticed.

        Args:
            at: Where the sign is.
            text: A part of what the console said, with the sign.
            begin: Where that part begins.
        """
        if self._noticed is not None:
            return False
        power_on = self._console.marks["power_on"]
        oldest = max(self._console.start, power_on, at - CONTEXT)
        self._learn(max(self._known, oldest), at, text, begin)
        places = self._boot, self._kernel, self._up
        boot, kernel, up = (place if place >= power_on else -1 for place in places)
        if up <= boot:
            return self._panic >= max(self._begin, boot) and kernel == boot
        orders = self._orders
        if orders.ordered >= up or orders.lasting >= max(oldest, boot):
            return False
        if orders.typed < up and orders.background < max(oldest, boot):
            return True
        self._noticed = at
        return False

    def _learn(self, since: int, until: int, text: str, begin: int) -> None:
        """Take note of the last stages that a board has come to between two places.

        Args:
            since: From where on.
            until: Up to where.
            text: A part of what the console said; where it begins too late, the console is read.
            begin: Where that part begins.
        """
        if since < begin:
            text, begin = self._console.text(since), since
        # From the begin of a line on, and no more than is new: each place is looked at once.
        first = text.rfind("\n", 0, max(0, since - begin)) + 1
        text, begin = text[first : max(first, until - begin)], begin + first
        # What came behind the last sign holds no other.
        boots = list(_WORDS.lines(text)) if self._known < 0 else [_line(text, 0)]

        def last_of(pattern: re.Pattern[str], lines: list[tuple[int, int]], known: int) -> int:
            found = (pattern.search(text, max(since - begin, first), last) for first, last in reversed(lines))
            return next((begin + match.start() for match in found if match is not None), known)

        self._boot = last_of(BOOT_START, boots, self._boot)
        self._kernel = last_of(KERNEL, boots, self._kernel)
        up, panic = last_line_of_system(text, max(0, since - begin)), text.rfind(PANIC_TEXT, max(0, since - begin))
        self._up = begin + up if up >= 0 else self._up
        self._panic = begin + panic if panic >= 0 else self._panic
        self._known = until

    def _noticed_line(self) -> str | None:
        """Return the line of a restart that may have been output, once it is known that it was none."""
        if self._noticed is None or self._console.silent_for < SILENCE_S:
            return None
        prompt = classify(self._console.text(self._noticed), self._console.prompts)
        if prompt.asks_for_login or prompt.kind in (PromptKind.BOOT_LOADER, PromptKind.COUNTDOWN):
            return self._line_at(self._noticed)
        if prompt.may_be_shell:
            self._noticed, self._known = None, -1
        return None

    def _line_at(self, offset: int) -> str:
        """Return the line with a place, also that part of it that is before the place."""
        base = max(self._console.start, offset - LINE_LIMIT)
        text = self._console.text(base)
        at = max(0, offset - base)
        line = without_erased(text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0][: 2 * LINE_LIMIT]).strip()
        message = STAMP.search(line)  # it may come behind a prompt
        return line if message is None else line[message.start() :]


def _line(text: str, at: int) -> tuple[int, int]:
    """Return where the line of a text begins and ends that a place is in."""
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, len(text) if end < 0 else end
