"""A camera that sends a picture every few seconds: up, from the capture to the page."""

import socket
import time

from tests.end_to_end.chain import Chain, embedded_broker
from tests.producer.mjpeg.odd_camera import MULTIPART, OddCamera, part, picture
from tests.waiting import wait_until

PICTURES = 3
GAP_S = 5.0
"""Longer than what makes a camera without a frame suspicious."""


def test_a_slow_camera_is_up_all_the_time() -> None:
    """Between its pictures, too; nothing is written on them, and each comes."""

    def send(client: socket.socket, _: str, __: int) -> None:
        client.sendall(MULTIPART)
        for number in range(PICTURES):
            client.sendall(part(picture(number)) + b"--frame\r\n")
            time.sleep(GAP_S)
        client.recv(1)  # the connection stays

    camera = OddCamera(send)
    try:
        with embedded_broker() as (_, bus), Chain(bus, suffix="-slow") as chain:
            chain.produce(CAMERA="slow", VIDEOLINK=camera.link(), CAMERATIMEOUT="30s")
            wait_until(lambda: chain.ask("/cameras/slow/predictions") is not None, "the first picture is there")
            states: set[str] = set()
            seen: set[int] = set()
            ends = time.monotonic() + PICTURES * GAP_S
            while time.monotonic() < ends:
                said = next(one for one in chain.ask("/cameras") if one["id"] == "slow")
                states.add(said["state"])
                seen.add(chain.ask("/cameras/slow/predictions")["seq"])
                time.sleep(0.2)
    finally:
        camera.close()

    assert states == {"up"}
    assert len(seen) == PICTURES
