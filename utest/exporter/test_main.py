"""The exporter as a process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter.__main__ import main
from JumpstarterLibrary.lab.certificates import self_signed
from JumpstarterLibrary.protocol import ExporterStub, encode, jumpstarter_pb2, router_pb2
from JumpstarterLibrary.protocol.names import PASSPHRASE_KEY, REQUEST_KEY
from JumpstarterLibrary.protocol.streams import resource_stream_request
from JumpstarterLibrary.protocol.wellknown import Empty

CONFIG = """
motd: Hello.
export:
  power: {type: jumpstarter_driver_power.driver.MockPower}
"""

Start = Callable[..., "tuple[subprocess.Popen[str], str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def starting(*options: str, config: str = CONFIG) -> tuple[subprocess.Popen[str], str]:
        path = tmp_path / "exporter.yaml"
        path.write_text(config)
        command = [sys.executable, "-m", "JumpstarterLibrary.exporter", str(path), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield starting
    for process in processes:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_it_is_told_to_stop(start: Start, number: signal.Signals) -> None:
    process, host = start()
    with grpc.insecure_channel(f"unix:{host}") as channel:
        stub = ExporterStub(channel)
        report = stub.get_report(Empty(), timeout=10)
        assert (report.motd, len(report.reports)) == ("Hello.", 2)
        status = stub.get_status(jumpstarter_pb2.GetStatusRequest(), timeout=10)
        assert (status.message, status.status_version) == ("Ready for commands", 1)
        request = jumpstarter_pb2.DriverCallRequest(uuid=report.reports[1].uuid, method="on")
        stub.driver_call(request, timeout=10)
        assert next(stub.log_stream(Empty(), timeout=10)).message == "power on"
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "INFO driver.MockPower: power on" in errors
    assert not Path(host).parent.exists()


def test_tcp_with_a_passphrase(start: Start, refused: Any) -> None:
    config = "type: jumpstarter_driver_power.driver.MockPower"
    _, host = start("--tcp", "127.0.0.1:0", "--insecure", "--passphrase", "sesame", config=config)
    with grpc.insecure_channel(host) as channel:
        stub = ExporterStub(channel)
        assert len(stub.get_report(Empty(), timeout=10, metadata=((PASSPHRASE_KEY, "sesame"),)).reports) == 1
        assert refused(lambda: stub.get_report(Empty(), timeout=10))[0] is grpc.StatusCode.UNAUTHENTICATED


def test_a_killed_exporter_leaves_a_socket_that_the_next_one_takes(
    start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("s") / "x"
    process, host = start("--unix", str(path))
    assert host == str(path)
    process.kill()
    process.wait(timeout=10)
    assert path.exists()
    _, host = start("--unix", str(path))
    with grpc.insecure_channel(f"unix:{host}") as channel:
        assert len(ExporterStub(channel).get_report(Empty(), timeout=10).reports) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tcp", "localhost"], "--tcp needs HOST:PORT, not 'localhost'."),
        (["--tcp", "localhost:http"], "--tcp needs HOST:PORT, not 'localhost:http'."),
        (
            ["--tcp", "localhost:65536"],
            "--tcp: it must be HOST:PORT with a port up to 65535, not one with port 65536.",
        ),
        (["--tcp", "localhost:0"], "--tcp needs either --tls-cert and --tls-key, or --insecure."),
        (
            ["--tcp", "h:0", "--insecure", "--tls-key", "k"],
            "--tcp needs either --tls-cert and --tls-key, or --insecure.",
        ),
        (
            ["--tcp", "h:0", "--tls-cert", "/nowhere"],
            "The file /nowhere cannot be read: No such file or directory (--tls-cert).",
        ),
        (
            ["--passphrase", "s3cret"],
            "--passphrase has no effect without --tcp: the exporter listens on a unix socket, which only its user can "
            "open. Add --tcp HOST:PORT, or leave it out.\n",
        ),
        (
            ["--unix", "/nowhere/x", "--tls-cert", "/nowhere", "--insecure"],
            "--tls-cert and --insecure have no effect without --tcp: the exporter listens on a unix socket, which only "
            "its user can open. Add --tcp HOST:PORT, or leave them out.\n",
        ),
        (
            ["--tcp", "h:0", "--insecure", "--passphrase", ""],
            "The passphrase of --passphrase has 0 characters. A passphrase has 1 to 1024 printable ASCII "
            "characters, in one line.\n",
        ),
        (
            ["--tcp", "h:0", "--insecure", "--passphrase", "schlüssel"],
            "The passphrase of --passphrase has 9 characters. A passphrase has 1 to 1024 printable ASCII "
            "characters, in one line.\n",
        ),
        (
            ["--tcp", "h:0", "--insecure", "--passphrase-file", "/nowhere"],
            "The file /nowhere cannot be read: No such file or directory (--passphrase-file).\n",
        ),
    ],
)
def test_options_that_do_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    config = tmp_path / "exporter.yaml"
    config.write_text(CONFIG)
    assert main([str(config), *options]) == 1
    assert capsys.readouterr().err.startswith(message)


def test_options_of_tcp_have_no_effect_beside_a_controller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "exporter.yaml"
    config.write_text(f"endpoint: lab.example:8082\nmetadata: {{namespace: lab, name: board}}\ntoken: t\n{CONFIG}")
    assert main([str(config), "--insecure"]) == 1
    assert capsys.readouterr().err == (
        "--insecure has no effect without --tcp: the exporter registers with the controller at lab.example:8082. Add "
        "--tcp HOST:PORT, or leave it out.\n"
    )


OPEN = (
    "The exporter on 127.0.0.1 is open to all who can reach it: they can switch the board, write its storage and use "
    "all other drivers. Set a passphrase with --passphrase-file or JMP_GRPC_PASSPHRASE.\n"
)
PLAIN = (
    "The exporter speaks plain text on 127.0.0.1: others on the network can read and change what is sent, "
    "passphrases and images too. Use --tls-cert and --tls-key.\n"
)
LISTED = (
    "Other users of this machine can see the passphrase in the list of processes. Use --passphrase-file or "
    "JMP_GRPC_PASSPHRASE.\n"
)


@pytest.mark.parametrize("source", ["nowhere", "option", "file", "open file", "environment"])
def test_warnings_of_an_open_port(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Any, source: str
) -> None:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600 if source == "file" else 0o644)
    secret.write_text("s3cret\n")
    options: list[str] = []
    match source:
        case "option":
            options = ["--passphrase", "s3cret"]
        case "file" | "open file":
            options = ["--passphrase-file", str(secret)]
        case "environment":
            monkeypatch.setenv("JMP_GRPC_PASSPHRASE", "s3cret")
    process, host = start("--tcp", "127.0.0.1:0", "--insecure", *options)
    with grpc.insecure_channel(host) as channel:
        stub = ExporterStub(channel)
        assert stub.get_report(Empty(), timeout=10, metadata=((PASSPHRASE_KEY, "s3cret"),)).reports
        if source != "nowhere":
            assert refused(lambda: stub.get_report(Empty(), timeout=10))[0] is grpc.StatusCode.UNAUTHENTICATED
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=10)[1]
    readable = f"Other users of this machine can read the passphrase in {secret}. Try: chmod 600.\n"
    expected = {PLAIN, {"nowhere": OPEN, "option": LISTED, "open file": readable}.get(source, PLAIN)}
    warnings = (OPEN, PLAIN, LISTED, readable)
    logger = "WARNING JumpstarterLibrary.exporter.listen_address"
    assert {text for text in warnings if f"{logger}: {text}" in errors} == expected
    assert "s3cret" not in errors


def _answers_with_tls(host: str, trusted: bytes) -> bool:
    with grpc.secure_channel(host, grpc.ssl_channel_credentials(trusted)) as channel:
        return len(ExporterStub(channel).get_report(Empty(), timeout=10).reports) == 2


def test_certificate_and_key_from_files_or_the_environment(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = self_signed("127.0.0.1"), self_signed("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(one.certificate)
    key.write_bytes(one.key)
    options = ["--tcp", "127.0.0.1:0", "--tls-cert", str(certificate), "--tls-key", str(key)]
    assert _answers_with_tls(start(*options)[1], one.certificate)
    config = tmp_path / "exporter.yaml"
    for content, reason in (
        (other.key, "the key is of another certificate"),
        (b"no key", "one is no PEM text, or the key has a password"),
    ):
        key.write_bytes(content)
        assert main([str(config), *options]) == 1
        assert capsys.readouterr().err.startswith(
            f"The certificate and the key of --tcp cannot be used: {reason}. Give "
        )
    monkeypatch.setenv("JUMPSTARTER_TLS_CERT", one.certificate.decode())
    monkeypatch.setenv("JUMPSTARTER_TLS_KEY", one.key.decode())
    assert _answers_with_tls(start("--tcp", "127.0.0.1:0")[1], one.certificate)
    assert main([str(config), "--tcp", "127.0.0.1:0", "--insecure"]) == 1
    assert capsys.readouterr().err == (
        "--tcp needs either --tls-cert and --tls-key, or --insecure. The environment has JUMPSTARTER_TLS_CERT and "
        "JUMPSTARTER_TLS_KEY.\n"
    )


def test_a_configuration_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "exporter.yaml"
    config.write_text("export: {power: {type: json.Nothing}}")
    assert main([str(config)]) == 1
    assert capsys.readouterr().err == (
        f"The configuration file '{config}', line 1: export.power.type: no class 'Nothing' in module 'json'. Correct "
        f"the type.\n"
    )


def _resident_mib(pid: int) -> int:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) // 1024


def test_resource_streams_that_no_call_takes_need_little_memory(start: Start) -> None:
    process, host = start()
    gate, sent = threading.Event(), threading.Semaphore(0)

    def frames() -> Iterator[router_pb2.StreamRequest]:
        for _ in range(20):
            yield router_pb2.StreamRequest(payload=bytes(1_000_000))
            sent.release()
        gate.wait(30)

    with grpc.insecure_channel(f"unix:{host}") as channel:
        stub = ExporterStub(channel)
        metadata = ((REQUEST_KEY, resource_stream_request(stub.get_report(Empty(), timeout=10).reports[0].uuid)),)
        before = _resident_mib(process.pid)
        streams: list[Any] = [stub.stream(frames(), metadata=metadata) for _ in range(30)]
        # gRPC hands over one message, and makes the next, before the exporter takes it.
        for _ in range(30 * 2):
            assert sent.acquire(timeout=20)
        # What is not held back has come by the time that the exporter answers.
        stub.get_report(Empty(), timeout=10)
        assert _resident_mib(process.pid) - before < 30 * 20 / 2
        gate.set()
        for stream in streams:
            stream.cancel()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


def test_deep_path_is_refused_and_logs_little(start: Start, tmp_path: Path) -> None:
    config = (
        f"type: jumpstarter_driver_opendal.driver.Opendal\nconfig: {{scheme: fs, kwargs: {{root: {tmp_path}/files}}}}"
    )
    process, host = start(config=config)
    with grpc.insecure_channel(f"unix:{host}") as channel:
        stub = ExporterStub(channel)
        (report,) = stub.get_report(Empty(), timeout=10).reports
        request = jumpstarter_pb2.DriverCallRequest(uuid=report.uuid, method="create_dir", args=[encode("a/" * 2000)])
        with pytest.raises(grpc.RpcError) as caught:
            stub.driver_call(request, timeout=10)
    call: Any = caught.value
    assert call.details() == (
        f"The path {'a/' * 50!r}, of which this is the beginning, has 2000 names and 4000 bytes. "
        "A path has at most 100 names and 2000 bytes."
    )
    process.send_signal(signal.SIGTERM)
    assert len(process.communicate(timeout=10)[1]) < 2000
    assert list((tmp_path / "files").iterdir()) == []
