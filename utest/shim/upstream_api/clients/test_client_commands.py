"""Command lines of clients."""

from __future__ import annotations

import json
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from pytest_jumpstarter.upstream_api.clients.commands.groups import driver_click_command, driver_click_group
from pytest_jumpstarter.upstream_api.clients.optional import MissingPackage, commands

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.files import Opendal
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork, TcpNetwork
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher, MockStorageMuxFlasher

Served = Callable[[Driver], Any]


def run(client: Any, *words: str, **options: Any) -> Any:
    return CliRunner().invoke(client.cli(), list(words), **options)


def shown(client: Any, *words: str, **options: Any) -> str:
    result = run(client, *words, **options)
    assert result.exit_code == 0, result.output
    return str(result.output)


# Groups


def nobody(**told: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"description": None, "methods_description": {}, **told})


def test_help_is_ours_unless_the_exporter_has_its_own() -> None:
    def group(client: Any) -> click.Group:
        @driver_click_group(client)
        @click.option("--loud", is_flag=True)
        @click.option("--slow", is_flag=True)
        def relay(loud: bool, slow: bool) -> None:
            """A relay"""

        @relay.command()
        def switch_on() -> None:
            """Switch it on"""

        @relay.command("off")
        def switch_off() -> None:
            """Switch it off"""

        @relay.command
        def toggle() -> None:
            """The other way round"""

        return relay

    plain = CliRunner().invoke(group(nobody()), ["--help"]).output
    assert "A relay" in plain
    assert plain.index("--loud") < plain.index("--slow")
    assert "Switch it on" in plain
    assert "switch-on" in plain
    assert "The other way round" in plain
    told = nobody(description="The big one", methods_description={"switch-on": "Lights on", "off": "Lights off"})
    text = CliRunner().invoke(group(told), ["--help"]).output
    assert "The big one" in text
    assert "A relay" not in text
    assert "Lights on" in text
    assert "Lights off" in text


def test_a_single_command() -> None:
    def command(client: Any) -> click.Command:
        @driver_click_command(client, context_settings={"ignore_unknown_options": True})
        @click.argument("args", nargs=-1)
        def ssh(args: tuple[str, ...]) -> None:
            """Run a command"""
            click.echo(" ".join(args))

        return ssh

    assert CliRunner().invoke(command(nobody()), ["uname", "-a"]).output == "uname -a\n"
    assert "Run a command" in CliRunner().invoke(command(nobody()), ["--help"]).output
    assert "Onto the board" in CliRunner().invoke(command(nobody(description="Onto the board")), ["--help"]).output


