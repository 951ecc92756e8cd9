"""The embedded broker as a process of its own: prints its address, then serves until a signal or the end of input."""

import signal
import sys

from shared.bus import EmbeddedBroker


def main() -> None:
    """Serve until SIGTERM; SIGINT is for whoever started this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    broker = EmbeddedBroker()
    sys.stdout.write(f"{broker.servers}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main()
