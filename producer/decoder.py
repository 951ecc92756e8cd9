"""Decodes coded pictures one by one, without a delay of the decoder's own."""

from collections.abc import Iterator
from typing import Any

import av
import av.error
from av.codec.context import Flags

from producer.content import CameraJpeg, Content, Undecodable
from producer.limits import DECODER_OPTIONS


class Decoder:
    """Turns the packets of one video into pictures.

    One thread, since frame threads hold back a frame each; several cameras have several processes anyway.
    """

    def __init__(self, context: av.VideoCodecContext, *, low_delay: bool) -> None:
        """Prepare.

        Args:
            context: of a decoder that has decoded nothing yet.
            low_delay: never hold a picture back to sort it; right for cameras, wrong for files with B frames.
        """
        self._context = context
        self._is_jpeg = self._context.name == "mjpeg"
        self._context.options = {**self._context.options, **DECODER_OPTIONS}
        self._context.thread_type = "SLICE"
        self._context.thread_count = 1
        if low_delay:
            self._context.flags |= Flags.low_delay

    def decode(self, packet: "av.Packet[Any] | None") -> Iterator[Content]:
        """Yield the pictures that a packet releases; None: those that are still held back.

        With B frames a picture is released by a later packet than the one that holds it.
        """
        if self._is_jpeg:
            if packet is not None:
                yield CameraJpeg(bytes(packet))
            return
        try:
            yield from self._context.decode(packet)
        except (av.error.FFmpegError, OSError):
            yield Undecodable()
