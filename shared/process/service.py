"""The life of a service: its loops start, crash, come back, and end together.

Signals are looked at in one place. The first SIGTERM or SIGINT asks every loop to end; a second ends the process at
once. A loop that crashes is logged with its traceback and started again after a capped back-off; one that keeps
crashing, or any other thread that dies, ends the process with status 1, so that Kubernetes sees it.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeAlias

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from shared.crashes import no_thread_dies_silently, run_again
from shared.process.probes import Probes, Pulse, Readiness
from shared.process.profiling import profiled
from shared.settings import ServiceSettings
from shared.signals import stop_on_signals

log = logging.getLogger(__name__)

END_WITHIN_S = 2.0  # for the loops, after the first signal; with what is flushed then the promise is 3 s
WATCH_S = 0.5

Loop: TypeAlias = Callable[[threading.Event, Callable[[], None]], None]


class Service:
    """Runs named loops in threads until a signal comes or one of them fails for good.

    A loop is called with a stop event and a function to call each time it turns.
    """

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.name = name
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.pulse = Pulse()
        self.stop = threading.Event()
        self._settings = settings
        self._loops: dict[str, Loop] = {}
        self._awaited: set[str] = set()
        self._failed = threading.Event()
        self._at_end: list[Callable[[], None]] = []

    def loop(self, name: str, target: Loop, *, awaited: bool = True) -> None:
        """Add a loop; its thread bears the name.

        One that is not awaited may be left in the middle of a request when the process ends: it holds nothing that
        would be lost.
        """
        self._loops[name] = target
        if awaited:
            self._awaited.add(name)

    def at_end(self, action: Callable[[], None]) -> None:
        """Call an action as soon as the end has been asked for, before the loops are waited for."""
        self._at_end.append(action)

    def run(self, readiness: Callable[[], Readiness]) -> int:
        """Live, and return the status to exit with: 0 after a signal, 1 when a loop failed for good.

        Raises:
            SettingsError: the probes' port cannot be taken.
        """

        def ready() -> Readiness:
            answer = readiness()
            if not self.stop.is_set():
                return answer
            return Readiness(ready=False, parts={**answer.parts, "service": "ending"})

        probes = Probes(self._settings.probe_address, registry=self.registry, pulse=self.pulse, readiness=ready)
        with ExitStack() as stack:
            stack.enter_context(no_thread_dies_silently(self._give_up))
            stack.callback(probes.close)
            stack.enter_context(profiled(self._settings.profile, self.name))
            stack.enter_context(stop_on_signals(self.stop, second_exits=True))
            probes.start()
            threads = [
                threading.Thread(target=self._live, args=(name, target), name=name, daemon=True)
                for name, target in self._loops.items()
            ]
            for thread in threads:
                thread.start()
            # In short turns: a signal that another thread received is handled only when this one wakes up.
            while not self.stop.wait(WATCH_S):
                pass
            log.info("ending")
            self._begin_end()
            self._wait_for([thread for thread in threads if thread.name in self._awaited])
        log.info("ended", extra={"status": int(self._failed.is_set())})
        return int(self._failed.is_set())

    def _begin_end(self) -> None:
        for action in self._at_end:
            try:
                action()
            except Exception:  # the loops are to be waited for all the same
                log.exception("an action at the end failed")

    def _live(self, name: str, target: Loop) -> None:
        def run() -> None:
            target(self.stop, lambda: self.pulse.beat(name))

        try:
            # A loop that waits to be run again is not expected to turn.
            run_again(name, run, self.stop, crashed=lambda: self.pulse.end(name))
        except Exception:  # it was logged
            self._give_up()
        finally:
            self.pulse.end(name)

    def _give_up(self) -> None:
        self._failed.set()
        self.stop.set()

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        deadline = time.monotonic() + END_WITHIN_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        late = [thread.name for thread in threads if thread.is_alive()]
        if late:
            log.error("loops did not end in time", extra={"loops": late, "seconds": END_WITHIN_S})
