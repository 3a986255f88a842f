"""Tell a shell from a boot loader where a prompt could be either, before anything else is typed there."""

from __future__ import annotations

import re

from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.command_markers import COMMAND_BEGIN, as_typed, end_marker, new_token
from JumpstarterLibrary.client.consoles.kernel import without_kernel_messages
from JumpstarterLibrary.client.consoles.keyboard import TypingOptions, type_text
from JumpstarterLibrary.client.consoles.prompts import Prompt, PromptKind
from JumpstarterLibrary.client.consoles.screen import LastLines
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.text import without_erased
from JumpstarterLibrary.printable import printable
from JumpstarterLibrary.types import CommandResult

ANSWER = "42"

_FISH = re.compile(r"^fish: |\u23ce", re.MULTILINE)
"""What fish says of a command that it does not understand, and its sign for output without a line end."""
_ZSH = re.compile(r"\Azsh: command not found: eval\Z")
_BEGUN = re.compile(rf"^{COMMAND_BEGIN.pattern}$", re.MULTILINE)
_REFUSED = re.compile(
    r"not found|unknown|invalid|illegal|undefined|unrecogni[sz]ed|unsupported|no such|bad command|error|usage|help|\?",
    re.IGNORECASE,
)
"""A word with which programs refuse a command that they do not know."""
NOT_FOUND = 127
"""The status of a command that there is not."""
QUOTED = 80
"""Characters of an answer that are told."""


def other_shell(said: str, result: CommandResult | None = None) -> str:
    """Return the name of a shell that is no POSIX shell and did not run a command; empty if that is not known.

    Args:
        said: What the console said since shortly before.
        result: The result that came nevertheless. Default: none.
    """
    if result is not None:
        return "zsh" if result.status == NOT_FOUND and _ZSH.search(result.stdout) else ""
    return "fish" if _FISH.search(said) and not _BEGUN.search(said) else ""


def refusal(console: Console, prompt: Prompt, deadline: Deadline, char_delay: float | None = None) -> str:
    """Return why no shell waits at a prompt that could be a boot loader's, too; empty if one does, or may.

    An ``echo`` is typed, once, of which a shell prints something else than any boot loader. What a shell prints is the
    line by which its prompt is known from then on; see ``COMMAND_END``.

    Args:
        console: The console, which stands still at the prompt.
        prompt: The prompt.
        deadline: Until when it is waited for an answer.
        char_delay: Seconds between two typed characters. Default: the timing's ``char_delay``.

    Raises:
        ConsoleMismatch: The line did not come back whole, and was not entered.
    """
    if prompt.certain or not prompt.line or not (prompt.may_be_shell or prompt.kind is PromptKind.NONE):
        return ""
    start, token = console.end, new_token()
    line = f"echo {as_typed(end_marker(token))}$(echo {ANSWER}):"
    type_text(console, line, TypingOptions(char_delay=char_delay), timeout=deadline)
    screen = LastLines(console, lambda: start)
    while not deadline.expired:
        text = without_erased(without_kernel_messages(console.text(start)))
        if f"\n{end_marker(token)}{ANSWER}" in text:
            screen.settled(deadline.within(console.timing.settle_limit))
            return ""
        answered, _, last = text.partition("\n")[2].rpartition("\n")
        # A shell may be slow, but it does not show its prompt before it has answered.
        if last.strip() == prompt.line and not screen.changes(console.timing.prompt_settle, deadline):
            said = printable(console.hidden(answered.strip()))[:QUOTED]
            if prompt.kind is PromptKind.CONTINUATION and not (token in said or _REFUSED.search(said)):
                return ""  # a quote is open, and has taken the echo, too; what was said is a cut message of a kernel
            return (
                f"what waits on console {console.title} with the prompt '{printable(prompt.line)}' is no shell: an "
                f"echo that was typed there was answered with '{said}'."
            )
        console.wait_for_output(deadline)
    return ""
