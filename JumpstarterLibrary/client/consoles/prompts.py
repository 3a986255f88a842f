"""Tell which prompt stands on a console: the one place that logins, commands, device states and boots ask.

What a prompt looks like is taken from what systems print: the prompts of U-Boot's configurations and of other boot
loaders, of getty and login, of PAM, cryptsetup, systemd and sulogin, and of shells. Where a line could be two things,
the rule that decides says why.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from JumpstarterLibrary.client.consoles.kernel import without_kernel_messages
from JumpstarterLibrary.client.text import without_erased

LAST_LINES = 4096
"""Characters at the end of a text that are looked at."""

LONGEST = 300
"""Characters of a line that are looked at: its end. Prompts of boot loaders and questions are not longer."""


class PromptKind(enum.Enum):
    """What waits at the last line of a console, and for what."""

    NONE = enum.auto()
    """No prompt: output, or something that is not known."""
    SHELL = enum.auto()
    """A shell waits for a command."""
    CONTINUATION = enum.auto()
    """A shell, or U-Boot, waits for the rest of a command: a quote is open. Some shells prompt so for every line."""
    LOGIN = enum.auto()
    """A login waits for the name of the user."""
    PARTIAL_LOGIN = enum.auto()
    """A login at which a name was typed, and not entered."""
    LOGIN_PASSWORD = enum.auto()
    """A login waits for the password: the line above asks for the name."""
    PASSWORD = enum.auto()
    """A password is asked for, and not said by what: a login whose first line has gone, or ``su``."""
    SECRET = enum.auto()
    """Something that is not a login waits for a secret: sudo, a passphrase, a PIN, a new password, sulogin."""
    BOOT_LOADER = enum.auto()
    """A boot loader waits for a command."""
    COUNTDOWN = enum.auto()
    """Firmware or a boot loader goes on by itself unless a key is pressed."""
    PRESS_ENTER = enum.auto()
    """The Enter key is asked for, as BusyBox's init does before it starts a shell."""


@dataclass(frozen=True)
class PromptSettings:
    """The prompts that a device is known to have.

    Attributes:
        boot_loader: What the prompt of its boot loader begins with; None if that was not said.
    """

    boot_loader: str | None = None


@dataclass(frozen=True)
class Prompt:
    """The last line of a console.

    Attributes:
        kind: What it asks for.
        line: The line, without the spaces around it.
        name: The boot loader's name, where its prompt tells.
        configured: Whether it is the boot loader's prompt of the settings.
        typed: What is typed behind a boot loader's prompt.
        certain: Whether it is a shell's and nothing else's: it shows a user, a path or the name of the shell, or
            stands below the end of a shell's command.
    """

    kind: PromptKind
    line: str = ""
    name: str = ""
    configured: bool = False
    typed: str = ""
    certain: bool = False

    @property
    def asks_for_login(self) -> bool:
        """Whether the name of a user is asked for."""
        return self.kind in (PromptKind.LOGIN, PromptKind.PARTIAL_LOGIN)

    @property
    def asks_for_secret(self) -> bool:
        """Whether a secret is asked for, by a login or by something else. An empty line is an attempt, too."""
        return self.kind in (PromptKind.LOGIN_PASSWORD, PromptKind.PASSWORD, PromptKind.SECRET)

    @property
    def waits(self) -> bool:
        """Whether input is waited for, so that nothing happens without it."""
        return self.kind not in (PromptKind.NONE, PromptKind.COUNTDOWN)

    @property
    def may_pass(self) -> bool:
        """Whether it may go away by itself: a countdown ends, and a disk may be unlocked without its passphrase.

        The begin of a line of output may look like a question for a secret, too.
        """
        return self.kind in (PromptKind.COUNTDOWN, PromptKind.SECRET)

    @property
    def may_be_shell(self) -> bool:
        """Whether a shell may take a command here, once an open line is given up with Ctrl-C."""
        return self.kind in (PromptKind.SHELL, PromptKind.CONTINUATION)


