"""Why a selector finds nothing, in a phrase."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.selectors import nearest, parse_selector

LAB = {
    "rpi-1": {"board": "rpi4", "os": "linux", "site": "x"},
    "rpi-2": {"board": "rpi4", "os": "android", "site": "x"},
    "imx-1": {"board": "imx8", "os": "linux", "site": "x"},
    "odd": {"board": "", "site": "x"},
}


@pytest.mark.parametrize(
    ("selector", "phrase"),
    [
        ("board=rpi5", "no exporter has board=rpi5; 2 have board=rpi4, 1 has board=imx8, 1 has an empty board"),
        ("board=imx9", "no exporter has board=imx9; 1 has board=imx8, 2 have board=rpi4, 1 has an empty board"),
        ("os in (qnx,vx)", "no exporter has os in (qnx,vx); 2 have os=linux, 1 has os=android"),
        ("bord=rpi4", "no exporter has a label 'bord' (there is 'board')"),
        ("colour", "no exporter has a label 'colour'"),
        ("!site", "every exporter has the label 'site'"),
        ("site!=x", "every exporter has site=x"),
        ("board notin (rpi4,imx8,)", "every exporter has board in (,imx8,rpi4)"),
        (
            "board=rpi4,os=qnx,site=y",
            "no exporter has os=qnx; 2 have os=linux, 1 has os=android; no exporter has site=y; 4 have site=x",
        ),
        ("a,b,c,board=rpi4", "no exporter has a label 'a'; no exporter has a label 'b'"),
        ("board=", "1 exporter matches: odd"),
        (
            "board=imx8,os=android",
            "no exporter meets all of it; without 'board=imx8' 1 would match: rpi-2 (board=rpi4)",
        ),
        (
            "board=rpi4,!os",
            "no exporter meets all of it; without '!os' 2 would match: rpi-1 (os=linux), rpi-2 (os=android)",
        ),
        (
            "board=,os",
            "no exporter meets all of it; without 'board=' 3 would match: rpi-1 (board=rpi4), "
            "rpi-2 (board=rpi4), imx-1 (board=imx8)",
        ),
        (
            "board!=rpi4,board!=imx8,os=linux",
            "no exporter meets all of it; without 'board notin (imx8,rpi4)' 2 would "
            "match: rpi-1 (board=rpi4), imx-1 (board=imx8)",
        ),
        ("board=rpi4", "2 exporters match: rpi-1, rpi-2"),
        ("os=android", "1 exporter matches: rpi-2"),
        ("", "4 exporters match: rpi-1, rpi-2, imx-1 and 1 more"),
    ],
)
def test_what_keeps_a_selector_from_finding_an_exporter(selector: str, phrase: str) -> None:
    assert nearest(parse_selector(selector), LAB) == phrase


def test_a_label_that_is_missing() -> None:
    lab = {"a": {"board": "x"}, "b": {"os": "linux"}}
    assert nearest(parse_selector("board=x,os=linux"), lab) == (
        "no exporter meets all of it; without 'os=linux' 1 would match: a (no os)"
    )


def test_one_that_comes_nearest() -> None:
    lab = {"a": {"x": "1"}, "b": {"y": "1"}, "c": {"z": "1", "x": "2"}}
    assert nearest(parse_selector("x=1,y=1,z=1"), lab) == (
        "no exporter meets all of it; 'a' comes nearest but lacks y=1, z=1"
    )


def test_no_exporters_at_all() -> None:
    assert nearest(parse_selector("board=rpi4"), {}) == "there are no exporters"


def test_the_phrase_is_bounded() -> None:
    lab = {f"exporter-{number}": {"board": f"{number}-{'x' * 20}"} for number in range(300)}
    values = ",".join(f"{number}-{'y' * 50}" for number in range(50))
    assert len(nearest(parse_selector(f"board in ({values})"), lab)) == 300
    phrase = nearest(parse_selector("board=301-x"), lab)
    assert phrase.endswith(" and 296 more")
