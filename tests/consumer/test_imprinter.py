"""Expensive pictures neither stop the other cameras nor overtake, get lost or pile up."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import pytest

from consumer import imprint, imprinter
from consumer.imprinter import CHEAP_UP_TO, LARGE_NICENESS, Lane
from consumer.overlay import Line, LineState, Overlay
from tests.consumer.frames import frame, jpeg
from tests.consumer.stage import Model, Stage
from tests.tfserving import bombs
from tests.waiting import wait_until


class Unforeseen(Exception):
    """A fault of the program."""


EVERY_S = 0.02
FRAMES = 25


@pytest.fixture
def stage() -> Stage:
    """A stage that draws MODEL DOWN on everything."""
    model = Model()
    model.is_down()
    return Stage(model)


@contextmanager
def running(stage: Stage) -> Iterator[None]:
    stop = threading.Event()
    lanes = [threading.Thread(target=stage.imprinter.run, args=(lane, stop, lambda: None)) for lane in Lane]
    for lane in lanes:
        lane.start()
    try:
        yield
    finally:
        stop.set()
        for lane in lanes:
            lane.join(60)
        assert not any(lane.is_alive() for lane in lanes)


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux a thread has a priority of its own")
def test_large_pictures_give_way_to_the_others(stage: Stage) -> None:
    """Their lane, and no other, runs with less priority when the processor is short."""
    niceness: dict[Lane, int] = {}

    def run(lane: Lane) -> None:
        stop = threading.Event()

        def beat() -> None:
            niceness[lane] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            stop.set()

        stage.imprinter.run(lane, stop, beat)

    for lane in Lane:
        thread = threading.Thread(target=run, args=(lane,))
        thread.start()
        thread.join(60)

    usual = os.getpriority(os.PRIO_PROCESS, 0)
    expected = min(19, usual + LARGE_NICENESS)
    assert niceness == {lane: expected if lane is Lane.LARGE else usual for lane in Lane}


def test_an_expensive_picture_does_not_hold_the_loop(stage: Stage) -> None:
    """Nothing is decoded before the thread for such pictures runs; the newest of the camera is kept."""
    large = bombs.baseline(4000, 3000)

    stage.take(frame("bad", 1, jpeg=large), frame("bad", 2, jpeg=large), frame("good", 1))
    assert stage.out() == [1]
    with running(stage):
        wait_until(lambda: stage.out("bad"), "the expensive picture")

    assert stage.out("bad") == [2]
    assert stage.books("bad")["dropped"] == {"superseded": 1}
    assert stage.books("good")["out"] == 1


def test_a_cheap_picture_does_not_overtake_an_expensive_one_of_its_camera(stage: Stage) -> None:
    """Frames of a camera keep their order."""
    stage.take(frame(seq=1, jpeg=bombs.baseline(4000, 3000)))

    with running(stage):
        wait_until(lambda: "front" in stage.imprinter._busy_with or stage.out(), "it is being drawn on")
        for seq in range(2, 40):
            stage.take(frame(seq=seq))
            time.sleep(0.002)
        wait_until(lambda: stage.out()[-1:] == [39], "the last one")

    assert stage.out() == sorted(stage.out())
    assert stage.out()[0] == 1
    books = stage.books()
    assert books["in"] == 39


def test_a_progressive_picture_is_as_expensive_as_its_scans(stage: Stage) -> None:
    """320x192 in one scan is cheap; a thousand by a thousand in 50 scans is not."""
    stage.take(frame("few", 1, jpeg=jpeg()), frame("many", 1, jpeg=bombs.progressive(1000, 1000, 50)))

    assert stage.out("few") == [1]
    assert stage.out("many") == []
    assert 1000 * 1000 <= CHEAP_UP_TO < 1000 * 1000 * 50


@pytest.mark.parametrize("bomb", [bombs.progressive(8192, 8192, 2000), bombs.baseline(8192, 8192)])
def test_a_picture_beyond_the_budget_is_dropped_at_once(stage: Stage, bomb: bytes) -> None:
    """It is counted as undecodable without being decoded."""
    began = time.process_time()

    stage.take(frame(seq=1, jpeg=bomb), frame(seq=2))

    assert time.process_time() - began < 5  # decoding takes a minute, or half a gigabyte
    assert stage.out() == [2]
    assert stage.books()["dropped"] == {"undecodable": 1}


@pytest.mark.parametrize(
    "bomb",
    [
        bombs.baseline(6000, 6000),
        bombs.progressive(4096, 4096, 16),
        bombs.baseline(2560, 1440),
        bombs.baseline(1280, 720),
    ],
)
def test_a_hostile_camera_does_not_slow_the_others(stage: Stage, bomb: bytes) -> None:
    """The loop itself does no more for the most expensive pictures that are accepted than for cheap ones.

    It is the loop's own CPU time that counts: how fast it turns depends on what else the machine does.
    """
    taken = {"good": 0, "bad": 0}
    spent_s: dict[bool, list[float]] = {False: [], True: []}
    cheap = bombs.baseline(1280, 720)
    began = time.thread_time()
    imprint.imprint_whole(cheap, Overlay((Line("label", "", LineState.NORMAL),), ()), quality=80)
    allowed_s = 3 * (time.thread_time() - began)  # of a picture that is drawn on in the loop
    with running(stage):
        for number in range(2 * FRAMES):
            hostile = number % 2 == 1
            camera = "bad" if hostile else "good"
            taken[camera] += 1
            picture = bomb if hostile else jpeg(shade=taken[camera] % 200)
            began = time.thread_time()
            stage.take(frame(camera, taken[camera], jpeg=picture))
            spent_s[hostile].append(time.thread_time() - began)
            time.sleep(EVERY_S)

    assert stage.out("good") == list(range(1, taken["good"] + 1)), "each at once, none lost"
    assert median(spent_s[True]) < median(spent_s[False]) + allowed_s


@pytest.mark.parametrize("what", ["prepare", "drawn"])
def test_a_fault_in_drawing_drops_a_frame_and_ends_no_loop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """It is counted, and logged with its traceback once; the next frame is drawn on."""

    def fail(*_: object, **_options: object) -> None:
        raise Unforeseen

    with monkeypatch.context() as patch:
        patch.setattr(imprinter if what == "prepare" else imprint.Drawing, what, fail)
        stage.take(frame(seq=1), frame(seq=2))
    stage.take(frame(seq=3))

    assert stage.out() == [3]
    assert stage.books()["dropped"] == {"undecodable": 2}
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]
