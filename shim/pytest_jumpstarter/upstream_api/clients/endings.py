"""Raise the end of a byte stream: with anyio's exceptions where anyio is in use, otherwise with ours."""

from __future__ import annotations

import sys

from pytest_jumpstarter.upstream_api.clients.trouble import also_as


class EndOfStream(EOFError):
    """The far side sends no more data."""


def end_of_data() -> Exception:
    """Return the exception for a stream that has come to its end; anyio's ``EndOfStream`` if anyio is loaded."""
    error = EndOfStream("The byte stream has ended: the far side sends no more data.")
    anyio = sys.modules.get("anyio")
    return error if anyio is None else also_as(error, anyio.EndOfStream)


def broken(error: Exception) -> Exception:
    """Return an error that is anyio's ``BrokenResourceError`` as well, if anyio is loaded."""
    anyio = sys.modules.get("anyio")
    return error if anyio is None else also_as(error, anyio.BrokenResourceError)


def closed(error: Exception) -> Exception:
    """Return an error that is anyio's ``ClosedResourceError`` as well, if anyio is loaded."""
    anyio = sys.modules.get("anyio")
    return error if anyio is None else also_as(error, anyio.ClosedResourceError)
