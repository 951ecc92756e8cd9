"""How cost grows: 1, 2, 4, 8 … cameras, and 1, 2, 4, 8 … viewers, until two cores are full."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.client import request
from bench.latency import percentile
from bench.rtsp_camera import Measured
from bench.scenarios import fan_out
from bench.systems import Suite, cameras_document, shown
from bench.usage import Meter
from bench.viewers import Load
from tests.waiting import becomes_true

FULL = 0.95  # of all cores
LOST = 0.8  # of the pictures; a step at which less arrives is the last
MOST_CAMERAS, MOST_VIEWERS = 64, 1024
SHOWN_WITHIN_S = 90.0


@dataclass(frozen=True)
class Step:
    """One number of cameras or viewers.

    Attributes:
        number: of them.
        cores: processor time by part, cores; `rig` is that of cameras and viewers.
        rss_mb: resident memory by part.
        rate: share of the pictures sent that the slowest camera or viewer got.
        age_p50_ms, age_p99_ms: of the pictures when they arrive.
        busy: share of all the machine's cores that was in use, by whatever.
    """

    number: int
    cores: dict[str, float]
    rss_mb: dict[str, float]
    rate: float
    age_p50_ms: float
    age_p99_ms: float
    busy: float

    @property
    def is_last(self) -> bool:
        """Return whether the machine is full."""
        return self.busy >= FULL or self.rate < LOST


class Machine:
    """How busy the machine is, from its creation on (proc_stat(5))."""

    def __init__(self) -> None:
        self._before = self._times()

    def busy(self) -> float:
        """Return the share of all cores' time that was not idle."""
        idle, total = (after - before for after, before in zip(self._times(), self._before, strict=True))
        return 1 - idle / max(1, total)

    @staticmethod
    def _times() -> tuple[int, int]:
        fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        return fields[3] + fields[4], sum(fields[:8])


def of_cameras(
    suite: Suite, camera: Measured, *, fps: float, seconds: float, most: int, say: Callable[[str], None]
) -> Iterator[Step]:
    """Yield a step for each number of cameras, which come to a suite that runs; each camera has a viewer.

    Args:
        suite: on a Kafka.
        camera: sends pictures to any number of captures.
        fps: pictures a second of each camera.
        seconds: to measure at each step.
        most: cameras.
        say: tells how far it is.
    """
    links = {f"camera-{number}": camera.link for number in range(1, most + 1)}
    with suite.on(dict(list(links.items())[:1]), rate=1.0) as (running, document):
        for number in _doubled(most):
            wanted = dict(list(links.items())[:number])
            _replace(document, cameras_document(wanted))
            if not becomes_true(partial(_all_shown, running.port, set(wanted)), within_s=SHOWN_WITHIN_S):
                say(f"  {number} cameras: not all are shown after {SHOWN_WITHIN_S:.0f} s")
                return
            requests = [(request(f"/cameras/{id_}/stream"), 1) for id_ in wanted]
            try:
                with Load(running.port, requests, readers=number) as load:
                    time.sleep(3.0)
                    step = _measured(number, {**running.parts, "rig": camera.pid}, load, seconds, fps)
            except RuntimeError as exc:
                say(f"  {number} cameras: {exc}")
                return
            say(_line("cameras", step))
            yield step
            if step.is_last:
                return


def of_viewers(
    server: fan_out.Video, *, fps: float, seconds: float, most: int, say: Callable[[str], None]
) -> Iterator[Step]:
    """Yield a step for each number of viewers of one camera.

    Args:
        server: the service `video`, with a camera.
        fps: pictures a second of the camera.
        seconds: to measure at each step.
        most: viewers.
        say: tells how far it is.
    """
    with server.serving() as running:
        for number in _doubled(most):
            try:
                with Load(running.port, [(running.request, number)], readers=fan_out.READERS) as load:
                    time.sleep(1.0)
                    step = _measured(number, {"video": running.parts["server"]}, load, seconds, fps)
            except RuntimeError as exc:
                say(f"  {number} viewers: {exc}")
                return
            say(_line("viewers", step))
            yield step
            if step.is_last:
                return


def _measured(number: int, parts: Mapping[str, int], load: Load, seconds: float, fps: float) -> Step:
    load.got()
    meter, machine = Meter({**parts, "viewers": load.pid}), Machine()
    time.sleep(seconds)
    spent, busy, got = meter.spent(), machine.busy(), load.got()
    cores = {part: used / spent.seconds for part, used in spent.cpu_s.items()}
    cores["rig"] = cores.get("rig", 0.0) + cores.pop("viewers")
    memory = {part: used for part, used in spent.rss_mb.items() if part not in {"rig", "viewers"}}
    return Step(
        number=number,
        cores=cores,
        rss_mb=memory,
        rate=min(got.pictures, default=0) / got.seconds / fps,
        age_p50_ms=percentile(got.ages_ms, 0.5),
        age_p99_ms=percentile(got.ages_ms, 0.99),
        busy=busy,
    )


def _all_shown(port: int, cameras: set[str]) -> bool:
    return shown(port) >= cameras


def _doubled(most: int) -> Iterator[int]:
    number = 1
    while number <= most:
        yield number
        number *= 2


def _replace(document: Path, text: str) -> None:
    new = document.with_suffix(".new")
    new.write_text(text)
    new.replace(document)


def _line(what: str, step: Step) -> str:
    used = ", ".join(f"{part} {cores:.2f}" for part, cores in step.cores.items())
    ages = f"age p50 {step.age_p50_ms:.0f} p99 {step.age_p99_ms:.0f} ms"
    return f"  {step.number} {what}: {used} cores; {ages}; slowest {step.rate:.2f}; machine {step.busy:.0%} busy"
