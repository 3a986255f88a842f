"""Every error that users see, on one page.

JumpstarterError
├── UsageError                      the test's own mistake: an argument, a name, a setting (also ValueError)
│   ├── ConfigurationError          what was configured does not fit together
│   ├── NoSuchDevice                no device has that alias
│   ├── NoSuchDriver                no driver has that path, or none can do what was asked (also AttributeError)
│   ├── AmbiguousDriver             several drivers could be meant
│   └── UnsupportedValue            a value that the protocol cannot carry
├── InfrastructureError             not what the board did: lease, link, exporter, driver
│   ├── LeaseError                  there is no usable lease
│   │   ├── LeaseTimeout            no exporter became free in time (also OperationTimeout)
│   │   ├── LeaseUnsatisfiable      no exporter ever fits the request
│   │   ├── LeaseInvalid            the controller refused the request
│   │   ├── LeaseExpired            its time is over
│   │   ├── LeaseReleased           it was released, but not by this run
│   │   ├── LeaseTransferred        it belongs to another client now
│   │   ├── LeaseNotOwned           it never was this client's
│   │   └── NoSuchLease             the controller knows no lease of that name
│   ├── LinkError                   the exporter cannot be reached, or the link to it broke
│   │   ├── ControllerUnreachable   the controller or its router cannot be reached
│   │   ├── AuthenticationError     the passphrase, the token or the identity was refused
│   │   │   └── TokenExpired        the token was good once
│   │   └── TlsError                the secure connection could not be made
│   ├── ExporterNotReady            the exporter answered, but takes no driver calls now
│   │   ├── ExporterOffline         the exporter of a lease is not there
│   │   └── HookFailed              a hook of the exporter failed
│   ├── OperationTimeout            the time that the caller gave ran out (also TimeoutError)
│   ├── TransferError               an upload or download did not complete, or did not arrive unharmed
│   └── DriverError                 the driver refused or failed
│       ├── DriverMethodNotImplemented   it has no such method (also NotImplementedError)
│       ├── DriverInvalidArgument        it did not accept an argument (also ValueError)
│       ├── DriverTimeout                it gave up waiting for its hardware (also TimeoutError)
│       └── DriverUnavailable            it cannot reach its hardware
└── DeviceFailure                   what the board did, or did not do (also AssertionError)
    ├── ConsoleMismatch             the console did not say what was expected, or said what was not
    ├── DeviceCrashed               the console said what a failing pattern names
    ├── LoginFailed                 no login on the console succeeded
    ├── CommandFailed               a command on the console ended with an unexpected exit status
    ├── BootFailed                  the board did not reach its boot loader, its system or another state
    ├── StateMismatch               the board is in another state than it should be
    └── StateBroken                 a state is wanted that the board has failed to reach before

A message says what was asked, what was found and what to try. The last of these is a typed hint (`hints.py`), which
each face phrases in its own terms: a keyword, an option of pytest, an argument in Python. gRPC codes and tracebacks
stay in ``__cause__`` and in the DEBUG log.

Every error has a class of fault (``fault``, a `FaultClass`): what a report counts it against. A class has the one that
is right for most of its errors; the place that raises an error may know better.

==========================  =======  ==============================================================
errors                      fault    but
==========================  =======  ==============================================================
UsageError                  test
InfrastructureError         lab      DriverError: unknown, a driver fails for the lab as well as for
                                     the board; OperationTimeout: unknown, unless it was the lease
                                     or the exporter that did not answer
DeviceFailure               product  unknown where the console was silent: it may be the cable
==========================  =======  ==============================================================

For programs that sort failures, every class has a stable ``code``, such as ``JMP-LEASE-EXPIRED``; the table of
all codes is at the end.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from JumpstarterLibrary.hints import PYTHON, Hint, Phrases, with_hints
from JumpstarterLibrary.printable import printable

_Error = TypeVar("_Error", bound="JumpstarterError")


class FaultClass(StrEnum):
    """What an error counts against."""

    PRODUCT = "product"
    """The board, or the software on it."""

    LAB = "lab"
    """What is between the test and the board: lease, network, controller, exporter."""

    TEST = "test"
    """The test itself, or its settings."""

    UNKNOWN = "unknown"
    """Nothing tells so far which of them it is."""


class JumpstarterError(Exception):
    """Root of all errors of this library.

    ``str(error)`` is the whole message: the facts, and the hints as the Python API phrases them, or as the face does
    that shows the error.

    Args:
        args: The facts: what was asked and what was found, in sentences.
        hint: What to try. Default: nothing, or it is clear from the facts.
        fault: The class of fault. Default: that of the error's class.

    Attributes:
        code: The kind of error, for machines; stable from release to release.
        fault: The class of fault.
        hints: What to try.
    """

    ROBOT_SUPPRESS_NAME = True
    code: ClassVar[str] = "JMP-ERROR"
    fault: FaultClass = FaultClass.UNKNOWN
    hints: tuple[Hint, ...] = ()
    _phrases: Phrases = PYTHON

    def __init__(self, *args: object, hint: Hint | None = None, fault: FaultClass | None = None) -> None:
        # Facts quote boards, exporters and files.
        super().__init__(*(printable(arg) if isinstance(arg, str) else arg for arg in args))
        if hint is not None:
            self.hints = (hint,)
        if fault is not None:
            self.fault = fault

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the initialiser of the class, which may take other arguments than the facts.
        return new_error, (type(self), self.args), vars(self)

    @property
    def facts(self) -> str:
        """What was asked and what was found, without the hints."""
        return super().__str__()

    def __str__(self) -> str:
        return with_hints(self.facts, self.hints, self._phrases)

    def phrase_hints(self, phrases: Phrases) -> None:
        """Let ``str(error)`` give the hints in the terms of a face."""
        self._phrases = phrases

    def add_fact(self, sentence: str) -> None:
        """Add a sentence to what was found; on a line of its own after several lines."""
        separator = "\n" if "\n" in self.facts else " "
        self.args = (f"{self.facts}{separator}{printable(sentence)}",)

    def reworded(self, kind: type[_Error], facts: str, hint: Hint | None = None) -> _Error:
        """Return an error of a class with other facts, and with the hints, the fault and the rest of this one.

        Args:
            kind: The class.
            facts: The facts.
            hint: What to try as well.
        """
        error = new_error(kind, (facts,))
        vars(error).update(vars(self))
        error.fault = self.fault
        if hint is not None:
            error.hints += (hint,)
        return error

    # What handlers that were written for upstream's errors ask of them.

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self)

    def set_config(self, config: object) -> None:
        """Keep the client configuration in use, for a handler that repairs it with a new login."""
        self._config = config

    def get_config(self) -> object:
        """Return what ``set_config`` kept; None if there is nothing."""
        return getattr(self, "_config", None)

    def print(self, message: str | None = None) -> None:
        """Write the sentence, or another one, to stderr in red."""
        sys.stderr.write(f"\033[91m{message or self}\033[0m\n")


def new_error(kind: type[_Error], args: tuple[object, ...]) -> _Error:
    """Return an error of a class that has only its facts.

    Args:
        kind: The class.
        args: The facts.
    """
    # Of a ValueError that is an OSError, too, `kind.__new__` is that of ValueError, which refuses to make it.
    base: Any = kind
    while "__new__" not in vars(base):
        base = base.__base__
    error: _Error = base.__new__(kind, *args)
    JumpstarterError.__init__(error, *args)
    return error


class UsageError(JumpstarterError, ValueError):
    """The test asked for something that cannot be: a wrong argument, name or setting."""

    fault = FaultClass.TEST


class ConfigurationError(UsageError):
    """What was configured does not fit together, or is not there."""


class NoSuchDevice(UsageError):
    """No connected device has that alias."""


class NoSuchDriver(UsageError, AttributeError):
    """No driver has that path, or none of the device's drivers can do what was asked."""


