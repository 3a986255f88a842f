"""The commands of the virtual Linux below ``/bin``: the system's own, and (from `text_commands`) those for text."""

from __future__ import annotations

import datetime
import posixpath
import re

from JumpstarterLibrary.exporter.drivers.virtual.hardware import PowerDown, Restart
from JumpstarterLibrary.exporter.drivers.virtual.linux.kernel import RELEASE
from JumpstarterLibrary.exporter.drivers.virtual.linux.process import CommandProblem, Logout, Process
from JumpstarterLibrary.exporter.drivers.virtual.linux.text_commands import COMMANDS, command, integer
from JumpstarterLibrary.exporter.drivers.virtual.words import Incomplete

__all__ = ["COMMANDS"]

POWER_UP_DATE = datetime.datetime(2026, 1, 15, tzinfo=datetime.UTC)
"""What the clock shows when the kernel starts: the board has no battery."""

SHUTDOWN_TIME = 0.4
"""Board seconds from ``reboot`` or ``poweroff`` until it happens."""

DURATION = re.compile(r"(\d{1,9}\.?\d*|\.\d+)([smhd]?)")
LOG_LEVELS = {"emerg": 1, "alert": 2, "crit": 3, "err": 4, "warn": 5, "notice": 6, "info": 7, "debug": 8}


@command("true", ":")
async def _true(_: Process) -> int:
    return 0


@command("false")
async def _false(_: Process) -> int:
    return 1


@command("exit", "logout")
async def _exit(process: Process) -> int:
    if process.arguments:
        process.shell.status = integer(process.arguments[0]) % 256
    raise Logout


@command("sh")
async def _sh(process: Process) -> int:
    if process.arguments[:1] == ["-c"] and len(process.arguments) > 1:
        return await process.shell.run_child(process.arguments[1], process.streams)
    if process.arguments or process.streams.stdin is None:
        raise CommandProblem("only 'sh -c SCRIPT' and a script on standard input are simulated", 2)
    return await process.shell.run_child(process.streams.stdin, process.streams)


@command("cd")
async def _cd(process: Process) -> int:
    files = process.system.files
    files.change_directory(process.arguments[0] if process.arguments else files.home)
    return 0


@command("pwd")
async def _pwd(process: Process) -> int:
    return await process.print(process.system.files.directory)


@command("ls")
async def _ls(process: Process) -> int:
    _, paths = process.options("1al")
    names = [name for path in paths or ["."] for name in process.system.files.list(path)]
    return await process.print(*names)


@command("mkdir")
async def _mkdir(process: Process) -> int:
    options, paths = process.options("p")
    for path in paths:
        process.system.files.make_directory(path, parents="p" in options)
    return 0


@command("touch")
async def _touch(process: Process) -> int:
    for path in process.options("")[1]:
        process.system.files.write(path, "", append=True)
    return 0


@command("rm")
async def _rm(process: Process) -> int:
    options, paths = process.options("rf")
    for path in paths:
        try:
            process.system.files.remove(path, recursive="r" in options)
        except FileNotFoundError:
            if "f" not in options:
                raise
    return 0


@command("sync")
async def _sync(process: Process) -> int:
    process.system.files.sync()
    return 0


@command("env", "printenv")
async def _env(process: Process) -> int:
    shell = process.shell
    names = process.arguments or sorted(shell.exported & shell.variables.keys())
    values = [shell.variables[name] for name in names if name in shell.exported & shell.variables.keys()]
    if process.arguments:
        await process.print(*values)
        return int(len(values) < len(names))
    return await process.print(*(f"{name}={shell.variables[name]}" for name in names))


@command("export")
async def _export(process: Process) -> int:
    for argument in process.arguments:
        name, equals, value = argument.partition("=")
        if not name.isidentifier():
            raise CommandProblem(f"{argument}: bad variable name", 2)
        process.shell.exported.add(name)
        if equals:
            process.shell.variables[name] = value
    return 0


@command("unset")
async def _unset(process: Process) -> int:
    for name in process.arguments:
        process.shell.variables.pop(name, None)
    return 0


@command("eval")
async def _eval(process: Process) -> int:
    try:
        return await process.shell.run(" ".join(process.arguments), process.streams)
    except Incomplete:
        await process.streams.err("sh: syntax error: unexpected end of file\n")
        return 2


