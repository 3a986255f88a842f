"""Every way in which a driver can fail, as our client tells it."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from interop.conftest import Exporter
from JumpstarterLibrary.client import Device
from JumpstarterLibrary.errors import (
    DriverError,
    DriverInvalidArgument,
    DriverMethodNotImplemented,
    DriverTimeout,
    DriverUnavailable,
    JumpstarterError,
    NoSuchDriver,
    OperationTimeout,
    UnsupportedValue,
)

FAILED = "'fail' of driver 'faults' failed on the exporter: why."

# Exception, our error, and its sentence. Upstream 0.9.0 knows less about OSError and its kind than its successor,
# whose statuses our exporter has.
TABLE = [
    (
        "NotImplementedError",
        DriverMethodNotImplemented,
        "'fail' of driver 'faults' is not implemented by the exporter ",
    ),
    ("ValueError", DriverInvalidArgument, "Driver 'faults' did not accept the arguments of 'fail': why."),
    (
        "TimeoutError",
        DriverTimeout,
        "Driver 'faults' gave up by itself in 'fail': why. No timeout= of this side was involved.",
    ),
    ("RuntimeError", DriverError, FAILED),
    ("KeyError", DriverError, "'fail' of driver 'faults' failed on the exporter: 'why'."),
    ("FileNotFoundError", DriverError, FAILED),
]


@pytest.mark.parametrize(("kind", "error", "sentence"), TABLE, ids=[row[0] for row in TABLE])
def test_exception_of_a_method(device: Device, kind: str, error: type[JumpstarterError], sentence: str) -> None:
    with pytest.raises(error) as caught:
        device.driver("faults").call("fail", kind, "why")
    assert type(caught.value) is error
    assert str(caught.value).startswith(sentence)


def test_hardware_that_cannot_be_reached(device: Device, exporter: Exporter) -> None:
    with pytest.raises(DriverError) as caught:
        device.driver("faults").call("fail", "ConnectionRefusedError", "why")
    assert type(caught.value) is (DriverError if exporter.kind == "upstream" else DriverUnavailable)
    assert device.driver("faults").call("same", "alive") == "alive"


@pytest.mark.parametrize(("kind", "error", "_sentence"), TABLE, ids=[row[0] for row in TABLE])
def test_exception_of_a_generator_comes_behind_its_results(
    device: Device, kind: str, error: type[JumpstarterError], _sentence: str
) -> None:
    results = device.driver("faults").streamingcall("fail_after", 3, kind, "why")
    assert [next(results), next(results), next(results)] == [0, 1, 2]
    with pytest.raises(error) as caught:
        next(results)
    assert type(caught.value) is error
    assert "why" in str(caught.value)


@pytest.mark.parametrize("method", ["nothing", "fail_after", "client", "__init__"])
def test_method_that_cannot_be_called(device: Device, method: str) -> None:
    with pytest.raises(DriverMethodNotImplemented, match=rf"^Driver 'faults' has no unary method '{method}': "):
        device.driver("faults").call(method)


@pytest.mark.parametrize("method", ["nothing", "fail"])
def test_method_that_cannot_be_streamed(device: Device, method: str) -> None:
    with pytest.raises(DriverMethodNotImplemented, match=rf"^Driver 'faults' has no streaming method '{method}': "):
        next(device.driver("faults").streamingcall(method))


def test_wrong_number_of_arguments(device: Device) -> None:
    with pytest.raises(DriverError, match=r"^'same' of driver 'faults' failed on the exporter: .*argument"):
        device.driver("faults").call("same")


def test_driver_that_is_gone(device: Device) -> None:
    device.root.children["power"].uuid = str(uuid4())
    with pytest.raises(DriverError, match=r"^'on' of driver 'power' failed on the exporter: "):
        device.driver("power").call("on")


def test_driver_that_is_not_in_the_report(device: Device) -> None:
    with pytest.raises(NoSuchDriver, match=r"^No driver 'relays' under 'group'\. It has: relay\.$"):
        device.driver("group.relays")


def test_call_that_takes_too_long(device: Device) -> None:
    begin = time.monotonic()
    with pytest.raises(OperationTimeout, match=r"^'wait' of driver 'faults' did not finish within 200 milliseconds"):
        device.driver("faults").call("wait", 30, timeout=0.2)
    assert time.monotonic() - begin < 5
    assert device.driver("faults").call("wait", 0) == "waited"


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -7, 2**53, 1.5, "", "Grüße 🚀", [], [1, [2, None]], {}, {"a": {"b": [1.5, "x"]}}],
    ids=repr,
)
def test_values_come_back_as_they_were(device: Device, value: object) -> None:
    back = device.driver("faults").call("same", value)
    assert back == value
    assert type(back) is type(value)


def test_large_values_travel_up_to_the_exporters_limit(device: Device) -> None:
    text = "x" * 3_900_000
    assert device.driver("faults").call("same", text) == text
    with pytest.raises(UnsupportedValue, match=r"exporters accept 4194304 in one message"):
        device.driver("faults").call("same", "x" * 4_200_000)
