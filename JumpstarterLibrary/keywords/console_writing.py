"""Console keywords that type to the board."""

from __future__ import annotations

import datetime

from robot.api.deco import keyword

from JumpstarterLibrary.client.consoles.keyboard import AGAIN, TypingOptions, control_character, encoded, type_text
from JumpstarterLibrary.client.deadline import seconds
from JumpstarterLibrary.errors import DriverMethodNotImplemented, UsageError
from JumpstarterLibrary.keywords.console_base import ConsoleBase
from JumpstarterLibrary.keywords.secret import Secret, reveal
from JumpstarterLibrary.types import Echo


class ConsoleWritingKeywords(ConsoleBase):
    """Keywords that type to the board."""

    @keyword(tags=("Console", "Setter"))
    def write_to_console(
        self,
        text: Secret | str,
        *,
        newline: bool = True,
        echo: Echo = Echo.auto,
        timeout: datetime.timedelta | None = None,
        once: bool = False,
        char_delay: datetime.timedelta | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Types a text on the console.

        A line is typed first, and its line end when the line has come back whole. If characters are missing in what
        comes back, the line is erased with Ctrl-U and typed again, three times at most; so nothing is ever executed
        that was not meant. Where nothing comes back, as at a password prompt, the line end follows after half a second
        (``echo_timeout`` of `Timing`).
        Text without a line end, and lines with control characters, are typed as they are.

        Args:
            text: What to type; sent as UTF-8. Control characters go by Robot's escapes: ``\\x03`` is Ctrl-C. A
                ``Secret`` is shown in no log and no transcript.
            newline: Type a line end behind it. Default: yes.
            echo: What is made of the echo: ``auto``, ``yes`` or ``no``. Default: ``auto``.
            timeout: Until everything must be typed. Default: ``write_timeout`` of `Timing`.
            once: Never type a line a second time: if it does not come back whole, it is erased, and that is an error.
                Default: no.
            char_delay: Time between two characters, for devices that lose what comes too fast. Default:
                ``char_delay`` of `Timing`, which is none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            ConsoleMismatch: A line never came back whole.
            DeviceCrashed: A failing pattern came before.
            LinkError: The console's stream has ended.

        Example:
        | Write To Console    boot
        | Write To Console    \\x03    newline=no
        | Write To Console    run update    char_delay=10 ms    once=yes
        """
        console = self.console(device, driver)
        secret = isinstance(text, Secret)
        plain = reveal(text) or ""
        encoded(plain)
        console.check()
        manner = TypingOptions(char_delay=seconds(char_delay), echo=echo, again=0 if once else AGAIN)
        type_text(console, plain, manner, newline=newline, secret=secret, timeout=timeout)

    @keyword(tags=("Console", "Setter"))
    def send_control_character(self, character: str, *, device: str | None = None, driver: str | None = None) -> None:
        """Presses a key together with Ctrl.

        Args:
            character: The key: a letter, or one of ``@ [ \\\\ ] ^ _ ?``; also as ``ctrl-c`` or ``^C``. ``[`` is the
                escape key, ``?`` is delete.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            UsageError: There is no such control character.
            LinkError: The console's stream has ended.

        Example:
        | Send Control Character    c
        """
        data = control_character(character)
        console = self.console(device, driver)
        console.check()
        console.write(data)

    @keyword(tags=("Console", "Setter"))
    def send_break(
        self,
        duration: datetime.timedelta = datetime.timedelta(milliseconds=250),
        *,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Sends a break: holds the serial line low for a while, which a Linux console takes for the SysRq key.

        Few drivers can: this one is asked with its method ``send_break``.

        Args:
            duration: How long. Default: 250 milliseconds.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            UsageError: The driver cannot.
            DriverError: The driver failed.

        Example:
        | Send Break
        | Write To Console    b    newline=no
        """
        console = self.console(device, driver)
        try:
            console.driver.call("send_break", duration.total_seconds())
        except DriverMethodNotImplemented as error:
            raise UsageError(
                f"Driver '{console.name}' cannot send a break: its exporter has no method 'send_break' for it."
            ) from error