# Logins

_NAME = r"(?:(?<!last )(?<!\w)login|^ *user ?name): *"
"""``host login:``, with any text before it: an issue file may end without a line end. But ``Last login:`` is output."""

_LOGIN = re.compile(rf"{_NAME}$", re.IGNORECASE)
PARTIAL_LOGIN = re.compile(rf"{_NAME}[\w.@+$\\-]*$", re.IGNORECASE | re.MULTILINE)
"""The line of a login that asks for the name, with or without one typed behind it."""

# Secrets

_PASSWORD_WORD = (
    r"(?:pass ?word|passwort|mot de passe|contraseña|senha|wachtwoord|lösenord|passord|hasło|heslo|пароль|密码|密碼"
    r"|パスワード)"
)
PASSWORD_ANY = re.compile(
    rf"(?:{_PASSWORD_WORD}|pass ?phrase|passcode|\bpin\b|unlock disk|verification code)[^\n]{{0,{LONGEST}}}?"
    r"[:\uff1a] *(?:\(press TAB[^)\n]*\) *)?\**$"
    r"|^\(or (?:press|type) control-d\b[^\n]*: *$",
    re.IGNORECASE,
)
"""A question for a secret. What is typed there is an attempt, and some allow only three.

systemd has a hint behind the colon, and asterisks for what was typed. sulogin asks in two lines; where root has no
password it wants Enter, which must not be pressed either: a shell for maintenance is not the system.
"""
_PASSWORD = re.compile(rf"^ *(?:enter )?{_PASSWORD_WORD} ?[:\uff1a] *$", re.IGNORECASE)
_NOT_OF_LOGIN = re.compile(
    r"\b(?:new|old|current|unix|retype|re-?enter|repeat|again|confirm|verify|create|change|sudo|pass ?phrase|passcode"
    r"|pin|disk|maintenance)\b",
    re.IGNORECASE,
)
"""In a question directly below a login that is not the login's own: a password that has expired, a token."""

# A key is asked for

_PRESS_ENTER = re.compile(
    r"\b(?:press|hit) (?:the )?[<\['\"]?(?:enter|return|any key)[>\]'\"]?(?: key)? to ", re.IGNORECASE
)
_STOP = r" to (?:stop|abort|skip|interrupt|cancel)\b"
_OF_PROGRAMS = r" [<\['\"]?(?:ctrl\b|control\b|q\b|\^)"
_SECONDS = r"\d[\d.]* ?s(?:ec\w*)?\b"
COUNTDOWN = re.compile(
    r"\bautoboot(?:ing)?\b[^\n]*\d"
    rf"|\b(?:press|hit)\b(?!{_OF_PROGRAMS}(?![^\n]*(?:boot|{_SECONDS})))(?:(?! to )[^\n]){{1,60}}{_STOP}"
    rf"|\b(?:press|hit)\b[^\n]{{1,60}}? to [^\n]{{1,60}}?(?:: *\d+| in {_SECONDS})[ .]*$"
    rf"|\b{_SECONDS}[^\n]{{1,20}}\benter \^C{_STOP}",  # RedBoot
    re.IGNORECASE,
)
"""The line of a countdown, at which a key stops the boot.

Programs are ended with Ctrl-C or ``q``: those keys make a countdown only where the line tells of a boot or of seconds.
"""

# What goes on

_ZSH_NAMES = (
    "for while repeat select until if then else elif math cond cmdor cmdand pipe errpipe foreach case function subsh "
    "cursh array quote dquote bquote cmdsubst mathsubst elif-then heredoc heredocd brace braceparam always"
)
_OPEN = "|".join(_ZSH_NAMES.split())
_CONTINUATION = re.compile(rf"^(?:(?:{_OPEN})(?: (?:{_OPEN}))*|hush)?> *$")
"""POSIX's ``> ``, which is U-Boot's too; zsh names what is open, and some U-Boots say ``hush>``. Other words, as in
NuttX's ``nsh>``, are prompts."""

