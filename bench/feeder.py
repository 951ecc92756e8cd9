"""A broker in memory and a camera on it: `python -m bench.feeder FPS KILOBYTES`; it prints the broker's address.

What `video` reads when only its fan-out is measured: frames of one camera as the consumer writes them.
"""

import sys
import time

from bench.picture import HEIGHT, WIDTH, picture
from shared.bus import EmbeddedBroker, Writer
from shared.clock import now_us
from shared.frames.frame import Frame, to_headers

CAMERA = "front"
TOPIC = "videodisplay"


def main() -> None:
    """Write frames for ever."""
    fps, kilobytes = float(sys.argv[1]), int(sys.argv[2])
    broker = EmbeddedBroker()
    print(broker.servers, flush=True)
    jpeg, run = picture(kilobytes), now_us()
    with Writer(broker.bus()) as writer:
        began, sequence = time.monotonic(), 0
        while True:
            sequence += 1
            time.sleep(max(0.0, began + sequence / fps - time.monotonic()))
            now = now_us()
            frame = Frame(CAMERA, run, sequence, now, WIDTH, HEIGHT, jpeg, imprinted_at=now, numbering=(run, sequence))
            writer.send(TOPIC, key=CAMERA, value=jpeg, headers=to_headers(frame), on_delivery=lambda _: None)


if __name__ == "__main__":
    main()
