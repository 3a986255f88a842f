"""Upstream's own error classes, as its client raises them."""

from __future__ import annotations

import pytest
from jumpstarter.client.core import DriverError, DriverInvalidArgument, DriverMethodNotImplemented
from jumpstarter_testing.pytest import JumpstarterTest


class TestErrors(JumpstarterTest):
    """Every way in which a driver can fail."""

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            ("NotImplementedError", DriverMethodNotImplemented),
            ("ValueError", DriverInvalidArgument),
            ("TimeoutError", DriverError),
            ("ConnectionRefusedError", DriverError),
            ("FileNotFoundError", DriverError),
            ("RuntimeError", DriverError),
        ],
    )
    def test_errors(self, client, kind, error):
        with pytest.raises(error, match="why"):
            client.faults.call("fail", kind, "why")
        with pytest.raises(DriverError, match="why"):
            list(client.faults.streamingcall("fail_after", 2, kind, "why"))

    def test_method_that_is_not_there(self, client):
        with pytest.raises(DriverMethodNotImplemented):
            client.faults.call("nothing")
        with pytest.raises(DriverError):
            list(client.faults.streamingcall("nothing"))
