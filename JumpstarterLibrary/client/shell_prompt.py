"""Wait for the shell that is to run a command, and make sure that it is one: nothing is typed where it does harm."""

from __future__ import annotations

import re

from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.command_markers import MarkerReader
from JumpstarterLibrary.client.consoles.keyboard import COMMENT, ERASE, abandon_line, let_settle
from JumpstarterLibrary.client.consoles.messages import quoted
from JumpstarterLibrary.client.consoles.prompts import LONGEST, Prompt, PromptKind, classify
from JumpstarterLibrary.client.consoles.restart_signs import RestartSign, restart_ordered, restart_signs
from JumpstarterLibrary.client.consoles.screen import TAIL, LastLines
from JumpstarterLibrary.client.consoles.shell_probe import refusal
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.errors import CommandFailed, ConsoleMismatch
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.printable import printable

OVERLAP = 4096
"""Characters before new output that a marker, cut by kernel messages, may begin in."""

_WAITING = "a shell prompt"
_NUMBERS = re.compile(r"\d+")


def await_prompt(console: Console, deadline: Deadline) -> None:
    """Wait for the prompt behind a command that has just ended: what is typed earlier, the shell prompts into."""
    end = deadline.within(console.timing.echo_timeout)
    while console.sent == console.prompt_due and not end.expired:
        behind = _behind_last_command(console.text(max(console.start, console.end - OVERLAP)))
        line = behind.rpartition("\n")[2]
        if len(behind) > LONGEST or _same_prompt(line, console.shell_prompt):
            break
        if not console.wait_for_output(end.at_most(console.timing.prompt_settle), _WAITING):
            break


def _same_prompt(line: str, known: str | None) -> bool:
    """Whether a line is a known prompt, apart from its numbers."""
    return known is not None and _NUMBERS.sub("0", line) == _NUMBERS.sub("0", known)


def wake(console: Console, command: str, deadline: Deadline) -> None:
    """Type a comment where nothing was typed so far: some boards lose the first character that they get.

    A quote that was left open, or a command that was left unfinished, is given up: it would swallow what is typed.

    Raises:
        CommandFailed: No shell waits there. Nothing is typed then: to a password prompt, a line is an attempt.
    """
    text = console.text(max(console.start, console.end - OVERLAP))
    if classify(text, console.prompts).kind is PromptKind.CONTINUATION:
        abandon_line(console, deadline)
    elif console.fresh:
        expect_shell(console, command, deadline)
        if not console.fresh:  # Enter was asked for
            return
        console.write(ERASE + COMMENT, deadline)
        if console.wait_for_output(deadline.at_most(console.timing.echo_timeout), _WAITING):
            let_settle(console, deadline, console.timing.match_settle)


def prove_shell(console: Console, prompt: Prompt, command: str, deadline: Deadline, char_delay: float | None) -> None:
    """Make sure that a shell waits where a prompt could be a boot loader's, too.

    Raises:
        CommandFailed: Something else waits there.
    """
    try:
        facts = refusal(console, prompt, deadline, char_delay)
    except ConsoleMismatch as error:
        raise error.reworded(CommandFailed, f"Command {quoted(command)} was not run. {error.facts}") from error
    if facts:
        raise CommandFailed(f"Command {quoted(command)} was not run: {facts}", hint=Hint.SET_PROMPT)


def expect_shell(console: Console, command: str, deadline: Deadline) -> Prompt:
    """Make sure that no prompt stands there that is none of a shell: what is typed to it would be taken for an answer.

    A prompt that may go away by itself is waited for, and so is the boot that may follow. Where Enter is asked for, it
    is pressed.

    Raises:
        CommandFailed: There is one, and it stays.
    """
    # What was said before a power action is no prompt any more.
    power_on = max(console.start, console.marks["power_on"])
    begin = max(power_on, console.end - OVERLAP)
    screen, timing = LastLines(console, lambda: begin, _WAITING), console.timing
    (prompt, text), patience = _settled_prompt(console, screen, deadline), 0.0
    ordered, waited = restart_ordered(text), False
    while True:
        end = console.end
        signs = list(restart_signs(_behind_last_command(console.text(max(power_on, console.end - TAIL)))))
        sign = signs[-1] if signs and not signs[-1].over else None
        patience = _patience(timing, prompt, sign, timing.nudge_delay if ordered and sign is None else patience)
        if not patience:
            break
        ordered, waited = False, True
        if prompt.kind is PromptKind.PRESS_ENTER:
            console.write(b"\n", deadline)
        if prompt.kind is PromptKind.NONE and patience >= timing.boot_silence:
            # The messages of its kernel may be all that a board says for long.
            goes_on = console.wait_for_output(deadline.at_most(patience), _WAITING, since=end)
        else:
            goes_on = screen.goes_on(screen.patience(prompt) or patience, deadline)
        stays = sign is None or sign.begins or prompt.kind is not PromptKind.NONE
        if not goes_on and (stays or deadline.expired):
            break
        prompt, _ = _settled_prompt(console, screen, deadline)
    line = printable(console.hidden(prompt.line))
    if patience and prompt.kind is PromptKind.NONE and deadline.expired:
        limit = format_duration(deadline.timeout or 0)
        facts, hint = f"console {console.title} came to no shell within {limit} ('{line}').", Hint.CHECK_LOGIN
    elif (found := _other_than_shell(console.title, prompt, line)) is not None:
        facts, hint = found
    else:
        return prompt
    down = next((sign for sign in signs if waited and not sign.begins), None)
    before = f" Before that, {restart_told(console, down)}" if down is not None else ""
    raise CommandFailed(f"Command {quoted(command)} was not run: {facts}{before}", hint=hint)


