"""Hooks of our exporters, as ``jmp shell`` shows them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from interop.leases.conftest import available, client_environ, client_home, watched
from interop.leases.processes import CLIENTS_OF_BOARDS, Done, Jmp, forked_jmp, wait_until
from interop.upstream import Upstream
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1 as Hook
from JumpstarterLibrary.exporter.config import OnFailure
from JumpstarterLibrary.lab import LabExporter, VirtualLab


def exporter(name: str, before: Hook | None = None, after: Hook | None = None) -> LabExporter:
    """Return a virtual board with hooks."""
    return LabExporter(name=name, labels={"case": name}, before_lease=before, after_lease=after)


def failing(on_failure: OnFailure) -> Hook:
    """Return a hook that fails, but not before the shell has connected: else it would take the exporter for lost."""
    return Hook(script="sleep 3; echo the fuse has blown; exit 3", on_failure=on_failure)


@pytest.fixture(scope="module")
def hooked(upstream: Upstream) -> Iterator[VirtualLab]:
    """Start a lab with one exporter for each way in which hooks end."""
    j = Path(upstream.jmp).with_name("j")
    exporters = [
        exporter(
            "good",
            Hook(script=f"{j} power on && echo prepared for $CLIENT_NAME, lease $LEASE_NAME"),
            Hook(script=f"{j} power off && echo cleaned up"),
        ),
        exporter("before-warns", before=failing("warn")),
        exporter("before-ends", before=failing("endLease")),
        exporter("after-warns", after=failing("warn")),
        exporter("after-ends", after=failing("endLease")),
    ]
    with VirtualLab(exporters) as lab:
        yield lab


@pytest.fixture
def hook_jmp(upstream: Upstream, runtime: Path, hooked: VirtualLab) -> Iterator[Jmp]:
    """Return upstream's command line as that lab's client."""
    home = client_home(hooked, runtime / "hooked", names=("tester",))
    with watched(hooked), forked_jmp(upstream, client_environ(upstream, runtime, home), CLIENTS_OF_BOARDS) as jmp:
        yield jmp


def test_hooks(hook_jmp: Jmp, hooked: VirtualLab) -> None:
    commands = (f"shell --selector case={name} -- echo the command ran" for name in hooked.exporters)
    seen = dict(zip(hooked.exporters, hook_jmp.all(*commands), strict=True))
    leases = {lease.exporter: lease for lease in hooked.leases()}

    good = seen["good"]
    assert good.code == 0, good.out + good.err
    wanted = {
        f"[exporter:beforeLease] prepared for tester, lease {leases['good'].name}",
        "the command ran",
        "[exporter:afterLease] cleaned up",
    }
    assert told(good, *wanted) == wanted

    warned = "The {} hook failed with exit status 3 (onFailure: warn)."
    before, after = seen["before-warns"], seen["after-warns"]
    assert (before.code, after.code) == (0, 0)
    for done, which in ((before, "beforeLease"), (after, "afterLease")):
        wanted = {"the command ran", "the fuse has blown", warned.format(which)}
        assert told(done, *wanted) == wanted, done.out

    ended = seen["before-ends"]
    assert (ended.code, told(ended, "the command ran")) == (1, set())
    assert "Error: The beforeLease hook failed with exit status 3 (onFailure: endLease)." in ended.err
    ended = seen["after-ends"]
    assert (ended.code, told(ended, "the command ran")) == (1, {"the command ran"})
    assert "Error: The afterLease hook failed with exit status 3 (onFailure: endLease)." in ended.err

    for name in hooked.exporters:
        assert (leases[name].release, leases[name].conditions[-1].reason) == (True, "Released")
        wait_until(partial(available, hooked, name), f"the exporter {name} is available again")


def told(done: Done, *texts: str) -> set[str]:
    """Return which texts a shell has shown. Lines of hooks come whenever they come."""
    return {text for text in texts if text in done.out}
