"""The start of a service, during which it can already be stopped.

The first process of a container receives no signal that it has no handler for, and importing a service takes most of a
second. A SIGTERM in that time would be lost, and the pod killed at the end of its grace period.
"""

import importlib
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn


def start(module: str) -> NoReturn:
    """Import a service's module and run its `main`; until `main` handles SIGTERM, it ends the process with status 0.

    When `main` returns, the process ends at once. A client of the bus may still be waiting for a broker in a thread of
    its own; it would abort the process if it returned to an interpreter that is shutting down.

    Args:
        module: has `main() -> int`, which returns the exit status.
    """
    # Nothing has been opened yet, so there is nothing to close.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    status = importlib.import_module(module).main()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # its reader has gone
            stream.flush()
    os._exit(status)
