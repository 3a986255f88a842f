from __future__ import annotations

import asyncio

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.hardware import BoardActivity
from JumpstarterLibrary.exporter.drivers.virtual.image import make_image
from JumpstarterLibrary.exporter.drivers.virtual.medium import Side
from JumpstarterLibrary.exporter.drivers.virtual.uboot.commands import COMMANDS

BOOT_COMMAND = "mmc dev 0 && mmc read ${loadaddr} 0 0x800 && bootm ${loadaddr}"


def test_counts_down_and_boots(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            start = board.clock.now()
            said = await board.until("Starting kernel ...")
            assert "\nU-Boot SPL 2026.01 (virtual board)\nTrying to boot from SPI\n" in said
            assert "\nU-Boot 2026.01 (virtual board)\n" in said
            assert "\nDRAM:  1 GiB\n" in said
            assert "Hit any key to stop autoboot:  2 \b\b\b 1 \b\b\b 0 \n" in said
            assert 2.5 < board.clock.now() - start < 3.5

    run(scenario())


@pytest.mark.parametrize("key", [" ", "\r", "\x1b", "x", "\x03"])
def test_any_key_stops_the_countdown_and_is_used_up(run, bench, key: str) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.until("autoboot:  2 ")
            await board.clock.sleep(0.5)
            await board.type(key)
            assert await board.until("\n=> ") == "\b\b\b 0 "
            assert await board.loader("echo $?") == "0\n"
            assert board.machine.state is BoardActivity.LOADER

    run(scenario())


def test_key_pressed_before_the_countdown_counts(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.until("U-Boot SPL")
            await board.type("\x1b")
            assert "autoboot:  2 \b\b\b 0 \n" in await board.until("=> ")

    run(scenario())


@pytest.mark.parametrize(
    ("delay", "said"), [("0", "autoboot:  0 \n"), ("-2", "eth0: ethernet@1a000000\nswitch"), ("x", "autoboot:  2 ")]
)
def test_boot_delay(run, bench, delay: str, said: str) -> None:
    async def scenario() -> None:
        async with bench(environment={"bootdelay": delay}) as board:
            assert said in await board.until("Starting kernel")

    run(scenario())


def test_boot_delay_minus_one_stays_at_the_prompt(run, bench) -> None:
    async def scenario() -> None:
        async with bench(environment={"bootdelay": "-1"}) as board:
            assert "autoboot" not in await board.until("=> ")
            assert await board.silence(100) == ""

    run(scenario())


COMMAND_CASES = [
    ("echo hello  world", "hello world\n"),
    ("echo -n a; echo b", "ab\n"),
    ("", ""),
    ("#", ""),
    ("foo bar", "Unknown command 'foo' - try 'help'\n"),
    ("foo; echo $?", "Unknown command 'foo' - try 'help'\n1\n"),
    ("false || echo failed", "failed\n"),
    ("true && echo fine", "fine\n"),
    ("echo ${arch} $board \"${arch} x\" '${arch}'", "arm virtual arm x ${arch}\n"),
    ("setenv a 'x  y' z; printenv a", "a=x  y z\n"),
    ("setenv a 1; setenv a; printenv a", '## Error: "a" not defined\n'),
    ("printenv a b; echo $?", '## Error: "a" not defined\n## Error: "b" not defined\n1\n'),
    ("printenv bootdelay bootcmd", f"bootdelay=2\nbootcmd={BOOT_COMMAND}\n"),
    ("setenv a=b c; echo $?", "## Error: illegal character '=' in variable name \"a=b\"\n1\n"),
    ("setenv twice 'echo 1; echo 2'; run twice", "1\n2\n"),
    ("run none; echo $?", '## Error: "none" not defined\n1\n'),
    ("setenv loop 'run loop'; run loop; echo $?", "** Too many nested scripts **\n1\n"),
    ("version", "U-Boot 2026.01 (virtual board)\n"),
    ("echo 'open", "syntax error\n"),
    ("echo $(x)", "syntax error\n"),
    ("bootm", "## Booting kernel from image at 0x42000000 ...\nWrong Image Format for bootm command: "
     "nothing was read from the medium\nERROR: can't get kernel image!\n"),
    ("mmc", "Usage:\nmmc dev 0\nmmc read addr blk# cnt\n"),
    ("sleep x", "Usage:\nsleep N    - N is in seconds, and may be a fraction\n"),
    ("setenv", "Usage:\nsetenv name value ...    - without a value the variable is deleted\n"),
    ("help echo", "echo      - echo args to console\n"),
    ("help foo", "Unknown command 'foo' - try 'help' without arguments for list of all known commands\n"),
    ("dhcp", "BOOTP broadcast 1\nDHCP client bound to address 192.0.2.10 (200 ms)\n"),
    ("dhcp && printenv ipaddr gatewayip netmask serverip",
     "BOOTP broadcast 1\nDHCP client bound to address 192.0.2.10 (200 ms)\n"
     "ipaddr=192.0.2.10\ngatewayip=192.0.2.1\nnetmask=255.255.255.0\nserverip=192.0.2.1\n"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "printed"), COMMAND_CASES)
def test_commands(run, bench, line: str, printed: str) -> None:
    async def scenario() -> str:
        async with bench() as board:
            await board.stop_autoboot()
            return await board.loader(line)

    assert run(scenario()) == printed


def test_lists(run, bench) -> None:
    async def scenario() -> None:
        async with bench(memory="512 MiB") as board:
            await board.stop_autoboot()
            assert [line.split()[0].rstrip("-") for line in (await board.loader("help")).splitlines()] == sorted(
                COMMANDS
            )
            variables = await board.loader("printenv")
            assert "\nbootargs=console=ttyS0,115200 root=/dev/mmcblk0p2 rootwait\n" in variables
            assert variables.splitlines()[-1].startswith("Environment size: ")
            assert "-> size     = 512 MiB\n" in await board.loader("bdinfo")

    run(scenario())


def test_control_c_leaves_the_line_and_interrupts_a_command(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.stop_autoboot()
            await board.type("echo never\x03")
            assert await board.until("=> ") == "echo never<INTERRUPT>\n"
            await board.type("sleep 1000\r")
            await board.clock.sleep(1)
            await board.type("\x03")
            assert await board.until("=> ") == "sleep 1000\n<INTERRUPT>\n"
            assert board.clock.now() < 100
            assert await board.loader("echo $?") == "1\n"

    run(scenario())


def test_environment_survives_power_cuts_only_if_saved(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            assert "*** Warning - bad CRC, using default environment\n" in await board.until("autoboot:  2 ")
            await board.type(" ")
            await board.until("\n=> ")
            await board.loader("setenv kept yes")
            assert (await board.loader("saveenv")).endswith("Writing to SPI flash...done\nOK\n")
            await board.loader("setenv kept no; setenv lost yes")
            board.machine.power_off()
            board.machine.power_on()
            assert "Loading Environment from SPIFlash... OK\n" in await board.until("autoboot:  2 ")
            await board.type(" ")
            await board.until("\n=> ")
            assert await board.loader("printenv kept lost") == 'kept=yes\n## Error: "lost" not defined\n'
            assert await board.loader("env default -a") == "## Resetting to default environment\n"
            assert await board.loader("printenv kept") == '## Error: "kept" not defined\n'

    run(scenario())


def test_reset_starts_over_without_unsaved_changes(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.stop_autoboot()
            await board.loader("setenv lost yes")
            await board.type("reset\r")
            assert "resetting ...\n\nU-Boot SPL" in await board.until(" 2026.01")
            await board.stop_autoboot()
            assert await board.loader("printenv lost") == '## Error: "lost" not defined\n'

    run(scenario())


def test_boot_runs_bootcmd_with_bootargs(run, bench) -> None:
    async def scenario() -> None:
        async with bench(make_image(cmdline="quiet")) as board:
            await board.stop_autoboot()
            await board.loader("setenv bootargs console=ttyS9")
            await board.type("boot\r")
            await board.until("Kernel command line: console=ttyS9 quiet\n")

    run(scenario())


NO_KERNEL = "ERROR: can't get kernel image!\n=> "


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (b"", f"** Medium is blank **\nWrong Image Format for bootm command\n{NO_KERNEL}"),
        (b"\0" * 512, f"Wrong Image Format for bootm command\n{NO_KERNEL}"),
        (make_image(b"x" * 5000)[:-1], f"** Image is truncated: 5000 bytes declared, 4999 found **\n{NO_KERNEL}"),
        (make_image(b"x" * 5000)[:-1] + b"y", f"Bad hash value for the image's payload\n{NO_KERNEL}"),
    ],
)
def test_what_does_not_boot_says_why_and_leaves_the_prompt(run, bench, image: bytes, said: str) -> None:
    async def scenario() -> None:
        async with bench(image) as board:
            await board.until(said)
            assert await board.loader("echo $?") == "1\n"

    run(scenario())


@pytest.mark.parametrize("side", [Side.HOST, Side.OFF])
def test_medium_that_is_not_there_does_not_boot(run, bench, side: Side) -> None:
    async def scenario() -> None:
        async with bench() as board:
            board.medium.switch(side)
            await board.until("\nCard did not respond to voltage select! : -110\n=> ")
            board.medium.switch(Side.BOARD)
            await board.type("boot\r")
            await board.until("Starting kernel ...")

    run(scenario())


def test_hash_of_a_large_image_lets_others_run(run, bench) -> None:
    async def scenario() -> None:
        async with bench(make_image(bytes(20_000_000))) as board:
            await board.until("## Booting kernel")
            starting = asyncio.create_task(board.until("Starting kernel"))
            turns = 0
            while not starting.done():
                await asyncio.sleep(0)
                turns += 1
            assert turns >= 20

    run(scenario())
