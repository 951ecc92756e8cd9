"""Makes pictures in threads, so that an expensive picture of one camera never holds up another camera's.

For the event loop only.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

THREADS = 2
MAX_WAITING = 4  # pictures of one camera; a newer one replaces the oldest
DEADLINE_S = 1.0  # a picture that could not be begun for this long is not worth making
EXPENSIVE_S = 0.1  # cameras whose last picture took longer get one thread between them
REST_FACTOR = 3.0  # and after a picture that took t each of them rests for 3 t, at most MAX_REST_S
MAX_REST_S = 5.0


class PictureLate(Exception):
    """A picture was not made, because newer ones were wanted or the time was over."""


@dataclass(slots=True)
class _Job:
    make: Callable[[], Any]
    future: asyncio.Future[Any]
    wanted_at: float


class PictureMaker:
    """A queue per camera before a few threads; at most one thread works for a camera at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pictures")
        self._queues: dict[str, deque[_Job]] = {}
        self._running: set[str] = set()
        self._cost_s: dict[str, float] = {}  # of the last picture
        self._rests_until: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def make(self, camera: str, make: Callable[[], Any]) -> asyncio.Future[Any]:
        """Return a future of what `make` returns in a thread; PictureLate is its exception if it is not made."""
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(_retrieve)
        queue = self._queues.setdefault(camera, deque())
        if len(queue) >= MAX_WAITING:
            _give_up(queue.popleft())
        queue.append(_Job(make, future, time.monotonic()))
        self._dispatch()
        return future

    def forget(self, camera: str) -> None:
        """Drop what is known of a camera that is gone."""
        for job in self._queues.pop(camera, ()):
            _give_up(job)
        self._cost_s.pop(camera, None)
        self._rests_until.pop(camera, None)

    def close(self) -> None:
        """Make no further pictures; those being made are left behind."""
        for camera in list(self._queues):
            self.forget(camera)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _dispatch(self) -> None:
        now = time.monotonic()
        self._drop_late(now)
        while len(self._running) < THREADS:
            camera = self._next_camera(now)
            if camera is None:
                self._wake_later(now)
                return
            self._run(camera, self._pop(camera))

    def _drop_late(self, now: float) -> None:
        for camera in list(self._queues):
            queue = self._queues[camera]
            while queue and now - queue[0].wanted_at > DEADLINE_S:
                _give_up(self._pop(camera))

    def _next_camera(self, now: float) -> str | None:
        """Return the next camera to serve: the one that has waited longest, of those that may have a thread."""
        expensive_runs = any(self._is_expensive(camera) for camera in self._running)
        able = (
            camera
            for camera in self._queues
            if camera not in self._running
            and self._rests_until.get(camera, 0.0) <= now
            and not (expensive_runs and self._is_expensive(camera))
        )
        return min(able, key=lambda camera: self._queues[camera][0].wanted_at, default=None)

    def _pop(self, camera: str) -> _Job:
        queue = self._queues[camera]
        job = queue.popleft()
        if not queue:
            del self._queues[camera]
        return job

    def _run(self, camera: str, job: _Job) -> None:
        began = time.monotonic()
        self._running.add(camera)
        made = asyncio.get_running_loop().run_in_executor(self._pool, job.make)

        def done(made: asyncio.Future[Any]) -> None:
            self._running.discard(camera)
            self._account(camera, time.monotonic() - began)
            _hand_over(made, job.future)
            self._dispatch()

        made.add_done_callback(done)

    def _account(self, camera: str, cost_s: float) -> None:
        if cost_s > EXPENSIVE_S:
            self._cost_s[camera] = cost_s
            self._rests_until[camera] = time.monotonic() + min(MAX_REST_S, REST_FACTOR * cost_s)
        else:
            self._cost_s.pop(camera, None)
            self._rests_until.pop(camera, None)

    def _is_expensive(self, camera: str) -> bool:
        return camera in self._cost_s

    def _wake_later(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waits = [self._rests_until[camera] - now for camera in self._queues if camera in self._rests_until]
        if waits:
            self._timer = asyncio.get_running_loop().call_later(max(0.01, min(waits)), self._dispatch)


def _give_up(job: _Job) -> None:
    if not job.future.done():
        job.future.set_exception(PictureLate())


def _hand_over(made: asyncio.Future[Any], wanted: asyncio.Future[Any]) -> None:
    if wanted.done():
        return
    if made.cancelled():
        wanted.set_exception(PictureLate())
    elif (failure := made.exception()) is not None:
        wanted.set_exception(failure)
    else:
        wanted.set_result(made.result())


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Look at the exception, so that asyncio does not log it when nobody waits any more."""
    if not future.cancelled():
        future.exception()
