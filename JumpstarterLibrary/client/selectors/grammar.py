"""The grammar of selectors: that of Kubernetes' labels, less what the controller refuses for leases.

``==``, ``<`` and ``>`` are in Kubernetes' parser but not in the controller's; a lease that asks with them is refused
there with little explanation, so they are refused here with some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from JumpstarterLibrary.client.selectors.model import EVERYTHING, Operator, Requirement, Selector
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.printable import printable_line

EXAMPLE = "board=rpi4,os in (linux,android),!broken"
ALTERNATIVE = "|"

LONGEST = 63
LONGEST_PREFIX = 253
LONGEST_SHOWN = 200
"""Characters of a selector, and of what is wrong with it, in an error."""

_TOKEN = re.compile(r"\s*(?P<token>==|!=|[=!<>(),]|[^\s=!<>(),]+|$)")
_SYMBOLS = frozenset({"==", "!=", "=", "!", "<", ">", "(", ")", ",", ""})
_OPERATORS = {
    "=": Operator.equals,
    "!=": Operator.none_of,
    "in": Operator.any_of,
    "notin": Operator.none_of,
    "exists": Operator.exists,
    "!exists": Operator.absent,
}
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ALPHABET = f"up to {LONGEST} letters, digits, '-', '_' and '.', with a letter or digit at both ends"


def parse_selector(text: str) -> Selector:
    """Return the selector in a text; one without requirements matches everything.

    Args:
        text: As users write it, or as the controller writes it, ``<none>`` too.

    Raises:
        ConfigurationError: It is no selector that the controller takes for a lease; the message has the column.
    """
    if text.strip() == EVERYTHING:
        return Selector()
    if ALTERNATIVE in text:
        raise _error(text, text.index(ALTERNATIVE), "only one selector is possible here, without alternatives")
    return _Parser(text, 0, len(text)).selector()


def parse_alternatives(text: str) -> tuple[Selector, ...]:
    """Return the selectors in a text with alternatives, ``board=a | board=b``, in the order of preference.

    Raises:
        ConfigurationError: One of them is empty, or is no selector; the message has the column in the whole text.
    """
    found = []
    begin = 0
    for part in text.split(ALTERNATIVE):
        end = begin + len(part)
        if not part.strip():
            raise _error(text, begin, f"a selector is needed there, such as {EXAMPLE}")
        found.append(_Parser(text, begin, end).selector())
        begin = end + len(ALTERNATIVE)
    return tuple(found)


@dataclass(frozen=True)
class Term:
    """One requirement of a selector as it is written.

    Attributes:
        key: The label's key.
        operator: ``=``, ``!=``, ``in``, ``notin``, ``exists`` or ``!exists``.
        values: Its values, in their order.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()


