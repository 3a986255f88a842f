"""What a client configuration asks its controller, over TLS: in plain code and in coroutines."""

from __future__ import annotations

import asyncio
import base64
import datetime
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import grpc
import pytest
from pytest_jumpstarter.upstream_api.config.channel import ControllerChannel
from pytest_jumpstarter.upstream_api.config.client import ClientConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.exceptions import ConfigurationError, ConnectionError, LeaseError
from pytest_jumpstarter.upstream_api.config.records import ClientService, Lease, LeaseList
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus

from JumpstarterLibrary.errors import (
    AuthenticationError,
    ControllerUnreachable,
    LeaseInvalid,
    LeaseNotOwned,
    NoSuchLease,
    TlsError,
    TokenExpired,
    UsageError,
)
from JumpstarterLibrary.lab import VirtualLab

Code = grpc.StatusCode
Active = Callable[[], list[str]]
Eventually = Callable[[Callable[[], object]], None]
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("nothing_left")


def ready(config: ClientConfigV1Alpha1, name: str, eventually: Eventually) -> Lease:
    """Wait until a lease has its exporter."""
    eventually(lambda: config.get_lease(name).effective_begin_time is not None)
    lease: Lease = config.get_lease(name)
    return lease


# Exporters


def test_the_exporters(config: ClientConfigV1Alpha1) -> None:
    found = config.list_exporters()
    assert [one.name for one in found.exporters] == ["b1", "b2", "shelf"]
    first = found.exporters[0]
    assert (first.namespace, first.labels, first.online) == ("default", {"board": "b", "number": "1"}, True)
    assert (first.status, first.enabled, first.lease) == (ExporterStatus.AVAILABLE, True, None)
    assert found.exporters[2].enabled is False
    assert found.next_page_token is None
    assert [one.name for one in config.list_exporters(filter="number in (2,3)").exporters] == ["b2"]
    # What is shown of them is a matter of tables and JSON.
    assert [one["name"] for one in found.model_dump()["exporters"]] == ["b1", "b2"]
    shown = config.list_exporters(include_disabled=True, include_online=True, include_status=True).model_dump()
    assert shown["exporters"][2] == {
        "namespace": "default",
        "name": "shelf",
        "labels": {"board": "shelf"},
        "online": True,
        "status": 2,
        "enabled": False,
        "deprecated_labels": {},
    }


def test_one_exporter(config: ClientConfigV1Alpha1) -> None:
    assert config.get_exporter("b2").labels["number"] == "2"
    assert config.get_exporter(name="shelf", show_hidden_labels=True).enabled is False
    with pytest.raises(ConnectionError) as info:
        config.get_exporter("b9")
    assert isinstance(info.value, NoSuchLease)
    assert str(info.value) == (
        f"The controller {config.endpoint} knows nothing of exporter 'b9'. Check its name; `jmp get leases` and "
        f"`jmp get exporters` list what is there."
    )


def test_lists_come_in_pages(config: ClientConfigV1Alpha1, lab: VirtualLab) -> None:
    begin = len(lab.journal.entries(method="ListExporters"))
    found = config.list_exporters(page_size=2)
    assert [one.name for one in found.exporters] == ["b1", "b2", "shelf"]
    assert len(lab.journal.entries(method="ListExporters")) == begin + 2


def test_a_listing_that_grew_old_is_begun_anew(config: ClientConfigV1Alpha1, lab: VirtualLab) -> None:
    asked: list[object] = []

    def grow_old(*arguments: object) -> None:
        asked.append(arguments)
        if len(asked) == 2:
            lab.controller.expire_page_tokens()

    lab.controller.faults.add("ListExporters", caller="tester", act=grow_old)
    assert [one.name for one in config.list_exporters(page_size=1).exporters] == ["b1", "b2", "shelf"]
    assert len(asked) > 3


def test_exporters_with_their_leases(config: ClientConfigV1Alpha1, eventually: Eventually) -> None:
    lease = config.create_lease(duration=HOUR, exporter_name="b2")
    waiting = config.create_lease(duration=HOUR, exporter_name="b2")
    try:
        ready(config, lease.name, eventually)
        first, second, _ = config.list_exporters(include_leases=True).exporters
        assert first.lease is None
        assert (second.lease.name, second.lease.client) == (lease.name, "tester")
        assert second.status is not None
    finally:
        config.delete_lease(waiting.name)
        config.delete_lease(lease.name)


# Leases


