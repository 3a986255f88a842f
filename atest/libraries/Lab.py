"""A virtual lab in the test process, so that tests see what a client does to it from the lab's side."""

from __future__ import annotations

import base64
import datetime
import importlib
import json
import os
import shutil
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from atest_drivers import Faulty, RecordingPower
from robot.api.deco import library
from robot.libraries.BuiltIn import BuiltIn

from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.settings import ClientArguments, find_settings
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.network import EchoNetwork
from JumpstarterLibrary.lab import LabExporter, LocalExporter, MockController, VirtualLab
from JumpstarterLibrary.lab.certificates import Authority
from JumpstarterLibrary.lab.model import AVAILABLE, NO_STATUS, LeaseRecord
from JumpstarterLibrary.lab.tokens import TokenIssuer
from JumpstarterLibrary.lab.tunnel import TUNNELS

CLIENT = "tester"
COLLEAGUE = "colleague"

CLIENTS: dict[str, Any] = {"clients": {CLIENT: {}, COLLEAGUE: {}}}

LIMIT_S = 5.0
"""Seconds in which the lab has to come into an expected state."""

RETURN_S = 20.0
"""Seconds in which exporters have to find a controller that was away."""

LOOK_S = 0.01

CI = ("GITHUB_", "GITLAB_", "CI", "JENKINS_", "BUILD_", "JOB_")
OURS = ("JMP_", "JUMPSTARTER_")
"""How the names of variables begin that tests of leases must not find by accident."""


def bench() -> Driver:
    """Return drivers that are quick, and tell what was done to them."""
    return Composite(children={"power": RecordingPower(), "faulty": Faulty(), "echo": EchoNetwork()})


HOOK = HookInstanceConfigV1Alpha1(
    script="echo looking for the switch; sleep 1; echo no such switch; exit 1", on_failure="endLease"
)

BOARDS = (
    LabExporter(name="alpha-1", labels={"board": "alpha", "os": "linux"}, driver=bench),
    LabExporter(name="alpha-2", labels={"board": "alpha", "os": "android"}, driver=bench),
    LabExporter(name="beta-1", labels={"board": "beta", "os": "linux"}, driver=bench),
    LabExporter(name="shelf-1", labels={"board": "shelf"}, driver=bench, enabled=False),
    LabExporter(name="away-1", labels={"board": "away"}, driver=bench, register=False),
)
"""What there is: two boards of a kind, a single one, one that is disabled, and one that is offline."""


