"""The process that captures, started as the producer does."""

import subprocess
import sys

from producer.protocol import CaptureJob
from producer.source import parse
from tests.producer.cameras import BUNNY

_BROKEN = """
from producer import capture, pipe_writer

def on_fire(*_):
    raise RuntimeError("the pipe is on fire")

pipe_writer.send = on_fire
capture.main()
"""


def test_a_thread_that_dies_takes_the_capture_with_it() -> None:
    """The producer sees the end at once, and why; without its pipe writer a capture would look frozen."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", _BROKEN], **pipes) as process:  # type: ignore[call-overload]
        process.stdin.write(CaptureJob(parse(str(BUNNY))).to_line())
        process.stdin.flush()  # it stays open: its end would be the producer's
        said = process.stderr.read().decode()
        status = process.wait()

    assert status == 1
    assert "a thread died, giving up" in said
    assert said.rstrip().endswith("RuntimeError: the pipe is on fire")
