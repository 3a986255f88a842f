"""Programs that are started by a fork, as pexpect does it, while gRPC connections are open."""

from __future__ import annotations

from concurrent import futures

import grpc
import pexpect

PROGRAMS = 20


def test_a_program_can_be_started_by_a_fork() -> None:
    """Each program is started beside a new connection: in that state, gRPC's fork handlers do their work."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    answers = []
    for _ in range(PROGRAMS):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(20)
            child = pexpect.spawn("/bin/echo", ["hello"])
            answers.append((child.read(), child.wait(), child.signalstatus))
            child.close()
    server.stop(0).wait()
    assert answers == [(b"hello\r\n", 0, None)] * PROGRAMS
