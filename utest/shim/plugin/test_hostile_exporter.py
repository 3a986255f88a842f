"""What a hostile exporter says acts neither on pytest's terminal nor in its reports."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from JumpstarterLibrary.printable import printable
from utest.hostile_exporter import CONSOLE, hostile_exporter

pytest_plugins = "pytester"

pytestmark = pytest.mark.usefixtures("forked")

SUITE = """
    from jumpstarter_testing import JumpstarterTest

    class TestHostile(JumpstarterTest):
        def test_call(self, client):
            client.power.on()

        def test_value(self, client):
            assert client.any.call("value") == ""

        def test_console(self, client):
            with client.console.pexpect() as console:
                console.expect("READY", timeout=10)
                console.expect("never", timeout=0.5)

        def test_names(self, client):
            assert client.children.keys() == []
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with hostile_exporter(str(tmp_path / "hostile.sock")) as path:
        monkeypatch.setenv("JUMPSTARTER_HOST", path)
        yield path


@pytest.mark.usefixtures("host")
def test_nothing_acts_on_the_terminal_or_in_a_report(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    result = pytester.runpytest("-rA", "--log-level=DEBUG", "--junitxml=junit.xml", "--jumpstarter-evidence=evidence")
    result.assert_outcomes(failed=3, errors=1)
    for line in result.outlines + result.errlines:
        # pexpect's own report of its buffers is Python's, which escapes.
        assert printable(line) == line
    for element in ET.parse(pytester.path / "junit.xml").iter():
        for text in (element.text or "", *element.attrib.values()):
            assert printable(text) == text
    assert "test_call" in result.stdout.str()
    result.stdout.fnmatch_lines(["*'on' of driver 'power' failed on the exporter: detailsRED?x9b31m*end line two."])
    events = (pytester.path / "evidence" / "device" / "events.jsonl").read_text()
    assert printable(events) == events
    assert (pytester.path / "evidence" / "device" / "console-stream.log").read_bytes() == CONSOLE
