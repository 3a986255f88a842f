"""Connections to controllers: shared, secured, renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.errors import LinkError, TlsError
from JumpstarterLibrary.exporter.leasing import ControllerAccess, LeasedExporter
from JumpstarterLibrary.exporter.leasing.channels import USERS_LIMIT, Channels
from JumpstarterLibrary.exporter.leasing.pinning import shown_certificate, split
from JumpstarterLibrary.lab.certificates import Authority, Certificate, self_signed
from JumpstarterLibrary.lab.controller import MockController


def run(test: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


def access(**changes: Any) -> ControllerAccess:
    return ControllerAccess(**{"endpoint": "h:1", "namespace": "n", "name": "e", "token": "t", **changes})


def test_one_connection_serves_many_exporters() -> None:
    async def test() -> None:
        channels = Channels()
        taken = [await channels.take(access(name=str(number))) for number in range(USERS_LIMIT + 1)]
        assert len(set(taken)) == 2
        assert taken[0].users == USERS_LIMIT
        for shared in taken:
            await channels.give_back(shared)
        assert channels._open == {}

    run(test)


def test_what_differs_is_not_shared() -> None:
    async def test() -> None:
        channels = Channels()
        others = [
            access(),
            access(endpoint="h:2"),
            access(ca=Authority().pem),
            access(options={"x": 1}),
            access(plaintext=True),
        ]
        taken = [await channels.take(one) for one in others]
        assert len(set(taken)) == len(others)
        for shared in taken:
            await channels.give_back(shared)

    run(test)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("host:8082", ("host", 8082)),
        ("host", ("host", 443)),
        ("[::1]:8082", ("::1", 8082)),
        ("::1", ("::1", 443)),
        ("[::1]", ("::1", 443)),
    ],
)
def test_endpoints(endpoint: str, expected: tuple[str, int]) -> None:
    assert split(endpoint) == expected


# Trust on first use


@pytest.mark.parametrize("certificate", [self_signed("127.0.0.1"), Authority().issue("127.0.0.1")])
def test_the_certificate_that_is_shown_is_trusted(certificate: Certificate) -> None:
    async def test() -> None:
        async with MockController(certificate=certificate) as controller:
            assert await shown_certificate(controller.endpoint) == certificate.certificate
            token = controller.add_exporter("e1")
            exporter = LeasedExporter(
                ControllerAccess(controller.endpoint, "default", "e1", token, insecure=True), board_factory
            )
            running = asyncio.create_task(exporter.run())
            await exporter.registered.wait()
            await exporter.stop()
            assert await running == 0

    run(test)


def board_factory() -> Any:
    from JumpstarterLibrary.exporter.drivers.power import MockPower

    return MockPower()


def test_the_host_name_is_checked_all_the_same() -> None:
    async def test() -> None:
        async with MockController(certificate=self_signed("elsewhere.example")) as controller:
            token = controller.add_exporter("e1")
            found = ControllerAccess(controller.endpoint, "default", "e1", token, insecure=True)
            with pytest.raises(TlsError, match=r"the controller's certificate is not for this host name\.$"):
                await LeasedExporter(found, board_factory).run()

    run(test)


def test_a_new_certificate_is_trusted_when_the_controller_comes_back(play: Any) -> None:
    async def test(bench: Any) -> None:
        exporter = await bench.exporter(access=bench.access(insecure=True, ca=None))
        await bench.ready("l1", exporter)
        before = len(bench.controller.journal.entries(method="Status"))
        await bench.controller.show(self_signed("127.0.0.1"))
        await bench.until(lambda: len(bench.controller.journal.entries(method="Status")) > before)
        assert exporter.lease == "l1"

    play(test)


def test_nobody_shows_a_certificate(unused_port: int) -> None:
    message = rf"^No connection to 127\.0\.0\.1:{unused_port}: .*[Cc]onnect.*\.$"
    with pytest.raises(LinkError, match=message):
        run(lambda: shown_certificate(f"127.0.0.1:{unused_port}"))


def test_somebody_speaks_no_tls() -> None:
    async def test() -> None:
        async with MockController(plaintext=True) as controller:
            with pytest.raises(TlsError, match=r"^127\.0\.0\.1:\d+ does not speak TLS: .*\.$"):
                await shown_certificate(controller.endpoint)

    run(test)


def test_a_host_that_cannot_be() -> None:
    with pytest.raises(LinkError, match=r"^The host name 'no\.such\.host\.invalid' could not be resolved: "):
        run(lambda: shown_certificate("no.such.host.invalid:1"))
    with pytest.raises(LinkError, match=r"could not be resolved: .*\. Check the endpoint\.$"):
        run(lambda: shown_certificate(f"{'x' * 70}:1"))
