"""Show that a lease is awaited: a spinner on a terminal if rich is installed, otherwise lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Self

from JumpstarterLibrary.client.events import Event, Notice
from pytest_jumpstarter.upstream_api.config.lease_notices import has_terminal, is_noninteractive, log_notice, logger

QUIET = timedelta(minutes=5)
"""How often what is no news is logged."""


class LeaseAcquisitionSpinner:
    """Shows what a wait is about, and how long it has lasted, for the length of a block.

    Args:
        lease_name: The lease, if it has a name already.
    """

    def __init__(self, lease_name: str | None = None) -> None:
        self.lease_name = lease_name
        self.spinner: Any = None
        self.start_time: datetime | None = None
        self._should_show_spinner = (
            self._is_terminal_available() and not self._is_non_interactive() and find_spec("rich") is not None
        )
        self._current_message: str | None = None
        self._last_log_time: datetime | None = None

    @cached_property
    def console(self) -> Any:
        """rich's console; only who shows something pays for the import."""
        from rich.console import Console

        return Console()

    def __enter__(self) -> Self:
        self.start_time = datetime.now()
        if self._should_show_spinner:
            which = "" if self.lease_name is None else f" {self.lease_name}"
            self.spinner = self.console.status(f"Acquiring lease{which}...")
            self.spinner.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.spinner is not None:
            self.spinner.stop()

    def update_status(self, message: str, force: bool = False) -> None:
        """Show another sentence; where there is no spinner, log it.

        Args:
            message: The sentence, with rich's markup.
            force: Log it also if something was logged in the last 5 minutes.
        """
        if self.spinner is not None and self._should_show_spinner:
            self._current_message = f"[blue]{message}[/blue]"
            self.tick()
            return
        now = datetime.now()
        if force or self._last_log_time is None or now - self._last_log_time >= QUIET:
            self._last_log_time = now
            logger.info("%s (%s)", message, self._elapsed())

    def tick(self) -> None:
        """Show how long the wait has lasted by now."""
        if self.spinner is not None and self._should_show_spinner and self._current_message is not None:
            self.spinner.update(f"{self._current_message} [dim]({self._elapsed()})[/dim]")

    def put(self, event: Event) -> None:
        """Take an event of the wait."""
        if self.spinner is None or not isinstance(event, Notice) or event.level == "WARN":
            log_notice(event)
            return
        from rich.markup import escape

        self.update_status(escape(event.phrased()))

    def _elapsed(self) -> timedelta:
        whole = (datetime.now() - (self.start_time or datetime.now())).total_seconds()
        return timedelta(seconds=int(whole))

    def _is_terminal_available(self) -> bool:
        return has_terminal()

    def _is_non_interactive(self) -> bool:
        return is_noninteractive()
