"""Client configurations and leases as programs use them: the same script for upstream's packages and for ours.

``python use_config_api.py FOLDER``. It prints what it has seen as JSON, without what is another one each time: names of
leases, times and tokens. FOLDER is where it writes configurations of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from jumpstarter.client.exceptions import LeaseError
from jumpstarter.client.grpc import ClientService
from jumpstarter.common.exceptions import (
    ConfigurationError,
    ConnectionError,
    FileNotFoundError,
    JumpstarterException,
)
from jumpstarter.config.client import ClientConfigV1Alpha1, ClientConfigV1Alpha1Drivers, ClientConfigV1Alpha1Lease
from jumpstarter.config.common import CONFIG_PATH, ObjectMeta
from jumpstarter.config.tls import TLSConfigV1Alpha1
from jumpstarter.config.user import UserConfigV1Alpha1
from jumpstarter.utils.env import env
from pydantic import ValidationError

HOUR = timedelta(hours=1)
CAUGHT = {
    "LeaseError": LeaseError,
    "ConnectionError": ConnectionError,
    "ConfigurationError": ConfigurationError,
    "FileNotFoundError": FileNotFoundError,
    "JumpstarterException": JumpstarterException,
    "ValueError": ValueError,
    "ValidationError": ValidationError,
}


def caught(function) -> list[str]:
    """Return which of upstream's ``except`` clauses catch what a function raises."""
    try:
        function()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return [name for name, kind in CAUGHT.items() if isinstance(error, kind)]
    return []


def shown(lease) -> dict:
    """Return what a lease says of itself that is the same each time."""
    dumped = lease.model_dump(mode="json")
    for name in ("name", "effective_duration", "effective_begin_time", "effective_end_time"):
        dumped[name] = type(dumped[name]).__name__
    for condition in dumped["conditions"]:
        condition.pop("lastTransitionTime", None)
    return dumped


def files(folder: Path) -> dict:
    config = ClientConfigV1Alpha1.load("tester")
    listed = ClientConfigV1Alpha1.list()
    made = ClientConfigV1Alpha1(
        alias="made",
        metadata=ObjectMeta(namespace="lab", name="anna"),
        endpoint="controller.example.com:443",
        tls=TLSConfigV1Alpha1(ca="Y2E="),
        token="t",
        refresh_token="r",
        grpcOptions={"grpc.keepalive_time_ms": 5000},
        drivers=ClientConfigV1Alpha1Drivers(allow=["a.*", "UNSAFE"]),
        leases=ClientConfigV1Alpha1Lease(acquisition_timeout=60),
    )
    path = ClientConfigV1Alpha1.save(made, folder / "made.yaml")
    user = UserConfigV1Alpha1.load_or_create()
    os.environ.update(JMP_NAMESPACE="lab", JMP_NAME="berta", JMP_DRIVERS_ALLOW="x.*,y.*")
    of_environment = ClientConfigV1Alpha1.from_env()
    for name in ("JMP_NAMESPACE", "JMP_NAME", "JMP_DRIVERS_ALLOW"):
        del os.environ[name]
    read = ClientConfigV1Alpha1.from_file(path)
    return {
        "paths": [str(path.relative_to(folder)), config.path == CONFIG_PATH / "clients" / "tester.yaml"],
        "loaded": [config.alias, config.kind, config.apiVersion, config.metadata.model_dump()],
        "aliases": sorted(one.alias for one in listed.items),
        "listed": [listed.current_config, sorted(yaml.safe_load(listed.dump_yaml()))],
        "exists": [ClientConfigV1Alpha1.exists("tester"), ClientConfigV1Alpha1.exists("nobody")],
        "file": path.read_text(),
        "mode": oct(path.stat().st_mode),
        "read again": {**read.model_dump(mode="json"), "path": None},
        "equal": read.model_dump(exclude={"alias", "path"}) == made.model_dump(exclude={"alias", "path"}),
        "yaml": ClientConfigV1Alpha1.dump_yaml(made),
        "user": [user.config.current_client.alias, user.model_dump(by_alias=True)],
        "environment": of_environment.model_dump(mode="json"),
        "without environment": ClientConfigV1Alpha1.try_from_env(),
        "missing": caught(lambda: ClientConfigV1Alpha1.load("nobody")),
        "gone": caught(lambda: ClientConfigV1Alpha1.delete("nobody")),
        "invalid": caught(lambda: ClientConfigV1Alpha1Lease(acquisition_timeout=1)),
    }


