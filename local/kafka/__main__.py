"""Starts a real Kafka on this machine with the suite's topics: `python -m local.kafka`."""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from local.console import Console
from local.kafka.configuration import FIRST_PORT, HIGHEST_FIRST_PORT, LISTENERS, Ports
from local.kafka.node import Node
from local.kafka.parts import FOLDER, POM, ZOOKEEPER_POM, PartMissing, data_folder, jars, version
from local.kafka.program import JavaProgram, KafkaEnded
from local.kafka.zookeeper import ZooKeeper
from local.ports import LOOPBACK, check_free
from shared.bus import Bus
from shared.errors import BusError, SettingsError
from shared.go_notation import Address
from shared.settings import end_with
from shared.signals import END_OR_HANG_UP, stop_on_signals
from shared.topics import apply_list, read_list

PROGRAM = "make kafka"
WATCH_S = 0.2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the broker until a signal arrives; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.kafka", description=__doc__.partition(":")[0])
    parser.add_argument(
        "--first-port",
        type=_first_port,
        default=FIRST_PORT,
        metavar="PORT",
        help="of the five listeners; the controller or ZooKeeper gets the port before it [%(default)d]",
    )
    parser.add_argument("--zookeeper", action="store_true", help="the original's form: Kafka 3.9 with ZooKeeper")
    parser.add_argument("--data", type=Path, metavar="DIR", help="[one for each form and first port]")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    options = parser.parse_args(argv)
    data = (options.data or data_folder(options.first_port, zookeeper=options.zookeeper)).absolute()
    out = Path(os.devnull).open("w") if options.quiet else sys.stdout  # noqa: SIM115 - for as long as the program runs
    try:
        stop = threading.Event()
        with stop_on_signals(stop, END_OR_HANG_UP, second_exits=False):
            return _run(Ports.from_first(options.first_port), data, options.zookeeper, Console(out), stop)
    except SettingsError as exc:
        return end_with(PROGRAM, exc)
    except (PartMissing, KafkaEnded, BusError) as exc:
        sys.stderr.write(f"{PROGRAM}: {exc}\n")
        return 1


def _run(ports: Ports, data: Path, zookeeper: bool, console: Console, stop: threading.Event) -> int:
    topics = read_list(FOLDER / "topics.toml")
    for port in ports.all:
        check_free("--first-port", Address(LOOPBACK, port))
    pom = ZOOKEEPER_POM if zookeeper else POM
    programs = _programs(jars(console.waiting, pom=pom), data, ports, zookeeper=zookeeper)
    node = programs[-1]
    with ExitStack() as running:
        with console.waiting(f"starting Kafka {version(pom)}"):
            for program in programs:
                running.enter_context(program)
        for line in apply_list(topics, Bus(node.servers[0]), wait_s=10, say=console.say):
            console.say(f"  topic {line}")
        producer = node.servers[LISTENERS.index("PROD1")]
        console.say(f"\n  Kafka {version(pom)} at {producer}, data in {data}   (Ctrl-C ends it)")
        console.say(f"  Now, in another terminal: BROKER={producer} make run\n")
        while not stop.wait(WATCH_S):
            for program in programs:
                if program.status() is not None:
                    raise KafkaEnded(
                        f"{program.name} ended with status {program.status()}; its output is in {program.output}"
                    )
    return 0


def _programs(jars: Path, data: Path, ports: Ports, *, zookeeper: bool) -> tuple[*tuple[JavaProgram, ...], Node]:
    """Return the programs to start, in this order; the broker is the last."""
    if not zookeeper:
        return (Node(jars, data, ports),)
    keeper = ZooKeeper(jars, data / "zookeeper", ports.controller)
    return keeper, Node(jars, data, ports, zookeeper=keeper.address)


def _first_port(text: str) -> int:
    port = int(text)
    if not 2 <= port <= HIGHEST_FIRST_PORT:
        raise ValueError
    return port


if __name__ == "__main__":
    sys.exit(main())
