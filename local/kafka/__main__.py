"""Starts a real Kafka on this machine with the suite's topics: `python -m local.kafka`."""

import argparse
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from local.console import Console
from local.kafka.node import FIRST_PORT, LISTENERS, KafkaEnded, Node, Ports
from local.kafka.parts import FOLDER, PartMissing, cache_folder, jars, version
from local.ports import LOOPBACK, check_free
from local.signals import signals_caught
from shared.broker import Bus
from shared.errors import BusError, SettingsError
from shared.quantities import Address
from shared.settings import end_with
from shared.topics import apply_list, read_list

PROGRAM = "make kafka"
WATCH_S = 0.2
HIGHEST_FIRST = 65535 - len(LISTENERS) + 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the broker until a signal comes; return the status to exit with."""
    parser = argparse.ArgumentParser(prog="python -m local.kafka", description=__doc__.partition(":")[0])
    parser.add_argument(
        "--first-port",
        type=_first_port,
        default=FIRST_PORT,
        metavar="PORT",
        help="of the five listeners; the controller has the one before [%(default)d]",
    )
    parser.add_argument("--data", type=Path, default=cache_folder() / "data", metavar="DIR", help="[%(default)s]")
    options = parser.parse_args(argv)
    try:
        stop = threading.Event()
        with signals_caught(stop):
            return _run(options.first_port, options.data.absolute(), Console(), stop)
    except SettingsError as exc:
        return end_with(PROGRAM, exc)
    except (PartMissing, KafkaEnded, BusError) as exc:
        sys.stderr.write(f"{PROGRAM}: {exc}\n")
        return 1


def _run(first_port: int, data: Path, console: Console, stop: threading.Event) -> int:
    topics = read_list(FOLDER / "topics.toml")
    ports = Ports.from_first(first_port)
    for port in (ports.controller, *ports.listeners):
        check_free("--first-port", Address(LOOPBACK, port))
    node = Node(jars(console.waiting), data, ports)
    try:
        with console.waiting(f"starting Kafka {version()}"):
            node.start()
            node.wait_until_ready()
        for line in apply_list(topics, Bus(node.servers[0]), wait_s=10, say=console.say):
            console.say(f"  topic {line}")
        producer = node.servers[LISTENERS.index("PROD1")]
        console.say(f"\n  Kafka {version()} at {producer}, data in {data}   (Ctrl-C ends it)")
        console.say(f"  Now, in another terminal: BROKER={producer} make run\n")
        while not stop.wait(WATCH_S):
            if node.status() is not None:
                raise KafkaEnded(f"it ended with status {node.status()}; what it said is in {node.said}")
    finally:
        node.stop()
    return 0


def _first_port(text: str) -> int:
    port = int(text)
    if not 2 <= port <= HIGHEST_FIRST:
        raise ValueError
    return port


if __name__ == "__main__":
    sys.exit(main())
