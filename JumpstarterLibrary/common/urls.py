"""URLs as messages show them: without user, password, query and fragment, which may be secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

REDACTED = "[redacted]"
"""What stands for a part of a URL that is not shown."""

_PLAIN_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|localhost|[\w-]+(\.[\w-]+)+\.?", re.ASCII)
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d*)?")


def redacted_url(url: str) -> str:
    """Return a URL without what may be secret.

    A slash, ``?`` or ``#`` in a password ends what URLs mean by their host. Where there is an ``@`` behind such a
    place, only what follows the last one is shown, unless what stands before is surely a host.
    """
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return f"{scheme.partition(':')[0][:20]}:{REDACTED}" if ":" in scheme else REDACTED
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
        if "@" in rest and not _PLAIN_HOST.fullmatch(host):
            url = f"{scheme}://{rest.rpartition('@')[2]}"
        parts = urlsplit(url)
    except ValueError:
        return "the URL"
    host = parts.netloc.rpartition("@")[2]
    if not _HOST_AND_PORT.fullmatch(host):
        # A password whose host is missing stands where the port should be.
        host = f"{host.partition(':')[0]}:{REDACTED}"
    return f"{parts.scheme}://{host}{parts.path}" + (f"?{REDACTED}" if parts.query else "")
