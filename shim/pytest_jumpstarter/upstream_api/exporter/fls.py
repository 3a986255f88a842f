"""Find or download the tool ``fls``, by which some drivers flash devices."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

RELEASES = "https://github.com/jumpstarter-dev/fls/releases/download"

_log = logging.getLogger(__name__)


def get_fls_github_url(version: str, arch: str | None = None) -> str:
    """Return where a release of the tool can be downloaded.

    Args:
        version: The release.
        arch: ``aarch64`` or ``x86_64``, or other names of them. Default: this machine's; unknown ones get ``aarch64``.
    """
    machine = (arch or platform.machine()).lower()
    name = "fls-x86_64-linux" if machine in ("x86_64", "amd64") else "fls-aarch64-linux-musl"
    return f"{RELEASES}/{version}/{name}"


def download_fls(url: str, timeout: float = 30.0) -> str:
    """Download the tool to a file of its own, and return the file.

    Args:
        url: Where from.
        timeout: Seconds that the server may keep silent.

    Raises:
        RuntimeError: It could not be had.
    """
    descriptor, path = tempfile.mkstemp(prefix="fls-")
    try:
        with os.fdopen(descriptor, "wb") as file, urllib.request.urlopen(url, timeout=timeout) as response:
            shutil.copyfileobj(response, file)
        Path(path).chmod(0o755)
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        Path(path).unlink(missing_ok=True)
        raise RuntimeError(f"Failed to download FLS from {url}: {error}. Check the address and the network.") from error
    return path


def get_fls_binary(
    fls_version: str | None = None, fls_binary_url: str | None = None, allow_custom_binaries: bool = False
) -> str:
    """Return the tool: from an address of one's own, from a release, or else the installed one by its name.

    Args:
        fls_version: The release.
        fls_binary_url: The address; it wins.
        allow_custom_binaries: Whether an address of one's own is allowed: what is there is run on this machine.

    Raises:
        RuntimeError: It is not allowed, or the download failed.
    """
    if fls_binary_url:
        if not allow_custom_binaries:
            raise RuntimeError(
                "Custom FLS binary URLs are disabled for security. Set allow_custom_binaries in the driver's config."
            )
        _log.warning("running a program from %s, as the driver's configuration says", fls_binary_url)
        return download_fls(fls_binary_url)
    return download_fls(get_fls_github_url(fls_version)) if fls_version else "fls"
