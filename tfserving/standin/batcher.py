"""Put requests that wait together into one call of the model."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from tfserving.errors import Code, StatusError
from tfserving.standin.signatures import Signature, Tensors

log = logging.getLogger(__name__)

Run = Callable[[str, Tensors], Tensors]

DEFAULT_MAX_ROWS = 16
HELPERS = 2
HELP_AFTER_S = 0.25
"""After waiting for this time, a request is answered by another thread, beside the call that holds it up."""


@dataclass(frozen=True, eq=False)
class _Request:
    signature: str
    inputs: Tensors
    # What requests must have in common to be batched; None: never batched.
    kind: object
    rows: int
    since: float = field(default_factory=time.monotonic)
    answer: "Future[Tensors]" = field(default_factory=Future)


class Batcher:
    """Calls a model from one thread, with all waiting requests that can be batched when that thread is free.

    No request waits for a batch to fill. While an expensive call holds up the thread, helper threads answer what has
    waited for `HELP_AFTER_S`, so that one request does not delay the others by more.

    Args:
        run: the model.
        signatures: the model's.
        max_rows: upper limit for the rows of a batch.
    """

    def __init__(self, run: Run, signatures: dict[str, Signature], *, max_rows: int = DEFAULT_MAX_ROWS) -> None:
        self._run = run
        self._signatures = signatures
        self._max_rows = max_rows
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, args=(after_s,), name="batcher", daemon=True)
            for after_s in (0.0, *([HELP_AFTER_S] * HELPERS))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, signature: str, inputs: Tensors) -> "Future[Tensors]":
        """Ask for one call; the future holds the outputs or a StatusError.

        Raises:
            BatcherClosed: this version of the model is being unloaded.
        """
        request = _Request(signature, inputs, *self._kind(signature, inputs))
        with self._changed:
            if self._closed:
                raise BatcherClosed
            self._waiting.append(request)
            self._changed.notify_all()
        return request.answer

    def close(self, *, timeout_s: float | None = None) -> bool:
        """Accept no more requests and answer those that wait; return whether that was done in time."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _kind(self, signature: str, inputs: Tensors) -> tuple[object, int]:
        sizes = {len(tensor) if tensor.ndim else 0 for tensor in inputs.values()}
        if len(sizes) != 1 or sizes == {0} or not self._signatures[signature].batchable:
            return None, 1
        shapes = tuple((name, tensor.dtype.str, tensor.shape[1:]) for name, tensor in sorted(inputs.items()))
        return (signature, shapes), sizes.pop()

    def _work(self, after_s: float) -> None:
        while batch := self._next_batch(after_s):
            self._answer(batch)

    def _wait_for_request(self, after_s: float) -> bool:
        """Wait until a request has waited for `after_s`; return False once closed and empty. Needs the lock."""
        while True:
            left_s = None
            if self._waiting:
                left_s = self._waiting[0].since + after_s - time.monotonic()
                if left_s <= 0 or self._closed:
                    return True
            elif self._closed:
                return False
            self._changed.wait(left_s)

    def _next_batch(self, after_s: float) -> list[_Request]:
        with self._changed:
            if not self._wait_for_request(after_s):
                return []
            first = self._waiting.popleft()
            batch = [first]
            if first.kind is None:
                return batch
            rows = first.rows
            for request in list(self._waiting):
                if request.kind == first.kind and rows + request.rows <= self._max_rows:
                    self._waiting.remove(request)
                    batch.append(request)
                    rows += request.rows
            return batch

    def _answer(self, batch: list[_Request]) -> None:
        # A request whose caller has given up (its time is over) need not be computed.
        batch = [request for request in batch if request.answer.set_running_or_notify_cancel()]
        if len(batch) > 1:
            try:
                parts = self._together(batch)
            except Exception:  # one bad picture must not fail its neighbours: ask about each alone
                log.debug("a batch of %d requests failed, asking about each alone", len(batch), exc_info=True)
            else:
                for request, part in zip(batch, parts, strict=True):
                    request.answer.set_result(part)
                return
        for request in batch:
            self._answer_one(request)

    def _answer_one(self, request: _Request) -> None:
        try:
            request.answer.set_result(self._run(request.signature, request.inputs))
        except StatusError as exc:
            request.answer.set_exception(exc)
        except Exception as exc:
            request.answer.set_exception(StatusError(Code.INTERNAL, f"{type(exc).__name__}: {exc}"))

    def _together(self, batch: Sequence[_Request]) -> list[Tensors]:
        names = batch[0].inputs
        inputs = {name: np.concatenate([request.inputs[name] for request in batch]) for name in names}
        outputs = self._run(batch[0].signature, inputs)
        ends = np.cumsum([request.rows for request in batch])
        if any(tensor.ndim == 0 or len(tensor) != ends[-1] for tensor in outputs.values()):
            raise StatusError(Code.FAILED_PRECONDITION, "an output does not have one row per row of input")
        split = {name: np.split(tensor, ends[:-1]) for name, tensor in outputs.items()}
        return [{name: parts[index] for name, parts in split.items()} for index in range(len(batch))]


class BatcherClosed(Exception):
    """No more requests are taken."""
