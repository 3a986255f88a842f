"""``on_release`` of a driver: it is done when a lease ends, however it ends, and its failure stops nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter import on_release as on_release_module
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1
from JumpstarterLibrary.exporter.on_release import run_on_release
from JumpstarterLibrary.exporter.session import Session


@dataclass(kw_only=True)
class Relay(Driver):
    """A driver that notes what is done to it."""

    done: ClassVar[list[str]] = []

    @classmethod
    def client(cls) -> str:
        return "test.Relay"

    @export
    def off(self) -> None:
        self.done.append("off")

    @export
    async def rest(self, how: str = "well") -> None:
        self.done.append(f"rest {how}")

    @export
    def fail(self) -> None:
        raise OSError("no answer\nfrom the relay")

    @export
    async def hang(self) -> None:
        await asyncio.Event().wait()

    @export
    def move(self, where: str) -> None:
        self.done.append(where)

    @export
    def readings(self) -> Iterator[int]:
        yield 1


@pytest.fixture(autouse=True)
def done() -> list[str]:
    Relay.done.clear()
    return Relay.done


def config(*methods: str) -> ExporterConfigV1Alpha1:
    """Return a configuration with a driver for each method."""
    drivers = "".join(
        f"  d{number}: {{type: {__name__}.Relay, on_release: {method}}}\n" for number, method in enumerate(methods)
    )
    return ExporterConfigV1Alpha1.from_str(f"export:\n{drivers}  other: {{type: {__name__}.Relay}}\n")


def run(*methods: str) -> list[str]:
    async def running() -> list[str]:
        async with Session(config(*methods).instantiate()) as session:
            return await run_on_release(session)

    return asyncio.run(running())


@pytest.mark.parametrize("named", ["off", "power_off", '"off"'])
def test_power_off_is_that_of_a_power_driver(done: list[str], named: str) -> None:
    assert (run(named), done) == ([], ["off"])


def test_all_drivers_are_brought_to_rest_also_behind_one_that_fails(
    done: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    failure = "'fail' of driver 'd0' (on_release) failed: no answer from the relay."
    assert run("fail", "rest", "off") == [failure]
    assert done == ["rest well", "off"]
    assert failure in caplog.messages


def test_a_method_that_does_not_end_is_not_waited_for(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_release_module, "LIMIT_S", 0.05)
    assert run("hang", "off") == ["'hang' of driver 'd0' (on_release) failed: it did not end within 0.05 seconds."]
    assert done == ["off"]


@pytest.mark.parametrize("name", ["move", "readings", "close", "nothing"])
def test_a_method_that_cannot_be_called_so_is_refused(name: str) -> None:
    message = (
        f"The YAML text, line 2: export.d0.on_release: Relay has no method '{name}' without arguments. It has: fail, "
        f"hang, off, rest."
    )
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        config(name).instantiate()


@pytest.mark.parametrize("driver", ["{ref: a, on_release: off}", "{children: {}, on_release: off}"])
def test_only_a_driver_with_a_type_has_it(driver: str) -> None:
    message = "The YAML text, line 1: export.x.on_release: only a driver with a type has it. Move it there."
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        ExporterConfigV1Alpha1.from_str(f"export: {{x: {driver}}}")
