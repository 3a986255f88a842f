"""Robot's listener: tells the library when suites and tests begin and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from JumpstarterLibrary.printable import printable
from JumpstarterLibrary.reporting.hints import hint_at_names

TEARDOWN = "TEARDOWN"
"""Robot Framework's type of a keyword that is a teardown."""


class LifecycleListener:
    """Forwards the events that the library's life hangs on. Knows neither devices nor consoles.

    Args:
        suite_starts: Called with the id of a suite that starts.
        suite_ends: Called with the id of a suite that ends, after its teardown.
        test_starts: Called with the id of a test that starts.
        test_ends: Called with the id of a test that ends, after its teardown.
        teardown: Called with whether a teardown of a suite, test or keyword runs now.
        closing: Called when nothing comes any more, also after SIGINT and SIGTERM.
        is_ours: Whether an instance of a library is the one that listens, whose keywords get hints.
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(
        self,
        suite_starts: Callable[[str], None],
        suite_ends: Callable[[str], None],
        test_starts: Callable[[str], None],
        test_ends: Callable[[str], None],
        teardown: Callable[[bool], None],
        closing: Callable[[], None],
        is_ours: Callable[[object], bool] = lambda _library: False,
    ) -> None:
        self._suite_starts, self._suite_ends = suite_starts, suite_ends
        self._test_starts, self._test_ends, self._closing = test_starts, test_ends, closing
        self._teardown, self._teardowns = teardown, 0
        self._is_ours = is_ours

    def start_suite(self, _data: Any, result: Any) -> None:
        """A suite starts."""
        self._suite_starts(result.id)

    def end_suite(self, _data: Any, result: Any) -> None:
        """A suite has ended. Its message, that of a setup or teardown, goes to the terminal as well."""
        result.message = printable(result.message)
        self._suite_ends(result.id)

    def start_test(self, _data: Any, result: Any) -> None:
        """A test starts."""
        self._test_starts(result.id)

    def end_test(self, _data: Any, result: Any) -> None:
        """A test has ended. Its message goes to the terminal, and may compare what a board or a driver said."""
        result.message = printable(result.message)
        self._test_ends(result.id)

    def start_keyword(self, _data: Any, result: Any) -> None:
        """A keyword starts."""
        if result.type == TEARDOWN:
            self._teardowns += 1
            self._teardown(True)

    def end_keyword(self, _data: Any, result: Any) -> None:
        """A keyword has ended."""
        if result.type == TEARDOWN:
            self._teardowns -= 1
            self._teardown(self._teardowns > 0)

    def end_library_keyword(self, data: Any, implementation: Any, result: Any) -> None:
        """A keyword of a library has ended. Robot Framework takes the message of the result as that of the failure."""
        if result.failed and self._is_ours(implementation.owner.instance):
            hint = hint_at_names(result.message, data.args, implementation.args.named_only)
            result.message = f"{result.message} {hint}" if hint else result.message
        self.end_keyword(data, result)

    def close(self) -> None:
        """The run is over."""
        self._closing()
