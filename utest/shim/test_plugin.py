"""What the plugin costs those who do not use it."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

HEAVY = ("grpc", "google.protobuf", "yaml", "pexpect", "robot", "JumpstarterLibrary.client")


def test_the_plugin_imports_little_but_pytest(pytester: pytest.Pytester) -> None:
    script = pytester.makepyfile(
        probe="""
        import sys
        import pytest

        before = set(sys.modules)
        import pytest_jumpstarter

        print(*sorted(name for name in set(sys.modules) - before if not name.startswith("pytest_jumpstarter")))
        """
    )
    ours = ["JumpstarterLibrary" + name for name in ("", ".common", ".common.environment", ".version")]
    assert pytester.runpython(script).stdout.str().split() == ours


def test_a_run_without_boards_loads_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import sys
        from jumpstarter_testing import JumpstarterTest

        class TestNothing(JumpstarterTest):
            def test_passes(self):
                pass

        def test_fails():
            assert not 1

        def test_modules():
            assert "pytest_jumpstarter" in sys.modules
            assert not [name for name in {HEAVY!r} if name in sys.modules]
        """
    )
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=2, failed=1)


def test_a_suite_with_a_board_loads_no_robot(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        from jumpstarter.common.utils import env
        from jumpstarter_driver_network.adapters import TcpPortforwardAdapter

        def test_modules():
            assert "JumpstarterLibrary.client" in sys.modules
            assert not [name for name in sys.modules if name.partition(".")[0] in ("robot", "pexpect")]
        """
    )
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


def test_a_test_with_a_board_needs_no_pydantic(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        from pytest_jumpstarter import JumpstarterTest

        class TestBoard(JumpstarterTest):
            mode = "virtual"

            def test_power(self, client):
                client.power.on()
                assert next(client.power.read()).voltage > 0
                assert not [name for name in sys.modules if name.partition(".")[0] in ("pydantic", "pydantic_core")]
        """
    )
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


def test_workers_without_boards_load_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing():
            light = {"JumpstarterLibrary" + name for name in ("", ".version", ".common", ".common.environment")}
            ours = {name for name in sys.modules if name.partition(".")[0] in ("grpc", "yaml", "JumpstarterLibrary")}
            assert ours == light
        """
    )
    pytester.makeconftest(
        """
        import sys

        def pytest_sessionfinish(session):
            print("heavy:", sorted(name for name in sys.modules if name in ("grpc", "JumpstarterLibrary.client")))
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "-n", "1", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*heavy: [[][]]"])
