"""Map errors of the client core to the classes that upstream's ``except`` clauses expect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from JumpstarterLibrary.errors import (
    AuthenticationError,
    ConfigurationError,
    ExporterOffline,
    InfrastructureError,
    LeaseError,
    LeaseExpired,
    LeaseReleased,
    LeaseTimeout,
    LeaseTransferred,
    LeaseUnsatisfiable,
    LinkError,
    TlsError,
    TokenExpired,
)
from pytest_jumpstarter.upstream_api.clients.trouble import also_as
from pytest_jumpstarter.upstream_api.config.exceptions import ExporterOfflineError, ExporterUnreachableError

SENTENCE = "jumpstarter_configuration"
"""The type of errors of pydantic whose message is a sentence of ours."""

OUTCOMES = (LeaseTimeout, LeaseUnsatisfiable, LeaseExpired, LeaseReleased, LeaseTransferred)
"""What becomes of a lease, beside what the controller refuses at once."""


@contextmanager
def controller_calls(config: object) -> Iterator[None]:
    """Raise a controller's refusals as a ``ConnectionError`` as well.

    Args:
        config: The client configuration in use; an expired token's error gets it, for a caller that logs in again.
    """
    try:
        yield
    except TokenExpired as error:
        error.set_config(config)
        raise
    except (LinkError, *OUTCOMES):
        raise
    except InfrastructureError as error:
        made = also_as(error, LinkError)
        raise made from error.__cause__ or error


@contextmanager
def map_connect_errors() -> Iterator[None]:
    """Make what keeps a client from its exporter an ``ExporterUnreachableError`` as well."""
    try:
        yield
    except (LeaseError, AuthenticationError, TlsError):
        raise
    except InfrastructureError as error:
        made: Exception = error
        if isinstance(error, ExporterOffline):
            made = also_as(made, ExporterOfflineError)
        made = also_as(made, ExporterUnreachableError)
        raise made from error.__cause__ or error


@contextmanager
def map_validation_errors(title: str) -> Iterator[None]:
    """Raise errors of a configuration as a ``ValidationError`` of pydantic, as upstream does.

    Its message is the sentence of our error, which is its cause. Those about a file that cannot be read stay.

    Args:
        title: The class whose instance cannot be.
    """
    try:
        yield
    except ConfigurationError as error:
        if isinstance(error, OSError):
            raise
        raise _validation_error(title, str(error)) from error


def _validation_error(title: str, sentence: str) -> Exception:
    from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

    kind = PydanticCustomError(SENTENCE, "{sentence}", {"sentence": sentence})
    # Never with its input, which may be a secret.
    details = InitErrorDetails(type=kind, loc=(), input=None)
    return ValidationError.from_exception_data(title, [details], hide_input=True)
