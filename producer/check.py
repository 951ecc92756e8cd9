"""Tries cameras and prints what they send: `python -m producer --check [LINK]`. It needs no broker."""

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from prometheus_client import CollectorRegistry

from producer.configured import ConfiguredCameras
from producer.document import CameraConfig
from producer.process import CaptureProcess
from producer.protocol import CaptureJob, Message, MessageKind
from producer.settings import ProducerSettings
from shared.document import document_valid_gauge
from shared.errors import CameraError, CameraLost, SettingsError
from shared.settings import end_with

OPTION = "--check"
MEASURED_S = 3.0
ENOUGH_PICTURES = 3  # of a slow camera, for its rate
LONGEST_S = 20.0  # for those
AT_ONCE = 8  # cameras
LISTEN_S = 0.2
FAILED = 1  # exit status


@dataclass(slots=True)
class Result:
    """What one camera did.

    Attributes:
        name: the camera's id.
        failure: why it sends no pictures; empty: it does.
        outcome: what to say if nothing failed.
        facts: `reader` and `codec`.
        size: of the published pictures, such as 1280x720.
        pictures: all of them, also those that were thinned.
        undecodable: what could not be decoded.
        first_s: seconds from the start of the capture to the first picture.
        measured_s: seconds from the first picture to the last.
        odd: what is unusual about the camera.
    """

    name: str
    failure: str = ""
    outcome: str = "ok"
    facts: Mapping[str, str] = field(default_factory=dict)
    size: str = ""
    pictures: int = 0
    undecodable: int = 0
    first_s: float = 0.0
    measured_s: float = 0.0
    odd: Sequence[str] = ()

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        rate = f"{(self.pictures - 1) / self.measured_s:.1f}/s" if self.pictures > 1 and self.measured_s else "-"
        odd = [*self.odd, *([f"{self.undecodable} undecodable"] if self.undecodable else [])]
        return (
            self.name,
            self.failure or self.outcome,
            self.facts.get("reader", "-"),
            self.facts.get("codec", "-"),
            self.size or "-",
            rate,
            f"{self.first_s:.2f} s" if self.pictures else "-",
            "; ".join(odd) or "-",
        )


HEAD = ("camera", "result", "reader", "codec", "size", "rate", "first picture", "odd")


def main(argv: Sequence[str]) -> int:
    """Check the configured cameras, or the one that is named behind the option; return the exit status."""
    links = [argument for argument in argv if argument != OPTION]
    if len(links) > 1 or any(link.startswith("-") for link in links):
        return end_with("producer", SettingsError([f"{OPTION}: allowed: one camera, or none for the configured ones"]))
    try:
        settings = ProducerSettings.load(
            **({"cameras": {}, "cameras_file": "", "VIDEOLINK": links[0]} if links else {})
        )
        cameras = ConfiguredCameras(settings, valid=document_valid_gauge("producer", CollectorRegistry())).configs
    except SettingsError as exc:
        return end_with("producer", exc)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda camera: check(*camera), cameras.items()))
    sys.stdout.write(table([result.cells() for result in results]))
    return FAILED if any(result.failure for result in results) else 0


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as aligned text below a head."""
    lines = [HEAD, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)


def check(name: str, config: CameraConfig) -> Result:
    """Capture one camera for a few seconds, unless it is disabled."""
    if not config.enabled:
        return Result(name, outcome="disabled")
    job = replace(config.job, raw=False)
    result, odd = Result(name), set[str]()
    try:
        with CaptureProcess(job, camera=name, said=odd) as process:
            result.facts = process.facts
            _listen(process, result, job)
    except CameraError as exc:
        result.failure = f"{str(exc).splitlines()[0]}" if str(exc) else type(exc).__name__
    result.odd = sorted(odd)
    return result


def _listen(process: CaptureProcess, result: Result, job: CaptureJob) -> None:
    """Count what a capture delivers, until it is enough.

    Raises:
        CameraError: the camera fails.
    """
    began_s = time.monotonic()
    while True:
        message = process.receive(LISTEN_S)
        now_s = time.monotonic()
        if message is not None:
            _count(message, result, now_s - began_s)
        since_first_s = now_s - began_s - result.first_s
        if not result.pictures:
            if now_s - began_s > job.rhythm().limit_s:
                raise CameraLost(f"no picture within {job.rhythm().limit_s:.0f} s")
        elif since_first_s > (MEASURED_S if result.pictures >= ENOUGH_PICTURES else LONGEST_S):
            return


def _count(message: Message, result: Result, at_s: float) -> None:
    counts = message.counts
    result.undecodable += counts.undecodable + counts.unmasked
    if message.kind is MessageKind.FAILED:
        raise message.error()
    pictures = counts.thinned + counts.superseded + (message.kind is MessageKind.FRAME)
    if not pictures:
        return
    if not result.pictures:
        result.first_s = at_s
    result.pictures += pictures
    result.measured_s = at_s - result.first_s
    if message.kind is MessageKind.FRAME:
        result.size = f"{message.width}x{message.height}"
