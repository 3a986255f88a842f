"""No wait without a limit: each call that may wait for ever is on a list, with what ends it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = (
    "JumpstarterLibrary/client",
    "JumpstarterLibrary/common",
    "JumpstarterLibrary/keywords",
    "JumpstarterLibrary/reporting",
    "shim/pytest_jumpstarter",
)
"""The synchronous rooms. Exporter and lab are coroutines, whose waits are cancelled with their task."""

ALWAYS = frozenset(("accept", "recv", "recvfrom", "poll", "select"))
"""Methods that wait, and whose arguments need not have a limit."""

WAITING = ALWAYS | {"wait", "join", "result", "get", "acquire", "communicate", "exception", "initial_metadata"}
"""Methods that wait, without an argument for ever."""

ALLOWED = {
    "it is another function of the same name, and waits for nothing": {
        "client/command.py": ["run.result()"],
        "client/deadline.py": ["_search.get()"],
        "client/drivers/base.py": ["sending.result()", "receiving.result()"],
        "client/drivers/files.py": ["sending.result()"],
        "client/drivers/mux.py": ["sending.result()", "receiving.result()"],
        "client/transfers.py": ["self._receiving.result()", "self._sending.result()"],
        "keywords/console_failing.py": ["console.accept()", "console.accept(name)"],
        "upstream_api/clients/adapters/websocket.py": ["self._protocol.accept(event)"],
        "upstream_api/clients/coroutines.py": ["self._stream.poll(max_bytes)"],
    },
    "it ends by the limit that its object was made with": {
        "client/drivers/base.py": ["self.begin(method, *args, timeout=timeout).result()"],
        "client/leasing/lease.py": ["releasing.wait()"],
        "client/leasing/service.py": ["UninterruptibleTask(lambda: close_device(device), Deadline(CLOSE_S)).wait()"],
        "client/leasing/uninterruptible.py": ["UninterruptibleTask(work, deadline).wait()"],
        "client/stream.py": ["self._call.initial_metadata()"],
        "keywords/states.py": ["states.get()"],
        "upstream_api/config/active_lease.py": [
            "UninterruptibleTask(lambda: close_device(device), Deadline(CLOSE_S)).wait()",
            "UninterruptibleTask(lambda: route.close(), Deadline(CLOSE_S)).wait()",
        ],
    },
    "what it waits for was seen to be done just before": {
        "client/clock.py": ["notified.acquire()"],
        "client/leasing/connection.py": ["call.result()"],
        "client/leasing/readiness.py": ["call.exception()", "call.result()"],
        "client/pending.py": ["self._future.result()"],
        "client/pinning.py": ["attempts.first.result()"],
        "upstream_api/config/threads.py": ["job.result()"],
    },
    "the call in it ends by its timeout or with its exporter (client/liveness.py)": {
        "client/clock.py": ["waitable.wait()"],
        "upstream_api/clients/coroutines.py": ["pending.result()", "self._changed.wait()"],
    },
    "the thread only starts a call, which asks nothing of the network": {
        "client/interrupts.py": ["beginning.thread.join()"],
    },
    "a thread of a stream, a tunnel or a forward waits there, and is woken when that ends or is closed": {
        "client/forward.py": ["sender.join()", "connection.recv(CHUNK)", "self._listener.accept()"],
        "client/leasing/tunnel.py": ["connection.recv(PIECE)", "self._listener.accept()"],
        "client/outbox.py": ["self._condition.wait()"],
        "client/stream.py": ["self._condition.wait()"],
        "client/transfers.py": ["self._go.wait()"],
        "upstream_api/clients/adapters/websocket.py": [
            "self._open.wait()",
            "sender.join()",
            "self._connection.recv(CHUNK)",
        ],
    },
    "it does not wait (MSG_DONTWAIT)": {
        "client/leasing/tunnel.py": ["connection.recv(FRAME - size, socket.MSG_DONTWAIT)"],
    },
    "the thread that writes waits for work, until it is closed": {
        "client/devices/event_log.py": ["self._condition.wait()"],
    },
    "its user ends it: a shell, or a forward until Ctrl-C": {
        "launching.py": ["process.wait()"],
        "upstream_api/clients/commands/network.py": ["Event().wait()"],
    },
}
"""The calls without a limit: what ends each, by the end of its file's name."""


def waits(tree: ast.AST) -> Iterator[str]:
    """Yield the calls that may wait for ever, as their text."""
    awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=args, keywords=named) if (
                name in WAITING and id(node) not in awaited and (name in ALWAYS or not (args or named))
            ):
                yield ast.unparse(node)


def test_each_wait_without_a_limit_has_its_reason() -> None:
    allowed = {(file, call) for files in ALLOWED.values() for file, calls in files.items() for call in calls}
    found = set()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix().removeprefix("JumpstarterLibrary/")
            found |= {
                (name.removeprefix("shim/pytest_jumpstarter/"), call) for call in waits(ast.parse(path.read_text()))
            }
    assert found - allowed == set(), "give the wait a limit, or its reason to ALLOWED"
    assert allowed - found == set(), "ALLOWED has waits that are not there any more"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("thread.join()", True),
        ("thread.join(5)", False),
        ("thread.join(timeout=limit)", False),
        ("', '.join(names)", False),
        ("queue.get()", True),
        ("mapping.get('key')", False),
        ("listener.accept()", True),
        ("connection.recv(100)", True),
        ("async def run():\n    await event.wait()", False),
    ],
)
def test_the_test_finds_waits(text: str, found: bool) -> None:
    assert bool(list(waits(ast.parse(text)))) is found
