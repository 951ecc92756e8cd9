from typing import Any

import pytest

from shared.reports import Entry, ServiceName
from shared.states import CameraState
from tests.reports import report_of
from video.diagnosis import Diagnosis, Evidence, Notice, ServiceEntries, diagnose

NOW = 1000.0
AT_US = 5_000_000_000


def said(
    service: ServiceName, *, silent_s: float = 0.5, ending: bool = False, instance: str = "0", **report: dict[str, Any]
) -> Entry:
    return Entry(service, instance, NOW - silent_s, AT_US, ending, report_of(**report))


def camera(state: str, *, for_s: float = 10, reason: str | None = None) -> dict[str, dict[str, Any]]:
    return {"front": {"state": state, "since": int(AT_US - for_s * 1e6), "reason": reason}}


def diagnosis(
    frameless_s: float | None = 12.0,
    *,
    bus_silent_s: float = 0.2,
    bus_well_s: float = 600.0,
    producer: Entry | None = None,
    consumer: Entry | None = None,
    complete: bool = False,
) -> Diagnosis:
    evidence = Evidence(frameless_s, bus_silent_s, bus_well_s, producer, consumer, complete)
    return diagnose("front", evidence, NOW)


ALIVE = said("producer", cameras=camera("up"))


def test_a_camera_that_gives_frames_is_up_whatever_anybody_says() -> None:
    """Frames are better evidence than words."""
    seen = diagnosis(2.9, bus_silent_s=60, producer=said("producer", cameras=camera("down")))

    assert (seen.state, seen.notice, seen.reason) == ("up", None, None)


@pytest.mark.parametrize(("frameless_s", "state"), [(0.1, "up"), (None, "waiting"), (12.0, "down")])
def test_what_the_producer_says_about_a_camera_that_is_up_is_shown(frameless_s: float | None, state: str) -> None:
    """Some of its pictures are too large, say: the others are seen, or have not arrived yet."""
    seen = diagnosis(frameless_s, producer=said("producer", cameras=camera("up", reason="a picture of 3000000 bytes")))

    assert (seen.state, seen.notice, seen.reason) == (state, None, "a picture of 3000000 bytes")


@pytest.mark.parametrize("state", ["down", "refused", "frozen"])
def test_a_camera_is_down_only_if_its_producer_says_so(state: str) -> None:
    """The producer's word, its reason, and the time since by the producer's own clock."""
    seen = diagnosis(producer=said("producer", cameras=camera(state, for_s=10, reason="connection refused")))

    assert (seen.notice, seen.state, seen.reason) == (Notice.CAMERA_DOWN, state, "connection refused")
    assert seen.notice_for_s == pytest.approx(10.5)


def test_nobody_is_named_without_evidence() -> None:
    """No frames, and nobody was heard to be gone: the picture stands still and the reason says for how long."""
    seen = diagnosis(12, producer=ALIVE, consumer=said("consumer"))

    assert (seen.state, seen.notice, seen.reason) == ("down", None, "no frame for 12 s")
    assert diagnosis(12).notice is None


def test_a_slow_camera_is_up_between_its_pictures() -> None:
    """Its producer says that it is up, and all that was written has arrived; whoever is gone is named as ever."""
    assert diagnosis(60, producer=ALIVE, consumer=said("consumer"), complete=True) == Diagnosis(CameraState.UP, 60)

    frozen = said("producer", cameras=camera("frozen"))
    assert diagnosis(60, producer=frozen, complete=True).state == "frozen"
    assert diagnosis(60, producer=said("producer", silent_s=20), complete=True).notice == Notice.PRODUCER_DOWN
    assert diagnosis(60, producer=ALIVE, consumer=said("consumer", silent_s=20), complete=True).notice == (
        Notice.CONSUMER_DOWN
    )


def test_a_removed_camera_is_not_called_down() -> None:
    """It was taken out of the settings on purpose."""
    seen = diagnosis(producer=said("producer", cameras=camera("removed")))

    assert (seen.state, seen.notice) == ("removed", None)


@pytest.mark.parametrize("state", ["removed", "disabled"])
def test_a_camera_that_is_off_on_purpose_does_not_need_its_producer(state: str) -> None:
    """The producer that said so may have ended since."""
    gone = said("producer", silent_s=20, ending=True, cameras=camera(state, for_s=10))

    seen = diagnosis(producer=gone)

    assert (seen.state, seen.notice) == (state, None)
    assert seen.for_s == pytest.approx(30)


