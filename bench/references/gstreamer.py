"""GStreamer's `rtspsrc … jpegenc`, as a whole process: RTSP in, MJPEG to every client of a TCP port."""

import shutil

from bench.client import LOOPBACK

QUALITY = 80  # as the suite's
INSTALL = "apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav"


def missing() -> str:
    """Return what this machine lacks, empty if nothing."""
    return "" if shutil.which("gst-launch-1.0") else f"gst-launch-1.0 is missing: {INSTALL}"


def command(link: str, port: int) -> list[str]:
    """Return the command; it decodes and encodes on one thread each, without a jitter buffer."""
    source = f"rtspsrc location={link} protocols=tcp latency=0 ! rtph264depay ! h264parse ! avdec_h264 max-threads=1"
    sink = f"jpegenc quality={QUALITY} ! multipartmux ! tcpserversink host={LOOPBACK} port={port} sync=false"
    return ["gst-launch-1.0", "-q", *source.split(), "!", *sink.split()]
