"""The controller as leases use it: exporters and leases in the client's own terms."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from JumpstarterLibrary.client.deadline import Seconds
from JumpstarterLibrary.client.leasing.calls import ControllerCalls, LeaseRequest
from JumpstarterLibrary.client.leasing.connection import CALL_S, ControllerConnection
from JumpstarterLibrary.client.leasing.state import LeaseState
from JumpstarterLibrary.client.link import enum_name
from JumpstarterLibrary.client.settings import ClientSettings
from JumpstarterLibrary.protocol import client_pb2, common_pb2

__all__ = ["CALL_S", "Controller", "ExporterInfo", "LeaseRequest"]


@dataclass(frozen=True)
class ExporterInfo:
    """An exporter as the controller lists it.

    Attributes:
        name: Its name.
        labels: Its labels.
        online: Whether it is connected to the controller.
        status: Its status without the prefix: ``AVAILABLE``, ``LEASE_READY``, ``UNSPECIFIED``.
        message: Its own words to that.
        enabled: Whether it may be leased at all.
    """

    name: str
    labels: dict[str, str]
    online: bool
    status: str
    message: str
    enabled: bool

    @classmethod
    def of(cls, exporter: client_pb2.Exporter) -> ExporterInfo:
        """Return the exporter in a message of the controller."""
        return cls(
            name=exporter.name.rpartition("/")[2],
            labels=dict(exporter.labels),
            online=exporter.online,
            status=enum_name(common_pb2.ExporterStatus, exporter.status, "EXPORTER_STATUS_"),
            message=exporter.status_message,
            enabled=exporter.enabled if exporter.HasField("enabled") else True,
        )


class Controller(ControllerConnection):
    """A connection to a controller, and what leases ask of it.

    Args:
        settings: Endpoint, identity and token.
        timeout: For fetching the certificate where the settings are insecure. Default: its own limits.

    Attributes:
        calls: The RPCs with the controller's own messages.

    Raises:
        LinkError: An insecure controller cannot be reached.
    """

    def __init__(self, settings: ClientSettings, timeout: Seconds = None) -> None:
        super().__init__(settings, timeout)
        self.calls = ControllerCalls(self)

    # Exporters

    def exporters(self, selector: str = "", timeout: Seconds = None, *, hidden: bool = False) -> list[ExporterInfo]:
        """Return the exporters whose labels match a selector, in the order of their names.

        Args:
            selector: Label expression. Default: all exporters.
            timeout: For the whole listing.
            hidden: Return also the labels that the administrator has hidden, by which selectors match all the same.

        Raises:
            LeaseInvalid: The selector is not one.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        return [
            ExporterInfo.of(one) for one in self.calls.all_exporters(selector=selector, hidden=hidden, timeout=timeout)
        ]

    def exporter(self, name: str, timeout: Seconds = None) -> ExporterInfo:
        """Return one exporter.

        Raises:
            NoSuchLease: The controller knows none of that name.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        return ExporterInfo.of(self.calls.exporter(name, timeout=timeout))

    # Leases

    def create_lease(self, request: LeaseRequest, name: str, timeout: Seconds = None) -> dict[str, str]:
        """Ask for a lease under a name of the caller's choice; whether it is granted shows later in its state.

        Returns:
            The labels of the request that are going away, with the administrator's words about each.

        Raises:
            grpc.RpcError: The controller's status, unchanged: only the caller knows what a lost answer means.
        """
        return dict(self.calls.try_create_lease(request, name, timeout).deprecated_labels)

    def lease(self, name: str, timeout: Seconds = None, *, patient: bool = True) -> LeaseState:
        """Return a lease's state.

        Args:
            name: The lease's name.
            timeout: See ``call``.
            patient: See ``call``.

        Raises:
            NoSuchLease: The controller knows none of that name.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        return LeaseState.of(self.calls.lease(name, timeout, patient=patient))

    def leases(self, selector: str = "", timeout: Seconds = None) -> list[LeaseState]:
        """Return the active leases of the namespace, of all clients.

        Args:
            selector: The equality part of a selector; leases are found by what they were asked for with.
            timeout: For the whole listing.

        Raises:
            LinkError: The controller cannot be reached, or refuses this client.
        """
        return [LeaseState.of(one) for one in self.calls.all_leases(selector=selector, timeout=timeout)]

    def extend_lease(self, name: str, duration: datetime.timedelta, timeout: Seconds = None) -> LeaseState:
        """Give a lease another length, counted from its begin; return its state.

        Raises:
            LeaseNotOwned: It is not this client's.
            NoSuchLease: There is none of that name.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        asked = f"another duration of lease '{name}'"
        return LeaseState.of(self.calls.update_lease(name, duration=duration, asked=asked, timeout=timeout))

    def transfer_lease(self, name: str, client: str, timeout: Seconds = None) -> LeaseState:
        """Give a lease to another client of the namespace; return its state.

        Raises:
            LeaseNotOwned: It is not this client's.
            LeaseInvalid: There is no such client, or the lease has no exporter or is over.
            NoSuchLease: There is none of that name.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        asked = f"the transfer of lease '{name}' to client '{client}'"
        return LeaseState.of(self.calls.update_lease(name, client=client, asked=asked, timeout=timeout))

    def delete_lease(self, name: str, timeout: Seconds = None) -> None:
        """Ask for the end of a lease.

        Raises:
            grpc.RpcError: The controller's status, unchanged: only the caller knows what it means.
        """
        self.calls.try_delete_lease(name, timeout)
