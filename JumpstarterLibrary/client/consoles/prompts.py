"""Tell which prompt stands on a console: the one place that logins, commands, device states and boots ask.

What a prompt looks like is taken from what systems print: the prompts of U-Boot's configurations and of other boot
loaders, of getty and login, of PAM, cryptsetup, systemd and sulogin, and of shells. Where a line could be two things,
the rule that decides says why.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from JumpstarterLibrary.client.consoles.command_markers import COMMAND_END, PREFIX
from JumpstarterLibrary.client.consoles.kernel import without_kernel_messages
from JumpstarterLibrary.client.consoles.pattern_index import WordIndex
from JumpstarterLibrary.client.text import without_erased
from JumpstarterLibrary.hints import Hint

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
    """Something that is not a login waits for a secret: sudo, a PIN, a one-time code, a new password."""
    PASSPHRASE = enum.auto()
    """The passphrase of a disk is asked for. It may go away by itself: some boards unlock their disks without it."""
    MAINTENANCE = enum.auto()
    """sulogin asks for root's password, or for Enter, before it starts a shell for maintenance."""
    QUESTION = enum.auto()
    """Something else is asked, such as ``Continue? [Y/n]``, or a program waits. An empty line is an answer, too."""
    BOOT_LOADER = enum.auto()
    """A boot loader waits for a command."""
    COUNTDOWN = enum.auto()
    """Firmware or a boot loader goes on by itself unless a key is pressed."""
    PRESS_ENTER = enum.auto()
    """The Enter key is asked for, as BusyBox's init does before it starts a shell."""
    INITRAMFS = enum.auto()
    """The shell of an initial RAM file system: the system's root file system was not mounted."""
    RECOVERY = enum.auto()
    """The shell of a small system for installation or repair."""
    MCU_SHELL = enum.auto()
    """The command prompt of a microcontroller's firmware, or of an interpreter: no POSIX shell."""


@dataclass(frozen=True)
class PromptSettings:
    """The prompts that a device is known to have.

    Attributes:
        boot_loader: What the prompt of its boot loader begins with; None if that was not said.
        login: The line at which its login asks for the name of the user, beside those that every login may have.
        password: The line at which its login asks for the password, likewise.
    """

    boot_loader: str | None = None
    login: re.Pattern[str] | None = None
    password: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Prompt:
    """The last line of a console.

    Attributes:
        kind: What it asks for.
        line: The line, without the spaces around it.
        name: The name of the boot loader or of the firmware, where its prompt tells.
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
        return self.asks_for_password or self.kind in (
            PromptKind.SECRET,
            PromptKind.PASSPHRASE,
            PromptKind.MAINTENANCE,
        )

    @property
    def asks_for_password(self) -> bool:
        """Whether a login asks for the password, or what may be one."""
        return self.kind in (PromptKind.LOGIN_PASSWORD, PromptKind.PASSWORD)

    @property
    def asks_user(self) -> bool:
        """Whether only the user knows the answer: where it is not a login's question, and no command's prompt."""
        return self.kind in (
            PromptKind.SECRET,
            PromptKind.PASSPHRASE,
            PromptKind.MAINTENANCE,
            PromptKind.QUESTION,
        )

    @property
    def described(self) -> str:
        """What waits there, for messages: where it is none of a login's, a system's shell's, or of a question."""
        if self.kind is PromptKind.BOOT_LOADER:
            return f"the boot loader {self.name}" if self.name else "a boot loader"
        if self.kind is PromptKind.MCU_SHELL:
            return f"the command prompt of {self.name}"
        return f"the shell of {self.name}"

    @property
    def is_no_system(self) -> bool:
        """Whether a shell waits there that is not the system's, or a prompt of firmware."""
        return self.kind in (PromptKind.INITRAMFS, PromptKind.RECOVERY, PromptKind.MCU_SHELL)

    @property
    def hint(self) -> Hint:
        """What to try at a question that only the user can answer."""
        return Hint.UNLOCK_DISK if self.kind is PromptKind.PASSPHRASE else Hint.ANSWER_PROMPT

    @property
    def waits(self) -> bool:
        """Whether input is waited for, so that nothing happens without it."""
        return self.kind not in (PromptKind.NONE, PromptKind.COUNTDOWN)

    @property
    def may_pass(self) -> bool:
        """Whether it may go away by itself: a countdown ends, and a disk may be unlocked without its passphrase.

        The begin of a line of output may look like a question, too.
        """
        return self.asks_user or self.kind is PromptKind.COUNTDOWN

    @property
    def may_be_shell(self) -> bool:
        """Whether a shell may take a command here, once an open line is given up with Ctrl-C."""
        return self.kind in (PromptKind.SHELL, PromptKind.CONTINUATION)


