from __future__ import annotations

import pytest

from JumpstarterLibrary.common.urls import redacted_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@host:8/a/b?sig=1#frag", "https://host:8/a/b?[redacted]"),
        ("http://host/a b", "http://host/a b"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://[::1/", "the URL"),
        ("https://registry.example/x/@scope/y?t=1", "https://registry.example/x/@scope/y?[redacted]"),
        ("http://user:pw-s3cret/x@127.0.0.1/a", "http://127.0.0.1/a"),
        ("http://user:s3cret?x@host/a", "http://host/a"),
        ("http://user:s3cret#x@host/a", "http://host/a"),
        ("http://user:12s3cret/3@4@host/a?b", "http://host/a?[redacted]"),
        ("http://user.name:1234/s3cret@host/a", "http://host/a"),
        ("http://s3cret/s3cret@host/", "http://host/"),
        ("http://user:s3cret", "http://user:[redacted]"),
        ("data:,s3cret", "data:[redacted]"),
        ("s3cret", "[redacted]"),
        ("", "[redacted]"),
    ],
)
def test_redacted_urls_keep_no_secrets(url: str, shown: str) -> None:
    assert redacted_url(url) == shown
