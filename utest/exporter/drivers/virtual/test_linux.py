from __future__ import annotations

import re

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.hardware import BoardActivity
from JumpstarterLibrary.exporter.drivers.virtual.image import make_image
from JumpstarterLibrary.exporter.drivers.virtual.medium import Side

PROMPT = "root@virtual:~# "


def test_boots_to_the_login_prompt(run, bench) -> None:
    async def scenario() -> None:
        async with bench(make_image(hostname="bench-7", version="2.1", log=["adc0: 8 channels"])) as board:
            said = await board.until("bench-7 login: ")
            assert "\n[    0.000000] Linux version 6.18.0-virtual " in said
            assert "\nWelcome to Virtual Linux 2.1!\n" in said
            assert said.endswith("\nVirtual Linux 2.1 bench-7 ttyS0\n\n")
            assert re.search(r"\n\[    1\.4\d{5}\] adc0: 8 channels\n", said)
            stamps = [float(stamp) for stamp in re.findall(r"^\[ *(\d+\.\d{6})\]", said, re.MULTILINE)]
            assert stamps == sorted(stamps)
            assert 5 < board.clock.now() < 7

    run(scenario())


def test_what_was_typed_during_the_boot_is_dropped(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.until("Starting kernel")
            await board.type("root\r")
            await board.until("virtual login: ")
            assert await board.silence(60) == ""

    run(scenario())


def test_login(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.until("virtual login: ")
            await board.type("root\r")
            assert await board.until("Password: ") == "root\n"
            start = board.clock.now()
            await board.type("wrong\r")
            assert await board.until("virtual login: ") == "\n\nLogin incorrect\n"
            assert board.clock.now() - start == pytest.approx(1, abs=0.01)
            for key in ("\r", "\x03", "\x04"):
                await board.type(key)
                await board.until("virtual login: ")
            await board.type("ROOT\r")
            await board.until("Password: ")
            await board.type("root\r")
            assert await board.until("virtual login: ") == "\n\nLogin incorrect\n"
            await board.type("root\rroot\r")
            await board.until(PROMPT)

    run(scenario())


def test_login_without_password(run, bench) -> None:
    async def scenario() -> None:
        async with bench(make_image(user="tester", password="")) as board:
            await board.until("virtual login: ")
            await board.type("tester\r")
            assert await board.until("tester@virtual:~$ ") == "tester\n"

    run(scenario())


def test_unprivileged_user_is_refused_what_needs_root(run, bench) -> None:
    async def scenario() -> None:
        async with bench(make_image(user="tester", password="")) as board:
            await board.until("virtual login: ")
            await board.type("tester\rreboot; echo x > /etc/issue; echo c > /proc/sysrq-trigger; id -un; pwd\r")
            said = await board.until("/home/tester\n")
            assert said.splitlines()[2:] == [
                "reboot: Operation not permitted",
                "sh: /etc/issue: Permission denied",
                "sh: /proc/sysrq-trigger: Permission denied",
                "tester",
            ]

    run(scenario())


@pytest.mark.parametrize("leave", ["exit\r", "logout\r", "\x04", "exit 3\r"])
def test_leaving_the_shell_returns_to_login(run, bench, leave: str) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.shell("stty -echo")
            await board.type(leave)
            assert await board.until("virtual login: ") == "\n" * (len(leave) > 1) + (
                "logout\n\nVirtual Linux 1.0 virtual ttyS0\n\n"
            )
            await board.type("root\r")
            assert await board.until("Password: ") == "root\n"

    run(scenario())


def test_prompt_is_configured_and_follows_directory_and_ps1(run, bench) -> None:
    async def scenario() -> None:
        async with bench(prompt=r"\u:\w\$ ") as board:
            await board.until("login: ")
            await board.type("root\rroot\r")
            await board.until("root:~# ")
            await board.type("cd /tmp\r")
            await board.until("root:/tmp# ")
            await board.type("PS1='> '\r")
            assert await board.until("> '\n> ") == "PS1='"

    run(scenario())


def test_bracketed_paste(run, bench) -> None:
    async def scenario() -> None:
        async with bench(bracketed_paste=True) as board:
            await board.login()
            await board.type("echo x\r")
            assert await board.until("# ") == "echo x\n\x1b[?2004l\rx\n\x1b[?2004hroot@virtual:~"

    run(scenario())


def test_reboot_starts_over_with_a_fresh_system(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.shell("echo lost > /tmp/f; echo kept > /data/f")
            await board.type("hostname other; reboot\r")
            said = await board.until("U-Boot SPL")
            assert re.search(
                r"The system is going down NOW!\n.*\n\[ +\d+\.\d{6}\] reboot: Restarting system\n\n$", said
            )
            await board.login()
            assert await board.shell("cat /tmp/f /data/f") == "cat: /tmp/f: No such file or directory\n"
            assert await board.shell("cat /data/f") == "kept\n"

    run(scenario())


@pytest.mark.parametrize("word", ["poweroff", "halt"])
def test_power_down_is_silent_until_the_power_is_cut(run, bench, word: str) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.type(f"{word}\r")
            await board.until({"poweroff": "reboot: Power down\n", "halt": "reboot: System halted\n"}[word])
            await board.type("hello\r")
            assert await board.silence(1000) == ""
            assert board.machine.state is BoardActivity.HALTED
            board.machine.power_off()
            board.machine.power_on()
            await board.login()

    run(scenario())


def test_power_cut_loses_what_was_not_synced(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.shell("echo kept > /data/kept; sync; echo lost > /data/lost; echo lost > /root/lost")
            board.machine.power_off()
            assert await board.silence(10) == ""
            board.machine.power_on()
            await board.login()
            assert await board.shell("ls /data; ls ~") == "kept\n"

    run(scenario())


def test_crash_prints_a_trace_and_hangs(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.type("echo c > /proc/sysrq-trigger\r")
            said = await board.until("---[ end Kernel panic - not syncing: sysrq triggered crash ]---\n")
            assert "] sysrq: Trigger a crash\n" in said
            assert "] Kernel panic - not syncing: sysrq triggered crash\n" in said
            assert "PID: 1 Comm: sh Not tainted" in said
            assert "] Call trace:\n" in said
            await board.type("hello\r")
            assert await board.silence(1000) == ""
            assert board.machine.state is BoardActivity.HUNG

    run(scenario())


def test_crash_reboots_after_the_panic_timeout(run, bench) -> None:
    async def scenario() -> None:
        async with bench(make_image(cmdline="panic=5")) as board:
            await board.login()
            await board.type("echo c > /proc/sysrq-trigger\r")
            await board.until("Rebooting in 5 seconds..\n")
            start = board.clock.now()
            await board.until("U-Boot SPL")
            assert board.clock.now() - start == pytest.approx(5.1, abs=0.01)

    run(scenario())


@pytest.mark.parametrize(("key", "said"), [("b", "U-Boot SPL"), ("s", "Emergency Sync\n"), ("?", "sysrq: HELP : ")])
def test_other_sysrq_keys(run, bench, key: str, said: str) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.type(f"echo {key} > /proc/sysrq-trigger\r")
            await board.until(said)

    run(scenario())


def test_image_that_panics_during_the_boot(run, bench) -> None:
    async def scenario() -> None:
        async with bench(make_image(panic="Attempted to kill init!")) as board:
            said = await board.until("---[ end Kernel panic - not syncing: Attempted to kill init! ]---\n")
            assert "Run /sbin/init as init process\n" in said
            assert await board.silence(1000) == ""

    run(scenario())


def test_medium_that_goes_during_the_boot_leaves_no_root(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.until("Machine model")
            board.medium.switch(Side.HOST)
            await board.until("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(179,2)\n")

    run(scenario())


def test_medium_that_goes_from_a_running_system_makes_errors(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            board.medium.switch(Side.HOST)
            said = await board.until("reading directory lblock 0\n")
            assert "] mmc0: card b368 removed\n" in said
            assert "] I/O error, dev mmcblk0, sector 532480 " in said
            assert await board.shell("ls /data; echo $?") == "ls: /data: Input/output error\n1\n"
            assert await board.shell("echo x > /data/x") == "sh: /data/x: Input/output error\n"
            board.medium.switch(Side.BOARD)
            await board.until("mmc0: new high speed SDHC card at address b368\n")
            assert await board.shell("ls /data; echo $?") == "0\n"

    run(scenario())


def test_noise_comes_unasked_and_breaks_into_output(run, bench) -> None:
    async def scenario() -> None:
        async with bench(noise=0.2) as board:
            await board.until("login: ")
            said = await board.silence(2.05)
            lines = re.findall(r"^\[ +(\d+\.\d{6})\] .+$", said, re.MULTILINE)
            assert len(lines) == 10
            await board.type("root\rroot\r")
            await board.until("# ")
            await board.clock.sleep(0.15)
            await board.type("dmesg -n 1; echo quiet\r")
            broken = re.sub(r"\[ +\d+\.\d{6}\] [^\n]+\n", "", await board.until("# "))
            assert "quiet\n" in broken
            before = await board.shell("dmesg | wc -l")
            assert await board.silence(10) == ""
            assert int(await board.shell("dmesg | wc -l")) - int(before) >= 40

    run(scenario())


def test_kernel_line_lands_in_the_middle_of_a_marker(run, bench) -> None:
    async def scenario() -> None:
        async with bench(noise=100) as board:
            await board.login()
            await board.type("sleep 70; echo MARKER\r")
            await board.until("echo MARKER\n")
            assert re.fullmatch(r"MARK\[ +\d+\.\d{6}\] .+\nER\n", await board.until("root@"))

    run(scenario())


def test_slow_console_stops_in_the_middle_of_a_line(run, bench) -> None:
    async def scenario() -> None:
        async with bench(baudrate=1200) as board:
            await board.until("42 devices")
            board.machine.power_off()
            said = await board.silence(10)
            assert not said.endswith("\n")

    run(scenario())