def test_a_lease_from_begin_to_end(config: ClientConfigV1Alpha1, eventually: Eventually, active: Active) -> None:
    made = config.create_lease(HOUR, selector="board=b", tags={"build": "7"})
    assert (made.selector, made.duration, made.tags) == ("board=b", HOUR, {"build": "7"})
    assert (made.client, made.exporter, made.conditions) == ("tester", "", [])
    lease = ready(config, made.name, eventually)
    assert (lease.exporter, lease.get_status()) == ("b1", "In-Use")
    assert lease.effective_begin_time is not None
    assert abs(datetime.datetime.now(UTC) - lease.effective_begin_time) < timedelta(days=2)
    assert [one.name for one in config.list_leases().leases] == [made.name]
    longer = config.update_lease(made.name, duration=2 * HOUR)
    assert longer.duration == 2 * HOUR
    assert config.delete_lease(made.name) is None
    eventually(lambda: active() == [])
    assert config.get_lease(made.name).get_status() == "Ended"
    assert config.list_leases().leases == []
    assert made.name in [one.name for one in config.list_leases(only_active=False).leases]


def test_a_name_of_ones_own(config: ClientConfigV1Alpha1) -> None:
    lease = config.create_lease(duration=HOUR, exporter_name="b1", lease_id="of-mine")
    try:
        assert (lease.name, lease.selector, lease.exporter_name) == ("of-mine", "<none>", "b1")
        with pytest.raises(ConnectionError, match=r" refused a lease of exporter 'b1': .*already exists"):
            config.create_lease(duration=HOUR, exporter_name="b1", lease_id="of-mine")
    finally:
        config.delete_lease("of-mine")


def test_a_disabled_exporter(config: ClientConfigV1Alpha1, eventually: Eventually) -> None:
    lease = config.create_lease(duration=HOUR, exporter_name="shelf", allow_disabled=True)
    try:
        assert ready(config, lease.name, eventually).exporter == "shelf"
    finally:
        config.delete_lease(lease.name)


@pytest.mark.parametrize("zone", [None, UTC, datetime.timezone(5 * HOUR)])
def test_a_lease_for_later(config: ClientConfigV1Alpha1, zone: datetime.tzinfo | None) -> None:
    later = datetime.datetime(2099, 1, 1, 12, 0, tzinfo=zone)
    lease = config.create_lease(duration=HOUR, selector="board=b", begin_time=later)
    try:
        moment = later if zone is not None else later.replace(tzinfo=UTC)
        assert lease.begin_time == moment
        changed = config.update_lease(lease.name, duration=2 * HOUR, begin_time=later + HOUR)
        assert changed.begin_time == moment + HOUR
    finally:
        config.delete_lease(lease.name)


def test_a_lease_is_handed_on(
    config: ClientConfigV1Alpha1, other: ClientConfigV1Alpha1, eventually: Eventually
) -> None:
    for client in ("other", "namespaces/default/clients/other"):
        lease = config.create_lease(duration=HOUR, selector="board=b")
        ready(config, lease.name, eventually)
        assert config.update_lease(lease.name, client=client).client == "other"
        with pytest.raises(ConnectionError) as info:
            config.delete_lease(lease.name)
        assert isinstance(info.value, LeaseNotOwned)
        other.delete_lease(lease.name)


def test_leases_are_found_by_what_they_were_asked_for_with(config: ClientConfigV1Alpha1) -> None:
    first = config.create_lease(HOUR, selector="board=b,number=1", tags={"team": "x"})
    second = config.create_lease(HOUR, selector="board=b,number notin (1)", tags={"team": "y"})
    try:

        def names(**options: Any) -> set[str]:
            return {one.name for one in config.list_leases(**options).leases}

        assert names(filter="board=b") == {first.name, second.name}
        assert names(filter="number=1") == {first.name}
        # Controllers know no more than the equality part; the rest is up to the client.
        assert names(filter="number notin (1)") == {first.name, second.name}
        everything = config.list_leases().filter_by_selector("number!=1")
        assert [one.name for one in everything.leases] == [second.name]
        assert names(tag_filter="team=y") == {second.name}
        assert names(page_size=1) == {first.name, second.name}
    finally:
        config.delete_lease(first.name)
        config.delete_lease(second.name)


def test_a_lease_is_made_once_where_the_answer_was_lost(
    config: ClientConfigV1Alpha1, lab: VirtualLab, active: Active
) -> None:
    lab.controller.faults.add("CreateLease", caller="tester", when="after", times=1)
    lease = config.create_lease(HOUR, selector="board=b")
    assert active() == [lease.name]
    config.delete_lease(lease.name)


# What is refused


