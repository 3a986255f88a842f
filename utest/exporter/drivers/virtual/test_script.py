from __future__ import annotations

import asyncio

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.script import Step, parse, run_steps
from JumpstarterLibrary.exporter.drivers.virtual.words import UBOOT_OPERATORS, Incomplete, SyntaxProblem, expand

VARIABLES = {"A": "one", "B": " two  three ", "EMPTY": "", "?": "7"}


async def substitute(script: str) -> str:
    return f"<{script}>\n\n"


def fields(text: str) -> list[str]:
    """Return the fields of a script's only command."""

    async def expanded() -> list[str]:
        words = parse(text)[0].pipeline[0].words
        return await expand(words, lambda name: VARIABLES.get(name, ""), substitute)

    return asyncio.run(expanded())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("'a  b' \"c  d\"", ["a  b", "c  d"]),
        ('"MARK""ER:$?"', ["MARKER:7"]),
        ("MARK''ER", ["MARKER"]),
        (r"a\ b \$A \\", ["a b", "$A", "\\"]),
        (r'"a\"b" "\$A" "\n"', ['a"b', "$A", "\\n"]),
        ("'$A'", ["$A"]),
        ("$A ${A}x $Ax.", ["one", "onex", "."]),
        ("x${B}y", ["x", "two", "three", "y"]),
        ('"x${B}y"', ["x two  three y"]),
        ("$B", ["two", "three"]),
        ("$EMPTY '' \"$EMPTY\"", ["", ""]),
        ("${NONE:-fall back} ${A:-x}", ["fall", "back", "one"]),
        ("$(a b) \"$(c  'd')\" `e`", ["<a", "b>", "<c  'd'>", "<e>"]),
        ("$(a $(b))", ["<a", "$(b)>"]),
        ("a # comment", ["a"]),
        ("a#b 5$ $", ["a#b", "5$", "$"]),
        ("a \\\nb", ["a", "b"]),
        ("ü'ö'", ["üö"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert fields(text) == expected


UNFINISHED = ["'a", '"a', "a\\", "$(a", "`a", "${a", "a &&", "a ||\n", "a |", "a | \n"]
UNFINISHED += ["{ a", "{ a;", "{ a\n", "{ a }"]


@pytest.mark.parametrize("text", UNFINISHED)
def test_unfinished_text_waits_for_more(text: str) -> None:
    with pytest.raises(Incomplete):
        parse(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("if true", "syntax error: 'if' is not simulated on the virtual board"),
        ("{ }", "syntax error near unexpected token '}'"),
        ("a; }", "syntax error near unexpected token '}'"),
        ("(a)", "syntax error: '(' is not simulated on the virtual board"),
        ("a &", "syntax error: '&' is not simulated on the virtual board"),
        ("cat << END", "syntax error: '<<' is not simulated on the virtual board"),
        ("echo $((1+1))", "syntax error: $((...)) is not simulated on the virtual board"),
        ("echo ${A%x}", "${A%x}: bad substitution"),
        ("; a", "syntax error near unexpected token ';'"),
        ("a ; ; b", "syntax error near unexpected token ';'"),
        ("a >", "syntax error near unexpected token 'newline'"),
        ("a && || b", "syntax error near unexpected token '||'"),
    ],
)
def test_what_is_not_in_the_language_is_refused(text: str, problem: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse(text)
    assert str(caught.value) == problem


def test_redirections_with_their_descriptors() -> None:
    (step,) = parse("a 2>&1 >f 2>> g x2>h <i &>j")
    found = [(r.descriptor, r.operator, r.target[0].value) for r in step.pipeline[0].redirections]
    assert found == [(2, ">&", "1"), (1, ">", "f"), (2, ">>", "g"), (1, ">", "h"), (0, "<", "i"), (1, "&>", "j")]
    assert [word[0].value for word in step.pipeline[0].words] == ["a", "x2"]


def test_u_boot_knows_no_redirections_and_no_pipes() -> None:
    (step,) = parse("echo a|b >c {d}", UBOOT_OPERATORS)
    assert [word[0].value for word in step.pipeline[0].words] == ["echo", "a|b", ">c", "{d}"]


@pytest.mark.parametrize(
    ("text", "ran", "status"),
    [
        ("0 && 1; 0", "010", 0),
        ("1 && 0", "1", 1),
        ("1 || 0", "10", 0),
        ("0 || 1", "0", 0),
        ("1 && 0 || 0", "10", 0),
        ("0 || 1 && 1", "01", 1),
        ("1 &&\n 0\n\n0\n", "10", 0),
        ("", "", 0),
        ("# nothing", "", 0),
    ],
)
def test_joints(text: str, ran: str, status: int) -> None:
    names: list[str] = []

    async def step(step: Step) -> int:
        names.append(step.pipeline[0].words[0][0].value)
        return int(names[-1])

    assert asyncio.run(run_steps(parse(text), step)) == status
    assert "".join(names) == ran
