"""The process that captures one camera: opens, reads, decodes, scales, encodes, and writes frames to a pipe.

It is a process of its own so that it can be killed when a read never returns. It dies with the producer.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TYPE_CHECKING, assert_never

from producer.limits import OUT_OF_MEMORY, confine
from producer.pacing import Thinner
from producer.pipe_writer import PipeWriter
from producer.protocol import NEWS, CaptureJob, Counts
from producer.source import SourceKind
from shared.child import end_with_parent
from shared.crashes import no_thread_dies_silently
from shared.errors import BadPicture, CameraError, CameraLost, NotMasked

if TYPE_CHECKING:
    from producer.content import CapturedPicture

log = logging.getLogger(__name__)


def main() -> None:
    """Do the job described on standard input until the producer ends this process, or ends itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the producer decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # sign off at the camera; the producer waits a moment
    logging.basicConfig(
        format="%(levelname)s %(message)s", level=logging.INFO
    )  # to standard error, which the producer reads
    job = CaptureJob.from_line(sys.stdin.buffer.readline())
    _die_with_parent()
    pipe = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not end up between frames
    pipe_writer = PipeWriter(pipe)
    with no_thread_dies_silently(lambda: os._exit(1)):  # its traceback goes to the producer by standard error
        pipe_writer.start()
        try:
            capture(job, pipe_writer)
        except CameraError as exc:
            pipe_writer.fail(exc)
            pipe_writer.join()
        except MemoryError:
            pipe_writer.fail(CameraLost(OUT_OF_MEMORY))
            pipe_writer.join()
        except SystemExit:
            log.debug("the capture was asked to end")
    sys.stderr.flush()
    os._exit(0)  # not through destructors: a thread may still be inside FFmpeg


def capture(job: CaptureJob, pipe_writer: PipeWriter) -> None:
    """Write what the camera delivers to the pipe until the camera fails.

    Raises:
        CameraError: the camera cannot be opened, or delivers no more.
    """
    # Slow to import: only after the pipe is set up.
    from producer.content import Undecodable
    from producer.encoder import FrameEncoder

    pictures = _pictures(job, pipe_writer.tick)
    confine()  # with the libraries loaded: what they take themselves does not count
    encoder = FrameEncoder(scale_x=job.scale_x, scale_y=job.scale_y, quality=job.quality, raw=job.raw, masks=job.masks)
    thinner = Thinner(job.interval_s)
    with closing(pictures):
        for picture in pictures:
            if picture.overtaken:
                pipe_writer.count(Counts(superseded=1))
            elif isinstance(picture.content, Undecodable):
                pipe_writer.count(Counts(undecodable=1))
            elif not thinner.keeps(picture.due_s):
                pipe_writer.count(Counts(thinned=1))
            else:
                try:
                    frame = encoder.encode(picture.content)
                except NotMasked as exc:
                    pipe_writer.count(Counts(unmasked=1))
                    _say(exc)
                except BadPicture:
                    pipe_writer.count(Counts(undecodable=1))
                else:
                    pipe_writer.put(picture.captured_at, frame.width, frame.height, frame.data)


def _say(exc: NotMasked) -> None:
    """Report to the producer's log, which shows the same line once per camera."""
    sys.stderr.write(f"{NEWS}pictures are dropped because of masks: {exc}\n".replace("\n", " ").rstrip() + "\n")
    sys.stderr.flush()


def _pictures(job: CaptureJob, tick: Callable[[], None]) -> "Generator[CapturedPicture]":
    match job.source.kind:
        case SourceKind.LINK:
            from producer import link

            rhythm, text = job.rhythm(), job.source.text
            return link.pictures(text, interval_s=job.interval_s, rhythm=rhythm, tick=tick, ca=job.ca)
        case SourceKind.FILES:
            from producer import files

            return files.pictures(job.source.text, interval_s=job.interval_s, tick=tick)
        case SourceKind.DEVICE:
            from producer import device

            return device.pictures(job.source.text)
        case kind:
            assert_never(kind)


def _die_with_parent() -> None:
    """End when the producer ends, however it ends: Linux sends a signal; elsewhere standard input reaches its end."""
    end_with_parent(signal.SIGKILL)

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    main()