@pytest.mark.parametrize(
    ("method", "arguments", "kind", "sentence"),
    [
        (
            "create_lease",
            {"duration": HOUR, "selector": "board~"},
            LeaseInvalid,
            "The controller {} did not accept the request for a lease of selector 'board~': failed to parse label ",
        ),
        (
            "create_lease",
            {"duration": -HOUR, "selector": "board=b"},
            LeaseInvalid,
            "The controller {} did not accept the request for a lease of selector 'board=b': duration must be ",
        ),
        (
            "create_lease",
            {"duration": HOUR},
            LeaseInvalid,
            "The controller {} did not accept the request for a lease of any exporter: one of selector or exporter",
        ),
        ("delete_lease", {"name": "nothing"}, NoSuchLease, "The controller {} knows nothing of lease 'nothing'. "),
        (
            "update_lease",
            {"name": "nothing", "duration": HOUR},
            NoSuchLease,
            "The controller {} knows nothing of lease 'nothing'. ",
        ),
        ("get_lease", {"name": "nothing"}, NoSuchLease, "The controller {} knows nothing of lease 'nothing'. "),
        ("list_exporters", {"filter": "=="}, LeaseError, "The controller {} refused the exporters of '==': "),
    ],
)
def test_what_the_controller_refuses(
    config: ClientConfigV1Alpha1, method: str, arguments: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(ConnectionError) as info:
        getattr(config, method)(**arguments)
    assert isinstance(info.value, kind)
    assert isinstance(info.value, LeaseError)
    assert str(info.value).startswith(sentence.format(config.endpoint))


def test_a_second_end(config: ClientConfigV1Alpha1) -> None:
    lease = config.create_lease(HOUR, selector="board=b")
    config.delete_lease(lease.name)
    with pytest.raises(ConnectionError) as info:
        config.delete_lease(lease.name)
    assert "already been released" in str(info.value)
    assert str(info.value).startswith(f"The controller {config.endpoint} refused the end of lease '{lease.name}': ")


def test_a_change_of_nothing(config: ClientConfigV1Alpha1) -> None:
    with pytest.raises(ValueError, match="is to be changed") as info:
        config.update_lease("x")
    assert isinstance(info.value, UsageError)
    assert str(info.value) == "Nothing of lease 'x' is to be changed. Give duration=, begin_time= or client=."


# Who is asked, and by whom


def test_a_token_that_has_expired(config: ClientConfigV1Alpha1, lab: VirtualLab) -> None:
    config.token = lab.controller.client_token("tester", life=timedelta(seconds=-5))
    config.path = None
    with pytest.raises(ConnectionError) as info:
        config.list_leases()
    assert isinstance(info.value, TokenExpired)
    assert info.value.get_config() is config
    assert str(info.value) == (
        "The token of client default/tester (the client configuration) has expired. Log in again: `jmp login`."
    )


def test_a_token_that_somebody_has_renewed(config: ClientConfigV1Alpha1, lab: VirtualLab, home: Path) -> None:
    config.token = lab.controller.client_token("tester", life=timedelta(seconds=-5))
    # The file has a good one.
    assert len(config.list_exporters().exporters) == 3


def test_a_token_of_somebody_else(config: ClientConfigV1Alpha1, other: ClientConfigV1Alpha1) -> None:
    config.token = other.token
    with pytest.raises(AuthenticationError, match=r"^The controller .* did not accept client default/tester \('"):
        config.list_leases()


def test_a_new_token(config: ClientConfigV1Alpha1) -> None:
    before = config.token
    token = config.rotate_token()
    assert token != before
    assert config.token == before
    config.token = token
    assert len(config.list_exporters().exporters) == 3


def test_an_authority_of_somebody_else(config: ClientConfigV1Alpha1) -> None:
    from JumpstarterLibrary.lab.certificates import Authority

    config.tls.ca = base64.b64encode(Authority().pem).decode()
    with pytest.raises(TlsError, match=r"^The secure connection to controller .* could not be made: "):
        config.list_leases()
    config.tls.insecure = True
    assert len(config.list_exporters().exporters) == 3


def test_nobody_is_there(config: ClientConfigV1Alpha1) -> None:
    config.endpoint = "127.0.0.1:1"
    with pytest.raises(ConnectionError) as info:
        config.list_leases()
    assert isinstance(info.value, ControllerUnreachable)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"endpoint": None},
            "There is no endpoint in {}. Put it there, or set JMP_ENDPOINT before it is made.",
        ),
        (
            {"token": None},
            "There is no token in {}. Log in with `jmp login`, or set JMP_TOKEN before it is made.",
        ),
        ({"endpoint": "grpc://x:1"}, "'endpoint' of {} must be HOST:PORT, not a URL."),
        (
            {"token": "a b"},
            "'token' of {} must be printable ASCII text without blanks and line ends, not text with others.",
        ),
    ],
)
def test_a_configuration_that_cannot_be_used(
    config: ClientConfigV1Alpha1, change: dict[str, Any], sentence: str
) -> None:
    for name, value in change.items():
        setattr(config, name, value)
    with pytest.raises(ConfigurationError) as info:
        config.list_leases()
    assert str(info.value) == sentence.format(f"'{config.path}'")


