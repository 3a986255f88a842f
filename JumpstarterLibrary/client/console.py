"""A console: one reader per serial port, a history that reading never destroys, and waits that leave evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.client.consoles.lost_exporter import STILL_S, check_exporter
from JumpstarterLibrary.client.consoles.messages import (
    CONTEXT_LINES,
    ReadStats,
    alternatives,
    crash,
    mismatch_message,
)
from JumpstarterLibrary.client.consoles.prompts import PromptSettings
from JumpstarterLibrary.client.consoles.recording import Recording
from JumpstarterLibrary.client.consoles.restarts import RestartOrders, RestartWatch
from JumpstarterLibrary.client.consoles.search import THOROUGH_S, IncrementalSearch
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.pattern import Found, Pattern
from JumpstarterLibrary.client.text import without_erased
from JumpstarterLibrary.errors import ConsoleMismatch, DeviceCrashed, FaultClass, LeaseError, LinkError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.printable import printable
from JumpstarterLibrary.types import ConsoleMatch

if TYPE_CHECKING:
    from JumpstarterLibrary.client.drivers.base import DriverProxy
    from JumpstarterLibrary.client.timing import Timing

TICK_S = 0.2
"""Seconds between two calls of the tick during a wait, and the delay until an interruption is noticed."""

TAIL = 16 * 1024
CONTEXT = 4096
"""Characters before a failing line in which the lines before it are looked for."""


class Console:
    """The console of a device, from now until ``close``.

    A daemon thread reads the byte stream into a history. Waits look at the history from a cursor on; a match moves the
    cursor behind it, and nothing is ever removed by reading. Patterns that fail the device are looked for all the time.

    Args:
        driver: The driver whose byte stream is the console.
        transcript: File that gets every byte as it comes; beside it comes one with timed lines in both directions.
            Default: none.
        tick: Called about five times a second, in the waiting thread, while a wait goes on. Default: nothing.

    Attributes:
        cursor: Where the next search begins: an offset in characters since the console was opened.
        powered: Whether power was switched since the console was opened.
        fresh: Whether nothing was typed since it was opened, opened again, or power was switched.
        marks: Named offsets: ``connect``, ``power_on`` (the last power action), and the caller's own.
        kernel: The time of the device's kernel, as far as its messages tell.
        prompts: The prompts that its board is known to have.
        orders: What was done lately that may restart the board.
        line_end: What the board takes for Enter; None for a line feed, until another is known.
        shell_prompt: The prompt behind which a command was typed last; None if none was.
        prompt_due: Bytes that were written when a command ended, behind which its shell prompts.
        piece: Characters that are typed at once where the line editor was seen to show long lines in part; otherwise 0.

    Raises:
        ConfigurationError: The transcript could not be opened.
        InfrastructureError: The stream could not be opened.
    """

    def __init__(
        self, driver: DriverProxy, transcript: Path | None = None, tick: Callable[[], None] = lambda: None
    ) -> None:
        self.name = driver.path or "console"
        self.driver = driver
        self.cursor = 0
        self.powered = False
        self.fresh = True
        self.marks: dict[str, int] = {"connect": 0, "power_on": 0}
        self.prompts = PromptSettings()
        self.line_end: bytes | None = None
        self.shell_prompt: str | None = None
        self.prompt_due = -1
        self.piece = 0
        self._tick = tick
        self._ticked = 0.0
        self._recording = Recording(driver, self.name, lambda: self.title, transcript)
        self.kernel = self._recording.kernel
        self.orders = RestartOrders(self)

    @property
    def title(self) -> str:
        """The name as messages have it: in quotation marks, with the device where there are several."""
        return f"'{self.name}'{self.driver._device.name_suffix()}"

    @property
    def transcripts(self) -> list[Path]:
        """The files that are written: that with every byte, and that with timed lines."""
        transcript = self._recording.transcript
        return [path for path in (transcript.path, transcript.timed_path) if path is not None]

    def resume(self) -> None:
        """Read on after the stream has ended, with a mark of the gap in history and transcript.

        Raises:
            InfrastructureError: The stream could not be opened again.
        """
        self.fresh = self._recording.resume() or self.fresh

    @property
    def gone(self) -> bool:
        """Whether the exporter has ended the stream, which may be opened again; not where the link was lost."""
        return self._recording.ended and not isinstance(self._recording.error, LinkError | LeaseError)

    @property
    def timing(self) -> Timing:
        """The time limits and pauses of its board."""
        return self.driver._device.timing_of(self.driver)

    # Reading

    def wait_for(
        self,
        pattern: Pattern | str,
        timeout: Seconds,
        *,
        since: int | None = None,
        unwanted: Iterable[Pattern | str] = (),
        crash_expected: bool = True,
        expect_restart: bool = False,
    ) -> ConsoleMatch:
        """Wait until the console has said something, and move the cursor behind it.

        Args:
            pattern: What to look for.
            timeout: Seconds or timedelta to wait; 0 looks only at what is there.
            since: Offset to search from. Default: the cursor.
            unwanted: Patterns that must not come before it.
            crash_expected: Whether a match on the line of a failing pattern means that the crash is what the caller
                waits for. Default: yes. The library's own waits for prompts and echoes never do.
            expect_restart: Whether the board may restart meanwhile, although neither a driver nor a typed line has
                ordered it. Default: no.

        Raises:
            ConsoleMismatch: It did not come in time, or an unwanted pattern or a restart came before it; the message
                has the evidence.
            DeviceCrashed: A failing pattern came before it.
            InfrastructureError: The stream ended before it came.
        """
        _, match = self.wait_for_any(
            [pattern],
            timeout,
            since=since,
            unwanted=unwanted,
            crash_expected=crash_expected,
            expect_restart=expect_restart,
        )
        return match

    def wait_for_any(
        self,
        patterns: Iterable[Pattern | str],
        timeout: Seconds,
        *,
        since: int | None = None,
        unwanted: Iterable[Pattern | str] = (),
        waiting: str | None = None,
        crash_expected: bool = True,
        expect_restart: bool = False,
    ) -> tuple[int, ConsoleMatch]:
        """Wait for the first of several patterns; return its index and the match. Otherwise like ``wait_for``.

        Args:
            patterns: What to look for.
            timeout: Seconds or timedelta to wait; 0 looks only at what is there.
            since: Offset to search from. Default: the cursor.
            unwanted: See ``wait_for``.
            waiting: What is awaited, for the message of a crash. Default: the patterns.
            crash_expected: See ``wait_for``.
            expect_restart: See ``wait_for``.
        """
        wanted = [Pattern.of(pattern) for pattern in patterns]
        waiting = alternatives(wanted) if waiting is None else waiting
        deadline, begin = Deadline.of(timeout), clock.seconds()
        start, heard = self.cursor if since is None else since, self.heard
        searched = [*wanted, *(Pattern.of(pattern) for pattern in unwanted)]
        if len(searched) > len(wanted):
            self.check_kept(start)
        hunt = IncrementalSearch(searched, start, self._recording.read)
        restarts = (
            None if expect_restart else RestartWatch(self, self.cursor if since in (None, self.cursor) else self.end)
        )
        patience: Deadline | None = None
        while True:
            end, ended, late = self.end, self._recording.ended, deadline.expired
            hit = hunt.look(last=ended or late)
            if hit is not None:
                patience = patience or deadline.within(self.timing.settle_limit)
                if not self._settled(searched[hit.index], hit.found, patience):
                    continue  # there is more now, and the match may be longer
                if hit.index >= len(wanted):
                    raise self._unwanted(hit.found, f", while {waiting} was awaited")
                self._check_restart(restarts, waiting, hit.found.start)
                self._pass_crash(hit.found, waiting, expected=crash_expected)
                self.cursor = hit.found.end
                return hit.index, self._match(wanted[hit.index], hit.found, start, begin)
            self.check(waiting)
            self._check_restart(restarts, waiting)
            if ended:
                raise self._recording.end_error(waiting)
            if late:
                check_exporter(self, waiting, 0.0 if self.heard == heard else STILL_S)
                raise self._mismatch(wanted, start, heard, deadline)
            self._pause(end, deadline.at_most(THOROUGH_S if hunt.pending_text else TICK_S))

    def wait_for_all(
        self,
        patterns: Iterable[Pattern | str],
        timeout: Seconds,
        *,
        since: int | None = None,
        in_order: bool = False,
        unwanted: Iterable[Pattern | str] = (),
        expect_restart: bool = False,
    ) -> list[ConsoleMatch]:
        """Wait until all of several patterns have come; return their matches in the order of the patterns.

        The cursor moves behind the last match.

        Args:
            patterns: What to look for.
            timeout: Seconds or timedelta to wait for all of them; 0 looks only at what is there.
            since: Offset to search from. Default: the cursor.
            in_order: Whether each must come behind the one before. Default: they come in any order, and may overlap.
            unwanted: See ``wait_for``; until the last one has come.
            expect_restart: See ``wait_for``.

        Raises:
            ConsoleMismatch: One did not come in time, or an unwanted pattern came; the message has the evidence.
            DeviceCrashed: A failing pattern came before the last one.
            InfrastructureError: The stream ended before the last one came.
        """
        wanted, refused = [Pattern.of(pattern) for pattern in patterns], [Pattern.of(pattern) for pattern in unwanted]
        if not wanted:
            raise UsageError("There is nothing to wait for. Give patterns.")
        cursor = self.cursor
        try:
            begin = cursor if since is None else since
            return self._all(wanted, Deadline.of(timeout), begin, refused, in_order, expect_restart)
        except BaseException:
            self.cursor = cursor  # as after a wait for one that fails
            raise

    def _all(
        self,
        wanted: list[Pattern],
        deadline: Deadline,
        begin: int,
        unwanted: list[Pattern],
        in_order: bool,
        expect_restart: bool,
    ) -> list[ConsoleMatch]:
        found: dict[int, ConsoleMatch] = {}
        while len(found) < len(wanted):
            left = [number for number in range(len(wanted)) if number not in found][: 1 if in_order else None]
            try:
                index, match = self.wait_for_any(
                    [wanted[number] for number in left],
                    deadline,
                    since=begin,
                    unwanted=unwanted,
                    expect_restart=expect_restart,
                )
            except ConsoleMismatch as error:
                if not found:
                    raise
                came = ", ".join(f"'{printable(self.hidden(match.text))}'" for match in found.values())
                raise error.reworded(ConsoleMismatch, f"{error.facts}\nBefore that came: {came}.") from error
            found[left[index]] = match
            begin = match.end if in_order else begin
        self.cursor = max(match.end for match in found.values())
        return [found[number] for number in range(len(wanted))]

    def must_not_say(self, pattern: Pattern | str, within: Seconds, *, since: int | None = None) -> None:
        """Check that the console has not said something and does not say it for a while. The cursor stays.

        Args:
            pattern: What must not be there.
            within: Seconds or timedelta to watch on from now; 0 looks only at what is there.
            since: Offset to search from. Default: the cursor.

        Raises:
            ConsoleMismatch: It was said.
            DeviceCrashed: A failing pattern came meanwhile.
            UsageError: The console has said more since then than its history keeps.
            InfrastructureError: The stream ended meanwhile.
        """
        wanted = Pattern.of(pattern)
        deadline = Deadline.of(within)
        start = self.cursor if since is None else since
        self.check_kept(start)
        hunt = IncrementalSearch([wanted], start, self._recording.read)
        while True:
            end, ended, late = self.end, self._recording.ended, deadline.expired
            hit = hunt.look(last=ended or late)
            if hit is not None:
                raise self._unwanted(hit.found)
            self.check(f"silence about '{wanted}'")
            # What a broken stream did not bring may well have been said.
            if ended and (self._recording.error is not None or not late):
                raise self._recording.end_error(alternatives([wanted]))
            if late:
                check_exporter(self, f"silence about '{wanted}'")
                return
            self._pause(end, deadline.at_most(THOROUGH_S if hunt.pending_text else TICK_S))

    def check_kept(self, since: int) -> None:
        """Check that the text from an offset on is still in the history, so that a check of it can be relied on.

        Raises:
            UsageError: The console has said more since then than its history keeps.
        """
        if since < self.start:
            raise UsageError(
                f"Console {self.title} has said so much since then that its first {self.start - since} "
                f"characters are only in the transcript. Look from later on, or look more often."
            )

    def wait_for_output(self, timeout: Seconds, waiting: str = "", since: int | None = None) -> bool:
        """Wait until the console says anything; return whether it did.

        Args:
            timeout: Seconds or timedelta to wait.
            waiting: What is awaited, for messages.
            since: An offset; what is behind it already counts. Default: the end, as it is now.

        Raises:
            DeviceCrashed: A failing pattern came.
            InfrastructureError: The stream has ended.
        """
        deadline = Deadline.of(timeout)
        before = self.end if since is None else since
        while True:
            ended, late = self._recording.ended, deadline.expired
            self.check(waiting)
            if self.end != before:
                return True
            if ended:
                raise self._recording.end_error(waiting)
            if late:
                return False
            self._pause(before, deadline.at_most(TICK_S))

    def text(self, since: int | None = None) -> str:
        """Return the normalised text from an offset on. Default: from the cursor. The cursor stays.

        What backspaces have erased is still there, so that offsets are those of its characters.
        """
        return self._recording.read(self.cursor if since is None else since)[1]

    def shown(self, since: int | None = None) -> str:
        """Return the text for users: without typed secrets, and without what was erased."""
        return without_erased(self._recording.shown(self.cursor if since is None else since))

    def folded(self, since: int) -> str:
        """Return the text from an offset on for messages: as ``shown``, with each command that ran as it was given."""
        return without_erased(self._recording.folded(since))

    def fold(self, begin: int, text: str, command: str) -> None:
        """Show a command in messages, in place of what was typed to run it.

        Args:
            begin: The offset at which that begins.
            text: What came back of it.
            command: The command.
        """
        self._recording.commands.add(begin, text, command)

    def hidden(self, text: str) -> str:
        """Return a part of the text without the secrets that were typed."""
        return self._recording.secrets.hidden(text)

    @property
    def silent_for(self) -> float:
        """Seconds since the last byte came; since ever if none came."""
        last = self._recording.last_byte
        return float("inf") if last is None else clock.seconds() - last

    @property
    def heard(self) -> int:
        """Bytes that came so far."""
        with self._recording.lock:  # not before what they say is in the text
            return self._recording.heard

    @property
    def sent(self) -> int:
        """Bytes that were written so far; the last of them may still be on their way."""
        return self._recording.sent

    def evidence(self, wanted: list[Pattern], since: int, heard: int) -> str:
        """Return the sentences that tell what the console has said instead of what was wanted.

        Args:
            wanted: What was wanted.
            since: The offset that was looked at from.
            heard: The bytes that had come when the wait began.
        """
        text, last, recording = self.folded(since), self.folded(self.end - TAIL), self._recording
        count, lost = recording.bytes_since(since), recording.heard - heard
        return mismatch_message(wanted, ReadStats(text, count, lost, recording.last_byte, last))

    def panic(self, since: int) -> tuple[str, Hint | None]:
        """Return a sentence about a kernel panic that ended no wait, behind a blank, and what to try.

        Both are empty where there was none since an offset, or where failing patterns are registered.

        Args:
            since: The offset that was looked at from.
        """
        with self._recording.lock:
            panic = self._recording.sentry.panic
        if panic is None or panic.start < since:
            return "", None
        ago = format_duration(round(clock.seconds() - panic.seen, 1))
        return f" The kernel has died {ago} before: '{self._line_of(panic.start)}'.", Hint.END_WAIT_AT_PANIC

    def fault(self, since: int) -> FaultClass:
        """Return what a mismatch counts against: unknown where nothing was read, since that may be the cable.

        Args:
            since: The offset that was looked at from.
        """
        return FaultClass.PRODUCT if self.shown(since).strip() else FaultClass.UNKNOWN

    @property
    def start(self) -> int:
        """The offset of the first character that is still kept."""
        return self._recording.start

    @property
    def end(self) -> int:
        """The offset behind the last character."""
        return self._recording.end

    def mark(self, name: str) -> int:
        """Remember the present end of the history under a name and return the offset."""
        self._recording.transcript.happened(f"mark {name}")
        self.marks[name] = self.end
        return self.marks[name]

    def power_changes(self) -> None:
        """Begin a new chapter: what was said before a power action is no answer to what is waited for after it."""
        self.powered = self.fresh = True
        self.piece = 0
        self.shell_prompt = None
        self.cursor = self.mark("power_on")
        with self._recording.lock:
            self.kernel.restart()
            self._recording.sentry.restart()

    # What must never be said

    def fail_on(self, name: str, patterns: Iterable[FailingPattern]) -> None:
        """Look for failing patterns in all that is said from now on.

        A match ends any wait on this console; between two waits, it ends the next one.

        Args:
            name: By which ``accept`` takes them back. Patterns that had that name are replaced.
            patterns: The patterns.
        """
        with self._recording.lock:
            self._recording.sentry.register(name, patterns)

    def accept(self, name: str | None = None) -> bool:
        """Look for some failing patterns no more, or for none; return whether there were such."""
        with self._recording.lock:
            return self._recording.sentry.unregister(name)

    def failing(self) -> list[str]:
        """Return the names under which failing patterns are looked for."""
        with self._recording.lock:
            return self._recording.sentry.names

    def check(self, waiting: str = "") -> None:
        """Raise if a failing pattern has matched and no caller was told of it so far.

        Args:
            waiting: What is awaited, for the message. Default: nothing.

        Raises:
            DeviceCrashed: One was said.
        """
        error = self.crash(waiting)
        if error is not None:
            raise error

    def look_again(self, begin: int, end: int, newer_than: float) -> None:
        """Look for failing patterns in the messages of the kernel among what a command has printed.

        Args:
            begin: Where the output begins.
            end: Where it ends.
            newer_than: The time of the kernel that its own messages are newer than.
        """
        with self._recording.lock:
            base, text = self._recording.read(begin)
            self._recording.sentry.look_again(text[: end - base], base, newer_than, clock.seconds())

    def crash(self, waiting: str = "") -> DeviceCrashed | None:
        """Return the error for a failing pattern that no caller was told of so far; None if there is none.

        The console is listened to until the trace is over, so that all of it is there. What a command has printed that
        ends meanwhile is no failure.
        """
        while True:
            incident = self._recording.sentry.incident
            if incident is None:
                return None
            left = incident.trace.left(clock.seconds())
            if left <= 0 or self._recording.ended:
                break
            self._pause(self.end, min(left, TICK_S))
        with self._recording.lock:
            self._recording.sentry.incident = None
        before = self._recording.folded(incident.line - CONTEXT, incident.line).splitlines()[-CONTEXT_LINES:]
        trace = self._recording.folded(incident.line, incident.trace.end).rstrip("\n").split("\n")
        message = crash(self.title, waiting, trace[0].strip(), incident.pattern, [*before, *trace])
        return DeviceCrashed(message, line=trace[0].strip(), pattern=incident.pattern, trace="\n".join(trace))

    def _pass_crash(self, found: Found, waiting: str, *, expected: bool) -> None:
        """Let a match pass that comes before a failing pattern, or on its line where the crash may be expected."""
        incident = self._recording.sentry.incident
        if incident is None or found.end <= incident.start:
            return
        base, text = self._recording.read(incident.start)
        if not expected or "\n" in text[: max(0, found.start - base)]:
            self.check(waiting)
        with self._recording.lock:
            self._recording.sentry.incident = None

    # Writing

    def write(self, data: bytes, timeout: Seconds = None, *, secret: bool = False, delay: float | None = None) -> None:
        """Send bytes to the console.

        Args:
            data: What to send; each line feed as the line end that the board takes.
            timeout: Until the far side must have taken it. Default: the timing's ``write_timeout``.
            secret: Whether to hide it, both as it is sent and as it comes back. Default: no.
            delay: Seconds between two bytes, for devices that lose what comes too fast. Default: the timing's
                ``char_delay``, which is none.

        Raises:
            OperationTimeout: The far side took nothing in time.
            InfrastructureError: The stream has ended.
        """
        timing = self.timing
        deadline = Deadline.of(timeout, timing.write_timeout)
        if self.line_end is not None:
            data = data.replace(b"\n", self.line_end)
        self.orders.typing(data, self.end)
        self._recording.send(data, deadline, secret=secret, delay=timing.char_delay if delay is None else delay)
        self.fresh = False

    @contextmanager
    def typing(self, line: str) -> Iterator[Callable[[], str]]:
        """Let failing patterns pass that are in the echo of a line, while the line is typed and comes back.

        Yields:
            What the console has said since then, as it came: with carriage returns, backspaces and escape sequences.
        """
        recording = self._recording

        def raw() -> str:
            with recording.lock:
                return bytes(recording.raw or b"").decode(errors="replace")

        try:
            with recording.lock:
                recording.sentry.typing(line)
                recording.begin_raw()
            yield raw
        finally:
            with recording.lock:
                recording.sentry.typing("")
                recording.raw = None

    def close(self) -> None:
        """End the stream and the transcript. Closing twice is fine."""
        self._recording.close()

    # Inside

    def _match(self, pattern: Pattern, found: Found, start: int, begin: float) -> ConsoleMatch:
        base, text = self._recording.read(start)
        before = without_erased(text[: max(0, found.start - base)])
        seconds = clock.seconds() - begin
        return ConsoleMatch(found.text, before, found.groups, found.start, found.end, seconds, pattern.name)

    def _settled(self, pattern: Pattern, found: Found, patience: Deadline) -> bool:
        """Whether a match is final. One of a regular expression that ends where the output ends may still grow."""
        if pattern.literal or found.end < self.end or self._recording.ended or patience.expired:
            return True
        self._pause(found.end, patience.at_most(self.timing.match_settle))
        return self.end == found.end

    def _pause(self, seen: int, limit_s: float) -> None:
        """Wait for more output than was seen, and let the caller's tick have its turn now and then."""
        self._recording.wait(seen, limit_s)
        now = clock.seconds()
        if now - self._ticked >= TICK_S:
            self._ticked = now
            self._tick()

    def _line_of(self, offset: int) -> str:
        base, text = self._recording.read(offset - CONTEXT)
        at = max(0, offset - base)
        line = without_erased(text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0])
        return printable(self.hidden(line.strip()))

    def _unwanted(self, found: Found, when: str = "") -> ConsoleMismatch:
        return ConsoleMismatch(
            f"Console {self.title} said '{printable(self.hidden(found.text))}', which it should not{when}. "
            f"The line was: '{self._line_of(found.start)}'."
        )

    def _check_restart(self, restarts: RestartWatch | None, waiting: str, until: int | None = None) -> None:
        """Raise if the board has restarted, and nothing has ordered that.

        Raises:
            ConsoleMismatch: It has.
        """
        line = None if restarts is None else restarts.line(until)
        if line is not None:
            raise ConsoleMismatch(
                f"The board on console {self.title} restarted while {waiting} was awaited, which was not ordered: it "
                f"said '{printable(self.hidden(line))}'.",
                hint=Hint.ALLOW_RESTART,
            )

    def _mismatch(self, wanted: list[Pattern], start: int, heard: int, deadline: Deadline) -> ConsoleMismatch:
        limit = format_duration(deadline.timeout or 0)
        died, hint = self.panic(start)
        asked = f"No match for {alternatives(wanted)} on console {self.title} in {limit}.{died}"
        return ConsoleMismatch(f"{asked} {self.evidence(wanted, start, heard)}", hint=hint, fault=self.fault(start))
