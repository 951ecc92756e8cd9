"""Models that take a fixed number of rows."""

from typing import Any

import numpy as np
import pytest

from consumer.model_spec import ModelEntry, named
from consumer.servers import connect
from consumer.servers.errors import ServingNonsense, ServingTimeout
from consumer.servers.fixed_batch import FixedBatch
from consumer.tensors import Signature, Tensors, TensorSpec


class Doubler:
    """A model that doubles its rows; it takes exactly as many as its signature says."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes
        self.asked: list[list[float]] = []
        self.limits_s: list[float] = []
        self.gives: Any = lambda values: {"doubled": values * 2}

    def signature(self) -> Signature:
        return Signature({f"{size}": TensorSpec(f"{size}", "float32", (size, 1)) for size in self.sizes})

    def infer(self, inputs: Tensors, *, timeout_s: float) -> Tensors:
        (values,) = inputs.values()
        self.asked.append(values[:, 0].tolist())
        self.limits_s.append(timeout_s)
        given: Tensors = self.gives(values)
        return given

    def probe(self, timeout_s: float) -> None:
        """Answer."""

    def version(self) -> str | None:
        return "7"

    def close(self) -> None:
        self.asked.append([-1])


def rows(count: int) -> Tensors:
    return {"x": np.arange(count, dtype=np.float32).reshape(count, 1)}


@pytest.mark.parametrize(
    ("taken", "count", "asked"),
    [
        (-1, 3, [[0, 1, 2]]),
        (1, 3, [[0], [1], [2]]),
        (2, 3, [[0, 1], [2, 2]]),
        (3, 3, [[0, 1, 2]]),
        (4, 3, [[0, 1, 2, 2]]),
    ],
)
def test_rows_are_asked_about_as_many_at_a_time_as_the_model_takes(taken: int, count: int, asked: Any) -> None:
    """The last request is filled up; the answer has the rows that were asked for."""
    model = Doubler(taken)
    server = FixedBatch(model)
    server.signature()

    answer = server.infer(rows(count), timeout_s=9)

    assert model.asked == asked
    assert answer["doubled"][:, 0].tolist() == [2 * number for number in range(count)]
    assert max(model.limits_s) <= 9


def test_a_model_that_is_not_described_is_asked_at_once() -> None:
    """So is one whose inputs disagree."""
    for model in (Doubler(), Doubler(1, 2)):
        server = FixedBatch(model)
        server.infer(rows(3), timeout_s=9)
        server.signature()
        server.infer(rows(3), timeout_s=9)
        assert model.asked == [[0, 1, 2]] * 2


def test_the_time_is_for_all_rows_together() -> None:
    """A model that takes one row may not multiply the limit."""
    server = FixedBatch(Doubler(1))
    server.signature()

    with pytest.raises(ServingTimeout):
        server.infer(rows(3), timeout_s=0.0)


def test_answers_that_do_not_fit_together_are_nonsense() -> None:
    """An output that one answer has and the next one has not."""
    model = Doubler(1)
    server = FixedBatch(model)
    server.signature()
    model.gives = lambda values: {f"{values[0, 0]}": values}

    with pytest.raises(ServingNonsense):
        server.infer(rows(2), timeout_s=9)


def test_the_protocol_chooses_the_client() -> None:
    """Everything else goes through."""
    server = FixedBatch(model := Doubler(1))
    server.probe(1)
    assert server.version() == "7"
    server.close()
    assert model.asked == [[-1]]

    for protocol, url in (("tfserving", "http://h/v1/models/m:predict"), ("kserve", "http://h/v2/models/m")):
        client = connect(named("m", ModelEntry(kind="detection", url=url, protocol=protocol)), timeout_s=1)  # type: ignore[arg-type]
        assert isinstance(client, FixedBatch)
        assert type(client._server).__name__.lower() == protocol
