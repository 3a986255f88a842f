"""The same program on our lab, with upstream's packages and with ours under upstream's names: it sees the same.

Each of them also reads what the other has written.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from interop.leases.conftest import client_home
from interop.leases.processes import Done, run
from interop.upstream import Upstream
from JumpstarterLibrary.lab import VirtualLab
from JumpstarterLibrary.lab.exporters import virtual_boards

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "suites" / "use_config_api.py"

RUNS = ("upstream", "ours")


def use(python: Sequence[str], environ: Mapping[str, str], folder: Path) -> Done:
    """Run the script in a lab of its own, in which nothing may be left."""
    with VirtualLab(virtual_boards(2), clients={"tester": {}, "other": {}}) as lab:
        home = client_home(lab, folder / "home")
        done = run([*python, str(SCRIPT), str(folder)], {**environ, "JMP_CLIENT_CONFIG_HOME": str(home)})
        assert done.code == 0, f"{done.out}\n{done.err}"
        assert lab.leaks() == []
    return done


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return where each of them writes."""
    return {name: tmp_path_factory.mktemp(name) for name in RUNS}


@pytest.fixture(scope="module")
def environs(upstream: Upstream, runtime: Path, our_environ: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    """Return the environment of each of them."""
    return {"upstream": upstream.environ(runtime), "ours": {**our_environ, "PYTHONPATH": str(ROOT)}}


@pytest.fixture(scope="module")
def pythons(upstream: Upstream) -> Mapping[str, Sequence[str]]:
    """Return the command of each of them that runs a script."""
    return {"upstream": [upstream.python], "ours": [sys.executable, "-m", "pytest_jumpstarter"]}


@pytest.fixture(scope="module")
def runs(
    pythons: Mapping[str, Sequence[str]], environs: Mapping[str, Mapping[str, str]], folders: Mapping[str, Path]
) -> Mapping[str, Done]:
    """Run the script with both."""
    with ThreadPoolExecutor(len(RUNS)) as pool:
        begun = {name: pool.submit(use, pythons[name], environs[name], folders[name]) for name in RUNS}
        return {name: future.result() for name, future in begun.items()}


@pytest.fixture(scope="module")
def seen(runs: Mapping[str, Done]) -> Mapping[str, Any]:
    """Return what each of them has seen."""
    return {name: json.loads(done.out.splitlines()[-1]) for name, done in runs.items()}


DIFFERENCES = {
    # Ours are errors of a lease, too, where they are about one.
    ("calls", "deleted twice"): ["LeaseError"],
    ("calls", "unknown lease"): ["LeaseError"],
    ("calls", "unknown exporter"): ["LeaseError"],
    ("calls", "bad selector"): ["LeaseError"],
    ("calls", "bad duration"): ["LeaseError"],
    ("leases", "unknown"): ["LeaseError"],
    ("leases", "somebody else's"): ["ConnectionError"],
    # And those of a configuration are always ValueErrors.
    ("files", "missing"): ["ConfigurationError", "ValueError"],
    ("files", "gone"): ["ConfigurationError", "ValueError"],
    ("calls", "nothing to change"): ["JumpstarterException"],
}
"""What more of upstream's ``except`` clauses catch of ours than of theirs."""

DEFECTS = {
    # Upstream 0.9.0 makes a field mask of it that protobuf refuses.
    ("calls", "moved"): ["ValueError"],
}
"""Which of upstream's ``except`` clauses catch what fails with upstream's packages, and works with ours."""


@pytest.mark.parametrize("part", ["files", "calls", "leases", "coroutines"])
def test_both_see_the_same(seen: Mapping[str, Any], part: str) -> None:
    theirs, ours = seen["upstream"][part], seen["ours"][part]
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        more = DIFFERENCES.get((part, key))
        if (part, key) in DEFECTS:
            assert (value, ours[key]) == (DEFECTS[part, key], [])
        elif more is None:
            assert ours[key] == value, key
        else:
            assert set(ours[key]) == {*value, *more}, key


@pytest.mark.parametrize(("reader", "writer"), [RUNS, RUNS[::-1]])
@pytest.mark.usefixtures("runs")
def test_each_reads_what_the_other_has_written(
    pythons: Mapping[str, str],
    environs: Mapping[str, Mapping[str, str]],
    folders: Mapping[str, Path],
    tmp_path: Path,
    reader: str,
    writer: str,
) -> None:
    script = tmp_path / "read.py"
    code = (
        "import sys; from jumpstarter.config.client import ClientConfigV1Alpha1\n"
        "config = ClientConfigV1Alpha1.from_file(sys.argv[1])\n"
        "print(config.metadata.name, config.endpoint, config.token, config.refresh_token, config.drivers.unsafe,\n"
        "      config.leases.acquisition_timeout, config.leases.retry_timeout, config.grpcOptions)"
    )
    script.write_text(code)
    done = run([*pythons[reader], str(script), str(folders[writer] / "made.yaml")], environs[reader])
    assert done.code == 0, done.err
    assert done.out == ("anna controller.example.com:443 t r True 60 300.0 {'grpc.keepalive_time_ms': 5000}\n")
