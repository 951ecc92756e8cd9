import os
from collections.abc import Iterator

import pytest

from producer.pipe_writer import PipeWriter
from producer.protocol import Counts, Message, MessageKind, Receiver
from shared.errors import CameraLost
from tests.waiting import wait_until


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def received(receiver: Receiver) -> Message:
    message = receiver.receive(10)
    assert message is not None
    return message


def test_a_slow_reader_gets_the_newest_and_everything_is_counted(ends: tuple[int, int]) -> None:
    """While the pipe is full newer frames replace the one that waits; the count of these comes with the next."""
    reading, writing = ends
    pipe_writer = PipeWriter(writing)
    pipe_writer.start()

    for number in range(50):  # the first ones fill the pipe: nobody reads yet
        pipe_writer.put(number, 1, 1, bytes(200_000))
    pipe_writer.count(Counts(thinned=7, undecodable=2))
    pipe_writer.fail(CameraLost("gone"))

    receiver = Receiver(reading)
    messages = [received(receiver)]
    while messages[-1].kind is not MessageKind.FAILED:
        messages.append(received(receiver))
    frames = [message for message in messages if message.kind is MessageKind.FRAME]
    assert len(frames) < 50
    assert frames[-1].captured_at == 49
    assert len(frames) + sum(message.counts.superseded for message in messages) == 50
    assert sum(message.counts.thinned for message in messages) == 7
    assert sum(message.counts.undecodable for message in messages) == 2
    assert str(messages[-1].error()) == "gone"


def test_counts_go_out_without_a_frame(ends: tuple[int, int]) -> None:
    """A capture whose frames are all thinned shows them, and that it lives."""
    reading, writing = ends
    pipe_writer = PipeWriter(writing)
    pipe_writer.start()

    pipe_writer.count(Counts(thinned=1))

    message = received(Receiver(reading))
    assert (message.kind, message.counts) == (MessageKind.COUNTS, Counts(thinned=1))
    pipe_writer.fail(CameraLost(""))
    wait_until(lambda: not pipe_writer.is_alive(), "the pipe writer has ended")
