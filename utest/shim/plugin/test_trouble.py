"""A test in which the lab was to blame is an error, wherever it happened; what the board did is a failure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.power import MockPower

pytest_plugins = "pytester"

pytestmark = pytest.mark.usefixtures("forked")

Enter = Callable[[Driver], str]

SUITE = """
    import pytest
    from JumpstarterLibrary.errors import DeviceFailure, LinkError, UsageError
    from jumpstarter_testing import JumpstarterTest

    class TestPower(JumpstarterTest):
        def test_good(self, client):
            client.on()

        def test_lab(self, client):
            raise LinkError("The cable is out. Put it in.")

        def test_board(self, client):
            raise DeviceFailure("It burns.")

        def test_user(self, client):
            raise UsageError("There is no such thing.")
"""


@pytest.fixture(autouse=True)
def in_shell(shell: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    shell(MockPower())
    monkeypatch.setenv("COLUMNS", "200")


def cases(pytester: pytest.Pytester) -> dict[str | None, list[tuple[str, str | None]]]:
    """Return what the JUnit file says went wrong, by test."""
    root = ET.parse(pytester.path / "junit.xml").getroot()
    return {
        case.get("name"): [
            (child.tag, child.get("message")) for child in case if child.tag in ("failure", "error", "skipped")
        ]
        for case in root.iter("testcase")
    }


# With workers, which are processes, it takes some seconds.
@pytest.mark.parametrize("extra", [[], ["-n", "2"], ["--tb=short"], ["--tb=line"], ["--tb=no"], ["--tb=native"]])
def test_it_counts_as_an_error_everywhere(pytester: pytest.Pytester, extra: list[str]) -> None:
    pytester.makepyfile(test_suite=SUITE)
    result = pytester.runpytest_subprocess("-W", "error", "-rEf", "--junitxml=junit.xml", *extra)
    result.assert_outcomes(passed=1, errors=1, failed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR test_suite.py::TestPower::test_lab - *LinkError: The cable is out. Put it in."])
    assert cases(pytester) == {
        "test_good": [],
        "test_lab": [("error", "JumpstarterLibrary.errors.LinkError: The cable is out. Put it in.")],
        "test_board": [("failure", "JumpstarterLibrary.errors.DeviceFailure: It burns.")],
        "test_user": [("failure", "JumpstarterLibrary.errors.UsageError: There is no such thing.")],
    }
    suite = ET.parse(pytester.path / "junit.xml").getroot()[0]
    assert (suite.get("errors"), suite.get("failures"), suite.get("tests")) == ("1", "2", "4")


def test_it_is_shown_at_the_users_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)
    result = pytester.runpytest("-W", "error", "-v")
    result.stdout.fnmatch_lines(
        [
            "test_suite.py::TestPower::test_lab ERROR *",
            "*= ERRORS =*",
            "*_ ERROR at call of TestPower.test_lab _*",
            '>       raise LinkError("The cable is out. Put it in.")',
            "E       JumpstarterLibrary.errors.LinkError: The cable is out. Put it in.",
            "*= FAILURES =*",
            "*_ TestPower.test_board _*",
        ]
    )


def test_a_name_that_is_not_there_is_shown_at_the_users_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from jumpstarter_testing import JumpstarterTest

        class TestPower(JumpstarterTest):
            def test_name(self, client):
                client.nonsense.on()
        """
    )
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       client.nonsense.on()",
            "E       AttributeError: This PowerClient has no attribute 'nonsense'.",
            "test_a_name_*.py:5: AttributeError",
        ]
    )
    result.stdout.no_fnmatch_line("*__getattr__*")


@pytest.mark.parametrize("how", ["option", "ini"])
def test_it_can_be_a_failure_as_well(pytester: pytest.Pytester, how: str) -> None:
    pytester.makepyfile(test_suite=SUITE)
    if how == "ini":
        pytester.makeini("[pytest]\njumpstarter_infrastructure = fail\n")
    options = ["--jumpstarter-infrastructure=fail"] if how == "option" else []
    result = pytester.runpytest("-W", "error", "--junitxml=junit.xml", *options)
    result.assert_outcomes(passed=1, failed=3)
    assert cases(pytester)["test_lab"][0][0] == "failure"


