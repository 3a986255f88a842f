"""Console keywords that read what the board says."""

from __future__ import annotations

import datetime
from typing import Any

from assertionengine import AssertionOperator, verify_assertion
from robot.api import logger
from robot.api.deco import keyword

from JumpstarterLibrary.client import Console, clock
from JumpstarterLibrary.client.consoles.lost_exporter import exporter_checked
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.client.text import without_erased
from JumpstarterLibrary.errors import ConsoleMismatch, UsageError
from JumpstarterLibrary.keywords.console_base import ConsoleBase, check_mark, explained, offset, shown
from JumpstarterLibrary.types import ConsoleMatch, Since

_SHOULD = {
    "equal": "be",
    "inequal": "not be",
    "contains": "contain",
    "not contains": "not contain",
    "starts": "start with",
    "should end with": "end with",
    "ends": "end with",
    "matches": "match",
    "validate": "validate to true with",
    "less than": "be less than",
    "greater than": "be greater than",
    "<=": "be less than or equal to",
    ">=": "be greater than or equal to",
}

_SHARE = 4
"""How many times as long as an assertion took is waited before the next look, so that a long text stays cheap."""


class ConsoleKeywords(ConsoleBase):
    """Keywords that read what the board says."""

    @keyword(tags=("Console", "Assertion"))
    def console_should_contain(
        self,
        expected: str,
        *,
        timeout: datetime.timedelta | None = None,
        since: Since | str = Since.cursor,
        not_matching: str | None = None,
        expect_restart: bool = False,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> ConsoleMatch:
        """Waits until the console has said something.

        Looks from the cursor on and moves the cursor behind the match. Nothing is removed by looking: with ``since``
        the same output can be looked at again. Line ends are ``\\n``; escape sequences and what backspaces have erased
        are not there.

        Args:
            expected: A text, or ``regexp:`` and a regular expression, in which ``^`` and ``$`` match at line borders. A
                match of one that spans lines is found if it is not longer than 65536 characters.
            timeout: How long to wait. Default: the library's ``timeout``. ``0`` looks only at what is there.
            since: From where to look: one of the known places, or the name of a mark. Default: the cursor.
            not_matching: A pattern that must not come before it. Default: none.
            expect_restart: Whether the board may restart meanwhile, although neither a driver nor a typed line has
                ordered it. Default: no.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Returns:
            The match, with the attributes ``text``, ``before`` and ``groups`` (the named groups).

        Raises:
            ConsoleMismatch: It did not come, or what must not came before it. The error tells how much was read, how
                long the console has been silent, the nearest line and the last 20 lines. Or the board restarted, once
                its system was up or its kernel had died, which neither a driver nor a typed line had ordered.
            DeviceCrashed: A failing pattern came before it; see `Register Failing Console Pattern`.
            LinkError: The console's stream ended before it came.

        Example:
        | Power On
        | Console Should Contain    login:    timeout=60 s
        | Console Should Contain    login:    not_matching=regexp:(?i)error|fail
        | ${match} =    Console Should Contain    regexp:Booting kernel (?P<version>\\\\S+)    since=power_on
        | Log    ${match.groups}[version]
        """
        console = self.console(device, driver)
        limit = self.timeout if timeout is None else timeout
        with explained(message):
            found = console.wait_for(
                expected,
                limit,
                since=offset(console, since),
                unwanted=_unwanted(not_matching),
                expect_restart=expect_restart,
            )
            match = shown(console, found)
        logger.info(f"Found '{match.text}' after {match.seconds:.3f} seconds.")
        return match

    @keyword(tags=("Console", "Assertion"))
    def wait_for_console_any_of(
        self,
        *texts: str,
        timeout: datetime.timedelta | None = None,
        since: Since | str = Since.cursor,
        not_matching: str | None = None,
        expect_restart: bool = False,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
        **patterns: str,
    ) -> ConsoleMatch:
        """Waits until the console has said one of several things, and tells which.

        Of several that are there, the one that comes first in the output counts. Otherwise it is like `Console Should
        Contain`.

        Args:
            texts: Texts, or ``regexp:`` and regular expressions, that are their own names.
            timeout: How long to wait. Default: the library's ``timeout``. ``0`` looks only at what is there.
            since: From where to look: one of the known places, or the name of a mark. Default: the cursor.
            not_matching: A pattern that must not come before them. Default: none.
            expect_restart: Whether the board may restart meanwhile; see `Console Should Contain`. Default: no.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.
            patterns: Texts, or ``regexp:`` and regular expressions, each with a name of your own.

        Returns:
            The match, with the attributes ``name``, ``text``, ``before`` and ``groups`` (the named groups).

        Raises:
            ConsoleMismatch: None of them came.
            DeviceCrashed: A failing pattern came before them.
            LinkError: The console's stream ended before they came.

        Example:
        | ${found} =    Wait For Console Any Of    LOGIN=login:    UBOOT==>    PANIC=regexp:Kernel panic.*
        | IF    $found.name == 'PANIC'    Fail    ${found.text}
        """
        wanted = _named(texts, patterns)
        console = self.console(device, driver)
        limit = self.timeout if timeout is None else timeout
        begin = offset(console, since)
        with explained(message):
            _, found = console.wait_for_any(
                wanted, limit, since=begin, unwanted=_unwanted(not_matching), expect_restart=expect_restart
            )
        match = shown(console, found)
        logger.info(f"Found {match.name}, '{match.text}', after {match.seconds:.3f} seconds.")
        return match

    @keyword(tags=("Console", "Assertion"))
    def wait_for_console_all_of(
        self,
        *texts: str,
        timeout: datetime.timedelta | None = None,
        since: Since | str = Since.cursor,
        in_order: bool = False,
        not_matching: str | None = None,
        expect_restart: bool = False,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
        **patterns: str,
    ) -> dict[str, ConsoleMatch]:
        """Waits until the console has said all of several things, in any order.

        All are looked for from the same place on, and the cursor moves behind the last match. Otherwise it is like
        `Console Should Contain`.

        Args:
            texts: Texts, or ``regexp:`` and regular expressions, that are their own names.
            timeout: How long to wait for all of them. Default: the library's ``timeout``. ``0`` looks only at what is
                there.
            since: From where to look: one of the known places, or the name of a mark. Default: the cursor.
            in_order: Whether each must come behind the one before. Default: no.
            not_matching: A pattern that must not come before the last of them. Default: none.
            expect_restart: Whether the board may restart meanwhile; see `Console Should Contain`. Default: no.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.
            patterns: Texts, or ``regexp:`` and regular expressions, each with a name of your own.

        Returns:
            The matches by name, each with the attributes ``text``, ``before`` and ``groups`` (the named groups).

        Raises:
            ConsoleMismatch: One of them did not come, or what must not came before.
            DeviceCrashed: A failing pattern came before the last of them.
            LinkError: The console's stream ended before they came.

        Example:
        | Wait For Console All Of    eth0: link becomes ready    wlan0: associated    timeout=60 s
        | ${found} =    Wait For Console All Of    SPL=U-Boot SPL    OS=regexp:Linux version (?P<v>\\S+)    in_order=yes
        | Log    ${found['OS'].groups['v']}
        """
        wanted = _named(texts, patterns)
        names = [pattern.name for pattern in wanted]
        if len({*names}) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"There are two patterns with the name '{twice}'. Give each a name of its own.")
        console = self.console(device, driver)
        limit = self.timeout if timeout is None else timeout
        begin = offset(console, since)
        with explained(message):
            found = console.wait_for_all(
                wanted,
                limit,
                since=begin,
                in_order=in_order,
                unwanted=_unwanted(not_matching),
                expect_restart=expect_restart,
            )
        matches = {match.name: shown(console, match) for match in found}
        for name, match in matches.items():
            logger.info(f"Found {name}, '{match.text}', after {match.seconds:.3f} seconds.")
        return matches

    @keyword(tags=("Console", "Assertion"))
    def console_should_not_contain(
        self,
        unexpected: str,
        *,
        within: datetime.timedelta = datetime.timedelta(0),
        since: Since | str = Since.cursor,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> None:
        """Checks that the console has not said something, and does not say it for a while. The cursor stays.

        Args:
            unexpected: A text, or ``regexp:`` and a regular expression.
            within: How long to watch on from now; ends early when it is said. Default: only what is there already.
            since: From where to look: one of the known places, or the name of a mark. Default: the cursor.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            ConsoleMismatch: It was said; the error has the line.
            DeviceCrashed: A failing pattern came meanwhile.

        Example:
        | Console Should Not Contain    Kernel panic    within=5 s    since=power_on
        """
        console = self.console(device, driver)
        with explained(message):
            console.must_not_say(unexpected, within, since=offset(console, since))

    @keyword(tags=("Console", "Setter"))
    def mark_console(self, name: str = "mark", *, device: str | None = None, driver: str | None = None) -> None:
        """Remembers the place where the console is now, for the argument ``since`` of the other keywords.

        A mark is also a line of the console's timed transcript. A mark of the same name is moved.

        Args:
            name: Name of the mark. Default: ``mark``.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Raises:
            UsageError: The library sets marks of that name by itself: ``power_on`` and the like.

        Example:
        | Mark Console    before update
        | Run Command    /usr/bin/update
        | Console Should Not Contain    error    since=before update
        """
        check_mark(name)
        self.console(device, driver).mark(name)

    @keyword(tags=("Console", "Getter", "Assertion"))
    def get_console_text(
        self,
        assertion_operator: AssertionOperator | None = None,
        expected: Any = None,
        *,
        timeout: datetime.timedelta | None = None,
        since: Since | str = Since.cursor,
        message: str | None = None,
        device: str | None = None,
        driver: str | None = None,
    ) -> Any:
        """Returns what the console has said, and waits until it meets an assertion if one is given.

        The cursor stays, so that the same text can be had again, and an assertion can be tried as often as it takes.

        Args:
            assertion_operator: What to check; see `AssertionOperator`. Default: nothing.
            expected: What to check it with.
            timeout: How long to wait until the assertion is met. Default: the library's ``timeout``. ``0`` looks only
                at what is there.
            since: From where on: one of the known places, or the name of a mark. Default: the cursor.
            message: Says why it matters; comes first in the error. Default: none.
            device: Alias. Default: the current device.
            driver: Path of the serial driver. Default: the only one.

        Returns:
            The text, with ``\\n`` as line end and without escape sequences. With ``matches`` and groups, the groups;
            with ``then``, what the expression gives.

        Raises:
            ConsoleMismatch: The assertion was not met in time.
            DeviceCrashed: A failing pattern came while it was awaited.
            LinkError: The console's stream ended before it was met.
            UsageError: The console has said more since then than its history keeps, so that nothing can be asserted.

        Example:
        | ${log} =    Get Console Text    since=power_on
        | Get Console Text    contains    Ready    timeout=60 s
        | Get Console Text    validate    value.count('link is up') == 2    since=test_start
        """
        console = self.console(device, driver)
        begin = offset(console, since)
        begin = console.cursor if begin is None else begin
        if assertion_operator is None and expected is None:
            return console.shown(begin)
        limit = Deadline(self.timeout if timeout is None else timeout)
        with explained(message), exporter_checked(console):
            value = _asserted(console, begin, assertion_operator, expected, limit)
        return console.hidden(value) if isinstance(value, str) else value


def _named(texts: tuple[str, ...], patterns: dict[str, str]) -> list[Pattern]:
    """Return patterns with the names by which they are told apart.

    Raises:
        UsageError: There are none, or one cannot be a pattern.
    """
    if not texts and not patterns:
        raise UsageError("There is nothing to wait for. Give patterns with names, for example LOGIN=login:")
    wanted = [Pattern(text) for text in texts]
    for pattern in wanted:
        pattern.name = pattern.text
    return [*wanted, *(Pattern(text, name) for name, text in patterns.items())]


def _unwanted(pattern: str | None) -> list[str]:
    return [] if pattern is None else [pattern]


def _asserted(
    console: Console, begin: int, operator: AssertionOperator | None, expected: Any, deadline: Deadline
) -> Any:
    """Return the console's text, or what the assertion makes of it, as soon as that holds."""
    heard = console.heard
    while True:
        late, end, started = deadline.expired, console.end, clock.seconds()
        console.check_kept(begin)
        try:
            return verify_assertion(without_erased(console.text(begin)), operator, expected)
        except AssertionError as error:
            if late:
                should = _SHOULD.get(operator.name, operator.name) if operator else "be"
                raise ConsoleMismatch(
                    f"The text of console {console.title} should {should} {expected!r}, and did not within "
                    f"{format_duration(deadline.timeout or 0)}. {console.evidence([], begin, heard)}",
                    fault=console.fault(begin),
                ) from error
        except ValueError as error:
            raise UsageError("What is expected needs an assertion operator before it, such as: contains") from error
        pause(deadline.at_most(_SHARE * (clock.seconds() - started)))
        while console.end == end and not deadline.expired:
            console.wait_for_output(deadline, "an assertion")
