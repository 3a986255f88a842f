"""Find out whether a driver has a method, without calling it.

There is no list of methods on the wire. But an exporter answers a call in the wrong style without executing anything,
and says whether the method is missing or only of another kind.
"""

from __future__ import annotations

from contextlib import suppress

from JumpstarterLibrary.client.drivers.base import DriverProxy
from JumpstarterLibrary.errors import DriverMethodNotImplemented, OperationTimeout, UsageError

STREAMS = ("connect", "connect_web")
"""The names that byte streams have in all known drivers."""

_UNMARKED = "missing marker"
_OTHER_KIND = (_UNMARKED, "is for a ")
"""What upstream's exporter, and ours, say of a method that is there but of another call style."""

_NOT_FOR_CLIENTS = frozenset(
    {"client", "close", "reset", "report", "enumerate", "extra_labels"}
    | {"resource", "children", "labels", "uuid", "logger"}
)
"""What every driver object on an exporter has, exported or not; the answer does not tell which."""

_SERIAL = "jumpstarter_driver_pyserial.client.PySerialClient"


def supports(driver: DriverProxy, method: str) -> bool:
    """Return whether a driver has a method of this name, of any call style.

    A byte stream of an unusual name is opened and closed again; nothing else is executed. Methods that a driver has but
    answers with "not implemented" count.

    Raises:
        UsageError: The exporter does not tell for this name.
        InfrastructureError: The exporter cannot be asked.
    """
    try:
        if method in STREAMS or method in _NOT_FOR_CLIENTS:
            with driver.streamingcall(method, timeout=10.0) as results:
                next(results, None)
        else:
            with driver.stream(method) as stream, suppress(OperationTimeout):
                stream.receive(1, timeout=1.0)  # a refusal comes at once; an open stream may have nothing to say
    except DriverMethodNotImplemented as error:
        details = _details(error)
        if method in _NOT_FOR_CLIENTS and _UNMARKED in details and (method, driver._node.label) != ("close", _SERIAL):
            raise UsageError(
                f"Whether driver '{driver.path}' supports '{method}' cannot be told without calling it: every driver "
                f"object on its exporter has something of that name."
            ) from error
        return any(text in details for text in _OTHER_KIND)
    return True


def _details(error: DriverMethodNotImplemented) -> str:
    details = getattr(error.__cause__, "details", lambda: "")()
    return str(details or "").lower()
