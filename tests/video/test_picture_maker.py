import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from video import picture_maker
from video.picture_maker import PictureLate, PictureMaker


@pytest.fixture
def maker() -> Iterator[PictureMaker]:
    maker = PictureMaker()
    yield maker
    maker.close()


class Expensive:
    """Pictures that take as long as the test wants."""

    def __init__(self) -> None:
        self.begun = 0
        self.end = threading.Event()

    def make(self) -> str:
        self.begun += 1
        assert self.end.wait(60)
        return "expensive"


def cheap() -> str:
    return "cheap"


def test_what_was_made_comes_back(maker: PictureMaker) -> None:
    """What went wrong comes back, too."""

    async def run() -> None:
        assert await maker.make("front", cheap) == "cheap"
        with pytest.raises(ZeroDivisionError):
            await maker.make("front", lambda: 1 // 0)

    asyncio.run(run())


@pytest.mark.timeout(60)
def test_an_expensive_picture_holds_up_no_other_camera(maker: PictureMaker) -> None:
    """However many of them its camera wants, it has one thread, and the others have the other."""
    expensive = Expensive()

    async def run() -> None:
        wanted = [maker.make("hostile", expensive.make) for _ in range(3)]
        for _ in range(20):
            assert await maker.make("front", cheap) == "cheap"
        assert expensive.begun == 1
        expensive.end.set()
        assert await wanted[0] == "expensive"
        maker.close()

    asyncio.run(run())


@pytest.mark.timeout(60)
def test_expensive_cameras_share_one_thread_once_they_are_known(
    maker: PictureMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several hostile cameras cannot take all threads together."""
    monkeypatch.setattr(picture_maker, "MAX_REST_S", 0.0)

    async def run() -> None:
        for camera in ("hostile", "also hostile"):
            await maker.make(camera, lambda: threading.Event().wait(1.2 * picture_maker.EXPENSIVE_S))
        expensive = Expensive()
        wanted = [maker.make(camera, expensive.make) for camera in ("hostile", "also hostile")]
        for _ in range(20):
            assert await maker.make("front", cheap) == "cheap"
        assert expensive.begun == 1
        expensive.end.set()
        await asyncio.wait(wanted)

    asyncio.run(run())


@pytest.mark.timeout(60)
def test_a_camera_rests_after_an_expensive_picture(maker: PictureMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wants meanwhile is too late; it is given the next one that is wanted after its rest."""
    monkeypatch.setattr(picture_maker, "DEADLINE_S", 0.05)
    monkeypatch.setattr(picture_maker, "REST_FACTOR", 1.0)

    async def run() -> None:
        await maker.make("hostile", lambda: threading.Event().wait(2 * picture_maker.EXPENSIVE_S))
        with pytest.raises(PictureLate):
            await maker.make("hostile", cheap)

        made = None
        while made is None:
            with suppress(PictureLate):
                made = await maker.make("hostile", cheap)
        assert made == "cheap"

    asyncio.run(run())


@pytest.mark.timeout(60)
def test_the_queue_of_a_camera_is_short_and_the_newest_stay(
    maker: PictureMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older ones are given up; nothing builds up."""
    monkeypatch.setattr(picture_maker, "EXPENSIVE_S", 60.0)
    monkeypatch.setattr(picture_maker, "DEADLINE_S", 60.0)
    expensive = Expensive()

    async def run() -> None:
        first = maker.make("hostile", expensive.make)
        wanted = [maker.make("hostile", cheap) for _ in range(10)]
        expensive.end.set()
        assert await first == "expensive"
        made = await asyncio.gather(*wanted, return_exceptions=True)
        late = [isinstance(one, PictureLate) for one in made]
        assert late[:-4] == [True] * 6
        assert late[-4:] == [False] * 4

    asyncio.run(run())


@pytest.mark.timeout(60)
def test_what_nobody_waits_for_at_the_end_is_left_behind(maker: PictureMaker) -> None:
    """The end of the service does not wait for a thread."""
    expensive = Expensive()

    async def run() -> None:
        maker.make("hostile", expensive.make)
        waiting = maker.make("hostile", cheap)
        maker.close()
        with pytest.raises(PictureLate):
            await waiting
        expensive.end.set()

    asyncio.run(run())
