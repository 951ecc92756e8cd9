"""The process that captures one camera: opens, reads, decodes, scales, encodes, and writes frames to a pipe.

It is a process of its own so that it can be killed when a read never returns. It dies with the producer.
"""

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TYPE_CHECKING, assert_never

from producer.pacing import Thinner
from producer.pipe_writer import PipeWriter
from producer.protocol import CaptureJob, Counts
from producer.source import Kind
from shared.crashes import no_thread_dies_silently
from shared.errors import BadPicture, CameraError

if TYPE_CHECKING:
    from producer.picture import CapturedPicture

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    """Do the job that standard input describes, until the producer kills us or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everyone at the terminal; the producer decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # take leave of the camera; the producer waits a moment
    logging.basicConfig(format="%(message)s", level=logging.INFO)  # to standard error, which the producer reads
    job = CaptureJob.from_line(sys.stdin.buffer.readline())
    _die_with_parent()
    pipe = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not come between frames
    outbox = PipeWriter(pipe)
    with no_thread_dies_silently(lambda: os._exit(1)):  # its traceback goes to the producer by standard error
        outbox.start()
        try:
            capture(job, outbox)
        except CameraError as exc:
            outbox.fail(exc)
            outbox.join()
        except SystemExit:
            log.info("the capture was asked to end")
    sys.stderr.flush()
    os._exit(0)  # not through destructors: a thread may still be inside FFmpeg


def capture(job: CaptureJob, outbox: PipeWriter) -> None:
    """Put what the camera gives into the outbox, until it fails.

    Raises:
        CameraError: it cannot be opened, or gives no more.
    """
    from producer.picture import (  # the libraries take a while: not before the pipe is in order
        FrameEncoder,
        Undecodable,
    )

    press = FrameEncoder(scale_x=job.scale_x, scale_y=job.scale_y, quality=job.quality, raw=job.raw)
    thinner = Thinner(job.interval_s)
    with closing(_shots(job, outbox.tick)) as shots:
        for shot in shots:
            if shot.overtaken:
                outbox.count(Counts(superseded=1))
            elif isinstance(shot.content, Undecodable):
                outbox.count(Counts(undecodable=1))
            elif not thinner.keeps(shot.at_s):
                outbox.count(Counts(thinned=1))
            else:
                try:
                    published = press.publish(shot.content)
                except BadPicture:
                    outbox.count(Counts(undecodable=1))
                else:
                    outbox.put(shot.captured_at, published.width, published.height, published.data)


def _shots(job: CaptureJob, tick: Callable[[], None]) -> "Generator[CapturedPicture]":
    match job.source.kind:
        case Kind.LINK:
            from producer import link

            return link.shots(job.source.text)
        case Kind.FILES:
            from producer import files as reel

            return reel.shots(job.source.text, interval_s=job.interval_s, tick=tick)
        case Kind.DEVICE:
            from producer import device

            return device.shots(job.source.text)
        case kind:
            assert_never(kind)


def _die_with_parent() -> None:
    """End when the producer does, however it ends: by the kernel's word on Linux, by the end of our input anywhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    main()
