"""One randomised run with faults: nothing hangs, nothing is left, nothing is done twice, and all errors are ours.

A seed decides what is done and what goes wrong, but not which of two threads is faster, so that a rare failure may need
some runs to come again.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import random
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from JumpstarterLibrary.client.leasing import LeaseService, exit_cleanup, readiness, renewer
from JumpstarterLibrary.client.settings import ClientArguments, ClientSettings, find_settings
from JumpstarterLibrary.errors import JumpstarterError, UsageError
from JumpstarterLibrary.lab.faults import InjectedFault
from utest.chaos.soak_actions import Actions, Broken, Story
from utest.chaos.soak_bench import US, Bench, eventually, open_channels, open_sockets
from utest.chaos.soak_faults import PlannedFault, random_faults

LIMIT_S = 10.0
"""What a run may take."""

BUSY_S = 2.0
"""After which a run begins nothing new."""

QUICK_KEEPER = {"LOOK_S": 0.2}
QUICK_READINESS = {"JOIN_S": 0.6}
"""The patience of the client, ten times as short as it is."""

SETTLE_S = 5.0
"""In which everything that belongs to a run has to be gone."""

COLLECT_S = 0.05

LEAST, MOST = 3, 12
"""Actions of a run."""

FOREIGN = re.compile(r"grpc|StatusCode|Traceback|object at 0x|rpc error|<_|last error|ipv4:|\.\.(\s|$)", re.IGNORECASE)
"""What no text for users contains."""

_CLIENT_THREADS = ("jumpstarter-", "soak-", "channel_spin", "_consume_request_iterator", "_event_handler")


@dataclass
class Outcome:
    """One run.

    Attributes:
        seed: Its seed.
        faults: What was to go wrong.
        story: What it did.
        seconds: How long that took.
        broken: The rules that it broke; an empty list if all is well.
        stuck: Whether it did not end; its threads are still there.
    """

    seed: int
    faults: list[PlannedFault]
    story: Story
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)
    stuck: bool = False

    @property
    def command(self) -> str:
        """What repeats the run."""
        return f"inv soak --first {self.seed} --seeds 1"

    def __str__(self) -> str:
        parts = [f"seed {self.seed} ({self.seconds:.1f} s); repeat it with: {self.command}"]
        parts += [f"  broken: {one}" for one in dict.fromkeys(self.broken)]
        parts += [f"  fault: {one}" for one in self.faults]
        parts += [f"  {line}" for line in self.story.lines]
        return "\n".join(parts)


def run(seed: int, bench: Bench) -> Outcome:
    """Do one run, and look whether it broke a rule.

    Args:
        seed: Decides everything that is left to chance.
        bench: The lab.
    """
    chance = random.Random(seed)
    faults = random_faults(chance)
    settings = _settings(bench, seed)
    services = (LeaseService(lambda: settings), LeaseService(lambda: settings))
    actions = Actions(chance, bench.ledger, services)
    outcome = Outcome(seed, faults, actions.story)
    bench.ledger.clear()
    bench.sockets = bench.sockets or len(open_sockets())
    with _watching(outcome):
        begin = time.monotonic()
        worker = threading.Thread(target=_work, args=(actions, chance, services, begin, outcome), name="soak-run")
        injected = _inject(bench, faults, outcome)
        worker.start()
        worker.join(LIMIT_S)
        outcome.seconds = time.monotonic() - begin
        if worker.is_alive():
            outcome.stuck = True
            outcome.broken.append(f"it did not end within {LIMIT_S:g} s; where its threads are was written to stderr")
            faulthandler.dump_traceback(all_threads=True)
            return outcome
        _clear(injected, outcome)
        _settle(bench, services, outcome)
    return outcome


def _settings(bench: Bench, seed: int) -> ClientSettings:
    path = bench.lab.write_client_config(bench.folder / f"client-{seed}", US)
    settings = find_settings(ClientArguments(config=path), {})
    # A third of the runs can read another token when theirs is refused, the others cannot.
    return replace(settings, dial_timeout=2.0, retry_timeout=3.0, path=path if seed % 3 == 0 else None)


def _inject(bench: Bench, faults: list[PlannedFault], outcome: Outcome) -> list[InjectedFault]:
    injected = []
    for fault in faults:
        # Some cannot happen now: there is no lease yet that could expire.
        with suppress(UsageError):
            injected.append(bench.lab.inject(fault.target, fault.name, **fault.options))
        if fault.target == "token":
            bench.lab.write_client_config(bench.folder / f"client-{outcome.seed}", US)
    return injected


def _clear(injected: list[InjectedFault], outcome: Outcome) -> None:
    for fault in injected:
        try:
            fault.clear()
        except UsageError:
            pass
        except JumpstarterError as error:
            outcome.broken.append(f"lab: {fault} was not undone: {error}")


def _work(
    actions: Actions, chance: random.Random, services: tuple[LeaseService, ...], begin: float, outcome: Outcome
) -> None:
    try:
        try:
            actions.run(chance.randint(LEAST, MOST), lambda: time.monotonic() > begin + BUSY_S)
        finally:
            actions.finish()
    except Broken as error:
        outcome.broken.append(str(error))
    except Exception as error:
        outcome.broken.append(f"an error that is not ours: {type(error).__name__}: {error}")
        logging.getLogger(__name__).exception("seed %d", outcome.seed)


def _settle(bench: Bench, services: tuple[LeaseService, ...], outcome: Outcome) -> None:
    """Check all rules at the end of a run."""
    story, broken = outcome.story, outcome.broken
    broken += [
        f"a release failed without a word: {text!r}"
        for name, text in story.kept
        if not text.endswith(f"Free it with: jmp delete leases {name}")
    ]
    # What could not be released then can be now that the lab is healthy again.
    exit_cleanup.release_all()
    for service in services:
        service.close()
    broken += story.broken
    broken += [f"carried out more than once: {call}" for call in bench.ledger.repeated()]
    broken += [f"not for users: {error}" for error in story.errors if FOREIGN.search(error.text)]
    broken += [f"not for users: {text}" for text in story.notices if FOREIGN.search(text)]
    broken += [f"a mistake of the test, it says: {error}" for error in story.errors if error.kind is UsageError]
    eventually(lambda: not bench.active(), SETTLE_S)
    broken += [f"a lease is left: {name}" for name in bench.active()]
    broken += [f"lab: {one}" for one in bench.recover(2 * SETTLE_S)]
    broken += [f"left open in the lab: {one}" for one in bench.lab.leaks(SETTLE_S)]
    eventually(lambda: not _threads(), SETTLE_S)
    broken += [f"a thread is left: {name}" for name in _threads()]
    left = _sockets_left(bench.sockets)
    channels = [one for one in open_channels() if one not in bench.channels]
    broken += [f"{len(channels)} channels of the client are left"] if channels else []
    if left:
        broken.append(f"{left} sockets are left")
        bench.sockets += left
    broken += [f"a folder is left: {name}" for name in Path(tempfile.gettempdir()).glob("jumpstarter-*")]


@contextmanager
def _watching(outcome: Outcome) -> Iterator[None]:
    """Let errors count that nobody sees: those of threads, of tasks, and what is logged as an error."""
    before = threading.excepthook

    def hook(details: Any) -> None:
        name = details.thread.name if details.thread else "?"
        outcome.broken.append(f"thread {name} failed: {details.exc_type.__name__}: {details.exc_value}")
        before(details)

    class Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.startswith(("JumpstarterLibrary", "asyncio", "grpc")):
                outcome.broken.append(f"log of {record.name}: {record.getMessage()}")

    handler = Errors(logging.ERROR)
    threading.excepthook = hook
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        threading.excepthook = before


def _threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if any(part in name for part in _CLIENT_THREADS)]


def _sockets_left(before: int) -> int:
    """Return how many more sockets there are than before, after some time in which they may go."""
    end = time.monotonic() + SETTLE_S
    while (left := len(open_sockets()) - before) > 0 and time.monotonic() < end:
        # Calls that ended with an error hold their connection in circles, until those are found.
        gc.collect()
        threading.Event().wait(COLLECT_S)
    return max(left, 0)


@contextmanager
def benches() -> Iterator[Bench]:
    """Yield a lab in a temporary folder, which is also where all temporary files go meanwhile.

    The client is less patient than usual with what nobody tells it: a tunnel that has died silently, an exporter that
    does not come to the router.
    """
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as name,
        patch.object(tempfile, "tempdir", name),
        patch.dict(os.environ, {"XDG_RUNTIME_DIR": ""}),
        patch.multiple(renewer, **QUICK_KEEPER),
        patch.multiple(readiness, **QUICK_READINESS),
        Bench(Path(name)) as bench,
    ):
        yield bench
