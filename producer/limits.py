"""Limits the memory of a capture: whatever its camera sends, only the capture can run out of memory."""

import ctypes
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

from shared.frames.jpeg import MAX_PIXELS

MEMORY_BYTES = 512 << 20
"""Memory for pictures, on top of what the libraries take. H.264 in 4K with 16 reference pictures takes 370 MB."""
OUT_OF_MEMORY = f"its pictures need more than {MEMORY_BYTES >> 20} MB of memory"
DECODER_OPTIONS = {"max_pixels": str(MAX_PIXELS)}
"""FFmpeg's own check of a picture's size, before it allocates anything for it."""


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
_KEPT_BYTES = 4 << 20  # coded pictures; decoded ones are given back, or they would add up to the limit


def _keep_freed_memory() -> None:
    """Keep the memory of one picture for the next: to give it back and fault it in again costs more than to copy it."""
    with suppress(AttributeError, OSError):  # another C library than glibc
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def confine() -> None:
    """Limit the memory of this process from now on, and offer it to the kernel first when memory runs out.

    The limit is one of data (RLIMIT_DATA, setrlimit(2): private writable mappings), since addresses without memory
    behind them, which libraries reserve generously, do no harm. Linux only; elsewhere nothing is limited.
    """
    if sys.platform != "linux":
        return
    _keep_freed_memory()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    taken = re.search(r"^VmData:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if taken:
        limit = int(taken[1]) * 1024 + MEMORY_BYTES
        with suppress(OSError, ValueError):  # a lower limit applies already
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
