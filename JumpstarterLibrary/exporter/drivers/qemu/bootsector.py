"""The smallest disk that boots: one sector that prints a text on a PC's serial port, and then echoes what is typed."""

from __future__ import annotations

SIZE = 512

_SIGNATURE = b"\x55\xaa"
_LOADED_AT = 0x7C00
"""Where a PC's firmware puts the sector, and starts it."""

_START = bytes.fromhex(
    "fa"  # cli
    "31c0 8ed8 8ed0"  # ax, ds and ss are 0
    "bc007c"  # the stack ends where the sector begins
    "fc"  # cld
)
_PRINT = bytes.fromhex(
    "ac 84c0 7412"  # next: al = the next byte; if it is 0, go on with the echo
    "88c4"  # keep it in ah
    "bafd03 ec a820 74fb"  # until the port can send: its status is at 0x3fd
    "baf803 88e0 ee"  # send it: the data are at 0x3f8
    "ebe9"  # next
)
_ECHO = bytes.fromhex(
    "bafd03 ec a801 74fb"  # echo: until something has come
    "baf803 ec ee"  # fetch it and send it back
    "ebf1"  # echo
)


def make_boot_sector(text: str) -> bytes:
    """Return a disk of one sector.

    Args:
        text: What it prints, in ASCII.

    Raises:
        ValueError: The text does not fit into the sector, or is not ASCII.
    """
    message = text.encode("ascii") + b"\0"
    text_at = len(_START) + 3 + len(_PRINT) + len(_ECHO)
    pointer = b"\xbe" + (_LOADED_AT + text_at).to_bytes(2, "little")  # si = where the text is
    code = _START + pointer + _PRINT + _ECHO + message
    room = SIZE - len(_SIGNATURE)
    if len(code) > room:
        raise ValueError(f"A boot sector has room for {room - text_at - 1} characters, not {len(text)}.")
    return code.ljust(room, b"\0") + _SIGNATURE
