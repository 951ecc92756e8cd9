"""Frames that wait for a model: whose turn it is, who shares a request, and how often a camera is asked about."""

import threading

import pytest

from consumer.offers import COMPANY_S, NotAsked, Offer, Offers
from consumer.pictures.picture import Picture
from tests.consumer.clock import Clock
from tests.consumer.frames import frame, jpeg

AT_ONCE = 0.0


def offer(camera: str, seq: int = 1) -> Offer:
    return Offer(frame(camera, seq), Picture(jpeg()))


class Waiting:
    """Offers by a clock that the test moves."""

    def __init__(self, clock: Clock, *, batch: int = 8, rate: float | None = None) -> None:
        self.clock = clock
        self.offers = Offers(batch=batch, rate=rate, clock=clock)

    def put(self, *cameras: str, seq: int = 1) -> list[Offer]:
        made = [offer(camera, seq) for camera in cameras]
        for one in made:
            self.offers.put(one)
        return made

    def take(self) -> list[str]:
        """Return the cameras that are asked about now; the request is over at once."""
        taken = [one.frame.camera for one in self.offers.take(AT_ONCE)]
        self.offers.done()
        return taken

    def rounds(self, frames_per_s: dict[str, int], *, request_s: float, seconds: float) -> dict[str, int]:
        """Let cameras send frames at their rates to a model that takes that long for a request; count the answers."""
        asked = dict.fromkeys(frames_per_s, 0)
        sent = dict.fromkeys(frames_per_s, 0)
        began, free_at = self.clock.now, self.clock.now
        while self.clock.now < began + seconds:
            for camera, rate in frames_per_s.items():
                if self.clock.now - began >= sent[camera] / rate:
                    sent[camera] += 1
                    self.put(camera, seq=sent[camera])
            if self.clock.now >= free_at:
                for camera in self.take():
                    asked[camera] += 1
                    free_at = self.clock.now + request_s
            self.clock.now += 0.001
        return asked


def test_frames_of_different_cameras_that_are_there_together_share_a_request(clock: Clock) -> None:
    """At most `batch` of them; the others are next."""
    waiting = Waiting(clock, batch=3)
    waiting.put("a", "b", "c", "d", "e")

    assert waiting.take() == ["a", "b", "c"]
    assert sorted(after_company(waiting)) == ["d", "e"]


def after_company(waiting: Waiting) -> list[str]:
    """Return the next request after the longest wait for company."""
    waiting.clock.now += COMPANY_S
    return waiting.take()


def test_a_frame_waits_for_company_a_few_milliseconds_at_most(clock: Clock) -> None:
    """Only while another camera that sends frames is missing; the newest frame of a camera does not wait anew."""
    waiting = Waiting(clock)
    waiting.put("a", "b")
    assert waiting.take() == ["a", "b"], "nobody else is known"

    waiting.put("a")
    assert waiting.take() == [], "b may come"
    clock.now += COMPANY_S * 0.8
    waiting.put("a", seq=2)
    clock.now += COMPANY_S * 0.3
    assert waiting.take() == ["a"], "a has waited long enough, although its frame is newer"

    waiting.put("b")
    waiting.put("a")
    assert waiting.take() == ["b", "a"], "everybody is there"


def test_a_camera_alone_waits_for_nobody(clock: Clock) -> None:
    """Nor does one whose company stopped sending a second ago."""
    waiting = Waiting(clock)
    waiting.put("a")
    assert waiting.take() == ["a"]
    waiting.put("b")
    assert after_company(waiting) == ["b"]
    clock.now += 1.1

    waiting.put("a")

    assert waiting.take() == ["a"]


def test_a_newer_frame_takes_the_place_of_its_camera_s(clock: Clock) -> None:
    """The older one's answer is cancelled: nobody waits for it in vain."""
    waiting = Waiting(clock)
    (older,) = waiting.put("a", seq=1)
    (newer,) = waiting.put("a", seq=2)

    assert older.answer.cancelled()
    assert waiting.offers.take(AT_ONCE) == [newer]


