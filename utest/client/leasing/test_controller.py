"""The controller as a client sees it: identity, listings, deadlines, and the words for all that goes wrong."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.leasing import calls as calls_module
from JumpstarterLibrary.client.leasing.controller import Controller, LeaseRequest
from JumpstarterLibrary.client.settings import ClientArguments, find_settings
from JumpstarterLibrary.errors import (
    AuthenticationError,
    ConfigurationError,
    ControllerUnreachable,
    JumpstarterError,
    LeaseError,
    LeaseInvalid,
    LeaseNotOwned,
    LinkError,
    NoSuchLease,
    TlsError,
    TokenExpired,
)
from JumpstarterLibrary.lab.certificates import Authority
from JumpstarterLibrary.lab.controller import MockController
from JumpstarterLibrary.lab.features import ControllerFeatures

Code = grpc.StatusCode
During = Callable[[Callable[[], object]], Callable[[], Any]]
Eventually = Callable[[Callable[[], object]], None]


@pytest.fixture
def controller(rig: Any) -> Controller:
    found: Controller = rig.controller_of(rig.settings)
    return found


def failure(kind: type[JumpstarterError], function: Callable[[], object]) -> str:
    with pytest.raises(kind) as info:
        function()
    assert type(info.value) is kind
    return str(info.value)


# What there is


def test_exporters_are_listed_with_all_that_is_known(rig: Any, controller: Controller) -> None:
    (one,) = controller.exporters("board=b")
    assert (one.name, one.labels, one.online, one.status, one.enabled) == (
        "b1",
        {"board": "b", "number": "1"},
        True,
        "AVAILABLE",
        True,
    )
    assert controller.exporter("b1") == one
    assert controller.exporters("board=c") == []


def test_what_is_not_there_is_told(rig: Any, controller: Controller) -> None:
    listing = "Check its name; `jmp get leases` and `jmp get exporters` list what is there."
    for what, look in (("exporter 'b7'", controller.exporter), ("lease 'b7'", controller.lease)):
        assert failure(NoSuchLease, lambda look=look: look("b7")) == (
            f"The controller {rig.lab.endpoint} knows nothing of {what}. {listing}"
        )


def test_long_lists_come_in_pages(rigs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "PAGE", 3)
    rig = rigs(8)
    controller = rig.controller_of(rig.settings)
    assert [one.name for one in controller.exporters()] == [f"b{number}" for number in range(1, 9)]
    assert rig.codes("ListExporters") == ["OK"] * 3


def test_a_listing_whose_continuation_is_forgotten_begins_anew(rigs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "PAGE", 3)
    rig = rigs(8)
    controller = rig.controller_of(rig.settings)
    details = "The provided continue parameter is too old to display a consistent list result."
    seen: list[str] = []
    original = controller.clients.list_exporters

    def listing(request: Any, **options: Any) -> Any:
        seen.append(request.page_token)
        if len(seen) == 2:
            rig.fault("ListExporters", code=Code.UNKNOWN, details=details, times=1)
        return original(request, **options)

    controller.clients.list_exporters = listing
    assert [one.name for one in controller.exporters()] == [f"b{number}" for number in range(1, 9)]
    assert [bool(token) for token in seen] == [False, True, False, True, True]


def test_a_listing_that_is_forgotten_again_and_again_ends(rigs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "PAGE", 3)
    rig = rigs(4, features=ControllerFeatures(page_token_life_s=0.0))
    controller = rig.controller_of(rig.settings)
    with pytest.raises(LeaseError, match=r"continue parameter is too old to display a consistent list result\.$"):
        controller.exporters()
    assert len(rig.codes("ListExporters")) == 2 * calls_module.LISTINGS


def test_a_request_carries_all_that_was_asked_for(rig: Any, controller: Controller) -> None:
    begin = rig.lab.clock.now().replace(microsecond=0) + datetime.timedelta(hours=1)
    request = LeaseRequest(
        selector="board=b",
        exporter="b1",
        duration=datetime.timedelta(minutes=5, microseconds=500),
        begin=begin,
        tags={"job": "7"},
        context={"why": "nightly"},
        allow_disabled=True,
    )
    assert str(request) == "selector 'board=b' and exporter 'b1'"
    assert str(LeaseRequest()) == "any exporter"
    controller.create_lease(request, "x", 5)
    record = rig.lab.controller.lease("x")
    assert (str(record.selector), record.exporter_name, record.begin) == ("board=b", "b1", begin)
    assert (record.tags, record.context, record.allow_disabled) == ({"job": "7"}, {"why": "nightly"}, True)
    assert record.duration == request.duration
    assert [one.name for one in controller.leases()] == ["x"]
    controller.delete_lease("x")


def test_what_is_anothers_is_refused(rig: Any, controller: Controller) -> None:
    rig.only_lease("theirs", client="other")
    minute = datetime.timedelta(minutes=1)
    assert failure(LeaseNotOwned, lambda: controller.extend_lease("theirs", minute)) == (
        "Client default/tester may not have another duration of lease 'theirs': it is not the owner (UpdateLease "
        "permission denied). Ask its owner, or acquire another lease."
    )
    assert controller.lease("theirs").client == "other"


def test_a_duration_that_cannot_be_is_refused(rig: Any, controller: Controller) -> None:
    own = rig.only_lease()
    text = failure(LeaseInvalid, lambda: controller.extend_lease(own.name, datetime.timedelta(seconds=-1)))
    assert text.startswith(
        f"The controller {rig.lab.endpoint} did not accept the request for another duration of lease "
        f"'lease-of-tester': "
    )


# Identity


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"token": "no.jwt.atall"}, AuthenticationError, "its token is not valid ("),
        ({"name": "nobody"}, AuthenticationError, "did not accept client default/nobody (the test): "),
        ({"namespace": "elsewhere"}, AuthenticationError, "did not accept client elsewhere/tester (the test): "),
        ({"name": "other"}, AuthenticationError, "its token belongs to another client ("),
    ],
)
def test_an_identity_that_is_not_ours_is_told(rig: Any, changes: dict[str, Any], kind: Any, words: str) -> None:
    controller = rig.controller_of(rig.settings_of("tester", **changes))
    text = failure(kind, controller.exporters)
    assert words in text
    assert text.endswith("Check namespace, name and token of the client configuration, or log in again: `jmp login`.")
    assert rig.settings.token not in text


def test_an_exporters_token_is_told(rig: Any) -> None:
    token = rig.lab.controller.exporter_token("b1")
    controller = rig.controller_of(rig.settings_of("tester", token=token, name="b1"))
    assert failure(AuthenticationError, controller.exporters).startswith(
        f"The controller {rig.lab.endpoint} did not accept client default/b1 (the test): "
    )


def test_an_expired_token_is_told(rig: Any) -> None:
    token = rig.lab.controller.client_token("tester", life=datetime.timedelta(seconds=-10))
    controller = rig.controller_of(rig.settings_of("tester", token=token))
    assert failure(TokenExpired, controller.exporters) == (
        "The token of client default/tester (the test) has expired. Log in again: `jmp login`."
    )


@pytest.fixture
def renewable(rig: Any, tmp_path: Path) -> tuple[Controller, Path]:
    """A controller whose token has expired, and its configuration file."""
    path = rig.lab.write_client_config(tmp_path, "tester")
    good = rig.lab.client_config("tester")["token"]
    expired = rig.lab.controller.client_token("tester", life=datetime.timedelta(seconds=-10))
    path.write_text(path.read_text().replace(_token_of(path), expired))
    controller = rig.controller_of(find_settings(ClientArguments(config=path), {}))
    (tmp_path / "good").write_text(good)
    return controller, path


def _token_of(path: Path) -> str:
    return next(line for line in path.read_text().splitlines() if line.startswith("token: ")).removeprefix("token: ")


def _renew(path: Path) -> None:
    good = (path.parents[1] / "good").read_text()
    path.write_text(path.read_text().replace(_token_of(path), good))


def test_a_token_that_was_renewed_in_the_file_is_used(rig: Any, renewable: tuple[Controller, Path]) -> None:
    controller, path = renewable
    failure(TokenExpired, controller.exporters)
    _renew(path)
    assert [one.name for one in controller.exporters()] == ["b1"]
    assert rig.codes("ListExporters") == ["UNKNOWN", "UNKNOWN", "OK"]


def test_a_renewed_token_is_used_for_changes_once(rig: Any, renewable: tuple[Controller, Path]) -> None:
    controller, path = renewable
    _renew(path)
    controller.create_lease(LeaseRequest(selector="board=b"), "x", 5)
    deadline = Deadline(5)
    while not controller.lease("x").exporter:
        assert not deadline.expired
    assert rig.codes("CreateLease") == ["UNKNOWN", "OK"]
    controller.delete_lease("x")


def test_threads_that_meet_the_expiry_together_all_go_on(
    rig: Any, renewable: tuple[Controller, Path], during: During
) -> None:
    controller, path = renewable
    _renew(path)
    rig.fault("ListExporters", delay=0.2 * rig.lab.clock.scale, times=6)
    assert [len(join()) for join in [during(controller.exporters) for _ in range(6)]] == [1] * 6


def test_a_dial_uses_the_renewed_token(rig: Any, renewable: tuple[Controller, Path]) -> None:
    controller, path = renewable
    own = rig.only_lease()
    _renew(path)
    assert controller.dial(own.name, 5).router_endpoint == rig.lab.router.endpoint


def test_all_tokens_that_the_client_has_had_are_secrets(rig: Any, renewable: tuple[Controller, Path]) -> None:
    controller, path = renewable
    expired = _token_of(path)
    assert controller.secrets == [expired]
    own = rig.only_lease()
    _renew(path)
    router_token = controller.dial(own.name, 5).router_token
    assert controller.secrets == [expired, _token_of(path), router_token]


def test_a_controller_that_repeats_the_token_does_not_bring_it_into_a_message(rig: Any) -> None:
    controller = rig.controller_of(rig.settings_of("tester"))
    (token,) = controller.secrets
    rig.fault("ListExporters", code=grpc.StatusCode.UNAUTHENTICATED, details=f"bad signature of {token}")
    assert failure(AuthenticationError, controller.exporters) == (
        f"The controller {rig.lab.endpoint} did not accept client default/tester (the test): its token is not "
        f"valid (bad signature of ********). Check namespace, name and token of the client configuration, or log in "
        f"again: `jmp login`."
    )


def test_a_file_that_cannot_be_read_any_more_renews_nothing(renewable: tuple[Controller, Path]) -> None:
    controller, path = renewable
    path.write_text("::: no yaml [")
    failure(TokenExpired, controller.exporters)
    path.unlink()
    failure(TokenExpired, controller.exporters)


# Deadlines and connections


def test_a_controller_that_does_not_answer_is_bounded(rig: Any, controller: Controller) -> None:
    fault = rig.hold("GetLease")
    assert failure(ControllerUnreachable, lambda: controller.lease("x", 0.3)) == (
        f"The controller {rig.lab.endpoint} did not answer within 300 milliseconds when it was asked for lease 'x'. "
        f"Check that it runs, and the network."
    )
    fault.clear()


def test_a_controller_that_restarts_is_found_again(rig: Any, controller: Controller) -> None:
    assert len(controller.exporters()) == 1
    rig.lab.controller.run(_restart(rig.lab.controller))
    deadline = Deadline(10)
    while True:
        try:
            assert len(controller.exporters(timeout=1)) == 1
            break
        except LinkError:
            assert not deadline.expired


async def _restart(controller: MockController) -> None:
    await controller.stop_serving()
    await controller.start_serving()


def test_nobody_there_is_told_with_the_reason(rig: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"
        controller = rig.controller_of(rig.settings_of("tester", endpoint=endpoint))
        assert failure(ControllerUnreachable, lambda: controller.exporters(timeout=5)) == (
            f"The controller {endpoint} cannot be reached: connection refused. Check the endpoint of the client "
            f"configuration (the test) and the network."
        )


def test_a_name_that_does_not_resolve_is_told(rig: Any) -> None:
    controller = rig.controller_of(rig.settings_of("tester", endpoint="controller.invalid:8082"))
    assert failure(ControllerUnreachable, lambda: controller.exporters(timeout=5)) == (
        "The controller controller.invalid:8082 cannot be reached: the host name could not be resolved. Check the "
        "endpoint of the client configuration (the test) and the network."
    )


def test_an_endpoint_that_is_none_is_told(rig: Any) -> None:
    for endpoint in ("", "https://lab:8082", "/run/socket"):
        with pytest.raises(ConfigurationError, match=r"^The endpoint '.*' is no HOST:PORT\."):
            Controller(rig.settings_of("tester", endpoint=endpoint))


@pytest.fixture
def strange() -> Iterator[Callable[..., MockController]]:
    """Start a controller of one's own."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(MockController(**options))


