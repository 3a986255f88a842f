"""The tests inside upstream's published wheels, and an environment with this project and nothing of upstream's."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from interop.environments import downloaded, kept
from interop.upstream import VERSION
from scripts.environments import ROOT

TOOLS = ("pytest-asyncio", "paramiko", "websocket-client", "opendal", "aiohttp", "yarl", "requests")
"""What the suites import beside upstream's own dependencies."""


TESTS = ("_test.py", "conftest.py")


@dataclass(frozen=True)
class Suite:
    """The tests of a wheel.

    Attributes:
        package: The package that they are a part of.
        passed: How many pass.
        skipped: How many skip themselves, because a service or tool of the system is missing.
        options: Further options of pytest.
        left_out: Why each of the others is not run: what of upstream's inside it looks at.
        driver: Whether the wheel's own code is used, on our core; otherwise it is our code that is tested.
    """

    package: str
    passed: int
    skipped: int = 0
    options: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    driver: bool = False

    @property
    def distribution(self) -> str:
        """The wheel's name in the package index."""
        return self.package.replace("_", "-")


_NVDEMUX = "tests of the demultiplexer for Tegra boards, which we do not have"

SUITES = (
    Suite("jumpstarter_testing", 4, options=("-p", "pytester")),
    Suite("jumpstarter_driver_power", 3),
    Suite("jumpstarter_driver_composite", 6),
    # Fabric reads from standard input, which pytest does not let it while it captures.
    Suite("jumpstarter_driver_network", 29, skipped=3, options=("-s",)),
    Suite(
        "jumpstarter_driver_opendal",
        27,
        left_out={"driver_test.py::test_directory_path_normalization": "calls the private `_normalize_path`"},
    ),
    Suite(
        "jumpstarter_driver_pyserial",
        35,
        left_out={
            "nvdemux/driver_test.py": _NVDEMUX,
            "nvdemux/manager_test.py": _NVDEMUX,
            "driver_test.py::test_disable_hupcl_applies_termios_flags": "calls the private `_maybe_disable_hupcl`",
            "driver_test.py::test_disable_hupcl_noop_when_disabled": "calls the private `_maybe_disable_hupcl`",
            "driver_test.py::test_close_closes_transport": "replaces pyserial's `open_serial_connection`",
            "driver_test.py::test_close_from_outside_releases_port": "replaces pyserial's `open_serial_connection`",
        },
    ),
    Suite("jumpstarter_driver_shell", 17, driver=True),
    Suite("jumpstarter_driver_tftp", 20, options=("-o", "asyncio_mode=auto"), driver=True),
    Suite("jumpstarter_driver_http", 16, driver=True),
    Suite("jumpstarter_driver_http_power", 7, driver=True),
    Suite("jumpstarter_driver_probe_rs", 2, driver=True),
)


def wheels(suites: Sequence[Suite]) -> list[Path]:
    """Download the wheels of suites, if they are not here yet, and return them.

    Raises:
        EnvironmentUnavailable: They could not be had.
    """
    return downloaded("wheels", [f"{suite.distribution}=={VERSION}" for suite in suites])


def unpack(suites: Sequence[Suite], folder: Path) -> None:
    """Unpack wheels, unedited: the whole of drivers, and of the rest only the test files, not what they test.

    Raises:
        EnvironmentUnavailable: The wheels could not be had.
    """
    drivers = {suite.package for suite in suites if suite.driver}
    for wheel in wheels(suites):
        with zipfile.ZipFile(wheel) as archive:
            whole = wheel.name.partition("-")[0] in drivers
            names = archive.namelist()
            archive.extractall(folder, names if whole else [name for name in names if name.endswith(TESTS)])


def shim_only() -> Path:
    """Return an environment with this project and what its users' suites import, but no package of upstream's.

    Raises:
        EnvironmentUnavailable: It could not be built.
    """
    project = ["--editable", f"{ROOT}[upstream,novnc,fabric,imagehash]"]
    home = kept("shim", [*project, *TOOLS])
    theirs = [path.name for path in home.glob("lib/python3*/site-packages/jumpstarter*")]
    assert not theirs, f"{home} has packages of upstream's: {theirs}"
    return home
