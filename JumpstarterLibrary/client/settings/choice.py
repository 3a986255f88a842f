"""Choose the client: in ``jmp``'s order, and one more step at its end for those who have only one client."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from JumpstarterLibrary.client.settings.files import API_VERSION, read_file
from JumpstarterLibrary.client.settings.layers import Given, Layer, Layers, where
from JumpstarterLibrary.client.settings.values import literal, text_or_nothing
from JumpstarterLibrary.common.environment import CLIENT_CONFIG, NAME, NAMESPACE, config_home
from JumpstarterLibrary.common.values import listed, type_name
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.hints import Hint, argument

SUFFIX = ".yaml"

_CLIENT, _CONFIG = argument("client"), argument("config")
_IDENTITY = ("metadata.namespace", "metadata.name")
_LISTED = 10


@dataclass(frozen=True, kw_only=True)
class ClientArguments:
    """The caller's arguments about the client; those that are None are looked up.

    Attributes:
        client: The alias of a client that ``jmp`` knows.
        config: The path of a client's file.
        endpoint: The controller, ``HOST:PORT``.
        namespace: The client's namespace.
        name: The client's name.
        token: Its token; never shown.
        ca: PEM file of the authorities to trust; implies that certificates are verified.
        insecure: Whether to trust any certificate that the server shows first.
    """

    client: str | None = None
    config: Path | str | None = None
    endpoint: str | None = None
    namespace: str | None = None
    name: str | None = None
    token: str | None = field(default=None, repr=False)
    ca: Path | str | None = None
    insecure: bool | None = None

    def layer(self) -> Layer:
        """Return the values among them, the strongest of all layers."""
        values: dict[str, tuple[str, object]] = {
            "endpoint": (argument("endpoint"), self.endpoint),
            "metadata.namespace": (argument("namespace"), self.namespace),
            "metadata.name": (argument("name"), self.name),
            "token": (argument("token"), self.token),
            "tls.insecure": (argument("insecure"), self.insecure),
        }
        layer = {key: Given(value, "argument", where) for key, (where, value) in values.items() if value is not None}
        if self.ca is not None:
            # A caller that names an authority wants it asked, even against the environment.
            layer.setdefault("tls.insecure", Given(False, "argument", argument("ca")))
        return layer


@dataclass(frozen=True)
class ClientChoice:
    """The client that was chosen.

    Attributes:
        source: Which it is and why, in one phrase.
        path: Its file; None if it has none.
    """

    source: str
    path: Path | None = None

    @property
    def alias(self) -> str | None:
        """Its alias: the file's name up to the first dot, as upstream's client has it."""
        return self.path.name.partition(".")[0] if self.path else None


def choose(arguments: ClientArguments, environ: Mapping[str, str], weak: Sequence[Layer]) -> ClientChoice:
    """Return the client to be: the first of these that there is.

    The file in the arguments; a namespace and a name in arguments and environment, which need no file; the file or
    alias in ``JMP_CLIENT_CONFIG``; the current client; the only client.

    Args:
        arguments: What the caller says.
        environ: The environment.
        weak: What the environment fills in.

    Raises:
        ConfigurationError: There is none, there are several, or the one that was asked for is not there.
    """
    clients = config_home(environ) / "clients"
    return (
        _argued(arguments, clients)
        or _identified(Layers([arguments.layer(), *weak]))
        or _variable(environ.get(CLIENT_CONFIG), clients)
        or _kept(clients)
    )


def _argued(arguments: ClientArguments, clients: Path) -> ClientChoice | None:
    if arguments.client is not None and arguments.config is not None:
        raise ConfigurationError(f"{_CLIENT} and {_CONFIG} both name a client. Leave one of the two out.")
    if arguments.config is not None:
        path = _existing(Path(arguments.config).expanduser(), _CONFIG)
        return ClientChoice(f"'{path}', which {_CONFIG} names", path)
    if arguments.client is not None:
        path = _of_alias(arguments.client, clients, _CLIENT)
        return ClientChoice(f"'{path}', which {_CLIENT} names", path)
    return None


def _identified(layers: Layers) -> ClientChoice | None:
    given = [layers.given(key) for key in _IDENTITY]
    if not all(given):
        return None
    origins = dict.fromkeys(found[0].origin for found in given)
    variables = [origin.removeprefix("environment ") for origin in origins if origin != "argument"]
    sources = ["arguments"] if "argument" in origins else []
    sources += [f"the environment ({', '.join(variables)})"] if variables else []
    return ClientChoice(" and ".join(sources))


def _variable(value: str | None, clients: Path) -> ClientChoice | None:
    if not value:
        return None
    if os.sep in value or value.endswith((SUFFIX, ".yml")):
        path = _existing(Path(value).expanduser(), CLIENT_CONFIG)
    else:
        path = _of_alias(value, clients, CLIENT_CONFIG)
    return ClientChoice(f"'{path}', which {CLIENT_CONFIG} names", path)


def _kept(clients: Path) -> ClientChoice:
    current = _current(clients.parent / "config.yaml")
    if current is not None and _is_file(path := clients / f"{current}{SUFFIX}"):
        return ClientChoice(f"'{path}', the current client", path)
    aliases = _aliases(clients)
    if len(aliases) == 1:
        path = clients / f"{aliases[0]}{SUFFIX}"
        return ClientChoice(f"'{path}', the only client", path)
    lost = f" (the current one, '{current}', has no file)" if current is not None else ""
    if aliases:
        raise ConfigurationError(
            f"There are several clients in '{clients}' and none of them is current{lost}: {listed(aliases, _LISTED)}.",
            hint=Hint.CHOOSE_CLIENT,
        )
    raise ConfigurationError(
        f"No client is configured{lost}: {NAMESPACE} and {NAME} are not both set, {CLIENT_CONFIG} is not set, and "
        f"there is no client in '{clients}'.",
        hint=Hint.CONFIGURE_CLIENT,
    )


def _current(path: Path) -> str | None:
    if not _is_file(path):
        return None
    file, place = read_file(path), f"'{path}'"
    data = file.content
    found = {
        key: Given(value, "file", where(key, place, file.line)) for key, value in data.items() if isinstance(key, str)
    }
    layers = Layers([found])
    layers.pick("apiVersion", literal(API_VERSION), None)
    layers.pick("kind", literal("UserConfig"), None)
    config = data.get("config")
    if not isinstance(config, dict):
        raise ConfigurationError(f"{where('config', place, file.line)} must be a mapping, not {type_name(config)}.")
    current = Given(config.get("current-client"), "file", where("config.current-client", place, file.line))
    inner = {"current-client": current}
    return Layers([inner]).pick("current-client", text_or_nothing, None) or None


def _aliases(clients: Path) -> list[str]:
    try:
        files = sorted(clients.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigurationError(f"The folder '{clients}' cannot be read: {error.strerror}.") from error
    return [
        path.name.removesuffix(SUFFIX)
        for path in files
        if path.name.endswith(SUFFIX) and not path.name.startswith(".") and _is_file(path)
    ]


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        raise ConfigurationError(f"The file '{path}' cannot be read: {error.strerror}.") from error


def _existing(path: Path, origin: str) -> Path:
    if not _is_file(path):
        raise ConfigurationError(f"There is no client file '{path}', which {origin} names. Check the path.")
    return path


def _of_alias(alias: str, clients: Path, origin: str) -> Path:
    path = clients / f"{alias}{SUFFIX}"
    if os.sep in alias:
        raise ConfigurationError(f"{origin} takes an alias, not the path '{alias}'.", hint=Hint.GIVE_CLIENT_FILE)
    if not _is_file(path):
        aliases = _aliases(clients)
        close = difflib.get_close_matches(alias, aliases, n=1)
        if close:
            hint = f"Did you mean '{close[0]}'?"
        else:
            hint = (
                f"There are: {listed(aliases, _LISTED)}."
                if aliases
                else "There is none at all; log in with `jmp login`."
            )
        raise ConfigurationError(f"There is no client '{alias}', which {origin} names, in '{clients}'. {hint}")
    return path