def parse_terms(text: str) -> Iterator[Term]:
    """Yield the requirements of a selector one by one, leniently: what is none is left out, and ``==`` means ``=``.

    For texts that are only compared, such as the selectors of other clients' leases. No alphabet is checked.
    """
    for begin, end in _parts(text):
        parser = _Parser(text, begin, end, lenient=True)
        with suppress(ConfigurationError):
            yield parser.only_term()


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a selector are that commas outside of brackets separate."""
    begin = depth = 0
    for index, character in enumerate(f"{text},"):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth <= 0:
            if text[begin:index].strip():
                yield begin, index
            begin = index + 1


def is_name(text: str) -> bool:
    """Whether a text may be the name in a label's key."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Whether a text may be a label's value."""
    return not text or is_name(text)


@dataclass(frozen=True)
class _Token:
    """A symbol or a word; an empty text stands for the end."""

    text: str
    start: int

    @property
    def is_word(self) -> bool:
        return self.text not in _SYMBOLS

    def __str__(self) -> str:
        return f"'{self.text}'" if self.text else "the end"


class _Parser:
    """Reads one selector from a part of a text.

    Args:
        text: The whole text, for errors.
        begin: Where the selector begins in it.
        end: Where it ends.
        lenient: Whether ``==`` and any alphabet are accepted.
    """

    def __init__(self, text: str, begin: int, end: int, *, lenient: bool = False) -> None:
        self._text = text
        self._lenient = lenient
        self._tokens = self._scan(begin, end)
        self._next = next(self._tokens)

    def selector(self) -> Selector:
        """Return the selector."""
        if not self._next.text:
            return Selector()
        equal: dict[str, Requirement] = {}
        unequal: dict[str, tuple[str, ...]] = {}
        others: list[Requirement] = []
        while True:
            token = self._next
            term = self._term()
            one = _requirement(term.key, _OPERATORS[term.operator], term.values)
            if term.operator == "!=":
                # The controller merges those of one key.
                unequal[one.key] = unequal.get(one.key, ()) + one.values
            elif one.operator is not Operator.equals:
                others.append(one)
            elif equal.setdefault(one.key, one) != one:
                either = f"{one.key} in ({equal[one.key].values[0]},{one.values[0]})"
                raise self._refused(token, f"'{one.key}' cannot have two values; write '{either}' for either")
            if not self._next.text:
                break
            self._take(",", "',' or the end")
        merged = [_requirement(key, Operator.none_of, values) for key, values in unequal.items()]
        return Selector.of([*equal.values(), *others, *merged])

    def only_term(self) -> Term:
        """Return the one requirement that there is."""
        term = self._term()
        if self._next.text:
            raise self._refused(self._next, f"the end is needed there, not {self._next}")
        return term

    def _term(self) -> Term:
        if self._next.text == "!":
            self._advance()
            return Term(self._key(), "!exists")
        key = self._key()
        operator = self._next
        match operator.text:
            case "" | ",":
                return Term(key, "exists")
            case "=" | "!=":
                return Term(key, operator.text, (self._exact_value(),))
            case "in" | "notin":
                return Term(key, operator.text, self._values())
            case "==" if self._lenient:
                return Term(key, "=", (self._exact_value(),))
            case "==":
                raise self._refused(operator, f"leases take no '=='; write '{key}=' with one '='")
            case "<" | ">":
                raise self._refused(operator, f"leases cannot compare; name the values, '{key} in (4,8)'")
        raise self._refused(operator, f"'=', '!=', 'in', 'notin' or ',' is needed there, not {operator}")

    def _key(self) -> str:
        token = self._next
        if not token.is_word:
            raise self._refused(token, f"a label's key is needed there, not {token}")
        prefix, slash, name = token.text.rpartition("/")
        if self._lenient:
            self._advance()
            return token.text
        if slash and not (len(prefix) <= LONGEST_PREFIX and _PREFIX.fullmatch(prefix)):
            raise self._refused(
                token, f"'{token.text}' is no label's key; before the '/' goes a DNS name in lower case"
            )
        if not is_name(name):
            raise self._refused(token, f"'{token.text}' is no label's key; its name has {_ALPHABET}")
        self._advance()
        return token.text

    def _exact_value(self) -> str:
        self._advance()
        return self._value() if self._next.is_word else ""

    def _values(self) -> tuple[str, ...]:
        self._advance()
        self._take("(", "'(' before the values")
        values = []
        while True:
            # A value may be empty, between commas as well.
            values.append(self._value() if self._next.is_word else "")
            if self._next.text != ",":
                break
            self._advance()
        self._take(")", "',' or ')'")
        return tuple(values)

    def _value(self) -> str:
        token = self._next
        if not (self._lenient or is_value(token.text)):
            raise self._refused(token, f"'{token.text}' is no label's value; it has {_ALPHABET}")
        self._advance()
        return token.text

    def _take(self, text: str, needed: str) -> None:
        if self._next.text != text:
            raise self._refused(self._next, f"{needed} is needed there, not {self._next}")
        self._advance()

    def _advance(self) -> None:
        self._next = next(self._tokens)

    def _scan(self, begin: int, end: int) -> Iterator[_Token]:
        while (match := _TOKEN.match(self._text, begin, end)) and match["token"]:
            yield _Token(match["token"], match.start("token"))
            begin = match.end()
        while True:
            yield _Token("", end)

    def _refused(self, token: _Token, reason: str) -> ConfigurationError:
        return _error(self._text, token.start, reason)


def _requirement(key: str, operator: Operator, values: tuple[str, ...]) -> Requirement:
    return Requirement(key, operator, tuple(sorted(set(values))))


def _error(text: str, index: int, reason: str) -> ConfigurationError:
    return ConfigurationError(f"The selector '{_cut(text)}' is wrong at column {index + 1}: {_cut(reason)}.")


def _cut(text: str) -> str:
    line = printable_line(text)
    return line if len(line) <= LONGEST_SHOWN else f"{line[: LONGEST_SHOWN - 1]}…"
