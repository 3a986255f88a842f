"""The google.protobuf types of our own pool."""

from __future__ import annotations

import pytest
from google.protobuf import struct_pb2

from JumpstarterLibrary.protocol import jumpstarter_pb2, wellknown


@pytest.mark.parametrize("name", wellknown.__all__)
def test_each_is_the_one_of_our_pool(name: str) -> None:
    found = getattr(wellknown, name)
    assert found.DESCRIPTOR.full_name == f"google.protobuf.{name}"


def test_they_fit_into_our_messages_and_those_of_the_default_pool_do_not() -> None:
    message = jumpstarter_pb2.DriverCallRequest(args=[wellknown.Value(bool_value=True)])
    assert message.args[0].bool_value
    with pytest.raises(TypeError):
        message.args.append(struct_pb2.Value(bool_value=True))


def test_they_have_their_helper_methods() -> None:
    duration = wellknown.Duration()
    duration.FromSeconds(90)
    moment = wellknown.Timestamp()
    moment.FromJsonString("2024-01-01T00:00:00Z")
    assert (duration.ToJsonString(), moment.seconds) == ("90s", 1704067200)
