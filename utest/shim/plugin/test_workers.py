"""pytest-xdist: each worker has boards of its own, and a class has one board."""

from __future__ import annotations

import re
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import VirtualLab

pytest_plugins = "pytester"

pytestmark = [
    pytest.mark.usefixtures("forked"),
    pytest.mark.leaves("file", reason="a killed process cannot remove its folder for sockets"),
]

Enter = Callable[[Driver], str]

SUITE = """
    import os
    import time
    import pytest
    from pytest_jumpstarter import JumpstarterTest

    @pytest.fixture(autouse=True)
    def note(request, worker_id):
        with open(os.path.join(str(request.config.rootpath), "notes"), "a") as notes:
            notes.write(f"{worker_id} {request.node.nodeid}\\n")

    class TestOne(JumpstarterTest):
        selector = "board=b"

        @pytest.mark.parametrize("number", range(4))
        def test_it(self, client, number):
            client.power.on()

    @pytest.mark.jumpstarter("board=b")
    class TestTwo:
        @pytest.mark.parametrize("number", range(4))
        def test_it(self, jumpstarter_client, number):
            jumpstarter_client.power.on()

    class TestOther:
        @pytest.mark.parametrize("number", range(6))
        def test_it(self, number):
            time.sleep(0.2)
            assert number < 6
"""


def workers_of(pytester: pytest.Pytester) -> dict[str, set[str]]:
    """Return which workers have run a test of each class."""
    workers: dict[str, set[str]] = {}
    for line in (pytester.path / "notes").read_text().splitlines():
        worker, nodeid = line.split(" ", 1)
        workers.setdefault(nodeid.split("::")[1], set()).add(worker)
    return workers


@pytest.mark.parametrize("dist", ["load", "worksteal", "loadgroup", "loadscope", "loadfile"])
def test_a_class_has_one_board_however_tests_are_spread(pytester: pytest.Pytester, lab: VirtualLab, dist: str) -> None:
    pytester.makepyfile(test_suite=SUITE)
    result = pytester.runpytest_subprocess("-W", "error", "--strict-markers", "-n", "2", "--dist", dist, "-v")
    result.assert_outcomes(passed=14)
    assert len(lab.leases()) == 2
    assert all(lease.ended for lease in lab.leases())
    workers = workers_of(pytester)
    assert [len(workers[name]) for name in ("TestOne", "TestTwo")] == [1, 1]
    assert "@jumpstarter" not in result.stdout.str()
    if dist in ("load", "worksteal", "loadgroup"):
        assert len(workers["TestOther"]) == 2