@command("command")
async def _command(process: Process) -> int:
    if not process.arguments or process.arguments[0] == "-v":
        return await _which(process)
    return await process.shell.call(process.arguments, process.streams)


@command("which")
async def _which(process: Process) -> int:
    names = process.arguments[1:] if process.arguments[:1] == ["-v"] else process.arguments
    found = [f"/bin/{name}" for name in map(posixpath.basename, names) if name in COMMANDS]
    await process.print(*found)
    return int(len(found) < len(names) or not names)


@command("uname")
async def _uname(process: Process) -> int:
    options, _ = process.options("asnrvmo")
    system = process.system
    values = {"s": "Linux", "n": system.hostname, "r": RELEASE, "v": "#1 SMP PREEMPT", "m": "aarch64", "o": "GNU/Linux"}
    wanted = "snrvmo" if "a" in options else options or "s"
    return await process.print(" ".join(value for letter, value in values.items() if letter in wanted))


@command("hostname")
async def _hostname(process: Process) -> int:
    if not process.arguments:
        return await process.print(process.system.hostname)
    _require_root(process)
    process.system.hostname = process.arguments[0]
    return 0


@command("whoami")
async def _whoami(process: Process) -> int:
    return await process.print(process.system.user)


@command("id")
async def _id(process: Process) -> int:
    options, _ = process.options("un")
    number, user = (0 if process.system.privileged else 1000), process.system.user
    if "u" in options:
        return await process.print(user if "n" in options else str(number))
    return await process.print(f"uid={number}({user}) gid={number}({user}) groups={number}({user})")


@command("date")
async def _date(process: Process) -> int:
    now = POWER_UP_DATE + datetime.timedelta(seconds=process.system.kernel.uptime())
    arguments = [argument for argument in process.arguments if argument != "-u"]
    if arguments and not arguments[0].startswith("+"):
        raise CommandProblem(f"invalid date '{arguments[0]}': the virtual board's clock cannot be set")
    pattern = arguments[0][1:] if arguments else "%a %b %e %H:%M:%S UTC %Y"
    return await process.print(now.strftime(pattern.replace("\0", "")))


@command("dmesg")
async def _dmesg(process: Process) -> int:
    kernel = process.system.kernel
    match process.arguments:
        case []:
            return await process.print(*kernel.log)
        case ["-n", level]:
            kernel.console_level = LOG_LEVELS.get(level) or integer(level)
        case ["-c"]:
            lines = list(kernel.log)
            kernel.log.clear()
            return await process.print(*lines)
        case ["-C"]:
            kernel.log.clear()
        case arguments:
            raise CommandProblem(f"unrecognized option '{' '.join(arguments)}' (on the virtual board)")
    return 0


@command("sleep")
async def _sleep(process: Process) -> int:
    seconds = 0.0
    for argument in process.arguments:
        if not (duration := DURATION.fullmatch(argument)):
            raise CommandProblem(f"invalid number '{argument}'")
        seconds += float(duration[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[duration[2]]
    if not process.arguments:
        raise CommandProblem("missing operand")
    await process.system.hardware.tty.pause(seconds)
    return 0


@command("stty")
async def _stty(process: Process) -> int:
    settings = iter(process.arguments)
    for setting in settings:
        if setting in ("echo", "-echo", "sane"):
            process.system.hardware.tty.echo = setting != "-echo"
        elif setting in ("rows", "cols", "columns"):
            next(settings, None)  # there is no window whose size could matter
        else:
            raise CommandProblem(f"invalid argument '{setting}' (on the virtual board)")
    return 0


@command("reboot")
async def _reboot(process: Process) -> int:
    await _shut_down(process, "Restarting system")
    raise Restart


@command("poweroff", "halt")
async def _poweroff(process: Process) -> int:
    await _shut_down(process, "Power down" if process.name == "poweroff" else "System halted")
    raise PowerDown


async def _shut_down(process: Process, last_words: str) -> None:
    _require_root(process)
    system = process.system
    await system.hardware.tty.write("The system is going down NOW!\nSending SIGTERM to all processes\n")
    await system.hardware.clock.sleep(SHUTDOWN_TIME)
    system.files.sync()
    await system.kernel.say(f"reboot: {last_words}", 0)


def _require_root(process: Process) -> None:
    if not process.system.privileged:
        raise CommandProblem("Operation not permitted")
