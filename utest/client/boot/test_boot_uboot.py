"""U-Boot's prompt, when the line is bad: the sentences of what goes right are in atest/17."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.uboot import UBoot
from JumpstarterLibrary.client.boot.variables import get_variable, quoted, run_dhcp, set_variable
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.errors import BootFailed, CommandFailed, DeviceCrashed
from utest.client.boot.conftest import Line
from utest.client.serial_port import Port

LIMIT_S = 10.0

pytestmark = pytest.mark.usefixtures("skipping")


@pytest.fixture
def uboot(device: Device) -> UBoot:
    return UBoot(device.console(), "=>")


def test_a_command_with_output_and_status(uboot: UBoot, port: Port) -> None:
    line = Line({"bdinfo": ("one\ntwo\n", 3)})
    port.answer = line
    result = uboot.run("bdinfo", LIMIT_S)
    assert (result.command, result.stdout, result.status) == ("bdinfo", "one\ntwo", 3)
    assert 0 <= result.duration < LIMIT_S
    assert [command for command in line.ran if not command.startswith("echo JMP")] == ["#", "bdinfo"]


def test_a_missing_prompt_is_told_with_the_time_that_was_asked_for(uboot: UBoot) -> None:
    deadline = Deadline(0.05)  # less than a prompt is waited for
    with pytest.raises(CommandFailed, match=r"^There is no U-Boot prompt '=>' on console 'console' within 50 millis"):
        uboot.wake(deadline)
    assert deadline.expired
    with pytest.raises(CommandFailed, match=r"^There is no U-Boot prompt '=>' on console 'console' within 50 millis"):
        uboot.run("version", deadline)


def test_a_line_that_loses_characters_is_typed_again(uboot: UBoot, port: Port) -> None:
    line = Line({"version": ("U-Boot\n", 0)})
    lost = iter([b"version"])

    def deaf(data: bytes) -> bytes:
        return line(data[1:] if data == next(lost, b"") else data)

    port.answer = deaf
    assert uboot.run("version", LIMIT_S).stdout == "U-Boot"
    assert "ersion" not in line.ran


def test_a_line_that_never_arrives_is_not_entered(uboot: UBoot, port: Port) -> None:
    line = Line({"version": ("U-Boot\n", 0)})
    port.answer = lambda data: line(data.replace(b"v", b"w"))
    with pytest.raises(CommandFailed) as caught:
        uboot.run("version", LIMIT_S)
    assert str(caught.value) == (
        "What was typed did not arrive at U-Boot on console 'console', and was not run: typed 'version', shown "
        "'wersion'. It was tried 2 times."
    )
    assert set(line.ran) == {"#"}


def test_a_line_that_is_too_long_is_not_entered(uboot: UBoot, port: Port, skipping: MovableClock) -> None:
    line = Line(limit=20)
    port.answer = line
    with pytest.raises(CommandFailed) as caught:
        uboot.run("setenv a 0123456789abcdef", LIMIT_S)
    assert skipping.seconds() < 4
    assert str(caught.value) == (
        "U-Boot took only 20 of the 25 characters of 'setenv a 0123456789abcdef', which was not run. Its lines are no "
        "longer than that (CONFIG_SYS_CBSIZE). Split it, for example with variables."
    )
    assert set(line.ran) == {"#"}


def test_output_that_looks_like_a_prompt(uboot: UBoot, port: Port) -> None:
    port.answer = Line({"show": ("=> \n=> really\n\n", 0)})
    assert uboot.run("show", LIMIT_S).stdout == "=> \n=> really\n"


def test_a_pager_is_turned(uboot: UBoot, port: Port) -> None:
    line = Line({"long": ("", 0)})
    pages = iter([b"\r\nfirst\r\n: Press SPACE to continue", b"\r\nsecond\r\n=> "])

    def paged(data: bytes) -> bytes:
        if line.ran[-1:] != ["long"]:
            answer = line(data)
            return next(pages) if line.ran[-1:] == ["long"] else answer
        if data == b" ":
            line.ran.append("turned")
            return next(pages)
        return b""

    port.answer = paged
    assert uboot.run("long", LIMIT_S).stdout == "first\nsecond"


def test_a_shell_without_status(uboot: UBoot, port: Port) -> None:
    line = Line({"version": ("U-Boot\n", 0)})
    port.answer = lambda data: line(data).replace(b":0:", b"::")
    result = uboot.run("version", LIMIT_S)
    assert (result.stdout, result.status, result.rc) == ("U-Boot", None, None)


def test_a_command_that_hangs_is_interrupted_also_when_the_test_is(
    uboot: UBoot, port: Port, alarm: Any, skipping: MovableClock, eventually: Any
) -> None:
    line = Line()
    port.answer = lambda data: b"" if line.ran[-1:] == ["hang"] else line(data).replace(b"Unknown", b"")
    skipping.call_later(3.0, alarm.ring)
    with pytest.raises(alarm.Interruption):
        uboot.run("hang", LIMIT_S)
    assert line.ran[-1] == "hang"
    eventually(lambda: port.got.endswith(b"\x03"))


def test_a_board_that_restarts_gets_no_key(uboot: UBoot, port: Port) -> None:
    line = Line({"reset": ("resetting ...\n\nU-Boot SPL 2026.01\nHit any key to stop autoboot:  2 ", 0)})
    port.answer = lambda data: line(data).removesuffix(b"=> ") if data == b"\n" else line(data)
    with pytest.raises(
        CommandFailed, match=r"^The board restarted while U-Boot ran command 'reset': it said 'resetting"
    ):
        uboot.run("reset", LIMIT_S)
    assert port.got.endswith(b"reset\n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "'plain'"),
        ("two words", "'two words'"),
        ("it's", r"'it'\''s'"),
        ("a\\b", r"'a'\\'b'"),
        ("'", r"\'"),
        ("${x}; reset", "'${x}; reset'"),
    ],
)
def test_values_are_one_word(value: str, expected: str) -> None:
    assert quoted(value) == expected


def test_a_variable_that_was_not_taken(uboot: UBoot, port: Port) -> None:
    port.answer = Line({"setenv a 'new'": ("", 0), "printenv a": ("a=old\n", 0)})
    with pytest.raises(CommandFailed) as caught:
        set_variable(uboot, "a", "new", LIMIT_S)
    assert str(caught.value) == "U-Boot did not take variable 'a': it was set to 'new', and is 'old'."


def test_a_variable_that_is_refused(uboot: UBoot, port: Port) -> None:
    port.answer = Line({"setenv ethaddr 'x'": ('## Error: Can\'t overwrite "ethaddr"\n', 1)})
    with pytest.raises(CommandFailed) as caught:
        set_variable(uboot, "ethaddr", "x", LIMIT_S)
    assert str(caught.value) == (
        "U-Boot's command 'setenv ethaddr 'x'' ended with status 1, not 0. It printed:\n"
        '  ## Error: Can\'t overwrite "ethaddr"'
    )


def test_an_answer_that_tells_no_variable(uboot: UBoot, port: Port) -> None:
    port.answer = Line({"printenv a": ("Usage: printenv\n", 1)})
    with pytest.raises(CommandFailed) as caught:
        get_variable(uboot, "a", LIMIT_S)
    assert str(caught.value) == "U-Boot does not tell variable 'a'. It said: 'Usage: printenv'."


def environment(**values: str | None) -> dict[str, tuple[str, int]]:
    found = {}
    for name, value in values.items():
        undefined = f'## Error: "{name}" not defined\n'
        found[f"printenv {name}"] = (undefined, 1) if value is None else (f"{name}={value}\n", 0)
    return found


NO_AUTOLOAD = {"setenv autoload 'no'": ("", 0), "setenv autoload": ("", 0)}


def autoload(commands: dict[str, tuple[str, int]]) -> Callable[[bytes], bytes]:
    """A line whose variable follows what is set."""
    line = Line(commands | NO_AUTOLOAD)

    def answer(data: bytes) -> bytes:
        is_set = "setenv autoload 'no'" in line.ran and "setenv autoload" not in line.ran
        line.commands |= environment(autoload="no" if is_set else None)
        return line(data)

    return answer


def test_dhcp_without_a_netmask(uboot: UBoot, port: Port) -> None:
    answers = environment(ipaddr="10.0.0.2", gatewayip="10.0.0.1", netmask=None)
    port.answer = autoload({"dhcp": ("", 0), **answers})
    network = run_dhcp(uboot, 3, LIMIT_S)
    assert (network.address, network.gateway, network.netmask) == ("10.0.0.2", "10.0.0.1", "255.255.255.0")
    assert str(network) == "10.0.0.2"


def test_dhcp_without_a_gateway(uboot: UBoot, port: Port) -> None:
    answers = environment(ipaddr="10.0.0.2", gatewayip=None, netmask=None)
    port.answer = autoload({"dhcp": ("", 0), **answers})
    with pytest.raises(BootFailed) as caught:
        run_dhcp(uboot, 3, LIMIT_S)
    assert str(caught.value) == "U-Boot got no gateway by DHCP: its variable 'gatewayip' is not defined."


def test_dhcp_is_tried_again_and_its_variable_restored(uboot: UBoot, port: Port) -> None:
    answer = autoload({"dhcp": ("Retry time exceeded\n", 1), "sleep 2": ("", 0)})
    port.answer = answer
    with pytest.raises(BootFailed) as caught:
        run_dhcp(uboot, 3, LIMIT_S)
    assert str(caught.value) == "U-Boot got no address by DHCP in 3 tries. It said: 'Retry time exceeded'."
    typed = port.got.decode()
    assert (typed.count("dhcp\n"), typed.count("sleep 2\n")) == (3, 2)
    assert typed.rindex("setenv autoload\n") > typed.rindex("dhcp\n")


def test_a_command_that_starts_a_kernel_does_not_come_back(uboot: UBoot, port: Port, skipping: MovableClock) -> None:
    line = Line()
    failed = b"Unknown command 'bootm' - try 'help'\r\n=> "
    port.answer = lambda data: line(data).replace(failed, b"\r\nStarting kernel ...\r\n\r\n")
    with pytest.raises(CommandFailed) as caught:
        uboot.run("bootm", LIMIT_S)
    assert skipping.seconds() < 2
    assert str(caught.value) == (
        "U-Boot's command 'bootm' has started a kernel, and does not come back. To start a system, use "
        "boot_from_uboot()."
    )
    assert b"\x03" not in port.got


def test_a_crash_tells_what_was_awaited(uboot: UBoot, port: Port) -> None:
    uboot.console.fail_on("u-boot", [FailingPattern.of("data abort")])
    line = Line()
    port.answer = lambda data: line(data).replace(
        b"Unknown command 'md' - try 'help'\r\n=> ", b"data abort\r\npc : [<4ffb27d8>]\r\n"
    )
    with pytest.raises(DeviceCrashed) as caught:
        uboot.run("md", LIMIT_S)
    assert str(caught.value).startswith(
        "The device crashed while the end of U-Boot's command 'md' was awaited: console 'console' said 'data abort' "
    )
    assert caught.value.line == "data abort"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("reset", "The board restarted while U-Boot ran command 'reset': it said 'U-Boot SPL 2026.01 ********'. "),
        ("version", "What was typed did not arrive at U-Boot on console 'console', and was not run: typed 'version', "),
    ],
)
def test_a_typed_secret_is_in_no_message(uboot: UBoot, port: Port, command: str, sentence: str) -> None:
    uboot.console.write(b"hunter2-secret\n", secret=True)
    line = Line({"reset": ("U-Boot SPL 2026.01 hunter2-secret\nHit any key to stop autoboot:  2 ", 0)})
    port.answer = lambda data: line(data.replace(b"v", b"hunter2-secret "))
    with pytest.raises(CommandFailed) as caught:
        uboot.run(command, LIMIT_S)
    assert str(caught.value).startswith(sentence)
    assert "********" in str(caught.value)
    assert "hunter2" not in str(caught.value)
