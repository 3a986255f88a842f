"""How a device is connected, why so, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from JumpstarterLibrary.client.devices.mode import lease_mode, resolve_mode
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.types import Mode

WANTED = LeaseRequest(selector="board=b")
HOST = {"JUMPSTARTER_HOST": "y"}
LEASE = {"JMP_LEASE": "l"}
CHOICES = (
    "Give host= (a socket path or HOST:PORT), run inside `jmp shell` (which sets JUMPSTARTER_HOST), set JMP_LEASE to "
    "the name of a lease, give selector= or exporter= to lease one, or use mode=virtual for a virtual board."
)


@pytest.mark.parametrize(
    ("wanted", "environ", "mode"),
    [
        ({"host": "x"}, {}, Mode.direct),
        ({"host": "x"}, {**HOST, **LEASE}, Mode.direct),
        ({"host": "x", "request": WANTED}, {}, Mode.direct),
        ({}, HOST, Mode.shell),
        ({}, {**HOST, **LEASE}, Mode.shell),
        ({"request": WANTED}, HOST, Mode.shell),
        ({}, LEASE, Mode.lease),
        ({"request": WANTED}, {}, Mode.lease),
        ({"request": WANTED}, {"JUMPSTARTER_HOST": "", "JMP_LEASE": ""}, Mode.lease),
        ({"mode": Mode.lease, "request": WANTED}, HOST, Mode.lease),
        ({"mode": Mode.lease}, {**HOST, **LEASE}, Mode.lease),
        ({"mode": Mode.virtual}, {**HOST, **LEASE}, Mode.virtual),
        ({"mode": Mode.virtual, "request": WANTED}, {}, Mode.virtual),
        ({"mode": Mode.direct, "host": "x"}, HOST, Mode.direct),
        ({"mode": Mode.shell}, {}, Mode.shell),
    ],
)
def test_the_mode_that_is_meant(wanted: dict[str, Any], environ: dict[str, str], mode: Mode) -> None:
    assert resolve_mode(**wanted, environ=environ).mode is mode


@pytest.mark.parametrize(
    ("wanted", "environ", "why", "lease"),
    [
        ({"mode": Mode.shell}, {}, "mode=shell was asked for", None),
        ({}, HOST, "JUMPSTARTER_HOST is set", None),
        ({"host": "x"}, {}, "an exporter's address was given", None),
        ({}, LEASE, "JMP_LEASE names lease l", "l"),
        ({"request": WANTED}, {}, "the selector 'board=b' was given", None),
        ({"request": LeaseRequest(exporter="b1")}, {}, "the exporter 'b1' was given", None),
        ({"request": LeaseRequest(name="mine")}, {}, "lease mine was named", "mine"),
        ({"request": WANTED, "lab": True}, LEASE, "there is a virtual lab to lease from", None),
        ({"mode": Mode.virtual}, LEASE, "mode=virtual was asked for", None),
    ],
)
def test_why_it_is_that_mode(wanted: dict[str, Any], environ: dict[str, str], why: str, lease: str | None) -> None:
    found = resolve_mode(**wanted, environ=environ)
    assert (found.why, found.lease) == (why, lease)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"mode": Mode.shell, "host": "x"}, "host= and mode=shell contradict each other. Leave one of the two out."),
        ({"mode": Mode.lease, "host": "x"}, "host= and mode=lease contradict each other. Leave one of the two out."),
        (
            {"mode": Mode.virtual, "host": "x"},
            "host= and mode=virtual contradict each other. Leave one of the two out.",
        ),
        ({"mode": Mode.direct}, "mode=direct needs host=: the socket path or HOST:PORT of an exporter."),
        (
            {"mode": Mode.lease},
            "mode=lease needs to know what to lease. Give selector= or exporter=, or set JMP_LEASE to the name of a "
            "lease.",
        ),
        (
            {},
            f"There is no device: nothing says which one, and neither JUMPSTARTER_HOST nor JMP_LEASE is set. {CHOICES}",
        ),
        (
            {"mode": Mode.lease, "subject": "test class TestBoot"},
            "mode=lease needs to know what to lease for test class TestBoot. Give selector= or exporter=, or set "
            "JMP_LEASE to the name of a lease.",
        ),
    ],
)
def test_what_cannot_be(wanted: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError) as info:
        resolve_mode(**wanted, environ={})
    assert str(info.value) == text


@pytest.mark.parametrize(
    ("mode", "request_", "environ", "found"),
    [
        (Mode.direct, WANTED, {}, Mode.lease),
        (Mode.auto, WANTED, {}, Mode.auto),
        (Mode.virtual, WANTED, {}, Mode.virtual),
        (Mode.auto, LeaseRequest(), HOST, Mode.auto),
        (Mode.shell, LeaseRequest(), {}, Mode.shell),
        (Mode.direct, LeaseRequest(), LEASE, Mode.lease),
    ],
)
def test_the_mode_of_a_lease(mode: Mode, request_: LeaseRequest, environ: dict[str, str], found: Mode) -> None:
    assert lease_mode(mode, request_, environ) is found


@pytest.mark.parametrize(
    ("mode", "environ"),
    [(Mode.auto, {}), (Mode.lease, HOST), (Mode.direct, HOST), (Mode.virtual, {**HOST, **LEASE})],
)
def test_a_lease_of_nothing_is_refused(mode: Mode, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as info:
        lease_mode(mode, LeaseRequest(name="mine"), environ)
    assert str(info.value) == "A lease needs a selector or the name of an exporter. Give selector= or exporter=."


def test_a_request_that_names_nothing_leases_nothing() -> None:
    with pytest.raises(ConfigurationError) as info:
        DeviceRequest(request=LeaseRequest(), subject="test class TestBoot").resolve_mode(environ={})
    assert str(info.value) == (
        f"There is no device for test class TestBoot: nothing says which one, and neither JUMPSTARTER_HOST nor "
        f"JMP_LEASE is set. {CHOICES}"
    )


def test_a_passphrase_is_not_shown() -> None:
    assert "secret" not in repr(DeviceRequest(passphrase="secret"))
