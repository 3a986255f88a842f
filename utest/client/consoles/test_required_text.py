"""Texts that an expression needs: never one that a match can do without; and the patterns that are found by them."""

from __future__ import annotations

import random
import re
import sys

import pytest

from JumpstarterLibrary.client.consoles.pattern_index import PatternIndex, WordIndex
from JumpstarterLibrary.client.consoles.required_text import RequiredTexts, required_texts


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ("panic", ["panic"]),
        (r"^Kernel panic - .*: \d+$", ["Kernel panic - "]),
        (r"usb \d+-\d+: device not (?:accepting|responding)", [": device not "]),
        (r"(?:Oops|BUG|kernel BUG)(?: at)?", ["BUG", "Oops", "kernel BUG"]),
        (r"(?P<what>fatal error)+", ["fatal error"]),
        (r"(fatal error)*", []),
        (r"(fatal error)?", []),
        (r"(?:fatal error){0,3}x", []),
        (r"(?:fatal error){2}", ["fatal error"]),
        (r"one|two|x", []),
        (r"one|(?:twelve|three)", ["one", "three", "twelve"]),
        (r"(one|)two?", ["tw"]),
        (r"abc?def", ["def"]),
        (r"abc*def", ["def"]),
        (r"abcd+ef", ["abcd"]),
        (r"ab+cde", ["bcde"]),
        (r"abc{0}de.", ["ab"]),
        (r"abcd{,2}", ["abc"]),
        (r"abcd{", ["abcd{"]),
        (r"a{,}bcd", ["bcd"]),
        (r"abc??de{3}", ["ab"]),
        (r"\[ *\d+\.\d{6}\] Oops", ["] Oops"]),
        (r"[]abc]error[^]]", ["error"]),
        (r"[\[]error[\]\\]", ["error"]),
        (r"error\.\*", ["error.*"]),
        (r"(?=panic)....", []),
        (r"(?!panic)stop", ["stop"]),
        (r"(?<=panic) stop", [" stop"]),
        (r"foo\bbar\Z", ["foobar"]),
        (r"\x41BCDE", []),
        (r"\101BCDE", []),
        (r"(a)\1BCDE", []),
        (r"(?P<q>a)(?P=q)BCDE", []),
        (r"(a)?(?(1)bcd|efg)hij", []),
        (r"(?#comment)panic", []),
        (r"(?x) pa nic # comment", []),
        (r"(?x: pa nic)", []),
        (r"(?i:panic) attack", [" attack"]),
        (r"(?>panic) now", ["panic"]),
        (r"panic++now", ["panic"]),
        ("ab", ["ab"]),
        ("a", []),
        ("^", []),
    ],
)
def test_texts(expression: str, texts: list[str]) -> None:
    assert required_texts(re.compile(expression, re.MULTILINE)) == RequiredTexts(frozenset(texts))


def test_letters_of_any_case() -> None:
    assert required_texts(re.compile("(?i)Kernel PANIC")) == RequiredTexts(frozenset(["kernel panic"]), True)
    assert required_texts(re.compile("(?im)stra\u00dfe")) == RequiredTexts()


def test_no_match_is_without_its_texts() -> None:
    """Expressions and texts at random: what matches holds one of the texts, so that nothing is overlooked."""
    seed = random.randrange(2**32)
    source = random.Random(seed)
    pieces = ("abc", "bca", "a", "c", ".", "[ab]", "[^a]", r"\w", "^", r"\b", "(abc|b)", "(?:cab)", "(a|)", "(?i:ab)")
    behind = ("", "", "", "?", "*", "+", "{2}", "{0,1}", "{,1}", "+?", "??", "|")
    needed = 0
    for _ in range(700):
        text = "".join(source.choice(pieces) + source.choice(behind) for _ in range(source.randint(1, 5)))
        try:
            expression = re.compile(text, source.choice((0, re.IGNORECASE)))
        except re.error:
            continue
        required = required_texts(expression)
        needed += bool(required.texts)
        for _ in range(10):
            match = expression.search("".join(source.choices("abcABC", k=12)))
            if match is not None and required.texts:
                found = match.group().lower() if required.folded else match.group()
                assert any(each in found for each in required.texts), f"seed {seed}: {text!r} in {match.group()!r}"
    assert needed > 30


@pytest.mark.parametrize("package", ["with", "without"])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["digit"]),
        ("kernel BUG at", ["digit", "bug", "kernel bug"]),
        ("KERNEL panic", ["digit", "panic"]),
        ("\u212aernel panic", ["digit", "panic"]),
        ("one or two", ["digit", "several"]),
        ("gr\u00fc\u00df", ["digit", "panic", "greeting"]),
    ],
)
def test_candidates(text: str, found: list[str], package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if package == "without":
        monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    patterns = {
        "digit": r"\d",
        "bug": "BUG",
        "kernel bug": "kernel BUG",
        "panic": "(?i)kernel panic",
        "several": "one|two",
        "greeting": "gr\u00fc\u00df",
    }
    index = PatternIndex([(name, required_texts(re.compile(each))) for name, each in patterns.items()])
    assert index.candidates(text) == found


@pytest.mark.parametrize("package", ["with", "without"])
@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", []),
        ("no word", []),
        ("Boot, reboot and BOOTP", [0, 8, 17]),
        ("\u0130\u0130 U-Boot, then a reset", [5, 18]),
        ("\udc80 boot", [2]),
    ],
)
def test_places_of_words(text: str, places: list[int], package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if package == "without":
        monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    assert WordIndex(["boot", "reset"]).places(text) == places
