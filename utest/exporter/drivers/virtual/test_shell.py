from __future__ import annotations

import asyncio
from typing import Any

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.hardware import BoardSettings, Hardware
from JumpstarterLibrary.exporter.drivers.virtual.image import Image
from JumpstarterLibrary.exporter.drivers.virtual.linux.commands import COMMANDS
from JumpstarterLibrary.exporter.drivers.virtual.linux.kernel import Kernel
from JumpstarterLibrary.exporter.drivers.virtual.linux.process import PIPE_LIMIT, Capture, Logout, Streams
from JumpstarterLibrary.exporter.drivers.virtual.linux.shell import Shell
from JumpstarterLibrary.exporter.drivers.virtual.linux.system import System


def make_shell(bench: Any) -> Shell:
    board = bench()
    hardware = Hardware(board.clock, board.wire, board.medium, BoardSettings(), {})
    system = System(hardware, Kernel(hardware, "console=ttyS0"), Image(hostname="unit"))
    return Shell(system, {"HOME": "/root", "PS1": "# ", "PATH": "/bin"})


CASES = [
    ("echo a  'b  c'", "a b  c\n"),
    ("echo -n a; echo -e 'b\\tc\\x41\\0102'; echo -E 'd\\t'", "ab\tcAB\nd\\t\n"),
    ('echo "MARK""ER:$?"', "MARKER:0\n"),
    ("false; echo $?; echo $?", "1\n0\n"),
    ("! true; echo $?; ! false && echo yes", "1\nyes\n"),
    ("foo; echo $?", "sh: foo: not found\n127\n"),
    ("/bin/echo a; /usr/bin/echo b; /bin/foo", "a\nb\nsh: /bin/foo: not found\n"),
    ("A=1 B='x  y'; echo $A \"$B\" $B ${A}1 ${C:-none}", "1 x  y x y 11 none\n"),
    ("A=1; A=2 sh -c 'echo $A'; echo $A", "2\n1\n"),
    ("A=$(echo 'two  words'); echo \"$A\"; echo $(false); echo $?", "two  words\n\n0\n"),
    ("A=$(false); echo $?", "1\n"),
    ("export A=1; env | grep ^A; unset A; env | grep -c ^A", "A=1\n0\n"),
    ("printenv HOME; printenv NONE; echo $?", "/root\n1\n"),
    ("export 1x=2; echo $?", "export: 1x=2: bad variable name\n2\n"),
    ("sh -c 'cd /tmp; A=5; exit 3'; echo $? $A; pwd", "3\n/root\n"),
    ("echo 'echo from stdin' | sh", "from stdin\n"),
    ("sh -c \"echo 'open\"; echo $?", "sh: syntax error: unexpected end of file\n2\n"),
    ("sh -x; echo $?", "sh: only 'sh -c SCRIPT' and a script on standard input are simulated\n2\n"),
    ("A=1; eval 'A=2; false' || echo $? $A; command eval \"echo 'open\" || echo $?; command -v eval; command foo",
     "1 2\nsh: syntax error: unexpected end of file\n2\n/bin/eval\nsh: foo: not found\n"),
    ("{ echo a; cat /none; } 2>&-; echo 'b'\\\n'c'", "a\nbc\n"),
    ("{ echo a; false; }; echo $?", "a\n1\n"),
    ("{ echo a # not this\n}; echo $?", "a\n0\n"),
    ("false && { echo a; echo b; } || { echo c; }", "c\n"),
    ("{ echo b; echo a; } | head -n 1; { echo c; } > /tmp/g; cat /tmp/g", "b\nc\n"),
    ("if true; then echo; fi", "sh: syntax error: 'if' is not simulated on the virtual board\n"),
    ("uname; uname -r; uname -sm; uname -a",
     "Linux\n6.18.0-virtual\nLinux aarch64\nLinux unit 6.18.0-virtual #1 SMP PREEMPT aarch64 GNU/Linux\n"),
    ("hostname; hostname other; hostname; cat /etc/hostname /proc/sys/kernel/hostname", "unit\nother\nunit\nother\n"),
    ("cat /etc/os-release | grep PRETTY", 'PRETTY_NAME="Virtual Linux 1.0"\n'),
    ("cat /proc/cmdline", "console=ttyS0\n"),
    ("cat /proc/uptime; sleep 2; cat /proc/uptime", "0.00 0.00\n2.00 7.60\n"),
    ("whoami; id; id -u; id -un", "root\nuid=0(root) gid=0(root) groups=0(root)\n0\nroot\n"),
    ("date; date -u +%s", "Thu Jan 15 00:00:00 UTC 2026\n1768435200\n"),
    ("date 01010000", "date: invalid date '01010000': the virtual board's clock cannot be set\n"),
    ("pwd; cd /etc; pwd; cd; pwd; cd /none; cd /etc/issue; echo ~ ~/x",
     "/root\n/etc\n/root\ncd: /none: No such file or directory\ncd: /etc/issue: Not a directory\n/root /root/x\n"),
    ("echo 1 > /tmp/f; echo 2 >> /tmp/f; cat /tmp/f; echo 3 > /tmp/f; cat /tmp/f", "1\n2\n3\n"),
    ("cat < /etc/hostname; cat /none; cat /tmp; echo $?",
     "unit\ncat: /none: No such file or directory\ncat: /tmp: Is a directory\n1\n"),
    ("echo x > /none/f; echo $?; echo x > /tmp",
     "sh: /none/f: No such file or directory\n1\nsh: /tmp: Is a directory\n"),
    ("foo 2> /tmp/e; cat /tmp/e; foo > /tmp/o 2>&1; cat /tmp/o; foo &> /dev/null; foo 2>/dev/null; echo $?",
     "sh: foo: not found\nsh: foo: not found\n127\n"),
    ("echo x >&3", "sh: 3: bad file descriptor\n"),
    ("mkdir -p /tmp/a/b; touch /tmp/a/f; ls /tmp/a; ls /tmp/a/f; rm -r /tmp/a; ls /tmp", "b\nf\n/tmp/a/f\n"),
    ("mkdir /tmp; mkdir /x/y; rm /tmp; rm /none; rm -f /none; echo $?",
     "mkdir: /tmp: File exists\nmkdir: /x/y: No such file or directory\nrm: /tmp: Is a directory\n"
     "rm: /none: No such file or directory\n0\n"),
    ("ls /none; ls -z; echo $?",
     "ls: /none: No such file or directory\nls: unrecognized option '-z' (on the virtual board)\n1\n"),
    ("seq 3; seq 2 3; seq 4 -2 0; seq x", "1\n2\n3\n2\n3\n4\n2\n0\nseq: invalid number 'x'\n"),
    ("seq 1 0 2; seq; seq 100 | tail -n 1; seq 100 | head -n 1; seq 20 | head -2 | wc -l",
     "seq: the step must not be 0\nseq: usage: seq [FIRST [STEP]] LAST\n100\n1\n2\n"),
    ("seq 20 | wc; echo one two | wc -w; echo | wc -c", "20 20 51\n2\n1\n"),
    ("seq 12 | grep 1; seq 12 | grep -c -v 1; seq 12 | grep -q 13; echo $?; seq 3 | grep -n 2",
     "1\n10\n11\n12\n8\n1\n2:2\n"),
    ("echo a.b | grep -F . ; echo AB | grep -i a; echo xab | grep -w ab; grep unit /etc/hostname; grep; grep '['",
     "a.b\nAB\nunit\ngrep: missing pattern\ngrep: bad pattern '[': unterminated character set at position 0\n"),
    ("printf '%s=%d %x\\n' a 7 255 b 8 16; printf '%05.1s|%-4s|%%\\n' xy z; printf a",
     "a=7 ff\nb=8 10\n    x|z   |%\na"),
    ("printf; echo $?; printf '%d\\n' x",
     "printf: usage: printf FORMAT [ARGUMENT]...\n2\nprintf: invalid number 'x'\n"),
    ("test a = a && [ a != b ] && [ 2 -gt 1 ] && [ ! -f /none ] && [ -d /tmp -a x ]; echo $?",
     "[: -d /tmp -a x: not simulated on the virtual board\n2\n"),
    ("[ -z '' ] && [ -n x ] && [ x ] && [ -e /tmp ] && [ -f /etc/issue ] && [ 1 -le 1 ] && echo all", "all\n"),
    ("[ '' ]; echo $?; test; echo $?; [ 1 -eq 2 ]; echo $?; [ a; echo $?", "1\n1\n1\n[: missing ]\n2\n"),
    ("which ls foo; echo $?; command -v sh", "/bin/ls\n1\n/bin/sh\n"),
    ("dmesg; echo hello > /dev/kmsg; dmesg; dmesg -c; dmesg | wc -l", "[    0.000000] hello\n" * 2 + "0\n"),
    ("dmesg -n 1; cat /proc/sys/kernel/printk; echo 8 > /proc/sys/kernel/printk; cat /proc/sys/kernel/printk",
     "1\t4\t1\t7\n8\t4\t1\t7\n"),
    ("dmesg -n info; cat /proc/sys/kernel/printk; dmesg -w",
     "7\t4\t1\t7\ndmesg: unrecognized option '-w' (on the virtual board)\n"),
    ("stty sane; stty cols 80; stty foo; echo $?", "stty: invalid argument 'foo' (on the virtual board)\n1\n"),
    ("sleep; sleep x; sleep 0.1 1s; cat /proc/uptime",
     "sleep: missing operand\nsleep: invalid number 'x'\n1.10 4.18\n"),
    ("exit x; echo $?", "exit: invalid number 'x'\n1\n"),
    ("sync; true; :; echo $?", "0\n"),
    ("A=$(seq 60000); A=$A$A$A; echo $?; echo $(seq 60000) $(seq 60000) $(seq 60000) $(seq 60000); echo $?; echo $A$A",
     "0\nsh: argument list too long\n"),
    ("A=$(seq 60000); A=$A$A$A; A=$A$A", "sh: argument list too long\n"),
    ("printf '%99999d' 1; grep 'a{99999999999}' /etc/issue; seq 1 99999999999999999999999999 | head -n 1",
     "%99999dgrep: bad pattern 'a{99999999999}': the repetition number is too large\n"
     "seq: pipe: No buffer space available\n1\n"),
    ("date \"+x$(printf '\\0')y\"; dmesg -n x; echo x > /proc/sys/kernel/printk; echo $?",
     "xy\ndmesg: invalid number 'x'\n0\n"),
    ("seq 3000 > /dev/kmsg; dmesg | wc -l", "477\n"),
    ("A='sh -c \"$A\"'; export A; sh -c \"$A\"", "sh: too many nested shells\n"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "printed"), CASES)
