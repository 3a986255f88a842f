"""Hints of errors: phrased in the terms of who reads them."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import pytest

from JumpstarterLibrary import JumpstarterLibrary
from JumpstarterLibrary.client.events import Notice
from JumpstarterLibrary.errors import (
    BootFailed,
    CommandFailed,
    JumpstarterError,
    OperationTimeout,
    StateBroken,
    UsageError,
)
from JumpstarterLibrary.hints import Hint, with_hints
from JumpstarterLibrary.reporting.hints import ROBOT

APPROVED = (Path(__file__).parent / "approved" / "keywords.txt").read_text()


@pytest.mark.parametrize(
    ("facts", "hint", "text"),
    [
        ("It was not done.", None, "It was not done."),
        ("It was not done.", Hint.NAME_DRIVER, "It was not done. Say which with driver=."),
        ("It was not done:\n  a line", Hint.NAME_DRIVER, "It was not done:\n  a line\nSay which with driver=."),
    ],
)
def test_a_message(facts: str, hint: Hint | None, text: str) -> None:
    hints = () if hint is None else (hint,)
    assert with_hints(facts, hints) == text
    error = UsageError(facts, hint=hint)
    assert (str(error), error.facts, error.hints, error.args) == (text, facts, hints, (facts,))
    assert Notice(facts, hints=hints).phrased() == text


def test_each_face_has_its_own_terms() -> None:
    error = CommandFailed("It was not run.", hint=Hint.LOG_IN)
    assert str(error) == "It was not run. Log in first, with log_in()."
    error.phrase_hints(ROBOT)
    assert str(error) == error.message == "It was not run. Try Log In To Console first."
    assert error.facts == "It was not run."
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error)), error.reworded(CommandFailed, error.facts)):
        assert str(again) == str(error)
    notice = Notice("It was not run.", hints=(Hint.LOG_IN,))
    assert notice.phrased(ROBOT) == str(error)


def test_an_error_that_tells_of_another_one_keeps_its_hint() -> None:
    error = OperationTimeout("It was too slow.", hint=Hint.GIVE_TIME)
    other = error.reworded(BootFailed, f"It did not boot. {error.facts}")
    assert str(other) == "It did not boot. It was too slow. Give it more time with timeout=."
    broken = other.reworded(StateBroken, "It was not tried again.", Hint.DEFINE_STATE)
    assert broken.hints == (Hint.GIVE_TIME, Hint.DEFINE_STATE)
    assert other.hints == (Hint.GIVE_TIME,)
    assert str(broken).startswith("It was not tried again. Give it more time with timeout=. States of")


def test_an_error_that_leaves_a_keyword_hints_at_keywords(monkeypatch: pytest.MonkeyPatch) -> None:
    library = JumpstarterLibrary()

    def fail() -> None:
        raise CommandFailed("It was not run.", hint=Hint.LOG_IN)

    monkeypatch.setitem(library.keywords, "run_command", fail)
    with pytest.raises(JumpstarterError, match=r"^It was not run\. Try Log In To Console first\.$"):
        library.run_keyword("run_command", (), {})


@pytest.mark.parametrize("phrase", ROBOT.values())
def test_keywords_and_arguments_in_hints_are_there(phrase: str) -> None:
    keywords = re.findall(r"^([\w -]+):", APPROVED, re.MULTILINE)
    assert [name for name in keywords if name in phrase] or any(f" {name}:" in APPROVED for name in _arguments(phrase))
    assert all(f" {name}:" in APPROVED for name in _arguments(phrase))


@pytest.mark.parametrize("hint", Hint)
def test_a_hint_is_a_sentence(hint: Hint) -> None:
    assert re.fullmatch(r"[A-Z].*[.?]", hint.value)


def _arguments(phrase: str) -> list[str]:
    return re.findall(r"\b([a-z_]+)=", phrase)