@library(scope="SUITE", auto_keywords=True)
class Lab:
    """A lab for a suite: it and all that was changed in the environment is gone afterwards.

    The library finds it by ``JMP_CLIENT_CONFIG_HOME``, as whoever has logged in with `jmp login`.
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._stack = ExitStack()
        self._lab: VirtualLab | None = None
        self._home = Path()
        self._files = 0
        self._colleague: Controller | None = None

    @property
    def lab(self) -> VirtualLab:
        """The lab."""
        assert self._lab is not None, "The suite did not start its lab."
        return self._lab

    # From begin to end

    def start_lab(self, hooks: bool = False) -> None:
        """Start the lab, and let clients of this process find it.

        Args:
            hooks: Give all exporters a hook before the lease that fails after a second.
        """
        self._start(VirtualLab([replace(board, before_lease=HOOK) for board in BOARDS] if hooks else BOARDS, **CLIENTS))

    def start_lab_of(self, module: str) -> None:
        """Start the lab that a module makes with its function ``lab``, and let clients of this process find it."""
        self._start(importlib.import_module(module).lab(**CLIENTS))

    def _start(self, lab: VirtualLab) -> None:
        self._clean_environment()
        self._home = Path(tempfile.mkdtemp(prefix="jumpstarter-atest-"))
        self._stack.callback(shutil.rmtree, self._home, ignore_errors=True)
        self._lab = self._stack.enter_context(lab)
        self._lab.write_client_config(self._home, COLLEAGUE, current=False)
        os.environ.update(self._lab.environment(self._home))

    def use_virtual_lab(self) -> str:
        """Look at the lab of the library that the suite has imported with ``mode=virtual``; return its address."""
        self._clean_environment()
        instance: Any = BuiltIn().get_library_instance("JumpstarterLibrary")
        self._lab = instance.keywords["inject_fault"].__self__.leases.lab()
        self._home = Path(tempfile.mkdtemp(prefix="jumpstarter-atest-"))
        self._stack.callback(shutil.rmtree, self._home, ignore_errors=True)
        self.lab.write_client_config(self._home)
        return self.lab.endpoint

    def end_suite(self, _data: object, _result: object) -> None:
        """Stop everything."""
        self._stack.close()

    def _clean_environment(self) -> None:
        before = dict(os.environ)

        def restore() -> None:
            os.environ.clear()
            os.environ.update(before)

        self._stack.callback(restore)
        for name in before:
            if name.startswith((*OURS, *CI)):
                del os.environ[name]

    def lab_environment(self) -> dict[str, str]:
        """Return what a process needs in its environment to find the lab."""
        return {"JMP_CLIENT_CONFIG_HOME": str(self._home)}

    def lab_should_be_ready(self) -> None:
        """Fail unless all exporters that run here are free, or very soon."""

        def busy() -> list[str]:
            exporters = self.lab.exporters.items()
            records = {name: self.lab.controller.exporter(name) for name, one in exporters if one.alive}
            return [
                name
                for name, one in records.items()
                if one.lease or not one.online or one.status not in (AVAILABLE, NO_STATUS)
            ]

        def gone() -> list[str]:
            found = [name for name, one in self.lab.exporters.items() if not one.alive and name != "away-1"]
            for name in found:
                # One that was still ending when its fault was cleared.
                self.lab.exporters[name].start()
            return found

        self._soon(lambda: not busy() and not gone(), lambda: f"Busy are {busy()}, gone are {gone()}.", RETURN_S)

    # Configurations

    def lab_endpoint(self) -> str:
        """Return the controller's address."""
        return self.lab.endpoint

    def client_token(self, name: str = CLIENT, life: datetime.timedelta | None = None) -> str:
        """Return a token of a client, which may have expired."""
        options = {"life": life} if life is not None else {}
        return self.lab.controller.client_token(name, **options)

    def exporter_token(self, name: str) -> str:
        """Return a token of an exporter."""
        return self.lab.controller.exporter_token(name)

    def foreign_token(self, **claims: Any) -> str:
        """Return a token for our client that another lab has made."""
        return TokenIssuer().mint("client", "default", CLIENT, str(uuid.uuid4()), **claims)

    def token_in_file(self, name: str = CLIENT) -> str:
        """Return the token by which clients of this process come in."""
        config = yaml.safe_load((self._home / "clients" / f"{name}.yaml").read_text())
        return str(config["token"])

    def put_token_into_file(self, path: Path, token: str) -> None:
        """Do what a login does to a client's file."""
        config = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({**config, "token": token}))

    def write_client_file(self, name: str = CLIENT, /, **changes: Any) -> Path:
        """Write a client's configuration into a file of its own; return its path.

        Args:
            name: The client.
            changes: What is to be different, by the key's dotted path; None takes it out.
        """
        config = self.lab.client_config(name)
        for key, value in changes.items():
            section: dict[str, Any] = config
            *above, last = key.split(".")
            for part in above:
                section = section.setdefault(part, {})
            section[last] = value
            if value is None:
                del section[last]
        self._files += 1
        path = self._home / f"client-{self._files}.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    def import_library_with(self, **arguments: Any) -> str:
        """Import JumpstarterLibrary once more, and return the name by which its keywords are called.

        It has not read any configuration, and has no connection.
        """
        self._files += 1
        name = f"Jumpstarter{self._files}"
        # The timeout makes it another instance than those of the other suites.
        given = {"timeout": f"{self._files + 20} s", **arguments}
        options = [f"{key}={value}" for key, value in given.items()]
        BuiltIn().import_library("JumpstarterLibrary", *options, "AS", name)
        return name

    def write_text_file(self, text: str) -> Path:
        """Write any text where a client's configuration could be; return its path."""
        self._files += 1
        path = self._home / f"client-{self._files}.yaml"
        path.write_text(text)
        return path

    def new_configuration_home(self, *clients: str, current: str | None = None) -> Path:
        """Make a directory as `jmp` does, with these clients, and let JMP_CLIENT_CONFIG_HOME name it.

        Args:
            clients: Names of clients that have a file there.
            current: The current client, which need not have one.
        """
        self._files += 1
        home = self._home / f"home-{self._files}"
        home.mkdir()
        for name in clients:
            self.lab.write_client_config(home, name, current=False)
        if current is not None:
            content = f"apiVersion: jumpstarter.dev/v1alpha1\nkind: UserConfig\nconfig: {{current-client: {current}}}\n"
            (home / "config.yaml").write_text(content)
        os.environ["JMP_CLIENT_CONFIG_HOME"] = str(home)
        return home

    def identity_in_environment(self, name: str = CLIENT) -> dict[str, str]:
        """Return the variables by which a client needs no file."""
        config = self.lab.client_config(name)
        return {
            "JMP_NAMESPACE": config["metadata"]["namespace"],
            "JMP_NAME": name,
            "JMP_ENDPOINT": config["endpoint"],
            "JMP_TOKEN": config["token"],
            "JMP_TLS": json.dumps(config["tls"]),
        }

    def forget_identity_in_environment(self) -> None:
        """Take all variables that a client could read out of the environment."""
        for name in [name for name in os.environ if name.startswith(OURS)]:
            del os.environ[name]

    def start_another_controller(
        self, *names: str, life: datetime.timedelta = datetime.timedelta(days=1), plaintext: bool = False
    ) -> tuple[str, str]:
        """Start a controller that is of no use but for its certificate; return its address, and its authority's PEM.

        Args:
            names: The names in its certificate.
            life: How long that is valid.
            plaintext: It speaks no TLS.
        """
        authority = Authority()
        certificate = None if plaintext else authority.issue(*names, life=life)
        controller = self._stack.enter_context(MockController(certificate=certificate, plaintext=plaintext))
        return controller.endpoint, base64.b64encode(authority.pem).decode()

    def resolver_error(self, host: str) -> str:
        """Return what this system says of a host name that does not resolve."""
        try:
            socket.getaddrinfo(host, 1)
        except OSError as error:
            return str(error.strerror)
        raise AssertionError(f"The name {host} resolves here.")

    # What the lab has seen

    def last_caller(self) -> str:
        """Return which client called last."""
        return self.lab.journal.entries("ClientService")[-1].caller

    def active_leases(self) -> list[str]:
        """Return who has which exporter: ``tester alpha-1``; a hyphen for an exporter that is still awaited."""
        return sorted(f"{one.client} {one.exporter or '-'}" for one in self.lab.leases() if not one.ended)

    def active_leases_should_be(self, *expected: str) -> None:
        """Fail unless these are the active leases, at once or very soon."""
        self._soon(lambda: self.active_leases() == sorted(expected), lambda: f"Active are {self.active_leases()}.")

    def active_leases_should_be_of_others(self, client: str = CLIENT) -> None:
        """Fail unless a client has no active lease, at once or very soon."""

        def mine() -> list[str]:
            return [lease for lease in self.active_leases() if lease.startswith(f"{client} ")]

        self._soon(lambda: not mine(), lambda: f"Active are still {mine()}.")

    def nothing_should_be_left(self, settle: float = 3.0) -> None:
        """Fail unless all leases have ended, and nothing that belonged to one is open, after so many seconds."""
        self.active_leases_should_be()
        leaks = self.lab.leaks(settle)
        assert not leaks, f"There is still: {', '.join(leaks)}."

    def get_lab_lease(self, name: object) -> LeaseRecord:
        """Return the lab's record of a lease."""
        return self.lab.controller.lease(str(name))

    def all_leases(self, client: str = CLIENT) -> list[LeaseRecord]:
        """Return the lab's records of all leases that a client asked for since `Forget Calls`, oldest first."""
        names = [call.request.lease_id for call in self.lab.journal.entries("ClientService", "CreateLease", client)]
        return [record for record in self.lab.leases() if record.name in names]

    def lease_should_have_ended(self, name: object) -> None:
        """Fail unless a lease ends at once or very soon."""
        self._soon(lambda: self.get_lab_lease(name).ended, lambda: f"The lease {name} goes on.")

    def count_calls(self, method: str, client: str = CLIENT) -> int:
        """Return how often a client has called an RPC since `Forget Calls`."""
        return len(self.lab.journal.entries(method=method, caller=client))

    def calls_should_be(self, **counts: int) -> None:
        """Fail unless the client has called these RPCs so often since `Forget Calls`."""
        found = {method: self.count_calls(method) for method in counts}
        assert found == counts, f"The calls were {found}."

    def forget_calls(self) -> None:
        """Count calls from now on."""
        self.lab.journal.clear()

    def switched_on_exporter(self, exporter: str) -> list[str]:
        """Return what the power driver of an exporter was told in its present session."""
        driver = self.lab.exporters[exporter].driver
        assert driver is not None, f"Exporter {exporter} has no session."
        power: Any = driver.children["power"]
        return list(power.switched)

    def open_tunnels(self) -> int:
        """Return how many tunnels the router carries."""
        return self.lab.open().get(TUNNELS, 0)

    def board_state(self, exporter: str) -> str:
        """Return how the virtual board of an exporter is: ``OFF``, ``IDLE`` and so on."""
        board: Any = self.lab.exporters[exporter].driver
        assert board is not None, f"Exporter {exporter} has no session."
        return str(board.machine.state.name)

    def lease_end_time(self, name: object) -> str:
        """Return when a lease ends or has ended, as messages tell it."""
        record = self.get_lab_lease(name)
        end = record.effective_end or record.expiry
        assert end is not None, f"The lease {name} has not begun."
        local = end.replace(microsecond=0).astimezone()
        today = local.date() == datetime.datetime.now().astimezone().date()
        return local.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")

    # What others do

    def add_exporters(self, count: int) -> None:
        """Let the controller know of exporters that never come."""
        for number in range(count):
            self.lab.controller.add_exporter(f"shadow-{number:03}", {"board": "shadow"})

    def colleague_takes(
        self,
        exporter: str,
        client: str = COLLEAGUE,
        duration: datetime.timedelta = datetime.timedelta(hours=1),
        name: str | None = None,
    ) -> str:
        """Let another client lease an exporter, and return the lease's name as soon as the controller has decided."""
        name = name or f"{client}-{exporter}-{len(self.lab.leases())}"
        settings = find_settings(ClientArguments(config=self._home / "clients" / f"{client}.yaml"), {})
        controller = Controller(settings)
        self._stack.callback(controller.close)
        controller.create_lease(LeaseRequest(exporter=exporter, duration=duration), name)
        self._soon(lambda: self.get_lab_lease(name).conditions, lambda: f"Nothing became of the lease {name}.")
        return name

    def end_lease(self, name: object) -> None:
        """Let an administrator release a lease."""
        self.lab.controller.release(str(name))

    def end_all_leases(self) -> None:
        """Let an administrator release all leases."""
        for record in self.lab.leases():
            if not record.ended:
                self.lab.controller.release(record.name)

    def expire_lease(self, name: object) -> None:
        """Let a lease's time be over now."""
        self.lab.controller.expire(str(name))

    def give_lease_away(self, name: object, client: str = COLLEAGUE) -> None:
        """Let an administrator transfer a lease."""
        self.lab.controller.transfer(str(name), client)

    def let_time_pass(self, duration: datetime.timedelta) -> None:
        """Put the lab's clock forward."""
        self.lab.clock.advance(duration.total_seconds())

    def let_the_lab_run_faster(self, scale: float) -> None:
        """Let lab seconds pass faster than real ones."""
        self.lab.clock.scale = scale

    def do_later(self, seconds: float, keyword: str, *arguments: Any) -> None:
        """Do one of the things above some seconds from now, while a keyword waits."""
        action = getattr(self, keyword.lower().replace(" ", "_"))
        timer = threading.Timer(seconds, action, arguments)
        timer.daemon = True
        self._stack.callback(timer.cancel)
        timer.start()

    # A shell

    def enter_shell(self, exporter: str, lease: str) -> None:
        """Set the environment as `jmp shell` does, with an exporter of this process behind its socket."""
        local = LocalExporter(bench())
        self._stack.callback(local.close)
        os.environ["JUMPSTARTER_HOST"] = local.host
        os.environ["JMP_EXPORTER"] = exporter
        os.environ["JMP_LEASE"] = lease
        os.environ["JMP_EXPORTER_LABELS"] = "board=alpha,os=linux"

    def leave_shell(self) -> None:
        """Undo it."""
        for name in ("JUMPSTARTER_HOST", "JMP_EXPORTER", "JMP_LEASE", "JMP_EXPORTER_LABELS"):
            os.environ.pop(name, None)

    @staticmethod
    def _soon(condition: Callable[[], object], otherwise: Callable[[], str], limit: float = LIMIT_S) -> None:
        end = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < end, otherwise()
            time.sleep(LOOK_S)
