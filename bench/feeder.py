"""A camera on the bus: `python -m bench.feeder SERVERS TOPIC FPS KILOBYTES`.

It writes what `video` reads when only its fan-out is measured: frames of one camera as the consumer writes them.
"""

import sys
import time

from bench.picture import HEIGHT, WIDTH, picture
from shared.bus import Bus, Writer
from shared.clock import now_us
from shared.frames.frame import Frame, to_headers

CAMERA = "front"


def main() -> None:
    """Write frames for ever."""
    servers, topic, fps, kilobytes = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    jpeg, run = picture(kilobytes), now_us()
    with Writer(Bus(servers)) as writer:
        began, sequence = time.monotonic(), 0
        while True:
            sequence += 1
            time.sleep(max(0.0, began + sequence / fps - time.monotonic()))
            now = now_us()
            frame = Frame(CAMERA, run, sequence, now, WIDTH, HEIGHT, jpeg, imprinted_at=now, numbering=(run, sequence))
            writer.send(topic, key=CAMERA, value=jpeg, headers=to_headers(frame), on_delivery=lambda _: None)


if __name__ == "__main__":
    main()
