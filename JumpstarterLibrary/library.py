"""The library class: introduction, arguments, and the list of its parts. It wires, and does nothing else."""

from __future__ import annotations

import atexit
import datetime
import inspect
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn, RobotNotRunningError
from robotlibcore import DynamicCore

from JumpstarterLibrary.client import Device, Timing
from JumpstarterLibrary.client.consoles.presets import describe_presets
from JumpstarterLibrary.client.deadline import limited_search
from JumpstarterLibrary.client.devices.artefacts import DeviceArtefacts, release_folder
from JumpstarterLibrary.client.devices.notices import TOLD
from JumpstarterLibrary.client.devices.request import DeviceRequest
from JumpstarterLibrary.client.events import Events
from JumpstarterLibrary.client.filenames import file_name
from JumpstarterLibrary.client.leasing import LeasedDevice, LeaseRequest
from JumpstarterLibrary.client.limits import describe_limits
from JumpstarterLibrary.client.settings import ClientArguments
from JumpstarterLibrary.client.timing import TimingSource, describe_timing
from JumpstarterLibrary.errors import JumpstarterError
from JumpstarterLibrary.keywords.boot import BootKeywords
from JumpstarterLibrary.keywords.connection import ConnectionKeywords
from JumpstarterLibrary.keywords.console import ConsoleKeywords
from JumpstarterLibrary.keywords.console_failing import ConsoleFailingKeywords, import_failing_patterns
from JumpstarterLibrary.keywords.console_shell import ConsoleShellKeywords
from JumpstarterLibrary.keywords.console_writing import ConsoleWritingKeywords
from JumpstarterLibrary.keywords.conversion import (
    CONVERTERS,
    argument_type,
    import_choice,
    import_duration,
    shown_default,
)
from JumpstarterLibrary.keywords.devices import Devices, ExporterHost
from JumpstarterLibrary.keywords.drivers import DriverKeywords
from JumpstarterLibrary.keywords.exporters import ExporterKeywords
from JumpstarterLibrary.keywords.lease_sets import LeaseSetKeywords
from JumpstarterLibrary.keywords.lease_time import LeaseTimeKeywords
from JumpstarterLibrary.keywords.leasing import Lab, Leases, SharedLab
from JumpstarterLibrary.keywords.power import PowerKeywords
from JumpstarterLibrary.keywords.remote import call_plainly, plain_specification
from JumpstarterLibrary.keywords.secret import Secret, reveal
from JumpstarterLibrary.keywords.states import StateKeywords, give_profile, import_profiles
from JumpstarterLibrary.keywords.storage import StorageKeywords
from JumpstarterLibrary.reporting.drain import EventDrain
from JumpstarterLibrary.reporting.hints import ROBOT
from JumpstarterLibrary.reporting.html import transcript_link
from JumpstarterLibrary.reporting.listener import LifecycleListener
from JumpstarterLibrary.types import Mode, Scope, Tls
from JumpstarterLibrary.version import __version__

ARTEFACTS = "jumpstarter-artefacts"
"""Folder of the output directory that gets transcripts. Python would import one without a hyphen as a package."""


