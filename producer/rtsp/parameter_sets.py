"""Parameter sets out of a session description (RFC 6184, section 8.1; RFC 7798, section 7.1)."""

import base64
from collections.abc import Iterable, Iterator

_LEAST_BYTES = 4  # any shorter one is cut off


def decoded(lists: Iterable[str]) -> Iterator[bytes]:
    """Yield the parameter sets of comma-separated Base64 lists; skip invalid ones, which the stream repeats."""
    for text in lists:
        for part in text.split(","):
            stripped = part.strip().rstrip("=")
            try:
                unit = base64.b64decode(stripped + "=" * (-len(stripped) % 4), validate=True)
            except ValueError:  # binascii.Error, and characters beyond ASCII
                continue
            if len(unit) >= _LEAST_BYTES:
                yield unit
