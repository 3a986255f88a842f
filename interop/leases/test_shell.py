"""``jmp shell`` on our lab: its commands, its environment, its end; and our library inside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from interop.leases.conftest import CLIENTS, client_home, make_jmp, watched
from interop.leases.processes import Jmp
from interop.upstream import Upstream
from JumpstarterLibrary.lab import VirtualLab

pytestmark = pytest.mark.usefixtures("no_leaks")

SUITES = Path(__file__).parent / "suites"
RESULTS = Path(__file__).parents[2] / "results" / "interop" / "shell"


def environment(file: Path) -> dict[str, str]:
    """Return the environment that a command in a shell has written down with ``env -0``."""
    return dict(line.split("=", 1) for line in file.read_text().split("\0") if line)


def j(jmp: Jmp) -> str:
    """Return the way to upstream's ``j``."""
    return str(Path(jmp.upstream.jmp).with_name("j"))


def reason(lab: VirtualLab, name: str) -> str:
    """Return why a lease ended."""
    return lab.controller.lease(name).conditions[-1].reason


def test_commands_environment_and_exit_code(jmp: Jmp, lab: VirtualLab, tmp_path: Path) -> None:
    image, back = tmp_path / "image.bin", tmp_path / "back.bin"
    image.write_bytes(os.urandom(2_500_003))
    script = f"""
        env -0 > {tmp_path}/env
        {j(jmp)} power on
        {j(jmp)} storage host
        {j(jmp)} storage flash {image}
        {j(jmp)} storage dump {back}
        {j(jmp)} storage dut
        {j(jmp)} power off
        exit 7
    """
    done = jmp("shell", "--selector", "board=virtual,number=2", "--", "sh", "-ec", script)
    assert done.code == 7, done.out + done.err
    assert back.read_bytes() == image.read_bytes()
    seen = environment(tmp_path / "env")
    assert (seen["JMP_EXPORTER"], seen["JMP_DRIVERS_ALLOW"]) == ("virtual-2", "UNSAFE")
    # The lease does not tell the labels, and of the exporter's one is hidden.
    assert seen["JMP_EXPORTER_LABELS"] == "board=virtual"
    assert not Path(seen["JUMPSTARTER_HOST"]).exists()
    lease = lab.controller.lease(seen["JMP_LEASE"])
    assert (lease.client, lease.exporter, lease.release) == ("tester", "virtual-2", True)
    ended = [call.code.name for call in lab.journal.entries(method="DeleteLease") if call.code is not None]
    assert ended[-1] == "OK"


def test_lease_of_before_is_used_and_kept(jmp: Jmp, lab: VirtualLab, tmp_path: Path) -> None:
    name = jmp.ok(*"create lease --name virtual-1 --duration 10m -o name".split()).strip()
    for option, more in ((("--lease", name), {}), ((), {"JMP_LEASE": name})):
        done = jmp("shell", *option, "--", "sh", "-c", f"env -0 > {tmp_path}/env", **more)
        assert done.code == 0, done.out + done.err
        seen = environment(tmp_path / "env")
        assert (seen["JMP_LEASE"], seen["JMP_EXPORTER"]) == (name, "virtual-1")
        assert not lab.controller.lease(name).ended
    jmp.ok("delete", "leases", name)


def test_lease_that_does_not_come_is_taken_back(jmp: Jmp, lab: VirtualLab) -> None:
    held = jmp.ok(*"create lease --name virtual-1 --duration 10m -o name".split()).strip()
    unfit, busy = jmp.all(
        "shell --selector board=none -- true", "shell --name virtual-1 --acquisition-timeout 5 -- true"
    )
    assert (unfit.code, "the lease cannot be satisfied" in unfit.err) == (1, True), unfit.err
    assert (busy.code, "acquisition timed out after 5 seconds" in busy.err) == (1, True), busy.err
    waited = [lease for lease in lab.leases() if lease.exporter_name == "virtual-1"][-1]
    assert (waited.release, [one.reason for one in waited.conditions]) == (True, ["NotAvailable", "Released"])
    jmp.ok("delete", "leases", held)


def test_lease_that_runs_out_ends_the_shell(jmp: Jmp, lab: VirtualLab, tmp_path: Path) -> None:
    script = (
        f"trap 'echo hung up > {tmp_path}/trap; exit 3' HUP; env -0 > {tmp_path}/env; sleep 30 > /dev/null 2>&1 & wait"
    )
    done = jmp("shell", "--selector", "board=virtual", "--duration", "3s", "--", "sh", "-c", script)
    assert (done.code, (tmp_path / "trap").read_text()) == (3, "hung up\n"), done.out + done.err
    name = environment(tmp_path / "env")["JMP_LEASE"]
    assert reason(lab, name) == "Expired"


def test_our_library_inside(jmp: Jmp, lab: VirtualLab) -> None:
    robot = [sys.executable, "-m", "robot", "--outputdir", str(RESULTS), "--console", "dotted"]
    words = ["shell", "--selector", "board=virtual", "--", *robot, str(SUITES / "inside_shell.robot")]
    before = len(lab.leases())
    done = jmp(*words)
    assert done.code == 0, f"{done.out}\n{done.err}\nSee {RESULTS / 'log.html'}."
    assert len(lab.leases()) == before + 1


@pytest.fixture(scope="module")
def self_signed() -> Iterator[VirtualLab]:
    """Start a lab whose certificates nobody has signed."""
    with VirtualLab(1, clients=CLIENTS, tls="self-signed") as lab:
        yield lab


def test_insecure_client(upstream: Upstream, runtime: Path, self_signed: VirtualLab) -> None:
    jmp = make_jmp(upstream, runtime, client_home(self_signed, runtime / "insecure"))
    with watched(self_signed):
        listed, used = jmp.all("get exporters -o name", f"shell --selector board=virtual -- {j(jmp)} power on")
        assert (listed.code, listed.out.split()) == (0, ["virtual-1"])
        assert used.code == 0, used.out + used.err


def test_client_that_trusts_somebody_else(upstream: Upstream, runtime: Path, lab: VirtualLab, tmp_path: Path) -> None:
    with VirtualLab(0) as other:
        tls: Mapping[str, str] = other.client_config()["tls"]
    jmp = make_jmp(upstream, runtime, client_home(lab, tmp_path, tls=tls))
    done = jmp("get", "exporters")
    assert (done.code, "CERTIFICATE_VERIFY_FAILED" in done.err) == (1, True), done.err
