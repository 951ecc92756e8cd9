"""What waits to be asked of one model: the newest frame of each camera; cameras take turns, and share requests.

The camera that was asked about longest ago is next, however often each of them sends. Frames of different cameras that
are there together go into one request. Where more cameras send frames than are there, a request waits a few
milliseconds for their company.
"""

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from consumer.company import Company
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Prediction
from shared.frames.frame import Frame
from shared.frames.ledger import MAX_CAMERAS

COMPANY_S = 0.005  # longest wait of a frame for frames of other cameras
EXPECTED_S = 1.0  # a camera that offered a frame within this time will offer another


class NotAsked(Enum):
    """Why a model said nothing about a frame although it works."""

    RATE = "rate"  # it has been asked about this camera as often as it may be


Answer: TypeAlias = "Future[Prediction | NotAsked | None]"
"""A prediction; None if the model failed or could not be asked; cancelled if a newer frame took the frame's place."""


@dataclass(slots=True, eq=False)
class Offer:
    """A frame that a model may be asked about.

    Attributes:
        frame: of a camera.
        picture: of the frame; the models that see the frame share it.
        regions: boxes to look at; None: the whole picture.
        answer: what becomes of it.
        waits_since: when the camera's turn was first asked for, monotonic seconds.
    """

    frame: Frame
    picture: Picture
    regions: tuple[Box, ...] | None = None
    answer: Answer = field(default_factory=Future)
    waits_since: float = 0.0


@dataclass(slots=True)
class _Camera:
    """What is remembered of a camera; times are monotonic seconds.

    Attributes:
        offered_at: when it last offered a frame.
        turn: number of the request that it was last part of; 0: none.
        requests: of how many requests it was part.
        next_at: when its rate allows the next request.
    """

    offered_at: float = 0.0
    turn: int = 0
    requests: int = 0
    next_at: float = float("-inf")


class Offers:
    """The frames that wait for a model; at most one of each camera. Thread-safe."""

    def __init__(self, *, batch: int, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty.

        Args:
            batch: most frames in a request.
            rate: most requests a second and camera; None: any number.
            clock: monotonic seconds.
        """
        self.batch = batch
        self._period_s = 1 / rate if rate else 0.0
        self._company, self._clock = Company(clock), clock
        self._wake = threading.Condition()
        self._waiting: dict[str, Offer] = {}
        self._cameras: dict[str, _Camera] = {}  # the one that offered longest ago first
        self._turns = 0
        self._busy = False
        self._closed = False

    def put(self, offer: Offer, *, unless_busy: bool = False) -> None:
        """Let a frame wait in place of its camera's frame before; its answer is done if it need not.

        Args:
            offer: the frame.
            unless_busy: refuse it while a request is in flight.
        """
        camera, now = offer.frame.camera, self._clock()
        refused: NotAsked | None = None
        replaced: Offer | None = None
        with self._wake:
            known = self._seen(camera, now)
            waits = not (self._closed or (unless_busy and self._busy))
            if waits and now < known.next_at:
                waits, refused = False, NotAsked.RATE
            if waits:
                replaced = self._waiting.get(camera)
                offer.waits_since = replaced.waits_since if replaced else now
                self._waiting[camera] = offer
                self._wake.notify()
        if not waits:
            offer.answer.set_result(refused)
        if replaced is not None:
            replaced.answer.cancel()

    @property
    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed

    def take(self, longest_s: float) -> list[Offer]:
        """Return the frames to ask about now, the one whose turn it is first; none if there are none in that time.

        The model then counts as busy until `done`.
        """
        until = self._clock() + longest_s
        with self._wake:
            while not self._closed:
                now = self._clock()
                chosen, again_at = self._choose(now)
                if chosen:
                    self._busy = True
                    self._turns += 1
                    for offer in chosen:
                        self._asked(offer.frame.camera, now)
                    return chosen
                if now >= until:
                    break
                self._wake.wait(min(again_at, until) - now)
        return []

    def done(self, took: Sequence[tuple[Sequence[str], float]] = (), refused: Sequence[str] = ()) -> None:
        """Note that the model is free again.

        Args:
            took: for each request, its cameras and the seconds that it took.
            refused: cameras whose pictures the server could not read.
        """
        with self._wake:
            self._busy = False
            for cameras, seconds in took:
                self._company.took(cameras, seconds)
            if refused:
                self._company.refused(refused)

    def close(self) -> None:
        """Refuse what waits and everything that is offered later."""
        with self._wake:
            self._closed = True
            refused = list(self._waiting.values())
            self._waiting.clear()
            self._wake.notify_all()
        for offer in refused:
            if offer.answer.set_running_or_notify_cancel():
                offer.answer.set_result(None)

    def _choose(self, now: float) -> tuple[list[Offer], float]:
        """Take the frames to ask about now out of those that wait; else return when to look again."""
        rested = {camera: self._company.ready_at(camera) for camera in self._waiting}
        ready = [camera for camera, at in rested.items() if at <= now]
        if not ready:
            return [], min(rested.values(), default=float("inf"))
        together = heapq.nsmallest(self.batch, ready, key=self._turn_of)
        if self._company.alone(together[0]):
            return [self._waiting.pop(together[0])], now
        together = [camera for camera in together if not self._company.alone(camera)]
        wait_until = min(self._waiting[camera].waits_since for camera in together) + COMPANY_S
        if now < wait_until and len(together) < self.batch and self._others_come(now, wait_until):
            return [], wait_until
        return [self._waiting.pop(camera) for camera in together], now

    def _turn_of(self, camera: str) -> tuple[int, int]:
        """Return what orders cameras: asked about longest ago; of those in one request, asked about least."""
        known = self._cameras[camera]
        return known.turn, known.requests

    def _others_come(self, now: float, until: float) -> bool:
        """Return whether a camera that does not wait yet may offer a frame in time."""
        for camera in reversed(self._cameras):
            known = self._cameras[camera]
            if now - known.offered_at > EXPECTED_S:
                return False
            free = known.next_at < until and self._company.ready_at(camera) < until and not self._company.alone(camera)
            if camera not in self._waiting and free:
                return True
        return False

    def _seen(self, camera: str, now: float) -> _Camera:
        known = self._cameras.pop(camera, None) or _Camera()
        known.offered_at = now
        self._cameras[camera] = known
        oldest = next(iter(self._cameras))
        if len(self._cameras) > MAX_CAMERAS and oldest not in self._waiting:
            del self._cameras[oldest]
        return known

    def _asked(self, camera: str, now: float) -> None:
        known = self._cameras[camera]
        known.turn = self._turns
        known.requests += 1
        if self._period_s:
            # Frames come in steps: counting from when the request was due keeps the rate on average.
            due_at = known.next_at if now - known.next_at < self._period_s else now
            known.next_at = due_at + self._period_s
