"""Turns captured frames into records, in this project's format or the original's, and sends them to the bus."""

from producer.camera import Publish
from producer.protocol import Message
from shared.frames.frame import Frame, Headers, to_headers
from shared.frames.go_record import RawPicture, write_original
from shared.frames.writer import FrameWriter

CHANNELS = 3  # BGR


class FramePublisher:
    """Sends frames to the bus in the configured record format."""

    def __init__(self, writer: FrameWriter, *, form: str) -> None:
        """Prepare.

        Args:
            writer: writes to the topic of the frames.
            form: `jpeg`: this project's record, a JPEG with headers; `json`: the original's record, raw pixels.
        """
        self._writer = writer
        self._to_record = _original_record if form == "json" else _record

    def for_camera(self, camera: str, run: int) -> Publish:
        """Return the function that publishes the frames of one camera in one run."""

        def publish(message: Message) -> None:
            self._writer.send(
                camera,
                message.captured_at,
                lambda number: self._to_record(camera, run, number, message),
                run=run,
            )

        return publish


def _record(camera: str, run: int, number: int, message: Message) -> tuple[bytes, Headers]:
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


def _original_record(_camera: str, _run: int, _number: int, message: Message) -> tuple[bytes, Headers]:
    return write_original(RawPicture(message.width, message.height, CHANNELS, message.payload)), []
