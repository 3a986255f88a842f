"""Records of files and of file stores."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pytest_jumpstarter.upstream_api.clients.records import Record


@dataclass(frozen=True, kw_only=True)
class EntryMode(Record):
    """The kind of a path's entry."""

    entry_is_file: bool
    entry_is_dir: bool

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.entry_is_file

    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.entry_is_dir


@dataclass(frozen=True, kw_only=True)
class Metadata(Record):
    """The metadata of a file.

    Attributes:
        content_length: Bytes.
        mode: Whether it is a file or a directory.
        content_disposition: As in HTTP, if known.
        content_md5: MD5 of the content, if the storage keeps it.
        content_type: MIME type, if known.
        etag: The storage's tag of this version, if it has such.
    """

    content_length: int
    mode: EntryMode
    content_disposition: str | None = None
    content_md5: str | None = None
    content_type: str | None = None
    etag: str | None = None

    @classmethod
    def model_validate(cls, data: Any, **_: object) -> Metadata:
        """Return the record of some data."""
        if isinstance(data, cls):
            return data
        known = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        return cls(**{**known, "mode": EntryMode.model_validate(data["mode"])})


@dataclass(frozen=True, kw_only=True)
class PresignedRequest(Record):
    """A presigned HTTP request: any HTTP client that has it may make it.

    Attributes:
        url: The URL.
        method: ``GET``, ``HEAD`` or ``PUT``.
        headers: Headers to send.
    """

    url: str
    method: str
    headers: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Capability(Record):
    """The capabilities of a storage, and its limits in bytes; None is no limit."""

    stat: bool = False
    stat_with_if_match: bool = False
    stat_with_if_none_match: bool = False
    read: bool = False
    read_with_if_match: bool = False
    read_with_if_none_match: bool = False
    read_with_override_cache_control: bool = False
    read_with_override_content_disposition: bool = False
    read_with_override_content_type: bool = False
    write: bool = False
    write_can_multi: bool = False
    write_can_empty: bool = False
    write_can_append: bool = False
    write_with_content_type: bool = False
    write_with_content_disposition: bool = False
    write_with_cache_control: bool = False
    create_dir: bool = False
    delete: bool = False
    copy: bool = False
    rename: bool = False
    list: bool = False
    list_with_limit: bool = False
    list_with_start_after: bool = False
    list_with_recursive: bool = False
    presign: bool = False
    presign_read: bool = False
    presign_stat: bool = False
    presign_write: bool = False
    shared: bool = False
    blocking: bool = False
    write_multi_max_size: int | None = None
    write_multi_min_size: int | None = None
    write_total_max_size: int | None = None
