"""A shell, or one command, whose environment leads to an exporter."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_jumpstarter.upstream_api.config.env import (
    JMP_DRIVERS_ALLOW,
    JMP_EXPORTER,
    JMP_EXPORTER_LABELS,
    JMP_GRPC_INSECURE,
    JMP_GRPC_PASSPHRASE,
    JMP_LEASE,
    JUMPSTARTER_HOST,
)

DEFAULT_SHELL = "bash"

QUIET = "_JMP_SUPPRESS_DRIVER_WARNINGS"
"""Tells upstream's commands in the shell that drivers which may not be imported were told of already."""

PROMPT = "_JUMPSTARTER_PROMPT"
"""What the prompt says."""

_FISH_PROMPT = f"function fish_prompt; set_color yellow; printf '%s' ${PROMPT}; set_color normal; printf ' > '; end"


def launch_shell(
    host: str,
    context: str,
    allow: Sequence[str],
    unsafe: bool,
    use_profiles: bool,
    *,
    command: Sequence[str] | None = None,
    lease: Any = None,
    insecure: bool = False,
    passphrase: str | None = None,
) -> int:
    """Run the user's shell, or a command, on an exporter, and return its exit status; negative where a signal ended it.

    Args:
        host: Where the exporter listens: a socket's path, or ``host:port``.
        context: What the prompt says: the exporter's name, or ``local``.
        allow: Patterns of the client classes that may be imported in it.
        unsafe: Allow all of them.
        use_profiles: Let the shell read its start-up files.
        command: What to run in place of a shell.
        lease: The lease that the exporter is of, if any: the shell learns its name and its exporter's, and gets SIGHUP
            when it ends.
        insecure: The exporter speaks plain text.
        passphrase: What the exporter wants to hear.

    Raises:
        OSError: The shell or the command cannot be started.
    """
    environment = _environment(host, "UNSAFE" if unsafe else ",".join(allow), lease)
    if insecure:
        environment[JMP_GRPC_INSECURE] = "1"
    if passphrase:
        environment[JMP_GRPC_PASSPHRASE] = passphrase
    if not command:
        shell = os.environ.get("SHELL") or DEFAULT_SHELL
        command, prompt = interactive_command(shell, context, use_profiles)
        environment.update(prompt)
    with subprocess.Popen(list(command), env=environment) as process:
        if lease is not None:
            lease.lease_ending_callback = _hang_up(process)
        return process.wait()


def _environment(host: str, allow: str, lease: Any) -> dict[str, str]:
    found = {**os.environ, JUMPSTARTER_HOST: host, JMP_DRIVERS_ALLOW: allow, QUIET: "1"}
    if lease is not None:
        labels = sorted(dict(lease.exporter_labels or {}).items())
        told = {
            JMP_EXPORTER: lease.exporter_name,
            JMP_LEASE: lease.name,
            JMP_EXPORTER_LABELS: ",".join(f"{key}={value}" for key, value in labels),
        }
        found.update({name: text for name, text in told.items() if text})
    return found


def interactive_command(shell: str, context: str, use_profiles: bool) -> tuple[list[str], Mapping[str, str]]:
    """Return the command line of a shell, and the variables of its prompt."""
    kind = Path(shell).name
    # A context's name must not run as code: shells that would run it in a prompt read it from a variable.
    if kind.endswith("bash"):
        bare = [] if use_profiles else ["--norc", "--noprofile"]
        return [shell, *bare], {"PS1": rf"\[\e[33m\]${PROMPT}\[\e[0m\] \W> ", PROMPT: context}
    if kind == "zsh":
        return [shell, *([] if use_profiles else ["--no-rcs"])], {"PS1": f"%F{{yellow}}{context}%f %1~> "}
    if kind == "fish":
        bare = [] if use_profiles else ["--no-config"]
        return [shell, *bare, "--init-command", _FISH_PROMPT], {PROMPT: context}
    return [shell], {"PS1": f"${PROMPT}> ", PROMPT: context}


def _hang_up(process: subprocess.Popen[bytes]) -> Any:
    def ending(_lease: Any, left: datetime.timedelta) -> None:
        if left <= datetime.timedelta(0):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGHUP)

    return ending