def test_without_click_there_is_a_sentence(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client = served(MockPower())
    for name in [name for name in sys.modules if name.startswith("pytest_jumpstarter.upstream_api.clients.commands")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "click", None)
    with pytest.raises(MissingPackage) as failure:
        client.cli()
    assert str(failure.value) == (
        "A driver's command line needs the package 'click', which is not installed. "
        "Install robotframework-jumpstarter[upstream]."
    )


# Power


def test_power(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    client = served(MockPower())
    shown(client, "on")
    shown(client, "off")
    assert "Off for 0 seconds" in shown(client, "cycle", "--wait", "0")
    once = "voltage=0.0 V  current=0.0 A  apparent_power=0.0 VA\nvoltage=5.0 V  current=2.0 A  apparent_power=10.0 VA\n"
    assert shown(client, "read") == once
    assert shown(client, "read", "--count", "2", "--interval", "0") == 2 * once


def test_virtual_power(served: Served) -> None:
    asked = []

    class Virtual(MockPower):
        client = classmethod(lambda cls: "jumpstarter_driver_power.client.VirtualPowerClient")

        @export
        async def off(self, destroy: bool = False) -> None:
            asked.append(destroy)

    client = served(Virtual())
    shown(client, "off")
    shown(client, "off", "--destroy")
    assert asked == [False, True]


# Composites


def test_a_composite_has_the_commands_of_its_drivers(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unknown(MockPower):
        client = classmethod(lambda cls: "nowhere.Client")

    class Silent(EchoNetwork):
        client = classmethod(lambda cls: "jumpstarter.client.DriverClient")

    client = served(Composite(children={"power": MockPower(), "unknown": Unknown(), "silent": Silent()}))
    assert sorted(client.cli().commands) == ["power"]
    root = logging.getLogger()
    before, names = root.level, [name for name in logging.Logger.manager.loggerDict]
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        shown(client, "--log-level", "ERROR", "power", "on")
        assert root.level == logging.ERROR
    finally:
        root.setLevel(before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert run(client, "--log-level", "LOUD", "power", "on").exit_code == 2


# Networks


def test_addresses(served: Served) -> None:
    client = served(TcpNetwork(host="::1", port=8080))
    assert shown(client, "address") == "[::1]:8080\n"
    assert shown(client, "address", "--host") == "::1\n"
    assert shown(client, "address", "--port") == "8080\n"
    assert shown(client, "address", "--host", "--port") == "[::1]:8080\n"
    hidden = run(served(TcpNetwork(host="::1", port=8080, enable_address=False)), "address")
    assert hidden.exit_code == 1
    assert "its enable_address mode is not true" in hidden.output
    nowhere = run(served(EchoNetwork()), "address")
    assert nowhere.exit_code == 1
    assert "This kind of network has no address" in nowhere.output


@pytest.mark.parametrize("command", ["forward-tcp", "forward-unix"])
def test_forwards_last_until_they_are_interrupted(
    served: Served, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served(EchoNetwork())
    talked = []

    def wait() -> None:
        with socket.socket(socket.AF_UNIX) if command == "forward-unix" else socket.socket() as connection:
            connection.connect(str(tmp_path / "s") if command == "forward-unix" else ("127.0.0.1", port))
            connection.sendall(b"hello")
            talked.append(connection.recv(5, socket.MSG_WAITALL))
        raise KeyboardInterrupt

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setattr(commands("network"), "Event", lambda: SimpleNamespace(wait=wait))
    words = [str(tmp_path / "s")] if command == "forward-unix" else ["--address", "127.0.0.1", str(port)]
    result = run(client, command, *words)
    assert talked == [b"hello"]
    assert (words[0] if command == "forward-unix" else f"127.0.0.1:{port}") in result.output


# Storage


def test_flashers(served: Served, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"content")
    client = served(MockFlasher())
    shown(client, "flash", str(tmp_path / "image"))
    shown(client, "dump", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"content"
    shown(client, "flash", "-t", f"boot:{tmp_path / 'image'}", "--target", f"root:{tmp_path / 'image'}")
    shown(client, "dump", str(tmp_path / "boot"), "--target", "boot")
    assert (tmp_path / "boot").read_bytes() == b"content"
    assert "Invalid target spec 'boot'. Expected NAME:FILE." in run(client, "flash", "-t", "boot").output
    assert "The FILE argument is required unless there are --target options." in run(client, "flash").output


def test_muxes(served: Served, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"content")
    client = served(MockStorageMuxFlasher())
    assert sorted(client.cli().commands) == ["dump", "dut", "flash", "host", "off", "write-local-file"]
    for word in ("host", "dut", "off"):
        shown(client, word)
    shown(client, "write-local-file", str(tmp_path / "image"))
    shown(client, "flash", str(tmp_path / "image"))
    shown(client, "dump", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"content"


def test_file_stores(served: Served, tmp_path: Path) -> None:
    client = served(Opendal(scheme="fs", kwargs={"root": str(tmp_path / "store")}))
    shown(client, "write-bytes", "one", input="content")
    assert shown(client, "read-bytes", "one") == "content"
    (tmp_path / "src").write_bytes(b"from a file")
    shown(client, "write-from-path", "two", str(tmp_path / "src"))
    shown(client, "read-into-path", "two", str(tmp_path / "dst"))
    assert (tmp_path / "dst").read_bytes() == b"from a file"
    assert json.loads(shown(client, "stat", "one"))["content_length"] == 7
    assert shown(client, "hash", "one", "--algo", "md5") == "9a0364b9e99bb480dd25e1f0284c8555\n"
    assert shown(client, "hash", "one").startswith("ed7002b439e9ac84")
    shown(client, "copy", "one", "three")
    shown(client, "rename", "three", "four")
    shown(client, "create-dir", "sub/")
    assert sorted(shown(client, "list", "/").split()) == ["/", "four", "one", "sub/", "two"]
    assert "sub/" in shown(client, "scan", "/")
    shown(client, "delete", "four")
    assert run(client, "exists", "four").output == "Error: There is no 'four' on the exporter.\n"
    shown(client, "exists", "one")
    shown(client, "remove-all", "sub/")
    assert json.loads(shown(client, "capability"))["read"] is True


@pytest.mark.parametrize("word", ["presign-stat", "presign-read", "presign-write"])
def test_requests_that_anybody_may_make(served: Served, word: str, tmp_path: Path) -> None:
    class Signing(Opendal):
        @export
        async def presign_stat(self, path: str, expire_second: float) -> dict[str, Any]:
            return {"url": f"https://host/{path}?{expire_second:g}", "method": "HEAD", "headers": {}}

        presign_read = presign_write = presign_stat

    client = served(Signing(scheme="fs", kwargs={"root": str(tmp_path)}))
    assert json.loads(shown(client, word, "x", "--expire-second", "5")) == {
        "url": "https://host/x?5",
        "method": "HEAD",
        "headers": {},
    }


# Streams that never end are ended by who reads them


def test_readings_for_ever(served: Served, frozen_clock: MovableClock) -> None:
    class Endless(MockPower):
        @export
        async def read(self) -> AsyncIterator[dict[str, float]]:
            yield {"voltage": 1.0, "current": 1.0}

    pauses: list[float] = []

    def idle() -> bool:
        pauses.append(frozen_clock.seconds())
        if len(pauses) == 3:
            raise KeyboardInterrupt
        return True

    client = served(Endless())
    with frozen_clock.skipping(idle):
        result = run(client, "read", "-n", "0", "-i", "0.5")
    assert result.output.count("voltage=1.0 V") == 3
    assert pauses == [0.0, 0.5, 1.0]
