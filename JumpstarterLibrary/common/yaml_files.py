"""Read YAML files of any origin: what cannot be used gives one sentence with file, line and key.

A file may come from a stranger: its size, depth and what its aliases grow to have limits, and no tag builds an object.
No sentence shows a value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from JumpstarterLibrary.common.values import InvalidSetting, type_name
from JumpstarterLibrary.errors import ConfigurationError

SIZE = 4 * 1024 * 1024
"""Bytes of a file at most."""

DEPTH = 50
"""Mappings and lists in each other at most."""

WRITTEN = 25_000
"""Keys and values at most that are written in a file: PyYAML needs nearly a second for them."""

VALUES = 100_000
"""Values at most, those counted again that an alias repeats."""

_BOOLEAN = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_VALUE = "tag:yaml.org,2002:value"

_KEY = re.compile(r"\s*(?:- +)*[\"']?([\w.-]{1,64})[\"']?\s*:(?:\s|$)")
_QUOTED = re.compile(r" '(?!<)[^']{5,}'| \"[^\"]{5,}\"")
"""What PyYAML quotes of a text, other than single characters."""


class YamlFile:
    """One YAML file: a mapping, and where its keys stand.

    Attributes:
        source: The file in words, for errors.
        content: The mapping; empty for an empty file.
    """

    def __init__(self, source: str, content: dict[Any, Any], root: yaml.Node | None) -> None:
        self.source = source
        self.content = content
        self._root = root

    def line(self, place: str) -> int | None:
        """Return the line of a setting, or of the innermost mapping on the way that is there; from 1 on.

        Args:
            place: The keys that lead to it, as in ``InvalidSetting``.
        """
        node, line, rest = self._root, None, place
        while node is not None and rest:
            step = _step(node, rest)
            if step is None:
                break
            node, line, rest = step
        return line

    @contextmanager
    def located(self) -> Iterator[None]:
        """Add file and line to the errors of a block that reads settings.

        Raises:
            ConfigurationError: In place of the ``InvalidSetting`` or other ``ConfigurationError`` of the block.
        """
        try:
            yield
        except InvalidSetting as error:
            line = self.line(error.place)
            raise self._error(f"{self.source}{f', line {line}' if line else ''}", error) from error
        except ConfigurationError as error:
            raise self._error(self.source, error) from error

    @staticmethod
    def _error(where: str, error: ConfigurationError) -> ConfigurationError:
        made = ConfigurationError(f"{where}: {error.facts}", fault=error.fault)
        made.hints = error.hints
        return made


def read_yaml(path: str | PathLike[str], source: str = "The file", *, empty: bool = True) -> YamlFile:
    """Read a file that holds a mapping.

    Args:
        path: The file.
        source: What it is, in words that begin a sentence. Default: "The file".
        empty: Whether it may hold nothing. Default: yes.

    Raises:
        ConfigurationError: It cannot be read, is no YAML, or holds something else.
    """
    named = f"{source} {str(path)!r}"
    try:
        with Path(path).open("rb") as file:
            data = file.read(SIZE + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigurationError(f"{named} cannot be read: {reason}. Check its path.") from error
    if len(data) > SIZE:
        raise ConfigurationError(f"{named} has more than {SIZE // 1024**2} MiB. Check that it is the right file.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{named} is no UTF-8 text: line {line} has other bytes.") from None
    return parse_yaml(text, named, empty=empty)


def parse_yaml(text: str, source: str, *, empty: bool = True) -> YamlFile:
    """Parse a text that holds a mapping.

    Args:
        text: The text.
        source: Where it comes from, in words that begin a sentence.
        empty: Whether it may hold nothing. Default: yes.

    Raises:
        ConfigurationError: It is no YAML, or holds something else.
    """
    try:
        # PyYAML reads the first characters when it is made.
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            _check_growth(root)
            content = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{source} is no valid YAML{_problem(error, text)}.") from None
    if not (isinstance(content, dict) or (content is None and empty)):
        raise ConfigurationError(f"{source} must hold a mapping, not {type_name(content)}.")
    return YamlFile(source, content or {}, root)


class _Loader(yaml.SafeLoader):
    """The safe loader with limits; the keys ``on``, ``off``, ``yes`` and ``no`` are text: drivers have such methods."""

    def __init__(self, text: str) -> None:
        self._depth = 0
        self._written = 0
        self._flat: set[yaml.MappingNode] = set()
        super().__init__(text)
        # What PyYAML would construct later is constructed at once, where the node is known that an error belongs to.
        self.deep_construct = True

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._written += 1
        if self._written > WRITTEN:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=_TOO_MANY, problem_mark=event.start_mark)
        self._depth += 1
        if self._depth > DEPTH and self.check_event(yaml.CollectionStartEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Replace the merge keys of a mapping by the pairs that they stand for; its own pairs go before those."""
        if node in self._flat:
            return
        self._flat.add(node)
        pairs = [(_text_key(key), value) for key, value in node.value]
        own = self._by_key([pair for pair in pairs if pair[0].tag != _MERGE])
        merged: dict[Hashable, tuple[yaml.Node, yaml.Node]] = {}
        for source in (source for name, value in pairs if name.tag == _MERGE for source in _merge_sources(value)):
            self.flatten_mapping(source)
            for key, pair in self._by_key(source.value).items():
                # The first mapping that has a key gives its value.
                merged.setdefault(key, pair)
        node.value = [pair for key, pair in merged.items() if key not in own] + [*own.values()]

    def _by_key(self, pairs: list[tuple[yaml.Node, yaml.Node]]) -> dict[Hashable, tuple[yaml.Node, yaml.Node]]:
        """Return the pairs of a mapping by their keys.

        Raises:
            yaml.MarkedYAMLError: A key is there twice, so that one of its values would be lost, or can be none.
        """
        found: dict[Hashable, tuple[yaml.Node, yaml.Node]] = {}
        for node, value in pairs:
            key = self.construct_object(node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.MarkedYAMLError(problem="found unhashable key", problem_mark=node.start_mark)
            if key in found:
                raise yaml.MarkedYAMLError(problem="this key is there twice", problem_mark=node.start_mark)
            found[key] = node, value
        return found

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            made = super().construct_object(node, deep)
            _check_scalar(made)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
            # What PyYAML's constructors raise for `!!int x`, `!!bool x`, `!!timestamp x` and 2026-99-99, and our check.
            problem = "this value is not what its form or its tag says"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error
        return made


def _check_scalar(value: object) -> None:
    """Check that a number can be written and a text be sent.

    Raises:
        ValueError: A number is longer than any float, or a text has half of a character (``"\\uD800"``).
    """
    if isinstance(value, int):
        float(value)
    elif isinstance(value, str):
        value.encode()


_TOO_DEEP = f"more than {DEPTH} mappings and lists are in each other"
_TOO_MANY = f"more than {WRITTEN:,} keys and values"


def _text_key(node: yaml.Node) -> yaml.Node:
    if not isinstance(node, yaml.ScalarNode) or node.tag not in (_BOOLEAN, _VALUE):
        return node
    return yaml.ScalarNode(_TEXT, node.value, node.start_mark, node.end_mark)


def _merge_sources(node: yaml.Node) -> list[yaml.MappingNode]:
    """Return the mappings that a merge key names: one, or a list of them."""
    sources: list[Any] = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for source in sources:
        if not isinstance(source, yaml.MappingNode):
            problem = f"expected a mapping or list of mappings for merging, but found {source.id}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=source.start_mark)
    return sources


def _check_growth(root: yaml.Node | None) -> None:
    """Check what the aliases of a document grow to, before they do.

    Raises:
        yaml.MarkedYAMLError: An alias is part of itself, or there are too many values, or they lie too deep.
    """
    sizes: dict[int, tuple[int, int]] = {}
    open_nodes: set[int] = set()

    def grown(node: yaml.Node) -> tuple[int, int]:
        """Return how many values a node has in all, and how deep they lie."""
        known = sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in open_nodes:
            raise yaml.MarkedYAMLError(problem="an alias is part of itself", problem_mark=node.start_mark)
        open_nodes.add(id(node))
        size, depth = 1, 0
        for child in _children(node):
            more, below = grown(child)
            size, depth = size + more, max(depth, below + 1)
            if size > VALUES or depth > DEPTH:
                what = f"more than {VALUES:,} values, with those that aliases repeat" if size > VALUES else _TOO_DEEP
                raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark)
        open_nodes.discard(id(node))
        sizes[id(node)] = size, depth
        return size, depth

    if root is not None:
        grown(root)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _step(node: yaml.Node, place: str) -> tuple[yaml.Node, int, str] | None:
    """Return the node that the first key of a place leads to, its line, and the rest of the place."""
    if isinstance(node, yaml.SequenceNode):
        index = re.match(r"\[(\d+)\]\.?", place)
        if index is None or int(index[1]) >= len(node.value):
            return None
        child = node.value[int(index[1])]
        return child, child.start_mark.line + 1, place[index.end() :]
    if isinstance(node, yaml.MappingNode):
        # Keys may have dots: the longest one that fits.
        for key, child in sorted(node.value, key=lambda pair: -len(str(pair[0].value))):
            rest = place.removeprefix(str(key.value))
            if rest != place and (not rest or rest[0] in ".["):
                return child, key.start_mark.line + 1, rest.removeprefix(".")
    return None


def _problem(error: yaml.YAMLError, text: str) -> str:
    """Return where a text is wrong and how, without anything that is in it but keys."""
    if isinstance(error, yaml.reader.ReaderError):
        problem = f"the character U+{error.character:04X} may not be in it"
        place: tuple[int, ...] = (text.count("\n", 0, error.position) + 1,)
    else:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = _QUOTED.sub("", getattr(error, "problem", None) or "it cannot be parsed")
        context = getattr(error, "context", None)
        if problem.startswith("but ") and context:
            problem = f"{context}, {problem}"
        place = (mark.line + 1, mark.column + 1) if mark is not None else ()
    words = [f"{name} {number}" for name, number in zip(("line", "column"), place, strict=False)]
    key = _key_before(text, place[0]) if place else None
    where = f" in {', '.join(words)}{f', at the key {key!r}' if key else ''}" if words else ""
    return f"{where}: {problem}"


def _key_before(text: str, line: int) -> str | None:
    """Return the last key at the beginning of a line, up to a line."""
    keys = (_KEY.match(content) for content in reversed(text.split("\n", line)[:line]))
    return next((key[1] for key in keys if key is not None), None)
