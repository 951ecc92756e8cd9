"""Which run of a camera is the newest: a frame of a run that was replaced is not shown any more.

When a camera moves from one producer to another, both may capture it for a moment, and one that was cut off may not
know that it was replaced. The newer one has the higher `run`: see producer/sharing.py.
"""

from dataclasses import dataclass

# A run without a frame for that long no longer replaces others: anyone may write any number to the bus, and a producer
# may be started again with a clock that was set back.
FORGOTTEN_AFTER_S = 5.0


@dataclass(slots=True)
class _Newest:
    run: int
    seen_s: float


class Runs:
    """Follows the newest run of each camera. Not thread-safe: use from one thread."""

    def __init__(self) -> None:
        self._newest: dict[str, _Newest] = {}

    def is_replaced(self, camera: str, run: int, now_s: float) -> bool:
        """Return whether a frame belongs to a run that a newer one has replaced, and remember its run otherwise.

        Args:
            camera: its id.
            run: of the frame.
            now_s: when it was read, monotonic seconds.
        """
        newest = self._newest.get(camera)
        if newest is not None and run < newest.run and now_s - newest.seen_s < FORGOTTEN_AFTER_S:
            return True
        self._newest[camera] = _Newest(run, now_s)
        return False

    def forget(self, camera: str) -> None:
        """Forget a camera's runs."""
        self._newest.pop(camera, None)
