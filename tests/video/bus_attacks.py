"""Records that anyone who reaches the bus may write: the worst of them, on purpose.

python -m tests.video.bus_attacks KIND BUS SECONDS    where BUS is the JSON of servers and properties
"""

import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO

from PIL import Image

from shared.bus import Bus, Writer
from shared.frames.frame import to_headers
from tests.video.stage import frame, jpeg

HOSTILE = "hostile"


def expensive_pictures(bus: Bus) -> Iterator[float]:
    """Write the largest pictures that are accepted."""
    coded = BytesIO()
    Image.new("L", (5990, 5990)).save(coded, "JPEG")
    with Writer(bus) as writer:
        for seq in itertools.count(1):
            send(writer, HOSTILE, seq, coded.getvalue())
            yield 0.2


def predictions(bus: Bus) -> Iterator[float]:
    """Write frames with much more to say than a consumer has."""
    header = b"[" + b",".join([b"[]"] * 230_000) + b"]"
    with Writer(bus) as writer:
        for seq in itertools.count(1):
            send(writer, HOSTILE, seq, jpeg(), predictions=header)
            yield 0.2


def names(bus: Bus) -> Iterator[float]:
    """Write reports of cameras that flap, and frames of cameras that nobody knows."""
    with Writer(bus) as writer:
        for seq in itertools.count(1):
            state = ("up", "down")[seq % 2]
            cameras = {f"x{number}": {"state": state, "since": seq, "reason": "r"} for number in range(1000)}
            report = {"service": "producer", "instance": f"i{seq}", "at": time.time_ns() // 1000, "ending": False}
            report |= {"cameras": cameras, "models": {}, "ledger": {}}
            value = json.dumps(report).encode()
            writer.send("videostatus", key=f"producer/i{seq}", value=value, headers=[], on_delivery=lambda _: None)
            for number in range(20):
                send(writer, f"y{seq}-{number}", 1, jpeg())
            yield 0.2


KINDS: dict[str, Callable[[Bus], Iterator[float]]] = {
    "expensive_pictures": expensive_pictures,
    "predictions": predictions,
    "names": names,
}


def send(writer: Writer, camera: str, seq: int, picture: bytes, **changes: object) -> None:
    """Write one frame."""
    sent = frame(camera, seq, picture, **changes)
    writer.send("videodisplay", key=camera, value=sent.jpeg, headers=to_headers(sent), on_delivery=lambda _: None)


def main() -> None:
    """Write records of every given kind at once."""
    bus, seconds, *kinds = sys.argv[1:]
    os.nice(15)
    servers, properties = json.loads(bus)
    threads = [
        threading.Thread(target=write, args=(KINDS[kind](Bus(servers, properties)), float(seconds))) for kind in kinds
    ]
    sys.stdout.write("attacking\n")
    sys.stdout.flush()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def write(records: Iterator[float], seconds: float) -> None:
    """Run a generator that writes records and yields the seconds until the next ones."""
    ends_at = time.monotonic() + seconds
    for pause_s in records:
        if time.monotonic() > ends_at:
            return
        time.sleep(pause_s)


if __name__ == "__main__":
    main()