TLS = "Check tls.ca and tls.insecure of the client configuration (the test), and the name in its endpoint."
UNTRUSTED = "its certificate is not trusted here: another authority signed it, or it has expired"


def test_an_unknown_authority_is_told(rig: Any, strange: Callable[..., MockController]) -> None:
    other = strange()
    controller = rig.controller_of(rig.settings_of("tester", endpoint=other.endpoint))
    assert failure(TlsError, lambda: controller.exporters(timeout=5)) == (
        f"The secure connection to controller {other.endpoint} could not be made: {UNTRUSTED}. {TLS}"
    )
    controller.close()


def test_a_certificate_for_another_name_is_told(rig: Any, strange: Callable[..., MockController]) -> None:
    authority = Authority()
    other = strange(certificate=authority.issue("elsewhere.example"))
    controller = rig.controller_of(rig.settings_of("tester", endpoint=other.endpoint, ca=authority.pem))
    assert failure(TlsError, lambda: controller.exporters(timeout=5)) == (
        f"The secure connection to controller {other.endpoint} could not be made: its certificate is not for this host "
        f"name. {TLS}"
    )
    controller.close()


def test_a_controller_without_tls_is_told(rig: Any, strange: Callable[..., MockController]) -> None:
    other = strange(plaintext=True)
    controller = rig.controller_of(rig.settings_of("tester", endpoint=other.endpoint))
    assert failure(TlsError, lambda: controller.exporters(timeout=5)) == (
        f"The secure connection to controller {other.endpoint} could not be made: it does not speak TLS. {TLS}"
    )
    controller.close()


