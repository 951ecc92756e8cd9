import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from shared.bus import Bus, Delivery, EmbeddedBroker, Limit, Reader, Record, Writer
from shared.clock import now_us
from shared.errors import BusError
from shared.frames import writer as writer_module
from shared.frames.frame import Headers, read_frame, to_headers
from shared.frames.ledger import Ledger, Reason
from shared.frames.writer import ACK_TIMEOUT_S, WINDOW, FrameWriter
from tests.ledgers import ledger_of
from tests.shared.brokers import broker_process, read_until
from tests.shared.samples import frame
from tests.waiting import PATIENCE_S as TEST_PATIENCE_S
from tests.waiting import wait_until


class HeldWriter(Writer):
    """Holds what it is given until the test says what became of it: fates that no broker here can be made to give."""

    def __init__(self) -> None:
        self.held: dict[int, Callable[[Delivery], None]] = {}
        self.full = False

    def send(
        self,
        topic: str,
        *,
        key: str,
        value: bytes,
        headers: list[tuple[str, bytes]],
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        if self.full:
            raise BusError("full")
        self.held[int(dict(headers)["seq"])] = on_delivery

    def settle(self, number: int, fate: Delivery) -> None:
        self.held.pop(number)(fate)

    def purge_queue(self) -> None:
        pass

    def limit(self, topic: str, size_bytes: int) -> Limit | None:
        return Limit(1000, "the limit")


def encoder(camera: str = "front") -> Callable[[int], tuple[bytes, Headers]]:
    def encode(number: int) -> tuple[bytes, Headers]:
        sent = frame(number, camera=camera)
        return sent.jpeg, to_headers(sent)

    return encode


def books(ledger: Ledger, camera: str = "front") -> tuple[int, int, dict[str, int]]:
    account = ledger.as_json()[camera]
    assert account["in"] == account["out"] + sum(account["dropped"].values())
    return account["in"], account["out"], account["dropped"]


def unavailable(ledger: Ledger) -> int:
    return books(ledger)[2].get(Reason.BROKER_UNAVAILABLE, 0)


@pytest.fixture
def ledger() -> Ledger:
    return ledger_of("producer")


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    broker = EmbeddedBroker()
    yield broker.bus()
    del broker


def numbers_on(bus: Bus, topic: str, *, until: int, camera: str = "front") -> list[int]:
    """Return the numbers of one camera's frames as they lie on a topic, read until one has come."""
    with Reader.of_all_partitions(bus, topic, group="check", replay_last=10_000) as reader:
        found: list[int] = []

        def enough(records: list[Record]) -> bool:
            frames = [read_frame(record.key, record.value, record.headers) for record in records]
            found[:] = [read.seq for read in frames if read.camera == camera]
            return until in found

        read_until(reader, enough)
        return found


def test_frames_are_numbered_from_one_for_each_camera(bus: Bus, ledger: Ledger) -> None:
    """On a healthy broker every frame goes out, in order, and is entered as such."""
    with Writer(bus) as writer:
        outlet = FrameWriter(writer, "healthy", ledger)
        for number in range(1, 21):
            for camera in ("front", "yard"):
                outlet.send(camera, now_us(), encoder(camera))
            wait_until(lambda n=number: len(ledger.as_json()) == 2 and books(ledger, "yard")[1] == n, "the answer")  # type: ignore[misc]

    assert books(ledger) == books(ledger, "yard") == (20, 20, {})
    assert numbers_on(bus, "healthy", until=20) == list(range(1, 21))
    assert numbers_on(bus, "healthy", until=20, camera="yard") == list(range(1, 21))


def test_a_frame_without_an_answer_takes_a_place_in_the_window(ledger: Ledger) -> None:
    """When as many as the window holds are on their way, the next is dropped at once; an answer makes room."""
    writer = HeldWriter()
    outlet = FrameWriter(writer, "t", ledger)
    for _ in range(WINDOW + 2):
        outlet.send("front", now_us(), encoder())

    assert list(writer.held) == list(range(1, WINDOW + 1))
    assert books(ledger) == (2, 0, {Reason.BROKER_UNAVAILABLE: 2})

    writer.settle(1, Delivery.ACKNOWLEDGED)
    outlet.send("front", now_us(), encoder())
    assert list(writer.held)[-1] == WINDOW + 1
    outlet.send("yard", now_us(), encoder("yard"))
    assert 1 in writer.held


def test_numbers_of_unsent_frames_are_given_again(ledger: Ledger) -> None:
    """They never left, so the next stage must not see a gap."""
    writer = HeldWriter()
    outlet = FrameWriter(writer, "t", ledger)
    for _ in range(4):
        outlet.send("front", now_us(), encoder())
    writer.settle(1, Delivery.ACKNOWLEDGED)
    for number in (2, 3, 4):
        writer.settle(number, Delivery.NOT_SENT)

    outlet.send("front", now_us(), encoder())

    assert list(writer.held) == [2]
    assert books(ledger) == (4, 1, {Reason.BROKER_UNAVAILABLE: 3})


def test_numbers_of_unconfirmed_frames_are_not_given_again(ledger: Ledger) -> None:
    """The broker may have them; they count as out, and the next stage knows what came."""
    writer = HeldWriter()
    outlet = FrameWriter(writer, "t", ledger)
    for _ in range(3):
        outlet.send("front", now_us(), encoder())
    writer.settle(3, Delivery.NOT_SENT)
    writer.settle(1, Delivery.UNCONFIRMED)
    writer.settle(2, Delivery.UNCONFIRMED)

    outlet.send("front", now_us(), encoder())

    assert list(writer.held) == [3]
    assert books(ledger) == (3, 2, {Reason.BROKER_UNAVAILABLE: 1})


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        (Delivery.TOO_LARGE, Reason.TOO_LARGE),
        (Delivery.REFUSED, Reason.BROKER_REFUSED),
        (Delivery.NOT_SENT, Reason.BROKER_UNAVAILABLE),
    ],
)
def test_a_frame_that_the_broker_does_not_take_is_dropped_with_its_reason(
    ledger: Ledger, fate: Delivery, reason: str
) -> None:
    """And its number is the next frame's."""
    writer = HeldWriter()
    outlet = FrameWriter(writer, "t", ledger)
    outlet.send("front", now_us(), encoder())
    writer.settle(1, fate)

    outlet.send("front", now_us(), encoder())

    assert list(writer.held) == [1]
    assert books(ledger) == (1, 0, {reason: 1})


