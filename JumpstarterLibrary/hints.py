"""What errors tell to try, as typed values that each face phrases in its own terms.

The phrases here are those of the Python API. `reporting/hints.py` has those of Robot Framework's keywords, and the
plugin's `hints.py` those of pytest, where they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, unique


@unique
class Hint(Enum):
    """What to try; the value is the phrase of the Python API."""

    # Which driver, and how long

    NAME_DRIVER = "Say which with driver=."
    NAME_POWER_DRIVER = "Say which with power=."
    GIVE_TIME = "Give it more time with timeout=."
    TYPE_SLOWER = "Type slower with char_delay=, or do not look at the echo."

    # Which device

    CHOOSE_LEASE = "Give selector= or exporter=, or set JMP_LEASE to the name of a lease."
    CHOOSE_DEVICE = (
        "Give host= (a socket path or HOST:PORT), run inside `jmp shell` (which sets JUMPSTARTER_HOST), set JMP_LEASE "
        "to the name of a lease, give selector= or exporter= to lease one, or use mode=virtual for a virtual board."
    )

    # Leases

    WAIT_LONGER = "Wait longer with timeout=, or ask for another exporter."
    WAIT_FOR_EXPORTER = "Look at its log, or give it more time with timeout=."
    SELECT_EXPORTER = "Give selector= or exporter=."
    LEAVE_LEASE_NAME_OUT = "Leave name= out."
    ALLOW_DISABLED_EXPORTER = "Choose another one, or give allow_disabled=True."
    ALLOW_DISABLED_EXPORTERS = "Choose another selector, or give allow_disabled=True."
    EXTEND_LEASE = "Acquire a longer one, extend it in time, or let it extend itself with max_duration=."
    SAY_WHAT_CHANGES = "Give duration=, begin_time= or client=."

    # The client configuration

    CHOOSE_CLIENT = "Choose one with client=, JMP_CLIENT_CONFIG or `jmp config client use ALIAS`."
    CONFIGURE_CLIENT = (
        "Log in with `jmp login`, name one with client= or config=, or set JMP_NAMESPACE, JMP_NAME, JMP_ENDPOINT and "
        "JMP_TOKEN."
    )
    GIVE_CLIENT_FILE = "Give a path with config=."
    CHECK_ENDPOINT = "Check the endpoint of the client configuration: controllers and routers always speak TLS."

    # The way to an exporter

    JOIN_SHELL = (
        "Run inside `jmp shell`, set JUMPSTARTER_HOST to the socket path or host:port of an exporter, or choose "
        "another mode."
    )
    CHECK_TLS = "Check ca=, the host name and tls= (verify, pin or plaintext)."
    CHECK_LISTENER = "Check that it runs and listens there, and tls=."
    USE_PLAINTEXT = "If the exporter is plaintext, use tls=plaintext."
    LEAVE_TLS_OUT = "Leave tls= and ca= out, or give HOST:PORT."
    GIVE_PASSPHRASE = "Give the right one with passphrase= or JMP_GRPC_PASSPHRASE."
    TAKE_FREE_PORT = "Leave port= out for a free one."
    TAKE_PRIVATE_SOCKET = "Leave path= out for a private one."

    # Images

    LEAVE_TARGET_OUT = "Leave target= out."
    DECOMPRESS_IMAGE = "Decompress the image first, or leave verify= out."

    # Shells and boot loaders

    LOG_IN = "Log in first, with log_in()."
    CHECK_LOGIN = "If no user is logged in, log in first, with log_in()."
    ANSWER_PROMPT = "Answer it first, for example with write() of the console."
    UNLOCK_DISK = (
        "Answer it first, for example with write() of the console; where the board unlocks the disk by itself, give it "
        "more time with the timing's unlock_timeout."
    )
    USE_PROMPT = "Type there with write() of the console, and look at what it answers with wait_for()."
    START_SH = "Start a POSIX shell there first, by typing 'sh' with write() of the console."
    GIVE_PASSWORD = "Give it with password=."
    CHECK_POWER = "Is the board powered on?"
    BOOT_SYSTEM = "Boot the system first, for example with ensure('shell') of the device's states."
    SET_PROMPT = "If it is a boot loader, set its prompt, with configure() of the device's states."
    END_WAIT_AT_PANIC = "With fail_on() of the console, a wait ends there."
    ALLOW_RESTART = "Where that is meant, say so with expect_restart=True."
    EXPECT_RESTART = "Where that is meant, say so with restarts=True."
    STOP_BOOT = "Stop the boot first, for example with interrupt_boot()."
    START_FROM_UBOOT = "To start something that does not come back, use boot_from_uboot()."
    START_SYSTEM = "To start a system, use boot_from_uboot()."
    RETRY_STATE = "Power-cycle the board, or use forget_failures() of its states, to try it again."
    DEFINE_STATE = "States of one's own are read with load() of the device's states."


Phrases = Mapping[Hint, str]
"""What a face says in place of the Python API's phrases."""

PYTHON: Phrases = {}


def argument(name: str) -> str:
    """Return an argument of the Python API as messages name it that tell what was given, not what to try."""
    return f"{name}="


def with_hints(facts: str, hints: Iterable[Hint], phrases: Phrases = PYTHON) -> str:
    """Return what happened, followed by what to try.

    Args:
        facts: What was asked and what was found. Hints stand on a line of their own after several lines.
        hints: What to try.
        phrases: Those of the face that shows it. Default: the Python API's.
    """
    advice = " ".join(phrases.get(hint, hint.value) for hint in hints)
    separator = "\n" if "\n" in facts else " "
    return f"{facts}{separator}{advice}" if advice else facts
