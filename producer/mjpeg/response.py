"""The head of an HTTP answer, and how its body is read (RFC 9112, section 6)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from producer.mjpeg.body import ChunkedBody
from producer.mjpeg.scanner import TOLERATED_BYTES

NOT_MODIFIED = 304
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]*)"|\'([^\']*)\'|([^\s;,"]+))', re.IGNORECASE)


@dataclass(slots=True)
class Response:
    """The head of an answer, and what is needed to read its body.

    Attributes:
        status: 200 for a camera that sends no head.
        headers: by their names in lower case.
        received: bytes of the body so far.
        closed: the camera has closed the connection.
        content_type: the media type, without parameters; empty if there is none.
        length: bytes of the body; None if its end is not announced. Multiparts are endless, whatever their head says.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    received: int = 0
    closed: bool = False
    content_type: str = field(init=False)
    length: int | None = field(init=False)
    _chunked: ChunkedBody | None = None

    def __post_init__(self) -> None:
        """Prepare to read the body as its head says."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            self._chunked = ChunkedBody()
        self.content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.length = self._announced_length()

    @property
    def boundary(self) -> str:
        """The boundary that the head declares, as it stands there; empty if there is none."""
        found = _BOUNDARY.search(self.headers.get("content-type", ""))
        return next(filter(None, found.groups()), "") if found else ""

    @property
    def complete(self) -> bool:
        """Whether the whole body has been read."""
        if self.closed:
            return True
        if self._chunked:
            return self._chunked.complete
        return self.length is not None and self.received >= self.length

    @property
    def cut_short(self) -> bool:
        """Whether the camera closed the connection long before the end of the body that it announced."""
        if self._chunked:
            return not self._chunked.complete
        return self.length is not None and self.received + TOLERATED_BYTES < self.length

    @property
    def keeps_connection(self) -> bool:
        """Whether another request may follow on the connection once the body has been read."""
        return not self.closed and "close" not in self.headers.get("connection", "").lower()

    def take(self, data: bytes | bytearray) -> bytes | bytearray:
        """Return what bytes off the connection hold of the body."""
        self.received += len(data)
        return self._chunked.add(data) if self._chunked else data

    def _announced_length(self) -> int | None:
        text = self.headers.get("content-length", "").strip()
        if self._chunked or self.content_type.startswith("multipart/") or not re.fullmatch(r"\d{1,15}", text):
            return 0 if self.status == NOT_MODIFIED else None
        return int(text)
