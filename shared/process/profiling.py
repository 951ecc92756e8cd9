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
    """Profile all threads of this process while the block runs, and say where the profile was written.

    Args:
        kind: `cpu` (pstats' format; read it with `python -m pstats FILE`), `mem` (tracemalloc's snapshot; read it
            with `tracemalloc.Snapshot.load`), or empty: nothing.
        service: part of the file's name, in the folder for temporary files.
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
            path = Path(tempfile.gettempdir()) / f"{service}-{os.getpid()}.{kind}.profile"
            _write(kind, path)
        except OSError as exc:  # a container's root file system may be read-only
            log.error("profile not written", extra={"error": str(exc)})  # noqa: TRY400 - no traceback helps here
        else:
            log.info("profile written", extra={"path": str(path)})


def _write(kind: str, path: Path) -> None:
    if kind == "cpu":
        yappi.stop()
        yappi.get_func_stats().save(str(path), type="pstat")
    else:
        tracemalloc.take_snapshot().dump(str(path))
        tracemalloc.stop()
