"""The names on the wire are upstream's; a typing error in one of them would be a silent failure."""

from __future__ import annotations

from JumpstarterLibrary.protocol import names


def test_names_and_limits() -> None:
    assert {name: value for name, value in vars(names).items() if name.isupper()} == {
        "LABEL_CLIENT": "jumpstarter.dev/client",
        "LABEL_NAME": "jumpstarter.dev/name",
        "PASSPHRASE_KEY": "x-jumpstarter-passphrase",
        "REQUEST_KEY": "request",
        "RESOURCE_KEY": "resource",
        "ACCEPT_ENCODING_KEY": "x_jmp_accept_encoding",
        "CONTENT_ENCODING_FIELD": "x_jmp_content_encoding",
        "MESSAGE_LIMIT": 4194304,
        "CLIENT_KEY": "x-jumpstarter-client",
        "CLIENT_SEPARATOR": " ",
        "LOG_COUNT_KEY": "x-jumpstarter-log-count",
        "LOG_NUMBER": "number",
    }
