"""The features and settings of a controller: today's, and those of earlier releases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_TAGS = 10
"""Tags that a lease may carry: the default of the controller's lease policy, and the schema's hard limit."""


@dataclass
class ControllerFeatures:
    """The switches of a controller. Those of single RPCs count when it starts to serve, the others at once.

    Attributes:
        service_endpoints: It knows GetServiceEndpoints; older ones answer UNIMPLEMENTED.
        report_status: It knows ReportStatus; older ones answer UNIMPLEMENTED, and lease exporters without a status.
        no_exporter_reason: Leases whose exporters are offline are Unsatisfiable, with the reason ``NoExporter``, as
            very old ones have it; today's let them wait.
        skip_idle: An exporter whose lease ends while another one waits for it hears of the next lease without hearing
            that it was idle in between.
        hidden_labels: Keys of exporter labels that clients see only on request.
        deprecated_labels: Keys of labels that are going away, and what to say of them.
        max_tags: Tags that a lease may carry, at most 10.
        provisioning: Clients that an external issuer vouches for are added when they first call.
        page_token_life_s: Lab seconds until the token of a next page is too old. Default: 300.
    """

    service_endpoints: bool = True
    report_status: bool = True
    no_exporter_reason: bool = False
    skip_idle: bool = False
    hidden_labels: frozenset[str] = frozenset()
    deprecated_labels: Mapping[str, str] = field(default_factory=dict)
    max_tags: int = MAX_TAGS
    provisioning: bool = False
    page_token_life_s: float = 300.0


@dataclass(frozen=True)
class RouterEntry:
    """A router that the controller sends clients and exporters to.

    Attributes:
        endpoint: ``host:port``, handed out as it is.
        labels: Labels that are compared with the exporter's.
    """

    endpoint: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def rank(self, labels: Mapping[str, str]) -> int:
        """Return how many of an exporter's labels it carries; -1 as soon as it lacks one of them."""
        if any(self.labels.get(key) != value for key, value in labels.items()):
            return -1
        return len(labels)
