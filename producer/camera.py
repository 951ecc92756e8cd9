"""One camera, seen from the producer: captured by a process, watched by a clock, tried again when it fails."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from producer.process import CaptureProcess
from producer.protocol import CaptureJob, Message, MessageKind
from producer.watch import Watch
from shared.backoff import Backoff
from shared.clock import now_us
from shared.errors import CameraError, CameraFrozen, CameraRefused
from shared.frames.ledger import Ledger, Reason
from shared.status import State

log = logging.getLogger(__name__)

UP, DOWN, REFUSED, FROZEN = "up", "down", "refused", "frozen"
LISTEN_S = 0.2  # between two looks at the clock and at the end
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 4.0  # the longest at once after a refusal: cameras lock out who tries fast


Publish: TypeAlias = Callable[[Message], None]


class Camera:
    """Captures one camera until the end, whatever it does."""

    def __init__(
        self, name: str, job: CaptureJob, *, ledger: Ledger, publish: Publish, changed: Callable[["Camera"], None]
    ) -> None:
        """Prepare.

        Args:
            name: the camera's id.
            job: what to capture, and what to make of it.
            ledger: in which frames are entered that end in the capture.
            publish: called with each frame.
            changed: called after each change of `state`.
        """
        self.name = name
        self._job, self._ledger, self._publish, self._changed = job, ledger, publish, changed
        self._state = State(DOWN, now_us(), "starting")
        self._picture_at = time.monotonic()  # or the start
        ledger.open(name)

    @property
    def state(self) -> State:
        """State of the camera, since when, and why."""
        return self._state

    def readiness(self) -> str:
        """Return the line of /readyz: `ok`, or what is missing."""
        state = self._state
        if state.state == UP:
            return "ok"
        if state.state == REFUSED:
            return f"refused: {state.reason}"
        return f"no frame for {time.monotonic() - self._picture_at:.0f} s: {state.reason}"

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Capture until `stop`, waiting longer after each failure in a row."""
        backoff, refused = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S), Backoff(LONGEST_WAIT_S, LONGEST_WAIT_S)
        while not stop.is_set():
            watch = Watch()
            try:
                self._capture(stop, beat, watch)
            except CameraError as exc:
                if watch.steady():
                    backoff.reset()
                if self._enter(_state_of(exc), str(exc)):
                    for note in getattr(exc, "__notes__", ()):
                        log.error("a capture crashed: %s", note, extra={"camera": self.name})  # noqa: TRY400 - its traceback
                beat()
                stop.wait((refused if isinstance(exc, CameraRefused) else backoff).next_s())

    def _capture(self, stop: threading.Event, beat: Callable[[], None], watch: Watch) -> None:
        with CaptureProcess(self._job, camera=self.name) as process:
            while not stop.is_set():
                beat()
                message = process.receive(LISTEN_S)
                while message is not None and not stop.is_set():
                    # There is one if we were held up; none comes after a failure, but the end, which is no crash then.
                    following = None if message.what is MessageKind.FAILED else process.receive(0)
                    overtaken = following is not None and following.what is MessageKind.FRAME
                    self._take(message, watch, overtaken=overtaken)
                    message = following
                watch.check()

    def _take(self, message: Message, watch: Watch, *, overtaken: bool) -> None:
        tally = message.tally
        self._ledger.dropped(self.name, Reason.THINNED, tally.thinned)
        self._ledger.dropped(self.name, Reason.SUPERSEDED, tally.superseded)
        self._ledger.dropped(self.name, Reason.UNDECODABLE, tally.undecodable)
        if message.what is MessageKind.FAILED:
            raise message.error()
        if message.what is MessageKind.COUNTS and tally.undecodable and not (tally.thinned or tally.superseded):
            watch.saw_garbage()
            return
        watch.saw_picture()
        if message.what is MessageKind.FRAME:
            self._picture_at = time.monotonic()
            self._enter(UP, None)
            if overtaken:
                self._ledger.dropped(self.name, Reason.SUPERSEDED)
            else:
                self._publish(message)

    def _enter(self, word: str, reason: str | None) -> bool:
        """Be in a state; tell whether it, or its reason, is another than before."""
        old = self._state
        if (old.state, old.reason) == (word, reason):
            return False
        since = old.since if old.state == word else now_us()
        self._state = State(word, since, reason)
        if word == UP:
            log.info("camera is up", extra={"camera": self.name, "source": str(self._job.source)})
        else:
            log.warning("camera is %s", word, extra={"camera": self.name, "reason": reason})
        self._changed(self)
        return True


def _state_of(exc: CameraError) -> str:
    match exc:
        case CameraRefused():
            return REFUSED
        case CameraFrozen():
            return FROZEN
        case _:
            return DOWN
