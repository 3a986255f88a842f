"""Stream requests and resource handles: what we write, and what we read of others."""

from __future__ import annotations

import json

import pytest

from JumpstarterLibrary.protocol.streams import (
    StreamTarget,
    driver_stream_request,
    parse_stream_request,
    presigned_handle,
    resource_stream_request,
)


def test_a_driver_stream() -> None:
    text = driver_stream_request("u", "connect")
    assert json.loads(text) == {"kind": "driver", "uuid": "u", "method": "connect"}
    assert parse_stream_request(text) == StreamTarget("driver", "u", method="connect")


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_resource_stream(encoding: str | None) -> None:
    text = resource_stream_request("u", encoding)
    assert json.loads(text) == {"kind": "resource", "uuid": "u", "x_jmp_content_encoding": encoding}
    assert parse_stream_request(text) == StreamTarget("resource", "u", content_encoding=encoding)


def test_the_encoding_may_be_absent() -> None:
    assert parse_stream_request('{"kind": "resource", "uuid": "u"}') == StreamTarget("resource", "u")


def test_a_presigned_handle_has_all_four_keys() -> None:
    assert presigned_handle("http://host/image?sig=1") == {
        "kind": "presigned_request",
        "headers": {},
        "url": "http://host/image?sig=1",
        "method": "GET",
    }
    assert presigned_handle("u", "PUT", {"a": "b"})["headers"] == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "a stream request is an object with a uuid, not '[]'"),
        ('{"kind": "driver"}', """a stream request is an object with a uuid, not '{"kind": "driver"}'"""),
        ('{"uuid": "u"}', "a stream request's kind is 'driver' or 'resource', not None"),
        ('{"uuid": "u", "kind": "x"}', "a stream request's kind is 'driver' or 'resource', not 'x'"),
        ('{"uuid": "u", "kind": "driver", "method": 1}', "a driver stream request needs a method"),
        (
            '{"uuid": "u", "kind": "resource", "x_jmp_content_encoding": 1}',
            "x_jmp_content_encoding is a string or null, not 1",
        ),
        ("no JSON", "Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_what_is_no_request(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_stream_request(text)
    assert str(caught.value) == sentence
