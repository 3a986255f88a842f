from __future__ import annotations

from typing import Any

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Session
from JumpstarterLibrary.exporter.drivers.composite import Composite, Proxy
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