# Logins

_COLON = r"[ \xa0]?[:\uff1a] *"
_NAME_WORD = (
    r"user(?: ?name)?|login name|anmeldename|anmeldung|benutzer(?:name)?|identifiant|nom d.utilisateur|utilisateur"
    r"|nombre de usuario|usuario|inicio de sesi[oó]n|usuário|nome de usuário|sessão|nome utente|utente|inlognaam"
    r"|användarnamn|brukernavn|brugernavn|käyttäjätunnus|felhasználónév|uživatel(?:ské jméno)?|přihlašovací jméno"
    r"|prijava|nazwa użytkownika|użytkownik|kullan.c. (?:ismi|ad.)|логин|користувач|登录|登入|ログイン|ユーザー?名"
    r"|사용자 이름"
)
_NAME_BEHIND_HOST = (
    r"usuari|nombre|connexion|gebruikersnaam|inloggning|bejelentkezés|brukarnamn|logind|autentificare|giriş"
    r"|имя пользователя|用户名|使用者(?:名稱)?|로그인|đăng nhập"
)
_NAME = (
    r"(?:(?<!last )(?<!default )(?<!failed )(?<!previous )(?<!\w)login(?: as)?"
    rf"|^ *(?:{_NAME_WORD})|^ *[\w.()-]{{1,64}} (?:{_NAME_BEHIND_HOST})){_COLON}"
)
"""``host login:``, with any text before it: an issue file may end without a line end. But ``Last login:`` is output.
In other languages there is no more before it than the name of the host, as translations of login and agetty have it."""

_LOGIN = re.compile(rf"{_NAME}$", re.IGNORECASE)
PARTIAL_LOGIN = re.compile(rf"{_NAME}[\w.@+$\\-]*$", re.IGNORECASE | re.MULTILINE)
"""The line of a login that asks for the name, with or without one typed behind it."""

# Secrets

_PASSWORD_WORD = (
    r"(?:pass ?wor[dt]|kennwort|mot de passe|contraseña|contrasenya|senha|palavra-passe|wachtwoord|adgangskode|lösenord"
    r"|passord|salasana|hasło|heslo|geslo|lozinka|jelszó|parol[aă]|parool|пароль|парола|лозинка|κωδικός|συνθηματικό"
    r"|kata sandi|mật khẩu|密码|密碼|パスワード|암호)"
)
_CODE_WORD = (
    r"(?:verification|security|authentication|authenticator|access|token|auth|2fa)[ -]?code"
    r"|one[- ]time (?:code|password|pin)|\botp\b"
)
_HINT = r"(?:\(press TAB[^)\n]*\) *)?\**"
PASSWORD_ANY = re.compile(
    rf"(?:{_PASSWORD_WORD}|pass ?phrase|pass ?code|recovery key|unlock disk|{_CODE_WORD})"
    rf"[^\n]{{0,{LONGEST}}}?{_COLON}{_HINT}$"
    rf"|(?:\benter [^\n]{{0,60}}?|^ *(?:[\w-]+ )?)\bpin\b(?: (?:code|for) ?[^\n]{{0,60}}?)?{_COLON}{_HINT}$"
    rf"|^ *(?:enter )?(?:your )?response{_COLON}$",
    re.IGNORECASE,
)
"""A question for a secret. What is typed there is an attempt, and some allow only three.

systemd has a hint behind the colon, and asterisks for what was typed.
"""
_PASSWORD = re.compile(rf"^ *(?:enter )?{_PASSWORD_WORD}{_COLON}$", re.IGNORECASE)
_OF_LOGIN = re.compile(
    rf"^ *(?:(?:enter )?{_PASSWORD_WORD}|[\w.@+$\\-]+'s {_PASSWORD_WORD})[^\n]*{_COLON}$", re.IGNORECASE
)
_NOT_OF_LOGIN = re.compile(
    r"\b(?:new|old|current|unix|retype|re-?enter|repeat|again|confirm|verify|create|change|sudo|pass ?phrase|pass ?code"
    r"|pin|disk|maintenance|actuel|actual|attuale|atual|curent[ăa]|nou[ăa]|nova|baru|mới)\b",
    re.IGNORECASE,
)
"""In a question directly below a login that is not the login's own: a password that has expired, a token. Some
languages put the adjective last."""
_PASSPHRASE = re.compile(
    r"(?:pass ?phrase|recovery key|pin|password)[^\n]* (?:disk|volume|partition|/dev/)|unlock disk|\bluks|cryptsetup"
    r"|\btpm2? pin",
    re.IGNORECASE,
)
_MAINTENANCE = re.compile(
    rf"^\([^\n]*\b(?:contr?ro?l|kontrol|ctrl|strg)(?: et |[-+ ])d\b[^\n]*(?:{_COLON}|\){_COLON})$", re.IGNORECASE
)
"""The second line of sulogin. The first tells whether it wants root's password, or Enter where root has none: a shell
for maintenance is not the system, so that it must not be pressed either."""
_OUTPUT_VERB = re.compile(r"^ *(?:\[[^\]\n]*\] *)?[A-Za-z]+ing\b(?![^\n]*(?:word|passphrase)[ \xa0]?: *$)")
"""``Setting password for root: `` tells what is done, and asks nothing."""