class AmbiguousDriver(UsageError):
    """Several drivers could be meant, and the caller did not say which."""


class UnsupportedValue(UsageError):
    """A value that the protocol cannot carry; nothing was sent."""


class InfrastructureError(JumpstarterError):
    """Not what the board did: lease, link, exporter or driver."""

    fault = FaultClass.LAB


class LinkError(InfrastructureError):
    """The exporter cannot be reached, or the link to it broke."""


class ControllerUnreachable(LinkError):
    """The controller, or the router that it names, cannot be reached or does not answer."""


class AuthenticationError(LinkError):
    """The exporter refused the passphrase, or the controller the token or the identity."""


class TokenExpired(AuthenticationError):
    """The token was good once; a new login gives another."""


class TlsError(LinkError):
    """The secure connection could not be made."""


class ExporterNotReady(InfrastructureError):
    """The exporter answered, but takes no driver calls in its present status."""


class ExporterOffline(ExporterNotReady):
    """The exporter of a lease is not connected to its controller."""


class HookFailed(ExporterNotReady):
    """A hook that the exporter runs before or after a lease failed."""


class OperationTimeout(InfrastructureError, TimeoutError):
    """The time that the caller gave ran out; remote work was cancelled."""

    fault = FaultClass.UNKNOWN


class LeaseError(InfrastructureError):
    """There is no usable lease."""

    fault = FaultClass.LAB


class LeaseTimeout(LeaseError, OperationTimeout):
    """No exporter became free in the time that the caller gave; the request was taken back."""


class LeaseUnsatisfiable(LeaseError):
    """No exporter fits the request, now or later."""


class LeaseInvalid(LeaseError):
    """The controller refused the request as such."""


class LeaseExpired(LeaseError):
    """The lease's time is over."""


class LeaseReleased(LeaseError):
    """The lease was released: by its owner elsewhere, by its exporter or by an administrator."""


class LeaseTransferred(LeaseError):
    """The lease belongs to another client now."""


