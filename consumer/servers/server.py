"""The interface of a model server: one model on one server, whatever protocol it speaks."""

from typing import Protocol

from consumer.tensors import Signature, Tensors


class ModelServer(Protocol):
    """A client of one model. Keeps its connection. Not thread-safe: use from one thread.

    Every method but `close` may raise ServingUnreachable, ServingTimeout, ServingRefusal and ServingNonsense, as their
    names say (consumer/servers/errors.py), and nothing else. Nothing that a server answers is trusted: an answer is
    limited in size, and in time as a whole.
    """

    def signature(self) -> Signature:
        """Return what the model takes and gives, by the server's metadata; an empty one if it does not say."""
        ...

    def infer(self, inputs: Tensors, *, timeout_s: float) -> Tensors:
        """Return the model's outputs, as many rows as the inputs have.

        Args:
            inputs: the batch dimension first.
            timeout_s: longest wait for the whole answer.
        """
        ...

    def probe(self, timeout_s: float) -> None:
        """Return as soon as the server answers anything; costs the server next to nothing."""
        ...

    def version(self) -> str | None:
        """Return the version that answers; None if the server does not say."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