# Other questions

_QUESTION = re.compile(
    r"^--More--|^\(END\)|^lines \d+-\d+|^TERM = *\(\w+\) *$|[\w)] \[[^\n\]]{0,40}\]: *$"
    r"|^\W*(?:your )?(?:choice|selection|option|answer|geographic area|time zone)(?: [^\n]{1,20})?: *$"
    r"|^\W*(?:please )?(?:type|answer) \W?y(?:es)?\b|\b(?:press|hit) \W?y\W? to\b|^\w[\w ]* for '[^'\n]*': *$"
    r"|\(\w\)\w+(?:[,/] ?(?:or )?\(\w\)\w+)+:? *$|\bENTER to select\b|\bentry is highlighted\.|\bfor a command-line\."
    r"|\?[ \xa0]*(?:[\[(<][^\n\])>]{1,40}[\])>][ \xa0]*)*:? *$"
    r"|[\[(<](?:y|yes|n|no)(?: ?[/|,] ?\w+)*[\])>][ \xa0]*:? *$"
    r"|^\W*(?:please )?(?:enter|select|choose|provide|specify|(?:type|input) (?:a|the|your)|make a selection"
    r"|press|hit)\b[^\n]*[:?!] *$",
    re.IGNORECASE,
)
"""What waits for an answer that only the user knows, such as the question of SELinux for a context."""

# A key is asked for