class LeaseNotOwned(LeaseError):
    """The lease never was this client's."""


class NoSuchLease(LeaseError):
    """The controller knows no lease of that name."""


class TransferError(InfrastructureError):
    """An upload or download did not complete, or did not arrive unharmed."""


class DriverError(InfrastructureError):
    """The driver refused or failed."""

    fault = FaultClass.UNKNOWN


class DriverMethodNotImplemented(DriverError, NotImplementedError):
    """The driver has no such method, or not in this call style."""


class DriverInvalidArgument(DriverError, ValueError):
    """The driver did not accept an argument."""


class DriverTimeout(DriverError, TimeoutError):
    """The driver itself gave up waiting for its hardware."""


class DriverUnavailable(DriverError):
    """The driver cannot reach its hardware; the exporter is there."""


class DeviceFailure(JumpstarterError, AssertionError):
    """What the board did, or did not do."""

    fault = FaultClass.PRODUCT


class ConsoleMismatch(DeviceFailure):
    """The console did not say what was expected, or said what was not."""


class DeviceCrashed(DeviceFailure):
    """The console said what a failing pattern names: a panic, an abort, or what a test has registered.

    Attributes:
        line: The line that matched.
        pattern: The failing pattern.
        trace: What came with it.
    """

    def __init__(self, message: str, *, line: str = "", pattern: str = "", trace: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.pattern = pattern
        self.trace = trace


class LoginFailed(DeviceFailure):
    """No login on the console succeeded."""


class CommandFailed(DeviceFailure):
    """A command on the console ended with an unexpected exit status."""


class BootFailed(DeviceFailure):
    """The board did not reach its boot loader, its system, or another state that was asked for."""


class StateMismatch(DeviceFailure):
    """The board is in another state than it should be."""


class StateBroken(DeviceFailure):
    """A state is wanted that the board has failed to reach before; it was not tried again."""


CODES: dict[type[JumpstarterError], str] = {
    JumpstarterError: "JMP-ERROR",
    UsageError: "JMP-USAGE-ERROR",
    ConfigurationError: "JMP-CONFIGURATION-ERROR",
    NoSuchDevice: "JMP-NO-SUCH-DEVICE",
    NoSuchDriver: "JMP-NO-SUCH-DRIVER",
    AmbiguousDriver: "JMP-AMBIGUOUS-DRIVER",
    UnsupportedValue: "JMP-UNSUPPORTED-VALUE",
    InfrastructureError: "JMP-INFRASTRUCTURE-ERROR",
    LinkError: "JMP-LINK-ERROR",
    ControllerUnreachable: "JMP-CONTROLLER-UNREACHABLE",
    AuthenticationError: "JMP-AUTHENTICATION-ERROR",
    TokenExpired: "JMP-TOKEN-EXPIRED",
    TlsError: "JMP-TLS-ERROR",
    ExporterNotReady: "JMP-EXPORTER-NOT-READY",
    ExporterOffline: "JMP-EXPORTER-OFFLINE",
    HookFailed: "JMP-HOOK-FAILED",
    OperationTimeout: "JMP-OPERATION-TIMEOUT",
    LeaseError: "JMP-LEASE-ERROR",
    LeaseTimeout: "JMP-LEASE-TIMEOUT",
    LeaseUnsatisfiable: "JMP-LEASE-UNSATISFIABLE",
    LeaseInvalid: "JMP-LEASE-INVALID",
    LeaseExpired: "JMP-LEASE-EXPIRED",
    LeaseReleased: "JMP-LEASE-RELEASED",
    LeaseTransferred: "JMP-LEASE-TRANSFERRED",
    LeaseNotOwned: "JMP-LEASE-NOT-OWNED",
    NoSuchLease: "JMP-NO-SUCH-LEASE",
    TransferError: "JMP-TRANSFER-ERROR",
    DriverError: "JMP-DRIVER-ERROR",
    DriverMethodNotImplemented: "JMP-DRIVER-METHOD-NOT-IMPLEMENTED",
    DriverInvalidArgument: "JMP-DRIVER-INVALID-ARGUMENT",
    DriverTimeout: "JMP-DRIVER-TIMEOUT",
    DriverUnavailable: "JMP-DRIVER-UNAVAILABLE",
    DeviceFailure: "JMP-DEVICE-FAILURE",
    ConsoleMismatch: "JMP-CONSOLE-MISMATCH",
    DeviceCrashed: "JMP-DEVICE-CRASHED",
    LoginFailed: "JMP-LOGIN-FAILED",
    CommandFailed: "JMP-COMMAND-FAILED",
    BootFailed: "JMP-BOOT-FAILED",
    StateMismatch: "JMP-STATE-MISMATCH",
    StateBroken: "JMP-STATE-BROKEN",
}
"""The code of each class: renaming a class leaves it as it is, and no code is ever given to another kind of error."""

for _kind, _code in CODES.items():
    _kind.code = _code
