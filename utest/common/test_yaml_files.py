"""YAML files of any origin: what cannot be used gives one short sentence with file, line and key, and no value."""

from __future__ import annotations

import copy
import pickle
import traceback
from pathlib import Path

import pytest

from JumpstarterLibrary.common import yaml_files
from JumpstarterLibrary.common.config_reader import ConfigReader
from JumpstarterLibrary.common.values import InvalidSetting, InvalidValue, within
from JumpstarterLibrary.common.yaml_files import SIZE, WRITTEN, YamlFile, parse_yaml, read_yaml
from JumpstarterLibrary.errors import ConfigurationError, FaultClass, UsageError
from JumpstarterLibrary.hints import Hint

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
AT_A = "line 1, column 4, at the key 'a'"
FORM = "this value is not what its form or its tag says"
ODD = ("2026-99-99", "!!int x", "!!bool x", "1" * 5000, f"0x{'f' * 400}", '"\\uD800"')
TAG = "could not determine a constructor for the tag"
END = "but got '<stream end>'"
DEEP = "more than 50 mappings and lists are in each other"
MANY = "more than 100,000 values, with those that aliases repeat"
MERGED = "expected a mapping or list of mappings for merging, but found"
NO_MAPPING = "expected a mapping node, but found"
TWICE = "this key is there twice"


def test_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffa: {b: [1, ü]}\non: 1\noff: 2\nbase: &b {x: 1}\nmore: {<<: *b, x: 2}\n".encode())
    assert read_yaml(path).content == {"a": {"b": [1, "ü"]}, "on": 1, "off": 2, "base": {"x": 1}, "more": {"x": 2}}


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("z: &z {b: 1}\nx: {deep: {deeper: &y {<<: *z, b: 2}}}\ne: {<<: *y}", {"b": 2}),
        ("z: &z {b: 1}\na: &y {<<: *z, b: 2}\ne: {<<: *y}", {"b": 2}),
        ("z: &z {b: 1}\ne: {b: 3, <<: *z}", {"b": 3}),
        ("z: &z {b: 1, c: 1}\ne: {<<: [{b: 2}, *z], d: 3}", {"b": 2, "c": 1, "d": 3}),
        ("z: &z {b: 1}\ne: {<<: {b: 2}, <<: *z}", {"b": 2}),
        ("x: {deep: &y {on: 1, no: 2, =: 4}}\ne: {<<: *y}", {"on": 1, "no": 2, "=": 4}),
        ("z: &z {1: a}\ne: {<<: *z, 0x1: b}", {1: "b"}),
    ],
)
def test_a_mapping_is_merged_wherever_it_lies(text: str, merged: dict[object, object]) -> None:
    assert parse_yaml(text, "The text").content["e"] == merged


def test_a_set_is_read() -> None:
    assert parse_yaml("a: !!set {x, on}", "The text").content == {"a": {"x", "on"}}


@pytest.mark.parametrize(("item", "limit"), [("x,", WRITTEN), ("[],", 1000), ("x: 1,", 1000)])
def test_a_file_with_too_many_values_is_not_read_to_its_end(
    item: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_files, "WRITTEN", limit)
    with pytest.raises(ConfigurationError) as caught:
        parse_yaml(f"a: [{item * limit}\n}}", "The text")
    assert str(caught.value).startswith("The text is no valid YAML in line 1, column ")
    assert str(caught.value).endswith(", at the key 'a': more than 25,000 keys and values.")


def test_what_is_at_the_limit_of_depth_is_read() -> None:
    assert parse_yaml("\n".join(NESTED.split("\n")[:50]), "The text").content["a"] is not None


def test_an_empty_file_where_it_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# nothing\n")
    assert read_yaml(path).content == {}
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(path, "The states file", empty=False)
    assert str(caught.value) == f"The states file '{path}' must hold a mapping, not nothing."


NESTED = "a:\n" + "".join(" " * level + "b:\n" for level in range(1, 60))


