"""Decorators for command lines of clients, whose help texts the exporter may say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import click


class DriverClickGroup(click.Group):
    """A group of commands of a client; the exporter's help texts for methods are those of the commands.

    Args:
        client: The client, for its ``methods_description``.
    """

    def __init__(self, client: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = client

    def command(self, *args: Any, **kwargs: Any) -> Callable[..., click.Command]:  # type: ignore[override]
        """Make a function a command of the group; see `click.Group.command`."""
        if len(args) == 1 and callable(args[0]) and not kwargs:
            # @group.command without parentheses; only click calls the result
            return cast("Callable[..., click.Command]", self.command()(args[0]))

        def decorate(function: Callable[..., Any]) -> click.Command:
            name = (args[0] if args else kwargs.get("name")) or function.__name__.lower().replace("_", "-")
            text = self.client.methods_description.get(name)
            described = kwargs if text is None else {**kwargs, "help": text}
            made: click.Command = super(DriverClickGroup, self).command(*args, **described)(function)
            return made

        return decorate


def driver_click_group(client: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], DriverClickGroup]:
    """Return a decorator that makes a function the group of a client's commands.

    Args:
        client: The client. Its ``description``, if the exporter gave one, is the group's help text.
        kwargs: Arguments for the group. ``help`` is the function's docstring unless given.
    """

    def decorate(function: Callable[..., Any]) -> DriverClickGroup:
        options = {"name": function.__name__, **kwargs, "help": _help(client, function, kwargs)}
        # Parameters are collected from the innermost decorator outwards.
        params = list(reversed(getattr(function, "__click_params__", [])))
        return DriverClickGroup(client, callback=function, params=params, **options)

    return decorate


def driver_click_command(client: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes a function the only command of a client.

    Args:
        client: The client. Its ``description``, if the exporter gave one, is the command's help text.
        kwargs: Arguments for `click.command`.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        made: click.Command = click.command(**{**kwargs, "help": _help(client, function, kwargs)})(function)
        return made

    return decorate


def _help(client: Any, function: Callable[..., Any], kwargs: dict[str, Any]) -> str | None:
    text = getattr(client, "description", None) or kwargs.get("help") or function.__doc__
    return None if text is None else str(text).strip()
