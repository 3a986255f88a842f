"""Which mode a way of finding a device means, and what contradicts itself."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.keywords.finding import Finding
from JumpstarterLibrary.types import Mode

WANTED = LeaseRequest(selector="board=b")
HOST = {"JUMPSTARTER_HOST": "y"}
LEASE = {"JMP_LEASE": "l"}
CHOICES = (
    "Give host= (a socket path or HOST:PORT), run inside `jmp shell` (which sets JUMPSTARTER_HOST), set JMP_LEASE to "
    "the "
    "name of a lease, give selector= or exporter= to lease one, or use mode=virtual for a virtual board."
)


@pytest.mark.parametrize(
    ("finding", "environ", "mode"),
    [
        (Finding(host="x"), {}, Mode.direct),
        (Finding(host="x"), {**HOST, **LEASE}, Mode.direct),
        (Finding(host="x", request=WANTED), {}, Mode.direct),
        (Finding(), HOST, Mode.shell),
        (Finding(), {**HOST, **LEASE}, Mode.shell),
        (Finding(request=WANTED), HOST, Mode.shell),
        (Finding(), LEASE, Mode.lease),
        (Finding(request=WANTED), {}, Mode.lease),
        (Finding(request=WANTED), {"JUMPSTARTER_HOST": "", "JMP_LEASE": ""}, Mode.lease),
        (Finding(Mode.lease, request=WANTED), HOST, Mode.lease),
        (Finding(Mode.lease), {**HOST, **LEASE}, Mode.lease),
        (Finding(Mode.virtual), {**HOST, **LEASE}, Mode.virtual),
        (Finding(Mode.virtual, request=WANTED), {}, Mode.virtual),
        (Finding(Mode.direct, "x"), HOST, Mode.direct),
        (Finding(Mode.shell), {}, Mode.shell),
    ],
)
def test_the_mode_that_is_meant(finding: Finding, environ: dict[str, str], mode: Mode) -> None:
    assert finding.resolved_mode(environ) is mode


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (Finding(Mode.shell, "x"), "host= and mode=shell contradict each other. Leave one of the two out."),
        (Finding(Mode.lease, "x"), "host= and mode=lease contradict each other. Leave one of the two out."),
        (Finding(Mode.virtual, "x"), "host= and mode=virtual contradict each other. Leave one of the two out."),
        (Finding(Mode.direct), "mode=direct needs host=: the socket path or HOST:PORT of an exporter."),
        (
            Finding(Mode.lease),
            "mode=lease needs to know what to lease. Give selector= or exporter=, or set JMP_LEASE to the name of a "
            "lease.",
        ),
        (
            Finding(),
            "There is no device: no host=, selector= or exporter= was given, and neither JUMPSTARTER_HOST nor "
            f"JMP_LEASE is set. {CHOICES}",
        ),
    ],
)
def test_what_cannot_be(finding: Finding, text: str) -> None:
    with pytest.raises(ConfigurationError) as info:
        finding.resolved_mode({})
    assert str(info.value) == text


def test_a_passphrase_is_not_shown() -> None:
    assert "secret" not in repr(Finding(passphrase="secret"))