def test_scripts(run, bench, script: str, printed: str) -> None:
    async def scenario() -> str:
        output = Capture()
        await make_shell(bench).run(script, Streams(output.write, output.write))
        return output.text()

    assert run(scenario()) == printed


def test_exit_ends_the_shell_with_its_status(run, bench) -> None:
    async def scenario() -> int:
        shell = make_shell(bench)
        output = Capture()
        with pytest.raises(Logout):
            await shell.run("exit 300; echo never", Streams(output.write, output.write))
        assert output.text() == ""
        return shell.status

    assert run(scenario()) == 300 % 256


def test_endless_output_does_not_fill_the_memory(run, bench) -> None:
    async def scenario() -> str:
        output = Capture()
        await make_shell(bench).run("seq 100000000 | head -n 1; echo $?", Streams(output.write, output.write))
        return output.text()

    assert run(scenario()) == "seq: pipe: No buffer space available\n1\n0\n"
    assert PIPE_LIMIT == 1024 * 1024


def test_full_file_system_says_so(run, bench) -> None:
    async def scenario() -> str:
        output = Capture()
        await make_shell(bench).run("seq 100000000 > /tmp/f; rm /tmp/f", Streams(output.write, output.write))
        return output.text()

    assert run(scenario()) == "seq: /tmp/f: No space left on device\n"


