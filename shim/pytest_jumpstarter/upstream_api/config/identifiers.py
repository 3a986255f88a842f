"""The paths by which a controller names what it has."""

from __future__ import annotations


def parse_identifier(identifier: str, kind: str) -> tuple[str, str]:
    """Return the namespace and the name in a path.

    Args:
        identifier: ``namespaces/NAMESPACE/KIND/NAME``.
        kind: ``exporters``, ``leases`` or ``clients``.

    Raises:
        ValueError: It is no such path.
    """
    match identifier.split("/"):
        case ["namespaces", namespace, found, name] if found == kind:
            return namespace, name
    raise ValueError(f"'{identifier}' is no path of {kind}. Expected 'namespaces/NAMESPACE/{kind}/NAME'.")


def parse_client_identifier(identifier: str) -> tuple[str, str]:
    """Return the namespace and the name of a client; see ``parse_identifier``."""
    return parse_identifier(identifier, "clients")


def parse_exporter_identifier(identifier: str) -> tuple[str, str]:
    """Return the namespace and the name of an exporter; see ``parse_identifier``."""
    return parse_identifier(identifier, "exporters")


def parse_lease_identifier(identifier: str) -> tuple[str, str]:
    """Return the namespace and the name of a lease; see ``parse_identifier``."""
    return parse_identifier(identifier, "leases")