def _behind_last_command(text: str) -> str:
    """Return what a console has said below the marker of the last command that has ended; all where none has."""
    ends = [marker.at for marker in MarkerReader().read(text, 0) if marker.ends]
    return text[ends[-1] :].partition("\n")[2] if ends else text


def _patience(timing: Timing, prompt: Prompt, sign: RestartSign | None, before: float) -> float:
    """Return how long a console is left alone that shows a prompt, or none; 0 if something may be typed.

    Args:
        timing: The timing of the board.
        prompt: What the console shows.
        sign: The last sign of a restart.
        before: How long it is left alone as long as it shows no prompt, because of what it showed before.
    """
    # A shell may show its prompt once more while its system goes down.
    restarts = sign is not None and (prompt.kind is PromptKind.NONE or sign.stage == "down")
    if prompt.may_pass or (restarts and not prompt.asks_for_login):
        return timing.boot_silence
    if prompt.kind is PromptKind.PRESS_ENTER:
        return max(before, timing.answer_timeout)
    return before if prompt.kind is PromptKind.NONE or before == timing.nudge_delay else 0.0


def restart_told(console: Console, sign: RestartSign) -> str:
    """Return the sentence that tells of a restart, and by which line it was noticed."""
    what = "the system went down" if sign.stage == "down" else "the board restarted"
    return f"{what}. The console said: '{printable(console.hidden(sign.line))}'."


def _settled_prompt(console: Console, screen: LastLines, deadline: Deadline) -> tuple[Prompt, str]:
    """Return what stands on a console once it pauses, and the text; no prompt if it does not, unless that counts down.

    A shell's prompt is one at once.
    """
    text = screen.text()
    prompt = classify(text, console.prompts)
    if not text or prompt.kind is PromptKind.SHELL:
        return prompt, text
    settled = screen.settled(deadline.within(console.timing.settle_limit))
    text = screen.text() if settled is None else settled
    prompt = classify(text, console.prompts)
    certain = settled is not None or deadline.expired or prompt.kind is PromptKind.COUNTDOWN
    return (prompt if certain else Prompt(PromptKind.NONE)), text


def _other_than_shell(title: str, prompt: Prompt, line: str) -> tuple[str, Hint] | None:
    """Return what waits on a console of a title at a line, and what to try; None if it may be a shell."""
    if prompt.kind is PromptKind.BOOT_LOADER:
        return f"a boot loader waits on console {title} ('{line}').", Hint.BOOT_SYSTEM
    if prompt.kind is PromptKind.COUNTDOWN:
        return f"console {title} still shows the countdown of a boot ('{line}').", Hint.BOOT_SYSTEM
    if prompt.kind is PromptKind.PRESS_ENTER:
        return f"console {title} asks for the Enter key, and did not take it ('{line}').", Hint.ANSWER_PROMPT
    if prompt.asks_for_login:
        return f"console {title} asks for a login ('{line}').", Hint.LOG_IN
    if prompt.asks_user:
        return f"console {title} asks '{line}'.", prompt.hint
    if prompt.kind is PromptKind.MCU_SHELL:
        return f"{prompt.described} waits on console {title} ('{line}'), which is no POSIX shell.", Hint.USE_PROMPT
    if prompt.asks_for_secret:
        return f"console {title} asks for a password ('{line}').", Hint.LOG_IN
    return None
