"""Models of pydantic under upstream's names: their errors show no value, which may be a secret."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError
from pytest_jumpstarter import upstream_api
from pytest_jumpstarter.upstream_api.config.client import ClientConfigListV1Alpha1


def models(kind: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for found in kind.__subclasses__():
        generic = found.__pydantic_generic_metadata__["origin"] is not None
        if found.__module__.startswith(upstream_api.__name__) and not generic:
            yield found
        yield from models(found)


def test_no_model_shows_its_input_in_errors() -> None:
    for module in pkgutil.walk_packages(upstream_api.__path__, f"{upstream_api.__name__}."):
        importlib.import_module(module.name)
    found = set(models())
    assert ClientConfigListV1Alpha1 in found
    showing = {model.__qualname__ for model in found if not model.model_config.get("hide_input_in_errors")}
    assert showing == set()


def test_a_list_of_clients_shows_no_token() -> None:
    with pytest.raises(ValidationError) as caught:
        ClientConfigListV1Alpha1.model_validate({"current_config": None, "items": {"token": "a-secret"}})
    assert "a-secret" not in str(caught.value)
