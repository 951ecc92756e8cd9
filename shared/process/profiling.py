"""Writes a profile of CPU time or memory at exit, as the original's pkg/profile did."""

import logging
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yappi

log = logging.getLogger(__name__)


@contextmanager
def profiled(kind: str, service: str) -> Iterator[None]:
    """Profile all threads of this process while the block runs, and log where the profile was written.

    Args:
        kind: `cpu` (pstats' format; read it with `python -m pstats FILE`), `mem` (tracemalloc's snapshot; read it
            with `tracemalloc.Snapshot.load`), or empty for none.
        service: part of the name of the file, which is in the folder for temporary files and private.
    """
    if kind == "cpu":
        yappi.set_clock_type("cpu")
        yappi.start()
    elif kind == "mem":
        tracemalloc.start(16)
    else:
        yield
        return
    try:
        yield
    finally:
        try:
            path = _new_file(f"{service}-{os.getpid()}-", f".{kind}.profile")
            _write(kind, path)
        except OSError as exc:  # a container's root file system may be read-only
            log.error("profile not written", extra={"error": str(exc)})  # noqa: TRY400 - no traceback helps here
        else:
            log.info("profile written", extra={"path": str(path)})


def _new_file(prefix: str, suffix: str) -> Path:
    """Create a file that only this user can read; a predictable name might be another user's link."""
    descriptor, path = tempfile.mkstemp(prefix=prefix, suffix=suffix)
    os.close(descriptor)
    return Path(path)


def _write(kind: str, path: Path) -> None:
    if kind == "cpu":
        yappi.stop()
        yappi.get_func_stats().save(str(path), type="pstat")
    else:
        tracemalloc.take_snapshot().dump(str(path))
        tracemalloc.stop()
