"""However the bytes of a console are cut into pieces, their text, their transcript and its masks are the same."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from JumpstarterLibrary.client.consoles.secrets import Secrets
from JumpstarterLibrary.client.consoles.transcript import Transcript
from JumpstarterLibrary.client.text import Normaliser, without_erased, without_escapes
from JumpstarterLibrary.printable import printable, printable_line, printable_prose

SECRET = "s3cr3t-t0ken-value"

PIECES = [
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\r\n",
        b"\x1b",
        b"\x1b[",
        b"31m",
        b"\x1b]",
        b"52;c;",
        b"\x07",
        b"\x1b\\",
        b"\b",
        b"\0",
    ),
    *(b"[    1.000000] ", b"<6>", b"[", b"1.5", b"\xff", b"\xc3", b"\xbc", b"\xe2\x80", b"\xae", b"\x9b", b"login: "),
    *(SECRET.encode(), SECRET[:7].encode(), SECRET[7:].encode(), b" ", b"x", b"\0"),
]
CHUNKS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=30)
TEXTS = st.lists(st.sampled_from([one.decode(errors="replace") for one in PIECES]) | st.text(max_size=3)).map("".join)


def _text(chunks: list[bytes]) -> str:
    normaliser = Normaliser()
    return "".join(map(normaliser.feed, chunks))


@given(CHUNKS)
@example([b"\x1b]8;;http://x\x1b", b"\\link"])
def test_text_does_not_depend_on_the_borders_of_chunks(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert _text(chunks) == _text([whole]) == _text([whole[index : index + 1] for index in range(len(whole))])


@given(CHUNKS)
def test_text_has_nothing_that_searches_trip_over(chunks: list[bytes]) -> None:
    text = _text(chunks)
    assert not {"\r", "\0", "\x07"} & set(text)
    assert "\b" not in without_erased(text)


@given(TEXTS)
def test_shown_text_acts_nowhere_and_stays_as_it_is(text: str) -> None:
    for shown in (printable(text), printable_line(text), printable_prose(text), printable(without_escapes(text))):
        assert not {"\x1b", "\x9b", "\b", "\r", "\0", "\x07", "\u202e"} & set(shown)
        assert printable(shown) == shown
    assert "\n" not in printable_line(text)


@given(CHUNKS)
def test_a_transcript_has_every_byte_but_secrets(tmp_path: Path, chunks: list[bytes]) -> None:
    path = tmp_path / "console.log"
    path.unlink(missing_ok=True)
    whole = b"".join(chunks)
    transcript, normaliser = Transcript(path, "console", Secrets(lambda: [SECRET])), Normaliser()
    for chunk in chunks:
        transcript.received(chunk, normaliser.feed(chunk))
    transcript.close()
    assert path.read_bytes() == whole.replace(SECRET.encode(), b"*" * len(SECRET))
    assert SECRET.encode() not in path.with_suffix(".timed.log").read_bytes()
    path.with_suffix(".timed.log").unlink()
