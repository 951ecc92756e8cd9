"""The viewers of a measurement, in a process of their own (bench/load.py)."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.program import Program


@dataclass(frozen=True)
class Got:
    """What viewers got in a period.

    Attributes:
        seconds: how long it was.
        bytes: of each viewer.
        pictures: of each viewer that looks.
        ages_ms: of their pictures, by the header X-Timestamp.
    """

    seconds: float
    bytes: list[int]
    pictures: list[int]
    ages_ms: list[float]


class Load(Program):
    """Viewers that watch until the block ends; all have got something when it begins."""

    def __init__(
        self, port: int, requests: Sequence[tuple[bytes, int]], *, readers: int, core: int | None = None
    ) -> None:
        """Connect.

        Args:
            port: of the server, on this machine.
            requests: what is sent first, and by how many viewers.
            readers: how many of them, from the first on, look at the pictures.
            core: that they are bound to; None for any.
        """
        pinned = ("bench.pinned", str(core)) if core is not None else ()
        wanted = json.dumps([[request.decode(), count] for request, count in requests])
        super().__init__(sys.executable, "-m", *pinned, "bench.load", str(port), str(readers), wanted)
        self.line()

    def got(self) -> Got:
        """Return what they got since the last call."""
        return Got(**json.loads(self.ask()))