def test_no_number_is_used_twice_when_a_later_frame_went_out(ledger: Ledger) -> None:
    """A hole cannot be filled: the next stage will enter it as lost, hence it is `out` here; until the later frame's
    fate is known nothing new is sent.
    """
    writer = HeldWriter()
    outlet = FrameWriter(writer, "t", ledger)
    for _ in range(3):
        outlet.send("front", now_us(), encoder())
    writer.settle(1, Delivery.TOO_LARGE)

    outlet.send("front", now_us(), encoder())
    assert list(writer.held) == [2, 3]
    assert books(ledger) == (1, 0, {Reason.BROKER_UNAVAILABLE: 1})

    writer.settle(2, Delivery.ACKNOWLEDGED)
    writer.settle(3, Delivery.TOO_LARGE)
    outlet.send("front", now_us(), encoder())
    assert list(writer.held) == [3]
    assert books(ledger) == (4, 2, {Reason.BROKER_UNAVAILABLE: 1, Reason.TOO_LARGE: 1})


def test_a_full_queue_drops_the_frame_and_keeps_the_number(ledger: Ledger) -> None:
    """The frame ends here, and the next one gets the same number."""
    writer = HeldWriter()
    outlet = FrameWriter(writer, "t", ledger)
    writer.full = True
    outlet.send("front", now_us(), encoder())
    writer.full = False
    outlet.send("front", now_us(), encoder())

    assert list(writer.held) == [1]
    assert books(ledger) == (1, 0, {Reason.BROKER_UNAVAILABLE: 1})


def test_an_error_of_the_encoder_does_not_block_the_camera(ledger: Ledger) -> None:
    """It is passed on, the frame is not in the books, and the number is free again."""
    writer = HeldWriter()
    outlet = FrameWriter(writer, "t", ledger)

    def fail(_: int) -> tuple[bytes, Headers]:
        raise RuntimeError("no picture")

    for _ in range(2 * WINDOW):
        with pytest.raises(RuntimeError, match="no picture"):
            outlet.send("front", now_us(), fail)
    outlet.send("front", now_us(), encoder())

    assert list(writer.held) == [1]
    assert ledger.as_json() == {}


def test_a_frame_above_the_largest_is_dropped(bus: Bus, ledger: Ledger) -> None:
    """The embedded broker loses what is above 2 MB; it is refused, and the next frame follows without a gap."""
    with Writer(bus) as writer:
        outlet = FrameWriter(writer, "large", ledger)
        outlet.send("front", now_us(), encoder())
        outlet.send("front", now_us(), lambda number: (bytes(2_100_000), encoder()(number)[1]))
        wait_until(lambda: books(ledger)[0] == 2, "both fates")
        oversize = outlet.oversize("front")
        outlet.send("front", now_us(), encoder())

    assert books(ledger) == (3, 2, {Reason.TOO_LARGE: 1})
    assert numbers_on(bus, "large", until=2) == [1, 2]
    assert oversize is not None
    assert oversize.startswith("a picture of 2100000 bytes exceeds the limit of 2000000 bytes: raise message.max")


def test_the_age_is_that_of_the_moment_of_sending() -> None:
    """It is in the histogram when the frame is out, unless the clocks disagree."""
    registry = CollectorRegistry()
    writer = HeldWriter()
    outlet = FrameWriter(writer, "t", ledger_of("producer", registry))
    outlet.send("front", now_us() - 3_000_000, encoder())
    outlet.send("front", now_us() - 3_000_000, encoder(), clock_suspect=True)
    writer.settle(1, Delivery.ACKNOWLEDGED)
    writer.settle(2, Delivery.ACKNOWLEDGED)

    assert registry.get_sample_value("producer_frame_age_seconds_count", {"camera": "front"}) == 1
    assert (registry.get_sample_value("producer_frame_age_seconds_sum", {"camera": "front"}) or 0) >= 3


