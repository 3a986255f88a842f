"""The tunnel: a private socket, one stream through the router for each connection, and every byte of it."""

from __future__ import annotations

import errno
import os
import queue
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing import tunnel
from JumpstarterLibrary.client.leasing.controller import Controller
from JumpstarterLibrary.client.leasing.dial import RouterEndpoint
from JumpstarterLibrary.client.leasing.lease import Lease
from JumpstarterLibrary.client.leasing.tunnel import FRAME, Tunnel
from JumpstarterLibrary.errors import ControllerUnreachable, LinkError, TlsError
from JumpstarterLibrary.lab.certificates import self_signed
from JumpstarterLibrary.lab.router import MockRouter
from JumpstarterLibrary.lab.router_behaviour import Refusal
from JumpstarterLibrary.protocol import RouterStub
from JumpstarterLibrary.protocol.generated import router_pb2

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]
DATA, GOAWAY = router_pb2.FRAME_TYPE_DATA, router_pb2.FRAME_TYPE_GOAWAY


class Ways:
    """Hands out ways to the lab's router, and counts them; in place of the controller's."""

    def __init__(self, rig: Any, endpoint: str | None = None) -> None:
        self._rig = rig
        self.endpoint = endpoint or rig.lab.router.endpoint
        self.tokens: list[str] = []
        self.hold = threading.Event()
        self.hold.set()

    def dial(self, _deadline: Deadline, _tick: object = None) -> RouterEndpoint:
        assert self.hold.wait(10)
        controller = self._rig.lab.controller
        self.tokens.append(controller.router_key.mint(str(uuid4()), self._rig.lab.clock.now()))
        return RouterEndpoint(self.endpoint, self.tokens[-1])


class FarSide:
    """The exporter's side of a tunnel, frame by frame."""

    def __init__(self, controller: Controller, endpoint: str, token: str) -> None:
        self.outbox: queue.Queue[router_pb2.StreamRequest | None] = queue.Queue()
        stub: RouterStub = controller.router(endpoint, Deadline(5))
        self.call: Any = stub.stream(self._requests(), metadata=(("authorization", f"Bearer {token}"),), timeout=20)

    def _requests(self) -> Iterator[router_pb2.StreamRequest]:
        while (request := self.outbox.get()) is not None:
            yield request

    def send(self, data: bytes) -> None:
        self.outbox.put(router_pb2.StreamRequest(payload=data, frame_type=DATA))

    def finish(self) -> None:
        self.outbox.put(router_pb2.StreamRequest(frame_type=GOAWAY))
        self.outbox.put(None)

    def receive(self) -> tuple[bytes, int]:
        frame = next(self.call)
        return frame.payload, frame.frame_type

    def cancel(self) -> None:
        self.outbox.put(None)
        self.call.cancel()


class Stretch:
    """A tunnel, and both of its ends."""

    def __init__(self, rig: Any) -> None:
        self.rig = rig
        self.controller = rig.controller_of(rig.settings)
        self.lease = Lease(self.controller, "x", rig.events, ours=False)
        self.lease.exporter = "b1"
        self.ways = Ways(rig)
        self.tunnel = Tunnel(self.lease, self.ways, 5)  # type: ignore[arg-type]
        rig._stack.callback(self.tunnel.close)

    def near(self) -> socket.socket:
        near = socket.socket(socket.AF_UNIX)
        near.settimeout(10)
        near.connect(self.tunnel.path)
        self.rig._stack.callback(near.close)
        return near

    def far(self, number: int = -1) -> FarSide:
        far = FarSide(self.controller, self.rig.lab.router.endpoint, self.ways.tokens[number])
        self.rig._stack.callback(far.cancel)
        return far

    def pair(self) -> tuple[socket.socket, FarSide]:
        self.tunnel.prepare(Deadline(5))
        near = self.near()
        return near, self.far()


@pytest.fixture
def stretch(rig: Any) -> Stretch:
    return Stretch(rig)


def read(near: socket.socket, size: int) -> bytes:
    pieces = b""
    while len(pieces) < size and (piece := near.recv(size - len(pieces))):
        pieces += piece
    return pieces


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("jumpstarter-tunnel")]


# The socket


def test_the_socket_is_private_and_goes_with_the_tunnel(stretch: Stretch, eventually: Eventually) -> None:
    path = Path(stretch.tunnel.path)
    assert path.name == "socket"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.parent.name.startswith("jumpstarter-")
    stretch.tunnel.close()
    stretch.tunnel.close()
    assert not path.parent.exists()
    eventually(lambda: not threads())


