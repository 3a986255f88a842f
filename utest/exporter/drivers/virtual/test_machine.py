from __future__ import annotations

import asyncio
import logging
from itertools import islice

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.hardware import BoardActivity, BoardSettings
from JumpstarterLibrary.exporter.drivers.virtual.machine import Machine
from JumpstarterLibrary.exporter.drivers.virtual.medium import Medium
from JumpstarterLibrary.exporter.drivers.virtual.power import VirtualPower
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire


def test_board_without_power_is_silent_and_deaf(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            board.machine.power_off()
            await board.type("typed in the dark")
            assert await board.silence(100) == ""
            board.machine.power_on()
            assert "autoboot:  2 \b\b\b 1 \b\b\b 0 \n" in await board.until("Starting")

    run(scenario())


def test_power_cut_stops_everything_at_once(run, bench) -> None:
    async def scenario() -> None:
        async with bench(noise=0.01) as board:
            for pause in (0.05, 0.3, 1.5, 3.4, 4.0, 5.9, 8.0):
                await board.clock.sleep(pause)
                board.machine.power_off()
                await board.silence(0)
                assert await board.silence(100) == ""
                assert board.machine.state is BoardActivity.OFF
                board.machine.power_on()

    run(scenario())


def test_power_on_of_a_running_board_changes_nothing(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            await board.login()
            board.machine.power_on()
            assert await board.shell("echo still here") == "still here\n"

    run(scenario())


def test_states_draw_different_currents(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:

            def ampere() -> float:
                (reading,) = islice(board.machine.readings(1), 1)
                assert reading.voltage == (
                    pytest.approx(5, rel=0.01) if board.machine.state is not BoardActivity.OFF else 0
                )
                return reading.current

            seen = {}
            seen["start"] = ampere()
            await board.until("autoboot")
            seen["loader"] = ampere()
            await board.until("Linux version")
            assert ampere() == pytest.approx(seen["start"], rel=0.03)
            await board.login()
            seen["idle"] = ampere()
            await board.type("sleep 100\r")
            await board.clock.sleep(1)
            seen["busy"] = ampere()
            await board.until("# ")
            assert ampere() == seen["idle"]
            await board.type("poweroff\r")
            await board.until("Power down\n")
            await board.clock.sleep(1)
            seen["halted"] = ampere()
            board.machine.power_off()
            seen["off"] = ampere()
            assert seen["off"] == 0 < seen["halted"] < seen["idle"] < seen["loader"] < seen["busy"] < seen["start"]

    run(scenario())


def test_ripple_is_small_and_the_same_for_the_same_seed(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            one, same, other = (list(islice(board.machine.readings(seed), 50)) for seed in (1, 1, 2))
            assert one == same != other
            currents = [reading.current for reading in one]
            assert 0 < max(currents) - min(currents) <= 0.02 * max(currents)

    run(scenario())


@pytest.mark.parametrize("readings", [1, 4])
def test_read_is_paced_and_bounded(run, bench, readings: int) -> None:
    async def scenario() -> None:
        async with bench() as board:
            power = VirtualPower(machine=board.machine, clock=board.clock, read_interval=0.5, readings=readings)
            start = board.clock.now()
            moments = [board.clock.now() - start async for _ in power.read()]
            assert moments == pytest.approx([0.5 * count for count in range(readings)])
            assert board.clock.now() - start == pytest.approx(0.5 * (readings - 1))

    run(scenario())


def test_fault_in_the_software_is_logged(run, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        clock = Clock(1.0, asyncio.get_running_loop().time)
        logger = logging.getLogger("driver.VirtualBoard")
        medium = Medium(logger)
        machine = Machine(clock, Wire(clock, logger), medium, BoardSettings(environment={"bootcmd": None}), logger)  # type: ignore[dict-item]
        machine.power_on()
        await asyncio.sleep(10)
        machine.power_off()

    run(scenario())
    assert "The virtual board's software failed; this is a bug. Power-cycle it." in caplog.messages


def test_a_board_is_at_rest_where_it_waits_for_a_line(run, bench) -> None:
    async def scenario() -> None:
        async with bench() as board:
            machine = board.machine
            board.machine.power_off()
            assert machine.at_rest
            board.machine.power_on()
            await board.until("autoboot:")
            assert not machine.at_rest, "it counts down"
            await board.login()
            await board.silence(1)
            assert machine.at_rest
            await board.type("sleep 1\n")
            assert not machine.at_rest
            await board.silence(2)
            assert machine.at_rest
            await board.type("poweroff\n")
            await board.silence(100)
            assert (machine.at_rest, machine.state) == (True, BoardActivity.HALTED)

    run(scenario())
