"""`JumpstarterTest` in suites of users, each in a pytest of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard, make_image

pytest_plugins = "pytester"

pytestmark = pytest.mark.usefixtures("forked")

Enter = Callable[[Driver], str]


def bench() -> Driver:
    return Composite(children={"power": MockPower(), "dutlink": VirtualBoard(speed=50)})


class Relay:
    """A unix socket in front of an exporter's, which counts the connections."""

    def __init__(self, path: Path, target: str) -> None:
        self.path, self.count = path, 0
        self._target = target
        self._sockets: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.count += 1
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._sockets += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for end in (self._listener, *self._sockets):
            end.close()


@pytest.fixture
def relay(shell: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    relay = Relay(tmp_path / "relay", shell(bench()))
    monkeypatch.setenv("JUMPSTARTER_HOST", str(relay.path))
    yield relay
    relay.close()


def test_a_suite_of_upstreams_style_runs_without_an_edit(
    pytester: pytest.Pytester, shell: Enter, tmp_path: Path
) -> None:
    shell(bench())
    pytester.path.joinpath("image.img").write_bytes(make_image(hostname="bench-7", password="secret"))
    pytester.makepyfile(
        """
        import logging

        import pytest
        from jumpstarter_driver_network.adapters import PexpectAdapter
        from jumpstarter_testing.pytest import JumpstarterTest

        log = logging.getLogger(__name__)

        class TestResource(JumpstarterTest):
            selector = "board=rpi4"

            @pytest.fixture()
            def console(self, client):
                with PexpectAdapter(client=client.dutlink.console) as console:
                    yield console

            def test_power(self, client):
                client.power.on()

            def test_setup_device(self, client, console):
                client.dutlink.power.off()
                log.info("Setting up device")
                client.dutlink.storage.host()
                client.dutlink.storage.write_local_file("image.img")
                client.dutlink.storage.dut()
                client.dutlink.power.on()
                console.expect("login:", timeout=20)
                console.sendline("root")
                console.expect("assword:", timeout=10)
                console.sendline("secret")
                console.expect("# ", timeout=10)
                console.sendline("hostname")
                console.expect("bench-7", timeout=10)
                assert self.selector == "board=rpi4"
        """
    )
    result = pytester.runpytest_subprocess("-W", "error")
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("module", ["jumpstarter_testing", "jumpstarter_testing.pytest", "pytest_jumpstarter"])
def test_the_base_class_has_three_addresses(pytester: pytest.Pytester, shell: Enter, module: str) -> None:
    shell(MockPower())
    pytester.makepyfile(
        f"""
        from {module} import JumpstarterTest

        class TestPower(JumpstarterTest):
            def test_on(self, client):
                client.on()
                readings = client.read()
                assert next(readings).voltage == 0.0
                readings.close()
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)


def test_each_class_has_one_connection_and_nobody_sleeps(pytester: pytest.Pytester, relay: Relay) -> None:
    pytester.makepyfile(
        """
        import pytest
        from jumpstarter_testing import JumpstarterTest

        class Twice(JumpstarterTest):
            def test_one(self, client):
                type(self).seen = client
                client.power.on()

            def test_two(self, client):
                assert client is self.seen
                client.power.off()

        class TestA(Twice): pass
        class TestB(Twice): pass
        class TestC(Twice): pass
        class TestD(Twice): pass
        """
    )
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(passed=8)
    assert relay.count == 4


def test_the_connection_is_closed_behind_the_class(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(MockPower())
    pytester.makepyfile(
        """
        import pytest
        from JumpstarterLibrary.errors import LinkError
        from jumpstarter_testing import JumpstarterTest

        class TestPower(JumpstarterTest):
            def test_on(self, client):
                client.on()
                type(self).kept = client

        def test_afterwards():
            with pytest.raises(LinkError, match="is closed"):
                TestPower.kept.on()
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=2)


def test_trouble_with_closing_is_logged_and_turns_no_test_red(pytester: pytest.Pytester, shell: Enter) -> None:
    host = shell(MockPower())
    pytester.makepyfile(
        """
        import pytest
        from JumpstarterLibrary.client import Device
        from JumpstarterLibrary.errors import LinkError
        from jumpstarter_testing import JumpstarterTest

        @pytest.fixture(autouse=True, scope="session")
        def clumsy():
            patch = pytest.MonkeyPatch()
            close = Device.close

            def fail(device):
                close(device)
                raise LinkError("It was gone already.")

            patch.setattr(Device, "close", fail)

        class TestPower(JumpstarterTest):
            def test_on(self, client):
                client.on()
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "-o", "log_cli=true", "-o", "log_cli_level=INFO")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            f"INFO * Shell mode for test class TestPower, because JUMPSTARTER_HOST is set: exporter {host} (from *",
            f"WARNING * Exporter '{host}' was not released cleanly: It was gone already.",
        ]
    )


def test_tests_of_one_class_share_the_client_with_wider_fixtures_of_users(
    pytester: pytest.Pytester, shell: Enter
) -> None:
    shell(bench())
    pytester.makepyfile(
        """
        import pytest
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            @pytest.fixture(scope="class")
            @classmethod
            def powered(cls, client):
                client.dutlink.power.on()
                yield client.dutlink
                client.dutlink.power.off()

            def test_reads(self, powered, client):
                assert powered is client.dutlink
        """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)