PS2 = "> "
"""What U-Boot and shells show when a quote is open."""

# Boot loaders

_VENDORS = (
    r"[A-Z]\w*>>|(?:STM32MP\d*|ZynqMP|Zynq|Versal(?: NET)?|Pogoplug\w*) ?>"
    r"|(?:a[pr]\d{2,4}[\w.-]*|db\d\w*|ath\d*|bldr|BCM\d+) ?>"
    r"|(?:TEGRA|Tegra)\d+(?: \([\w-]+\))? ?#|(?:Colibri|Apalis|Verdin|Aquila|Octeon|OMAP\w*|DaVinci)(?: [\w.()-]+)+ ?#"
    r"|(?i:mt|rtl|rk|jz|gk|hi)\d{4}\w* ?[#>]|(?:IPQ|QCA|GRX|ARX|VR|SG)\d+\w* ?#|\((?:IPQ|QCA)\w*\) ?#"
    r"|(?:SOCFPGA|SMDK|ODROID|odroid|VExpress|hi3\d|isvp_|cv1\d|kvim|hikey)[\w-]* ?#|J7\w+-EVM ?#"
    r"|(?:g[sx]\w+|axg|sm1|g12[ab]|tl1|tx\w+|a1|sc2|t[57]|s4)_\w+_v\d+#"
    r"|(?:hisilicon|OpenIPC|RISC-V|StarFive|ast|sunxi|goke|xmtech|ci20|DANUBE|AMAZON\w*|SigmaStar|SStar) ?#"
    r"|(?:anyka|U8500) ?\$"
)
"""Prompts of vendors' U-Boots that have no sign of U-Boot. A shell shows a user or a path before its ``#``, or a plain
host name: ``board # `` is taken for a shell's, unless it is configured as a boot loader's."""

_LOADERS = [
    (name, re.compile(rf"^(?:{prompt}) *(?P<typed>{'.*' if name else ''})$"))
    for name, prompt in (
        # No space before the arrow, unless behind another prompt: `word => ` is a program's question, or output.
        ("U-Boot", r"(?:[\w.()-]*|[\w.()-]+> )={1,2}>"),
        # No `/`, `~`, `@` or `:`: a shell may well stand in a directory that is called u-boot.
        ("U-Boot", r"(?i:[\w.() -]*u-?boot[\w.() -]*[#>=]+)"),
        ("U-Boot", _VENDORS),
        ("Barebox", r"barebox(?:@[^:\n]*)?(?::(?:/\S*)?|>)"),
        ("GRUB", r"grub(?: rescue)?>"),
        ("UEFI shell", r"(?:\d\.\d )?Shell>|(?i:fs|blk)\d+:[^>\n]*>"),
        ("RedBoot", r"RedBoot>"),
        ("CFE", r"CFE>"),
        ("PMON", r"PMON>"),
        ("YAMON", r"YAMON>"),
        ("iPXE", r"i?g?PXE>"),
        ("Breed", r"breed>"),
        ("Realtek's boot loader", r"<RealTek>"),
        ("ROMMON", r"rommon \d+ ?>"),
        ("VxWorks' boot loader", r"\[VxWorks Boot\]:"),
        ("", r"[A-Z][A-Z0-9_-]{2,} ?>"),
    )
]
"""Prompts of boot loaders by their names, and what may be typed behind them. The last: no POSIX shell has ``>`` for a
prompt unless it is told so, boot loaders have it behind a name in capitals."""

# Shells

