"""Combine the settings: arguments, then what the environment insists on, the file, and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from JumpstarterLibrary.client.settings import authorities, values
from JumpstarterLibrary.client.settings.choice import ClientArguments, ClientChoice, choose
from JumpstarterLibrary.client.settings.environment import VARIABLES, env_defaults, env_overrides
from JumpstarterLibrary.client.settings.files import API_VERSION, read_file
from JumpstarterLibrary.client.settings.layers import Layer, Layers, file_layer
from JumpstarterLibrary.client.settings.model import ACQUISITION_S, DIAL_S, RETRY_S, ClientSettings
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.hints import argument

KIND = "ClientConfig"

UNSAFE = "UNSAFE"
"""The pattern that stands for every driver."""

_NOTHING = ClientArguments()


def find_settings(arguments: ClientArguments = _NOTHING, environ: Mapping[str, str] = os.environ) -> ClientSettings:
    """Return the client's settings as they are now.

    Which client it is: see :func:`~JumpstarterLibrary.client.settings.choice.choose`. Each of its values comes from the
    first of these that gives it: the arguments; ``JMP_DIAL_TIMEOUT``, ``JMP_RETRY_TIMEOUT``, ``JMP_GRPC_INSECURE=1``
    and ``JUMPSTARTER_GRPC_INSECURE=1``; the client's file; the other variables; the default. So a file beats most of
    the environment, even where it says null, and ``drivers`` or ``grpcOptions`` may come from both. That is how
    upstream's ``jmp`` does it.

    Args:
        arguments: What the caller says.
        environ: Where variables are looked up.

    Raises:
        ConfigurationError: There is no client to be, or something in its configuration cannot be.
    """
    weak = env_defaults(environ)
    choice = choose(arguments, environ, weak)
    file = _file_layer(choice.path) if choice.path else {}
    layers = Layers([arguments.layer(), env_overrides(environ), file, *weak])
    layers.pick("apiVersion", values.literal(API_VERSION), None)
    layers.pick("kind", values.literal(KIND), None)
    layers.pick("shell.use_profiles", values.boolean, None)
    return settings_of(layers, choice, None if arguments.ca is None else Path(arguments.ca))


def settings_of(
    layers: Layers, choice: ClientChoice, ca: Path | None = None, *, least_s: float = 5, when: str = ""
) -> ClientSettings:
    """Return the settings that layers give, each checked.

    Args:
        layers: What is given.
        choice: Which client it is.
        ca: A file of authorities, in place of what the layers give.
        least_s: The shortest time limit that is accepted.
        when: Added to errors after the variable to set for a value that is missing.

    Raises:
        ConfigurationError: Something is missing, or cannot be.
    """
    insecure = layers.pick("tls.insecure", values.boolean, False)
    allow = layers.pick("drivers.allow", values.patterns, ())
    unsafe = layers.pick("drivers.unsafe", values.boolean, False)
    if UNSAFE in allow and not unsafe:
        layers.origins["drivers.unsafe"] = layers.origins["drivers.allow"]
    return ClientSettings(
        namespace=_needed(layers, choice, "metadata.namespace", when),
        name=_needed(layers, choice, "metadata.name", when),
        endpoint=_needed(layers, choice, "endpoint", when),
        token=_needed(layers, choice, "token", when),
        insecure=insecure,
        ca=_authorities(layers, ca, insecure),
        refresh_token=layers.pick("refresh_token", values.word, None) or None,
        grpc_options=MappingProxyType(dict(layers.pick_options())),
        drivers_allow=allow,
        drivers_unsafe=unsafe or UNSAFE in allow,
        acquisition_timeout=layers.pick(
            "leases.acquisition_timeout", values.duration(least_s, whole=True), ACQUISITION_S
        ),
        dial_timeout=layers.pick("leases.dial_timeout", values.duration(least_s), DIAL_S),
        retry_timeout=layers.pick("leases.retry_timeout", values.duration(0), RETRY_S),
        alias=choice.alias,
        path=choice.path,
        source=choice.source,
        origins=MappingProxyType(layers.origins),
    )


_CHECKS = {"endpoint": values.address, "token": values.word}


def _file_layer(path: Path) -> Layer:
    file = read_file(path)
    return file_layer(file.content, f"'{path}'", file.line)


def _needed(layers: Layers, choice: ClientChoice, key: str, when: str) -> str:
    found = layers.pick(key, _CHECKS.get(key, values.text_or_nothing), None)
    if found:
        return found
    start = f"There is no {key} in {choice.source}"
    given = layers.given(key)
    if len(given) > 1:
        raise ConfigurationError(
            f"{start}: {given[0].where} is empty, which beats {given[1].where}. Take it out, or give it a value."
        )
    remedy = "Log in with `jmp login`" if key == "token" else "Put it there"
    raise ConfigurationError(f"{start}. {remedy}, or set {VARIABLES[key]}{when}.")


def _authorities(layers: Layers, ca: Path | None, insecure: bool) -> bytes | None:
    if ca is not None:
        if insecure:
            raise ConfigurationError(
                f"{argument('ca')} means to verify, {argument('insecure')} not to. Leave one of the two out."
            )
        layers.origins["tls.ca"] = "argument"
        return authorities.read(ca)
    # Not even looked at, as upstream's client does: a client that trusts any server needs no authority.
    return layers.pick("tls.ca", (lambda _value: None) if insecure else authorities.decoded, None)