def test_a_frozen_broker_costs_frames_and_nothing_else(ledger: Ledger) -> None:
    """While it is frozen frames are dropped and never wait; afterwards no number is on the topic twice, and the books
    balance.
    """
    with broker_process() as broker, Writer(broker.bus) as writer:
        outlet = FrameWriter(writer, "frozen", ledger)

        def send(until: Callable[[], bool]) -> int:
            sent, deadline, slowest = 0, time.monotonic() + TEST_PATIENCE_S, 0.0
            while not until():
                began = time.monotonic()
                outlet.send("front", now_us(), encoder())
                slowest = max(slowest, time.monotonic() - began)
                sent += 1
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert slowest < ACK_TIMEOUT_S
            return sent

        sent = send(lambda: books(ledger)[1] >= 10 if ledger.as_json() else False)
        broker.freeze()
        dropped = unavailable(ledger)
        # Long enough that frames were taken back from the queue, not only refused.
        ends = time.monotonic() + 4 * ACK_TIMEOUT_S
        sent += send(lambda: time.monotonic() > ends and unavailable(ledger) > dropped + WINDOW)
        broker.thaw()
        thawed_at = time.monotonic()
        sent += send(lambda: (writer.answered_at or 0) > thawed_at and books(ledger)[1] >= 30)
        last: list[int] = []

        def mark(number: int) -> tuple[bytes, Headers]:
            last.append(number)
            return encoder()(number)

        while not last:
            outlet.send("front", now_us(), mark)
            sent += 1
        wait_until(lambda: books(ledger)[0] == sent, "all fates")
        found = numbers_on(broker.bus, "frozen", until=last[0])

    arrived, out, dropped_now = books(ledger)
    assert arrived == sent
    assert set(dropped_now) == {Reason.BROKER_UNAVAILABLE}
    assert [number for number, times in Counter(found).items() if times > 1] == []
    assert found == sorted(found)
    lost = last[0] - len(found)
    assert out == len(found) + lost


def test_a_dead_broker_leaves_no_frame_without_a_fate(ledger: Ledger) -> None:
    """Also what was on its way when the broker died is in the books after the writer was closed."""
    with broker_process() as broker:
        writer = Writer(broker.bus)
        outlet = FrameWriter(writer, "dead", ledger)
        for _ in range(5):
            outlet.send("front", now_us(), encoder())
        wait_until(lambda: bool(ledger.as_json()) and books(ledger)[1] == 5, "answers")
        broker.kill()
        for _ in range(20):
            outlet.send("front", now_us(), encoder())
        writer.close(0.0)

    arrived, out, dropped = books(ledger)
    assert arrived == 25
    assert out + dropped[Reason.BROKER_UNAVAILABLE] == 25
    assert out < 25


def test_several_threads_send_several_cameras(bus: Bus, ledger: Ledger) -> None:
    """Each camera's numbers are its own, without a gap and without a double."""
    cameras = [f"camera-{n}" for n in range(4)]
    with Writer(bus) as writer:
        outlet = FrameWriter(writer, "threads", ledger)

        def entered(camera: str, frames: int) -> bool:
            return camera in ledger.as_json() and books(ledger, camera)[0] >= frames

        def send(camera: str) -> None:
            for number in range(1, 51):
                outlet.send(camera, now_us(), encoder(camera))
                wait_until(partial(entered, camera, number), "it")

        threads = [threading.Thread(target=send, args=(camera,)) for camera in cameras]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for camera in cameras:
        _, out, _ = books(ledger, camera)
        assert out == 50
        assert numbers_on(bus, "threads", until=50, camera=camera) == list(range(1, 51))


class PromptWriter(Writer):
    """Delivers at once, except the frames of the cameras that it holds back."""

    def __init__(self, *, held: set[str]) -> None:
        self.held = held

    def send(
        self,
        topic: str,
        *,
        key: str,
        value: bytes,
        headers: list[tuple[str, bytes]],
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        if key not in self.held:
            on_delivery(Delivery.ACKNOWLEDGED)


def test_numbers_of_cameras_that_are_gone_are_forgotten_in_the_end(
    monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    """Memory stays bounded, and a camera whose frames are on their way keeps its numbers."""
    monkeypatch.setattr(writer_module, "MAX_LINES", 3)
    frames = FrameWriter(PromptWriter(held={"waiting"}), "t", ledger)
    numbers: dict[str, list[int]] = {}

    def send(camera: str) -> None:
        def encode(number: int) -> tuple[bytes, Headers]:
            numbers.setdefault(camera, []).append(number)
            return encoder(camera)(number)

        frames.send(camera, now_us(), encode)

    for camera in ("waiting", "a", "b", "a", "c", "a", "b", "waiting"):
        send(camera)

    assert numbers == {"waiting": [1, 2], "a": [1, 2, 3], "b": [1, 1], "c": [1]}
