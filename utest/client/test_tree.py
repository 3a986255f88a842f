"""The tree from an exporter's report: proxies that repeat uuids, odd reports, and neighbours in errors."""

from __future__ import annotations

from typing import Any

import pytest

from JumpstarterLibrary.client.tree import Node, build_tree
from JumpstarterLibrary.errors import NoSuchDriver
from JumpstarterLibrary.protocol import jumpstarter_pb2
from JumpstarterLibrary.types import DriverInfo

COMPOSITE = "jumpstarter_driver_composite.client.CompositeClient"
POWER = "jumpstarter_driver_power.client.PowerClient"


def entry(uuid: str, parent: str | None = None, name: str | None = None, label: str = COMPOSITE, **more: Any) -> Any:
    labels = {"jumpstarter.dev/client": label} | ({"jumpstarter.dev/name": name} if name is not None else {})
    return jumpstarter_pb2.DriverInstanceReport(uuid=uuid, parent_uuid=parent, labels=labels, **more)


def shape(node: Node) -> list[tuple[str, str]]:
    return [(found.path, found.uuid) for found in node.walk()]


def test_paths_and_order() -> None:
    root = build_tree(
        [
            entry("r"),
            entry("b", "r", "board"),
            entry("p", "b", "power", POWER),
            entry("c", "b", "console"),
            entry("a", "r", "aux"),
        ]
    )
    assert shape(root) == [("", "r"), ("board", "b"), ("board.power", "p"), ("board.console", "c"), ("aux", "a")]
    assert root.find("board.power").parent is root.find("board")
    assert root.find("") is root
    assert (root.parent, root.name, root.label) == (None, "", COMPOSITE)


def test_a_proxy_repeats_its_target_and_all_below_it() -> None:
    root = build_tree(
        [
            entry("r"),
            entry("b", "r", "board"),
            entry("p", "b", "power", POWER),
            entry("b", "r", "alias"),
            entry("p", "b", "power", POWER),
            entry("p", "r", "switch", POWER),
        ]
    )
    assert shape(root) == [
        ("", "r"),
        ("board", "b"),
        ("board.power", "p"),
        ("alias", "b"),
        ("alias.power", "p"),
        ("switch", "p"),
    ]
    # Children behind the alias belong to the alias, although the same uuid was seen before.
    assert root.find("board").children.keys() == root.find("alias").children.keys() == {"power"}
    assert root.find("board.power") is not root.find("alias.power")


def test_a_proxy_inside_its_own_sibling() -> None:
    root = build_tree([entry("r"), entry("x", "r", "one"), entry("r", "x", "again"), entry("y", "r", "two")])
    # The latest entry with the parent's uuid is the one inside.
    assert shape(root) == [("", "r"), ("one", "x"), ("one.again", "r"), ("one.again.two", "y")]


def test_a_report_in_full() -> None:
    report = entry("r", label=POWER, description="main supply", methods_description={"on": "switch on"})
    node = build_tree([report])
    assert node.info == DriverInfo("", POWER, "main supply", {"on": "switch on"})
    assert str(node.info) == f"(root): {POWER}"
    assert build_tree([entry("r")]).info.description is None
    assert build_tree([entry("r", description="")]).info.description == ""


def test_a_driver_without_labels_gets_none() -> None:
    root = build_tree([jumpstarter_pb2.DriverInstanceReport(uuid="r"), entry("c", "r", "x", label="")])
    assert (root.label, root.find("x").label) == ("", "")


def test_a_subtree_as_root_keeps_working() -> None:
    assert shape(build_tree([entry("b", "elsewhere", "board"), entry("p", "b", "power")])) == [
        ("board", "b"),
        ("board.power", "p"),
    ]


@pytest.mark.parametrize(
    ("reports", "sentence"),
    [
        ([], "The exporter reports no driver at all. Check its `export` configuration."),
        (
            [entry("r"), entry("p", "x", "power")],
            "The exporter reports driver 'power' under a parent that it did not report. Its tree is unusable.",
        ),
        (
            [entry("r"), entry("p", "p", "self")],
            "The exporter reports driver 'self' under a parent that it did not report. Its tree is unusable.",
        ),
        (
            [entry("r"), entry("p", "b", "early"), entry("b", "r", "late")],
            "The exporter reports driver 'early' under a parent that it did not report. Its tree is unusable.",
        ),
        (
            [entry("r"), entry("s")],
            "The exporter reports driver '' under a parent that it did not report. Its tree is unusable.",
        ),
    ],
)
def test_reports_that_are_no_tree(reports: list[Any], sentence: str) -> None:
    with pytest.raises(NoSuchDriver) as caught:
        build_tree(reports)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("boot", "No driver 'boot'. It has: aux, board."),
        ("board.boot", "No driver 'boot' under 'board'. It has: console, power."),
        ("board.power.x.y", "No driver 'x' under 'board.power'. It has: no drivers."),
        ("board.", "No driver '' under 'board'. It has: console, power."),
        (".", "No driver ''. It has: aux, board."),
    ],
)
def test_neighbours_of_a_driver_that_is_not_there(path: str, sentence: str) -> None:
    root = build_tree(
        [
            entry("r"),
            entry("b", "r", "board"),
            entry("p", "b", "power"),
            entry("c", "b", "console"),
            entry("a", "r", "aux"),
        ]
    )
    with pytest.raises(NoSuchDriver) as caught:
        root.find(path)
    assert str(caught.value) == sentence
    assert isinstance(caught.value, AttributeError)


def test_drivers_in_each_other_have_a_limit() -> None:
    def chain(length: int) -> list[Any]:
        return [entry("0"), *(entry(str(number), str(number - 1), "d") for number in range(1, length + 1))]

    assert len(list(build_tree(chain(50)).walk())) == 51
    for length in (51, 3000):
        with pytest.raises(NoSuchDriver) as refused:
            build_tree(chain(length))
        assert str(refused.value) == (
            "The exporter reports drivers in each other, more than 50 deep. Its tree is unusable. Check its `export` "
            "configuration."
        )


def test_the_number_of_drivers_has_a_limit() -> None:
    reports = [entry("r"), *(entry(str(number), "r", f"d{number}", POWER) for number in range(20_000))]
    with pytest.raises(NoSuchDriver) as refused:
        build_tree(reports)
    assert str(refused.value) == "The exporter reports 20,001 drivers, and at most 20,000 can be used."
    root = build_tree(reports[:-1])
    with pytest.raises(NoSuchDriver) as missing:
        root.find("none")
    assert str(missing.value).endswith("d10012, d10013 and 19,979 more.")
    assert len(str(missing.value)) < 300


def test_a_driver_that_is_its_own_parent() -> None:
    root = build_tree([entry("a", "b", "a"), entry("b", "a", "b"), entry("a", "b", "c"), entry("a", "a", "s", POWER)])
    assert shape(root) == [("a", "a"), ("a.b", "b"), ("a.b.c", "a"), ("a.b.c.s", "a")]


def test_long_names_are_shortened_and_stay_apart() -> None:
    lengths = {"a": 5000, "b": 4999, "c": 200}
    root = build_tree([entry("r"), *(entry(uuid, "r", "x" * length) for uuid, length in lengths.items())])
    names = list(root.children)
    assert [name[:200] for name in names] == ["x" * 200] * 3
    assert [len(name) for name in names] == [213, 213, 200]
    assert len(set(names)) == 3
    assert root.find(names[0]).uuid == "a"