def test_the_worker_is_a_tag_of_its_lease(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(test_suite=SUITE)
    pytester.runpytest_subprocess("-W", "error", "-n", "2").assert_outcomes(passed=14)
    assert {lease.tags["worker"] for lease in lab.leases()} == {"gw0", "gw1"}
    assert {lease.context["worker"] for lease in lab.leases()} == {"gw0", "gw1"}


def test_a_name_is_told_apart_by_worker(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    suite = SUITE.replace('selector = "board=b"', 'selector = "board=b"; lease_name = "night"').replace(
        '("board=b")', '("board=b", lease_name="night")'
    )
    pytester.makepyfile(test_suite=suite)
    pytester.runpytest_subprocess("-W", "error", "-n", "2").assert_outcomes(passed=14)
    assert {lease.name for lease in lab.leases()} == {"night-gw0", "night-gw1"}


def test_without_boards_xdist_spreads_as_ever(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtestloop(session):
            result = yield
            plugin = session.config.pluginmanager.get_plugin("dsession")
            if plugin is not None:
                print("scheduler:", type(plugin.sched._scheduler).__name__)
            return result
        """
    )
    pytester.makepyfile("def test_one(): pass\ndef test_two(): pass\n")
    result = pytester.runpytest_subprocess("-W", "error", "-n", "2", "-s")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*scheduler: LoadScheduling"])
    result = pytester.runpytest_subprocess("-W", "error", "-n", "2", "-s", "--dist=worksteal")
    result.stdout.fnmatch_lines(["*scheduler: WorkStealingScheduling"])


@pytest.mark.parametrize("dist", ["load", "loadgroup"])
def test_strictly_a_class_that_is_spread_is_one_sentence(pytester: pytest.Pytester, lab: VirtualLab, dist: str) -> None:
    pytester.makepyfile(test_suite=SUITE)
    result = pytester.runpytest_subprocess("-n", "2", "--dist", dist, "--jumpstarter-strict")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    sentence = (
        f"--dist {dist} would spread the 4 tests of one board, of which test_suite.py::TestOne::test_it[0] is the "
        "first, over several workers, each with a board or a connection of its own. Use --dist loadscope, give them "
        "one xdist_group with --dist loadgroup, or leave --jumpstarter-strict out to have them kept together."
    )
    assert sentence in result.stdout.str() + result.stderr.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert lab.leases() == []


def test_strictly_a_class_with_a_group_is_fine(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    suite = SUITE.replace("class TestOne", '@pytest.mark.xdist_group("one")\n    class TestOne').replace(
        '@pytest.mark.jumpstarter("board=b")',
        '@pytest.mark.jumpstarter("board=b")\n    @pytest.mark.xdist_group("two")',
    )
    pytester.makepyfile(test_suite=suite)
    result = pytester.runpytest_subprocess("-W", "error", "-n", "2", "--dist=loadgroup", "--jumpstarter-strict")
    result.assert_outcomes(passed=14)
    assert len(lab.leases()) == 2


def test_there_may_be_more_workers_than_boards(pytester: pytest.Pytester, lab_of: Callable[[int], VirtualLab]) -> None:
    lab = lab_of(1)
    pytester.makepyfile(
        """
        import time
        import pytest
        from pytest_jumpstarter import JumpstarterTest

        class Board(JumpstarterTest):
            selector = "board=b"

            @pytest.mark.parametrize("number", range(3))
            def test_it(self, client, number):
                time.sleep(0.1)
                client.power.on()

        class TestOne(Board):
            pass

        class TestTwo(Board):
            pass

        class TestThree(Board):
            lease_scope = "session"

        class TestFour(Board):
            lease_scope = "session"
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "-n", "3", "--jumpstarter-progress=1s", timeout=60)
    result.assert_outcomes(passed=12)
    told = result.stdout.str() + result.stderr.str()
    assert re.search(r"\[gw\d\] Waiting for selector 'board=b' \(lease '[^']+'\): those that match are leased", told)
    assert {lease.exporter for lease in lab.leases()} == {"b1"}
    assert all(lease.ended for lease in lab.leases())


def test_one_board_is_on_one_worker(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(Composite(children={"power": MockPower()}))
    pytester.makepyfile(test_suite=SUITE)
    pytester.runpytest_subprocess("-W", "error", "-n", "2").assert_outcomes(passed=14)
    workers = workers_of(pytester)
    assert workers["TestOne"] == workers["TestTwo"]
    assert len(workers["TestOne"]) == 1


def test_properties_and_sections_come_from_workers(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        from pytest_jumpstarter import JumpstarterTest
        from jumpstarter_driver_network.adapters import PexpectAdapter

        class TestOne(JumpstarterTest):
            selector = "number=1"

            def test_fails(self, client):
                with PexpectAdapter(client=client.dutlink.console) as console:
                    client.dutlink.power.on()
                    console.expect("U-Boot", timeout=10)
                assert client is None

        class TestTwo(JumpstarterTest):
            selector = "number=2"

            def test_passes(self, client):
                client.power.on()
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "-n", "2", "--junitxml=junit.xml")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*- Console 'dutlink.console' -*", "*U-Boot*", "*- Exporter log -*"])
    root = ET.parse(pytester.path / "junit.xml").getroot()
    found = {
        case.get("name"): {one.get("name"): one.get("value") for one in case.iter("property")}
        for case in root.iter("testcase")
    }
    assert found["test_fails"]["jumpstarter.exporter"] == "b1"
    assert found["test_passes"]["jumpstarter.exporter"] == "b2"
    assert found["test_passes"]["jumpstarter.device"] == "board=b,number=2"
    suite = {one.get("name"): one.get("value") for one in root[0].findall("properties/property")}
    assert set((suite["jumpstarter.exporter"] or "").split(", ")) == {"b1", "b2"}


def test_a_test_that_kills_its_worker_is_not_run_again(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(Composite(children={"power": MockPower()}))
    pytester.makepyfile(
        """
        import os
        from pytest_jumpstarter import JumpstarterTest

        class TestBoard(JumpstarterTest):
            def test_first(self, client):
                client.power.on()

            def test_kills(self, client):
                os.kill(os.getpid(), 9)

            def test_after(self, client):
                client.power.off()

            def test_last(self, client):
                client.power.off()
        """
    )
    result = pytester.runpytest_subprocess("-n", "1", "-v")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw0' crashed while running '*::test_kills'*"])


@pytest.mark.parametrize("arguments", [(), ("-n", "1")])
def test_a_board_that_nobody_uses_is_not_waited_for(
    pytester: pytest.Pytester, lab_of: Callable[[int], VirtualLab], arguments: tuple[str, ...]
) -> None:
    lab_of(1)
    pytester.makepyfile(
        """
        from pytest_jumpstarter import JumpstarterTest

        class TestShared(JumpstarterTest):
            selector = "board=b"
            lease_scope = "session"
            lease_timeout = 20

            def test_on(self, client):
                client.power.on()

        class TestOwn(JumpstarterTest):
            selector = "board=b"
            lease_timeout = 20

            def test_on(self, client):
                client.power.on()

        class TestSharedAgain(TestShared):
            pass
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", *arguments)
    result.assert_outcomes(passed=3)


CRASH = """
    import os
    import signal
    from pytest_jumpstarter import JumpstarterTest

    class TestCrash(JumpstarterTest):
        selector = "board=b"

        def test_it(self, client):
            os.kill(os.getpid(), signal.SIGKILL)

    class TestNext(JumpstarterTest):
        selector = "board=b"

        def test_it(self, client):
            client.power.on()
"""


def test_the_lease_of_a_killed_worker_is_released_at_once(
    pytester: pytest.Pytester, lab_of: Callable[[int], VirtualLab]
) -> None:
    """The only board is free again for the worker that comes instead."""
    lab = lab_of(1)
    pytester.makepyfile(test_suite=CRASH)
    result = pytester.runpytest_subprocess("-W", "error", "-n", "1", "--jumpstarter-timeout=10")
    result.assert_outcomes(passed=1, failed=1)
    first, _second = sorted(lab.leases(), key=lambda lease: lease.created)
    result.stdout.fnmatch_lines([f"Worker gw0 has died. Lease '{first.name}' was released."])
    assert all(lease.ended for lease in lab.leases())


def test_the_lease_of_another_client_is_told_with_the_command(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    other = lab.write_client_config(pytester.path / "other", "other")
    pytester.makepyfile(test_suite=CRASH)
    pytester.makeconftest(
        f"""
        import os
        import pytest

        def pytest_configure(config):
            if hasattr(config, "workerinput"):
                os.environ["JMP_CLIENT_CONFIG"] = {str(other)!r}
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "-n", "1", "-k", "TestCrash")
    (lease,) = lab.leases()
    assert lease.client == "other"
    assert not lease.ended
    result.stdout.fnmatch_lines(
        [
            f"Worker gw0 has died. Its lease '{lease.name}' is another client's than this process is. Free it with: "
            f"jmp delete leases {lease.name}"
        ]
    )
    lab.controller.release(lease.name)


def test_a_worker_that_ends_in_order_leaves_nothing(
    pytester: pytest.Pytester, lab: VirtualLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(test_suite=SUITE)
    # Sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="w-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        result = pytester.runpytest_subprocess("-W", "error", "-n", "2")
        result.assert_outcomes(passed=14)
        assert "has died" not in result.stdout.str()
        assert list(Path(folder).glob("jumpstarter-*")) == []
