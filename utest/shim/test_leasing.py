"""`JumpstarterTest` in lease mode: an exporter of a real controller for each class, and its certain release."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import pytest

from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.settings import ClientArguments, find_settings
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.lab import Clock, LabExporter, VirtualLab

pytest_plugins = "pytester"

Code = grpc.StatusCode
Eventually = Callable[[Callable[[], object]], None]


def board() -> Driver:
    return Composite(children={"power": MockPower()})


@pytest.fixture
def labs(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Callable[[], Driver]], VirtualLab]]:
    """Start a lab of two boards with a driver, which the environment leads to; no lease may be left in it."""
    with ExitStack() as stack:

        def start(driver: Callable[[], Driver]) -> VirtualLab:
            exporters = [
                LabExporter(name=f"b{number}", labels={"board": "b", "number": str(number)}, driver=driver)
                for number in (1, 2)
            ]
            lab = stack.enter_context(VirtualLab(exporters, clients={"tester": {}, "other": {}}, clock=Clock(scale=20)))
            started.append(lab)
            for name, value in lab.environment(tmp_path_factory.mktemp("config")).items():
                monkeypatch.setenv(name, value)
            for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CI"):
                monkeypatch.delenv(name, raising=False)
            return lab

        started: list[VirtualLab] = []
        yield start
        assert [leak for lab in started for leak in lab.leaks()] == []


@pytest.fixture
def lab(labs: Callable[[Callable[[], Driver]], VirtualLab]) -> VirtualLab:
    return labs(board)


def active(lab: VirtualLab) -> list[str]:
    return [lease.name for lease in lab.leases() if not lease.ended]


@contextmanager
def held(lab: VirtualLab, name: str, client: str = "tester", exporter: str = "b1") -> Iterator[None]:
    """Hold a lease of an exporter."""
    home = Path(os.environ["JMP_CLIENT_CONFIG_HOME"])
    path = lab.write_client_config(home, client, current=client == "tester")
    controller = Controller(find_settings(ClientArguments(config=path), {}))
    controller.create_lease(LeaseRequest(exporter=exporter), name, 5)
    while not controller.lease(name).exporter:
        pass
    yield
    lab.controller.release(name)
    controller.close()


SUITE = """
    import datetime
    from pytest_jumpstarter import JumpstarterTest

    class TestBoard(JumpstarterTest):
        {attributes}

        def test_first(self, client):
            client.power.on()

        def test_second(self, client):
            client.power.off()
"""


def test_a_class_leases_what_it_asks_for_and_gives_it_back(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        SUITE.format(
            attributes='selector = "number=2"; lease_duration = datetime.timedelta(minutes=7)',
        )
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=2)
    (lease,) = lab.leases()
    assert (lease.exporter, str(lease.selector), lease.ended) == ("b2", "number=2", True)
    assert lease.duration is not None
    assert lease.duration.total_seconds() == 420
    assert len(lab.journal.entries(method="Dial", caller="tester")) == 1


@pytest.mark.usefixtures("lab")
def test_a_run_does_not_wait_for_itself(pytester: pytest.Pytester) -> None:
    # The class holds the only board that fits; a fixture of the test wants it once more, as a board of its own.
    pytester.makepyfile(
        """
        import datetime, pytest
        from JumpstarterLibrary.types import Scope
        from pytest_jumpstarter import JumpstarterTest
        from pytest_jumpstarter.run import Run
        from dataclasses import replace
        from pytest_jumpstarter.device_request import device_request_for

        class TestBoard(JumpstarterTest):
            selector = "number=2"

            @pytest.fixture
            def another(self, request, client):
                run = Run.of(request.config)
                wanted = device_request_for(request.node.parent, self, run.options)
                with run.client(wanted, request) as board:
                    yield board

            def test_both(self, client, another):
                pass
        """
    )
    result = pytester.runpytest("-W", "error", "--jumpstarter-timeout", "60 s")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*No exporter for selector 'number=2' can become free, since this run waits for itself: it holds exporter "
            "'b2' (test 'test_a_run_does_not_wait_for_itself.py::TestBoard'). Release it first, or ask for another *"
        ]
    )


class BrokenPower(MockPower):
    @classmethod
    def client(cls) -> str:
        return "broken_client.BrokenClient"


def test_a_board_whose_client_cannot_be_built_is_released_at_once(
    pytester: pytest.Pytester, labs: Callable[[Callable[[], Driver]], VirtualLab]
) -> None:
    labs(BrokenPower)
    pytester.makepyfile(
        broken_client="""
        from jumpstarter_driver_power.client import PowerClient

        class BrokenClient(PowerClient):
            def __post_init__(self):
                raise RuntimeError("The client class is broken.")
        """
    )
    pytester.makeconftest(
        """
        def pytest_runtest_logreport(report):
            if report.when == "setup" and report.failed:
                from JumpstarterLibrary.client.settings import find_settings
                from JumpstarterLibrary.client.leasing.controller import Controller

                controller = Controller(find_settings())
                print("held:", [lease.name for lease in controller.leases() if not lease.ended])
                controller.close()
        """
    )
    pytester.makepyfile(SUITE.format(attributes='selector = "board=b"'))
    result = pytester.runpytest("-s", "-k", "test_first")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*held: [[][]]*", "E * RuntimeError: The client class is broken."])


def test_each_class_has_a_lease_of_its_own(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        from pytest_jumpstarter import JumpstarterTest

        class TestOne(JumpstarterTest):
            exporter_name = "b1"

            def test_on(self, client):
                client.power.on()

        class TestTwo(JumpstarterTest):
            selector = "board=b"
            exporter_name = "b2"

            def test_on(self, client):
                client.power.on()
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=2)
    assert [lease.exporter for lease in lab.leases()] == ["b1", "b2"]
    assert active(lab) == []


def test_a_failing_test_gives_the_lease_back_too(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        from pytest_jumpstarter import JumpstarterTest

        class TestBoard(JumpstarterTest):
            selector = "board=b"

            def test_fails(self, client):
                assert client is None
        """
    )
    pytester.runpytest().assert_outcomes(failed=1)
    assert active(lab) == []


