"""Phrases for hints in terms of pytest: attributes of test classes, words of the marker and options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from JumpstarterLibrary.errors import JumpstarterError
from JumpstarterLibrary.hints import Hint, Phrases

PYTEST: Phrases = {
    Hint.CHOOSE_LEASE: "Give it a selector or an exporter_name, or set JMP_LEASE to the name of a lease.",
    Hint.CHOOSE_DEVICE: (
        "Run pytest inside `jmp shell` (which sets JUMPSTARTER_HOST), set JUMPSTARTER_HOST to the socket path or "
        "host:port of an exporter, set JMP_LEASE to the name of a lease, give the class a selector or an exporter_name "
        "to lease one, or use --jumpstarter-mode=virtual for a virtual board."
    ),
    Hint.WAIT_LONGER: "Wait longer with lease_timeout or --jumpstarter-timeout, or ask for another exporter.",
    Hint.WAIT_FOR_EXPORTER: "Look at its log, or give it more time with lease_timeout or --jumpstarter-timeout.",
    Hint.SELECT_EXPORTER: "Give a selector or an exporter_name.",
    Hint.LEAVE_LEASE_NAME_OUT: "Leave lease_name out.",
    Hint.ALLOW_DISABLED_EXPORTER: "Choose another one, or ask its administrator.",
    Hint.ALLOW_DISABLED_EXPORTERS: "Choose another selector, or ask their administrator.",
    Hint.EXTEND_LEASE: ("Acquire a longer one, extend it in time, or let it extend itself with lease_max_duration."),
    Hint.CHOOSE_CLIENT: "Choose one with JMP_CLIENT_CONFIG or `jmp config client use ALIAS`.",
    Hint.CONFIGURE_CLIENT: ("Log in with `jmp login`, or set JMP_NAMESPACE, JMP_NAME, JMP_ENDPOINT and JMP_TOKEN."),
    Hint.JOIN_SHELL: (
        "Run inside `jmp shell`, set JUMPSTARTER_HOST to the socket path or host:port of an exporter, or choose "
        "another one with mode or --jumpstarter-mode."
    ),
    Hint.GIVE_PASSPHRASE: "Give the right one with JMP_GRPC_PASSPHRASE.",
}


@contextmanager
def pytest_hints() -> Iterator[None]:
    """Let errors leave the block with hints in terms of pytest."""
    try:
        yield
    except JumpstarterError as error:
        error.phrase_hints(PYTEST)
        raise