def test_what_is_expected_stays_what_it_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from JumpstarterLibrary.errors import InfrastructureError, LinkError

        def lose():
            raise LinkError("The cable is out.")

        def test_raises():
            with pytest.raises(InfrastructureError, match="cable"):
                lose()

        @pytest.mark.xfail
        def test_known():
            lose()

        @pytest.mark.xfail(raises=LinkError, strict=True)
        def test_known_precisely():
            lose()

        @pytest.mark.xfail(raises=ValueError)
        def test_known_otherwise():
            lose()

        @pytest.mark.xfail(strict=True)
        def test_cured():
            pass

        def test_skipped():
            try:
                lose()
            except LinkError as error:
                pytest.skip(str(error))
        """
    )
    result = pytester.runpytest("-W", "error", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, xfailed=2, errors=1, failed=1, skipped=1)
    tags = {name: [tag for tag, _ in found] for name, found in cases(pytester).items()}
    assert tags["test_known_otherwise"] == ["error"]
    assert tags["test_cured"] == ["failure"]


def test_the_class_of_fault_decides(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from JumpstarterLibrary.errors import DeviceFailure, DriverError, FaultClass, LinkError, OperationTimeout

        def test_driver():
            raise DriverError("It failed: the lab's fault, until something else tells.")

        def test_timeout():
            raise OperationTimeout("It was too slow.")

        def test_lab():
            raise DeviceFailure("The cable is out.", fault=FaultClass.LAB)

        def test_board():
            raise LinkError("The board has eaten the cable.", fault=FaultClass.PRODUCT)

        def test_silent():
            raise DeviceFailure("It says nothing.", fault=FaultClass.UNKNOWN)
        """
    )
    result = pytester.runpytest("-W", "error", "-rEf")
    result.assert_outcomes(errors=3, failed=2)
    result.stdout.fnmatch_lines(["FAILED *::test_board - *", "FAILED *::test_silent - *"])


def test_groups_of_errors_are_looked_into(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from JumpstarterLibrary.errors import DeviceFailure, LinkError

        def test_lab():
            raise ExceptionGroup("several", [LinkError("One."), ExceptionGroup("more", [LinkError("Two.")])])

        def test_mixed():
            raise ExceptionGroup("several", [LinkError("One."), DeviceFailure("Two.")])
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(errors=1, failed=1)


def test_setup_and_teardown_are_errors_as_ever(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from JumpstarterLibrary.errors import LinkError

        @pytest.fixture
        def before():
            raise LinkError("The cable is out.")

        @pytest.fixture
        def after():
            yield
            raise LinkError("The cable is out again.")

        def test_before(before):
            pass

        def test_after(after):
            pass
        """
    )
    pytester.runpytest("-W", "error", "--junitxml=junit.xml").assert_outcomes(passed=1, errors=2)
    assert [tag for found in cases(pytester).values() for tag, _ in found] == ["error", "error"]


def test_it_ends_a_run_that_is_to_end_at_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)
    pytester.runpytest("-W", "error", "-x").assert_outcomes(passed=1, errors=1)
    pytester.runpytest("-W", "error", "--lf").assert_outcomes(errors=1)


@pytest.mark.parametrize("extra", [[], ["-n", "1"]])
def test_it_is_run_again_like_a_failure(pytester: pytest.Pytester, extra: list[str]) -> None:
    pytester.makepyfile(
        """
        import pathlib
        from JumpstarterLibrary.errors import LinkError

        def test_flaky():
            if not pathlib.Path("seen").exists():
                pathlib.Path("seen").touch()
                raise LinkError("The cable is out.")

        def test_hopeless():
            raise LinkError("The cable is out.")
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "--reruns=1", *extra)
    result.assert_outcomes(passed=1, errors=1)
    assert "2 rerun" in result.stdout.str()


def test_a_debugger_gets_to_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)
    child = pytester.spawn_pytest("--pdb -k test_lab test_suite.py", expect_timeout=20)
    child.expect("ERROR|E  ")
    child.expect("LinkError: The cable is out")
    child.expect(r"\(Pdb\)")
    child.sendline("self")
    child.expect("TestPower object")
    child.sendeof()
    rest = child.read().decode()
    assert "1 error" in rest
    child.close()


def test_hooks_of_others_see_the_call_phase(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if report.failed:
                print("seen:", report.when, report.outcome)
            return report
        """
    )
    pytester.makepyfile(test_suite=SUITE)
    result = pytester.runpytest("-W", "error", "-s", "-k", "test_lab")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*seen: call failed"])


# Before 9.0, pytest has no subtests.
if pytest.version_tuple >= (9, 0):

    def test_subtests_are_judged_one_by_one(pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            from JumpstarterLibrary.errors import LinkError

            def test_parts(subtests):
                with subtests.test("lab"):
                    raise LinkError("The cable is out.")
                with subtests.test("board"):
                    assert False
            """
        )
        result = pytester.runpytest("-W", "error", "--junitxml=junit.xml")
        result.assert_outcomes(failed=2, errors=1)
        assert [tag for tag, _ in cases(pytester)["test_parts"]] == ["error", "failure", "failure"]
