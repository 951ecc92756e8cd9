"""The picture of a frame, as models see it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that nothing has been drawn on; `jpeg` as it came from the bus."""

    jpeg: bytes = field(repr=False)