# Coroutines


def test_in_a_coroutine_every_call_is_one(config: ClientConfigV1Alpha1, active: Active) -> None:
    async def use() -> None:
        lease = await config.create_lease(HOUR, selector="board=b")
        assert [one.name for one in (await config.list_leases()).leases] == [lease.name]
        assert (await config.update_lease(lease.name, duration=2 * HOUR)).duration == 2 * HOUR
        exporters, one = await asyncio.gather(config.list_exporters(), config.get_exporter("b1"))
        assert one == exporters.exporters[0] or one.status != exporters.exporters[0].status
        await config.delete_lease(lease.name)
        with pytest.raises(ConnectionError, match="knows nothing of lease 'nothing'"):
            await config.get_lease("nothing")
        assert isinstance(await config.rotate_token(), str)

    asyncio.run(use())


def test_a_service_on_a_connection_of_its_own(config: ClientConfigV1Alpha1) -> None:
    async def use() -> None:
        channel = await config.channel()
        service = ClientService(channel=channel, namespace=config.metadata.namespace)
        page = await service.ListExporters(page_size=2)
        assert ([one.name for one in page.exporters], bool(page.next_page_token)) == (["b1", "b2"], True)
        page = await service.ListExporters(page_size=2, page_token=page.next_page_token)
        assert ([one.name for one in page.exporters], page.next_page_token) == (["shelf"], "")
        lease = await service.CreateLease(selector="board=b", duration=HOUR)
        assert (await service.GetLease(name=lease.name)).name == lease.name
        assert [one.name for one in (await service.ListLeases()).leases] == [lease.name]
        await service.DeleteLease(name=lease.name)
        with pytest.raises(ConnectionError, match="already been released"):
            await service.DeleteLease(name=lease.name)
        await channel.close()
        await channel.close()
        with pytest.raises(ConnectionError) as info:
            await service.ListLeases()
        assert str(info.value) == (
            f"The connection to controller {config.endpoint} is closed, so that it cannot be asked for the leases."
        )
        async with await config.channel() as another:
            assert await ClientService(channel=another, namespace="default").RotateToken()

    asyncio.run(use())


def test_a_service_asks_for_the_namespace_that_it_was_given(config: ClientConfigV1Alpha1) -> None:
    async def use() -> None:
        async with await config.channel() as channel:
            with pytest.raises(AuthenticationError, match="another namespace"):
                await ClientService(channel=channel, namespace="elsewhere").ListLeases()

    asyncio.run(use())


def test_a_service_needs_one_of_our_connections() -> None:
    async def use() -> None:
        await ClientService(channel=object(), namespace="x").ListLeases()

    with pytest.raises(UsageError) as info:
        asyncio.run(use())
    assert str(info.value) == (
        "The channel, of type 'object', is no connection to a controller. Take that of a client configuration: "
        "`await config.channel()`."
    )


def test_a_connection_is_a_context_too(config: ClientConfigV1Alpha1) -> None:
    from pytest_jumpstarter.upstream_api.config.channel import settings_of

    with ControllerChannel(settings_of(config)) as channel:
        assert channel.controller.client == "tester"
    assert channel.controller.closed


# What tests put in place of the service


def page(*names: str, token: str) -> LeaseList:
    more: dict[str, Any] = {"selector": "", "duration": HOUR, "client": "c", "exporter": "", "conditions": []}
    return LeaseList(leases=[Lease(namespace="lab", name=name, **more) for name in names], next_page_token=token)


def test_a_service_in_place_of_ours_is_asked_page_by_page() -> None:
    config = ClientConfigV1Alpha1(metadata={"namespace": "lab", "name": "anna"})
    service = mock.Mock(ListLeases=mock.AsyncMock(side_effect=[page("a", "b", token="next"), page("c", token="")]))
    with (
        mock.patch.object(ClientConfigV1Alpha1, "channel", mock.AsyncMock()),
        mock.patch("pytest_jumpstarter.upstream_api.config.client.ClientService", return_value=service) as made,
    ):
        found = config.list_leases(page_size=2, tag_filter="team=x")
    assert [lease.name for lease in found.leases] == ["a", "b", "c"]
    assert found.next_page_token is None
    assert made.call_args.kwargs["namespace"] == "lab"
    asked = {"page_size": 2, "filter": None, "only_active": True, "tag_filter": "team=x"}
    assert service.ListLeases.await_args_list == [
        mock.call(**asked, page_token=None),
        mock.call(**asked, page_token="next"),
    ]
