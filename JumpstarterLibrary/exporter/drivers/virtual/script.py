"""Scripts of the virtual board's command language: pipelines joined by ``;``, ``&&`` and ``||``.

What the language does not have (``if``, ``for``, ``&``, ...) it refuses with a sentence, instead of doing something
else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from JumpstarterLibrary.exporter.drivers.virtual.words import (
    SHELL_OPERATORS,
    Incomplete,
    Operator,
    Part,
    SyntaxProblem,
    Word,
    tokenize,
)

KEYWORDS = frozenset(("if", "for", "while", "until", "case", "[[", "function", "select"))
JOINTS = {"&&": "&&", "||": "||", ";": ";", "\n": ";"}
REDIRECTIONS = frozenset(("<", ">", ">>", ">&", "&>"))


@dataclass(frozen=True)
class Redirection:
    """``2>> word``: a descriptor, an operator of ``<``, ``>``, ``>>``, ``>&`` or ``&>``, and where to."""

    descriptor: int
    operator: str
    target: Word


@dataclass(frozen=True)
class Command:
    """One simple command."""

    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...] = ()


@dataclass(frozen=True)
class Group:
    """``{ a; b; }``: steps that share their redirections and count as one command."""

    steps: tuple[Step, ...]
    redirections: tuple[Redirection, ...] = ()


@dataclass(frozen=True)
class Step:
    """A pipeline, and what joins it to the one before: ``;``, ``&&`` or ``||``."""

    joint: str
    pipeline: tuple[Command | Group, ...]
    negated: bool = False


def parse(text: str, operators: tuple[str, ...] = SHELL_OPERATORS) -> list[Step]:
    """Return the steps of a script.

    Raises:
        Incomplete: A quote, a parenthesis or an operator waits for another line.
        SyntaxProblem: The text is not in this language.
    """
    return _Parser(deque(tokenize(text, operators)), groups=operators is SHELL_OPERATORS).steps()


async def run_steps(steps: Sequence[Step], run: Callable[[Step], Awaitable[int]]) -> int:
    """Run the steps whose joints allow it, and return the last status."""
    status = 0
    for step in steps:
        if step.joint == ";" or (step.joint == "&&") == (status == 0):
            status = await run(step)
    return status


class _Parser:
    def __init__(self, tokens: deque[Word | Operator], *, groups: bool) -> None:
        self.tokens = tokens
        self.groups = groups

    def steps(self, *, in_group: bool = False) -> list[Step]:
        steps: list[Step] = []
        joint = ";"
        while self.tokens:
            if self.accept("\n"):
                continue
            if steps and joint == ";" and in_group and self.accept_word("}"):
                return steps
            negated = self.tokens[0] == (Part("text", "!"),)
            if negated:
                self.tokens.popleft()
            steps.append(Step(joint, self.pipeline(), negated))
            joint = self.joint()
        if joint != ";" or in_group:
            raise Incomplete
        return steps

    def joint(self) -> str:
        if not self.tokens:
            return ";"
        token = self.tokens.popleft()
        if not isinstance(token, Operator) or token.text not in JOINTS:
            raise _unexpected(token)
        return JOINTS[token.text]

    def pipeline(self) -> tuple[Command | Group, ...]:
        commands = [self.command()]
        while self.accept("|"):
            while self.accept("\n"):
                pass
            if not self.tokens:
                raise Incomplete
            commands.append(self.command())
        return tuple(commands)

    def command(self) -> Command | Group:
        if self.groups and self.accept_word("{"):
            steps = self.steps(in_group=True)
            redirections = []
            while self.at_redirection():
                redirections.append(self.redirection())
            return Group(tuple(steps), tuple(redirections))
        return self.simple_command()

    def simple_command(self) -> Command:
        words: list[Word] = []
        redirections: list[Redirection] = []
        while self.tokens:
            token = self.tokens[0]
            if not isinstance(token, Operator):
                words.append(token)
                self.tokens.popleft()
            elif self.at_redirection():
                redirections.append(self.redirection())
            else:
                break
        if not words and not redirections:
            raise _unexpected(self.tokens[0] if self.tokens else Operator("\n"))
        if words and _plain(words[0]) in ("{", "}"):
            raise _unexpected(words[0])
        if words and _plain(words[0]) in KEYWORDS:
            raise SyntaxProblem(f"syntax error: '{words[0][0].value}' is not simulated on the virtual board")
        return Command(tuple(words), tuple(redirections))

    def redirection(self) -> Redirection:
        token = self.tokens.popleft()
        assert isinstance(token, Operator)
        operator = token.text.lstrip("12")
        target = self.tokens.popleft() if self.tokens else Operator("\n")
        if isinstance(target, Operator):
            raise _unexpected(target)
        given = token.text[: -len(operator)]
        return Redirection(int(given or ("0" if operator == "<" else "1")), operator, target)

    def at_redirection(self) -> bool:
        token = self.tokens[0] if self.tokens else None
        return isinstance(token, Operator) and token.text.lstrip("12") in REDIRECTIONS

    def accept_word(self, text: str) -> bool:
        token = self.tokens[0]
        if not isinstance(token, Operator) and _plain(token) == text:
            self.tokens.popleft()
            return True
        return False

    def accept(self, operator: str) -> bool:
        if self.tokens and self.tokens[0] == Operator(operator):
            self.tokens.popleft()
            return True
        return False


def _plain(word: Word) -> str | None:
    """Return the text of a word that is nothing but unquoted text."""
    return word[0].value if len(word) == 1 and word[0].kind == "text" and not word[0].quoted else None


def _unexpected(token: Word | Operator) -> SyntaxProblem:
    text = token.text if isinstance(token, Operator) else "".join(part.value for part in token)
    if text in ("&", "(", ")", "<<", ";;"):
        return SyntaxProblem(f"syntax error: '{text}' is not simulated on the virtual board")
    return SyntaxProblem(f"syntax error near unexpected token '{'newline' if text == chr(10) else text}'")
