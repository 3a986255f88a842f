"""Exporters as processes: upstream's by its command line, ours by ``python -m JumpstarterLibrary.exporter``."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import yaml

from interop.certificates import Certificates
from interop.upstream import Upstream

HERE = Path(__file__).parent
START_S = 120.0
STOP_S = 10.0


class ProcessNotStarted(Exception):
    """A process did not say in time that it is there."""


@dataclass(frozen=True)
class Tcp:
    """How an exporter listens on TCP.

    Attributes:
        certificates: For TLS; None for plain text.
        passphrase: What clients must send; None for nothing.
    """

    certificates: Certificates | None = None
    passphrase: str | None = field(default=None, repr=False)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Make a private folder whose path leaves room for a socket's name in it."""
    folder = Path(tempfile.mkdtemp(prefix="jmp-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def configuration(files: Path, console: str, wire: str, echo_port: int) -> dict[str, object]:
    """Return an exporter's configuration that both kinds understand.

    Args:
        files: The folder that the driver ``files`` serves.
        console: Serial port with a shell behind it.
        wire: Serial port that echoes.
        echo_port: TCP port on loopback that echoes.
    """
    opendal, network = "jumpstarter_driver_opendal.driver", "jumpstarter_driver_network.driver"
    serial = "jumpstarter_driver_pyserial.driver.PySerial"
    export = {
        "power": {"type": "jumpstarter_driver_power.driver.MockPower"},
        "mux": {"type": f"{opendal}.MockStorageMux"},
        "flashmux": {"type": f"{opendal}.MockStorageMuxFlasher"},
        "flasher": {"type": f"{opendal}.MockFlasher"},
        "files": {"type": f"{opendal}.Opendal", "config": {"scheme": "fs", "kwargs": {"root": str(files)}}},
        "echo": {"type": f"{network}.EchoNetwork"},
        "tcp": {"type": f"{network}.TcpNetwork", "config": {"host": "127.0.0.1", "port": echo_port}},
        "console": {"type": serial, "config": {"url": console}},
        "wire": {"type": serial, "config": {"url": wire}},
        "group": {"children": {"relay": {"type": "jumpstarter_driver_power.driver.MockPower"}}},
        "supply": {"ref": "group.relay"},
        "faults": {"type": "interop_faults.Faults"},
    }
    return {
        "apiVersion": "jumpstarter.dev/v1alpha1",
        "kind": "ExporterConfig",
        "metadata": {"namespace": "default", "name": "interop"},
        "export": export,
    }


@contextmanager
def bench_board(folder: Path, root: Path) -> Iterator[Path]:
    """Start what the drivers reach and write the configuration of an exporter that has them all.

    Args:
        folder: Where the configuration goes.
        root: The folder that the driver ``files`` serves.
    """
    root.mkdir(parents=True, exist_ok=True)
    with board("shell") as console, board("echo") as wire, echo_server() as port:
        file = folder / "exporter.yaml"
        file.write_text(yaml.safe_dump(configuration(root, console, wire, port), sort_keys=False))
        yield file


@contextmanager
def board(kind: str) -> Iterator[str]:
    """Start something behind a serial port and yield the port; see ``board.py``."""
    command = [sys.executable, str(HERE / "board.py"), kind]
    with _process(command, dict(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield _first_line(process)


@contextmanager
def echo_server() -> Iterator[int]:
    """Serve an echo on a loopback TCP port and yield the port."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                while data := self.request.recv(65536):
                    self.request.sendall(data)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(STOP_S)


@contextmanager
def upstream_unix(upstream: Upstream, config: Path, runtime: Path) -> Iterator[str]:
    """Run upstream's exporter on a unix socket, as its shell command does, and yield the socket's path."""
    # The shell's command says where the exporter is, and keeps it up until we close its input. It says it in a file,
    # because the exporter itself writes to standard output as well, and would stop when nobody reads on.
    said = runtime / f"host-{uuid4().hex}"
    command = [upstream.jmp, "shell", "--exporter-config", str(config), "--"]
    command += ["sh", "-c", f'echo "$JUMPSTARTER_HOST" > {said}.new; mv {said}.new {said}; exec cat']
    environ = upstream.environ(runtime, PYTHONPATH=str(HERE / "drivers"))
    with _process(command, environ, stdin=subprocess.PIPE) as process:
        _wait_until(said.exists, process)
        yield said.read_text().strip()


@contextmanager
def upstream_tcp(upstream: Upstream, config: Path, runtime: Path, tcp: Tcp) -> Iterator[str]:
    """Run upstream's standalone exporter on TCP and yield its ``host:port``."""
    port = free_port()
    command = [upstream.jmp, "run", "--exporter-config", str(config), "--tls-grpc-listener", f"127.0.0.1:{port}"]
    if tcp.certificates is None:
        command += ["--tls-grpc-insecure"]
    else:
        command += ["--tls-cert", str(tcp.certificates.certificate), "--tls-key", str(tcp.certificates.key)]
    if tcp.passphrase is not None:
        command += ["--passphrase", tcp.passphrase]
    environ = upstream.environ(runtime, PYTHONPATH=str(HERE / "drivers"))
    with _process(command, environ) as process:
        _wait_until(lambda: _listens(port), process)
        yield f"127.0.0.1:{port}"


@contextmanager
def our_exporter(config: Path, runtime: Path, tcp: Tcp | None = None) -> Iterator[str]:
    """Run our exporter on a unix socket, or on TCP, and yield what clients take for ``JUMPSTARTER_HOST``."""
    command = [sys.executable, "-m", "JumpstarterLibrary.exporter", str(config), *_our_options(tcp)]
    environ = {**os.environ, "PYTHONPATH": str(HERE / "drivers"), "XDG_RUNTIME_DIR": str(runtime)}
    with _process(command, environ, stdout=subprocess.PIPE) as process:
        yield _first_line(process)


def _our_options(tcp: Tcp | None) -> Sequence[str]:
    if tcp is None:
        return ()
    options = ["--tcp", "127.0.0.1:0"]
    if tcp.certificates is None:
        options += ["--insecure"]
    else:
        options += ["--tls-cert", str(tcp.certificates.certificate), "--tls-key", str(tcp.certificates.key)]
    return [*options, "--passphrase", tcp.passphrase] if tcp.passphrase is not None else options


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _process(
    command: Sequence[str], environ: Mapping[str, str], *, stdin: int = subprocess.DEVNULL, stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a process in a group of its own, and end the group afterwards."""
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed below
    process = subprocess.Popen(
        command,
        env=dict(environ),
        stdin=stdin,
        stdout=log if stdout is None else stdout,
        stderr=log,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    except BaseException:
        log.seek(0)
        sys.stderr.write(f"--- output of {' '.join(command[:3])}:\n{log.read()[-4000:]}\n")
        raise
    finally:
        _end(process)
        for pipe in (process.stdin, process.stdout, log):
            if pipe is not None:
                pipe.close()


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    else:
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_S)


def _first_line(process: subprocess.Popen[str]) -> str:
    """Return what a process says first; a process that says nothing in time is killed, so that this cannot hang."""
    assert process.stdout is not None
    watchdog = threading.Timer(START_S, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline().strip()
    finally:
        watchdog.cancel()
    if not line:
        raise ProcessNotStarted(f"the process {process.args!r} did not start within {START_S:g} seconds")
    return line


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        if ready():
            return
        time.sleep(0.02)
    raise ProcessNotStarted(f"the process {process.args!r} did not start within {START_S:g} seconds")
