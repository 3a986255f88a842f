"""The virtual Linux's commands for text, and the table in which all commands stand."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from JumpstarterLibrary.exporter.drivers.virtual.linux.files import Files
from JumpstarterLibrary.exporter.drivers.virtual.linux.process import CommandProblem, Process

Run: TypeAlias = Callable[[Process], Awaitable[int]]

COMMANDS: dict[str, Run] = {}

SEQ_BATCH = 2048
"""Numbers that ``seq`` prints in one piece, so that Ctrl-C and others get their turn."""

_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|0?[0-7]{1,3}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "\\": "\\"}
_DIRECTIVE = re.compile(r"%([-0]?\d{0,3})(?:\.(\d{1,6}))?([sdiuxXc%])")


def command(*names: str) -> Callable[[Run], Run]:
    """Make a function the command of these names."""

    def register(run: Run) -> Run:
        COMMANDS.update(dict.fromkeys(names, run))
        return run

    return register


def unescape(text: str) -> str:
    r"""Replace ``\n``, ``\t``, ``\x41``, ``\0101`` and their like."""

    def replacement(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "x" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code[0] in "01234567":
            return chr(int(code, 8))
        return _ESCAPES.get(code, f"\\{code}")

    return _ESCAPE.sub(replacement, text)


@command("echo")
async def _echo(process: Process) -> int:
    words = list(process.arguments)
    options: set[str] = set()
    while words and re.fullmatch("-[neE]+", words[0]):
        options |= set(words.pop(0)[1:])
    text = " ".join(words)
    await process.out((unescape(text) if "e" in options else text) + ("" if "n" in options else "\n"))
    return 0


@command("printf")
async def _printf(process: Process) -> int:
    if not process.arguments:
        raise CommandProblem("usage: printf FORMAT [ARGUMENT]...", 2)
    pattern, *values = process.arguments
    remaining = list(values)

    def directive(match: re.Match[str]) -> str:
        flags, precision, kind = match[1], match[2], match[3]
        if kind == "%":
            return "%"
        value = remaining.pop(0) if remaining else ""
        if kind in "sc":
            width = flags.replace("0", "", 1) if flags.startswith("0") else flags
            return f"%{width}s" % (value[:1] if kind == "c" else value[: int(precision)] if precision else value)
        return f"%{flags}{kind.replace('i', 'd').replace('u', 'd')}" % integer(value or "0")

    text = ""
    while True:
        left = len(remaining)
        text += _DIRECTIVE.sub(directive, unescape(pattern))
        if not remaining or len(remaining) == left:
            break
    await process.out(text)
    return 0


@command("cat")
async def _cat(process: Process) -> int:
    _, paths = process.options("")
    await process.out(await process.input([path for path in paths if path != "-"]))
    return 0


@command("grep")
async def _grep(process: Process) -> int:
    options, rest = process.options("EFcinqvw")
    if not rest:
        raise CommandProblem("missing pattern", 2)
    pattern = re.escape(rest[0]) if "F" in options else rest[0]
    try:
        matcher = re.compile(rf"\b(?:{pattern})\b" if "w" in options else pattern, re.I if "i" in options else 0)
    except (re.error, OverflowError, RecursionError) as problem:
        raise CommandProblem(f"bad pattern '{rest[0]}': {problem}", 2) from None
    lines = (await process.input(rest[1:])).splitlines()
    found = [
        (number, line) for number, line in enumerate(lines, 1) if bool(matcher.search(line)) is ("v" not in options)
    ]
    if "c" in options:
        await process.print(str(len(found)))
    elif "q" not in options:
        await process.print(*(f"{number}:{line}" if "n" in options else line for number, line in found))
    return int(not found)


@command("head", "tail")
async def _head(process: Process) -> int:
    count, paths = 10, list(process.arguments)
    if paths and (given := re.fullmatch(r"-n?(\d+)", paths[0])):
        count, paths = int(given[1]), paths[1:]
    elif paths[:1] == ["-n"] and len(paths) > 1:
        count, paths = integer(paths[1]), paths[2:]
    lines = (await process.input(paths)).splitlines()
    return await process.print(
        *(lines[:count] if process.name == "head" else lines[len(lines) - min(count, len(lines)) :])
    )


@command("wc")
async def _wc(process: Process) -> int:
    options, paths = process.options("lwc")
    text = await process.input(paths)
    counts = {"l": text.count("\n"), "w": len(text.split()), "c": len(text.encode())}
    return await process.print(" ".join(str(count) for letter, count in counts.items() if letter in (options or "lwc")))


@command("seq")
async def _seq(process: Process) -> int:
    numbers = [integer(argument) for argument in process.arguments]
    if not 1 <= len(numbers) <= 3:
        raise CommandProblem("usage: seq [FIRST [STEP]] LAST")
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) > 2 else 1
    if step == 0:
        raise CommandProblem("the step must not be 0")
    series = range(first, numbers[-1] + (1 if step > 0 else -1), step)
    while series:
        await process.print(*map(str, series[:SEQ_BATCH]))
        series = series[SEQ_BATCH:]
    return 0


@command("test", "[")
async def _test(process: Process) -> int:
    arguments = list(process.arguments)
    if process.name.endswith("[") and (not arguments or arguments.pop() != "]"):
        raise CommandProblem("missing ]", 2)
    negated = arguments[:1] == ["!"] and len(arguments) > 1
    return int(_holds(process, arguments[1:] if negated else arguments) is negated)


def _holds(process: Process, arguments: list[str]) -> bool:
    match arguments:
        case [] | [""]:
            return False
        case [_]:
            return True
        case ["-n" | "-z" as operator, text]:
            return (operator == "-n") is (text != "")
        case ["-f" | "-d" | "-e" as operator, path]:
            return _exists(process.system.files, operator, path)
        case [left, "=" | "==", right]:
            return left == right
        case [left, "!=", right]:
            return left != right
        case [left, "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" as operator, right]:
            return _compare(integer(left), operator, integer(right))
    raise CommandProblem(f"{' '.join(arguments)}: not simulated on the virtual board", 2)


def _exists(files: Files, kind: str, path: str) -> bool:
    return (kind != "-d" and files.is_file(path)) or (kind != "-f" and files.is_directory(path))


def _compare(left: int, operator: str, right: int) -> bool:
    outcomes = {-1: ("-lt", "-le", "-ne"), 0: ("-eq", "-le", "-ge"), 1: ("-gt", "-ge", "-ne")}
    return operator in outcomes[(left > right) - (left < right)]


def integer(text: str) -> int:
    """Return a number that was given as text.

    Raises:
        CommandProblem: It is none.
    """
    try:
        return int(text, 0)
    except ValueError:
        raise CommandProblem(f"invalid number '{text}'") from None
