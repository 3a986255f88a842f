"""Words, quotes and variables of the command language that the U-Boot prompt and the Linux shell share."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

SHELL_OPERATORS = ("&&", "||", ";;", "<<", ">>", ">&", "&>", "\n", ";", "|", "&", "<", ">", "(", ")")
UBOOT_OPERATORS = ("&&", "||", "\n", ";")

EXPANSION_LIMIT = 1024 * 1024
"""Characters that the words of one command stand for."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[?$#0-9]")
_BRACED_NAME = re.compile(r"([A-Za-z0-9_.-]+|[?$#])(:-.*)?")

Kind: TypeAlias = Literal["text", "variable", "command"]


class Incomplete(Exception):
    """The text needs another line."""


class SyntaxProblem(Exception):
    """The text is not in this language; the message is what the shell prints."""


@dataclass(frozen=True)
class Part:
    """A piece of a word: literal text, a variable's name, or a command whose output stands here."""

    kind: Kind
    value: str
    quoted: bool = False


Word: TypeAlias = tuple[Part, ...]


@dataclass(frozen=True)
class Operator:
    """A token that is no word."""

    text: str


def tokenize(text: str, operators: tuple[str, ...] = SHELL_OPERATORS) -> list[Word | Operator]:
    """Return the words and operators of a text.

    Raises:
        Incomplete: A quote or parenthesis is not closed.
        SyntaxProblem: An expansion is not in this language.
    """
    return _Lexer(text, operators).run()


async def expand(
    words: Iterable[Word], lookup: Callable[[str], str], substitute: Callable[[str], Awaitable[str]]
) -> list[str]:
    """Return what words stand for: each one field, or several (or none) where something unquoted holds blanks.

    Args:
        words: The words.
        lookup: Returns a variable's value.
        substitute: Returns a command's output.

    Raises:
        SyntaxProblem: The fields are longer than 1 MiB.
    """
    found: list[str] = []
    room = EXPANSION_LIMIT
    for word in words:
        fields = [""]
        async for value, split in _values(word, lookup, substitute):
            room -= len(value)
            if room < 0:
                raise SyntaxProblem("argument list too long")
            if split:
                _append_split(fields, value)
            else:
                fields[-1] += value
        if not fields[-1] and (len(fields) > 1 or not any(part.quoted for part in word)):
            fields.pop()
        found += fields
    return found


async def expand_unsplit(word: Word, lookup: Callable[[str], str], substitute: Callable[[str], Awaitable[str]]) -> str:
    """Return what a word stands for where blanks do not split: in assignments and redirections."""
    quoted = tuple(Part(part.kind, part.value, quoted=True) for part in word)
    return "".join(await expand([quoted], lookup, substitute))


async def _values(
    word: Word, lookup: Callable[[str], str], substitute: Callable[[str], Awaitable[str]]
) -> AsyncIterator[tuple[str, bool]]:
    """Yield each part's value, and whether it is split at blanks."""
    for part in word:
        value = part.value
        if part.kind == "variable":
            name, _, default = value.partition(":-")
            value = lookup(name) or default
        elif part.kind == "command":
            value = (await substitute(value)).rstrip("\n")
        yield value, part.kind != "text" and not part.quoted


def _append_split(fields: list[str], value: str) -> None:
    pieces = value.split()
    if pieces and value[0].isspace() and fields[-1]:
        fields.append("")
    if pieces:
        fields[-1] += pieces[0]
        fields += pieces[1:]
        if value[-1].isspace():
            fields.append("")


class _Lexer:
    def __init__(self, text: str, operators: tuple[str, ...]) -> None:
        self.text = text
        self.position = 0
        self.operators = operators
        self.parts: list[Part] = []
        self.tokens: list[Word | Operator] = []

    def run(self) -> list[Word | Operator]:
        while character := self.peek():
            if character in " \t\r":
                self.end_word()
                self.position += 1
            elif character == "#" and not self.parts:
                newline = self.text.find("\n", self.position)
                self.position = len(self.text) if newline < 0 else newline
            elif operator := next((o for o in self.operators if self.text.startswith(o, self.position)), None):
                self.operator(operator)
            else:
                self.piece(self.take())
        self.end_word()
        return self.tokens

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def take(self) -> str:
        if not (character := self.peek()):
            raise Incomplete
        self.position += 1
        return character

    def until(self, end: str) -> str:
        stop = self.text.find(end, self.position)
        if stop < 0:
            raise Incomplete
        taken, self.position = self.text[self.position : stop], stop + len(end)
        return taken

    def operator(self, operator: str) -> None:
        self.position += len(operator)
        if operator[0] in "<>" and self.parts in ([Part("text", "1")], [Part("text", "2")]):
            operator = self.parts.pop().value + operator  # 2> is a redirection; "x2>" is a word before one
        self.end_word()
        self.tokens.append(Operator(operator))

    def end_word(self) -> None:
        if self.parts:
            self.tokens.append(tuple(self.parts))
            self.parts = []

    def add(self, kind: Kind, value: str, quoted: bool) -> None:
        last = self.parts[-1] if self.parts else None
        if last and kind == last.kind == "text" and quoted == last.quoted:
            self.parts[-1] = Part("text", last.value + value, quoted)
        else:
            self.parts.append(Part(kind, value, quoted))

    def piece(self, character: str) -> None:
        match character:
            case "'":
                self.add("text", self.until("'"), True)
            case '"':
                self.double_quoted()
            case "\\":
                if (escaped := self.take()) != "\n":
                    self.add("text", escaped, True)
            case "$" | "`":
                self.substitution(character, quoted=False)
            case _:
                self.add("text", character, False)

    def double_quoted(self) -> None:
        self.add("text", "", True)
        while (character := self.take()) != '"':
            if character == "\\":
                escaped = self.take()
                text = {"\n": ""}.get(escaped, escaped if escaped in '"\\$`' else "\\" + escaped)
                self.add("text", text, True)
            elif character in "$`":
                self.substitution(character, quoted=True)
            else:
                self.add("text", character, True)

    def substitution(self, opening: str, *, quoted: bool) -> None:
        if opening == "`":
            self.add("command", self.until("`"), quoted)
        elif self.text.startswith("((", self.position):
            raise SyntaxProblem("syntax error: $((...)) is not simulated on the virtual board")
        elif self.peek() == "(":
            self.add("command", self.parenthesised(), quoted)
        elif self.peek() == "{":
            self.position += 1
            name = self.until("}")
            if not _BRACED_NAME.fullmatch(name):
                raise SyntaxProblem(f"${{{name}}}: bad substitution")
            self.add("variable", name, quoted)
        elif found := _NAME.match(self.text, self.position):
            self.position = found.end()
            self.add("variable", found[0], quoted)
        else:
            self.add("text", "$", quoted)

    def parenthesised(self) -> str:
        depth, start = 0, self.position + 1
        for index in range(self.position, len(self.text)):
            depth += {"(": 1, ")": -1}.get(self.text[index], 0)
            if depth == 0:
                self.position = index + 1
                return self.text[start:index]
        raise Incomplete
