"""Settings of a client that leases from a virtual lab."""

from __future__ import annotations

from typing import Any, Protocol

from JumpstarterLibrary.client.settings import ClientSettings

CLIENT = "tester"
"""The client that a virtual lab knows unless its file says otherwise."""


class LabAccess(Protocol):
    """A virtual lab, as far as a client needs it."""

    ca: bytes

    def client_config(self, name: str) -> dict[str, Any]:
        """Return the client configuration of a client, as `jmp` has it in a file."""


def virtual_lab_settings(lab: LabAccess, client: str = CLIENT) -> ClientSettings:
    """Return the settings of a client of a virtual lab.

    Args:
        lab: The lab.
        client: The client's name. Default: ``tester``.
    """
    config = lab.client_config(client)
    return ClientSettings(
        namespace=config["metadata"]["namespace"],
        name=config["metadata"]["name"],
        endpoint=config["endpoint"],
        token=config["token"],
        ca=lab.ca,
        drivers_allow=tuple(config["drivers"]["allow"]),
        drivers_unsafe=config["drivers"]["unsafe"],
        source="the virtual lab",
    )
