"""Log in on a console, from any state that it is in."""

from __future__ import annotations

import re

from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.boot_messages import maintenance_mode
from JumpstarterLibrary.client.consoles.keyboard import COMMENT, ERASE, INTERRUPT, TypingOptions, type_text
from JumpstarterLibrary.client.consoles.lost_exporter import exporter_checked
from JumpstarterLibrary.client.consoles.messages import tail
from JumpstarterLibrary.client.consoles.prompts import LONGEST, Prompt, PromptKind, classify
from JumpstarterLibrary.client.consoles.screen import LastLines
from JumpstarterLibrary.client.consoles.shell_probe import other_shell, refusal
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.errors import CommandFailed, ConsoleMismatch, LoginFailed
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.printable import printable

_REFUSED = re.compile(
    r"^.*(?:login (?:incorrect|failed|invalid|denied)|authentication (?:failure|failed|error)"
    r"|(?:permission|access) denied"
    r"|(?:incorrect|invalid|wrong|bad) (?:user ?name|user|login|password)|not permitted|not allowed|too many|locked"
    r"|(?:tries|attempts|retries|logins?|failures) exceeded|disabled|account (?:has )?expired|fehlgeschlagen|fehlerhaft"
    r"|anmeldung falsch|incorrect[aoe]\b|non corretto|onjuist|неверн|不正确|不正確|错误|錯誤).*$",
    re.IGNORECASE | re.MULTILINE,
)
"""The line by which a login refuses a user."""

_LOCKED = re.compile(
    r"^(?>.*?\b(?:account|user|login)\b).*\b(?:locked|disabled|blocked)\b.*$", re.IGNORECASE | re.MULTILINE
)
"""The line by which a login tells, before it asks for the password, that it will not take it."""

ATTEMPTS = 2
"""How often a name is typed that no password was asked for: the login may run out of time."""

ENTERS = 3
"""How often the Enter key is pressed where it is asked for."""

NUDGES = 2
"""Comments without an answer, after which the program on the console is interrupted with Ctrl-C."""

_WAITING = "a shell prompt"


def log_in(
    console: Console,
    user: str,
    password: str | None = None,
    timeout: Seconds = None,
    *,
    char_delay: float | None = None,
) -> None:
    """Bring a console to a shell prompt.

    A user who is logged in already stays so. A board that still boots is waited for; one that is silent is nudged with
    a comment, and in the end with Ctrl-C: an earlier user may have left a program running. What this login itself has
    started is waited for and never interrupted: a profile may be slow.

    No more is typed at a login than the name and the password, once. Any other question is left to the user.

    Args:
        console: The console.
        user: The user name for a login prompt.
        password: The password, if one is asked for.
        timeout: Seconds or timedelta until the shell must answer. Default: the timing's ``login_timeout``.
        char_delay: Seconds between two typed characters. Default: the timing's ``char_delay``, which is none.

    Raises:
        LoginFailed: The login was refused, a password was asked for and none given, a boot loader or a shell that is
            not the system's waits instead, something is asked that is not a login's question, or there was no prompt in
            time.
        DeviceCrashed: A failing pattern came meanwhile.
    """
    login = _Login(console, user, password, Deadline.of(timeout, console.timing.login_timeout), char_delay)
    with exporter_checked(console):
        login.run()


