"""The interface of a model kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding
from consumer.tensors import Tensors


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask a server about some pictures.

    Attributes:
        inputs: the batch dimension first.
        rows: for each picture, how many rows of the batch are about it; 0: there is nothing to ask, such as no face.
        places: what the kind needs to read the answer, such as the box of each row; only the kind looks inside.
    """

    inputs: Tensors
    rows: tuple[int, ...]
    places: tuple[Any, ...] = ()


class Kind(Protocol):
    """Turns pictures into a request, and the answer into findings. Not thread-safe: use from one thread."""

    def request(self, pictures: Sequence[Picture], regions: Sequence[tuple[Box, ...] | None]) -> Request:
        """Return what to ask about some pictures.

        Args:
            pictures: the original frames.
            regions: for each picture the boxes to look at as they were found, in pixels of the frame (a kind grows them
                by `crops.margin` itself); None: the whole picture.

        Raises:
            BadPicture: a picture cannot be decoded. The caller asks about each picture on its own then.
        """
        ...

    def findings(self, outputs: Tensors, request: Request) -> list[tuple[Finding, ...]]:
        """Return for each picture what was found, best first, boxes in pixels of the published frame.

        Raises:
            ServingNonsense: the answer is not what the model's signature promises.
        """
        ...
