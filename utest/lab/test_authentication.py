"""Who calls: each check, in its order, with its code and text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from JumpstarterLibrary.lab.authentication import derived_name
from JumpstarterLibrary.lab.features import ControllerFeatures
from JumpstarterLibrary.lab.tokens import TokenIssuer
from JumpstarterLibrary.protocol import client_pb2, jumpstarter_pb2

Failing = Callable[[Callable[[], object]], tuple[str, str]]

LIST = client_pb2.ListExportersRequest(parent="namespaces/default")


def call(peer: Any, *metadata: tuple[str, str]) -> Callable[[], object]:
    """Return a call of ListExporters with this metadata."""
    return lambda: peer.client_stub.list_exporters(LIST, metadata=metadata, timeout=5)


def without(peer: Any, key: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in peer.metadata if pair[0] != key)


def test_a_client_and_an_exporter_are_known(lab: Any) -> None:
    assert list(lab.client().exporters().exporters) == []
    assert lab.exporter().register()


def test_the_scheme_is_compared_without_case(lab: Any) -> None:
    peer = lab.client()
    assert peer.call(peer.client_stub.list_exporters, LIST, authorization=f"bEARER {peer.token}") is not None


def test_authorization(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    assert failing(call(peer)) == ("UNAUTHENTICATED", "missing authorization header")
    assert failing(call(peer, *peer.metadata, peer.metadata[0])) == (
        "INVALID_ARGUMENT",
        "multiple authorization headers",
    )
    for value in (peer.token, f"Basic {peer.token}"):
        assert failing(call(peer, ("authorization", value))) == (
            "INVALID_ARGUMENT",
            "malformed authorization header",
        )


def test_tokens(lab: Any, failing: Failing) -> None:
    peer = lab.client()

    def with_token(token: str) -> tuple[str, str]:
        # Nothing else is looked at before the token.
        return failing(call(peer, ("authorization", f"Bearer {token}")))

    expired = lab.controller.client_token("alice", life=timedelta(seconds=-60))
    assert with_token(expired) == (
        "UNKNOWN",
        "oidc: verify token: oidc: token is expired (Token Expiry: 2029-12-31 23:59:00)",
    )
    assert with_token(TokenIssuer().mint("client", "default", "alice", "x")) == (
        "UNKNOWN",
        "oidc: verify token: failed to verify signature",
    )
    assert with_token("nonsense") == ("UNKNOWN", "failed to authenticate token")
    assert with_token(TokenIssuer(issuer="https://elsewhere").mint("client", "default", "alice", "x")) == (
        "UNKNOWN",
        "failed to authenticate token",
    )


def test_tokens_grow_old_with_the_labs_clock(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    peer.exporters()
    lab.clock.advance(365 * 86400)
    code, details = failing(peer.exporters)
    assert code == "UNKNOWN"
    assert "token is expired" in details


@pytest.mark.parametrize("key", ["jumpstarter-namespace", "jumpstarter-kind", "jumpstarter-name"])
def test_metadata_once_each(lab: Any, failing: Failing, key: str) -> None:
    peer = lab.client()
    assert failing(call(peer, *without(peer, key))) == ("INVALID_ARGUMENT", f"missing metadata: {key}")
    twice = (*peer.metadata, (key, "again"))
    assert failing(call(peer, *twice)) == ("INVALID_ARGUMENT", f"multiple metadata: {key}")


def test_the_order_of_missing_metadata(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    authorization, kind, namespace, _name = peer.metadata
    assert failing(call(peer, authorization))[1] == "missing metadata: jumpstarter-namespace"
    assert failing(call(peer, authorization, namespace))[1] == "missing metadata: jumpstarter-kind"
    assert failing(call(peer, authorization, namespace, ("jumpstarter-kind", "Exporter")))[1] == (
        "missing metadata: jumpstarter-name"
    )
    assert failing(call(peer, authorization, namespace, kind))[1] == "missing metadata: jumpstarter-name"


@pytest.mark.parametrize("kind", ["Exporter", "client", ""])
def test_the_kind_has_to_match_before_the_object_is_looked_for(lab: Any, failing: Failing, kind: str) -> None:
    peer = lab.client()
    refused = failing(
        lambda: peer.call(peer.client_stub.list_exporters, LIST, jumpstarter_kind=kind, jumpstarter_name="nobody")
    )
    assert refused == ("INVALID_ARGUMENT", "object kind mismatch")


def test_kinds_of_the_controllers_rpcs(lab: Any, failing: Failing) -> None:
    client, exporter = lab.client(), lab.exporter()
    mismatch = ("INVALID_ARGUMENT", "object kind mismatch")
    stub = client.controller_stub
    for method, request in (
        (stub.register, jumpstarter_pb2.RegisterRequest()),
        (stub.unregister, jumpstarter_pb2.UnregisterRequest()),
        (stub.report_status, jumpstarter_pb2.ReportStatusRequest()),
        (stub.get_service_endpoints, jumpstarter_pb2.GetServiceEndpointsRequest()),
    ):
        assert failing(lambda method=method, request=request: client.call(method, request)) == mismatch
    for stream in (
        lambda: next(client.call(stub.status, jumpstarter_pb2.StatusRequest())),
        lambda: next(client.call(stub.listen, jumpstarter_pb2.ListenRequest(lease_name="x"))),
    ):
        assert failing(stream) == mismatch
    assert failing(lambda: exporter.call(stub.dial, jumpstarter_pb2.DialRequest(lease_name="x"))) == mismatch


def test_objects_that_are_not_there(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    assert failing(lambda: peer.call(peer.client_stub.list_exporters, LIST, jumpstarter_name="nobody")) == (
        "UNKNOWN",
        'clients.jumpstarter.dev "nobody" not found',
    )
    assert failing(lambda: peer.call(peer.client_stub.list_exporters, LIST, jumpstarter_namespace="other")) == (
        "UNKNOWN",
        'clients.jumpstarter.dev "alice" not found',
    )


def test_somebody_elses_token(lab: Any, failing: Failing) -> None:
    alice, bob = lab.client("alice"), lab.client("bob")
    assert failing(lambda: alice.call(alice.client_stub.list_exporters, LIST, jumpstarter_name="bob")) == (
        "PERMISSION_DENIED",
        "permission denied for client default/bob",
    )
    exporter = lab.exporter("board1")
    refused = failing(
        lambda: exporter.call(
            exporter.controller_stub.register,
            jumpstarter_pb2.RegisterRequest(),
            authorization=f"Bearer {bob.token}",
        )
    )
    assert refused == ("PERMISSION_DENIED", "permission denied for exporter default/board1")


def test_the_token_of_an_earlier_object_of_the_same_name(lab: Any, failing: Failing) -> None:
    exporter = lab.exporter("board1")
    lab.controller.remove_exporter("board1")
    lab.controller.add_exporter("board1")
    assert failing(exporter.register) == ("PERMISSION_DENIED", "permission denied for exporter default/board1")


def test_another_namespace_in_the_request(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    request = client_pb2.ListExportersRequest(parent="namespaces/other")
    assert failing(lambda: peer.call(peer.client_stub.list_exporters, request)) == (
        "PERMISSION_DENIED",
        "namespace mismatch",
    )


def test_malformed_names_come_before_authentication(lab: Any, failing: Failing) -> None:
    peer = lab.client()
    request = client_pb2.ListExportersRequest(parent="default")
    assert failing(lambda: peer.client_stub.list_exporters(request, timeout=5)) == (
        "INVALID_ARGUMENT",
        'invalid resource name "default": it should read namespaces/<namespace>',
    )


@pytest.fixture
def issuer() -> TokenIssuer:
    return TokenIssuer(issuer="https://sso.example", prefix="sso:")


def list_with(peer: Any, token: str, **changes: str) -> Any:
    return peer.call(peer.client_stub.list_exporters, LIST, authorization=f"Bearer {token}", **changes)


def test_the_user_of_an_external_issuer_stands_for_a_client(serve: Any, failing: Failing, issuer: TokenIssuer) -> None:
    lab = serve(external_issuers=[issuer])
    peer = lab.client("ann-smith")
    life = timedelta(days=10_000)
    token = issuer.mint("client", "", "", "", sub="Ann.Smith", life=life)
    assert failing(lambda: list_with(peer, token)) == (
        "PERMISSION_DENIED",
        "permission denied for client default/ann-smith",
    )
    lab.controller.state.clients["ann-smith"].username = "sso:Ann.Smith"
    list_with(peer, token)
    peer.client_stub.list_exporters(
        LIST,
        metadata=[("authorization", f"Bearer {token}"), *without(peer, "authorization")[:2]],
        timeout=5,
    )
    code, details = failing(lambda: list_with(peer, token, jumpstarter_name="bob"))
    assert code == "INVALID_ARGUMENT"
    assert details == "name mismatch: the token's user is 'ann-smith', not 'bob'"


def test_clients_are_added_when_they_first_call(serve: Any, failing: Failing, issuer: TokenIssuer) -> None:
    features = ControllerFeatures(provisioning=True)
    lab = serve(external_issuers=[issuer], features=features)
    peer = lab.client("alice")
    token = issuer.mint("client", "", "", "", sub="bob", life=timedelta(days=10_000))
    list_with(peer, token, jumpstarter_name="bob")
    assert lab.controller.state.clients["bob"].username == "sso:bob"
    features.provisioning = False
    other = issuer.mint("client", "", "", "", sub="carol", life=timedelta(days=10_000))
    assert failing(lambda: list_with(peer, other, jumpstarter_name="carol")) == (
        "UNKNOWN",
        'clients.jumpstarter.dev "carol" not found',
    )


@pytest.mark.parametrize(
    ("user", "name"),
    [("Ann", "ann"), ("ann.smith@example.com", "ann-smith-example-com"), ("--a__b--", "a-b"), ("x" * 70, "x" * 63)],
)
def test_derived_names(user: str, name: str) -> None:
    assert derived_name(user) == name