class _Login:
    """One attempt: reads the last line of the console, does what it asks for, and waits for the next."""

    def __init__(
        self, console: Console, user: str, password: str | None, deadline: Deadline, char_delay: float | None
    ) -> None:
        self._console, self._user, self._password, self._deadline = console, user, password, deadline
        self._screen = LastLines(console, waiting=_WAITING)
        self._manner = TypingOptions(char_delay=char_delay)
        self._nudged = 0
        self._nudged_at = ("", 0)
        self._answered = 0
        self._named = self._entered = 0
        self._engaged = False
        self._nudged_since = False
        self._asked = False
        self._timing = console.timing
        # A newline that is sent too early after a power action would stop the boot loader.
        self._patience = self._timing.boot_silence if console.powered else self._timing.nudge_delay

    def run(self) -> None:
        while not self._deadline.expired:
            prompt = self._settled_prompt()
            if prompt is None:
                break
            self._check_is_system(prompt)
            if prompt.kind is PromptKind.LOGIN:
                self._answer_login()
            elif prompt.asks_user:
                self._outlast(prompt)
            elif prompt.asks_for_password:
                self._answer_password(prompt)
            elif prompt.kind is PromptKind.PRESS_ENTER:
                self._press_enter(prompt)
            elif self._is_shell(prompt):
                self._check_is_not_for_maintenance(prompt)
                return
            elif self._screen.goes_on(self._patience_at(prompt), self._deadline):
                self._nudged = 0
            elif not self._deadline.expired:  # a nudge whose answer is not awaited could stop a boot
                self._nudge(prompt)
        raise self._no_login()

    def _settled_prompt(self) -> Prompt | None:
        """Return what the last line asks for once the console pauses."""
        text = self._screen.settled(self._deadline)
        return None if text is None else classify(text, self._console.prompts)

    def _check_is_system(self, prompt: Prompt) -> None:
        """Raise where a boot loader waits, which would run what is typed, or a shell that is not the system's.

        Raises:
            LoginFailed: One does.
        """
        if prompt.kind is PromptKind.BOOT_LOADER:
            raise self._other_waits(f"a boot loader waits there with the prompt '{self._line(prompt)}'.")
        if prompt.kind is PromptKind.MCU_SHELL:
            facts = f"{prompt.described} waits there ('{self._line(prompt)}'), which is no POSIX shell."
            raise self._other_waits(facts, Hint.USE_PROMPT)
        if prompt.is_no_system:
            raise self._other_waits(
                f"{prompt.described} waits there ('{self._line(prompt)}'), which is not the system."
            )

    def _check_is_not_for_maintenance(self, prompt: Prompt) -> None:
        """Raise where a shell is that of a system in emergency, rescue or failsafe mode.

        Raises:
            LoginFailed: It is.
        """
        if maintenance_mode(self._console.text(self._screen.begin)):
            facts = f"a shell for maintenance waits there ('{self._line(prompt)}'), which is not the system."
            raise self._other_waits(facts)

    def _other_waits(self, facts: str, hint: Hint = Hint.BOOT_SYSTEM) -> LoginFailed:
        return LoginFailed(f"There is no login on console {self._console.title}: {facts}", hint=hint)

    def _outlast(self, prompt: Prompt) -> None:
        """Give a question that is not a login's time to go away by itself. Nothing is typed: that would be an answer.

        Raises:
            LoginFailed: It stays.
        """
        if not self._screen.goes_on(self._screen.patience(prompt), self._deadline):
            facts = f"it asks '{self._line(prompt)}', which is not a login's question. Nothing was typed there."
            raise self._other_waits(facts, prompt.hint)

    def _press_enter(self, prompt: Prompt) -> None:
        self._entered += 1
        if self._entered > ENTERS:
            facts = f"it asks for the Enter key, and did not take it ('{self._line(prompt)}')."
            raise self._other_waits(facts, Hint.ANSWER_PROMPT)
        self._send("")

    def _line(self, prompt: Prompt) -> str:
        return printable(self._console.hidden(prompt.line))

    def _patience_at(self, prompt: Prompt) -> float:
        """Return how long a silent console is left alone.

        A key at a countdown would stop the boot. A login takes its time for a refusal, a profile for its programs, and
        both may take what is typed meanwhile for an answer.
        """
        waited_for = prompt.kind is PromptKind.COUNTDOWN or self._engaged
        return self._timing.boot_silence if waited_for else self._patience

    def _nudge(self, prompt: Prompt) -> None:
        """Type a comment, and Ctrl-C after some; only once: a board that is off does not answer either.

        A login, and what it has started, is not interrupted.
        """
        if self._nudged == NUDGES and not self._engaged:
            self._console.write(INTERRUPT, self._deadline)
        else:
            # A name that was typed and not entered is forgotten, not tried. A boot loader may wait unseen.
            line = b"\n" if prompt.kind is PromptKind.PARTIAL_LOGIN else COMMENT
            self._console.write(ERASE + line, self._deadline)
        self._nudged += 1
        self._nudged_at = (prompt.line, self._console.end)
        self._nudged_since = True

    def _may_be_shell(self, prompt: Prompt) -> bool:
        """Whether a shell may wait, also at an unknown prompt: a line that shows itself again below a comment."""
        line, end = self._nudged_at
        return prompt.may_be_shell or (
            prompt.kind is PromptKind.NONE and prompt.line == line != "" and self._console.end > end
        )

    def _answer_login(self) -> None:
        if self._named:
            refusal = _REFUSED.search(self._said())
            # A line end that was typed meanwhile may have been an empty password.
            if self._asked or self._named == ATTEMPTS or (refusal and not self._nudged_since):
                again = f"it asks for a login again, behind '{self._shown(self._said())}'"
                raise self._refused(f"'{self._shown(refusal.group())}'" if refusal else again)
        self._named += 1
        self._engaged = True
        self._send(self._user)

    def _answer_password(self, prompt: Prompt) -> None:
        self._engaged = True
        if not self._named:
            if self._answered:
                self._outlast(prompt)
            # The attempt of an earlier user; an empty password ends it.
            self._send("")
            return
        locked = _LOCKED.search(self._said())
        if locked:
            raise self._refused(f"'{self._shown(locked.group())}'")
        if self._asked:
            raise self._refused("it asks for a password again")
        if self._password is None:
            self._send("")
            raise LoginFailed(
                f"Console {self._console.title} asks for the password of '{self._user}', and none was given.",
                hint=Hint.GIVE_PASSWORD,
            )
        self._asked = True
        self._send(self._password, secret=True)

    def _said(self) -> str:
        """Return what the console has said since the last answer, but the line that waits."""
        return self._screen.text(self._answered).rpartition("\n")[0]

    def _shown(self, text: str) -> str:
        """Return the last line of a text that is not empty, for messages."""
        lines = [line.strip() for line in self._console.hidden(text).split("\n") if line.strip()]
        return printable(lines[-1][:LONGEST]) if lines else ""

    def _refused(self, facts: str) -> LoginFailed:
        return LoginFailed(
            f"The login of '{self._user}' on console {self._console.title} was refused: {facts}. Check user and "
            f"password."
        )

    def _send(self, text: str, *, secret: bool = False) -> None:
        self._answered, self._nudged_since = self._console.end, False
        type_text(self._console, text, self._manner, secret=secret, timeout=self._deadline)
        self._screen.changes(self._timing.answer_timeout, self._deadline)

    def _is_shell(self, prompt: Prompt) -> bool:
        """Whether a shell waits; where one does not, what it was tried with and its answer are not new."""
        if not self._may_be_shell(prompt):
            return False
        answers = self._shell_answers(prompt)
        self._screen.text()
        return answers

    def _shell_answers(self, prompt: Prompt) -> bool:
        """Whether what looks like a shell prompt is one: it comes again after a comment, and runs a command.

        Raises:
            LoginFailed: It is not, and may be a boot loader's.
        """
        begin = self._console.end
        try:
            self._send(COMMENT.decode().strip())
            again = self._settled_prompt()
        except ConsoleMismatch:
            again = None
        if shell := other_shell(self._console.text(begin)):
            raise self._no_posix(shell)
        if again is None or again.line != prompt.line:
            return False
        limit = self._deadline.within(self._timing.probe_timeout)
        try:
            facts = refusal(self._console, again, limit, self._manner.char_delay)
        except ConsoleMismatch:
            return False
        if facts:
            raise LoginFailed(f"There is no login on console {self._console.title}: {facts}", hint=Hint.SET_PROMPT)
        try:
            return run_command(self._console, "true", limit, char_delay=self._manner.char_delay).status == 0
        except CommandFailed as error:
            if Hint.START_SH in error.hints:
                raise self._no_posix(other_shell(self._console.text(begin)) or "zsh") from error
            return False

    def _no_posix(self, shell: str) -> LoginFailed:
        facts = f"{shell} waits there, which is no POSIX shell."
        return LoginFailed(f"The login on console '{self._console.name}' is done, but {facts}", hint=Hint.START_SH)

    @property
    def _limit(self) -> str:
        return format_duration(self._deadline.timeout or 0)

    def _no_login(self) -> LoginFailed:
        begin = max(self._console.marks["power_on"], self._console.end - 2000)
        text = self._console.folded(begin)
        said = f"The last lines were:\n{tail(text, 10)}" if text.strip() else "The console was silent."
        hint = None if text.strip() else Hint.CHECK_POWER
        return LoginFailed(
            f"No login on console {self._console.title} within {self._limit}. {said}",
            hint=hint,
            fault=self._console.fault(begin),
        )
