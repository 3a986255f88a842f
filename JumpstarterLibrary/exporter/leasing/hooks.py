"""Hooks: scripts that an exporter runs before and after a lease."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from JumpstarterLibrary.common.environment import MOTD_FILE
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.leasing.interpreter import command
from JumpstarterLibrary.exporter.leasing.pty_process import PtyProcess
from JumpstarterLibrary.exporter.leasing.timing import ExporterTiming
from JumpstarterLibrary.exporter.logs import LogRing, log_scope
from JumpstarterLibrary.protocol import common_pb2

WARNING_PREFIX = "[HOOK_WARNING] "
"""What a status message begins with when a hook failed whose failure is only a warning. Clients look for it."""

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
            environ: That of the exporter, which the script inherits.
        """
        found = dict(environ)
        found.pop("PS1", None)
        found.pop(MOTD_FILE, None)
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

    Attributes:
        warn: Whether that is only a warning.
        exit: Whether the exporter has to end.
    """

    def __init__(self, text: str, on_failure: str) -> None:
        super().__init__(text)
        self.warn = on_failure == "warn"
        self.exit = on_failure == "exit"


async def run_hook(
    name: HookName, hook: HookInstanceConfigV1Alpha1, call: HookCall, logs: LogRing, timing: ExporterTiming
) -> None:
    """Run a hook to its end. Its output goes into a session's log, line by line, and into the exporter's own.

    Args:
        name: Which hook it is.
        hook: Its configuration.
        call: For which lease.
        logs: The session's log.
        timing: What it gets between being asked to end and being killed.

    Raises:
        HookFailed: It could not be started, ended with another exit status than 0, or did not end in time.
    """
    source = SOURCES[name]

    def line(text: str, level: int = logging.INFO) -> None:
        logs.write(text, source, logging.getLevelName(level))
        with log_scope(_NOWHERE):
            _log.log(level, "%s hook of lease %s: %s", name, call.lease, text)

    _log.info("Running the %s hook of lease %s", name, call.lease)
    process = PtyProcess(command(hook), call.environment(os.environ), line)
    failure = await _failure(process, hook, timing)
    if failure is None:
        return
    text = f"The {name} hook {failure}"
    line(f"{text} (onFailure: {hook.on_failure}).", logging.WARNING if hook.on_failure == "warn" else logging.ERROR)
    raise HookError(text, hook.on_failure)


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
