"""Run the test files that take longest first, so that no process is left alone with one at the end.

A pytest plugin (``-p scripts.file_order``). With ``--shuffle-files SEED`` files run in a random order, so that a test
that depends on what another file has left is noticed.
"""

from __future__ import annotations

import random

import pytest

LONGEST = (
    "atest/21_boot_on_qemu.robot",
    "utest/shim/plugin/test_workers.py",
    "atest/31_failing_patterns.robot",
    "atest/33_commands_in_noise.robot",
    "interop/qemu/test_linux.py",
    "interop/test_peer.py",
    "interop/leases/test_lease_commands.py",
    "interop/leases/test_shell.py",
    "utest/shim/test_compat_tests.py",
    "interop/leases/test_listing.py",
    "interop/wheels/test_wheels.py",
    "atest/20_own_states.robot",
    "interop/client/test_storage.py",
    "utest/chaos/test_soak.py",
)
"""Files in the order of their length, as measured. Those of interop follow, which install upstream's packages and wait
for processes; all others come last, in their own order."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--shuffle-files", type=int, metavar="SEED", help="run the test files in a random order, the same for each SEED"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests by file; within a file they keep their order."""
    files = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in items))
    seed = config.getoption("shuffle_files")
    if seed is not None:
        random.Random(seed).shuffle(files)
    else:
        files.sort(key=_turn)
    rank = {file: number for number, file in enumerate(files)}
    items.sort(key=lambda item: rank[item.nodeid.partition("::")[0]])


def _turn(file: str) -> int:
    if file in LONGEST:
        return LONGEST.index(file)
    return len(LONGEST) + (not file.startswith("interop/"))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell the seed of a random order."""
    seed = config.getoption("shuffle_files")
    return None if seed is None else f"test files in a random order, repeated with --shuffle-files {seed}"
