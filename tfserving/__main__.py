"""`python -m tfserving`: the local stand-in for TensorFlow Serving."""

import logging
import os
import signal
import sys
import threading
from types import FrameType

from shared.crashes import no_thread_dies_silently
from tfserving.errors import SettingsError
from tfserving.standin.flags import parse_flags
from tfserving.standin.server import serve


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s tfserving: %(message)s"
    )
    stop = threading.Event()
    asked: list[int] = []

    def caught(number: int, _frame: FrameType | None) -> None:
        if asked:  # for the second time: at once
            os._exit(128 + number)
        asked.append(number)
        threading.Thread(target=stop.set, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, caught)
    try:
        with no_thread_dies_silently(lambda: os._exit(1)):
            serve(parse_flags(), stop)
    except SettingsError as exc:
        sys.stderr.write(f"tfserving: {exc}\n")
        return 2
    # A thread may still be on its way out of TensorFlow, even with its answer given: a normal exit would wait for it,
    # or pull the rug from under it and abort.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
