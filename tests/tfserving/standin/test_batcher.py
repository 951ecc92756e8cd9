"""Requests that wait together are batched, and do not affect each other."""

import threading
from concurrent.futures import Future

import numpy as np
import pytest

from tfserving.errors import Code, StatusError
from tfserving.standin import batcher as batching
from tfserving.standin.batcher import Batcher, BatcherClosed
from tfserving.standin.signatures import Signature, TensorInfo, Tensors

DEADLINE_S = 30
FREE = TensorInfo("x:0", "float", (-1,))
SIGNATURES = {
    "double": Signature({"x": FREE}, {"y": FREE}, "tensorflow/serving/predict"),
    "fixed": Signature({"x": FREE}, {"y": TensorInfo("y:0", "float", ())}, "tensorflow/serving/predict"),
}


@pytest.fixture(autouse=True)
def no_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let helper threads wait, so that a busy machine does not change which requests are batched."""
    monkeypatch.setattr(batching, "HELP_AFTER_S", 3600.0)


class Doubler:
    """A model y = 2x whose first call waits until it may continue; it refuses 13."""

    def __init__(self) -> None:
        self.calls: list[list[float]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def run(self, _signature: str, inputs: Tensors) -> Tensors:
        self.calls.append(inputs["x"].tolist())
        if len(self.calls) == 1:
            self.begun.set()
            assert self.go_on.wait(DEADLINE_S)
        if 13 in inputs["x"]:
            raise StatusError(Code.INVALID_ARGUMENT, "no thirteens")
        if 66 in inputs["x"]:
            raise RuntimeError("broken")
        return {"y": inputs["x"] * 2}


def ask(batcher: Batcher, *numbers: float, signature: str = "double", dtype: type = np.float32) -> "Future[Tensors]":
    return batcher.submit(signature, {"x": np.array(numbers, dtype)})


def result(answer: "Future[Tensors]") -> list[float]:
    numbers: list[float] = answer.result(DEADLINE_S)["y"].tolist()
    return numbers


def held_up(model: Doubler, *, max_rows: int = 16) -> tuple[Batcher, "Future[Tensors]"]:
    """Start a batcher whose thread is busy with a first request."""
    batcher = Batcher(model.run, SIGNATURES, max_rows=max_rows)
    first = ask(batcher, 1)
    assert model.begun.wait(DEADLINE_S)
    return batcher, first


def test_an_expensive_call_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a quarter of a second a helper thread answers what waits; the expensive call is still running."""
    monkeypatch.setattr(batching, "HELP_AFTER_S", 0.01)
    model = Doubler()
    batcher, first = held_up(model)

    assert result(ask(batcher, 2)) == [4]
    assert result(ask(batcher, 3)) == [6]

    assert not first.done()
    model.go_on.set()
    assert result(first) == [2]
    assert batcher.close(timeout_s=DEADLINE_S)


def test_requests_that_wait_for_the_model_go_in_one_call() -> None:
    """Three requests that arrived during a call are one call, and each gets its own rows."""
    model = Doubler()
    batcher, first = held_up(model)

    later = [ask(batcher, 2), ask(batcher, 3, 4), ask(batcher, 5)]
    model.go_on.set()

    assert result(first) == [2]
    assert [result(answer) for answer in later] == [[4], [6, 8], [10]]
    assert model.calls == [[1], [2, 3, 4, 5]]
    assert batcher.close(timeout_s=DEADLINE_S)


def test_a_batch_has_a_limit() -> None:
    """Rows beyond it are left for the next call; a request is never split."""
    model = Doubler()
    batcher, first = held_up(model, max_rows=2)

    later = [ask(batcher, 2), ask(batcher, 3), ask(batcher, 4), ask(batcher, 5, 6, 7)]
    model.go_on.set()

    assert result(first) == [2]
    assert [result(answer) for answer in later] == [[4], [6], [8], [10, 12, 14]]
    assert model.calls == [[1], [2, 3], [4], [5, 6, 7]]
    batcher.close()


