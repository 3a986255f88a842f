"""The clients that are configured on this machine, as a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_jumpstarter.upstream_api.config.files import CONFIG_API_VERSION, as_yaml
from pytest_jumpstarter.upstream_api.config.model import Model

if TYPE_CHECKING:
    from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
    from pytest_jumpstarter.upstream_api.config.tables import Table

SHOWN = {"items": {"__all__": {"refresh_token"}}}
"""What is left out where a list is shown."""


@dataclass(kw_only=True)
class ClientConfigListV1Alpha1(Model):
    """Client configurations.

    Attributes:
        current_config: The alias of the current one; None if none is.
        items: The configurations.
    """

    ALIASES: ClassVar[dict[str, str]] = {"api_version": "apiVersion", "current_config": "currentConfig"}

    api_version: str = CONFIG_API_VERSION
    current_config: str | None
    items: list[ClientConfigV1Alpha1]
    kind: str = "ClientConfigList"

    def dump_json(self) -> str:
        """Return the list as JSON, tokens included, but without those for a new login."""
        return self.model_dump_json(indent=4, by_alias=True, exclude=SHOWN)

    def dump_yaml(self) -> str:
        """Return the list as YAML, tokens included, but without those for a new login."""
        content: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude=SHOWN)
        return as_yaml(content, indent=2, sort_keys=True)

    @classmethod
    def rich_add_columns(cls, table: Table) -> None:
        """Add columns for client configurations to a table."""
        for header in ("CURRENT", "ALIAS", "ENDPOINT", "PATH"):
            table.add_column(header)

    def rich_add_rows(self, table: Table) -> None:
        """Add the configurations to a table."""
        for one in self.items:
            current = "*" if one.alias == self.current_config else ""
            table.add_row(current, one.alias, one.endpoint or "", str(one.path))

    def rich_add_names(self, names: list[str]) -> None:
        """Append the aliases to a list."""
        names.extend(one.alias for one in self.items)
