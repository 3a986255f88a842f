from __future__ import annotations

import io
from pathlib import Path

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.__main__ import main
from JumpstarterLibrary.exporter.drivers.virtual.image import (
    BadImage,
    Image,
    check_payload,
    make_image,
    read_header,
)

PAYLOAD = bytes(range(256)) * 9000


def load(data: bytes) -> Image:
    file = io.BytesIO(data)
    image = read_header(file)
    list(check_payload(image, file))
    return image


def test_made_image_says_what_it_was_made_of() -> None:
    image = load(make_image(PAYLOAD, hostname="bench-7", cmdline="panic=5", log=["adc0: ready", "adc1: ready"]))
    assert (image.hostname, image.version, image.user, image.password) == ("bench-7", "1.0", "root", "root")
    assert (image.cmdline, image.log, image.size) == ("panic=5", ("adc0: ready", "adc1: ready"), len(PAYLOAD))


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_header_written_by_hand_is_an_image(end: str) -> None:
    text = f"JUMPSTARTER-VIRTUAL-IMAGE v1\nhostname=by-hand\npassword={end}"
    assert load(text.encode()) == Image(hostname="by-hand", password="")


def test_magic_alone_is_an_image() -> None:
    assert load(b"JUMPSTARTER-VIRTUAL-IMAGE v1") == Image()


def test_every_truncation_of_an_image_is_noticed() -> None:
    whole = make_image(b"payload", hostname="bench-7", log=["one", "two"])
    declared = whole.index(b"sha256")
    for length in range(declared, len(whole)):
        with pytest.raises(BadImage):
            load(whole[:length])


def test_truncated_payload_is_named() -> None:
    with pytest.raises(BadImage) as caught:
        load(make_image(PAYLOAD)[:-1000])
    assert str(caught.value) == "** Image is truncated: 2304000 bytes declared, 2303000 found **"


def test_corrupted_payload_is_named() -> None:
    data = bytearray(make_image(PAYLOAD))
    data[-1] ^= 1
    with pytest.raises(BadImage) as caught:
        load(bytes(data))
    assert str(caught.value).startswith("Verifying Hash Integrity ... sha256 error!")


def test_what_follows_the_payload_does_not_matter() -> None:
    assert load(make_image(PAYLOAD) + b"left over from the last image").size == len(PAYLOAD)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "** Medium is blank **\nWrong Image Format for bootm command"),
        (b"\x7fELF", "Wrong Image Format for bootm command"),
        (b"JUMPSTARTER-VIRTUAL-IMAGE v2\n", "Wrong Image Format for bootm command"),
        (b"JUMPSTARTER-VIRTUAL-IMAGE v10\n", "Wrong Image Format for bootm command: 'JUMPSTARTER-VIRTUAL-IMAGE v10'"),
        (b"JUMPSTARTER-VIRTUAL-IMAGE v1\nlog=" + b"x" * 70000, "** Image header does not end within 65536 bytes **"),
        (b"JUMPSTARTER-VIRTUAL-IMAGE v1\nhost=x\n", "** Image header: no such setting 'host=x' **"),
        (b"JUMPSTARTER-VIRTUAL-IMAGE v1\nnonsense\n", "** Image header: no such setting 'nonsense' **"),
        (b"JUMPSTARTER-VIRTUAL-IMAGE v1\nsize=many\n", "** Image header: size is a number of bytes, not 'many' **"),
    ],
)
def test_what_is_no_image_says_why(data: bytes, text: str) -> None:
    with pytest.raises(BadImage) as caught:
        load(data)
    assert str(caught.value) == text


@pytest.mark.parametrize("hostname", ["two\nlines", "end\n"])
def test_a_value_of_two_lines_is_refused(hostname: str) -> None:
    with pytest.raises(ValueError, match=r"^A virtual image's hostname is one line, not '.*'.$"):
        make_image(hostname=hostname)


def test_command_line_writes_an_image(tmp_path: Path) -> None:
    main([str(tmp_path / "a.img"), "--hostname", "cli", "--log", "a=b", "--payload-size", "3000000"])
    data = (tmp_path / "a.img").read_bytes()
    assert load(data).hostname == "cli"
    assert load(data).log == ("a=b",)
    assert len(data) > 3_000_000


def test_command_line_refuses_what_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "a.img"), "--panic", "two\nlines"])
    assert capsys.readouterr().err.endswith("error: A virtual image's panic is one line, not 'two\\nlines'.\n")
