"""Turns captured frames into records: ours, or the original's."""

from producer.camera import Publish
from producer.protocol import Message
from shared.frames.frame import Frame, Headers, to_headers
from shared.frames.go_record import RawPicture, write_original
from shared.frames.writer import FrameWriter

BGR = 3  # channels


class Records:
    """Sends frames to the bus in the form that was asked for.

    Attributes:
        run: start of the producer, microseconds since the epoch.
    """

    def __init__(self, outlet: FrameWriter, *, run: int, form: str) -> None:
        """Join frames to an outlet.

        Args:
            outlet: of the topic of frames.
            run: start of the producer, microseconds since the epoch.
            form: `jpeg`, our own record, of JPEGs; `json`, the original's, of raw pixels.
        """
        self.run = run
        self._outlet = outlet
        self._record = _original if form == "json" else _own

    def publisher(self, camera: str) -> Publish:
        """Return what publishes the frames of one camera."""

        def publish(message: Message) -> None:
            self._outlet.send(
                camera, message.captured_at, lambda number: self._record(camera, self.run, number, message)
            )

        return publish


def _own(camera: str, run: int, number: int, message: Message) -> tuple[bytes, Headers]:
    frame = Frame(
        camera=camera,
        run=run,
        seq=number,
        captured_at=message.captured_at,
        width=message.width,
        height=message.height,
        jpeg=message.payload,
    )
    return message.payload, to_headers(frame)


def _original(_camera: str, _run: int, _number: int, message: Message) -> tuple[bytes, Headers]:
    return write_original(RawPicture(message.width, message.height, BGR, message.payload)), []
