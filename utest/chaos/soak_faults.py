"""Random faults of a soak run, in the words of ``VirtualLab.inject``."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from utest.chaos.soak_bench import BOARDS, ERRORS, SCALE, US

MOST = 5
"""Faults of one run."""

RPCS = ("CreateLease", "GetLease", "DeleteLease", "UpdateLease", "ListLeases", "ListExporters", "GetExporter", "Dial")
CODES = ("UNAVAILABLE", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN", "ABORTED")

DIAL_REFUSALS = (
    ("FAILED_PRECONDITION", "exporter is not ready (status: Available)"),
    ("FAILED_PRECONDITION", "exporter is offline"),
    ("FAILED_PRECONDITION", "exporter beforeLease hook failed"),
    ("FAILED_PRECONDITION", "exporter not ready (status: 42)"),
    ("UNAVAILABLE", "exporter is not listening on lease x"),
    ("RESOURCE_EXHAUSTED", "listener buffer full on lease x"),
    ("UNKNOWN", "lease not active"),
    ("UNKNOWN", "permission denied"),
    ("UNKNOWN", "no router available"),
    ("DEADLINE_EXCEEDED", "context deadline exceeded"),
)


@dataclass(frozen=True)
class PlannedFault:
    """One fault.

    Attributes:
        target: What it happens to.
        name: What happens.
        options: How; times are lab seconds.
    """

    target: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What it is called in summaries."""
        return f"{self.target} {self.name}"

    def __str__(self) -> str:
        options = [f"{key.rstrip('_')}={_spelt(key, value)}" for key, value in self.options.items()]
        return " ".join((self.kind, *options))


def _spelt(key: str, value: Any) -> str:
    return f"{value / SCALE:.2f}s" if isinstance(value, float) and key != "share" else str(value)