_KEY = r"\b(?:press|hit) (?:the )?[<\['\"]?(?:enter|return|any key)[>\]'\"]?(?: key)? to "
_PRESS_ENTER = re.compile(
    rf"{_KEY}(?:activate|proceed|get|open|access|log ?in|use|(?:start|enter|return to)\b[^\n]*"
    r"(?:console|shell|terminal|session|prompt)|continue)"
    r"(?![^\n]*\b(?:install|eras|format|flash|upgrad|updat|reboot|reset|restart|power|delet|wip|overwrit))",
    re.IGNORECASE,
)
"""Where Enter leads on and does nothing else."""
_PRESS_OTHER = re.compile(_KEY, re.IGNORECASE)
_STOP = r" to (?:stop|abort|skip|interrupt|cancel)\b"
_OF_PROGRAMS = r" [<\['\"]?(?:ctrl\b|control\b|q\b|\^)"
_SECONDS = r"\d[\d.]{0,9} ?s(?:ec\w*)?\b"
COUNTDOWN = re.compile(
    rf"\bautoboot(?:ing)?\b[^\n]{{0,{LONGEST}}}\d"
    rf"|\b(?:press|hit)\b(?!{_OF_PROGRAMS}(?![^\n]{{0,{LONGEST}}}(?:boot|{_SECONDS})))(?:(?! to )[^\n]){{1,60}}{_STOP}"
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

# Shells that are not the system's, and what is no shell

_PROGRAMS = (
    r"(?:mysql|MariaDB \[[^\]\n]*\]|sqlite| *\.\.\.|[st]?ftp|lftp [^\n]*|telnet|gpg|ipdb|irb\([^)\n]*\)[:\d]*)>"
    r"|\w+=#|\((?:gdb|lldb|Pdb|parted|qemu)\)|In \[\d+\]:|virsh #|\[bluetooth\][#>]|Command \([mh?] for help\):"
    r"|\[\d+\](?:kdb|more)>|[0-9a-f]+:mon>|\{\d+\} ok|\d+ >"  # kernels' debuggers, Open Firmware
    r"|Prompt: '\?' for help[^\n]*>"  # Debian's installer
)
"""Prompts of programs, debuggers and installers: a shell's command would be an answer, and a line end one, too."""

_OTHERS = [
    (kind, name, re.compile(rf"^(?:{prompt}) *$"))
    for kind, name, prompt in (
        (PromptKind.INITRAMFS, "initramfs-tools", r"\(initramfs\)"),
        (PromptKind.INITRAMFS, "dracut", r"(?:dracut|switch_root|cmdline|initqueue|mount|cleanup|pre-\w+):/\S*#"),
        (PromptKind.INITRAMFS, "mkinitcpio", r"\[rootfs [^\]\n]*\]#"),
        (PromptKind.INITRAMFS, "genkernel", r"rescueshell \S* ?#"),
        (PromptKind.RECOVERY, "ONIE", r"ONIE(?:-\w+)?:\S* #"),
        (PromptKind.RECOVERY, "Android", r"recovery:\S* [#$]"),
        (PromptKind.MCU_SHELL, "Zephyr", r"(?:uart|rtt|ipc):~\$"),
        (PromptKind.MCU_SHELL, "NuttX", r"nsh>"),
        (PromptKind.MCU_SHELL, "PX4", r"pxh>"),
        (PromptKind.MCU_SHELL, "ESP-IDF", r"esp(?:32\w*)?>"),
        (PromptKind.MCU_SHELL, "RT-Thread", r"(?:msh|finsh) ?(?:/\S*)?>"),
        (PromptKind.MCU_SHELL, "ChibiOS", r"ch>"),
        (PromptKind.MCU_SHELL, "VxWorks", r"->|\[vxWorks[^\]\n]*\]#"),
        (PromptKind.MCU_SHELL, "LiteOS", r"(?:Huawei )?LiteOS(?::\S*)? ?#|OHOS(?::\S*)? ?[#$]"),
        (PromptKind.MCU_SHELL, "RTEMS", r"SHLL \[[^\]\n]*\] ?[#$]"),
        (PromptKind.MCU_SHELL, "Mynewt", r"(?:\d+ )?compat>"),
        (PromptKind.MCU_SHELL, "Mbed", r"/>|mbed>"),
        (PromptKind.MCU_SHELL, "MicroPython or Python", r">>>"),
        (PromptKind.QUESTION, "", _PROGRAMS),
    )
]
"""Prompts at which no system waits for a command, with the names of what shows them."""
_RIOT = re.compile(r"^shell: command not found:")
"""RIOT prompts as a shell does for the rest of a command; it is known once it has answered a nudge."""

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

_OF_SHELL = re.compile(r"[/~@%](?!.*> *$)|:.*[#$] *$|^(?:\([^)]*\) )?\w*sh-?\d?[\w.-]*[#$] *$")
"""Signs of a shell's prompt: a user, a path, the name of the shell. Before ``>``, switches have them, too."""
_LIKE_ZEPHYR = re.compile(r"^[\w-]+:~\$ *$")
"""What Zephyr's shell prompts with, under any name."""

SYSTEM_IS_UP = re.compile(
    rf"{PARTIAL_LOGIN.pattern}|^{COMMAND_END.pattern}"
    r"|^\[?[\w.-]+@[\w.-]+[: ]\S*?\]? ?[#$](?: |$)|^[/~][\w/.-]* ?[#$](?: |$)",
    re.IGNORECASE | re.MULTILINE,
)
"""A line from which on a system is up: that of a login, of a shell with a user or a path, or the end of a command."""
_UP_WORDS = WordIndex(
    (
        "# $ login user anmeld benutzer identifiant utilisateur usuari usuário inicio sessão utente inlog användarnamn "
        "brukernavn brugernavn brukarnamn käyttäjätunnus felhasználónév bejelentkezés uživatel přihlašovací prijava "
        f"nazwa użytkownik kullan nombre connexion gebruikersnaam autentificare giriş đăng 登录 {PREFIX}"
    ).split()
)
"""Words of which each such line holds some: a quick look before the expression."""


def last_line_of_system(text: str, since: int = 0) -> int:
    """Return where in a text, from a place on, ``SYSTEM_IS_UP`` matches last; -1 if it does not."""
    for first, last in reversed(list(_UP_WORDS.lines(text))):
        if last > since and (found := SYSTEM_IS_UP.search(text, max(since, first), last)) is not None:
            return found.start()
    return -1


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
    settings = settings or PromptSettings()
    known, above = settings.boot_loader, above.rstrip().rpartition("\n")[2]
    if known and line.startswith(known):
        name = _loader(known)[0] or ""
        shown = Prompt(PromptKind.BOOT_LOADER, line.strip(), name, True, line[len(known) :].strip())
    elif not line.strip():
        shown = Prompt(PromptKind.NONE)
    elif (kind := _kind_of_login(line[-LONGEST:], settings)) is not None:
        shown = Prompt(kind, line.strip())
    elif len(line) <= LONGEST and (loader := _loader(line))[0] is not None:
        shown = Prompt(PromptKind.BOOT_LOADER, line.strip(), loader[0], typed=loader[1])
    elif len(line) <= LONGEST and (other := _other(line, above)) is not None:
        shown = Prompt(other[0], line.strip(), other[1])
    else:
        kind = _kind(line[-LONGEST:], above)
        certain = (
            kind is PromptKind.SHELL and _OF_SHELL.search(line[-LONGEST:]) is not None and not _LIKE_ZEPHYR.search(line)
        )
        asked = f"{above.strip()} {line.strip()}" if kind is PromptKind.MAINTENANCE else line.strip()
        shown = Prompt(kind, asked, certain=certain)
    return shown


def _kind_of_login(line: str, settings: PromptSettings) -> PromptKind | None:
    """Return what a line asks for that is a prompt of the login of the settings; None if it is none."""
    if settings.login is not None and settings.login.search(line):
        return PromptKind.LOGIN
    return PromptKind.LOGIN_PASSWORD if settings.password is not None and settings.password.search(line) else None


def _other(line: str, above: str) -> tuple[PromptKind, str] | None:
    """Return the kind and the name of a prompt at which no system waits; None if it is none."""
    if _CONTINUATION.search(line) and _RIOT.search(above):
        return PromptKind.MCU_SHELL, "RIOT"
    return next(((kind, name) for kind, name, prompt in _OTHERS if prompt.search(line)), None)


def _kind(line: str, above: str) -> PromptKind:
    """Return what a line asks for that is no prompt of a name, below the last line that is not empty."""
    if _CONTINUATION.search(line):
        return PromptKind.CONTINUATION
    if _SHELL.search(line):
        asked = PromptKind.QUESTION if _QUESTION.search(line) else PromptKind.NONE
        return asked if _NO_SHELL.search(line) else PromptKind.SHELL
    if COUNTDOWN.search(line):
        return PromptKind.COUNTDOWN
    if _PRESS_OTHER.search(line):
        return PromptKind.PRESS_ENTER if _PRESS_ENTER.search(line) else PromptKind.QUESTION
    if _MAINTENANCE.search(line):
        return PromptKind.MAINTENANCE
    if PASSWORD_ANY.search(line) and not _OUTPUT_VERB.search(line):
        return _secret(line, above)
    if PARTIAL_LOGIN.search(line):
        return PromptKind.LOGIN if _LOGIN.search(line) else PromptKind.PARTIAL_LOGIN
    return PromptKind.QUESTION if _QUESTION.search(line) else PromptKind.NONE


def _secret(line: str, above: str) -> PromptKind:
    """Return what asks for a secret."""
    if PARTIAL_LOGIN.search(above) and _OF_LOGIN.search(line) and not _NOT_OF_LOGIN.search(line):
        return PromptKind.LOGIN_PASSWORD
    if _PASSWORD.search(line):
        return PromptKind.PASSWORD
    return PromptKind.PASSPHRASE if _PASSPHRASE.search(line) else PromptKind.SECRET


def _loader(line: str) -> tuple[str | None, str]:
    """Return the name of the boot loader whose prompt a line has, and what is typed behind it.

    The name is empty if the prompt does not tell, and None if it is none's.
    """
    found = ((name, prompt.search(line)) for name, prompt in _LOADERS)
    return next(((name, match["typed"].strip()) for name, match in found if match is not None), (None, ""))
