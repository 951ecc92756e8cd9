"""One camera as the producer sees it: captured by a process, watched by a clock, retried when it fails."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from producer.process import CaptureProcess
from producer.protocol import CaptureJob, Message, MessageKind
from producer.rhythm import LONGEST_FIRST_PICTURE_S, LONGEST_SECOND_PICTURE_S, SECOND_PICTURE_S
from producer.watchdog import Watchdog
from shared.backoff import Backoff
from shared.clock import now_us
from shared.errors import CameraError, CameraFrozen, CameraRefused
from shared.frames.ledger import Ledger, Reason
from shared.reports import CameraReport
from shared.states import CameraState

log = logging.getLogger(__name__)

LISTEN_S = 0.2  # between two checks of the clock and of the stop event
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 4.0  # a refusal waits the longest: cameras lock out clients that retry fast

EARLY_REFUSALS = 2  # of a camera that has just moved here: tried again soon, too few to be locked out

Publish: TypeAlias = Callable[[Message], None]


class Camera:
    """Captures one camera until it is stopped, whatever the camera does."""

    def __init__(
        self,
        name: str,
        job: CaptureJob,
        *,
        ledger: Ledger,
        publish: Publish,
        oversize: Callable[[str], str | None] = lambda _camera: None,
        changed: Callable[["Camera"], None],
        title: str | None = None,
        tags: tuple[str, ...] = (),
        moved: bool = False,
    ) -> None:
        """Prepare.

        Args:
            name: the camera's id.
            job: what to capture and how to encode it.
            ledger: counts the frames that are dropped in the capture.
            publish: called with each frame.
            oversize: returns what is wrong with the pictures of a camera if they are too large for the bus.
            changed: called after each change of `state`.
            title: shown to viewers instead of the id.
            tags: shown to viewers.
            moved: another producer may have captured it until now: many cameras accept one reader, and the first
                attempts may find that one still there.
        """
        self.name = name
        self._job, self._ledger, self._publish, self._changed = job, ledger, publish, changed
        self._oversize = oversize
        self._too_large: str | None = None  # why the bus does not take the pictures of a camera that is captured
        self._state = CameraReport(CameraState.DOWN, now_us(), "starting")
        self._description = title, tags
        self._early_refusals = EARLY_REFUSALS if moved else 0
        self._said: set[str] = set()
        self._picture_at = time.monotonic()  # of the last picture, or of the start
        ledger.open(name)

    @property
    def state(self) -> CameraReport:
        """The camera's state, since when, and why; and how viewers see it called."""
        title, tags = self._description
        return replace(self._state, title=title, tags=tags)

    def describe(self, title: str | None, tags: tuple[str, ...]) -> None:
        """Change title and tags; the capture goes on."""
        self._description = title, tags

    def report(self) -> None:
        """Tell the state again, as after a change."""
        self._changed(self)

    def readiness(self) -> str:
        """Return the camera's entry in /readyz: `ok`, or what is missing."""
        state = self._state
        if self._too_large is not None:
            return self._too_large
        if state.state is CameraState.UP:
            return "ok"
        if state.state is CameraState.REFUSED:
            return f"refused: {state.reason}"
        return f"no frame for {time.monotonic() - self._picture_at:.0f} s: {state.reason}"

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Capture until `stop`; after each consecutive failure, wait longer before the next attempt."""
        backoff, refused = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S), Backoff(LONGEST_WAIT_S, LONGEST_WAIT_S)
        job = self._job
        while not stop.is_set():
            watchdog = Watchdog(job.rhythm())
            try:
                self._capture(job, stop, beat, watchdog)
            except CameraError as exc:
                job = _patient(self._job, job, watchdog, frozen=isinstance(exc, CameraFrozen))
                self._too_large = None
                if watchdog.steady():
                    backoff.reset()
                if self._enter(_state_of(exc), str(exc)):
                    for note in getattr(exc, "__notes__", ()):
                        log.error("a capture crashed: %s", note, extra={"camera": self.name})  # noqa: TRY400 - its traceback
                beat()
                stop.wait(self._backoff_of(exc, backoff, refused).next_s())

    def _backoff_of(self, exc: CameraError, backoff: Backoff, refused: Backoff) -> Backoff:
        if not isinstance(exc, CameraRefused):
            return backoff
        self._early_refusals -= 1
        return backoff if self._early_refusals >= 0 else refused

    def _capture(self, job: CaptureJob, stop: threading.Event, beat: Callable[[], None], watchdog: Watchdog) -> None:
        with CaptureProcess(job, camera=self.name, said=self._said) as process:
            while not stop.is_set():
                beat()
                message = process.receive(LISTEN_S)
                while message is not None and not stop.is_set():
                    # If publishing held us up, a newer message is waiting. Nothing follows a failure but the end of the
                    # process, which is not a crash then.
                    following = None if message.kind is MessageKind.FAILED else process.receive(0)
                    overtaken = following is not None and following.kind is MessageKind.FRAME
                    self._take(message, watchdog, overtaken=overtaken)
                    message = following
                watchdog.check()
                if self._state.state is CameraState.UP or self._too_large is not None:
                    self._enter_captured()  # what the bus answers may come long before a slow camera's next picture

    def _take(self, message: Message, watchdog: Watchdog, *, overtaken: bool) -> None:
        counts = message.counts
        self._ledger.dropped(self.name, Reason.THINNED, counts.thinned)
        self._ledger.dropped(self.name, Reason.SUPERSEDED, counts.superseded)
        self._ledger.dropped(self.name, Reason.UNDECODABLE, counts.undecodable)
        self._ledger.dropped(self.name, Reason.UNMASKED, counts.unmasked)
        if message.kind is MessageKind.FAILED:
            raise message.error()
        if message.kind is MessageKind.COUNTS and counts.unmasked:
            watchdog.saw_unmasked()
            return
        if message.kind is MessageKind.COUNTS and counts.undecodable and not (counts.thinned or counts.superseded):
            watchdog.saw_undecodable()
            return
        if message.kind is MessageKind.COUNTS and not (counts.thinned or counts.superseded):
            watchdog.saw_none_due()
            return
        watchdog.saw_picture()
        if message.kind is MessageKind.FRAME:
            self._picture_at = time.monotonic()
            if overtaken:
                self._ledger.dropped(self.name, Reason.SUPERSEDED)
            else:
                self._publish(message)
            self._enter_captured()

    def _enter_captured(self) -> None:
        """Enter the state of a camera whose pictures arrive: up, with a reason if they are too large for the bus."""
        self._too_large = self._oversize(self.name)
        self._enter(CameraState.UP, self._too_large)

    def _enter(self, word: CameraState, reason: str | None) -> bool:
        """Enter a state; return whether the state or its reason has changed."""
        old = self._state
        if (old.state, old.reason) == (word, reason):
            return False
        since = old.since if old.state == word else now_us()
        self._state = CameraReport(word, since, reason)
        if self._too_large is not None:
            log.debug(
                "camera is %s", word, extra={"camera": self.name, "reason": reason}
            )  # the reason is logged already
        elif word is CameraState.UP:
            log.info("camera is up", extra={"camera": self.name, "source": str(self._job.source)})
        else:
            log.warning("camera is %s", word, extra={"camera": self.name, "reason": reason})
        self._changed(self)
        return True


def _patient(settings: CaptureJob, last: CaptureJob, watchdog: Watchdog, *, frozen: bool) -> CaptureJob:
    """Return the job of the next attempt: with more time where a slow camera may have been misjudged."""
    if not watchdog.saw_any:
        waited_s = last.first_s if watchdog.age_s >= last.first_s / 2 else 0.0
        return replace(last, first_s=min(LONGEST_FIRST_PICTURE_S, max(last.first_s, 2 * waited_s)))
    if frozen and watchdog.rhythm.pictures_are_few:
        return replace(settings, cautious=True, second_s=LONGEST_SECOND_PICTURE_S)
    known_s = min(watchdog.rhythm.normal_silence_s, LONGEST_SECOND_PICTURE_S)
    return replace(settings, second_s=max(SECOND_PICTURE_S, known_s))


def _state_of(exc: CameraError) -> CameraState:
    match exc:
        case CameraRefused():
            return CameraState.REFUSED
        case CameraFrozen():
            return CameraState.FROZEN
        case _:
            return CameraState.DOWN
