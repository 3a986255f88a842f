"""Hooks: scripts that an exporter runs before and after a lease."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from JumpstarterLibrary.common.environment import MOTD_FILE, PASSPHRASE, REFRESH_TOKEN, TOKEN
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.leasing.interpreter import command
from JumpstarterLibrary.exporter.leasing.pty_process import PtyProcess
from JumpstarterLibrary.exporter.leasing.timing import ExporterTiming
from JumpstarterLibrary.exporter.logs import LogRing, log_scope
from JumpstarterLibrary.protocol import common_pb2

WARNING_PREFIX = "[HOOK_WARNING] "
"""What a status message begins with when a hook failed whose failure is only a warning. Clients look for it."""

LAST_LINES = 20
LAST_LINES_TEXT = 2_000
"""Lines of a failed hook, and their characters, that the status tells: a client may come too late for the log."""

LAST_LINES_TITLE = " Its last lines were:"
"""What stands before them. Clients look for it."""

CREDENTIALS = (TOKEN, REFRESH_TOKEN, PASSPHRASE)
"""Variables of the exporter that its hooks do not inherit: clients read what hooks print."""

MASK = "***"

HookName = Literal["beforeLease", "afterLease"]

SOURCES = {
    "beforeLease": common_pb2.LOG_SOURCE_BEFORE_LEASE_HOOK,
    "afterLease": common_pb2.LOG_SOURCE_AFTER_LEASE_HOOK,
}

_log = logging.getLogger(__name__)

_NOWHERE = LogRing(())
"""What is logged for the operator only: clients get a hook's lines with their source, not twice."""


@dataclass(frozen=True)
class HookCall:
    """For which lease a hook runs.

    Attributes:
        lease: The lease's name.
        client: The name of the client that holds it.
        host: The socket of the session, for hooks.
        motd_file: Where a beforeLease hook can leave text for clients.
    """

    lease: str
    client: str
    host: str
    motd_file: str | None = None

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the script.

        Args:
            environ: That of the exporter, which the script inherits without the exporter's credentials.
        """
        found = dict(environ)
        for name in ("PS1", MOTD_FILE, *CREDENTIALS):
            found.pop(name, None)
        found.update(
            JUMPSTARTER_HOST=self.host,
            JMP_DRIVERS_ALLOW="UNSAFE",
            LEASE_NAME=self.lease,
            CLIENT_NAME=self.client,
            TERM="dumb",
            DEBIAN_FRONTEND="noninteractive",
            GIT_TERMINAL_PROMPT="0",
        )
        if self.motd_file is not None:
            found[MOTD_FILE] = self.motd_file
        return found


class HookError(Exception):
    """A hook failed. The text says how, as a sentence without its full stop.

    Args:
        text: The text.
        on_failure: What follows, ``onFailure`` of the configuration.
        lines: The last lines that it printed.

    Attributes:
        warn: Whether that is only a warning.
        exit: Whether the exporter has to end.
        last_lines: What the status tells of its last lines, to be put behind a sentence; empty without any.
    """

    def __init__(self, text: str, on_failure: str, lines: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.warn = on_failure == "warn"
        self.exit = on_failure == "exit"
        shown = "".join(f"\n  {line}" for line in lines)[-LAST_LINES_TEXT:]
        self.last_lines = f"{LAST_LINES_TITLE}{shown}" if shown else ""


async def run_hook(
    name: HookName,
    hook: HookInstanceConfigV1Alpha1,
    call: HookCall,
    logs: LogRing,
    timing: ExporterTiming,
    secrets: Iterable[str] = (),
) -> None:
    """Run a hook to its end. Its output goes into a session's log, line by line, and into the exporter's own.

    Args:
        name: Which hook it is.
        hook: Its configuration.
        call: For which lease.
        logs: The session's log.
        timing: What it gets between being asked to end and being killed.
        secrets: Texts that no line may show.

    Raises:
        HookFailed: It could not be started, ended with another exit status than 0, or did not end in time.
    """
    source = SOURCES[name]
    hidden = known_secrets(secrets, os.environ)
    last: deque[str] = deque(maxlen=LAST_LINES)

    def tell(text: str, level: int = logging.INFO) -> None:
        logs.write(text, source, logging.getLevelName(level))
        with log_scope(_NOWHERE):
            _log.log(level, "%s hook of lease %s: %s", name, call.lease, text)

    def line(text: str) -> None:
        for secret in hidden:
            text = text.replace(secret, MASK)
        last.append(text)
        tell(text)

    _log.info("Running the %s hook of lease %s", name, call.lease)
    process = PtyProcess(command(hook), call.environment(os.environ), line)
    failure = await _failure(process, hook, timing)
    if failure is None:
        return
    text = f"The {name} hook {failure}"
    tell(f"{text} (onFailure: {hook.on_failure}).", logging.WARNING if hook.on_failure == "warn" else logging.ERROR)
    raise HookError(text, hook.on_failure, last)


def known_secrets(secrets: Iterable[str], environ: Mapping[str, str]) -> list[str]:
    """Return the texts that no line of a hook may show, the longest first.

    Args:
        secrets: Those of the configuration; empty ones are left out.
        environ: The exporter's environment, whose credentials are secrets, too.
    """
    found = {*secrets, *(environ.get(name, "") for name in CREDENTIALS)} - {""}
    return sorted(found, key=len, reverse=True)


async def _failure(process: PtyProcess, hook: HookInstanceConfigV1Alpha1, timing: ExporterTiming) -> str | None:
    try:
        status = await process.run(hook.timeout, timing.kill_after_s)
    except TimeoutError:
        return f"did not end within {hook.timeout:g} seconds"
    except OSError as error:
        return f"could not be started: {error.strerror or error}: {error.filename or hook.exec}"
    if status < 0:
        return f"was ended by signal {-status}"
    return f"failed with exit status {status}" if status else None
