"""The text between the pictures of a stream, as cameras write it: boundaries and heads of parts (RFC 2046, 5.1)."""

import re

SHORTEST_TOKEN = 4  # bytes of a boundary; a shorter one is found in coded data by chance
IMAGE_HEAD = re.compile(rb"content-type[ \t]*:[ \t]*image/", re.IGNORECASE)
LONGEST_IMAGE_HEAD = 32
# Where text begins behind a picture without EOI: a boundary, a head of HTTP, or the lines of a part's head.
TEXT = re.compile(
    rb"(?:\r?\n){1,4}(?:--[!-~]{3,200}[ \t]*\r?\n|HTTP/1\.\d |(?:Content-|X-)[A-Za-z-]{2,40}[ \t]*:)", re.IGNORECASE
)
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,10})\b", re.IGNORECASE)
_DELIMITER = re.compile(rb"^-{1,8}([!-~]{3,200}?)(?:--)?[ \t]*\r?$", re.MULTILINE)


def length(text: bytes) -> int:
    """Return the Content-Length in the head of a part; 0 if there is none."""
    lengths = _LENGTH.findall(text)
    return int(lengths[-1]) if lengths else 0


def token(text: bytes) -> bytes:
    """Return the boundary in a text, without its dashes; empty if there is none."""
    found = _DELIMITER.search(text)
    return found[1] if found and len(found[1]) >= SHORTEST_TOKEN else b""