def test_a_bad_request_does_not_fail_its_neighbours() -> None:
    """After a batch has failed, each request is asked about alone."""
    model = Doubler()
    batcher, first = held_up(model)

    good, bad, other = ask(batcher, 2), ask(batcher, 13), ask(batcher, 3)
    model.go_on.set()

    assert result(first) == [2]
    assert result(good) == [4]
    assert result(other) == [6]
    with pytest.raises(StatusError, match="no thirteens"):
        bad.result(DEADLINE_S)
    batcher.close()


def test_different_types_and_shapes_are_not_batched() -> None:
    """Only requests that can be one tensor are; the others keep their turn."""
    model = Doubler()
    batcher, first = held_up(model)

    answers = [
        ask(batcher, 2),
        ask(batcher, 3, dtype=np.float64),
        batcher.submit("double", {"x": np.array([[4.0]], np.float32)}),
        ask(batcher, 5),
    ]
    model.go_on.set()

    assert result(first) == [2]
    assert [result(answer) for answer in answers] == [[4], [6], [[8]], [10]]
    assert model.calls == [[1], [2, 5], [3], [[4]]]
    batcher.close()


def test_a_signature_without_free_first_dimensions_is_never_batched() -> None:
    """A sum over all rows would mix the requests."""
    model = Doubler()
    batcher, _first = held_up(model)

    answers = [ask(batcher, 2, signature="fixed"), ask(batcher, 3, signature="fixed")]
    model.go_on.set()

    assert [result(answer) for answer in answers] == [[4], [6]]
    assert model.calls == [[1], [2], [3]]
    batcher.close()


def test_an_abandoned_request_is_not_computed() -> None:
    """The time of its caller was over while it waited."""
    model = Doubler()
    batcher, first = held_up(model)

    abandoned, kept = ask(batcher, 2), ask(batcher, 3)
    assert abandoned.cancel()
    model.go_on.set()

    assert result(first) == [2]
    assert result(kept) == [6]
    assert model.calls == [[1], [3]]
    batcher.close()


def test_whatever_a_model_does_the_next_request_is_answered() -> None:
    """Its caller gets INTERNAL for an error that is not a StatusError, and the thread continues."""
    model = Doubler()
    model.go_on.set()
    batcher = Batcher(model.run, SIGNATURES)

    with pytest.raises(StatusError) as caught:
        ask(batcher, 66).result(DEADLINE_S)

    assert caught.value.code is Code.INTERNAL
    assert result(ask(batcher, 1)) == [2]
    batcher.close()


def test_an_unforeseen_error_of_a_batch_is_the_error_of_one_and_the_thread_lives() -> None:
    """Each request is asked about alone; a thread that dies here would leave every caller waiting."""
    model = Doubler()
    batcher, first = held_up(model)

    good, bad = ask(batcher, 2), ask(batcher, 66)
    model.go_on.set()

    assert [result(first), result(good)] == [[2], [4]]
    with pytest.raises(StatusError):
        bad.result(DEADLINE_S)
    assert result(ask(batcher, 3)) == [6]
    batcher.close()


def test_closing_answers_what_waits_and_takes_no_more() -> None:
    """Every accepted request gets an answer."""
    model = Doubler()
    batcher, first = held_up(model)
    waiting = ask(batcher, 2)
    closer = threading.Thread(target=batcher.close)
    closer.start()

    model.go_on.set()
    closer.join(DEADLINE_S)

    assert result(first) == [2]
    assert result(waiting) == [4]
    with pytest.raises(BatcherClosed):
        ask(batcher, 3)


def test_closing_says_when_a_call_does_not_end() -> None:
    """Then a thread is still in the model."""
    model = Doubler()
    batcher, _first = held_up(model)

    assert not batcher.close(timeout_s=0)

    model.go_on.set()
    assert batcher.close(timeout_s=DEADLINE_S)
