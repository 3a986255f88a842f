"""All limits of waits in one table, for documentation: what ends a wait, and where that is changed."""

from __future__ import annotations

from dataclasses import dataclass

from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.client.leasing.connection import CALL_S
from JumpstarterLibrary.client.leasing.lease import RELEASE_S
from JumpstarterLibrary.client.link import CLOSE_S, PROBE_S, STATUS_S
from JumpstarterLibrary.client.settings.model import ACQUISITION_S, DIAL_S
from JumpstarterLibrary.client.stream import OPEN_S
from JumpstarterLibrary.client.timing import Timing
from JumpstarterLibrary.common.tls_pinning import CONNECT_S, RESOLVE_S
from JumpstarterLibrary.hints import argument

NONE = "none"


@dataclass(frozen=True)
class Limit:
    """How long an operation may take.

    Attributes:
        operation: The operation.
        silence: The field of `Timing`, or the seconds, for which nothing may come; None where that ends nothing.
        length: Likewise for the whole operation; None where it may take as long as it does.
        change: Where the limit is changed; empty where it cannot be.
    """

    operation: str
    silence: str | float | None
    length: str | float | None
    change: str = ""


_SILENCE = "exporter_silence"
_KEYWORD = f"``{argument('timeout')}``"
_TIMING = f"{_KEYWORD}, `Timing`"

LIMITS = (
    Limit("Connecting to an exporter that is not leased", None, "connect_timeout", _TIMING),
    Limit("The certificate of a server that is pinned: its name, and its answer", None, RESOLVE_S + CONNECT_S),
    Limit("Waiting for an exporter to lease", None, ACQUISITION_S, f"{_KEYWORD}, ``leases.acquisition_timeout``"),
    Limit(
        "Reaching the exporter of a lease, also again, when its tunnel broke",
        None,
        DIAL_S,
        f"{_KEYWORD}, ``leases.dial_timeout``, ``JMP_DIAL_TIMEOUT``",
    ),
    Limit("Power: on, off and cycle", _SILENCE, "power_timeout", _TIMING),
    Limit("Any other call of a driver, also its results one by one", _SILENCE, None, _KEYWORD),
    Limit("Opening a byte stream or a console", _SILENCE, OPEN_S),
    Limit("An open byte stream, console or port forward", _SILENCE, None, "`Timing`"),
    Limit("Writing and reading an image or a file", _SILENCE, None, _KEYWORD),
    Limit("The end of a download whose driver has reported success", "transfer_silence", None, "`Timing`"),
    Limit("Waiting for something on a console", _SILENCE, 30.0, f"{_KEYWORD}, also of the import"),
    Limit("Typing", _SILENCE, "write_timeout", _TIMING),
    Limit("A command on a shell", _SILENCE, "command_timeout", _TIMING),
    Limit("A login", _SILENCE, "login_timeout", _TIMING),
    Limit("Stopping a boot", _SILENCE, "interrupt_timeout", _TIMING),
    Limit("A command of U-Boot", _SILENCE, "uboot_command_timeout", _TIMING),
    Limit("Starting a system", _SILENCE, "boot_timeout", _TIMING),
    Limit("Another state of a device", _SILENCE, "state_timeout", _TIMING),
    Limit("The status of an exporter", None, STATUS_S),
    Limit("Whether a silent exporter answers, before an error tells what was awaited", None, PROBE_S),
    Limit("A question to the controller: exporters, leases, their list page by page", None, CALL_S),
    Limit("Releasing a lease; telling the lines of a hook behind it", None, RELEASE_S),
    Limit("Closing a device", None, CLOSE_S),
)
"""All operations that wait. What has no limit of its length ends when its exporter is lost, or by its caller."""


def describe_limits() -> list[tuple[str, str, str, str]]:
    """Return the table for documentation: operation, bound of silence, hard bound, and where it is changed."""
    return [(one.operation, _told(one.silence), _told(one.length), one.change or "fixed") for one in LIMITS]


def _told(limit: str | float | None) -> str:
    """Return a limit in words, with the name of its field."""
    if limit is None:
        return NONE
    if isinstance(limit, str):
        return f"{format_duration(getattr(Timing(), limit))} (``{limit}``)"
    return format_duration(limit)
