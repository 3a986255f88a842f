"""Label selectors in Kubernetes' grammar: parsed, matched, and rendered as the controller gives them back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

NONE = "<none>"
"""How a selector without requirements is rendered."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_TOKEN = re.compile(r"\s*(==|!=|[=<>!(),]|[^\s=!<>(),]+)")

_SYMBOLS = frozenset({"==", "!=", "=", "<", ">", "!", "(", ")", ","})
_COMPARISONS = frozenset({"=", "==", "!=", "<", ">"})
_MEMBERSHIPS = frozenset({"in", "notin"})

NAME_LIMIT = 63
SUBDOMAIN_LIMIT = 253


class SelectorError(ValueError):
    """A text is no label selector, or none that a lease may have."""


def is_label_value(text: str) -> bool:
    """Whether a text may be a label's value."""
    return not text or (len(text) <= NAME_LIMIT and _NAME.fullmatch(text) is not None)


def is_subdomain(text: str) -> bool:
    """Whether a text is a lower-case DNS subdomain, as object names and prefixes of label keys are."""
    return len(text) <= SUBDOMAIN_LIMIT and _SUBDOMAIN.fullmatch(text) is not None


def is_label_key(text: str) -> bool:
    """Whether a text may be a label's key."""
    prefix, slash, name = text.rpartition("/")
    if slash and not is_subdomain(prefix):
        return False
    return bool(name) and is_label_value(name)


@dataclass(frozen=True)
class Requirement:
    """One condition on labels.

    Attributes:
        key: The label's key.
        operator: ``=``, ``==``, ``!=``, ``in``, ``notin``, ``<``, ``>``, ``exists`` or ``!`` (does not exist).
        values: What it is compared with.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it. Only the negative operators are met by a label that is not there."""
        value = labels.get(self.key)
        if self.operator in ("=", "==", "in"):
            return value in self.values
        if self.operator in ("!=", "notin"):
            return value not in self.values
        if self.operator == "exists":
            return value is not None
        if self.operator == "!":
            return value is None
        return value is not None and _compare(self.operator, value, self.values[0])

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        if self.operator in _MEMBERSHIPS:
            return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"
        return f"{self.key}{self.operator}{self.values[0]}"


def _compare(operator: str, value: str, limit: str) -> bool:
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        return False
    return int(value) < int(limit) if operator == "<" else int(value) > int(limit)


@dataclass(frozen=True)
class Selector:
    """Requirements that labels have to meet all together. An empty one is met by all labels.

    Attributes:
        requirements: The requirements, sorted by key.
    """

    requirements: tuple[Requirement, ...] = ()
    _text: str = field(init=False, compare=False, repr=False, default="")

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.requirements, key=lambda requirement: requirement.key))
        object.__setattr__(self, "requirements", ordered)
        object.__setattr__(self, "_text", ",".join(map(str, ordered)))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet all requirements."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def equalities(self) -> dict[str, str]:
        """Key and value of the requirements with ``=``: what a lease made with this selector gets as labels."""
        return {one.key: one.values[0] for one in self.requirements if one.operator == "="}

    @property
    def keys(self) -> list[str]:
        """The keys that are asked for, each once."""
        return list(dict.fromkeys(requirement.key for requirement in self.requirements))

    def with_prefix(self, prefix: str) -> Selector:
        """Return the same requirements on keys with a prefix."""
        return Selector(tuple(Requirement(prefix + one.key, one.operator, one.values) for one in self.requirements))

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def __str__(self) -> str:
        return self._text

    @property
    def rendered(self) -> str:
        """The text that the controller answers with; ``<none>`` for an empty selector."""
        return self._text or NONE


def parse(text: str) -> Selector:
    """Return the selector that a text stands for.

    Args:
        text: Requirements, separated by commas; an empty text selects everything.

    Raises:
        SelectorError: It is no label selector.
    """
    return Selector(tuple(_Parser(text).requirements()))


def parse_for_lease(text: str) -> Selector:
    """Return the selector that a lease keeps of a text: without ``!=``, which becomes ``notin``, one for each key.

    Args:
        text: The selector as the client wrote it.

    Raises:
        SelectorError: It is no label selector, uses ``==``, ``<`` or ``>``, or wants two values of one label.
    """
    try:
        selector = parse(text)
    except SelectorError as error:
        raise SelectorError(f"failed to parse label selector: {error}") from error
    return Selector(tuple(_stored(selector.requirements)))


def _stored(requirements: Iterable[Requirement]) -> Iterator[Requirement]:
    equal: dict[str, str] = {}
    unequal: dict[str, dict[str, None]] = {}
    others: list[Requirement] = []
    for one in requirements:
        if one.operator == "=":
            if equal.setdefault(one.key, one.values[0]) != one.values[0]:
                raise SelectorError(
                    f"conflicting values for label {one.key!r} in selector: {equal[one.key]!r} and {one.values[0]!r}"
                )
        elif one.operator == "!=":
            unequal.setdefault(one.key, {})[one.values[0]] = None
        elif one.operator in ("in", "notin", "exists", "!"):
            others.append(one)
        else:
            raise SelectorError(f"unsupported label selector operator: {one.operator}")
    yield from (Requirement(key, "=", (value,)) for key, value in equal.items())
    yield from others
    yield from (Requirement(key, "notin", tuple(values)) for key, values in unequal.items())


class _Parser:
    """Reads requirements token by token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def requirements(self) -> Iterator[Requirement]:
        if not self._tokens:
            return
        yield self._requirement()
        while self._at < len(self._tokens):
            self._expect(",")
            # A comma may be the last token: nothing is asked for behind it.
            if self._at < len(self._tokens):
                yield self._requirement()

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._at += 1
            return Requirement(self._key(), "!")
        key = self._key()
        operator = self._peek()
        if operator in ("", ","):
            return Requirement(key, "exists")
        self._at += 1
        if operator in _MEMBERSHIPS:
            return Requirement(key, operator, self._values())
        if operator not in _COMPARISONS:
            raise self._error(f"found {operator!r} where an operator was expected")
        value = self._value()
        if operator in "<>" and not re.fullmatch(r"[+-]?[0-9]+", value):
            raise self._error(f"{operator!r} compares with whole numbers, not with {value!r}")
        return Requirement(key, operator, (value,))

    def _key(self) -> str:
        key = self._peek()
        if not is_label_key(key):
            raise self._error(f"found {key!r} where a label key was expected")
        self._at += 1
        return key

    def _values(self) -> tuple[str, ...]:
        self._expect("(")
        values = [self._value()]
        while self._peek() == ",":
            self._at += 1
            values.append(self._value())
        self._expect(")")
        return tuple(dict.fromkeys(values))

    def _value(self) -> str:
        token = self._peek()
        if token in ("", ",", ")"):
            return ""
        if token in _SYMBOLS or not is_label_value(token):
            raise self._error(f"found {token!r} where a label value was expected")
        self._at += 1
        return token

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _expect(self, symbol: str) -> None:
        if self._peek() != symbol:
            raise self._error(f"found {self._peek()!r} where {symbol!r} was expected")
        self._at += 1

    def _error(self, trouble: str) -> SelectorError:
        return SelectorError(f"couldn't parse the selector string {self._text!r}: {trouble}")
