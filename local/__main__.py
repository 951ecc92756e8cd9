"""Starts the whole suite on this machine: `python -m local`."""

import signal
import sys


def _run() -> int:
    # Ctrl-C during the imports, before anything has been started, ends this process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from local.start import main

    return main()


if __name__ == "__main__":
    sys.exit(_run())