class JumpstarterLibrary(DynamicCore):  # type: ignore[misc]  # robotlibcore has no type hints
    """Keywords for boards behind Jumpstarter exporters: power, storage, console and every other driver.

    %TOC%

    = Devices =

    A *device* is one connected exporter. Keywords use the current device, or the one that ``device=`` names by its
    alias. The first keyword of a suite that needs one connects it as the import of the library says; `Connect To
    Exporter` does the same by hand, for several devices or for other settings. Devices are closed at the end of the
    suite that connected them, also when the run is interrupted. Where several are connected, or were used in the
    test, messages say which one they are about.

    ``device`` and ``driver`` are named in every keyword: ``Power On    driver=power``, never ``Power On    power``.

    No device is leased or connected by accident: not in a teardown, and not after one was released or disconnected,
    the end of its scope, or a request that failed. Keywords say then what is missing; `Power Off` in a teardown passes,
    since there is nothing to switch off.

    How a device is found:

    | =mode= | =what it connects to= |
    | ``auto`` | the first of the following that there is something for; otherwise an error |
    | ``direct`` | the exporter at ``host``: a socket path or ``HOST:PORT`` |
    | ``shell`` | the exporter that ``JUMPSTARTER_HOST`` names, as inside ``jmp shell`` |
    | ``lease`` | that of the lease ``JMP_LEASE``, or one that is leased for ``selector`` or ``exporter`` |
    | ``virtual`` | a virtual board in this process, with power, storage and console, for which nothing is needed |

    = Leases =

    `Acquire Lease` asks a controller for an exporter and connects to it. The client configuration is that of ``jmp``:
    the library's ``client`` or ``config``, the environment (``JMP_NAMESPACE`` and ``JMP_NAME``), ``JMP_CLIENT_CONFIG``,
    the current client, the only client there is. `Log Jumpstarter Setup` shows what was found where.

    A lease is released by `Release Lease`, at the end of its ``scope`` (run, suite or test), and when the run ends in
    any way: also after Ctrl-C and SIGTERM. Only after SIGKILL it lasts to its own end, which is why a short
    ``duration`` with a ``max_duration``, up to which it extends itself, is better than a long one. Keywords that ask
    twice for the same share a lease. Leases of others, such as the one that ``JMP_LEASE`` names, are used but never
    released.

    Inside ``jmp shell``, `Acquire Lease` joins the shell's exporter, so that the same suite runs there and outside.
    With ``mode=virtual``, leases come from a virtual lab in this process: a real controller and router, and four
    virtual boards with the label ``board=virtual``.

    = Drivers =

    An exporter offers a tree of *drivers*, each with a dotted path such as ``dutlink.power``. Where a device has only
    one driver of the kind that a keyword needs, it is used; where it has several, ``driver=`` says which. Every driver
    can be reached by `Call Driver` and `Stream From Driver`, also those that have no keywords.

    = Console =

    Consoles are read from the moment a device is connected, into a history that reading never destroys. It keeps the
    last 8 million characters; the transcript has all, in two files in ``jumpstarter-artefacts`` of the output directory
    that are linked from the log: every byte as it came, and timed lines of what came and what was typed. Secrets are in
    neither. Beside them is the event log of the device, ``events.jsonl``: one line of JSON for each call, power action,
    transfer, state and change of the lease, with its time.

    `Console Should Contain` looks from a cursor on and moves it behind the match. A power action moves the cursor to
    the present end, so that old output cannot answer for the new boot. ``since=`` looks from elsewhere: ``power_on``,
    ``test_start``, ``lease_start``, ``connect``, or the name of a mark that `Mark Console` has set.

    A pattern is a plain text, or ``regexp:`` and a Python regular expression. ``regex:``, ``re:`` and the like are
    refused, since as plain texts they would never be found; ``literal:`` is for a text that begins so.

    `Register Failing Console Pattern` ends every wait as soon as a board dies, and shows its last words.

    = Boot and states =

    `Ensure Device State` brings a board to ``off``, ``bootloader``, ``login`` or ``shell`` from wherever it is, by the
    shortest way, and fails with what the console said. It looks before it types, and never types more than a comment
    at a prompt. What is known of the board becomes ``unknown`` by itself: by any power action of this process, by a
    reset, a restart that the console tells, a panic, or a lost link.

    |  Ensure Device State    bootloader
    |  Set U-Boot Variable    bootargs    console=ttyS0
    |  Ensure Device State    shell    password=${PASSWORD}
    |  Run Command    uname -a

    A state that the board failed to reach is not tried again, so that one broken image does not cost the whole night:
    see `Forget Device Failures`. How a board boots (key, prompt, boot commands, user), and states of your own, come
    from a file: `Load Device States`; or from a resource file: `Define Device State`.

    For single steps there are `Interrupt Boot`, `Run U-Boot Command`, `Get U-Boot Variable`, `Set U-Boot Variable`,
    `U-Boot DHCP` and `Boot From U-Boot`. All take upstream's U-Boot driver (its prompt, power and serial port), or any
    serial port and the power driver beside it. Where there are several, ``driver=`` names the U-Boot or serial driver
    and ``power=`` the power driver.

    = Failing patterns =

    What a board must never say: ``failing_patterns=linux,u-boot`` of the library import, or
    `Register Failing Console Pattern`. The presets and their patterns:

    %PRESETS%

    ``android`` has all of ``linux``, too. Register those that run on the board: ``firmware``, ``u-boot`` and ``linux``
    for an embedded Linux. ``oom`` is for tests that must not run out of memory; its own reports are no crash otherwise.

    Warnings of a kernel and faults of programs are none of these. Messages of a kernel count at the beginning of a
    line, behind their time with what vendors add to it, and behind a prompt that they were printed over: neither the
    echo of a command nor a file that quotes them is taken for one. A ``reset`` that is typed at U-Boot is meant. A boot
    that tries several devices fails with the last one only.

    = Profiles =

    A suite for several kinds of boards needs no ``IF``: what differs is in one file, ``profiles=`` of the library
    import. Each device gets it when it is connected: what is said for all boards, and the one profile that is for its
    exporter, by labels (``match``, a selector) or name (``exporter``, with ``*`` and ``?``). A profile with neither is
    for all others. That none or several are is an error. The log and `Log Jumpstarter Setup` tell which was chosen.

    |  settings: {user: root}             # for all boards, the keys of `Load Device States`
    |  profiles:
    |    rpi4:
    |      match: board=rpi4              # what the labels of the exporter have to meet
    |      settings: {prompt: "U-Boot>"}
    |      timing: {boot_timeout: 5 min}
    |      failing_patterns: [linux, u-boot]
    |    router:
    |      exporter: "router-*"           # what the exporter is called
    |      driver: serial1                # path of the U-Boot or serial driver, where there are several
    |      settings: {prompt: "ath>", line_end: cr}
    |    others: {}

    = Timing =

    Boards that answer at once need nothing of this. For a slow board, an emulated one, or one at the end of a slow
    line, ``timing=`` changes time limits and pauses: of the library import for all devices, of `Connect To Exporter`
    and `Acquire Lease` for one, and the key ``timing`` of a states file (`Load Device States`) for one board. The most
    particular one counts, field by field, and a keyword's own ``timeout=`` before all of them.

    |  Library    JumpstarterLibrary    selector=board=fpga    timing=login_timeout=5 min, echo_timeout=2 s

    %TIMING%

    = Limits =

    Nothing waits for ever: what may take as long as it does, such as the writing of an image, ends when its exporter
    has answered nothing for some time, not even the question for its status. The error names the limit. ``timeout=``
    of a keyword ends it within 2 seconds of its time, also where the exporter stands still or has to be looked for.

    %LIMITS%

    All times, here, in arguments and in files, are numbers of seconds, or text such as ``500 ms``, ``2 min``,
    ``1h30m``, ``1:30:00`` and ``PT1H30M``, up to 365 days.

    = Importing =

    Imports with the same arguments are one library, also in several suites and with ``AS``. Imports with different
    arguments are two, each with its own devices, aliases, scope and timeout, in one process and with one virtual lab;
    their keywords need full names. Neither waits for a board that the other one holds.

    Behind a Remote server, arguments are converted and results are dictionaries, with the same names; there are no
    transcripts, and no scopes of suites and tests. From Python (``robot.run``, ``TestSuite``), several runs may follow
    each other in a process. ``docs/importing.md`` of the project has the details.

    = Errors =

    Errors say what was asked, what was found and what to try. *InfrastructureError* and its kinds tell of lease, link,
    exporter or driver. *DeviceFailure* and its kinds are what the board did. *UsageError* is the test's own mistake.

    For programs, each error has a ``code`` such as ``JMP-LEASE-EXPIRED``, and in ``fault`` what it counts against:
    ``product``, ``lab``, ``test``, or ``unknown`` where nothing tells. A console that was silent is unknown, since it
    may be the cable; so is a driver that fails.

    = Security =

    TCP connections are verified TLS unless asked otherwise. Passwords and passphrases can be given as ``Secret``, and
    are never logged by this library.
    """

    ROBOT_LIBRARY_SCOPE = "GLOBAL"
    ROBOT_LIBRARY_VERSION = __version__
    ROBOT_LIBRARY_CONVERTERS = CONVERTERS

    def __init__(
        self,
        *,
        mode: Mode | str = Mode.auto,
        host: str | None = None,
        tls: Tls | str | None = None,
        ca: Path | None = None,
        passphrase: Secret | str | None = None,
        timeout: datetime.timedelta | str | float = datetime.timedelta(seconds=30),
        selector: str | None = None,
        exporter: str | None = None,
        client: str | None = None,
        config: Path | None = None,
        scope: Scope | str = Scope.run,
        timing: TimingSource = None,
        failing_patterns: str | list[str] | None = None,
        profiles: Path | str | None = None,
    ) -> None:
        """Importing does nothing but remember how devices are found.

        Args:
            mode: How a device is found. Default: ``auto``.
            host: Socket path or ``HOST:PORT`` of an exporter.
            tls: How TCP is secured. Default: ``plaintext`` if ``JMP_GRPC_INSECURE`` is ``1``, ``pin`` if
                ``JUMPSTARTER_GRPC_INSECURE`` is ``1``, otherwise ``verify``.
            ca: PEM file of the authorities to trust. Default: the system's.
            passphrase: The exporter's passphrase. Default: ``JMP_GRPC_PASSPHRASE``.
            timeout: How long console keywords wait unless they say otherwise. Default: 30 seconds.
            selector: Label expression of the exporter that is leased when a keyword needs a device.
            exporter: Name of the exporter that is leased then.
            client: Alias of the client configuration. Default: as ``jmp`` chooses it.
            config: File of the client configuration. Default: likewise.
            scope: How long a lease is kept: ``run``, ``suite`` or ``test``. Default: ``run``.
            timing: Time limits and pauses for slow boards: a text as below, or a dictionary; see `Timing`. Default:
                those of the table there.
            failing_patterns: What no console of any device may say: presets and patterns as of
                `Register Failing Console Pattern`, with commas between them, or a list. Default: none, since a board
                may show an old panic when it starts.
            profiles: A file as of `Load Device States`, which each device gets when it is connected, with the profile
                in it for its exporter; see `Profiles`. Default: none.

        Example:
        | Library    JumpstarterLibrary
        | Library    JumpstarterLibrary    mode=virtual
        | Library    JumpstarterLibrary    selector=board=rpi4    scope=suite
        | Library    JumpstarterLibrary    host=lab.example.com:19090    ca=lab-ca.pem
        | Library    JumpstarterLibrary    failing_patterns=linux, u-boot
        | Library    JumpstarterLibrary    selector=lab=berlin    profiles=${CURDIR}/boards.yaml
        | Library    JumpstarterLibrary    selector=board=fpga    timing=login_timeout=5 min, echo_timeout=2 s
        """
        self._drain = EventDrain(lambda: self._secrets())
        request = LeaseRequest(selector=selector, exporter=exporter) if selector or exporter else None
        default = DeviceRequest(
            import_choice(Mode, mode, "mode"),
            host,
            None if tls is None else import_choice(Tls, tls, "tls"),
            ca,
            reveal(passphrase),
            request=request,
            scope=import_choice(Scope, scope, "scope"),
            timing=Timing.of(timing),
        )
        waiting = import_duration(timeout, "timeout")
        leases = Leases(ClientArguments(client=client, config=config), os.environ, _virtual_lab, self._drain.drain)
        self._devices = Devices(default, os.environ, _virtual_board, self._prepare, leases, self._new_events)
        self._artefacts: dict[str, DeviceArtefacts] = {}
        self._folders: list[Path] = []
        self._secrets = leases.secrets
        self._suites: list[str] = []
        self.ROBOT_LIBRARY_LISTENER = [
            LifecycleListener(
                self._suite_starts,
                self._suite_ends,
                self._test_starts,
                self._test_ends,
                self._teardown,
                self._close,
                lambda library: library is self,
            )
        ]
        self._profiles = import_profiles(profiles)
        self._failing_patterns = import_failing_patterns(failing_patterns)
        self._failing = ConsoleFailingKeywords(self._devices, waiting)
        atexit.register(self._close)
        parts = (ConnectionKeywords, PowerKeywords, StorageKeywords, DriverKeywords)
        consoles = (ConsoleKeywords, ConsoleWritingKeywords, ConsoleShellKeywords)
        booting = (BootKeywords, StateKeywords)
        leasing = (LeaseSetKeywords, LeaseTimeKeywords, ExporterKeywords)
        super().__init__(
            [
                *(part(self._devices, waiting) for part in (*parts, *consoles, *booting)),
                self._failing,
                *(part(self._devices, waiting, leases) for part in leasing),
            ]
        )

    def run_keyword(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """Run a keyword, and write what happened in the background meanwhile into its log. Errors hint at keywords."""
        limit = (kwargs or {}).get("timeout")
        try:
            if not BuiltIn().robot_running:
                types = self.get_keyword_types(name)
                return call_plainly(name, self.keywords[name], types, args, kwargs or {})
            with limited_search(limit if isinstance(limit, datetime.timedelta) else None):
                return super().run_keyword(name, args, kwargs)
        except JumpstarterError as error:
            error.phrase_hints(ROBOT)
            if "device" in inspect.signature(self.keywords[name]).parameters:
                self._devices.name_in(error, (kwargs or {}).get("device"))
            raise
        finally:
            self._drain.drain()

    def get_keyword_types(self, name: str) -> Any:
        """Return the types of a keyword's arguments, or None where it has none."""
        types = super().get_keyword_types(name)
        if name == "__init__" or not types:
            return types
        return {argument: argument_type(hint) for argument, hint in types.items()}

    def get_keyword_arguments(self, name: str) -> list[Any]:
        """Return the arguments of a keyword, for a Remote server as texts."""
        arguments: list[Any] = super().get_keyword_arguments(name)
        if name != "__init__":
            arguments = [shown_default(argument) for argument in arguments]
        return arguments if BuiltIn().robot_running else plain_specification(arguments)

    def _new_events(self, alias: str) -> Events:
        """Return the events of a device that is about to come, which go to the log from the first on."""
        events = Events()
        shown = "" if alias == Devices.DEFAULT_ALIAS else alias
        events.subscribe(partial(self._drain.put, device=shown), *TOLD)
        output = _output_directory()
        if output is not None:
            artefacts = DeviceArtefacts(
                output / ARTEFACTS, alias, events, folder=file_name(alias), secrets=self._secrets
            )
            self._artefacts[alias] = artefacts
            self._folders.append(artefacts.folder)
        return events

    def _prepare(self, device: Device, alias: str) -> None:
        """Make a new device report, and listen to its consoles from now on."""
        device.tick = self._drain.drain
        if isinstance(device, LeasedDevice):
            _tell_suite(alias, f"{device.lease.exporter} (lease {device.lease.name})")
        device.follow_logs()
        output = _output_directory()
        if alias in self._artefacts:
            self._artefacts.pop(alias).attach(device)
        device.open_consoles()
        self._failing.watch(device, self._failing_patterns)
        if self._profiles is not None:
            give_profile(device, alias, self._profiles)
        for console in device.opened_consoles():
            if output is not None and console.transcripts:
                links = [path.relative_to(output).as_posix() for path in console.transcripts]
                logger.info(transcript_link(console.name, *links), html=True)

    def _suite_starts(self, suite: str) -> None:
        self._suites.append(suite)
        self._devices.begin_suite(suite)

    def _suite_ends(self, suite: str) -> None:
        self._devices.close_owned(suite)
        if self._suites and self._suites[-1] == suite:
            self._suites.pop()
        self._devices.owner = self._suites[-1] if self._suites else None
        self._drain.drain()

    def _close(self) -> None:
        """Close everything, and show what happened meanwhile, while there is a screen to show it on."""
        atexit.unregister(self._close)
        self._devices.close_all()
        self._drain.drain()
        for folder in self._folders:
            release_folder(folder)

    def _test_starts(self, test: str) -> None:
        self._devices.test = test
        self._devices.forget_names()
        for device in self._devices.all().values():
            device.mark("test_start")

    def _teardown(self, running: bool) -> None:
        self._devices.in_teardown = running

    def _test_ends(self, test: str) -> None:
        self._devices.test = None
        self._devices.close_owned(test)
        self._drain.drain()


def _table(*rows: Sequence[str]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _preset_tables() -> str:
    return "\n\n".join(
        _table((f"={preset}=", "=what it tells="), *((f"``{name}``", meaning) for name, meaning in messages))
        for preset, messages in describe_presets()
    )


# Python removes the indentation of docstrings by itself only since 3.13.
JumpstarterLibrary.__doc__ = (
    inspect.cleandoc(str(JumpstarterLibrary.__doc__))
    .replace("%TIMING%", _table(("=field=", "=default=", "=meaning=", "=longer for="), *describe_timing()))
    .replace("%LIMITS%", _table(("=operation=", "=silence=", "=length=", "=where it is changed="), *describe_limits()))
    .replace("%PRESETS%", _preset_tables())
)


def _tell_suite(alias: str, what: str) -> None:
    """Show in log and report which exporter a device was."""
    try:
        BuiltIn().set_suite_metadata(f"Exporter of {alias}", what, append=True, top=True)
    except RobotNotRunningError:
        return


def _virtual_board() -> ExporterHost:
    # The lab is imported only by those who ask for a virtual board.
    from JumpstarterLibrary.lab import LocalExporter

    return LocalExporter()


def _make_virtual_lab() -> Lab:
    from JumpstarterLibrary.lab import VirtualLab

    return VirtualLab()


_virtual_lab = SharedLab(_make_virtual_lab)
"""The virtual lab of this process, which all imports of the library share."""


def _output_directory() -> Path | None:
    try:
        return Path(BuiltIn().get_variable_value("${OUTPUT_DIR}"))
    except RobotNotRunningError:
        return None