def test_the_producer_that_captures_a_camera_now_speaks_for_it() -> None:
    """The one before still has it in its ledger."""
    account = {"front": {"in": 1, "out": 1, "dropped": {}, "lost_upstream": 0}}
    before = said("producer", silent_s=0.1, instance="before", cameras={}, ledger=account)
    now = said("producer", silent_s=0.9, instance="now", cameras=camera("down"), ledger=account)

    assert ServiceEntries([now, before], NOW).of_producer("front") is now
    assert ServiceEntries([before], NOW).of_producer("front") is None


@pytest.mark.parametrize(("silent_s", "expected"), [(4.9, None), (5.1, Notice.PRODUCER_DOWN)])
def test_a_producer_is_down_after_five_seconds_of_silence(silent_s: float, expected: Notice | None) -> None:
    """Its last word, that the camera was down, counts no more then."""
    seen = diagnosis(producer=said("producer", silent_s=silent_s, cameras=camera("up")))

    assert seen.notice == expected


def test_a_producer_that_said_it_ends_is_down_at_once() -> None:
    """It need not be waited for."""
    seen = diagnosis(3.1, producer=said("producer", silent_s=3.2, ending=True, cameras=camera("up")))

    assert seen.notice == Notice.PRODUCER_DOWN
    assert seen.notice_for_s == pytest.approx(3.2)


def test_a_silent_consumer_is_named_when_producer_and_camera_are_well() -> None:
    """The stage after the producer is looked at when that one does its work."""
    seen = diagnosis(producer=ALIVE, consumer=said("consumer", silent_s=7))

    assert (seen.notice, seen.notice_for_s) == (Notice.CONSUMER_DOWN, 7)


def test_the_first_stage_that_fails_is_named() -> None:
    """A dead camera with a dead consumer behind it is a dead camera; a dead producer comes before both."""
    dead_consumer = said("consumer", silent_s=7)

    assert (
        diagnosis(producer=said("producer", cameras=camera("down")), consumer=dead_consumer).notice
        == Notice.CAMERA_DOWN
    )
    silent = said("producer", silent_s=9, cameras=camera("down"))
    assert diagnosis(producer=silent, consumer=dead_consumer).notice == Notice.PRODUCER_DOWN


def test_a_stalled_bus_comes_before_everything_that_was_not_heard_because_of_it() -> None:
    """Without a bus the silence of the others is no evidence."""
    silent = said("producer", silent_s=9, cameras=camera("down"))

    seen = diagnosis(bus_silent_s=4, producer=silent)

    assert (seen.notice, seen.notice_for_s) == (Notice.BUS_STALLED, 4)


def test_nobody_is_blamed_for_silence_before_the_bus_has_had_time_to_come_through() -> None:
    """After a stall of 30 s every service was silent for 30 s, and is not to be named for it."""
    silent = said("producer", silent_s=30, cameras=camera("up"))

    assert diagnosis(bus_well_s=4.9, producer=silent).notice is None
    assert diagnosis(bus_well_s=5.1, producer=silent).notice == Notice.PRODUCER_DOWN


def test_a_camera_that_never_gave_a_frame_waits_unless_its_producer_knows_better() -> None:
    """A camera that is only known by its producer's word is waited for."""
    assert diagnosis(None, producer=ALIVE).state == "waiting"
    assert diagnosis(None, producer=said("producer", cameras=camera("refused"))).notice == Notice.CAMERA_DOWN


def test_the_living_instance_that_has_the_camera_speaks_for_it() -> None:
    """After a producer was replaced, the old one's silence says nothing."""
    old = said("producer", silent_s=20, instance="old", cameras=camera("up"))
    new = said("producer", silent_s=0.9, instance="new", cameras=camera("down"))
    other = said("producer", silent_s=0.1, instance="other", cameras={"yard": {"state": "up"}})

    entries = ServiceEntries([old, new, other], NOW)
    assert entries.of_producer("front") is new
    assert entries.of_consumer("front") is None
    ending = said("producer", silent_s=0.1, instance="ending", ending=True, cameras=camera("up"))
    assert ServiceEntries([new, ending], NOW).of_producer("front") is new


def test_a_status_without_since_or_reason_is_understood() -> None:
    """Another producer may say less."""
    seen = diagnosis(producer=said("producer", silent_s=1, cameras={"front": {"state": "down"}}))

    assert (seen.notice, seen.notice_for_s, seen.reason) == (Notice.CAMERA_DOWN, 1, "no frame for 12 s")