def test_every_command_is_reached_by_a_test_or_needs_a_machine() -> None:
    scripts = " ".join(script for script, _ in CASES).replace("/bin/", " ").replace(";", " ").split()
    assert set(COMMANDS) - set(scripts) == {"logout", "reboot", "poweroff", "halt"}


def test_commands_at_the_console(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.type("echo 'two\r")
            assert await board.until("> ") == "echo 'two\n"
            assert await board.shell("lines'") == "two\nlines\n"
            await board.type("cat > /tmp/f\r")
            await board.until("/tmp/f\n")
            await board.type("typed\r\x04")
            assert await board.until("# ") == "typed\nroot@virtual:~"
            assert await board.shell("cat /tmp/f") == "typed\n"
            await board.type("stty -echo\recho hidden\r")
            assert await board.until("hidden\n") == "stty -echo\nroot@virtual:~# \n"

    run(scenario())


def test_control_c_ends_a_command_with_status_130(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.type("sleep 1000; echo never\r")
            await asyncio.sleep(1)
            await board.type("\x03")
            assert await board.until("# ") == "sleep 1000; echo never\n^C\nroot@virtual:~"
            assert await board.shell("echo $?") == "130\n"
            await board.type("seq 1000000000\r")
            await board.until("\n100\n")
            await board.type("\x03")
            await board.until("^C\n")
            await board.type("echo 'open\rmore\x03")
            await board.until("more^C\nroot@virtual:~# ")

    run(scenario())


def test_quote_that_is_never_closed_comes_to_an_end(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            await board.type("echo '\r")
            for _ in range(17):
                await board.type("x" * 4000 + "\r")
                await board.clock.sleep(0.1)
            await board.until("sh: syntax error: unterminated quoted string\nroot@virtual:~# ")

    run(scenario())
