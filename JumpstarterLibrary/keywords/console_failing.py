"""Console keywords that register failing patterns."""

from __future__ import annotations

import datetime
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.client.consoles.presets import named_patterns, preset_name
from JumpstarterLibrary.errors import ConfigurationError, UsageError
from JumpstarterLibrary.keywords.console_base import ConsoleBase
from JumpstarterLibrary.keywords.devices import Devices
from JumpstarterLibrary.types import FailingPreset


class ConsoleFailingKeywords(ConsoleBase):
    """Keywords for failing patterns. As a listener, it fails a test at its end for a crash that was not told before."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, devices: Devices, timeout: datetime.timedelta) -> None:
        super().__init__(devices, timeout)
        self._consoles: weakref.WeakSet[Console] = weakref.WeakSet()

    @keyword(tags=("Console", "Setter"))
    def register_failing_console_pattern(
        self,
        *patterns: str,
        preset: FailingPreset | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Fails every wait on the console as soon as the board says one of the patterns, from now on.

        A keyword that waits ends as soon as the trace is over, so that all of it is in the error: after a second of
        silence (``trace_silence`` of the timing), where a new boot begins, five seconds behind the last ``---[ end`` of
        a kernel, and at the latest after a minute or 64 KiB. That is so for all keywords that wait for the console:
        also `Run Command`, `Log In To Console` and those that boot the board. What is said between two keywords fails
        the next one that waits or types on this console; and if there is none, the test fails at its end. Each crash is
        told once.

        A keyword that waits for such a line, or for one before it, gets it; then the crash was expected. The echo of
        what a keyword types does not count, and neither does what `Run Command` gets from a command that ends: a log
        can be searched for ``panic``. What the kernel says meanwhile does count, as far as its times tell.

        The patterns are looked for until the device is disconnected, released, or `Unregister Failing Console Pattern`.

        Args:
            patterns: Texts, or ``regexp:`` and regular expressions, that are looked for within a line. The name of a
                preset means that preset, in upper or lower case; ``regexp:linux`` is how to look for the word.
            preset: What such a system says when it dies: ``linux``, ``oom``, ``u-boot``, ``firmware``, ``zephyr``,
                ``android``, ``esp-idf``, ``nuttx`` or ``xen``; section `Failing patterns` has their tables.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            UsageError: There is no pattern, or one is no valid regular expression, matches an empty line or has a line
                end.

        Example:
        | Register Failing Console Pattern    preset=linux
        | Register Failing Console Pattern    u-boot    regexp:^ERROR: .*sensor
        | Power On
        | Log In To Console
        """
        if not patterns and preset is None:
            raise UsageError("There is nothing to look for. Give patterns, or a preset, for example preset=linux")
        console = self.console(device, driver)
        wanted = [*patterns, *([preset.value] if preset is not None else [])]
        self.register(console, dict(map(named_patterns, wanted)))
        logger.info(f"Failing patterns of console {console.title}: {', '.join(console.failing())}.")

    @keyword(tags=("Console", "Setter"))
    def unregister_failing_console_pattern(
        self,
        *patterns: str,
        preset: FailingPreset | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Looks for some failing patterns no more; without any, for none at all.

        What was said before and not told yet is forgotten when no patterns are left.

        Args:
            patterns: The patterns, as they were registered, or names of presets. Default: all.
            preset: The preset. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            UsageError: One was not registered.

        Example:
        | Unregister Failing Console Pattern    preset=linux
        | Unregister Failing Console Pattern
        """
        console = self.console(device, driver)
        unwanted = [*patterns, *([preset.value] if preset is not None else [])]
        if not unwanted:
            console.accept()
        for name in map(preset_name, unwanted):
            if not console.accept(name):
                there = ", ".join(console.failing()) or "none"
                raise UsageError(f"'{name}' is no failing pattern of console {console.title}. It has: {there}.")

    def register(self, console: Console, patterns: Mapping[str, list[FailingPattern]]) -> None:
        """Register failing patterns for a console, by their names, and fail tests whose board crashes unseen."""
        for name, found in patterns.items():
            console.fail_on(name, found)
        self._consoles.add(console)

    def watch(self, device: Device, patterns: Mapping[str, list[FailingPattern]]) -> None:
        """Register failing patterns for all open consoles of a device; those that its profile registers count, too."""
        for console in device.opened_consoles():
            self.register(console, patterns)

    def end_test(self, _data: Any, result: Any) -> None:
        """Fail a test whose board has crashed without an error of a keyword."""
        for console in list(self._consoles):
            error = console.crash()
            if error is not None:
                also = f"{result.message}\n\nAlso: " if result.failed and result.message else ""
                result.status = "FAIL"
                result.message = f"{also}{error}"


def import_failing_patterns(value: str | Sequence[str] | None) -> dict[str, list[FailingPattern]]:
    """Convert the failing patterns that the library import gives: a list, or a text with commas between them.

    Returns:
        The patterns by their names.

    Raises:
        ConfigurationError: One cannot be a pattern.
    """
    if not value:
        return {}
    texts = value.split(",") if isinstance(value, str) else value
    try:
        return dict(named_patterns(text.strip()) for text in texts)
    except UsageError as error:
        raise ConfigurationError(f"The argument 'failing_patterns' cannot be used: {error}") from None