def test_a_directory_that_is_no_place_for_a_socket_is_told(
    rig: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    monkeypatch.setattr("JumpstarterLibrary.common.unix_sockets.SHORT", ())
    lease = Lease(rig.controller_of(rig.settings), "x", rig.events, ours=False)
    with pytest.raises(LinkError) as info:
        Tunnel(lease, Ways(rig), 5)  # type: ignore[arg-type]
    text = str(info.value)
    assert text.startswith(f"The tunnel of lease 'x' needs a socket in {deep}/jumpstarter-")
    assert text.endswith(
        ", which is not possible: AF_UNIX path too long. Set XDG_RUNTIME_DIR to a directory with a short path that "
        "can be "
        "written to."
    )
    assert list(deep.iterdir()) == []


def test_a_directory_that_cannot_be_written_to_is_told(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc")
    lease = Lease(rig.controller_of(rig.settings), "x", rig.events, ours=False)
    with pytest.raises(
        LinkError, match=r"^The tunnel of lease 'x' needs a socket in /proc/jumpstarter-.*, which is not "
    ):
        Tunnel(lease, Ways(rig), 5)  # type: ignore[arg-type]


def test_a_runtime_directory_that_is_not_ours_is_not_used(
    rig: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    stretch = Stretch(rig)
    assert Path(stretch.tunnel.path).exists()


# Bytes


def test_bytes_pass_both_ways_to_their_ends(stretch: Stretch) -> None:
    near, far = stretch.pair()
    near.sendall(b"question")
    assert far.receive() == (b"question", DATA)
    far.send(b"answer")
    assert read(near, 6) == b"answer"
    near.shutdown(socket.SHUT_WR)
    assert far.receive() == (b"", GOAWAY)
    # One direction has ended, the other one has not.
    far.send(b"more")
    assert read(near, 4) == b"more"
    far.finish()
    assert near.recv(1) == b""


def test_the_exporters_end_of_data_is_no_end_of_ours(stretch: Stretch) -> None:
    near, far = stretch.pair()
    far.send(b"all")
    far.outbox.put(router_pb2.StreamRequest(frame_type=GOAWAY))
    assert read(near, 3) == b"all"
    assert near.recv(1) == b""
    near.sendall(b"still")
    assert far.receive() == (b"still", DATA)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"rechunk": 1},
        {"empty_frames": True},
        {"odd_frames": True},
        {"delay_s": 0.001},
        {"rechunk": 1000, "empty_frames": True, "odd_frames": True},
    ],
    ids=str,
)
def test_frames_may_look_as_they_like(stretch: Stretch, odd: dict[str, Any]) -> None:
    for name, value in odd.items():
        setattr(stretch.rig.lab.router.behaviour, name, value)
    near, far = stretch.pair()
    sent = os.urandom(500 if odd.get("rechunk") == 1 else 100_000)
    far.send(sent)
    assert read(near, len(sent)) == sent
    near.sendall(sent)
    near.shutdown(socket.SHUT_WR)
    received = b""
    while (frame := far.receive())[1] != GOAWAY:
        received += frame[0] if frame[1] == DATA else b""
    assert received == sent


def test_much_data_goes_in_large_frames(stretch: Stretch, during: During) -> None:
    near, far = stretch.pair()
    sent = os.urandom(1024) * 8 * 1024
    join = during(lambda: near.sendall(sent))
    received, sizes = bytearray(), []
    while len(received) < len(sent):
        payload, _ = far.receive()
        received += payload
        sizes.append(len(payload))
    join()
    assert received == sent
    assert max(sizes) <= FRAME
    assert len(sizes) < len(sent) / (64 * 1024)


def test_who_does_not_read_is_not_sent_everything(stretch: Stretch) -> None:
    near, _far = stretch.pair()
    near.settimeout(0.5)
    taken = 0
    with suppress(TimeoutError):
        while taken < 200_000_000:
            taken += near.send(bytes(1024 * 1024))
    assert taken < 64 * 1024 * 1024


# Connections


def test_the_first_way_is_for_the_first_connection(stretch: Stretch, eventually: Eventually) -> None:
    stretch.tunnel.prepare(Deadline(5))
    assert len(stretch.ways.tokens) == 1
    assert (stretch.tunnel.up, stretch.tunnel.generation) == (False, 0)
    first = stretch.near()
    eventually(lambda: stretch.tunnel.up)
    far = stretch.far()
    far.send(b"1")
    assert read(first, 1) == b"1"
    assert len(stretch.ways.tokens) == 1
    second = stretch.near()
    eventually(lambda: len(stretch.ways.tokens) == 2)
    other = stretch.far()
    other.send(b"2")
    assert read(second, 1) == b"2"
    assert stretch.tunnel.generation == 2
    # They have nothing to do with each other.
    first.close()
    second.sendall(b"still")
    assert other.receive() == (b"still", DATA)


