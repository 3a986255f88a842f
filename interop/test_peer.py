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
from interop.leases.processes import CLIENTS_OF_BOARDS, TESTING, Jmp, forked_jmp
from interop.upstream import Upstream

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


@pytest.fixture(scope="module")
def jmp(upstream: Upstream, runtime: Path) -> Iterator[Jmp]:
    """Import upstream's command line and test tool once, and return them."""
    with forked_jmp(upstream, upstream.environ(runtime), CLIENTS_OF_BOARDS, *TESTING) as jmp:
        yield jmp


def test_upstreams_client(jmp: Jmp, exporter: Exporter, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    environ = {**jmp.environ, "JUMPSTARTER_HOST": exporter.host, "JMP_DRIVERS_ALLOW": "UNSAFE"}
    assert run(suite(jmp.python, report), environ, report) > 25


def test_our_plugin(exporter: Exporter, runtime: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    environ = {**os.environ, "JUMPSTARTER_HOST": exporter.host, "XDG_RUNTIME_DIR": str(runtime)}
    assert run(suite(sys.executable, report, "suite_board.py"), environ, report) > 20


@pytest.mark.parametrize("kind", ["upstream", "ours"])
def test_upstreams_shell_over_tls_with_a_passphrase(
    upstream: Upstream, jmp: Jmp, config: Path, runtime: Path, certificates: Certificates, tmp_path: Path, kind: str
) -> None:
    report, tcp = tmp_path / "report.xml", Tcp(certificates, PASSPHRASE)
    # Upstream's client trusts gRPC's default roots here, and this is how gRPC is told which those are.
    environ = {**jmp.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificates.ca)}
    serving = upstream_tcp(upstream, config, runtime, tcp) if kind == "upstream" else our_exporter(config, runtime, tcp)
    with serving as host:
        shell = [jmp.python, upstream.jmp, "shell", "--tls-grpc", host, "--passphrase"]
        tests = suite(jmp.python, report, str(PEER), "-k", "power or flash or files")
        assert run([*shell, PASSPHRASE, "--", *tests], environ, report) > 5
        refused = subprocess.run(
            [*shell, "wrong", "--", "j", "power", "on"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert refused.returncode != 0


def test_upstreams_command_line(jmp: Jmp, exporter: Exporter, tmp_path: Path) -> None:
    environ = {**jmp.environ, "JUMPSTARTER_HOST": exporter.host, "JMP_DRIVERS_ALLOW": "UNSAFE"}
    j = [jmp.python, str(Path(jmp.upstream.jmp).with_name("j"))]
    source, back = tmp_path / "image.bin", tmp_path / "back.bin"
    source.write_bytes(os.urandom(300_000))

    for words in (("power", "on"), ("flasher", "flash", source), ("flasher", "dump", back)):
        done = subprocess.run(
            [*j, *map(str, words)], env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert back.read_bytes() == source.read_bytes()
