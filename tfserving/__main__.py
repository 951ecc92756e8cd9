"""`python -m tfserving`: the local stand-in for TensorFlow Serving."""

import logging
import os
import sys
import threading

from shared.crashes import no_thread_dies_silently
from shared.signals import stop_on_signals
from tfserving.errors import SettingsError
from tfserving.standin.flags import parse_flags
from tfserving.standin.server import serve


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s tfserving: %(message)s"
    )
    stop = threading.Event()
    with stop_on_signals(stop, second_exits=True):
        try:
            with no_thread_dies_silently(lambda: os._exit(1)):
                serve(parse_flags(), stop)
        except SettingsError as exc:
            sys.stderr.write(f"tfserving: {exc}\n")
            return 2
        # A thread may still be inside TensorFlow although its answer has been sent: a normal exit would wait for it,
        # or take the interpreter down under it and abort.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
