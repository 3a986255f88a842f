"""One suite in upstream's own terms, under both clients and against both exporters."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from interop.certificates import Certificates
from interop.conftest import Exporter
from interop.exporters import Tcp, our_exporter, upstream_tcp
from interop.leases.processes import CLIENTS_OF_BOARDS
from interop.upstream import Upstream
from scripts.forks import forks

PEER = Path(__file__).parent / "peer"
LIMIT_S = 180
PASSPHRASE = "open sesame"


def suite(python: str, report: Path, *selection: str) -> list[str]:
    """Return the command that runs the suite."""
    where = [f"--rootdir={PEER}", "-c", str(PEER / "pytest.ini"), f"--junitxml={report}"]
    return [python, "-m", "pytest", *where, *(selection or (str(PEER),))]


def run(command: Sequence[str], environ: Mapping[str, str], report: Path) -> int:
    """Run the suite, fail with its output if it fails, and return how many tests ran."""
    done = subprocess.run(
        command, env=dict(environ), cwd=PEER, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-12000:]}\n{done.stderr[-4000:]}"
    counts = ElementTree.parse(report).getroot().find("testsuite")
    assert counts is not None
    assert counts.attrib["skipped"] == "0"
    return int(counts.attrib["tests"])


def test_upstreams_client(upstream: Upstream, exporter: Exporter, runtime: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    environ = upstream.environ(runtime, JUMPSTARTER_HOST=exporter.host, JMP_DRIVERS_ALLOW="UNSAFE")
    assert run(suite(upstream.python, report), environ, report) > 25


def test_our_plugin(exporter: Exporter, runtime: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    environ = {**os.environ, "JUMPSTARTER_HOST": exporter.host, "XDG_RUNTIME_DIR": str(runtime)}
    assert run(suite(sys.executable, report, "suite_board.py"), environ, report) > 20


@pytest.mark.parametrize("kind", ["upstream", "ours"])
def test_upstreams_shell_over_tls_with_a_passphrase(
    upstream: Upstream, config: Path, runtime: Path, certificates: Certificates, tmp_path: Path, kind: str
) -> None:
    report, tcp = tmp_path / "report.xml", Tcp(certificates, PASSPHRASE)
    # Upstream's client trusts gRPC's default roots here, and this is how gRPC is told which those are.
    environ = upstream.environ(runtime, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=str(certificates.ca))
    serving = upstream_tcp(upstream, config, runtime, tcp) if kind == "upstream" else our_exporter(config, runtime, tcp)
    with serving as host:
        shell = [upstream.jmp, "shell", "--tls-grpc", host, "--passphrase", PASSPHRASE, "--"]
        assert (
            run([*shell, *suite(upstream.python, report, str(PEER), "-k", "power or flash or files")], environ, report)
            > 5
        )
        refused = subprocess.run(
            [*shell[:4], "--passphrase", "wrong", "--", "j", "power", "on"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert refused.returncode != 0


@pytest.fixture(scope="module")
def j(upstream: Upstream, runtime: Path) -> Iterator[list[str]]:
    """Import upstream's ``j`` once, and return how to run it."""
    modules = ("jumpstarter_cli.j", CLIENTS_OF_BOARDS)
    with forks(*modules, quick=True, python=upstream.python, environment=upstream.environ(runtime)) as launcher:
        yield [launcher, str(Path(upstream.jmp).with_name("j"))]


def test_upstreams_command_line(
    upstream: Upstream, j: Sequence[str], exporter: Exporter, runtime: Path, tmp_path: Path
) -> None:
    environ = upstream.environ(runtime, JUMPSTARTER_HOST=exporter.host, JMP_DRIVERS_ALLOW="UNSAFE")
    source, back = tmp_path / "image.bin", tmp_path / "back.bin"
    source.write_bytes(os.urandom(300_000))

    for words in (("power", "on"), ("flasher", "flash", source), ("flasher", "dump", back)):
        done = subprocess.run(
            [*j, *map(str, words)], env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert back.read_bytes() == source.read_bytes()