class Starved:
    """A listening socket for whose next connections there is no descriptor.

    Attributes:
        short: Whether that is so.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.short = True

    def accept(self) -> Any:
        if self.short:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self._listener.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


def test_a_lack_of_descriptors_is_told_and_passes(
    rig: Any, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    lease = rig.only_lease()
    made: list[Starved] = []
    genuine = socket.socket

    def starving(*arguments: Any, **options: Any) -> Any:
        made.append(Starved(genuine(*arguments, **options)))
        return made[0]

    with monkeypatch.context() as patch:
        patch.setattr(tunnel.socket, "socket", starving)
        stretch = Tunnel(lease, Ways(rig), 5)  # type: ignore[arg-type]
    eventually(lambda: stretch.error)
    assert str(stretch.error) == (
        f"The tunnel of lease '{lease.name}' cannot take a connection: Too many open files. Close files and devices, "
        f"or raise the limit (ulimit -n)."
    )
    with genuine(socket.AF_UNIX) as near:
        near.connect(stretch.path)
        made[0].short = False
        eventually(lambda: stretch.generation == 1)
        stretch.close()


def test_an_end_is_noticed_with_its_reason(stretch: Stretch, eventually: Eventually) -> None:
    near, far = stretch.pair()
    far.send(b"x")
    assert read(near, 1) == b"x"
    stretch.rig.lab.router.drop()
    assert near.recv(1) == b""
    eventually(lambda: not stretch.tunnel.up)
    assert stretch.tunnel.broke == "the router ended it (The router dropped the tunnel)"
    assert stretch.tunnel.error is None


def test_a_cut_keeps_its_own_reason(stretch: Stretch, eventually: Eventually) -> None:
    near, far = stretch.pair()
    far.send(b"x")
    assert read(near, 1) == b"x"
    stretch.tunnel.cut("it was silent")
    assert stretch.tunnel.up is False
    assert near.recv(1) == b""
    eventually(lambda: threads() == ["jumpstarter-tunnel"])
    assert stretch.tunnel.broke == "it was silent"
    assert stretch.tunnel.error is None


def test_a_cut_of_a_connection_that_is_still_being_made_counts(stretch: Stretch, eventually: Eventually) -> None:
    stretch.ways.hold.clear()
    near = stretch.near()
    eventually(lambda: stretch.tunnel.up)
    stretch.tunnel.cut("it took too long")
    assert near.recv(1) == b""
    stretch.ways.hold.set()
    eventually(lambda: threads() == ["jumpstarter-tunnel"])
    # The router notices a moment later that the stream was cancelled.
    eventually(lambda: stretch.rig.lab.router.waiting() == [])
    assert stretch.tunnel.broke == "it took too long"


def test_closing_ends_everything_at_once(stretch: Stretch, eventually: Eventually) -> None:
    near, far = stretch.pair()
    far.send(b"x")
    assert read(near, 1) == b"x"
    more = [stretch.near() for _ in range(5)]
    stretch.tunnel.close()
    assert near.recv(1) == b""
    for one in more:
        with suppress(ConnectionResetError):  # one that nobody had looked at yet
            assert one.recv(1) == b""
    eventually(lambda: not threads())


def test_the_end_of_the_lease_ends_the_tunnel(stretch: Stretch, eventually: Eventually) -> None:
    near, _far = stretch.pair()
    stretch.lease.end(LinkError("over"))
    assert near.recv(1) == b""
    eventually(lambda: not threads())


def test_connecting_and_closing_at_once_leaves_nothing(rig: Any, eventually: Eventually) -> None:
    for _ in range(20):
        stretch = Stretch(rig)
        near = stretch.near()
        closing = threading.Thread(target=stretch.tunnel.close)
        closing.start()
        near.close()
        stretch.tunnel.close()
        closing.join(5)
    eventually(lambda: not threads())
    eventually(lambda: not rig.lab.router.waiting())


# Trouble with the router


def broken(stretch: Stretch, eventually: Eventually) -> str:
    """Return why a connection could not be made."""
    near = stretch.near()
    assert near.recv(1) == b""
    eventually(lambda: stretch.tunnel.error is not None)
    return str(stretch.tunnel.error)


def away(stretch: Stretch, eventually: Eventually, clock: MovableClock) -> str:
    """Return why no connection can be made, where that is no error before 3 seconds have passed."""
    assert stretch.near().recv(1) == b""
    eventually(lambda: not stretch.tunnel.up)
    assert stretch.tunnel.error is None
    clock.advance(tunnel.AWAY_S)
    return broken(stretch, eventually)


def test_a_token_that_is_refused_once_is_no_error_yet(stretch: Stretch, eventually: Eventually) -> None:
    stretch.rig.lab.router.behaviour.refuse = Refusal(details="token is expired", times=1)
    near = stretch.near()
    assert near.recv(1) == b""
    eventually(lambda: not stretch.tunnel.up)
    assert stretch.tunnel.error is None
    near = stretch.near()
    eventually(lambda: len(stretch.ways.tokens) == 2)
    far = stretch.far()
    far.send(b"x")
    assert read(near, 1) == b"x"


def test_a_token_that_is_refused_twice_is_told(stretch: Stretch, eventually: Eventually) -> None:
    stretch.rig.lab.router.behaviour.refuse = Refusal(details="invalid jwt token")
    assert stretch.near().recv(1) == b""
    eventually(lambda: not stretch.tunnel.up)
    text = broken(stretch, eventually)
    assert text == (
        f"The router {stretch.rig.lab.router.endpoint} refused the token that its controller made for lease 'x', "
        f"twice: "
        f"invalid jwt token. The clocks or keys of controller and router may differ; tell their administrator."
    )


def test_a_router_that_is_not_there_is_told(rig: Any, eventually: Eventually, clock: MovableClock) -> None:
    stretch = Stretch(rig)
    stretch.ways.endpoint = "127.0.0.1:1"
    assert away(stretch, eventually, clock) == (
        "The router 127.0.0.1:1, to which the controller leads, cannot be reached: connection refused. Check the "
        "network, or tell the controller's administrator."
    )
    assert isinstance(stretch.tunnel.error, ControllerUnreachable)


def test_a_router_that_was_away_for_a_moment_is_no_error(rig: Any, eventually: Eventually) -> None:
    stretch = Stretch(rig)
    endpoint, stretch.ways.endpoint = stretch.ways.endpoint, "127.0.0.1:1"
    assert stretch.near().recv(1) == b""
    eventually(lambda: not stretch.tunnel.up)
    assert stretch.tunnel.error is None
    assert stretch.tunnel.broke == (
        "The router 127.0.0.1:1, to which the controller leads, cannot be reached: connection refused. Check the "
        "network, or tell the controller's administrator"
    )
    stretch.ways.endpoint = endpoint
    near = stretch.near()
    eventually(lambda: len(stretch.ways.tokens) == 2)
    far = stretch.far()
    far.send(b"x")
    assert read(near, 1) == b"x"


def test_a_router_whose_name_is_unknown_is_told(rig: Any, eventually: Eventually, clock: MovableClock) -> None:
    stretch = Stretch(rig)
    stretch.ways.endpoint = "router.invalid:443"
    assert away(stretch, eventually, clock) == (
        "The router router.invalid:443, to which the controller leads, cannot be reached: the host name could not be "
        "resolved. Check the network, or tell the controller's administrator."
    )


def test_a_router_that_shows_another_certificate_is_told(rig: Any, eventually: Eventually) -> None:
    stretch = Stretch(rig)
    with MockRouter(certificate=self_signed("127.0.0.1"), key=rig.lab.controller.router_key) as router:
        stretch.ways.endpoint = router.endpoint
        text = broken(stretch, eventually)
        assert isinstance(stretch.tunnel.error, TlsError)
        assert text.startswith(f"The secure connection to router {router.endpoint} could not be made: its certificate ")
        stretch.tunnel.close()
        stretch.controller.close()


def test_a_router_that_speaks_no_tls_is_told(rig: Any, eventually: Eventually) -> None:
    stretch = Stretch(rig)
    with MockRouter(plaintext=True, key=rig.lab.controller.router_key) as router:
        stretch.ways.endpoint = router.endpoint
        text = broken(stretch, eventually)
        assert isinstance(stretch.tunnel.error, TlsError)
        assert text.startswith(
            f"The secure connection to router {router.endpoint} could not be made: it does not speak"
        )
        stretch.tunnel.close()
        stretch.controller.close()


def test_a_router_that_is_overloaded_is_told_with_its_words(
    stretch: Stretch, eventually: Eventually, clock: MovableClock
) -> None:
    stretch.rig.lab.router.behaviour.refuse = Refusal(code=Code.UNAVAILABLE, details="Too many streams.", times=2)
    assert away(stretch, eventually, clock) == (
        f"The router {stretch.rig.lab.router.endpoint} failed when it was asked for the tunnel of lease 'x': Too many "
        f"streams."
    )
    # The next connection begins anew.
    near = stretch.near()
    eventually(lambda: len(stretch.ways.tokens) == 3)
    far = stretch.far()
    far.send(b"x")
    assert read(near, 1) == b"x"
    assert stretch.tunnel.error is None
