"""HTML builders: pure functions, tested as strings."""

from __future__ import annotations

from JumpstarterLibrary.reporting.html import device_tree, readings_table, table, transcript_link
from JumpstarterLibrary.types import DriverInfo, PowerReading


def test_everything_is_escaped() -> None:
    html = table("<caption>", ("<head>",), [("<cell>",)])
    assert "&lt;caption&gt;" in html
    assert "&lt;head&gt;" in html
    assert "&lt;cell&gt;" in html


def test_tree_indents_children_and_names_the_root() -> None:
    html = device_tree(
        "board",
        "/run/socket",
        [DriverInfo("", "a.b.CompositeClient"), DriverInfo("dutlink.power", "a.b.PowerClient", "the supply")],
    )
    assert "Device &#x27;board&#x27;, exporter &#x27;/run/socket&#x27;" in html
    assert ">(root)<" in html
    assert ">\xa0\xa0\xa0\xa0power<" in html
    assert ">PowerClient<" in html
    assert ">the supply<" in html


def test_readings_have_units() -> None:
    html = readings_table([PowerReading(5.0, 0.5)])
    for text in (">V<", ">A<", ">W<", ">5.000<", ">0.500<", ">2.500<"):
        assert text in html


def test_link_is_relative_and_quoted() -> None:
    assert transcript_link("dutlink.console", 'a"b.log', "a<b.timed.log") == (
        "Console 'dutlink.console': <a href=\"a&quot;b.log\">transcript</a>, "
        '<a href="a&lt;b.timed.log">with times and what was typed</a>'
    )