def test_trust_at_first_sight_needs_tls_too(rig: Any, strange: Callable[..., MockController]) -> None:
    other = strange(plaintext=True)
    text = failure(TlsError, lambda: Controller(rig.settings_of("tester", endpoint=other.endpoint, insecure=True)))
    assert text.startswith(f"{other.endpoint} does not speak TLS: ")
    assert text.endswith("Check the endpoint of the client configuration: controllers and routers always speak TLS.")


def test_closing_twice_is_fine_and_ends_calls_in_flight(
    rig: Any, controller: Controller, during: During, eventually: Eventually
) -> None:
    fault = rig.hold("GetLease")
    join = during(lambda: controller.lease("x"))
    eventually(lambda: fault.hits)
    controller.close()
    controller.close()
    with pytest.raises(ControllerUnreachable, match=r"hung up|cannot be reached|is closed"):
        join()
    fault.clear()


def test_a_router_that_is_asked_for_after_the_end_leaves_nothing(rig: Any, controller: Controller) -> None:
    controller.close()
    stub = controller.router(rig.lab.router.endpoint, Deadline(5))
    with pytest.raises(ValueError, match="closed"):
        stub.stream(iter(()))


def test_tunnels_through_one_router_share_a_connection(rig: Any, controller: Controller, during: During) -> None:
    for join in [during(lambda: controller.router(rig.lab.router.endpoint, Deadline(5))) for _ in range(8)]:
        join()
    assert list(controller._routers) == [rig.lab.router.endpoint]


