"""The interface of a model kind."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from consumer.prediction import Finding


class Handler(Protocol):
    """Turns a picture into a request, and the answer into findings; keeps no state."""

    labels_file: ClassVar[str]
    """Name of the packaged labels in `consumer/assets/`."""

    def __init__(self, labels: Mapping[int, str]) -> None: ...

    def request(self, jpeg: bytes) -> bytes:
        """Return the body of the request about a picture."""
        ...

    def findings(self, predictions: list[Any]) -> tuple[Finding, ...]:
        """Return the findings in an answer, best first.

        Raises:
            ServingNonsense: the answer is not what the model's signature promises.
        """
        ...
