"""A suite as upstream's users write it, with upstream's names only.

It runs unedited under upstream's client and under our pytest plugin, against upstream's exporter and ours.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import socket

import pytest
from jumpstarter.common.utils import env
from jumpstarter_driver_network.adapters import PexpectAdapter, TcpPortforwardAdapter, UnixPortforwardAdapter
from jumpstarter_testing.pytest import JumpstarterTest


class TestBoard(JumpstarterTest):
    """Power, storage, files and streams."""

    @pytest.fixture
    def image(self, tmp_path):
        path = tmp_path / "image.bin"
        path.write_bytes(os.urandom(3_000_001))
        return path

    def test_tree(self, client):
        assert set(client.children) == {
            *("power", "mux", "flashmux", "flasher", "files", "echo", "tcp", "console", "wire", "group", "supply"),
            "faults",
        }
        assert client.group.relay.uuid == client.supply.uuid

    @pytest.mark.parametrize("name", ["power", "supply"])
    def test_power(self, client, name):
        power = client.children[name]
        power.on()
        power.off()
        power.cycle(wait=0)
        readings = list(power.read())
        assert [(reading.voltage, reading.current) for reading in readings] == [(0.0, 0.0), (5.0, 2.0)]
        assert readings[1].apparent_power == 10.0

    def test_mux(self, client, image, tmp_path):
        client.mux.host()
        client.mux.write_local_file(str(image))
        client.mux.read_local_file(str(tmp_path / "back.bin"))
        client.mux.dut()
        client.mux.off()
        assert (tmp_path / "back.bin").read_bytes() == image.read_bytes()

    @pytest.mark.parametrize("name", ["flasher", "flashmux"])
    def test_flash_and_dump(self, client, image, tmp_path, name):
        flasher = client.children[name]
        flasher.flash(str(image))
        flasher.dump(str(tmp_path / "back.bin"))
        assert (tmp_path / "back.bin").read_bytes() == image.read_bytes()

    def test_flash_of_a_partition(self, client, image, tmp_path):
        client.flasher.flash(str(image), target="root")
        client.flasher.dump(str(tmp_path / "back.bin"), target="root")
        assert (tmp_path / "back.bin").read_bytes() == image.read_bytes()

    def test_flash_of_several_partitions(self, client, image, tmp_path):
        other = tmp_path / "other.bin"
        other.write_bytes(b"other")
        client.flasher.flash({"one": str(image), "two": str(other)})
        client.flasher.dump(str(tmp_path / "back.bin"), target="two")
        assert (tmp_path / "back.bin").read_bytes() == b"other"

    @pytest.mark.parametrize("name", ["flasher", "flashmux"])
    def test_flash_of_a_compressed_image(self, client, image, tmp_path, name):
        packed = tmp_path / "image.bin.gz"
        packed.write_bytes(gzip.compress(image.read_bytes(), 1))
        client.children[name].flash(str(packed), compression="gzip")
        client.children[name].dump(str(tmp_path / "back.bin"))
        assert (tmp_path / "back.bin").read_bytes() == image.read_bytes()

    def test_files(self, client, image, tmp_path):
        files, data = client.files, image.read_bytes()
        files.create_dir("peer/")
        files.write_from_path("peer/image.bin", str(image))
        assert files.hash("peer/image.bin") == hashlib.sha256(data).hexdigest()
        assert files.hash("peer/image.bin", "md5") == hashlib.md5(data).hexdigest()
        files.read_into_path("peer/image.bin", str(tmp_path / "back.bin"))
        assert (tmp_path / "back.bin").read_bytes() == data
        files.write_bytes("peer/small", b"\x00\xff small")
        assert files.read_bytes("peer/small") == b"\x00\xff small"
        assert files.exists("peer/small")
        assert files.stat("peer/small").content_length == 8
        assert files.stat("peer/small").mode.is_file()
        files.copy("peer/small", "peer/copy")
        files.rename("peer/copy", "peer/moved")
        assert {"peer/image.bin", "peer/small", "peer/moved"} <= set(files.list("peer/"))
        assert {"peer/image.bin", "peer/small", "peer/moved"} <= set(files.scan("peer/"))
        assert "peer/small" in files.get_created_resources()
        files.delete("peer/moved")
        assert not files.exists("peer/moved")
        files.remove_all("peer/")
        assert not files.exists("peer/small")

    @pytest.mark.parametrize("name", ["echo", "tcp"])
    def test_tcp_forward(self, client, name):
        with (
            TcpPortforwardAdapter(client=client.children[name]) as address,
            socket.create_connection(address, 5) as peer,
        ):
            peer.sendall(b"hello")
            assert peer.recv(100) == b"hello"

    def test_unix_forward(self, client):
        with UnixPortforwardAdapter(client=client.echo) as path, socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
            peer.sendall(b"hello")
            assert peer.recv(100) == b"hello"

    def test_address(self, client):
        assert client.tcp.address().startswith("tcp://127.0.0.1:")

    def test_shell_by_adapter(self, client):
        with PexpectAdapter(client=client.console) as shell:
            self.use(shell)

    def test_shell_by_the_driver(self, client):
        with client.console.pexpect() as shell:
            self.use(shell)

    @staticmethod
    def use(shell):
        shell.sendline(b"")
        shell.expect(b"login: ", timeout=5)
        shell.sendline(b"root")
        shell.expect(b"Password: ", timeout=5)
        shell.sendline(b"secret")
        shell.expect(b"# ", timeout=5)
        shell.sendline(b"expr 6 '*' 7")
        shell.expect(b"\r\n42\r\n", timeout=5)
        shell.sendline(b"exit")
        shell.expect(b"login: ", timeout=5)

    def test_raw_stream(self, client):
        data = bytes(range(256))
        with client.wire.stream() as stream:
            stream.send(data)
            received = b""
            while len(received) < len(data):
                received += stream.receive()
        assert received == data

    def test_values(self, client):
        value = {"text": "Grüße", "list": [1.5, None, True], "nested": {"x": ""}}
        assert client.faults.call("same", value) == value

    def test_errors_have_a_builtin_kind(self, client):
        with pytest.raises(ValueError, match="why"):
            client.faults.call("fail", "ValueError", "why")
        with pytest.raises(NotImplementedError):
            client.faults.call("nothing")
        with pytest.raises(NotImplementedError):
            client.power.rescue()


def test_env():
    with env() as client:
        client.power.on()