NOT_INITIALIZED: dict[str, Any] = {
    "code": grpc.StatusCode.UNKNOWN,
    "details": "oidc: authenticator not initialized",
}


def test_a_controller_that_has_just_started_is_asked_again(
    rig: Any, controller: Controller, frozen_clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    rig.fault("ListExporters", **NOT_INITIALIZED, times=3)
    with frozen_clock.skipping_pauses():
        assert [one.name for one in controller.exporters()] == ["b1"]
    assert rig.codes("ListExporters") == ["UNKNOWN", "UNKNOWN", "UNKNOWN", "OK"]
    assert caplog.messages == [
        f"The controller {rig.lab.endpoint} has just started, and accepts no client yet. It is asked for all exporters "
        "again, for at most 20 seconds."
    ]


def test_a_controller_that_stays_at_its_start_is_given_up(
    rig: Any, controller: Controller, frozen_clock: MovableClock
) -> None:
    rig.fault("ListExporters", **NOT_INITIALIZED)
    with frozen_clock.skipping_pauses(), pytest.raises(ControllerUnreachable) as info:
        controller.exporters(timeout=5)
    assert str(info.value) == (
        f"The controller {rig.lab.endpoint} has just started, and accepts no client yet (oidc: authenticator not "
        "initialized). Try again in some seconds."
    )
    assert 4 <= frozen_clock.seconds() <= 5
