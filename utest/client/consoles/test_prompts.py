"""Which prompt stands on a console: the last lines of real systems, and of what only looks like them."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

from JumpstarterLibrary import client
from JumpstarterLibrary.client.boot.detecting import last_phase
from JumpstarterLibrary.client.consoles import prompts
from JumpstarterLibrary.client.consoles.boot_messages import STATE_LOST
from JumpstarterLibrary.client.consoles.prompts import (
    SYSTEM_IS_UP,
    Prompt,
    PromptKind,
    PromptSettings,
    classify,
    last_line_of_system,
)
from JumpstarterLibrary.client.text import Normaliser

KERNEL = "[   12.345678] usb 1-1: new high-speed USB device\r\n"
LONG = "\x1b]0;root@board: /srv\x07\x1b[01;32mroot@a-rather-long-host-name.lab.example.org\x1b[00m:\x1b[01;34m"

SHELLS = [
    "$ ",
    "# ",
    "#",
    "sh-5.1$ ",
    "sh-5.1# ",
    "bash-5.2# ",
    "root@debian:~# ",
    "debian@beaglebone:/var/log$ ",
    "[root@fedora ~]# ",
    f"{LONG}/srv/tftp/images/some/deep/directory/of/a/project/with/a/long/name\x1b[00m# ",
    "\x1b[?2004hroot@board:~# ",
    "\r\x1b[Kroot@board:~# ",
    f"{'x' * 5000}:~$ ",
    "/ # ",
    "~ # ",
    "/src/u-boot # ",
    "[root@host u-boot]# ",
    "root@OpenWrt:/# ",
    "virtual # ",
    "host% ",
    "host1% ",
    "me@mac ~ % ",
    "~/x (main) $ ",
    "501 $ ",
    ":/ $ ",
    "generic_x86_64:/ # ",
    "root@board ~> ",
    "me@suse:~> ",
    "PS /root> ",
    f"root@board:~# {KERNEL}",
    f"root@{KERNEL}board:~# ",
    "Last login: Tue Mar  3 10:00:00 UTC 2026 on ttyS0\r\nroot@board:~# ",
    "JMP0123abcdE:0:\nlogin: ",
    "JMP0123abcdE:127:\n=> ",
    "JMP0123abcdE:0:\n",
]
CONTINUATIONS = ["> ", ">", "dquote> ", "cmdand quote> ", "heredoc> ", "hush> ", f"> {KERNEL}"]
LOGINS = [
    "login: ",
    "board login: ",
    "board.lab.example.org login:",
    "(none) login: ",
    "MikroTik Login: ",
    "Welcome to board 1.0 board login: ",
    "\xff\xfe\x00board login: ",
    "Username: ",
    f"board login: {KERNEL}",
    f"board lo{KERNEL}gin: ",
    "\nDebian GNU/Linux 12 board ttyS0\n\nboard login: ",
    "board login: roo\b \b\b \b\b \b",
]
LOGINS_ELSEWHERE = [
    "Benutzername: ",
    "Anmeldung: ",
    "identifiant\xa0: ",
    "Identifiant : ",
    "Nombre de usuario: ",
    "board nombre: ",
    "board usuari: ",
    "board connexion\xa0:",
    "board gebruikersnaam: ",
    "board 用户名\uff1a",
    "логин: ",
    "ログイン: ",
    "Login Name: ",
    "login as: ",
    "User: ",
]
PARTIAL_LOGINS = ["login: ro", "board login: root", "board login: some.one@lab", "Username: admin"]
LOGIN_PASSWORDS = [
    "board login: root\nPassword: ",
    f"board login: root\n{KERNEL}Password: ",
    "board login: root\n\nPassword for root: ",
    "board login: root\nroot's Password: ",
    "Username: admin\nPassword:",
    "board login: root\nPasswort: ",
    "board login: root\nMot de passe : ",
    "Anmeldung: root\nPasswort: ",
    "board login: root\nMot de passe\xa0: ",
    "board login: root\nWachtwoord: ",
    "board login: root\nPassword for root@EXAMPLE.ORG: ",
    "Benutzername: root\nPasswort für root: ",
]
PASSWORDS = ["Kennwort: ", "Password: ", "$ su\nPassword: ", "Enter password: ", "Passwort: ", "密码\uff1a"]
SECRETS = [
    "[sudo] password for me: ",
    "root@board's password: ",
    "Enter passphrase for key '/root/.ssh/id_ed25519': ",
    "Enter PIN: ",
    "Verification code: ",
    "board login: root\nCurrent password: ",
    "board login: root\n(current) UNIX password: ",
    "New password: ",
    "Retype new password: ",
    "Create root password: ",
    "Repeat root password: ",
    "Enter new UNIX password: ",
    "board login: root\nNeues Passwort: ",
    "board login: root\nContraseña actual: ",
    "board login: root\nNouveau mot de passe\xa0: ",
    "board login: root\nOne-time password (OATH) for `root': ",
    "board login: root\nVerification code: ",
    "board login: root\nEnter PASSCODE: ",
    "Google Authenticator code: ",
    "Passcode or option (1-3): ",
    "Enter your response: ",
    "Username for 'https://example.org': x\nPassword for 'https://x@example.org': ",
    "\u2023 Please enter the new root password (empty to skip): ",
    "Setting the password: ",
]
PASSPHRASES = [
    "Please enter passphrase for disk sda2 (root): ",
    "\U0001f510 Please enter passphrase for disk root: (press TAB for no echo) ",
    "\U0001f510 Please enter passphrase for disk root: (press TAB for no echo) ***",
    "Please unlock disk sda5_crypt: ",
    "Enter passphrase for /dev/mmcblk0p2: ",
    "Enter LUKS passphrase: ",
    "Please enter TPM2 PIN: ",
    "Please enter recovery key for disk root: ",
]
MAINTENANCES = [
    "Give root password for maintenance\n(or press Control-D to continue): ",
    "Press Enter for maintenance\n(or press Control-D to continue): ",
    "Give root password for system maintenance\n(or type Control-D for normal startup):",
    "Administratorpasswort für Wartungszwecke eingeben\n(oder drücken Sie Strg+D, um fortzufahren):",
    "Donnez le mot de passe\n(ou appuyez sur Ctrl et D pour continuer)\xa0: ",
]
QUESTIONS = [
    "Would you like to enter a security context? [N]  ",
    "Do you want to continue? [Y/n] ",
    "Fix<y>? ",
    "Continue [y/n]: ",
    "Overwrite (yes/no)",
    "--More--",
    "TERM = (vt100) ",
    "Hostname [localhost]: ",
    "Enter full pathname of shell or RETURN for /bin/sh: ",
    "Please enter your name: ",
    "\u2023 Please enter system locale name or number (empty to skip): ",
    "Enter runlevel: ",
    "Please make a selection from the above ['c' to continue, 'q' to quit, 'r' to refresh]: ",
    "Press Enter to erase the disk",
    "Press any key to reboot",
    "Press any key to continue with the installation",
    "Please type 'yes', 'no' or the fingerprint: ",
    "Type YES to confirm: ",
    "Really erase? <y/N>",
    "Save changes? (Y)es/(N)o/(C)ancel ",
    "[O]pen Read-Only, (E)dit anyway, (R)ecover, (Q)uit, (A)bort: ",
    "Geographic area: ",
    "Your selection: ",
    "Country Name (2 letter code) [AU]:",
    "Username for 'https://git.example.org': ",
    "Please enter passphrase for disk data (root)! ",
    "(END)",
    "lines 1-23/40 57%",
    "  Press UP/DOWN to move, ENTER to select, ESC to quit",
    "before booting or `c' for a command-line. ",
    "Prompt: '?' for help, default=1> ",
    "mysql> ",
    "MariaDB [(none)]> ",
    "   ...> ",
    "postgres=# ",
    "sftp> ",
    "lftp user@host:~> ",
    "irb(main):001:0> ",
    "(gdb) ",
    "(parted) ",
    "(qemu) ",
    "[bluetooth]# ",
    "Command (m for help): ",
    "[0]kdb> ",
    "1:mon> ",
    "0 > ",
]
INITRAMFS = [
    "(initramfs) ",
    "dracut:/# ",
    "switch_root:/# ",
    "pre-mount:/root# ",
    "[rootfs ]# ",
    f"(initramfs) {KERNEL}",
]
RECOVERIES = ["ONIE:/ # ", "ONIE:/var/log # ", "ONIE-RECOVERY:/ # ", "recovery:/ # "]
MCU_SHELLS = {
    "uart:~$ ": "Zephyr",
    "\x1b[8D\x1b[Juart:~$ ": "Zephyr",
    "\x1b[1;32muart:~$ \x1b[m": "Zephyr",
    "nsh> ": "NuttX",
    "esp> ": "ESP-IDF",
    "esp32s3> ": "ESP-IDF",
    "msh />": "RT-Thread",
    "-> ": "VxWorks",
    "[vxWorks *]# ": "VxWorks",
    "SHLL [/] # ": "RTEMS",
    "OHOS # ": "LiteOS",
    "/>": "Mbed",
    "shell: command not found: #\n> ": "RIOT",
    ">>> ": "MicroPython or Python",
}
LOADERS = {
    "=> ": "U-Boot",
    "=>": "U-Boot",
    "U-Boot> ": "U-Boot",
    "U-Boot > ": "U-Boot",
    "U-Boot (BPI-R4)> ": "U-Boot",
    "u-boot # ": "U-Boot",
    "u-boot=> ": "U-Boot",
    "rk3399=> ": "U-Boot",
    "MX6UL_VAR_DART(nand)==> ": "U-Boot",
    "STM32MP> =>": "U-Boot",
    "STM32MP> ": "U-Boot",
    "SCM_SMPS_UBOOT # ": "U-Boot",
    "Marvell>> ": "U-Boot",
    "ZynqMP> ": "U-Boot",
    "TEGRA210 (P3450-0000) # ": "U-Boot",
    "Tegra186 (P2771-0000-500) # ": "U-Boot",
    "Colibri iMX6 # ": "U-Boot",
    "Verdin iMX8MM # ": "U-Boot",
    "ar7240> ": "U-Boot",
    "MT7621 # ": "U-Boot",
    "MT7988> ": "U-Boot",
    "gxl_p212_v1#": "U-Boot",
    "isvp_t31# ": "U-Boot",
    "OpenIPC # ": "U-Boot",
    "RISC-V # ": "U-Boot",
    "StarFive # ": "U-Boot",
    "bldr> ": "U-Boot",
    "VExpress64# ": "U-Boot",
    "hisilicon # ": "U-Boot",
    "J721E-EVM# ": "U-Boot",
    "ast# ": "U-Boot",
    "barebox@board:/ ": "Barebox",
    "barebox@Phytec phyCORE-i.MX6:/mnt/nand ": "Barebox",
    "barebox:/ ": "Barebox",
    "grub> ": "GRUB",
    "grub rescue> ": "GRUB",
    "Shell> ": "UEFI shell",
    "FS0:\\> ": "UEFI shell",
    "fs0:\\EFI\\BOOT> ": "UEFI shell",
    "CFE> ": "CFE",
    "RedBoot> ": "RedBoot",
    "PMON> ": "PMON",
    "iPXE> ": "iPXE",
    "ARM-TFA> ": "",
    f"DRAM:  1 GiB\n=> {KERNEL}": "U-Boot",
    "\x1b[32m=> \x1b[0m": "U-Boot",
}
COUNTDOWNS = [
    "Hit any key to stop autoboot:  3 ",
    "Hit any key to stop autoboot:  3 \b\b\b 2 ",
    "Press SPACE to abort autoboot in 2 seconds",
    "Autoboot in 5 seconds; enter password to stop: ",
    "Hit m for menu or any key to stop autoboot:  3",
    "Press ESC in 5 seconds to skip startup.nsh or any other key to continue.",
    "Press any key to interrupt boot: 5 ",
    "Autobooting in 2 seconds",
    "Press any key to cancel boot: 5",
    "Press SPACE to abort boot in 3 seconds",
    "Press any key to enter setup: 3",
    "Press any key to continue in 5 seconds.",
    "Press Ctrl-C to stop booting",
    "Hit Ctrl+C to abort in 3 s",
    "== Executing boot script in 3.000 seconds - enter ^C to abort",
]
PRESS_ENTER = [
    "Please press Enter to activate this console. ",
    "Press any key to continue...",
    "Press any key to continue, or ESC to abort",
]
OUTPUT = [
    "",
    "\n",
    "   ",
    "root@board:~# \n",
    "root@board:~# ls -l",
    "board login: \n",
    "last login: ",
    "Default login: root",
    "Failed login: root",
    "Adding user: ",
    "Neuer Benutzer: ",
    "Setting pin 3: ",
    "GPIO pin of the LED: ",
    "Setting password for root: ",
    "[  OK  ] Changing the passphrase of disk 3: ",
    "HTTP response: ",
    "systemd[1]: ",
    "exit code: ",
    "Type of the board: ",
    "Is it there? It is",
    "Last login: ",
    "authorized login: only when you are told to",
    "Loading: #",
    "Loading: ####",
    "Loading: *",
    "Writing: # ",
    "[#####     ",
    "[=====>",
    "===>",
    "### ###",
    "45 %",
    "45%",
    "12 % ",
    "done (45 %",
    "Progress: 99.5%",
    "Price: 5 $",
    "it costs 20$",
    "a sum of 1,000.00 $ ",
    "<main>",
    "<INTERRUPT>",
    "see the notes about issue #",
    "a => ",
    "a -> ",
    "1 ->",
    "... ",
    "NOTICE:  BL1: v2.9(release):v2.9.0",
    "U-Boot 2023.04 (Apr 03 2023 - 12:00:00 +0000)",
    "ARM-TFA",
    "NOTICE:  BL31: Built : 12:00:00, Jan  1 2024",
    "Starting kernel ...",
    "Net:   eth0: ethernet@1",
    "key: value:",
    "pins: 12 of 40 used",
    "[   12.345678] a kernel message > ",
    "Press Ctrl-C to stop.",
    "press q to abort",
    "Serving HTTP on 0.0.0.0 port 8000 (press CTRL+C to stop)",
]

TABLE = [
    *[(text, PromptKind.SHELL) for text in SHELLS],
    *[(text, PromptKind.CONTINUATION) for text in CONTINUATIONS],
    *[(text, PromptKind.LOGIN) for text in LOGINS],
    *[(text, PromptKind.LOGIN) for text in LOGINS_ELSEWHERE],
    *[(text, PromptKind.PARTIAL_LOGIN) for text in PARTIAL_LOGINS],
    *[(text, PromptKind.LOGIN_PASSWORD) for text in LOGIN_PASSWORDS],
    *[(text, PromptKind.PASSWORD) for text in PASSWORDS],
    *[(text, PromptKind.SECRET) for text in SECRETS],
    *[(text, PromptKind.PASSPHRASE) for text in PASSPHRASES],
    *[(text, PromptKind.MAINTENANCE) for text in MAINTENANCES],
    *[(text, PromptKind.QUESTION) for text in QUESTIONS],
    *[(text, PromptKind.INITRAMFS) for text in INITRAMFS],
    *[(text, PromptKind.RECOVERY) for text in RECOVERIES],
    *[(text, PromptKind.MCU_SHELL) for text in MCU_SHELLS],
    *[(text, PromptKind.BOOT_LOADER) for text in LOADERS],
    *[(text, PromptKind.COUNTDOWN) for text in COUNTDOWNS],
    *[(text, PromptKind.PRESS_ENTER) for text in PRESS_ENTER],
    *[(text, PromptKind.NONE) for text in OUTPUT],
]


def classified(raw: str, settings: PromptSettings | None = None) -> Prompt:
    """Return what the text is taken for that a console keeps of some bytes."""
    return classify(Normaliser().feed(raw.encode("utf-8")), settings)


# Each of these tests looks at the whole table: a test for each of its thousand lines takes ten times as long.


@pytest.mark.parametrize("before", ["", "Welcome to board 1.0\r\n", f"{KERNEL}"], ids=["alone", "text", "kernel"])
def test_kinds(before: str) -> None:
    found = [(raw, classified(before + raw).kind) for raw, _ in TABLE]
    assert found == TABLE


@pytest.mark.parametrize(
    "line",
    [
        "board login: ",
        "board login: root",
        "Benutzername\uff1a ",
        "nom d'utilisateur : a.b-c",
        "JMP0123abcdE:0:",
        "JMP0123abcdE:127:# ls",
        "root@board:~# ",
        "[root@board /]$ ls",
        "root@board:~#",
        "/ # ",
        "~ $ reboot",
    ],
)
def test_a_line_of_a_system_that_is_up_passes_the_quick_look(line: str) -> None:
    assert last_line_of_system(f"before\n{line}\nbehind") == len("before\n") + SYSTEM_IS_UP.search(line).start()


def test_each_line_of_a_system_that_is_up_passes_the_quick_look() -> None:
    texts = [Normaliser().feed(raw.encode()) for raw, _ in TABLE]
    missed = [text for text in texts if (last_line_of_system(text) < 0) is not (SYSTEM_IS_UP.search(text) is None)]
    assert missed == []


def test_names_of_boot_loaders() -> None:
    found = [(raw, classified(raw)) for raw in LOADERS]
    assert {raw: prompt.name for raw, prompt in found} == LOADERS
    assert [raw for raw, prompt in found if prompt.configured] == []


def test_names_of_firmware() -> None:
    assert {raw: classified(raw).name for raw in MCU_SHELLS} == MCU_SHELLS


def test_prompts_of_a_login_may_be_set() -> None:
    settings = PromptSettings(login=re.compile(r"Wer da\? *$"), password=re.compile(r"Losung: *$"))
    assert classified("\nWer da? ", settings).kind is PromptKind.LOGIN
    assert classified("Wer da? root\nLosung: ", settings).kind is PromptKind.LOGIN_PASSWORD
    assert classified("\nboard login: ", settings).kind is PromptKind.LOGIN
    assert classified("\nWer da? ").kind is PromptKind.QUESTION
    assert classified("\nLOGIN> ", PromptSettings(login=re.compile("LOGIN> $"))).kind is PromptKind.LOGIN


def test_a_configured_prompt_changes_no_other() -> None:
    found = [(raw, classified(raw, PromptSettings("board #")).kind) for raw, _ in TABLE]
    assert found == TABLE


@pytest.mark.parametrize("configured", ["=>", "board #", "R-mt#", "(initramfs)", "ap135>", "# "])
def test_a_configured_prompt_is_that_of_a_boot_loader(configured: str) -> None:
    prompt = classified(f"DRAM: 1 GiB\r\n{configured} ", PromptSettings(configured))
    assert (prompt.kind, prompt.configured, prompt.typed) == (PromptKind.BOOT_LOADER, True, "")
    prompt = classified(f"DRAM: 1 GiB\r\n{configured} mmc rea", PromptSettings(configured))
    assert (prompt.kind, prompt.configured, prompt.typed) == (PromptKind.BOOT_LOADER, True, "mmc rea")
    assert not classified(f"the prompt is {configured}", PromptSettings(configured)).configured


def test_another_boot_loader_is_not_the_configured_one() -> None:
    prompt = classified("grub> ", PromptSettings("=>"))
    assert prompt == Prompt(PromptKind.BOOT_LOADER, "grub>", "GRUB")


def test_the_line_is_shown_without_spaces_and_kernel_messages() -> None:
    assert classified(f"\r\nboard lo{KERNEL}gin: {KERNEL}").line == "board login:"
    assert classified("/ # ").line == "/ #"


def test_only_the_end_is_looked_at() -> None:
    assert classify("x" * 1_000_000 + "\nboard login: ").kind is PromptKind.LOGIN
    assert classify("login: " * 100_000 + "x y").kind is PromptKind.NONE
    assert classify("=> " + "u-boot" * 100_000 + "# ").kind is PromptKind.SHELL


def test_what_kinds_have_in_common() -> None:
    user = {PromptKind.SECRET, PromptKind.PASSPHRASE, PromptKind.MAINTENANCE}
    password = {PromptKind.LOGIN_PASSWORD, PromptKind.PASSWORD}
    idle = {PromptKind.NONE, PromptKind.COUNTDOWN}
    assert {kind for kind in PromptKind if Prompt(kind).asks_for_password} == password
    assert {kind for kind in PromptKind if Prompt(kind).asks_for_secret} == password | user
    assert {kind for kind in PromptKind if Prompt(kind).asks_user} == user | {PromptKind.QUESTION}
    assert {kind for kind in PromptKind if Prompt(kind).asks_for_login} == {PromptKind.LOGIN, PromptKind.PARTIAL_LOGIN}
    assert {kind for kind in PromptKind if Prompt(kind).may_pass} == user | {PromptKind.QUESTION, PromptKind.COUNTDOWN}
    assert {kind for kind in PromptKind if not Prompt(kind).waits} == idle
    assert {kind for kind in PromptKind if Prompt(kind).may_be_shell} == {PromptKind.SHELL, PromptKind.CONTINUATION}


# No other place


@pytest.mark.parametrize("raw", COUNTDOWNS)
def test_a_boot_is_seen_at_the_same_countdowns(raw: str) -> None:
    text = Normaliser().feed(f"login: root\n{raw}".encode())
    assert last_phase(text) == "starting"
    assert STATE_LOST.search(text)
    assert last_phase(f"{text}\nLoading the image") == "booting"


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the regular expressions of all modules of the client, but those of the prompts themselves."""
    own = {id(value) for value in vars(prompts).values()}
    for info in pkgutil.walk_packages(client.__path__, f"{client.__name__}."):
        for name, value in vars(importlib.import_module(info.name)).items():
            values = value.values() if isinstance(value, dict) else [value]
            for each in values:
                if isinstance(each, re.Pattern) and isinstance(each.pattern, str) and id(each) not in own:
                    yield f"{info.name}.{name}", each


def test_no_other_module_tells_prompts_from_output() -> None:
    lines = ["board login: ", "Password: ", "=> ", "U-Boot> ", "root@board:~# ", "$ ", "> ", "[sudo] password for me: "]
    # The ones of `required_text` look at regular expressions, in which such characters mean something else.
    found = {name: each for name, each in patterns() if name.rpartition(".")[2] not in ("_CLASS", "_WIDTHLESS")}
    assert "JumpstarterLibrary.client.consoles.boot_messages.PANIC" in found
    others = {
        name: line
        for name, pattern in found.items()
        for line in lines
        if pattern.search(line) and not pattern.search("Starting the services of the system\n")
    }
    assert others == {}


@pytest.mark.parametrize("line", ["admin@switch> ", "host:/flash> ", "router/admin> "])
def test_a_prompt_with_an_angle_bracket_is_proved_first(line: str) -> None:
    prompt = classified(line)
    assert (prompt.kind, prompt.certain) == (PromptKind.SHELL, False)
    assert classified(line.replace(">", "#")).certain
