"""Secrets: hidden wherever they stand as words, and where they come back."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.consoles.secrets import MASK, Secrets


@pytest.fixture
def secrets() -> Secrets:
    secrets = Secrets()
    secrets.typed("hunter42", 100, 200)
    return secrets


def test_without_secrets_nothing_changes() -> None:
    assert Secrets().hidden("hunter42") == "hunter42"
    assert Secrets().longest == 0


def test_a_word_is_hidden_everywhere(secrets: Secrets) -> None:
    assert secrets.hidden("sh: hunter42: not found") == f"sh: {MASK}: not found"
    assert secrets.hidden("hunter42 'hunter42'") == f"{MASK} '{MASK}'"
    assert secrets.hidden_bytes(b"\r\nhunter42\r\n", 0) == b"\r\n********\r\n"


def test_a_part_of_a_word_is_none(secrets: Secrets) -> None:
    assert secrets.hidden("hunter42pi login:") == "hunter42pi login:"
    assert secrets.hidden_bytes(b"xhunter42", 0) == b"xhunter42"


def test_a_long_secret_with_letters_and_digits_is_hidden_also_within_words() -> None:
    secrets = Secrets()
    secrets.typed("Kq7-geheim-Wort9", 0, 0)
    secrets.typed("correct horse battery", 0, 0)
    assert secrets.hidden("xKq7-geheim-Wort9_y") == f"x{MASK}_y"
    assert secrets.hidden_bytes(b"xKq7-geheim-Wort9_y", 9) == b"x****************_y"
    assert secrets.hidden("correct horse batterys") == "correct horse batterys"


def test_a_short_secret_is_hidden_only_where_it_comes_back() -> None:
    secrets = Secrets()
    secrets.typed("root", 10, 20)
    assert secrets.hidden("root@board") == "root@board"
    assert secrets.hidden("login: root\nroot@", 3) == f"login: {MASK}\nroot@"
    assert secrets.hidden_bytes(b"login: root\nroot@", 13) == b"login: ****\nroot@"
    assert secrets.hidden("root", 50) == "root"


def test_secrets_that_were_not_typed_are_hidden_also_within_words() -> None:
    given = ["token-1", "short"]
    secrets = Secrets(lambda: given)
    assert secrets.longest == 7
    assert secrets.hidden("Xtoken-1X short") == f"X{MASK}X short"
    assert secrets.hidden_bytes(b"Xtoken-1X short", 0) == b"X*******X short"
    given.append("token-12")
    assert secrets.longest == 8
    assert secrets.hidden("token-12 token-1") == f"{MASK} {MASK}"


def test_several_at_once() -> None:
    secrets = Secrets()
    secrets.typed("first one", 0, 0)
    secrets.typed("second.*", 0, 0)
    secrets.typed("", 0, 0)
    assert secrets.hidden("first one second.* secondary") == f"{MASK} {MASK} secondary"
    assert secrets.longest == 9