class Dice:
    """Random numbers of a run, in the units of the lab.

    Args:
        chance: Where they come from.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def seconds(self, least: float, most: float) -> float:
        """Return a time between two real ones, in lab seconds."""
        return SCALE * self.chance.uniform(least, most)

    def after(self) -> dict[str, Any]:
        """Return when something begins."""
        return {"after": self.chance.choice((0.0, self.seconds(0.02, 0.2), self.seconds(0.1, 0.7)))}

    def while_(self, most: float = 0.8) -> dict[str, Any]:
        """Return when something begins and how long it lasts."""
        return {**self.after(), "for_": self.seconds(0.05, most)}

    def board(self) -> dict[str, Any]:
        """Return a board, or all of them."""
        return {"name": self.chance.choice((*BOARDS, ",".join(BOARDS)))}

    def rpc(self) -> dict[str, Any]:
        """Return an RPC of our client."""
        return {"rpc": self.chance.choice(RPCS), "caller": US}


def _restart(dice: Dice, target: str) -> PlannedFault:
    long = dice.chance.random() < 0.25
    return PlannedFault(target, "restart", {**dice.after(), "down": dice.seconds(*((1.0, 1.6) if long else (0, 0.2)))})


def _fail(dice: Dice) -> PlannedFault:
    options = {**dice.rpc(), "code": dice.chance.choice(CODES), "times": dice.chance.randint(1, 3), **dice.after()}
    return PlannedFault("controller", "fail", options)


def _refuse_dial(dice: Dice) -> PlannedFault:
    code, details = dice.chance.choice(DIAL_REFUSALS)
    options = {"rpc": "Dial", "caller": US, "code": code, "details": details, "times": dice.chance.randint(1, 3)}
    return PlannedFault("controller", "fail", {**options, **dice.after()})


def _refuse_router(dice: Dice) -> PlannedFault:
    code, details = dice.chance.choice((("UNAUTHENTICATED", "invalid jwt token"), ("UNAVAILABLE", "not now")))
    options = {"code": code, "details": details, "times": dice.chance.randint(1, 3), **dice.after()}
    return PlannedFault("router", "refuse", options)


def _hook_fails(dice: Dice) -> PlannedFault:
    options = {
        "hook": dice.chance.choice(("before", "after")),
        "on_failure": dice.chance.choice(("warn", "endLease", "exit")),
    }
    return PlannedFault("exporter", "hook-fails", {**dice.board(), **options})


def _hook_slow(dice: Dice) -> PlannedFault:
    options = {"hook": dice.chance.choice(("before", "after")), "delay": dice.seconds(0.05, 0.8)}
    return PlannedFault("exporter", "hook-slow", {**dice.board(), **options})


def _token(dice: Dice) -> PlannedFault:
    kind = dice.chance.choice(("expire", "invalid", "wrong-kind", "wrong-namespace"))
    return PlannedFault("token", kind, {"name": US, **dice.while_(0.5)})


def _tls(dice: Dice) -> PlannedFault:
    kind = dice.chance.choice(("expired", "plaintext", "unknown-ca", "wrong-name"))
    return PlannedFault("tls", kind, {"server": dice.chance.choice(("controller", "router")), **dice.while_(0.4)})


def _frames(dice: Dice) -> PlannedFault:
    kind = dice.chance.choice(("empty-frames", "odd-frames"))
    return PlannedFault("router", kind, dice.while_(2.0))


def _lease_ends(dice: Dice) -> PlannedFault:
    options = {"after": dice.seconds(0.03, 0.6)}
    return PlannedFault("lease", dice.chance.choice(("expire", "release", "transfer")), options)


def _verdict(dice: Dice) -> PlannedFault:
    kind = dice.chance.choice(("unsatisfiable", "invalid", "duplicate", "swap"))
    return PlannedFault("lease", kind, dice.while_(0.4))


def _driver_raises(dice: Dice) -> PlannedFault:
    return PlannedFault("driver", "raise", {"error": dice.chance.choice(list(ERRORS)), "times": 1, **dice.after()})


def _of(target: str, name: str, options: Callable[[Dice], dict[str, Any]]) -> Callable[[Dice], PlannedFault]:
    return lambda dice: PlannedFault(target, name, options(dice))


TABLE: tuple[tuple[str, int, Callable[[Dice], PlannedFault]], ...] = (
    # Of each group a run has one fault at most: they would undo each other.
    ("controller", 6, lambda dice: _restart(dice, "controller")),
    ("controller", 2, _of("controller", "down", lambda dice: dice.while_(1.2))),
    ("controller", 1, _of("controller", "silent", lambda dice: dice.while_(0.8))),
    ("controller", 1, _of("controller", "old", lambda dice: dice.while_(1.0))),
    ("replies", 8, _of("controller", "lose-reply", lambda dice: {**dice.rpc(), "times": dice.chance.randint(1, 2)})),
    (
        "slowness",
        4,
        _of("controller", "slow", lambda dice: {**dice.rpc(), "delay": dice.seconds(0.1, 0.9), **dice.while_(1.0)}),
    ),
    ("errors", 5, _fail),
    ("dial", 7, _refuse_dial),
    ("router", 4, lambda dice: _restart(dice, "router")),
    ("router", 1, _of("router", "down", lambda dice: dice.while_(0.8))),
    ("drop", 4, _of("router", "drop", lambda dice: {"how": "reset", "after": dice.seconds(0.03, 0.6)})),
    ("drop", 3, _of("router", "drop", lambda dice: {"how": "silent", "after": dice.seconds(0.03, 0.6)})),
    ("refusals", 4, _refuse_router),
    ("pairing", 3, _of("router", "never-pair", lambda dice: dice.while_(0.6))),
    ("frames", 3, _frames),
    ("pieces", 3, _of("router", "rechunk", lambda dice: {"size": dice.chance.choice((7, 999)), **dice.while_(0.6)})),
    ("speed", 2, _of("router", "slow", lambda dice: {"delay": dice.seconds(0.001, 0.02), **dice.while_(0.6)})),
    ("half-open", 2, _of("router", "half-open", lambda dice: {"mode": "clean", **dice.while_(2.0)})),
    ("life", 4, _of("exporter", "crash", lambda dice: {**dice.board(), **dice.while_(1.0)})),
    ("life", 4, _of("exporter", "offline", lambda dice: {**dice.board(), **dice.while_(1.0)})),
    (
        "life",
        4,
        _of("exporter", "restart", lambda dice: {**dice.board(), **dice.after(), "down": dice.seconds(0.0, 0.3)}),
    ),
    ("life", 3, _of("exporter", "pause", lambda dice: {**dice.board(), **dice.while_(0.8)})),
    ("listening", 2, _of("exporter", "not-listening", lambda dice: {**dice.board(), **dice.while_(0.6)})),
    ("listening", 2, _of("exporter", "buffer-full", lambda dice: {**dice.board(), **dice.while_(0.6)})),
    ("listening", 2, _of("exporter", "stuck-available", lambda dice: {**dice.board(), **dice.while_(0.6)})),
    ("access", 1, _of("exporter", "disabled", lambda dice: {**dice.board(), **dice.while_(0.6)})),
    ("hooks", 4, _hook_fails),
    ("hooks", 3, _hook_slow),
    ("age", 1, _of("exporter", "old", lambda dice: dice.board())),
    ("versions", 1, _of("status", "gap", lambda dice: {**dice.board(), **dice.after()})),
    ("end", 8, _lease_ends),
    ("verdict", 3, _verdict),
    ("busy", 2, _of("lease", "busy", lambda dice: {**dice.board(), **dice.while_(0.8)})),
    ("assignment", 2, _of("lease", "slow", lambda dice: {"delay": dice.seconds(0.05, 0.5), **dice.while_(1.0)})),
    ("token", 3, _token),
    ("tls", 2, _tls),
    ("driver", 2, _driver_raises),
    (
        "console",
        1,
        _of("console", "close", lambda dice: {"driver": "console", "name": ",".join(BOARDS), **dice.after()}),
    ),
)


def random_faults(chance: random.Random) -> list[PlannedFault]:
    """Return the faults of a run."""
    dice, found = Dice(chance), {}
    for _ in range(chance.randint(1, MOST)):
        group, _, make = chance.choices(TABLE, [weight for _, weight, _ in TABLE])[0]
        found[group] = make(dice)
    return list(found.values())
