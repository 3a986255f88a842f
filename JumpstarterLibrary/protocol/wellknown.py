"""The google.protobuf types that the protocol uses, from our own pool.

They are other classes than those of ``google.protobuf.*_pb2``, which our messages would refuse. To a type checker
they are the same, since their fields and helper methods are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from JumpstarterLibrary.protocol.pool import message_class

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.empty_pb2 import Empty
    from google.protobuf.field_mask_pb2 import FieldMask
    from google.protobuf.struct_pb2 import ListValue, Struct, Value
    from google.protobuf.timestamp_pb2 import Timestamp
else:
    Duration = message_class("google.protobuf.Duration")
    Empty = message_class("google.protobuf.Empty")
    FieldMask = message_class("google.protobuf.FieldMask")
    ListValue = message_class("google.protobuf.ListValue")
    Struct = message_class("google.protobuf.Struct")
    Timestamp = message_class("google.protobuf.Timestamp")
    Value = message_class("google.protobuf.Value")

__all__ = ["Duration", "Empty", "FieldMask", "ListValue", "Struct", "Timestamp", "Value"]
