"""Upstream's import names: who serves them, and what they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower

pytest_plugins = "pytester"

Enter = Callable[[Driver], str]

WHO = """
    import jumpstarter_testing

    def test_who():
        print(f"who: {getattr(jumpstarter_testing, 'WHO', 'ours')}")
"""


@pytest.fixture(autouse=True)
def _without_anyio(pytester: pytest.Pytester) -> None:
    """Leave out a plugin that takes a third of the time of a process, and that nothing here needs."""
    pytester.plugins = ["no:anyio"]


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install something that has upstream's name."""
    package = pytester.path / "installed" / "jumpstarter_testing"
    package.mkdir(parents=True)
    package.joinpath("__init__.py").write_text("WHO = 'theirs'\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("arguments", "who"),
    [
        ((), "theirs"),
        (("-o", "jumpstarter_compat=fallback"), "theirs"),
        (("-o", "jumpstarter_compat=prefer"), "ours"),
        (("-o", "jumpstarter_compat=off"), "theirs"),
        (("-p", "no:jumpstarter"), "theirs"),
    ],
)
def test_who_serves_a_name_that_is_installed(pytester: pytest.Pytester, arguments: tuple[str, ...], who: str) -> None:
    pytester.makepyfile(WHO)
    result = pytester.runpytest_subprocess("-W", "error", "-s", *arguments)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*who: {who}*"])


@pytest.mark.parametrize("arguments", [("-o", "jumpstarter_compat=off"), ("-p", "no:jumpstarter")])
def test_without_the_names_the_import_fails_as_any_other(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    pytester.makepyfile(WHO)
    result = pytester.runpytest_subprocess(*arguments)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E   ModuleNotFoundError: No module named 'jumpstarter_testing'"])


def test_without_the_plugin_our_own_name_works(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(MockPower())
    pytester.makepyfile(
        """
        from pytest_jumpstarter import JumpstarterTest

        class TestPower(JumpstarterTest):
            def test_on(self, client):
                client.on()
        """
    )
    pytester.runpytest("-W", "error", "-p", "no:jumpstarter").assert_outcomes(passed=1)


@pytest.mark.usefixtures("installed")
def test_the_setting_may_be_in_the_ini_file_and_conftest_may_import_the_names(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\njumpstarter_compat = prefer\n")
    pytester.makeconftest("from jumpstarter_testing import JumpstarterTest")
    pytester.makepyfile(WHO)
    result = pytester.runpytest_subprocess("-W", "error", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*who: ours*"])


def test_a_conftest_may_load_the_plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("pytest_plugins = ['pytest_jumpstarter']")
    pytester.makepyfile(WHO)
    result = pytester.runpytest_subprocess("-W", "error", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*who: ours*"])


def test_a_wrong_setting_is_told(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("-o", "jumpstarter_compat=maybe")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: jumpstarter_compat is 'maybe', which is none of its choices: fallback, prefer, off."]
    )


def test_a_program_may_call_pytest_and_finds_the_path_as_it_was(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    script = pytester.makepyfile(
        run="""
        import sys
        import pytest
        import pytest_jumpstarter

        before = list(sys.path)
        assert pytest.main(["-q", "-W", "error", "--import-mode=importlib"]) == 0
        assert sys.path == before, sys.path
        """
    )
    assert pytester.runpython(script).ret == 0


def test_env_is_the_client_of_the_shell(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(MockPower())
    pytester.makepyfile(
        """
        from jumpstarter.common.utils import env

        def test_on():
            with env() as client:
                client.on()
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)


@pytest.mark.usefixtures("forked")
def test_adapters_yield_what_upstreams_do(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(EchoNetwork())
    pytester.makepyfile(
        """
        import socket
        import tempfile
        from pathlib import Path

        from jumpstarter_driver_network.adapters import PexpectAdapter, TcpPortforwardAdapter, UnixPortforwardAdapter
        from jumpstarter_testing import JumpstarterTest
        from pexpect.fdpexpect import fdspawn

        def echo(family, address):
            with socket.socket(family) as connection:
                connection.settimeout(10)
                connection.connect(str(address) if family == socket.AF_UNIX else address)
                connection.sendall(b"hello")
                connection.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: connection.recv(100), b""))

        class TestEcho(JumpstarterTest):
            def test_tcp(self, client):
                with TcpPortforwardAdapter(client=client) as address:
                    assert isinstance(address, tuple)
                    host, port = address
                    assert host == "127.0.0.1"
                    assert echo(socket.AF_INET, address) == b"hello"

            def test_tcp_at_a_port(self, client):
                with socket.create_server(("127.0.0.1", 0)) as free:
                    port = free.getsockname()[1]
                with TcpPortforwardAdapter(
                    client=client, method="connect", local_host="127.0.0.1", local_port=port
                ) as address:
                    assert address == ("127.0.0.1", port)

            def test_unix(self, client):
                with UnixPortforwardAdapter(client=client) as path:
                    assert isinstance(path, Path)
                    assert echo(socket.AF_UNIX, path) == b"hello"

            def test_unix_at_a_path(self, client):
                # pytest's directories have long names, and paths of sockets are limited.
                with tempfile.TemporaryDirectory() as directory:
                    self.check_path(client, Path(directory) / "socket")
                    self.check_path(client, directory + "/text")

            def check_path(self, client, wanted):
                with UnixPortforwardAdapter(client=client, method="connect", path=wanted) as path:
                    assert path is wanted
                    assert echo(socket.AF_UNIX, path) == b"hello"

            def test_pexpect(self, client):
                with PexpectAdapter(client=client, method="connect") as session:
                    assert isinstance(session, fdspawn)
                    assert session.encoding is None
                    session.send("hello")
                    session.expect("h.llo", timeout=10)
                    assert session.after == b"hello"
        """
    )
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=5)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_children_of_multiprocessing_have_the_names(pytester: pytest.Pytester, method: str) -> None:
    pytester.makepyfile(
        f"""
        import multiprocessing

        from jumpstarter_testing.pytest import JumpstarterTest

        def names_of_the_child(queue):
            from jumpstarter.client.core import AsyncDriverClient
            from jumpstarter_driver_power.client import PowerClient

            queue.put([JumpstarterTest.__module__, AsyncDriverClient.__name__, PowerClient.__name__])

        def test_it():
            context = multiprocessing.get_context("{method}")
            queue = context.Queue()
            child = context.Process(target=names_of_the_child, args=[queue])
            child.start()
            assert queue.get(timeout=60) == ["pytest_jumpstarter.testcase", "AsyncDriverClient", "PowerClient"]
            child.join(60)
            assert child.exitcode == 0
            queue.close()
            queue.join_thread()
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
