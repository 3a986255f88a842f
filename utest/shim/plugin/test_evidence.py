"""What the board and the exporter said is in the report of the test that failed, and the facts are in JUnit's."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from JumpstarterLibrary.client.devices.event_log import read_event_log
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard, make_image
from JumpstarterLibrary.lab import LabExporter, VirtualLab

pytest_plugins = "pytester"

pytestmark = pytest.mark.usefixtures("forked")

Enter = Callable[[Driver], str]


@dataclass(kw_only=True)
class Talker(Driver):
    """A driver whose log says what it is told."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter.client.base.StubDriverClient"

    @export
    def say(self, text: str) -> None:
        self.logger.info("%s", text)


def bench() -> Driver:
    return Composite(
        children={
            "talker": Talker(),
            "power": MockPower(),
            "dutlink": VirtualBoard(speed=50, preinstalled={"hostname": "bench-7"}),
        }
    )


SUITE = """
    import pytest
    from jumpstarter_driver_network.adapters import PexpectAdapter
    from jumpstarter_testing import JumpstarterTest

    class TestBoard(JumpstarterTest):
        {attributes}

        @pytest.fixture
        def console(self, client):
            with PexpectAdapter(client=client.dutlink.console) as console:
                yield console

        def test_boots(self, client, console):
            client.talker.say("a word of the first test")
            client.dutlink.power.on()
            console.expect("login:", timeout=10)

        def test_logs_in(self, client, console):
            client.talker.say("a word of the second test")
            console.sendline("root")
            console.expect("Password:", timeout=10)
            console.sendline("root")
            console.expect("# ", timeout=10)
            console.sendline("echo again")
            console.expect("never said", timeout=1)

        def test_other(self, client):
            assert client.power is None
"""


def sections(result: pytest.RunResult, test: str) -> dict[str, list[str]]:
    """Return the sections of the report of one failed test."""
    lines = result.outlines
    begin = next(number for number, line in enumerate(lines) if line.strip("_ ").endswith(test) and "__" in line)
    found: dict[str, list[str]] = {}
    title = ""
    for line in lines[begin + 1 :]:
        if line.startswith(("____", "====")):
            break
        if line.startswith("----"):
            title = line.strip("- ")
        elif title:
            found.setdefault(title, []).append(line)
    return found


