import os
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from producer.protocol import CaptureJob, Counts, Message, MessageKind, Receiver, send
from producer.source import Source, SourceKind
from shared.errors import CameraLost, CameraRefused


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:  # the test has closed it
            continue


def test_a_job_comes_out_as_it_went_in() -> None:
    """The line that carries a job holds all of it."""
    job = CaptureJob(
        Source(SourceKind.LINK, 'rtsp://me:p\n"ä@camera/'), interval_s=0.042, scale_x=0.5, quality=70, raw=True
    )

    line = job.to_line()

    assert line.count(b"\n") == 1
    assert CaptureJob.from_line(line) == job


def test_messages_cross_a_pipe(pipe: tuple[int, int]) -> None:
    """A frame larger than the pipe, counts and a failure arrive in order, with everything in them."""
    reading, writing = pipe
    messages = [
        Message(MessageKind.FRAME, Counts(1, 2, 3), 1_700_000_000_000_000, 1280, 720, os.urandom(3_000_000)),
        Message(MessageKind.COUNTS, Counts(thinned=9)),
        Message.failed(CameraRefused("no"), Counts()),
    ]
    writer = threading.Thread(target=lambda: [*map(partial(send, writing), messages)])
    writer.start()
    receiver = Receiver(reading)

    received = [receiver.receive(10) for _ in messages]

    writer.join()
    assert received == messages
    assert received[2] is not None
    assert isinstance(received[2].error(), CameraRefused)


def test_half_a_message_is_waited_for(pipe: tuple[int, int]) -> None:
    """A message that has come in part is none yet, and is whole when the rest has come."""
    reading, writing = pipe
    receiver = Receiver(reading)
    other_reading, other_writing = os.pipe()
    send(other_writing, Message(MessageKind.FRAME, payload=b"picture"))
    whole = os.read(other_reading, 1000)
    os.close(other_reading)
    os.close(other_writing)

    os.write(writing, whole[:5])
    first = receiver.receive(0.01)
    os.write(writing, whole[5:-2])
    second = receiver.receive(0.01)
    os.write(writing, whole[-2:])

    assert (first, second) == (None, None)
    third = receiver.receive(10)
    assert third is not None
    assert third.payload == b"picture"


def test_the_end_of_the_pipe_is_told(pipe: tuple[int, int]) -> None:
    """A reader whose other side is gone hears of it at once."""
    reading, writing = pipe
    os.close(writing)

    with pytest.raises(EOFError):
        Receiver(reading).receive(10)


def test_an_unknown_error_is_a_lost_camera() -> None:
    """An error that has no name of ours still is a camera's error."""
    message = Message(MessageKind.FAILED, payload=b'["Strange", "why"]')

    assert isinstance(message.error(), CameraLost)
