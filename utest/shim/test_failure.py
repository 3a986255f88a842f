"""What a user reads when the lab, not the board, is at fault."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.power import MockPower

pytest_plugins = "pytester"

pytestmark = [
    pytest.mark.usefixtures("forked"),
    pytest.mark.leaves("file", reason="a killed process cannot remove its folder for sockets"),
]

Enter = Callable[[Driver], str]

SUITE = """
    from jumpstarter_testing import JumpstarterTest

    class TestPower(JumpstarterTest):
        def test_on(self, client):
            client.on()
"""

NOT_SET = (
    "There is no device for test class TestPower: nothing says which one, and neither "
    "JUMPSTARTER_HOST nor JMP_LEASE is set. Run pytest inside `jmp shell` (which sets JUMPSTARTER_HOST), set "
    "JUMPSTARTER_HOST to the socket path or host:port of an exporter, set JMP_LEASE to the name of a lease, give the "
    "class a selector or an exporter_name to lease one, or use --jumpstarter-mode=virtual for a virtual board."
)

RUDE = ("Traceback", "grpc", "RpcError", "JumpstarterLibrary", "pytest_jumpstarter", "shell.py", "link.py")


def assert_only_sentence(result: pytest.RunResult, test: str, kind: str, sentence: str) -> None:
    """Check that the report of one error is its sentence and nothing more."""
    lines = result.stdout.lines
    begin = next(number for number, line in enumerate(lines) if f"ERROR at setup of {test}" in line)
    assert lines[begin + 1] == sentence
    assert lines[begin + 2].startswith("====")
    assert any(line.startswith("ERROR ") and f" - {kind}: {sentence[:10]}" in line for line in lines)
    assert not [line for line in lines[begin:] if any(word in line for word in RUDE)]


def test_without_an_exporter_each_test_has_an_error_that_lists_the_choices(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)
    result = pytester.runpytest("-W", "error", "-rE")
    result.assert_outcomes(errors=1)
    assert_only_sentence(result, "TestPower.test_on", "ConfigurationError", NOT_SET)


def test_a_selector_without_a_client_configuration_is_an_error_of_one_sentence(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(tmp_path))
    pytester.makepyfile(test_suite=SUITE.replace("def test_on", "selector = 'board=rpi4'\n\n        def test_on"))
    result = pytester.runpytest("-W", "error", "-rE")
    result.assert_outcomes(errors=1)
    sentence = (
        "No client is configured: JMP_NAMESPACE and JMP_NAME are not both set, JMP_CLIENT_CONFIG is not set, and there "
        f"is no client in '{tmp_path}/clients'. Log in with `jmp login`, or set JMP_NAMESPACE, JMP_NAME, JMP_ENDPOINT "
        "and JMP_TOKEN."
    )
    assert_only_sentence(result, "TestPower.test_on", "ConfigurationError", sentence)


def test_a_socket_that_is_not_there_is_an_error_of_one_sentence(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUMPSTARTER_HOST", "/nowhere/socket")
    pytester.makepyfile(test_suite=SUITE)
    result = pytester.runpytest("-W", "error", "-rE")
    result.assert_outcomes(errors=1)
    sentence = (
        "There is no exporter socket '/nowhere/socket' (from JUMPSTARTER_HOST). Check the path, and that the exporter "
        "or the shell that made it still runs."
    )
    assert_only_sentence(result, "TestPower.test_on", "LinkError", sentence)


def test_full_trace_shows_everything(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUMPSTARTER_HOST", "/nowhere/socket")
    pytester.makepyfile(test_suite=SUITE)
    result = pytester.runpytest("--full-trace")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*run.py:*", "E *LinkError: There is no exporter socket '/nowhere/socket'*"])


def test_a_refused_call_is_shown_at_the_users_line(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(MockPower())
    pytester.makepyfile(test_suite=SUITE.replace("client.on()", "client.call('explode')"))
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(errors=1)
    text = result.stdout.str()
    assert ">       client.call('explode')\nE       JumpstarterLibrary.errors.DriverMethodNotImplemented: " in text
    assert "\n\ntest_suite.py:5: DriverMethodNotImplemented\n" in text
    assert not [word for word in ("grpc", "RpcError", "base.py", "direct cause") if word in text]


def test_a_fixture_of_the_user_keeps_its_line(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(MockPower())
    pytester.makepyfile(
        """
        import pytest
        from jumpstarter.common.utils import env

        @pytest.fixture
        def client():
            with env() as client:
                client.call('explode')
                yield client

        def test_on(client):
            client.on()
        """
    )
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([">           client.call('explode')", "E *DriverMethodNotImplemented: *"])
    result.stdout.no_fnmatch_line("*contextlib*")


def test_debuggers_and_expectations_get_the_whole_error(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(MockPower())
    pytester.makeconftest(
        """
        def pytest_exception_interact(call):
            error = call.excinfo.value
            print("cause:", type(error.__cause__).__name__, "deep:", call.excinfo.traceback[-1].name)
        """
    )
    pytester.makepyfile(
        """
        import pytest
        from JumpstarterLibrary.errors import DriverError
        from jumpstarter_testing import JumpstarterTest

        class TestPower(JumpstarterTest):
            def test_explode(self, client):
                client.call('explode')

            @pytest.mark.xfail(raises=DriverError, strict=True)
            def test_known(self, client):
                client.call('explode')
        """
    )
    result = pytester.runpytest("-W", "error", "-s")
    result.assert_outcomes(errors=1, xfailed=1)
    result.stdout.fnmatch_lines(["*cause: _InactiveRpcError deep: call"])


def test_other_errors_are_reported_as_ever(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(MockPower())
    pytester.makepyfile(test_suite=SUITE.replace("client.on()", "assert client.name == 'power'"))
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       AssertionError: assert 'unknown' == 'power'"])


# Exporter and pytest are processes, here and below, which takes two seconds.
@pytest.mark.parametrize(
    "during",
    [
        "kill() or client.power.on()",
        "[kill() for _ in client.dutlink.power.read()]",
        "console.expect('nothing', timeout=3600)",
    ],
)
def test_an_exporter_that_dies_ends_the_run_within_seconds(
    pytester: pytest.Pytester, fragile_shell: str, during: str
) -> None:
    pytester.makepyfile(
        f"""
        import os, signal, threading
        from jumpstarter_driver_network.adapters import PexpectAdapter
        from jumpstarter_testing import JumpstarterTest

        def kill():
            os.kill(int(os.environ["EXPORTER_PID"]), signal.SIGKILL)

        class TestBoard(JumpstarterTest):
            def test_dies(self, client):
                client.dutlink.power.on()
                with PexpectAdapter(client=client.dutlink.console) as console:
                    if "expect" in {during!r}:
                        threading.Timer(0.2, kill).start()  # what waits does not look elsewhere
                    {during}

            def test_is_dead(self, client):
                client.power.off()

        class TestNext(JumpstarterTest):
            def test_is_dead_too(self, client):
                client.power.off()
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "-rEf", timeout=60)
    result.assert_outcomes(errors=3)
    text = result.stdout.str()
    # The link may be known to be lost when a call is made, or be lost with the call.
    gone = rf"JumpstarterLibrary\.errors\.LinkError: (The link to exporter|Exporter) '{re.escape(fragile_shell)}' "
    assert re.search(gone, text), text
    assert "'off' of driver 'power' was not sent to it. Check that it still runs and listens there." in text
    assert "Traceback" not in text
    assert "RpcError" not in text
    result.stdout.fnmatch_lines(["*ERROR at setup of TestNext.test_is_dead_too*", f"Exporter '{fragile_shell}' *"])


def test_an_exporter_that_freezes_does_not_hold_up_the_end(pytester: pytest.Pytester, fragile_shell: str) -> None:
    pytester.makepyfile(
        """
        import os, signal
        from jumpstarter_driver_network.adapters import PexpectAdapter
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            def test_freezes(self, client):
                with PexpectAdapter(client=client.dutlink.console) as console:
                    client.dutlink.power.on()
                    console.expect("U-Boot", timeout=30)
                    os.kill(int(os.environ["EXPORTER_PID"]), signal.SIGSTOP)
        """
    )
    pytester.runpytest_subprocess("-W", "error", timeout=60).assert_outcomes(passed=1)


def test_an_interrupted_run_ends(pytester: pytest.Pytester, fragile_shell: str) -> None:
    pytester.makepyfile(
        """
        import os, signal
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            def test_reads_for_ever(self, client):
                for _ in client.dutlink.power.read():
                    os.kill(os.getpid(), signal.SIGINT)
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", timeout=60)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in result.stdout.str()