def test_a_failed_test_has_what_was_said_during_it(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(bench())
    pytester.makepyfile(SUITE.format(attributes=""))
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(passed=1, failed=2)
    found = sections(result, "TestBoard.test_logs_in")
    console = "\n".join(found["Console 'dutlink.console'"])
    assert "Password:" in console
    assert "again" in console
    assert "U-Boot" not in console
    log = "\n".join(found["Exporter log"])
    assert "a word of the second test" in log
    assert "a word of the first test" not in log
    assert "Console 'dutlink.console'" not in sections(result, "TestBoard.test_other")


def test_a_folder_gets_the_event_log_and_the_transcripts(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(bench())
    pytester.makepyfile(SUITE.format(attributes=""))
    pytester.makeini("[pytest]\njumpstarter_evidence = elsewhere\n")
    pytester.runpytest("-W", "error", "--jumpstarter-evidence=evidence").assert_outcomes(passed=1, failed=2)
    assert not (pytester.path / "elsewhere").exists()
    folder = pytester.path / "evidence" / "device"
    entries = list(read_event_log(folder / "events.jsonl"))
    events = [entry["event"] for entry in entries]
    assert events[:2] == ["opened", "link"]
    assert events[-1] == "closed"
    assert {"call", "answer", "power", "exporter_log"} <= {*events}
    assert [entry["name"] for entry in entries if entry["event"] == "mark"] == ["test_start"] * 2
    consoles = [entry for entry in entries if entry["event"] == "console"]
    assert {(entry["driver"], entry["file"]) for entry in consoles} == {
        ("dutlink.console", "dutlink.console-stream.log")
    }
    transcript = (folder / "dutlink.console-stream.log").read_bytes()
    assert sum(entry["length"] for entry in consoles) == len(transcript)
    assert b"U-Boot" in transcript
    assert "login:" in (folder / "dutlink.console-stream.timed.log").read_text()


def test_a_folder_beside_the_ini_file(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(bench())
    pytester.makepyfile(SUITE.format(attributes=""))
    pytester.makeini("[pytest]\njumpstarter_evidence = evidence\n")
    result = pytester.runpytest("-W", "error", "-k", "test_boots", "--jumpstarter-log-lines=0")
    result.assert_outcomes(passed=1, deselected=2)
    assert [path.name for path in (pytester.path / "evidence").iterdir()] == ["device"]


def test_what_was_said_is_bounded(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(bench())
    pytester.makepyfile(
        """
        from jumpstarter_driver_network.adapters import PexpectAdapter
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            def test_boots(self, client):
                for number in range(10):
                    client.talker.say(f"line {number}")
                with PexpectAdapter(client=client.dutlink.console) as console:
                    client.dutlink.power.off()
                    client.dutlink.power.on()
                    console.expect("login:", timeout=10)
                assert client is None
        """
    )
    result = pytester.runpytest("-W", "error", "--jumpstarter-console-lines=3", "--jumpstarter-log-lines=4")
    found = sections(result, "TestBoard.test_boots")
    assert len(found["Console 'dutlink.console'"]) == 4
    assert found["Console 'dutlink.console'"][0].endswith(" earlier lines left out)")
    assert found["Console 'dutlink.console'"][-1].startswith("bench-7 login:")
    assert found["Exporter log"][0].endswith(" earlier lines left out)")
    assert len(found["Exporter log"]) == 5
    pytester.makeini("[pytest]\njumpstarter_console_lines = 0\njumpstarter_log_lines = 0\n")
    assert sections(pytester.runpytest("-W", "error", "-p", "no:logging"), "TestBoard.test_boots") == {}


def test_a_session_by_hand_is_kept_as_well(pytester: pytest.Pytester, shell: Enter) -> None:
    shell(bench())
    pytester.makepyfile(
        """
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            def test_boots(self, client):
                with client.dutlink.console.stream() as stream:
                    client.dutlink.power.on()
                    heard = b""
                    while b"login:" not in heard:
                        heard += stream.receive()
                assert client is None
        """
    )
    found = sections(pytester.runpytest("-W", "error"), "TestBoard.test_boots")
    assert any("U-Boot" in line for line in found["Console 'dutlink.console'"])


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualLab]:
    before = HookInstanceConfigV1Alpha1(script="echo plugging it in", timeout=10)
    broken = HookInstanceConfigV1Alpha1(script="sleep 0.5; echo no power; exit 3", timeout=10, on_failure="endLease")
    exporters = [
        LabExporter(name="bench-7", labels={"board": "b"}, driver=bench, before_lease=before),
        LabExporter(name="bench-8", labels={"board": "broken"}, driver=bench, before_lease=broken),
    ]
    with VirtualLab(exporters) as lab:
        for name, value in lab.environment(tmp_path_factory.mktemp("config")).items():
            monkeypatch.setenv(name, value)
        yield lab


def test_a_leased_board_tells_its_hooks_too(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    token = lab.client_config()["token"]
    pytester.makepyfile(
        """
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            selector = "board=b"

            def test_first(self, client):
                settings = client.stub.device.lease.controller.settings
                client.talker.say("token " + settings.token)
                assert client is None

            def test_second(self, client):
                assert client is None
        """
    )
    result = pytester.runpytest("-W", "error", "--show-capture=all", "-p", "no:logging")
    result.assert_outcomes(failed=2)
    first = sections(result, "TestBoard.test_first")
    assert any("plugging it in" in line for line in first["Hook output"])
    assert any(line.endswith("token ********") for line in first["Exporter log"])
    assert token not in result.stdout.str()
    assert "Hook output" not in sections(result, "TestBoard.test_second")


def test_a_hook_that_fails_is_in_the_report(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(
        """
        from jumpstarter_testing import JumpstarterTest

        class TestBoard(JumpstarterTest):
            selector = "board=broken"

            def test_first(self, client):
                pass
        """
    )
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(errors=1)
    found = sections(result, "ERROR at setup of TestBoard.test_first")
    assert any("no power" in line for line in found["Hook output"])


def properties(pytester: pytest.Pytester) -> dict[str | None, list[tuple[str | None, str | None]]]:
    """Return the properties in JUnit's file: of tests by name, of the suite by None."""
    suite = ET.parse(pytester.path / "junit.xml").getroot()[0]
    found: dict[str | None, list[tuple[str | None, str | None]]] = {
        case.get("name"): [(one.get("name"), one.get("value")) for one in case.iter("property")]
        for case in suite.iter("testcase")
    }
    found[None] = [(one.get("name"), one.get("value")) for one in suite.findall("properties/property")]
    return found


IMAGES = """
    from jumpstarter_testing import JumpstarterTest

    class TestBoard(JumpstarterTest):
        selector = "board=b"

        def test_writes(self, client):
            client.dutlink.storage.write_local_file("fw.img")

        def test_writes_again(self, client):
            client.dutlink.storage.write_local_file("other.img")
            client.dutlink.storage.write_local_file("fw.img")

        def test_reads(self, client):
            client.power.on()

        def test_needs_nothing(self):
            pass
"""


# With workers, which are processes, it takes some seconds.
@pytest.mark.parametrize("extra", [[], ["-n", "2"], ["--reruns=1"]])
def test_facts_are_properties_of_each_test(pytester: pytest.Pytester, lab: VirtualLab, extra: list[str]) -> None:
    images = {"fw.img": make_image(hostname="bench-7"), "other.img": make_image(hostname="bench-8")}
    for name, data in images.items():
        (pytester.path / name).write_bytes(data)
    digests = {name: f"{name} sha256:{hashlib.sha256(data).hexdigest()}" for name, data in images.items()}
    pytester.makepyfile(IMAGES)
    result = pytester.runpytest_subprocess("-W", "error", "--junitxml=junit.xml", *extra)
    result.assert_outcomes(passed=4)
    (lease,) = lab.leases()
    board = [
        ("jumpstarter.device", "board=b"),
        ("jumpstarter.exporter", "bench-7"),
        ("jumpstarter.lease", lease.name),
        ("jumpstarter.mode", "lease"),
    ]
    found = properties(pytester)
    assert found["test_writes"] == [*board, ("jumpstarter.image", digests["fw.img"])]
    assert found["test_writes_again"] == [
        *board,
        ("jumpstarter.image", digests["other.img"]),
        ("jumpstarter.image", digests["fw.img"]),
    ]
    assert found["test_reads"] == board
    assert found["test_needs_nothing"] == []
    assert found[None] == board


def test_a_shell_tells_which_board_it_has(
    pytester: pytest.Pytester, shell: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell(bench())
    monkeypatch.setenv("JMP_EXPORTER", "bench-7")
    monkeypatch.setenv("JMP_EXPORTER_LABELS", "board=rpi4,rack=2")
    monkeypatch.setenv("JMP_LEASE", "01")
    pytester.makepyfile(IMAGES)
    (pytester.path / "fw.img").write_bytes(b"1")
    (pytester.path / "other.img").write_bytes(b"2")
    pytester.runpytest("-W", "error", "--junitxml=junit.xml").assert_outcomes(passed=4)
    assert properties(pytester)["test_reads"] == [
        ("jumpstarter.device", "board=rpi4,rack=2"),
        ("jumpstarter.exporter", "bench-7"),
        ("jumpstarter.lease", "01"),
        ("jumpstarter.mode", "shell"),
    ]