def calls(config) -> dict:
    lease = config.create_lease(duration=HOUR, selector="board=virtual,number notin (2)", tags={"build": "7"})
    later = config.create_lease(
        duration=HOUR,
        exporter_name="virtual-2",
        begin_time=datetime(2099, 1, 1, tzinfo=UTC),
        lease_id=f"later-{os.getpid()}",
    )
    while not config.list_exporters(filter="number=1", include_leases=True).exporters[0].lease:
        pass
    exporters = config.list_exporters(include_leases=True, include_online=True, page_size=2)
    seen = {
        "created": [shown(lease), shown(later), later.name.startswith("later-"), later.begin_time.isoformat()],
        "exporters": [
            (
                one.namespace,
                one.name,
                dict(one.labels),
                one.online,
                one.enabled,
                one.lease and one.lease.name == lease.name,
            )
            for one in exporters.exporters
        ],
        "names": [],
        "hidden": dict(config.get_exporter("virtual-1", show_hidden_labels=True).labels),
        "one": config.get_exporter(name="virtual-1").model_dump(mode="json"),
        "leases": [shown(one) for one in config.list_leases(filter="board=virtual,number=1").leases],
        "by tag": [one.name == lease.name for one in config.list_leases(tag_filter="build=7").leases],
        "filtered": [
            one.name == lease.name for one in config.list_leases().filter_by_selector("number notin (2)").leases
        ],
        "longer": shown(config.update_lease(lease.name, duration=2 * HOUR)),
        "moved": caught(
            lambda: config.update_lease(later.name, duration=HOUR, begin_time=datetime(2099, 1, 2, tzinfo=UTC))
        ),
        "deleted": [config.delete_lease(lease.name), config.delete_lease(later.name)],
        "deleted twice": caught(lambda: config.delete_lease(lease.name)),
        "unknown lease": caught(lambda: config.update_lease("nothing", duration=HOUR)),
        "unknown exporter": caught(lambda: config.get_exporter("nothing")),
        "nothing to change": caught(lambda: config.update_lease(lease.name)),
        "bad selector": caught(lambda: config.create_lease(duration=HOUR, selector="a==b==c")),
        "bad duration": caught(lambda: config.create_lease(duration=-HOUR, selector="board=virtual")),
    }
    exporters.rich_add_names(seen["names"])
    return seen


def lease_of(config, **wanted) -> None:
    with config.lease(**wanted):
        raise AssertionError("there is no lease")


def leases(config) -> dict:
    seen: dict = {}
    with config.lease(selector="number=1", duration=timedelta(minutes=5)) as lease:
        seen["lease"] = [
            lease.exporter_name,
            dict(lease.exporter_labels),
            lease.release,
            lease.lease_ended,
            lease.selector,
        ]
        with lease.connect() as client:
            client.power.on()
            seen["children"] = sorted(client.children)
        with lease.serve_unix() as path, lease.monitor():
            os.environ.update(JUMPSTARTER_HOST=str(path), JMP_DRIVERS_ALLOW="UNSAFE")
            with env() as client:
                client.power.off()
            del os.environ["JUMPSTARTER_HOST"], os.environ["JMP_DRIVERS_ALLOW"]
        seen["active"] = [one.name == lease.name for one in config.list_leases().leases]
        name = lease.name
        # What is there already is used and left.
        with config.lease(lease_name=name) as again:
            seen["again"] = [again.name == name, again.exporter_name, again.release]
        os.environ["JMP_LEASE"] = name
        with config.lease() as again:
            seen["of the environment"] = [again.name == name, again.release]
        del os.environ["JMP_LEASE"]
        seen["still there"] = config.list_leases().leases[0].get_status()
    seen["afterwards"] = len(config.list_leases().leases)
    seen["unsatisfiable"] = caught(lambda: lease_of(config, selector="board=nothing"))
    seen["unknown"] = caught(lambda: lease_of(config, lease_name="nothing"))
    try:
        with config.lease(selector="number=1"):
            raise KeyError("mine")
    except KeyError:
        seen["after an error"] = len(config.list_leases().leases)
    other = ClientConfigV1Alpha1.load("other")
    held = other.create_lease(duration=HOUR, exporter_name="virtual-1")
    seen["somebody else's"] = caught(lambda: lease_of(config, lease_name=held.name))
    other.delete_lease(held.name)
    return seen


async def coroutines(config) -> dict:
    from anyio import to_thread
    from anyio.from_thread import BlockingPortal

    seen: dict = {"exporters": [one.name for one in (await config.list_exporters()).exporters]}
    lease = await config.create_lease(duration=HOUR, exporter_name="virtual-2")
    channel = await config.channel()
    service = ClientService(channel=channel, namespace=config.metadata.namespace)
    seen["service"] = [
        (await service.GetLease(name=lease.name)).selector,
        len((await service.ListExporters(page_size=1)).exporters),
        await service.DeleteLease(name=lease.name),
    ]
    await channel.close()
    async with BlockingPortal() as portal:
        with ExitStack() as stack:
            async with config.lease_async("number=2", None, None, HOUR, portal) as lease:
                seen["lease"] = [lease.exporter_name, (await lease.get()).exporter]
                async with lease.connect_async(stack) as client:
                    await to_thread.run_sync(client.power.on)
                async with lease.serve_unix_async() as path, lease.monitor_async():
                    seen["socket"] = path.is_socket()
    seen["afterwards"] = len((await config.list_leases()).leases)
    return seen


def main(folder: Path) -> dict:
    config = ClientConfigV1Alpha1.load("tester")
    return {
        "files": files(folder),
        "calls": calls(config),
        "leases": leases(config),
        "coroutines": asyncio.run(coroutines(config)),
    }


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(main(Path(sys.argv[1])))}\n")
