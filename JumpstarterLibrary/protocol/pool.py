"""Message classes in a descriptor pool of our own.

Protobuf's default pool refuses two files that define the same package, so that upstream's protocol package and ours
could not be imported into one process. Classes built from a descriptor set also carry no generator version, which
leaves the choice of the protobuf runtime to the user (docs/adr/0001).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

POOL = DescriptorPool()


def _load() -> None:
    path = Path(__file__).parent / "generated" / "descriptors.binpb"
    for file in descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file:
        POOL.AddSerializedFile(file.SerializeToString())


_load()


def message_class(full_name: str) -> Any:
    """Return the class of the message with this full name, for example ``google.protobuf.Value``."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(full_name))


def define(source: str, namespace: dict[str, Any]) -> None:
    """Put every message class, enum and enum number of a .proto file into a module's namespace."""
    descriptor = POOL.FindFileByName(source)
    namespace["DESCRIPTOR"] = descriptor
    for name, message in descriptor.message_types_by_name.items():
        namespace[name] = message_factory.GetMessageClass(message)
    for name, enum in descriptor.enum_types_by_name.items():
        namespace[name] = EnumTypeWrapper(enum)
        for value in enum.values:
            namespace[value.name] = value.number
