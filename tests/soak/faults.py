"""The faults of a soak, in the order in which they come.

Each is made, lasts, and ends: its function returns as soon as the part that was restored answers a probe. What must go
on meanwhile is looked at while it lasts.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import confluent_kafka.admin
from confluent_kafka import KafkaException

from shared.bus import Bus, Delivery, Writer
from tests.processes import freeze, thaw
from tests.soak.books import Archive
from tests.soak.parts import CONSUMERS, PRODUCER, STREET, TOPIC, VIDEOS, YARD, Parts
from tests.soak.viewers import Viewer, who_never_read, who_vanish
from tests.suite import Service
from tests.waiting import PATIENCE_S, wait_until

TOPICS_UNKNOWN_S = 3.0  # longer than metadata is cached: every client has seen that a topic is gone
BAD_VIEWERS = 20  # of each kind
NEVER_KILLED = VIDEOS[0]  # its viewers must never be disconnected
JPEG = ("content-type", b"image/jpeg")
JUNK: tuple[tuple[bytes, list[tuple[str, bytes]]], ...] = (
    (b"", []),
    (b"", [JPEG]),
    (b"\xff\xd8\xff\xe0truncated", [JPEG]),
    (b'{"mat": "AAAA"', []),
    (bytes(5_000_000), [JPEG]),
    (b"hello", [("content-type", b"text/plain")]),
)


@dataclass(frozen=True)
class Ground:
    """What a fault acts on."""

    parts: Parts
    archive: Archive
    viewers: list[Viewer]

    def goes_on(self, *cameras: str, ports: tuple[int, ...] = ()) -> None:
        """Wait until the viewers of these cameras (at these ports) have seen a picture captured from now on.

        Raises:
            AssertionError: they have not.
        """
        now = time.time()
        ports = ports or tuple(self.parts.ports.values())

        def all_see() -> bool:
            watching = [viewer for viewer in self.viewers if viewer.port in ports]
            newest = [viewer.newest[c].captured_at for viewer in watching for c in cameras if c in viewer.newest]
            return bool(newest) and min(newest) > now

        wait_until(all_see, f"{' and '.join(cameras)} go on", within_s=PATIENCE_S)


@dataclass(frozen=True)
class Fault:
    """A fault: its name, how to cause it, and what it may cost.

    Attributes:
        name: as in the table.
        make: makes it and ends it; called with how many seconds it lasts.
        lasts_s: in a short soak, and in a long one.
        cut_off: consumers may lose what they read before they can commit.
    """

    name: str
    make: Callable[[Ground, float], None]
    lasts_s: tuple[float, float]
    cut_off: bool = False


def camera_gone(ground: Ground, lasts_s: float) -> None:
    """The RTSP camera is killed and restarted at the same address."""
    parts = ground.parts
    parts.kill(parts.street)
    with _lasting(lasts_s):
        wait_until(lambda: not _is_up(parts, STREET), "the producer says that the camera is down")
        ground.goes_on(YARD)
    parts.start_street()


def camera_frozen(ground: Ground, lasts_s: float) -> None:
    """The MJPEG camera stays connected and sends nothing."""
    parts = ground.parts
    parts.yard.frozen.set()
    try:
        with _lasting(lasts_s):
            wait_until(lambda: not _is_up(parts, YARD), "the producer says that the camera is frozen")
            ground.goes_on(STREET)
    finally:
        parts.yard.frozen.clear()


def broker_killed(ground: Ground, lasts_s: float) -> None:
    """SIGKILL, a while without a broker, a start with the same data."""
    node = ground.parts.node
    node.kill()
    time.sleep(lasts_s)
    node.start()
    ground.parts.wait_for_broker()


def broker_frozen(ground: Ground, lasts_s: float) -> None:
    """SIGSTOP for longer than sessions and requests last."""
    node = ground.parts.node
    with _frozen(node.pid):
        time.sleep(lasts_s)
    ground.parts.wait_for_broker()


def model_server_killed(ground: Ground, lasts_s: float) -> None:
    """No model server for a while; pictures continue without labels."""
    parts = ground.parts
    parts.kill(parts.serving)
    with _lasting(lasts_s):
        ground.goes_on(STREET, YARD)
    parts.start_serving()


def model_server_frozen(ground: Ground, lasts_s: float) -> None:
    """It accepts requests and does not answer for longer than MODELTIMEOUT; pictures continue without labels."""
    parts = ground.parts
    with _frozen(parts.serving.process.pid), _lasting(lasts_s):
        ground.goes_on(STREET, YARD)
    parts.wait_for_model()


def consumer_killed(ground: Ground, lasts_s: float) -> None:
    """The one that has the RTSP camera is killed; the other takes it over before there are two again."""
    parts = ground.parts
    name = parts.who_has(STREET)
    _kill(ground, name)
    with _lasting(lasts_s):
        ground.goes_on(STREET, YARD)
    parts.start_service(name)


def consumer_paused(ground: Ground, lasts_s: float) -> None:
    """The one that has the RTSP camera is stopped for longer than its session in the group lasts."""
    parts = ground.parts
    service = parts.services[parts.who_has(STREET)]
    with _frozen(service.process.pid):
        time.sleep(lasts_s)
    _wait_for(service)


def frames_topic_anew(ground: Ground, lasts_s: float) -> None:
    """The topic of the producer's frames is deleted and created again."""
    _make_anew(ground, TOPIC, lasts_s)


