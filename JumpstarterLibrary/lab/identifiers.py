"""Resource names: ``namespaces/<namespace>`` and ``namespaces/<namespace>/<collection>/<name>``."""

from __future__ import annotations

from JumpstarterLibrary.lab.refusal import invalid


def parse_parent(text: str) -> str:
    """Return the namespace of ``namespaces/<namespace>``.

    Raises:
        Refusal: INVALID_ARGUMENT; the text is something else.
    """
    segments = text.split("/")
    if len(segments) != 2 or segments[0] != "namespaces":
        raise invalid(f'invalid resource name "{text}": it should read namespaces/<namespace>')
    return segments[1]


def parse_name(text: str, collection: str) -> tuple[str, str]:
    """Return namespace and name of ``namespaces/<namespace>/<collection>/<name>``.

    Args:
        text: The resource name.
        collection: ``exporters``, ``leases`` or ``clients``.

    Raises:
        Refusal: INVALID_ARGUMENT; the text is something else.
    """
    segments = text.split("/")
    if len(segments) != 4 or segments[0] != "namespaces" or segments[2] != collection:
        raise invalid(f'invalid resource name "{text}": it should read namespaces/<namespace>/{collection}/<name>')
    return segments[1], segments[3]
