"""The life cycle of a service: its loops start, crash, are restarted, and end together.

The first SIGTERM or SIGINT asks every loop to end; a second ends the process at once. A loop that crashes is logged
with its traceback and restarted after a capped back-off. A loop that keeps crashing, or any other thread that dies,
ends the process with status 1, so that Kubernetes sees it.

A service is stopped within 3 s: END_WITHIN_S for its loops, then FLUSH_FRAMES_S and FLUSH_STATUS_S for what it still
has to write. One that hands its work over first takes longer (`Service.end_takes`).
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Generic, Protocol, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry, Gauge, GCCollector, PlatformCollector, ProcessCollector

from shared.bus import Reader, Writer
from shared.crashes import no_thread_dies_silently, run_again
from shared.errors import SettingsError
from shared.frames.ledger import Ledger
from shared.process import logs
from shared.process.probes import Probes, Pulse, Readiness, ReadinessCheck
from shared.process.profiling import profiled
from shared.reports import CameraReport, ModelReport, Report, ServiceName
from shared.settings import ServiceSettings, end_with, from_command_line
from shared.signals import stop_on_signals
from shared.status import StatusWriter

log = logging.getLogger(__name__)

END_WITHIN_S = 2.0
FLUSH_FRAMES_S, FLUSH_STATUS_S = 0.6, 0.3
WATCH_S = 0.5

Loop: TypeAlias = Callable[[threading.Event, Callable[[], None]], None]
Settings = TypeVar("Settings", bound=ServiceSettings)


class ServiceMetrics(Protocol):
    """What the metrics of every service have in common."""

    ledger: Ledger
    broker_silent: Gauge


class SpawnedLoop:
    """A loop that was started while the service runs. Whoever starts it also ends it."""

    def __init__(self, stop: threading.Event, thread: threading.Thread) -> None:
        self._stop, self._thread = stop, thread

    def end(self) -> None:
        """Ask the loop to end, without waiting for it."""
        self._stop.set()

    @property
    def ended(self) -> bool:
        """Whether its thread has ended."""
        return not self._thread.is_alive()


class Service(Generic[Settings]):
    """Runs named loops in threads until a signal arrives or one of them fails for good.

    A loop is called with a stop event and a function to call in each of its rounds.

    Attributes:
        name: of the service.
        settings: of the service.
        registry: exports its metrics.
        stop: set as soon as the service has been asked to end.
    """

    def __init__(self, name: ServiceName, settings: Settings) -> None:
        self.name, self.settings = name, settings
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.stop = threading.Event()
        self._pulse = Pulse()
        self._loops: dict[str, Loop] = {}
        self._awaited: set[str] = set()
        self._failed = threading.Event()
        self._end_takes_s = 0.0
        self._at_end: list[Callable[[], None]] = []
        self._frame_writers: list[Writer] = []
        self._readers: list[Reader] = []
        self._status: tuple[StatusWriter, Writer] | None = None

    def loop(self, name: str, target: Loop, *, awaited: bool = True) -> None:
        """Add a loop; its thread has the same name.

        Args:
            name: of the loop.
            target: the loop.
            awaited: wait for it at the end. Without it the loop may be cut off in the middle of a request; it must
                hold nothing that would be lost.
        """
        self._loops[name] = target
        if awaited:
            self._awaited.add(name)

    def spawn(self, name: str, target: Loop) -> SpawnedLoop:
        """Start a further loop now; it lives as those of `loop` do, with a stop event of its own.

        Args:
            name: of the loop and its thread; no other running loop has it.
            target: the loop.
        """
        stop = threading.Event()
        thread = threading.Thread(target=self._live, args=(name, target, stop), name=name, daemon=True)
        thread.start()
        return SpawnedLoop(stop, thread)

    def at_end(self, action: Callable[[], None]) -> None:
        """Call an action as soon as the service has been asked to end, before its loops are waited for."""
        self._at_end.append(action)

    def end_takes(self, seconds: float) -> None:
        """Give the loops so much more time to end: they hand over to other processes first."""
        self._end_takes_s = seconds

    def owns(self, *clients: Reader | Writer) -> None:
        """Close these clients of the bus when the loops have ended: writers of frames first, readers last."""
        for client in clients:
            if isinstance(client, Reader):
                self._readers.append(client)
            else:
                self._frame_writers.append(client)

    def reports(
        self,
        writer: Writer,
        metrics: ServiceMetrics,
        *,
        cameras: Callable[[], Mapping[str, CameraReport]] = dict,
        models: Callable[[], Mapping[str, ModelReport]] = dict,
        documents: Callable[[], Mapping[str, str]] = dict,
    ) -> StatusWriter:
        """Report the service's state on its status topic; a last time when all frames are accounted for.

        Args:
            writer: for the reports and other small records; closed after the last report.
            metrics: whose ledger is reported.
            cameras: returns the state of each camera.
            models: returns the state of each model.
            documents: returns what is wrong with the newest text of each watched document, by its setting.
        """
        status = StatusWriter(
            writer,
            self.settings.topic_status,
            service=self.name,
            report=lambda: Report(cameras(), models(), metrics.ledger.reports(), documents()),
            silent=metrics.broker_silent,
        )
        self._status = status, writer
        self.loop("status", status.run)
        self.at_end(status.changed)
        return status

    def run(self, readiness: ReadinessCheck) -> int:
        """Run until the end; return the exit status: 0 after a signal, 1 when a loop failed for good.

        Args:
            readiness: returns the answer of /readyz.

        Raises:
            SettingsError: the probes cannot listen on their port.
        """

        def ready() -> Readiness:
            answer = readiness()
            if not self.stop.is_set():
                return answer
            return Readiness(ready=False, parts={**answer.parts, "service": "ending"})

        probes = Probes(self.settings.probe_address, registry=self.registry, pulse=self._pulse, readiness=ready)
        with ExitStack() as stack:
            stack.enter_context(no_thread_dies_silently(self._give_up))
            stack.callback(probes.close)
            stack.enter_context(profiled(self.settings.profile, self.name))
            stack.enter_context(stop_on_signals(self.stop, second_exits=True))
            probes.start()
            threads = [
                threading.Thread(target=self._live, args=(name, target, self.stop), name=name, daemon=True)
                for name, target in self._loops.items()
            ]
            for thread in threads:
                thread.start()
            # In short turns: a signal that another thread received is handled only when this one wakes up.
            while not self.stop.wait(WATCH_S):
                pass
            log.info("ending")
            self._begin_end()
            ended = self._wait_for([thread for thread in threads if thread.name in self._awaited])
            self._close(readers_too=ended)
        log.info("ended", extra={"status": int(self._failed.is_set())})
        return int(self._failed.is_set())

    def _begin_end(self) -> None:
        for action in self._at_end:
            try:
                action()
            except Exception:  # the loops must be waited for all the same
                log.exception("a shutdown action failed")

    def _live(self, name: str, target: Loop, stop: threading.Event) -> None:
        def run() -> None:
            target(stop, lambda: self._pulse.beat(name))

        try:
            # A loop that waits to be restarted is not expected to beat.
            run_again(name, run, stop, crashed=lambda: self._pulse.end(name))
        except Exception:  # run_again has logged it
            self._give_up()
        finally:
            self._pulse.end(name)

    def _give_up(self) -> None:
        self._failed.set()
        self.stop.set()

    def _wait_for(self, threads: list[threading.Thread]) -> bool:
        """Return whether all of them ended in time."""
        within_s = END_WITHIN_S + self._end_takes_s
        deadline = time.monotonic() + within_s
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        late = [thread.name for thread in threads if thread.is_alive()]
        if late:
            log.error("loops did not end in time", extra={"loops": late, "seconds": within_s})
        return not late

    def _close(self, *, readers_too: bool) -> None:
        for writer in self._frame_writers:
            writer.close(FLUSH_FRAMES_S)
        if self._status is not None:
            status, writer = self._status
            status.write_final()  # only now does the ledger hold what became of the last frames
            writer.close(FLUSH_STATUS_S)
        if readers_too:  # a reader is not thread-safe: a loop that is late may still be using it
            for reader in self._readers:
                reader.close()


def run_service(
    settings_type: type[Settings],
    name: ServiceName,
    purpose: str,
    build: Callable[[Service[Settings]], ReadinessCheck],
    argv: Sequence[str] | None = None,
) -> int:
    """Run a service as a program; return the exit status.

    Args:
        settings_type: class of its settings, read from the environment.
        name: of the service, and of the module that starts it.
        purpose: one sentence for `--help`.
        build: joins the service's parts and adds its loops; returns what answers /readyz. It may raise SettingsError.
        argv: arguments of the command line; default: those of this process.
    """
    settings = from_command_line(settings_type, name, purpose, sys.argv[1:] if argv is None else argv)
    logs.configure(level=settings.log_level, form=settings.log_format, service=name)
    try:
        service = Service(name, settings)
        return service.run(build(service))
    except SettingsError as exc:
        return end_with(name, exc)
