from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Driver, ExporterConfigV1Alpha1DriverInstance, Session, export
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy, UnresolvedProxy
from JumpstarterLibrary.exporter.drivers.power import MockPower

COMPOSITE = "jumpstarter_driver_composite.client.CompositeClient"
POWER = "jumpstarter_driver_power.client.PowerClient"


def test_a_proxy_reports_its_target_and_what_is_below(connect: Any) -> None:
    board = Composite(children={"power": MockPower()}, description="the board")
    root = Composite(children={"board": board, "again": Proxy(ref="board"), "main": Proxy(ref="board.power")})
    with connect(root) as wire:
        reports = wire.report().reports
        names = [
            (report.labels.get("jumpstarter.dev/name"), report.labels["jumpstarter.dev/client"]) for report in reports
        ]
        assert names == [
            (None, COMPOSITE),
            ("board", COMPOSITE),
            ("power", POWER),
            ("again", COMPOSITE),
            ("power", POWER),
            ("main", POWER),
        ]
        assert reports[3].uuid == reports[1].uuid
        assert reports[2].uuid == reports[4].uuid == reports[5].uuid
        assert [report.parent_uuid for report in reports[1:]] == [
            reports[0].uuid,
            reports[1].uuid,
            reports[0].uuid,
            reports[3].uuid,
            reports[0].uuid,
        ]
        assert reports[3].description == "the board"
        assert wire.call("on", uuid=reports[5].uuid) is None


def test_a_proxy_of_a_proxy_and_through_a_proxy() -> None:
    power = MockPower()
    root = Composite(
        children={
            "board": Composite(children={"power": power}),
            "again": Proxy(ref="board"),
            "short": Proxy(ref="shorter"),
            "shorter": Proxy(ref="again.power"),
        }
    )
    assert [entry.name for entry in root.enumerate() if entry.driver is power] == ["power", "power", "short", "shorter"]


@pytest.mark.parametrize(
    ("proxies", "message"),
    [
        (
            {"a": "b.c"},
            "The reference 'b.c' leads nowhere: there is no 'b', only a, power. Write the path from the root.",
        ),
        (
            {"a": "power.x"},
            "The reference 'power.x' leads nowhere: there is no 'x', only nothing. Write the path from the root.",
        ),
        ({"a": "a"}, "The reference 'a' leads back to itself. Point it to a driver."),
        ({"a": "b", "b": "a"}, "The reference 'b' leads back to itself. Point it to a driver."),
    ],
)
def test_references_that_lead_nowhere(proxies: dict[str, str], message: str) -> None:
    children = {name: Proxy(ref=ref) for name, ref in proxies.items()}
    with pytest.raises(ConfigurationError) as info:
        Session(Composite(children={"power": MockPower(), **children}))
    assert str(info.value) == message


def test_a_reference_into_its_own_group() -> None:
    root = Composite(children={"group": Composite(children={"inner": Proxy(ref="group")})})
    with pytest.raises(
        ConfigurationError, match=r"^The reference 'group' leads back to itself. Point it to a driver.$"
    ):
        list(root.enumerate())


def test_the_target_is_closed_once() -> None:
    closed: list[bool] = []

    class Power(MockPower):
        def close(self) -> None:
            closed.append(True)

    Composite(children={"power": Power(), "alias": Proxy(ref="power")}).close()
    assert closed == [True]


@dataclass(kw_only=True)
class Switch(Driver):
    events: list[str] = field(default_factory=list)

    @classmethod
    def client(cls) -> str:
        return "test.Switch"

    def reset(self) -> None:
        self.events.append("reset")

    def close(self) -> None:
        self.events.append("closed")

    @export
    def turn(self, side: str = "left") -> str:
        self.events.append(side)
        return f"turned {side}"


@dataclass(kw_only=True)
class Arm(Driver):
    """A driver that uses another one, and does not ask whether it is a proxy."""

    @classmethod
    def client(cls) -> str:
        return "test.Arm"

    @export
    def move(self) -> str:
        return str(self.children["switch"].turn("right"))  # type: ignore[attr-defined]

    @export
    def let_go(self) -> None:
        self.children["switch"].close()


def test_a_driver_uses_its_child_through_a_proxy(connect: Any) -> None:
    switch = Switch()
    root = Composite(children={"arm": Arm(children={"switch": Proxy(ref="shared")}), "shared": switch})
    with connect(root) as wire:
        assert wire.call("move", name="arm") == "turned right"
        wire.call("let_go", name="arm")
        assert switch.events == ["reset", "right", "closed"]
    assert switch.events == ["reset", "right", "closed", "closed"]


def test_a_proxy_has_its_targets_methods_and_attributes_once_the_tree_is_known() -> None:
    switch, proxy = Switch(), Proxy(ref="switch")
    root = Composite(children={"again": proxy, "switch": switch})
    assert not hasattr(proxy, "turn")
    with pytest.raises(RuntimeError) as caught:
        proxy.turn()
    assert str(caught.value) == (
        "The proxy for 'switch' has no 'turn' before it knows its target. "
        "Serve the tree, or call enumerate() of its root."
    )
    with pytest.raises(UnresolvedProxy):
        proxy.report()
    root.enumerate()
    assert proxy.turn() == "turned left"
    assert proxy.events is switch.events
    assert proxy.report(parent=root, name="again").uuid == str(switch.uuid)
    with pytest.raises(AttributeError, match=r"^'Switch' object has no attribute 'nothing'$"):
        _ = proxy.nothing
    with pytest.raises(AttributeError, match=r"^'Proxy' object has no attribute '__len__'$"):
        _ = proxy.__len__


def test_a_tree_from_a_configuration_knows_its_proxies(connect: Any) -> None:
    text = """
    children:
      board: {children: {power: {type: jumpstarter_driver_power.driver.MockPower}}}
      main: {ref: board.power}
    """
    root = ExporterConfigV1Alpha1DriverInstance.from_str(text).instantiate()
    assert root.children["main"].on.__func__ is MockPower.on  # type: ignore[attr-defined]


def test_a_target_is_reset_and_closed_once() -> None:
    switch = Switch()
    root = Composite(children={"one": Proxy(ref="switch"), "switch": switch, "other": Proxy(ref="switch")})
    root.enumerate()
    root.reset()
    root.close()
    assert switch.events == ["reset", "closed"]
