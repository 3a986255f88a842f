"""The suite of upstream's users, under upstream's client inside ``jmp shell``, on leased exporters of both kinds."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interop.leases.conftest import PLACES
from interop.leases.processes import AT_ONCE, Jmp
from interop.test_peer import PEER, suite

pytestmark = pytest.mark.usefixtures("no_leaks", "boards")


def test_suite(jmp: Jmp, tmp_path: Path) -> None:
    def tests(kind: str) -> int:
        """Return how many tests have passed; none may fail."""
        command = suite(jmp.upstream.python, tmp_path / f"{kind}.xml")
        done = jmp(f"shell --selector kind={kind} -- env -C {PEER}", *command)
        assert done.code == 0, f"{done.out}\n{done.err}"
        count = re.search(r"(\d+) passed in", done.out)
        assert count is not None, done.out
        return int(count[1])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        theirs, ours = pool.map(tests, PLACES)
    assert theirs == ours > 25
