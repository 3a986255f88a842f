"""A virtual lab in a process of its own: ``python -m JumpstarterLibrary.lab [FILE]``, or ``jumpstarter-lab``."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from JumpstarterLibrary.common.drafts import replace_file
from JumpstarterLibrary.common.environment import CLIENT_CONFIG_HOME
from JumpstarterLibrary.errors import ConfigurationError, JumpstarterError
from JumpstarterLibrary.lab.faults import FAULTS, find, parse_fault, read_options, spelt
from JumpstarterLibrary.lab.labfile import LabFile
from JumpstarterLibrary.lab.virtual_lab import VirtualLab
from JumpstarterLibrary.printable import PrintableFormatter

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0 after a signal, 1 if the lab could not start."""
    options = _parser().parse_args(arguments)
    if options.faults:
        sys.stdout.write(_fault_list())
        return 0
    handler = logging.StreamHandler()
    # On the handler, since drivers have levels of their own, for their clients.
    handler.setLevel(logging.INFO if options.verbose else logging.ERROR)
    handler.setFormatter(PrintableFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        _run(options)
    except JumpstarterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    file = LabFile.load(options.file) if options.file is not None else LabFile()
    faults = [parse_fault(line) for line in options.inject]
    for target, name, given in faults:
        fault = find(target, name)
        read_options(fault.options, given, str(fault))
    with _until_told() as stopping, ExitStack() as stack:
        directory = stack.enter_context(_directory(options.config_dir))
        lab = stack.enter_context(file.lab())
        files = _write_files(lab, directory, file)
        for target, name, given in faults:
            lab.inject(target, name, **given)
        sys.stdout.write(_instructions(lab, directory, file, files))
        sys.stdout.flush()
        if options.ready_file is not None:
            _write_facts(options.ready_file, _facts(lab, directory, file))
        stopping.wait()


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """Yield an event that the first SIGTERM or SIGINT sets. A second one ends the process at once."""
    told = threading.Event()

    def tell(_number: int, _frame: object) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        told.set()

    before = {number: signal.signal(number, tell) for number in SIGNALS}
    try:
        yield told
    finally:
        if not told.is_set():
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _directory(wanted: Path | None) -> Iterator[Path]:
    """Yield the directory for configuration files; one that was not asked for is private, and removed in the end."""
    if wanted is not None:
        yield wanted.absolute()
        return
    private = Path(tempfile.mkdtemp(prefix="jumpstarter-lab-"))
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _write_files(lab: VirtualLab, directory: Path, file: LabFile) -> list[Path]:
    """Write the configuration of all clients, the first of which becomes the current one, and of exporters to come."""
    try:
        for position, name in enumerate(file.clients):
            lab.write_client_config(directory, name, current=position == 0)
        return [
            lab.write_exporter_config(directory / "exporters" / f"{wish.name}.yaml", wish.name)
            for wish in file.exporters
            if not wish.register
        ]
    except OSError as error:
        raise ConfigurationError(f"The configuration files cannot be written to {directory}: {error}.") from error


def _instructions(lab: VirtualLab, directory: Path, file: LabFile, files: list[Path]) -> str:
    names = [wish.name for wish in file.exporters]
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    selector = _selector(file)
    lines = [
        f"{CLIENT_CONFIG_HOME}={directory}",
        "",
        f"The controller listens on {lab.endpoint}, the router on {lab.router.endpoint}.",
        f"{len(names)} exporters: {shown}",
        "",
        "In another shell:",
        "",
        f"    export {CLIENT_CONFIG_HOME}={directory}",
        "    jmp get exporters",
        f"    jmp shell --selector {selector} -- j power on",
        f"    robot your_suite.robot        # with: Acquire Lease    {selector}",
    ]
    if files:
        lines += ["", "Exporters that are still to come:", ""]
        lines += [f"    jmp run --exporter-config {path}" for path in files]
        lines += ["", "Add the drivers under 'export' in those files first."]
    lines += ["", "Ctrl-C ends the lab.", ""]
    return "\n".join(lines)


def _selector(file: LabFile) -> str:
    labels = next((wish.labels for wish in file.exporters if wish.labels), {})
    return ",".join(f"{key}={value}" for key, value in list(labels.items())[:1]) or "board=virtual"


def _facts(lab: VirtualLab, directory: Path, file: LabFile) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "endpoint": lab.endpoint,
        "router": lab.router.endpoint,
        "namespace": lab.namespace,
        "config_home": str(directory),
        "clients": list(file.clients),
        "exporters": [wish.name for wish in file.exporters],
    }


def _write_facts(path: Path, facts: dict[str, Any]) -> None:
    try:
        replace_file(path, json.dumps(facts, indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be written: {error}.") from error


def _fault_list() -> str:
    lines = []
    for _, fault in sorted(FAULTS.items()):
        lines.append(f"{fault} ({'until cleared' if fault.lasting else 'once'})\n    {fault.text}\n")
        lines += [f"    {spelt(option)}: {option.about}\n" for option in fault.options]
    return "".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jumpstarter-lab",
        description="Run a virtual lab (controller, router, exporters) until SIGTERM or Ctrl-C. The first line printed "
        "is what clients need in their environment.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, help="a YAML file that describes the lab; by default it has four virtual boards"
    )
    parser.add_argument(
        "--config-dir",
        type=Path,
        metavar="DIR",
        help="where to write configuration files; by default a private directory that is removed in the end",
    )
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="write a JSON file when the lab is ready")
    parser.add_argument(
        "--inject",
        action="append",
        default=[],
        metavar="FAULT",
        help="let something go wrong, such as 'exporter crash after=5'; may be repeated",
    )
    parser.add_argument("--faults", action="store_true", help="list what can go wrong, and end")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens to standard error")
    return parser


if __name__ == "__main__":
    sys.exit(main())
