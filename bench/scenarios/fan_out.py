"""One camera and many viewers: CPU time of the server per MB that arrives, and what the slowest viewer gets."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from bench import kafka
from bench.client import LOOPBACK, request
from bench.feeder import CAMERA
from bench.latency import percentile
from bench.program import FIRST_PICTURE_S, Running, module
from bench.systems import Motion, shown
from bench.usage import Meter
from bench.viewers import Load
from local.kafka.configuration import LISTENERS
from local.kafka.node import Node
from local.ports import free_port
from tests.suite import Service
from tests.waiting import wait_until

READERS = 4  # of the viewers: they look at the pictures' times


@dataclass(frozen=True)
class Flow:
    """What one server sent in one round.

    Attributes:
        seconds: how long it was measured.
        viewers: number of them.
        megabytes: that arrived, all viewers together.
        cpu_s: of the server.
        rss_mb: of the server.
        fewest: share of the average that the viewer with the fewest bytes got.
        ages_ms: of the pictures, by their header; empty if the server sends none.
        load_cpu: of the viewers, cores.
    """

    seconds: float
    viewers: int
    megabytes: float
    cpu_s: float
    rss_mb: float
    fewest: float
    ages_ms: list[float]
    load_cpu: float

    @property
    def cores(self) -> float:
        """Return the processor time that the server used, in cores."""
        return self.cpu_s / self.seconds

    @property
    def cpu_us_per_mb(self) -> float:
        """Return the CPU time per MB delivered, microseconds."""
        return self.cpu_s / max(self.megabytes, 1e-9) * 1e6

    def pictures_per_s(self, kilobytes: float) -> float:
        """Return how many pictures of a size the average viewer got a second."""
        return self.megabytes * 1e3 / kilobytes / self.viewers / self.seconds

    def age_ms(self, share: float) -> float:
        """Return the age that a share of the pictures does not exceed, milliseconds."""
        return percentile(self.ages_ms, share)


class Server(Protocol):
    """A server of one MJPEG stream."""

    name: str

    def missing(self) -> str:
        """Return what this machine lacks for it, empty if nothing."""

    def serving(self) -> AbstractContextManager[Running]:
        """Run it while the block runs."""


class Video:
    """The service `video`, whole, reading from a real Kafka."""

    name = "video"

    def __init__(self, broker: Node, *, fps: float, kilobytes: int, core: int | None = None) -> None:
        """Prepare.

        Args:
            broker: a Kafka that runs.
            fps: pictures a second.
            kilobytes: of each.
            core: that it is bound to; None for any.
        """
        self._broker, self._fps, self._kilobytes, self._core = broker, fps, kilobytes, core

    def missing(self) -> str:
        """Return nothing: it is here."""
        return ""

    @contextmanager
    def serving(self) -> Iterator[Running]:
        """Run it."""
        port, servers = free_port(), self._broker.servers[LISTENERS.index("CONS2")]
        command = ("bench.pinned", str(self._core), "video") if self._core is not None else ()
        with ExitStack() as stack:
            suffix, _ = stack.enter_context(kafka.topics_of_its_own(self._broker))
            topics = {
                "TOPICNAME": f"videodisplay{suffix}",
                "TOPICNAMESTATUS": f"videostatus{suffix}",
                "TOPICNAMEPREDICTIONS": f"videopredictions{suffix}",
                "TOPICNAMEAUDIT": f"videoaudit{suffix}",
            }
            settings = {"KAFKAPORT": servers, "DISPLAYPORT": f"{LOOPBACK}:{port}", "MAXVIEWERS": "2000", **topics}
            video = stack.enter_context(Service("video", command=command, **settings))
            camera = (servers, topics["TOPICNAME"], f"{self._fps:g}", str(self._kilobytes))
            stack.enter_context(module("bench.feeder", *camera))
            wait_until(lambda: shown(port), "video shows the camera", within_s=FIRST_PICTURE_S)
            yield Running(port, request(f"/cameras/{CAMERA}/stream"), {"server": video.process.pid})


class BareAsyncio:
    """A server that does nothing else (bench/references/bare_asyncio.py)."""

    def __init__(self, loop: str, *, fps: float, kilobytes: int, core: int | None = None) -> None:
        """Prepare.

        Args:
            loop: `asyncio`, or `uvloop`, on which `video` runs.
            fps: pictures a second.
            kilobytes: of each.
            core: that it is bound to; None for any.
        """
        self.name = "bare asyncio" if loop == "asyncio" else "bare asyncio on uvloop"
        self._arguments, self._core = (f"{fps:g}", str(kilobytes), loop), core

    def missing(self) -> str:
        """Return nothing: it is a dependency."""
        return ""

    @contextmanager
    def serving(self) -> Iterator[Running]:
        """Run it."""
        with module("bench.references.bare_asyncio", *self._arguments, core=self._core) as process:
            yield Running(int(process.line()), request("/"), {"server": process.pid})


class MotionServer:
    """`motion`, which reads and codes the camera itself."""

    name = "motion"

    def __init__(self, link: str, fps: int) -> None:
        """Prepare; the camera at the link sends so many pictures a second."""
        self._link, self._motion = link, Motion(fps)

    def missing(self) -> str:
        """Return what this machine lacks."""
        return self._motion.missing()

    @contextmanager
    def serving(self) -> Iterator[Running]:
        """Run it."""
        with self._motion.running(self._link) as running:
            yield running


def measure(server: Server, *, viewers: int, seconds: float, warm_s: float = 1.0, core: int | None = None) -> Flow:
    """Let a server serve viewers for one round.

    Args:
        server: to measure.
        viewers: how many watch.
        seconds: to measure.
        warm_s: to wait after everyone has got something.
        core: that the viewers are bound to; None for any.
    """
    with server.serving() as running, watching(running, viewers, core) as load:
        return load(seconds, warm_s)


@contextmanager
def watching(running: Running, viewers: int, core: int | None = None) -> Iterator[Callable[[float, float], Flow]]:
    """Let viewers watch while the block runs; yield what measures for so many seconds, after so many others."""
    with Load(running.port, [(running.request, viewers)], readers=READERS, core=core) as load:

        def measured(seconds: float, warm_s: float) -> Flow:
            time.sleep(warm_s)
            load.got()
            meter = Meter({**running.parts, "load": load.pid})
            time.sleep(seconds)
            spent, got = meter.spent(), load.got()
            return Flow(
                seconds=got.seconds,
                viewers=viewers,
                megabytes=sum(got.bytes) / 1e6,
                cpu_s=spent.cpu_s["server"],
                rss_mb=spent.rss_mb["server"],
                fewest=min(got.bytes) / max(1.0, statistics.fmean(got.bytes)),
                ages_ms=got.ages_ms,
                load_cpu=spent.cpu_s["load"] / spent.seconds,
            )

        yield measured


def compare(
    servers: Sequence[Server], *, viewers: int, rounds: int, seconds: float, say: Callable[[str], None]
) -> tuple[dict[str, list[Flow]], dict[str, str]]:
    """Let all servers serve in turn, several times; return what each sent, and why others did not run."""
    skipped = {server.name: lacks for server in servers if (lacks := server.missing())}
    done: dict[str, list[Flow]] = {}
    for number in range(rounds):
        for server in servers:
            if server.name in skipped:
                continue
            try:
                one = measure(server, viewers=viewers, seconds=seconds)
            except Exception as exc:  # whatever fails in a reference, the others still count
                skipped[server.name] = str(exc)
                say(f"  {server.name}: {exc}")
                continue
            done.setdefault(server.name, []).append(one)
            say(
                f"  {number + 1}. {server.name}: {one.cpu_us_per_mb:.0f} µs per MB, {one.cores:.0%} of a core, "
                f"{one.megabytes / one.seconds:.0f} MB/s, least {one.fewest:.2f}"
            )
    return done, skipped
