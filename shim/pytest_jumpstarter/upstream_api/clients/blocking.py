"""A decorator for adapters that are written for coroutines and used without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def blocking(
    function: Callable[Parameters, AbstractAsyncContextManager[Result]],
) -> Callable[Parameters, AbstractContextManager[Result]]:
    """Make a function that returns an async context manager one that returns an ordinary one.

    Args:
        function: The function. It is given the driver's client by the name ``client``, on whose portal it runs.
    """

    @wraps(function)
    @contextmanager
    def adapter(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Iterator[Result]:
        client: Any = kwargs["client"]
        with client.portal.wrap_async_context_manager(function(*args, **kwargs)) as result:
            yield result

    return adapter