def labelled_topic_anew(ground: Ground, lasts_s: float) -> None:
    """The topic of labelled frames is deleted and created again."""
    _make_anew(ground, "videodisplay", lasts_s)


def junk(ground: Ground, lasts_s: float) -> None:
    """Records that are not frames arrive with a camera's key; each is counted once, and the camera continues."""
    with Writer(Bus(ground.parts.bus.servers, {"message.timeout.ms": 30_000})) as writer, _lasting(lasts_s):
        for value, headers in JUNK:
            _write_by_hand(ground, writer, value, headers)
            ground.goes_on(STREET)


def bad_viewers(ground: Ground, lasts_s: float) -> None:
    """Some never read, some vanish in the middle of a picture; the others see every camera as before."""
    port = ground.parts.ports[NEVER_KILLED]
    with who_never_read(port, STREET, number=BAD_VIEWERS), _lasting(lasts_s):
        who_vanish(port, YARD, number=BAD_VIEWERS, after_s=1.0)
        ground.goes_on(STREET, YARD, ports=(port,))


def video_killed(ground: Ground, lasts_s: float) -> None:
    """One replica is killed and started again; viewers of the other see every camera as before."""
    parts = ground.parts
    dying = VIDEOS[1]
    _kill(ground, dying)
    with _lasting(lasts_s):
        ground.goes_on(STREET, YARD, ports=(parts.ports[NEVER_KILLED],))
    parts.start_service(dying)


def producer_killed(ground: Ground, lasts_s: float) -> None:
    """The producer is killed, and its captures with it; the new one connects to the cameras again."""
    _kill(ground, PRODUCER)
    time.sleep(lasts_s)
    ground.parts.start_service(PRODUCER)


IN_ORDER = (
    Fault("camera gone and back", camera_gone, (2, 20)),
    Fault("camera frozen", camera_frozen, (5, 20)),
    Fault("broker killed and restarted", broker_killed, (2, 20), cut_off=True),
    Fault("broker frozen", broker_frozen, (10, 30), cut_off=True),
    Fault("model server killed and restarted", model_server_killed, (1, 20)),
    Fault("model server frozen", model_server_frozen, (7, 30)),
    Fault("consumer killed and started again", consumer_killed, (1, 20)),
    Fault("consumer paused", consumer_paused, (8, 60), cut_off=True),
    Fault("videocam deleted and created again", frames_topic_anew, (TOPICS_UNKNOWN_S, 10), cut_off=True),
    Fault("videodisplay deleted and created again", labelled_topic_anew, (TOPICS_UNKNOWN_S, 10)),
    Fault("records that are no frames", junk, (2, 30)),
    Fault("viewers that never read or vanish", bad_viewers, (2, 40)),
    Fault("video replica killed and restarted", video_killed, (1, 20)),
    Fault("producer killed and restarted", producer_killed, (1, 20)),
)


@contextlib.contextmanager
def _lasting(seconds: float) -> Iterator[None]:
    """Let the block take at least this long."""
    ends_at = time.monotonic() + seconds
    yield
    time.sleep(max(0.0, ends_at - time.monotonic()))


@contextlib.contextmanager
def _frozen(pid: int) -> Iterator[None]:
    freeze(pid)
    try:
        yield
    finally:
        thaw(pid)


def _kill(ground: Ground, name: str) -> None:
    service = ground.parts.services[name]
    ground.archive.bury(name, lambda: ground.parts.kill(service))
    del ground.parts.services[name]


def _wait_for(service: Service) -> None:
    wait_until(service.metrics, f"{service.name} answers")


def _is_up(parts: Parts, camera: str) -> bool:
    return bool(parts.services[PRODUCER].metrics().get(("producer_camera_up", f"camera={camera}")))


def _write_by_hand(ground: Ground, writer: Writer, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    """Write a record that is not a frame, and wait until it is counted."""
    before = _undecodable(ground.parts)
    fates: list[Delivery] = []
    writer.send(TOPIC, key=STREET, value=value, headers=headers, on_delivery=fates.append)
    wait_until(lambda: fates, "the fate of a record is known")
    assert fates == [Delivery.ACKNOWLEDGED], f"a record of {len(value)} bytes: {fates}"
    ground.archive.written_by_hand[STREET] += 1
    wait_until(lambda: _undecodable(ground.parts) > before, "a record that is no frame is counted as undecodable")


def _undecodable(parts: Parts) -> int:
    return sum(parts.services[name].books(STREET).dropped.get("undecodable", 0) for name in CONSUMERS)


def _make_anew(ground: Ground, topic: str, lasts_s: float) -> None:
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": ground.parts.bus.servers})

    def gone() -> bool:
        with contextlib.suppress(KafkaException):  # ask a busy broker again that has not answered in time
            if topic not in admin.list_topics(timeout=PATIENCE_S).topics:
                return True
            admin.delete_topics([topic], operation_timeout=10)[topic].result(PATIENCE_S)
        return False

    wait_until(gone, f"{topic} is gone")
    time.sleep(lasts_s)
    ground.parts.make_topics()