@pytest.mark.parametrize(
    ("data", "place", "problem"),
    [
        (b"token: hunter2: x", "line 1, column 15, at the key 'token'", "mapping values are not allowed here"),
        (b"a: 1\ntoken: [hunter2", "line 2, column 16, at the key 'token'", f"expected ',' or ']', {END}"),
        (b'token: "hunter2\nfoo: x', "line 2, column 7, at the key 'foo'", "found unexpected end of stream"),
        (b"token: *hunter2", "line 1, column 8, at the key 'token'", "found undefined alias"),
        (b"token: !hunter2 x", "line 1, column 8, at the key 'token'", TAG),
        (b"a: !!python/object/apply:os.system [x]", AT_A, TAG),
        *((f"a: {value}".encode(), AT_A, FORM) for value in ODD),
        (b"a: 1\nb: 2\na: 3", "line 3, column 1, at the key 'a'", "this key is there twice"),
        (b"on: 1\nb: {c: 2, c: 3}", "line 2, column 11, at the key 'b'", "this key is there twice"),
        (b"1: a\n0x1: b", "line 2, column 1, at the key '0x1'", TWICE),
        (b"1: a\n1.0: b", "line 2, column 1, at the key '1.0'", TWICE),
        (b"~: a\nnull: b", "line 2, column 1, at the key 'null'", TWICE),
        (b".nan: a\n.NaN: b", "line 2, column 1, at the key '.NaN'", TWICE),
        (b"x: {deep: &y {b: 1, b: 2}}\ne: {<<: *y}", "line 1, column 21, at the key 'x'", TWICE),
        (b"!!map x", "line 1, column 1", f"{NO_MAPPING} scalar"),
        *(
            (f"a: !!{tag} {value}".encode(), AT_A, f"{NO_MAPPING} {found}")
            for tag in ("map", "set")
            for value, found in (("x", "scalar"), ("[x]", "sequence"))
        ),
        (b"a: !!omap x", AT_A, "expected a sequence, but found scalar"),
        (b"a: {<<: x}", "line 1, column 9, at the key 'a'", f"{MERGED} scalar"),
        (b"a: {<<: [x]}", "line 1, column 10, at the key 'a'", f"{MERGED} scalar"),
        (b"? !!bool [1]\n: 2", "line 1, column 3", "expected a scalar node, but found sequence"),
        (b"a:\tb", "line 1, column 3, at the key 'a'", "found character '\\t' that cannot start any token"),
        (b"a: 1\nb: \x01", "line 2, at the key 'b'", "the character U+0001 may not be in it"),
        (
            b"a: 1\n--- b: 2\n",
            "line 2, column 1, at the key 'a'",
            "expected a single document in the stream, but found another document",
        ),
        (b"a: " + b"[" * 10_000, "line 1, column 53, at the key 'a'", DEEP),
        (NESTED.encode(), "line 51, column 51, at the key 'b'", DEEP),
        (b"a: &a [*a]", AT_A, "an alias is part of itself"),
        (LAUGHS.encode(), "line 6, column 4, at the key 'f'", MANY),
        (b"? [1]\n: 2", "line 1, column 3", "found unhashable key"),
        (b"{", "line 1, column 2", "expected the node content, but found '<stream end>'"),
    ],
)
def test_what_is_no_yaml_is_told_with_line_and_key(tmp_path: Path, data: bytes, place: str, problem: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"The file '{path}' is no valid YAML in {place}: {problem}."
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"- hunter2", "must hold a mapping, not a list"),
        (b"hunter2", "must hold a mapping, not this text"),
        (b"a: 1\nb: \xff", "is no UTF-8 text: line 2 has other bytes"),
        (b"#" * (SIZE + 1), "has more than 4 MiB. Check that it is the right file"),
    ],
)
def test_what_else_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"The file '{path}' {reason}."
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(tmp_path)
    assert str(caught.value) == f"The file '{tmp_path}' cannot be read: Is a directory. Check its path."
    with pytest.raises(ConfigurationError) as caught:
        read_yaml("a\0b")
    assert str(caught.value) == r"The file 'a\x00b' cannot be read: embedded null byte. Check its path."


TEXT = "boards:\n  a.b:\n    count: 1\n    rules:\n    - x: 1\n    - clients:\n      - y\n"


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("boards", 1),
        ("boards.a.b.count", 3),
        ("boards.a.b.rules[1].clients", 6),
        ("boards.a.b.rules[1].clients[0]", 7),
        ("boards.a.b.missing.x", 2),
        ("boards.a.b.rules[9]", 4),
        ("missing", None),
        ("", None),
    ],
)
def test_the_line_of_a_setting_or_of_what_is_around_it(place: str, line: int | None) -> None:
    assert parse_yaml(TEXT, "The text").line(place) == line


def _count(file: YamlFile) -> float:
    with file.located():
        return ConfigReader(file.content, "").table("board").number("count", 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: 1\nboard:\n  count: many", "F, line 3: board.count: a number is needed, not this text."),
        ("board: {count: .inf}", "F, line 1: board.count: a finite number is needed."),
        ("board: []", "F, line 1: board: a mapping is needed, not a list."),
    ],
)
def test_a_setting_that_is_wrong_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _count(parse_yaml(text, "F"))
    assert str(caught.value) == message


def test_a_place_goes_before_each_error_of_a_part() -> None:
    def at(error: Exception) -> str:
        with pytest.raises(InvalidSetting) as caught, within("boards.a"):
            raise error
        return str(caught.value)

    assert at(InvalidSetting("export", "No.")) == "boards.a.export: No."
    assert at(InvalidSetting("[0].x", "No.")) == "boards.a[0].x: No."
    assert at(InvalidSetting("", "No.")) == "boards.a: No."
    assert at(InvalidValue("text", "a list")) == "boards.a: it must be text, not a list."
    assert at(UsageError("No such key.")) == "boards.a: No such key."


def test_an_error_is_never_longer_than_a_screen() -> None:
    reader = ConfigReader({"k" * 100_000: 1, "choice": "x" * 100_000}, "")
    for read in (lambda: reader.only("a"), lambda: reader.choice("choice", ("a", "b"))):
        with pytest.raises(InvalidSetting) as caught:
            read()
        assert len(str(caught.value)) < 300
    assert len(str(InvalidSetting("a", "x" * 100_000))) < 1000


@pytest.mark.parametrize(
    "error",
    [
        InvalidSetting("boards.a", "No.", (Hint.DEFINE_STATE,)),
        InvalidSetting("", "No."),
        InvalidSetting("k" * 100_000, "No."),
        InvalidValue("text", "a list"),
    ],
)
def test_an_error_survives_copies_and_other_processes(error: InvalidSetting | InvalidValue) -> None:
    if isinstance(error, InvalidSetting):
        error.fault = FaultClass.LAB
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is type(error)
        assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
