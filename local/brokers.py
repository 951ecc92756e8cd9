"""Starts the broker of the suite: the embedded one, or a real Kafka."""

import subprocess
import threading

from local.console import Console
from local.errors import CannotStart
from local.kafka.configuration import LISTENERS, Ports
from local.kafka.node import listens
from local.kafka.parts import PartMissing, data_folder, jars, java, version
from local.plan import Program
from local.ports import LOOPBACK, check_free
from local.process import Process, command, describe
from shared.bus import Bus, Topics
from shared.go_notation import Address

WATCH_S = 0.1
ASK_TIMEOUT_S = 1.0


def start_embedded(program: Program, console: Console) -> tuple["subprocess.Popen[str]", str]:
    """Start the broker in memory; return its process and its address.

    Raises:
        CannotStart: it ended before it printed an address.
    """
    process = subprocess.Popen(
        command(program),
        env=dict(program.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with console.waiting("starting the embedded broker"):
        servers = (process.stdout.readline() if process.stdout else "").strip()
    if not servers:
        raise CannotStart(f"the embedded broker did not start ({describe(process.wait())})")
    console.say(f"  broker     {servers}  (embedded, in memory)")
    return process, servers


def check_kafka(first_port: int, console: Console) -> None:
    """Check that a real Kafka can start: its ports are free, Java is installed, and its jars are there or downloaded.

    Raises:
        SettingsError: a port is taken.
        CannotStart: Java or Maven is missing, or the jars cannot be downloaded.
    """
    for port in Ports.from_first(first_port).all:
        check_free("KAFKAFIRSTPORT", Address(LOOPBACK, port))
    try:
        java()
        jars(console.waiting)
    except PartMissing as exc:
        raise CannotStart(f"BROKER=apache: {exc}") from exc


def wait_for_kafka(kafka: Process, first_port: int, console: Console, stop: threading.Event) -> str:
    """Wait until a real Kafka that was started answers, or until the stop; return the address for the services.

    Raises:
        CannotStart: it ended.
    """
    port = Ports.from_first(first_port).listeners[LISTENERS.index("PROD1")]
    servers = f"{LOOPBACK}:{port}"
    admin = Topics(Bus(servers))
    with console.waiting(f"starting Kafka {version()}"):
        while not (stop.wait(WATCH_S) or (listens(port) and admin.broker_answers(ASK_TIMEOUT_S))):
            status = kafka.watch()
            if status is not None:
                raise CannotStart(f"Kafka did not start ({describe(status)})")
    console.say(f"  broker     {servers}  (Kafka {version()}, data in {data_folder(first_port)})")
    return servers