def test_the_lease_of_the_environment_is_used_and_never_released(
    pytester: pytest.Pytester, lab: VirtualLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(lab, "theirs"):
        monkeypatch.setenv("JMP_LEASE", "theirs")
        pytester.makepyfile(SUITE.format(attributes='selector = "number=2"'))
        pytester.runpytest("-W", "error").assert_outcomes(passed=2)
        assert active(lab) == ["theirs"]
        assert lab.journal.entries(method="DeleteLease") == []


def test_a_shell_goes_first(
    pytester: pytest.Pytester, lab: VirtualLab, shell: Callable[[Driver], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell(board())
    monkeypatch.setenv("JMP_LEASE", "theirs")
    pytester.makepyfile(SUITE.format(attributes='selector = "number=2"'))
    pytester.runpytest("-W", "error").assert_outcomes(passed=2)
    assert lab.leases() == []


def test_what_does_not_fit_is_one_sentence(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(SUITE.format(attributes='selector = "board=c"'))
    result = pytester.runpytest()
    result.assert_outcomes(errors=2)
    sentence = "No exporter fits selector 'board=c': no exporter has board=c; 2 have board=b. Correct the selector."
    result.stdout.fnmatch_lines([sentence])
    assert "Traceback" not in result.stdout.str()
    assert "_InactiveRpcError" not in result.stdout.str()
    assert "acquire.py" not in result.stdout.str()


def test_a_lease_of_somebody_else_is_one_sentence(
    pytester: pytest.Pytester, lab: VirtualLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(lab, "theirs", "other"):
        monkeypatch.setenv("JMP_LEASE", "theirs")
        pytester.makepyfile(SUITE.format(attributes=""))
        result = pytester.runpytest()
        result.assert_outcomes(errors=2)
        sentence = (
            "Lease 'theirs' belongs to client 'other', not to 'tester'. Ask its owner to transfer it, or acquire "
            "another "
            "one."
        )
        result.stdout.fnmatch_lines([sentence])
        assert active(lab) == ["theirs"]


def test_nothing_to_go_by_is_one_sentence(
    pytester: pytest.Pytester, lab: VirtualLab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytester.makepyfile(SUITE.format(attributes=""))
    result = pytester.runpytest()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "There is no device for test class TestBoard: nothing says which one, and neither "
            "JUMPSTARTER_HOST nor JMP_LEASE is set. Run pytest inside `jmp shell` (which sets *"
        ]
    )
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(tmp_path / "empty"))
    pytester.makepyfile(SUITE.format(attributes='selector = "board=b"'))
    result = pytester.runpytest()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["No client is configured: *"])
    assert lab.leases() == []


def test_a_lease_that_ends_meanwhile_is_an_error_of_the_test_with_its_sentence(
    pytester: pytest.Pytester, lab: VirtualLab
) -> None:
    pytester.makepyfile(
        """
        import datetime, time
        from pytest_jumpstarter import JumpstarterTest

        class TestBoard(JumpstarterTest):
            selector = "board=b"
            lease_duration = datetime.timedelta(seconds=10)

            def test_long(self, client):
                end = time.monotonic() + 10
                while time.monotonic() < end:
                    client.power.on()
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "E   *LeaseExpired: Lease '*' of exporter 'b1' has expired at *, after 10 seconds. This ended 'on' of "
            "driver 'power'. Acquire a longer one, extend it in time, or let it extend itself with lease_max_duration."
        ]
    )


@pytest.mark.usefixtures("forked")
def test_trouble_with_the_release_is_no_failure_of_a_test(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    fault = lab.controller.faults.add(
        "DeleteLease", caller="tester", code=Code.UNAUTHENTICATED, details="invalid jwt token"
    )
    pytester.makepyfile(SUITE.format(attributes='selector = "board=b"'))
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=2)
    fault.clear()
    (name,) = active(lab)
    result.stdout.fnmatch_lines([f"Lease '{name}' could not be released: *jmp delete leases {name}"])
    lab.controller.release(name)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_gives_the_lease_back(
    pytester: pytest.Pytester, lab: VirtualLab, eventually: Eventually, board_python: str, number: int, code: int
) -> None:
    path = pytester.makepyfile(
        """
        import time
        from pytest_jumpstarter import JumpstarterTest

        class TestBoard(JumpstarterTest):
            selector = "board=b"

            def test_long(self, client):
                client.power.on()
                open("ready", "w").close()
                time.sleep(3600)
        """
    )
    with subprocess.Popen(
        [board_python, "-m", "pytest", "-q", str(path)],
        cwd=pytester.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            eventually(lambda: (pytester.path / "ready").exists())
            process.send_signal(number)
            assert process.wait(30) == code
        finally:
            process.kill()
    assert active(lab) == []
