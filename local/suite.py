"""The life of the suite on one machine: broker, model server, services, the first labelled frame, and the end."""

import math
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from local import answers, brokers, plan, wall
from local.console import Console
from local.errors import CannotStart
from local.ports import LOOPBACK, check_free, free_port
from local.process import Process, command, describe
from local.settings import APACHE, LocalSettings
from shared.settings import MISTAKEN
from shared.signals import END_OR_HANG_UP, stop_on_signals

END_WITHIN_S = 4.0  # services take at most 3 s; the promise is 5
SERVER_ENDS_S = 0.3  # for the model server, if the services took all the time
KAFKA_ENDS_S = 3.0  # it closes its files, once the services have sent their last status
WATCH_S = 0.1
LOOK_S = 0.5
ADDRESS_ANYWAY_S = 15.0  # print the page's address by then even if a camera is down


class Suite:
    """Everything that `make run` starts."""

    def __init__(self, settings: LocalSettings, console: Console, variables: Mapping[str, Collection[str]]) -> None:
        """Prepare the suite.

        Args:
            settings: of the suite.
            console: where its lines go.
            variables: service → names of its settings.
        """
        self._settings, self._console, self._variables = settings, console, variables
        self._stop = threading.Event()
        self._inherited = dict(os.environ)
        self._probe_ports = {name: free_port() for name in plan.SERVICES}
        self._serving_url = settings.serving or ""
        self._broker: subprocess.Popen[str] | None = None
        self._kafka: Process | None = None
        self._export: subprocess.Popen[str] | None = None
        self._server: Process | None = None
        self._missing = ""
        self._folder = Path()
        self._services: list[Process] = []

    def run(self) -> int:
        """Run until a signal, and return the status to exit with.

        Raises:
            SettingsError: the page's port is taken.
            CannotStart: a part does not start.
        """
        check_free("DISPLAYPORT", self._settings.display_address)
        with tempfile.TemporaryDirectory(prefix="machine-learning-deployment-") as folder:
            self._folder = Path(folder)
            self._run()
        return 0

    def _run(self) -> None:
        with stop_on_signals(self._stop, END_OR_HANG_UP, second_exits=False):
            try:
                self._start()
                if not self._stop.is_set():
                    self._show_first_frame()
                self._watch()
            finally:
                self._end()

    def _start(self) -> None:
        if plan.needs_server(self._settings, self._inherited):
            self._start_export()  # beside the broker: each takes half a second if there is nothing to export
        servers = self._start_broker()
        if self._export is not None and not self._stop.is_set():
            self._start_model_server(self._exported_models(self._export))
        if not self._stop.is_set():
            self._start_services(servers)

    def _start_broker(self) -> str:
        if self._settings.broker is None:
            return self._start_embedded_broker()
        if self._settings.broker == APACHE:
            return self._start_kafka()
        return self._settings.broker

    def _start_embedded_broker(self) -> str:
        self._broker, servers = brokers.start_embedded(plan.embedded_broker(self._inherited), self._console)
        return servers

    def _start_kafka(self) -> str:
        first_port = self._settings.kafka_first_port
        brokers.check_kafka(first_port, self._console)
        self._kafka = Process(plan.kafka(self._inherited, first_port=first_port), self._console.say)
        self._kafka.start()
        return brokers.wait_for_kafka(self._kafka, first_port, self._console, self._stop)

    def _start_model_server(self, config: str) -> None:
        if self._stop.is_set():
            return
        port, engine = free_port(), self._settings.model_engine
        self._serving_url = f"http://{LOOPBACK}:{port}"
        program = plan.model_server(self._inherited, port=port, config=config, engine=engine)
        self._server = Process(program, self._serving_line)
        self._server.start()
        self._console.say(f"  tfserving  {self._serving_url}  ({', '.join(wall.MODELS)}; local stand-in, {engine})")

    def _serving_line(self, line: str) -> None:
        # Like the real server, it writes its ordinary lines to standard error: pass on warnings and errors only.
        if self._settings.log_level in {"debug", "info"} or " INFO " not in line:
            self._console.say(line)

    def _start_export(self) -> None:
        program = plan.export(self._inherited, self._settings.model_engine)
        self._export = subprocess.Popen(
            command(program),
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _exported_models(self, export: "subprocess.Popen[str]") -> str:
        while export.poll() is None:
            if self._stop.wait(WATCH_S):
                export.terminate()
        lines = (export.stdout.read() if export.stdout else "").split()
        if export.returncode and not self._stop.is_set():
            raise CannotStart(f"the models could not be exported ({describe(export.returncode)})")
        return lines[-1] if lines else ""

    def _start_services(self, servers: str) -> None:
        documents = plan.write_documents(self._folder, self._settings, self._inherited, serving=self._serving_url)
        programs = plan.services(
            self._settings,
            self._inherited,
            variables=self._variables,
            servers=servers,
            documents=documents,
            probe_ports=self._probe_ports,
        )
        self._services = [Process(program, self._console.say) for program in programs]
        for process in self._services:
            process.start()
            port = self._probe_ports[process.program.name]
            self._console.say(f"  {process.program.name:<10} http://{LOOPBACK}:{port}/readyz  /healthz  /metrics")

    def _show_first_frame(self) -> None:
        page = self._settings.page()
        with self._console.waiting("waiting for the first frame", lambda: self._missing):
            self._watch_until(lambda: bool(answers.cameras(page)) or answers.is_closed(page), within_s=ADDRESS_ANYWAY_S)
            if answers.is_closed(page):
                self._console.say(
                    f"\n  The page at {page} is for those that ACCESSFILE names   (Ctrl-C ends everything)\n"
                )
                return
            if not answers.cameras(page):
                self._console.say(f"\n  The page at {page} goes live with the first frame   (Ctrl-C ends everything)\n")
                self._watch_until(lambda: bool(answers.cameras(page)))
        if self._stop.is_set():
            return
        self._console.say(f"\n  Live at {page}   (Ctrl-C ends everything)\n")
        with self._console.waiting("waiting for the first label", lambda: self._missing):
            self._watch_until(lambda: any(answers.has_label(page, camera["id"]) for camera in answers.cameras(page)))

    def _watch_until(self, reached: Callable[[], bool], *, within_s: float = math.inf) -> bool:
        """Watch the processes until a condition is true, the time is up or a signal arrives; return whether it is."""
        deadline, next_look = time.monotonic() + within_s, 0.0
        while not self._stop.wait(WATCH_S) and time.monotonic() < deadline:
            self._watch_processes(starting=True)
            if time.monotonic() >= next_look:
                if reached():
                    return True
                self._missing = self._what_is_missing()
                next_look = time.monotonic() + LOOK_S
        return False

    def _what_is_missing(self) -> str:
        """Return the first part that is not ready, in the order in which data flows."""
        states = (answers.not_ready(f"{LOOPBACK}:{self._probe_ports[name]}") for name in plan.SERVICES)
        return next(filter(None, states), "")

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_S):
            self._watch_processes(starting=False)

    def _watch_processes(self, *, starting: bool) -> None:
        if self._kafka is not None:
            self._kafka.watch()  # the services wait for it by themselves
        if self._broker is not None and self._broker.poll() is not None:
            self._replace_broker(self._broker.returncode)
        for process in self._services:
            # A service that refuses its settings would refuse them again.
            if process.watch() == MISTAKEN and starting:
                raise CannotStart(f"{process.program.name} did not start")
        if self._server is not None:
            self._server.watch()

    def _replace_broker(self, status: int) -> None:
        # Its successor has another address, which the services learn only when they start.
        self._console.say(f"  the broker ended ({describe(status)}); starting another one and restarting the services")
        for process in self._services:
            process.ask_to_end()
        deadline = time.monotonic() + END_WITHIN_S
        for process in self._services:
            process.wait(deadline)
        self._stop.wait(1.0)
        if not self._stop.is_set():
            self._start_services(self._start_embedded_broker())

    def _end(self) -> None:
        deadline = time.monotonic() + END_WITHIN_S
        if self._services or self._server:
            self._console.say("  ending")
        for process in self._services:
            process.ask_to_end()
        for process in self._services:
            process.wait(deadline)
        if self._server is not None:  # after the services: the consumer would otherwise report that its models are down
            self._server.ask_to_end()
            self._server.wait(max(deadline, time.monotonic() + SERVER_ENDS_S))
        if self._export is not None:
            self._export.terminate()
            self._export.wait()
        if self._kafka is not None:
            self._kafka.ask_to_end()
            self._kafka.wait(time.monotonic() + KAFKA_ENDS_S)
        if self._broker is not None:
            self._broker.kill()  # it keeps nothing
            self._broker.wait()
