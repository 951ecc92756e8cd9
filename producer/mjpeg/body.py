"""Takes the chunks of an HTTP body apart (RFC 9112, section 7.1), also where a camera gets them wrong."""

import re
from dataclasses import dataclass, field

_SIZE = re.compile(rb"[ \t\r\n]{0,8}([0-9A-Fa-f]{1,8})[ \t]*(;[^\r\n]{0,256})?\r?\n")
_MAYBE_SIZE = re.compile(rb"[ \t\r\n]{0,8}[0-9A-Fa-f]{0,8}[ \t]*(;[^\r\n]{0,256})?\r?")
_NEXT_SIZE = re.compile(rb"\r\n[0-9A-Fa-f]{1,8}\r\n")
_LONGEST_SIZE_LINE = 300


@dataclass(slots=True)
class ChunkedBody:
    """Decodes chunks to content. Not thread-safe: use from one thread.

    Where no chunk size stands where one should, the bytes up to the next one are content too; a body that has never had
    one is not chunked at all, whatever its head says.

    Attributes:
        complete: the last chunk has come, and nothing after it.
    """

    complete: bool = False
    _left: int = 0  # bytes of the current chunk
    _waiting: bytearray = field(default_factory=bytearray)
    _chunks: int = 0
    _raw: bool = False

    def add(self, data: bytes | bytearray) -> bytes | bytearray:
        """Return the content that these bytes hold."""
        if self._raw:
            return data
        self._waiting += data
        content: list[bytes] = []
        while self._waiting and self._next(content):
            pass
        return b"".join(content)

    def _next(self, content: list[bytes]) -> bool:
        """Move what can be moved to the content; return whether there may be more."""
        if self._left:
            piece = bytes(self._waiting[: self._left])
            self._take(len(piece), content)
            self._left -= len(piece)
            return True
        size = _SIZE.match(self._waiting)
        if size:
            self._left = int(size[1], 16)
            self._chunks += 1
            self.complete = not self._left
            del self._waiting[: size.end()]
            return True
        if len(self._waiting) < _LONGEST_SIZE_LINE and _MAYBE_SIZE.fullmatch(self._waiting):
            return False
        self.complete = False
        if not self._chunks:
            self._raw = True
            self._take(len(self._waiting), content)
            return False
        following = _NEXT_SIZE.search(self._waiting)
        keep = 0 if following else 11  # the beginning of a size line may be at the end
        if not following and len(self._waiting) <= keep:
            return False
        self._take(following.start() if following else len(self._waiting) - keep, content)
        return bool(following)

    def _take(self, count: int, content: list[bytes]) -> None:
        content.append(bytes(self._waiting[:count]))
        del self._waiting[:count]