_SHELL = re.compile(r"(?:(?<![=#.$%>])[#$%]|(?<![=#.$%>-])>) *$")
"""The ends of shells' prompts, but neither an arrow nor the bars of a progress."""
_NUMBER = r"\d+(?:[.,]\d+)*"
_NO_SHELL = re.compile(
    rf"(?:^|[^\w.-]){_NUMBER} ?% *$"  # a percentage
    rf"|\S\s+{_NUMBER} ?\$ *$"  # a price; a number alone is bash's \!
    r"|<[^<>\n]*> *$"  # a tag
    r"|^\w+ing: *# *$"  # the first sign of U-Boot's bar for a file: Loading: #
    r"|^(?:[A-Za-z][a-z]*[,;:.]? ){4,}\w*[#$>%] *$"  # a sentence
)
"""Output that ends as a shell's prompt does."""

_OF_SHELL = re.compile(r"[/~@%]|:.*[#$>] *$|^(?:\([^)]*\) )?\w*sh-?\d?[\w.-]*[#$] *$")
"""Signs of a shell's prompt: a user, a path, the name of the shell."""

COMMAND_END = re.compile(r"JMP[0-9a-f]{8}E:\d+:")
"""The line by which a shell ends a command of ``Run Command``: what stands below it is that shell's prompt."""


def classify(last_lines: str, settings: PromptSettings | None = None) -> Prompt:
    """Tell which prompt a console's text ends with.

    Args:
        last_lines: The text, in plain lines as a console keeps it. Only its end is looked at, and messages of the
            kernel in it do not count.
        settings: The prompts that the device is known to have. Default: none.
    """
    text = without_erased(without_kernel_messages(last_lines[-LAST_LINES:]))
    above, _, line = text.rpartition("\n")
    # A shell may prompt with anything, and with nothing.
    if COMMAND_END.fullmatch(above.rpartition("\n")[2]):
        return Prompt(PromptKind.SHELL, line.strip(), certain=True)
    known = None if settings is None else settings.boot_loader
    if known and line.startswith(known):
        name = _loader(known)[0] or ""
        shown = Prompt(PromptKind.BOOT_LOADER, line.strip(), name, True, line[len(known) :].strip())
    elif not line.strip():
        shown = Prompt(PromptKind.NONE)
    elif len(line) <= LONGEST and (loader := _loader(line))[0] is not None:
        shown = Prompt(PromptKind.BOOT_LOADER, line.strip(), loader[0], typed=loader[1])
    else:
        kind = _kind(line[-LONGEST:], above.rstrip().rpartition("\n")[2])
        certain = kind is PromptKind.SHELL and _OF_SHELL.search(line) is not None
        shown = Prompt(kind, line.strip(), certain=certain)
    return shown


def _kind(line: str, above: str) -> PromptKind:
    """Return what a line asks for that is no boot loader's prompt, below the last line that is not empty."""
    if _CONTINUATION.search(line):
        return PromptKind.CONTINUATION
    if _SHELL.search(line):
        return PromptKind.NONE if _NO_SHELL.search(line) else PromptKind.SHELL
    if COUNTDOWN.search(line):
        return PromptKind.COUNTDOWN
    if _PRESS_ENTER.search(line):
        return PromptKind.PRESS_ENTER
    if PASSWORD_ANY.search(line):
        return _secret(line, above)
    if PARTIAL_LOGIN.search(line):
        return PromptKind.LOGIN if _LOGIN.search(line) else PromptKind.PARTIAL_LOGIN
    return PromptKind.NONE


def _secret(line: str, above: str) -> PromptKind:
    """Return what asks for a secret."""
    if PARTIAL_LOGIN.search(above) and not _NOT_OF_LOGIN.search(line):
        return PromptKind.LOGIN_PASSWORD
    return PromptKind.PASSWORD if _PASSWORD.search(line) else PromptKind.SECRET


def _loader(line: str) -> tuple[str | None, str]:
    """Return the name of the boot loader whose prompt a line has, and what is typed behind it.

    The name is empty if the prompt does not tell, and None if it is none's.
    """
    found = ((name, prompt.search(line)) for name, prompt in _LOADERS)
    return next(((name, match["typed"].strip()) for name, match in found if match is not None), (None, ""))
