"""A model that takes a fixed number of rows: many exported models take exactly one."""

import time

import numpy as np

from consumer.servers.errors import ServingNonsense, ServingTimeout
from consumer.servers.server import ModelServer
from consumer.tensors import Signature, Tensors


class FixedBatch:
    """Asks in as many requests, one after the other, as the model's batch dimension requires; see `ModelServer`.

    A model whose batch dimension is open, or whose server does not describe it, is asked in one request.
    """

    def __init__(self, server: ModelServer) -> None:
        """Wrap a client."""
        self._server = server
        self._rows: int | None = None

    def signature(self) -> Signature:
        """Return the model's signature."""
        signature = self._server.signature()
        sizes = {spec.shape[0] for spec in signature.inputs.values() if spec.shape and spec.shape[0] > 0}
        self._rows = sizes.pop() if len(sizes) == 1 else None
        return signature

    def infer(self, inputs: Tensors, *, timeout_s: float) -> Tensors:
        """Return the outputs of all rows. The last request is filled up with its last row."""
        rows = len(next(iter(inputs.values())))
        if self._rows is None or self._rows == rows:
            return self._server.infer(inputs, timeout_s=timeout_s)
        deadline = time.monotonic() + timeout_s
        answers = []
        for start in range(0, rows, self._rows):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise ServingTimeout(f"no answer within {round(timeout_s, 2):g} s")
            chosen = np.minimum(np.arange(start, start + self._rows), rows - 1)
            answers.append(self._server.infer({n: v[chosen] for n, v in inputs.items()}, timeout_s=left_s))
        try:
            return {name: np.concatenate([answer[name] for answer in answers])[:rows] for name in answers[0]}
        except (KeyError, ValueError) as exc:
            raise ServingNonsense("the answers about the rows of a batch do not fit together") from exc

    def probe(self, timeout_s: float) -> None:
        """Return as soon as the server answers anything."""
        self._server.probe(timeout_s)

    def version(self) -> str | None:
        """Return the version that answers."""
        return self._server.version()

    def close(self) -> None:
        """Close the connection."""
        self._server.close()
