"""The first moment of a service: ready to end before it is ready to begin.

A container's first process gets no signal that it has no handler for, and importing what a service needs takes most of
a second: a SIGTERM in that time would be lost, and the pod killed at the end of its grace period.
"""

import importlib
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn


def start(module: str) -> NoReturn:
    """Import a service's module and run its `main`; a SIGTERM before that takes over ends the process with status 0.

    When `main` returns, the process ends at once. A client of the bus may still wait for a broker that does not answer,
    in a thread that is not waited for: let back into an interpreter that is being taken down, it aborts the process.

    Args:
        module: that has `main() -> int`, the status to exit with.
    """
    # Nothing has been opened yet, hence nothing to close.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    status = importlib.import_module(module).main()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it has gone
            stream.flush()
    os._exit(status)
