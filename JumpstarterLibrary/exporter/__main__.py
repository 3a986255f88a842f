"""Run an exporter in a process of its own: ``python -m JumpstarterLibrary.exporter FILE``.

A file with an ``endpoint`` registers with that controller, unless ``--unix`` or ``--tcp`` says where to serve without.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from JumpstarterLibrary.errors import JumpstarterError
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1, ExporterConfigV1Alpha1DriverInstance
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.leasing import ControllerAccess, FailureLimit, LeasedExporter
from JumpstarterLibrary.exporter.listen_address import ListenAddress, add_options, read_address, refuse_without_tcp
from JumpstarterLibrary.exporter.logs import BoundedFormatter
from JumpstarterLibrary.exporter.named_config import config_file
from JumpstarterLibrary.exporter.on_release import run_on_release
from JumpstarterLibrary.exporter.session import LEASE_READY, Session
from JumpstarterLibrary.printable import PrintableFormatter


class ExporterFormatter(BoundedFormatter, PrintableFormatter):
    """Formats log records of an exporter's process: of bounded length, and without what acts on a terminal."""


async def run(driver: Driver, address: ListenAddress, motd: str | None = None) -> None:
    """Serve a driver tree until the process gets SIGTERM or SIGINT.

    The first line on standard output is where it listens, in the form of ``JUMPSTARTER_HOST``.

    Args:
        driver: The root of the tree.
        address: Where to listen.
        motd: A message for clients.

    Raises:
        ConfigurationError: It cannot listen there.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    # In a process of its own, all log records belong to the exporter.
    session = Session(driver, motd=motd, loggers=("",))
    session.update_status(LEASE_READY, "Ready for commands")
    async with address.serve(session) as host:
        sys.stdout.write(f"{host}\n")
        sys.stdout.flush()
        await stopping.wait()
        await run_on_release(session)


async def run_leased(config: ExporterConfigV1Alpha1) -> int:
    """Register with the controller of a configuration and serve leases until the process gets a signal.

    SIGTERM, SIGINT and SIGQUIT end the exporter at once, a second one also its afterLease hook; SIGHUP ends it after
    the present lease. The only line on standard output says that it is registered.

    Args:
        config: The exporter's configuration.

    Returns:
        0 after a signal or, with ``exitOnLeaseEnd``, a lease; 1 where a hook failed whose ``onFailure`` is ``exit``,
        and where the drivers failed to start as often as ``failureDetection`` says.

    Raises:
        JumpstarterError: The configuration does not fit, or the controller does not take the exporter.
    """
    exporter = LeasedExporter(
        ControllerAccess.from_config(config),
        config.instantiate,
        before_lease=config.before_lease,
        after_lease=config.after_lease,
        motd=config.motd,
        exit_on_lease_end=config.exit_on_lease_end,
        failure_limit=FailureLimit(failures=config.max_rapid_failures, window_s=config.rapid_failure_window),
        secrets=config.secrets(),
        # In a process of its own, all log records belong to the exporter.
        loggers=("",),
    )
    running = asyncio.create_task(exporter.run())
    announcing = asyncio.create_task(_announce(exporter))
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if stopping:
            running.cancel()
        stopping = True
        exporter.request_stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: exporter.request_stop(after_lease=True))
    try:
        return await running
    except asyncio.CancelledError:
        return 1
    finally:
        announcing.cancel()


async def _announce(exporter: LeasedExporter) -> None:
    await exporter.registered.wait()
    access = exporter.access
    sys.stdout.write(f"Exporter {access.namespace}/{access.name} is registered with {access.endpoint}.\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0 after a signal, 1 if the exporter could not start.

    An exporter with a controller also ends with 1 where a hook failed whose ``onFailure`` is ``exit``, where its
    drivers failed to start as often as ``failureDetection`` says, and after a second signal.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    handler = logging.StreamHandler()
    handler.setFormatter(ExporterFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        file = config_file(options.config)
        config = ExporterConfigV1Alpha1.load(file)
        if config.endpoint is not None and options.tcp is None and options.unix is None:
            refuse_without_tcp(options, f"the exporter registers with the controller at {config.endpoint}")
            return asyncio.run(run_leased(config))
        driver, motd = _load(config, file)
        asyncio.run(run(driver, read_address(options), motd))
    except JumpstarterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m JumpstarterLibrary.exporter", description=run.__doc__)
    parser.description = (
        "Serve the drivers of a YAML file until SIGTERM. A file with an endpoint registers with that controller; "
        "otherwise the first line printed is where it listens."
    )
    parser.add_argument(
        "config",
        help="an exporter's configuration, or that of one driver: a file, or the name of one in exporters/ of the "
        "configuration folder (~/.config/jumpstarter, JMP_CLIENT_CONFIG_HOME) or of /etc/jumpstarter",
    )
    add_options(parser)
    return parser


def _load(config: ExporterConfigV1Alpha1, path: Path) -> tuple[Driver, str | None]:
    if config.export:
        return config.instantiate(), config.motd
    return ExporterConfigV1Alpha1DriverInstance.from_path(path).instantiate(), None


if __name__ == "__main__":
    sys.exit(main())
