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


def test_commands_environment_and_exit_code(jmp: Jmp, lab: VirtualLab, tmp_path: Path) -> None:
    image, back = tmp_path / "image.bin", tmp_path / "back.bin"
    image.write_bytes(os.urandom(2_500_003))
    script = f"""
        env -0 > {tmp_path}/env
        j() {{ {jmp.launcher} {j(jmp)} "$@"; }}
        j power on
        j storage host
        j storage flash {image}
        j storage dump {back}
        j storage dut
        j power off
        exit 7
    """
    done = jmp("shell --selector board=virtual,number=2 -- sh -ec", script)
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
    name = jmp.ok("create lease --name virtual-1 --duration 10m -o name")
    for option, more in ((f"--lease {name}", {}), ("", {"JMP_LEASE": name})):
        done = jmp(f"shell {option} -- sh -c", f"env -0 > {tmp_path}/env", environ=more)
        assert done.code == 0, done.out + done.err
        seen = environment(tmp_path / "env")
        assert (seen["JMP_LEASE"], seen["JMP_EXPORTER"]) == (name, "virtual-1")
        assert not lab.controller.lease(name).ended
    jmp.ok(f"delete leases {name}")


def test_waits_that_end(jmp: Jmp, lab: VirtualLab, tmp_path: Path) -> None:
    held = jmp.ok("create lease --name virtual-1 --duration 10m -o name")
    script = tmp_path / "until_hung_up.sh"
    script.write_text(f"""
        trap 'echo hung up > {tmp_path}/trap; exit 3' HUP
        env -0 > {tmp_path}/env
        sleep 30 > /dev/null 2>&1 &
        wait
    """)
    busy, unfit, expired = jmp.all(
        "shell --name virtual-1 --acquisition-timeout 5 -- true",
        "shell --selector board=none -- true",
        f"shell --selector board=virtual --duration 3s -- sh {script}",
    )
    assert (busy.code, "acquisition timed out after 5 seconds" in busy.err) == (1, True), busy.err
    waited = next(lease for lease in lab.leases() if lease.exporter_name == "virtual-1" and lease.exporter is None)
    assert (waited.release, [one.reason for one in waited.conditions]) == (True, ["NotAvailable", "Released"])

    assert (unfit.code, "the lease cannot be satisfied" in unfit.err) == (1, True), unfit.err

    assert (expired.code, (tmp_path / "trap").read_text()) == (3, "hung up\n"), expired.out + expired.err
    assert lab.controller.lease(environment(tmp_path / "env")["JMP_LEASE"]).conditions[-1].reason == "Expired"
    jmp.ok(f"delete leases {held}")


def test_our_library_inside(jmp: Jmp, lab: VirtualLab) -> None:
    robot = [sys.executable, "-m", "robot", "--outputdir", str(RESULTS), "--console", "dotted"]
    before = len(lab.leases())
    done = jmp("shell --selector board=virtual --", *robot, str(SUITES / "inside_shell.robot"))
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
    done = jmp("get exporters")
    assert (done.code, "CERTIFICATE_VERIFY_FAILED" in done.err) == (1, True), done.err
