"""A link that is slow: few bytes a second of the server's answers go through."""

import time

from tests.browser.forwarder import Forwarder


class SlowLink(Forwarder):
    """Forwards connections; `bytes_per_s` may change while it runs, None is no limit."""

    PIECE_BYTES = 2048
    BUFFER_BYTES = 16_384  # a real link has no more than some milliseconds of buffer in front of it

    bytes_per_s: float | None = None

    def answer(self, data: bytes) -> None:
        """Take the time that the piece needs on the link."""
        if self.bytes_per_s is not None:
            time.sleep(len(data) / self.bytes_per_s)