@pytest.mark.parametrize("batch", [1, 2])
def test_a_slow_camera_is_asked_about_as_often_as_a_fast_one(clock: Clock, batch: int) -> None:
    """Three cameras of 25, 25 and 5 frames a second at a model that answers 5 requests a second."""
    asked = Waiting(clock, batch=batch).rounds({"fast": 25, "quick": 25, "slow": 5}, request_s=0.2, seconds=30)

    assert max(asked.values()) - min(asked.values()) <= 2, asked


def test_no_camera_starves_among_many(clock: Clock) -> None:
    """Twenty cameras at a model that takes eight at a time."""
    frames_per_s = {f"camera-{number}": 5 + number for number in range(20)}

    asked = Waiting(clock).rounds(frames_per_s, request_s=0.3, seconds=30)

    assert max(asked.values()) - min(asked.values()) <= 2, asked


def test_a_model_that_is_fast_enough_sees_every_frame(clock: Clock) -> None:
    """Waiting for company costs no frame."""
    asked = Waiting(clock).rounds({"fast": 25, "slow": 5}, request_s=0.01, seconds=10)

    assert asked == {"fast": 250, "slow": 50}


@pytest.mark.parametrize(("rate", "frames_per_s"), [(5.0, 25), (5.0, 7), (0.5, 25), (30.0, 25)])
def test_the_rate_is_per_camera_and_reached_on_average(clock: Clock, rate: float, frames_per_s: int) -> None:
    """At most so many requests a second, however the frames fall; less if there are fewer frames."""
    asked = Waiting(clock, rate=rate).rounds({"a": frames_per_s, "b": frames_per_s}, request_s=0.0, seconds=20)

    expected = min(rate, frames_per_s) * 20
    for camera in ("a", "b"):
        assert asked[camera] <= rate * 20 + 1
        assert asked[camera] == pytest.approx(expected, abs=2)


def test_a_frame_beyond_the_rate_is_done_at_once(clock: Clock) -> None:
    """It is neither kept nor taken for a failure."""
    waiting = Waiting(clock, rate=1.0)
    waiting.put("a")
    waiting.take()

    (beyond,) = waiting.put("a", seq=2)

    assert beyond.answer.result(0) is NotAsked.RATE
    clock.now += 1.0
    assert not waiting.put("a", seq=3)[0].answer.done()


def test_a_frame_can_be_refused_while_a_request_is_in_flight(clock: Clock) -> None:
    """For a model that is down, so that nothing waits for a request that hangs."""
    offers = Waiting(clock).offers
    offers.put(offer("a"))
    offers.take(AT_ONCE)

    refused = offer("b")
    offers.put(refused, unless_busy=True)
    offers.done()
    kept = offer("b", 2)
    offers.put(kept, unless_busy=True)

    assert refused.answer.result(0) is None
    assert not kept.answer.done()


def test_a_refused_camera_is_asked_about_alone_until_it_is_answered(clock: Clock) -> None:
    """So that its pictures spoil no request of the others."""
    waiting = Waiting(clock)
    waiting.put("a", "bad", "b")
    taken = waiting.offers.take(AT_ONCE)
    waiting.offers.done(took=[(["a", "b"], 0.01)], refused=["bad"])
    assert len(taken) == 3

    waiting.put("a", "bad", "b")
    assert waiting.take() == ["a", "b"]
    assert waiting.take() == ["bad"]
    waiting.offers.done(took=[(["bad"], 0.01)])
    waiting.put("a", "bad", "b")
    assert sorted(waiting.take()) == ["a", "b", "bad"]


def test_closing_refuses_what_waits_and_what_comes(clock: Clock) -> None:
    """Nobody waits for a model that was removed, and its loop ends."""
    offers = Waiting(clock).offers
    waits, later = offer("a"), offer("a", 2)
    offers.put(waits)

    offers.close()
    offers.put(later)

    assert waits.answer.result(0) is None
    assert later.answer.result(0) is None
    assert offers.take(60) == []
    assert offers.closed


def test_a_frame_wakes_the_loop() -> None:
    """By the real clock: the loop does not look at intervals."""
    offers = Offers(batch=8, rate=None)
    taken: list[list[Offer]] = []
    thread = threading.Thread(target=lambda: taken.append(offers.take(60)))
    thread.start()

    offers.put(offer("a"))
    thread.join(30)

    assert [one.frame.camera for one in taken[0]] == ["a"]
