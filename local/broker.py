"""The embedded broker as a process: `python -m local.broker [TOPIC…]` prints its address and serves until SIGTERM."""

import signal
import sys

from shared.bus import EmbeddedBroker


def main() -> None:
    """Serve until SIGTERM; ignore SIGINT, which is for the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    broker = EmbeddedBroker()
    broker.make_topics(sys.argv[1:])
    sys.stdout.write(f"{broker.servers}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main()
