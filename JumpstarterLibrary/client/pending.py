"""A unary call on its way: it can be waited for, and cancelled from another thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from JumpstarterLibrary.client.call_record import CallRecord
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.interrupts import interruptible, wait, watch_end
from JumpstarterLibrary.client.link import Link
from JumpstarterLibrary.client.status import Operation, out_of_time, translate
from JumpstarterLibrary.errors import TransferError
from JumpstarterLibrary.protocol import decode


class PendingCall:
    """A unary call that has begun.

    Args:
        future: gRPC's future.
        link: The link it is made on.
        operation: What is asked, for messages.
        deadline: When gRPC ends it by itself; None for never.
        done: Called once it has succeeded, in the thread that waits for it.
        record: The record of the call, which gets its end.
    """

    def __init__(
        self,
        future: Any,
        link: Link,
        operation: Operation,
        deadline: Deadline | None,
        done: Callable[[], None],
        record: CallRecord,
    ) -> None:
        self.operation = operation
        self._record = record
        self._future, self._link, self._deadline, self._done = future, link, deadline, done
        self.reason: Exception | None = None
        """Why it was cancelled; raised instead of what gRPC makes of it."""

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well; False while it runs."""
        return bool(self._future.done()) and self._future.code() is grpc.StatusCode.OK

    def cancel(self, reason: Exception | None = None) -> None:
        """Cancel it, if it still runs. Never fails.

        Args:
            reason: What ``result`` raises then. Default: that it was cancelled.
        """
        if not self._future.done():
            self.reason = self.reason or reason
            self._future.cancel()

    def result(self) -> Any:
        """Wait for it and return its result; an interrupted wait cancels it.

        Raises:
            DriverError: The driver refused or failed; see ``errors`` for its kinds.
            OperationTimeout: There was no answer in time.
            LinkError: The link broke.
            TransferError: It was cancelled.
        """
        with self._record as record:
            try:
                if not wait(watch_end(self._future), None if self._deadline is None else self._deadline.remaining):
                    raise out_of_time(self.operation, self._deadline or Deadline(None))
                with interruptible:
                    response = self._future.result()
            except grpc.FutureCancelledError:
                reason = self.reason or TransferError(f"{self.operation.text} was cancelled.")
                raise reason from reason.__cause__
            except grpc.RpcError as error:
                raise translate(error, self._link, self.operation, self._deadline) from error
            except BaseException:
                self._future.cancel()
                raise
            self._done()
            return record.answered(decode(response.result))
