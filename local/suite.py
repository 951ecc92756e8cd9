"""The life of the suite on one machine: broker, model, services, the first labelled frame, and the end."""

import json
import math
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError

from local import plan
from local.console import Console
from local.kafka.configuration import LISTENERS, Ports
from local.kafka.node import listens
from local.kafka.parts import PartMissing, data_folder, jars, java, version
from local.plan import Program
from local.ports import LOOPBACK, check_free, free_port
from local.process import Process, command, describe
from local.settings import APACHE, LocalSettings
from shared.bus import Bus, Topics
from shared.errors import SettingsError, SuiteError
from shared.go_notation import Address
from shared.settings import MISTAKEN
from shared.signals import END_OR_HANG_UP, stop_on_signals

END_WITHIN_S = 4.0  # services take 3 s at most; people are promised 5
SERVER_ENDS_S = 0.3  # for the model server, where the services took all the time
KAFKA_ENDS_S = 3.0  # it closes its files, once the services have said their last word
WATCH_S = 0.1
LOOK_S = 0.5
ASK_TIMEOUT_S = 1.0
ADDRESS_ANYWAY_S = 15.0  # a camera that is down is no reason to keep the address back


class CannotStart(SuiteError):
    """A part of the suite does not start; the message is the line for the person."""


class Suite:
    """Everything that `make run` starts."""

    def __init__(self, settings: LocalSettings, console: Console) -> None:
        self._settings, self._console = settings, console
        self._stop = threading.Event()
        self._common = plan.environment(settings, os.environ)
        self._probe_ports = {name: free_port() for name in plan.SERVICES}
        self._serving_url = settings.serving or ""
        self._broker: subprocess.Popen[str] | None = None
        self._kafka: Process | None = None
        self._server: Process | None = None
        self._missing = ""
        self._services: list[Process] = []

    def run(self) -> int:
        """Live until a signal, and return the status to exit with.

        Raises:
            SettingsError: the page's port is taken.
            CannotStart: a part does not start.
        """
        check_free("DISPLAYPORT", self._settings.display_address)
        with stop_on_signals(self._stop, END_OR_HANG_UP, second_exits=False):
            try:
                self._start()
                if not self._stop.is_set():
                    self._show_first_frame()
                self._watch()
            finally:
                self._end()
        return 0

    def _start(self) -> None:
        servers = self._servers()
        needs_server = not (self._settings.serving or self._settings.model_urls)
        if needs_server and not self._stop.is_set():
            self._start_model_server()
        if not self._stop.is_set():
            self._start_services(servers)

    def _servers(self) -> str:
        if self._settings.broker is None:
            return self._start_broker()
        if self._settings.broker == APACHE:
            return self._start_kafka()
        return self._settings.broker

    def _start_kafka(self) -> str:
        first = self._settings.kafka_first_port
        ports = Ports.from_first(first)
        for port in ports.all:
            check_free("KAFKAFIRSTPORT", Address(LOOPBACK, port))
        try:
            java()
            jars(self._console.waiting)
        except PartMissing as exc:
            raise CannotStart(f"BROKER=apache: {exc}") from exc
        port = ports.listeners[LISTENERS.index("PROD1")]
        servers = f"{LOOPBACK}:{port}"
        admin = Topics(Bus(servers))
        self._kafka = Process(plan.kafka(self._common, first_port=first), self._console.say)
        self._kafka.start()
        with self._console.waiting(f"starting Kafka {version()}"):
            while not (self._stop.wait(WATCH_S) or (listens(port) and admin.broker_answers(ASK_TIMEOUT_S))):
                status = self._kafka.watch()
                if status is not None:
                    raise CannotStart(f"Kafka did not start ({describe(status)})")
        self._console.say(f"  broker     {servers}  (Kafka {version()}, data in {data_folder(first)})")
        return servers

    def _start_broker(self) -> str:
        self._broker = subprocess.Popen(
            command(Program(plan.BROKER, "local.broker")),
            env=self._common,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        with self._console.waiting("starting the embedded broker"):
            servers = (self._broker.stdout.readline() if self._broker.stdout else "").strip()
        if not servers:
            raise CannotStart(f"the embedded broker did not start ({describe(self._broker.wait())})")
        self._console.say(f"  broker     {servers}  (embedded, in memory)")
        return servers

    def _start_model_server(self) -> None:
        base_path = self._exported_model()
        if self._stop.is_set():
            return
        port = free_port()
        self._serving_url = f"http://{LOOPBACK}:{port}"
        self._server = Process(plan.model_server(self._common, port=port, base_path=base_path), self._serving_line)
        self._server.start()
        self._console.say(
            f"  tfserving  {self._serving_url}/v1/models/{plan.MODEL_NAME}  ({plan.MODEL}, local stand-in)"
        )

    def _serving_line(self, line: str) -> None:
        # Its ordinary lines go to standard error as those of the real one: only what is wrong is passed on.
        if self._settings.log_level in {"debug", "info"} or " INFO " not in line:
            self._console.say(line)

    def _exported_model(self) -> str:
        export = subprocess.Popen(
            command(Program("export", "tfserving.export", (plan.MODEL,))),
            env=self._common,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while export.poll() is None:
            if self._stop.wait(WATCH_S):
                export.terminate()
        lines = (export.stdout.read() if export.stdout else "").split()
        if export.returncode and not self._stop.is_set():
            raise CannotStart(f"the model {plan.MODEL} was not exported ({describe(export.returncode)})")
        return lines[-1] if lines else ""

    def _start_services(self, servers: str) -> None:
        programs = plan.services(
            self._settings,
            self._common,
            servers=servers,
            serving=self._serving_url,
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
            if not self._turn_until(lambda: bool(_cameras(page)), within_s=ADDRESS_ANYWAY_S):
                self._console.say(
                    f"\n  The page is at {page}, and goes live with the first frame   (Ctrl-C ends everything)\n"
                )
                self._turn_until(lambda: bool(_cameras(page)))
        if self._stop.is_set():
            return
        self._console.say(f"\n  Live at {page}   (Ctrl-C ends everything)\n")
        with self._console.waiting("waiting for the model's first label", lambda: self._missing):
            self._turn_until(lambda: any(_label(page, camera["id"]) for camera in _cameras(page)))

    def _turn_until(self, reached: Callable[[], bool], *, within_s: float = math.inf) -> bool:
        """Look after the processes until something is reached, time is up or a signal comes; tell whether it was."""
        deadline, next_look = time.monotonic() + within_s, 0.0
        while not self._stop.wait(WATCH_S) and time.monotonic() < deadline:
            self._look_after_processes(starting=True)
            if time.monotonic() >= next_look:
                if reached():
                    return True
                self._missing = self._what_is_missing()
                next_look = time.monotonic() + LOOK_S
        return False

    def _what_is_missing(self) -> str:
        """Return the first line of a service's /readyz that is not `ok`, in the order in which data flows."""
        for name in plan.SERVICES:
            for part, state in (_get(f"http://{LOOPBACK}:{self._probe_ports[name]}/readyz") or {}).items():
                if part != "status" and state != "ok":
                    return f"{part}: {state}"
        return ""

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_S):
            self._look_after_processes(starting=False)

    def _look_after_processes(self, *, starting: bool) -> None:
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
        self._console.say(f"  the broker ended ({describe(status)}); starting another, and the services anew with it")
        for process in self._services:
            process.ask_to_end()
        deadline = time.monotonic() + END_WITHIN_S
        for process in self._services:
            process.wait(deadline)
        self._stop.wait(1.0)
        if not self._stop.is_set():
            self._start_services(self._start_broker())

    def _end(self) -> None:
        deadline = time.monotonic() + END_WITHIN_S
        if self._services or self._server:
            self._console.say("  ending")
        for process in self._services:
            process.ask_to_end()
        for process in self._services:
            process.wait(deadline)
        if self._server is not None:  # only now: else the consumer would still say that its models are down
            self._server.ask_to_end()
            self._server.wait(max(deadline, time.monotonic() + SERVER_ENDS_S))
        if self._kafka is not None:
            self._kafka.ask_to_end()
            self._kafka.wait(time.monotonic() + KAFKA_ENDS_S)
        if self._broker is not None:
            self._broker.kill()  # it keeps nothing
            self._broker.wait()


def _cameras(page: str) -> list[dict[str, Any]]:
    """Return the cameras that the video service shows; none as long as it does not answer."""
    answer = _get(f"{page}/cameras")
    return [camera for camera in answer if camera["width"]] if isinstance(answer, list) else []


def _label(page: str, camera: str) -> bool:
    answer = _get(f"{page}/cameras/{camera}/predictions")
    return isinstance(answer, dict) and any(one.get("label") for one in answer.get("predictions") or [])


def _get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=ASK_TIMEOUT_S) as response:  # noqa: S310 - our own page
            return json.load(response)
    except HTTPError as exc:  # a service that is not ready names what is missing all the same
        with exc:
            return _json(exc.read())
    except (URLError, OSError, ValueError):
        return None


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def main() -> int:
    """Run the suite; return the status to exit with."""
    try:
        return Suite(_settings(), Console()).run()
    except SettingsError as exc:
        for mistake in exc.mistakes:
            sys.stderr.write(f"make run: {mistake}\n")
        return MISTAKEN
    except (CannotStart, FileNotFoundError) as exc:
        sys.stderr.write(f"make run: {exc}\n")
        return 1


def _settings() -> LocalSettings:
    """Read the suite's settings, and check the services' own before anything is started.

    Raises:
        SettingsError: with a line for each mistake, whichever program it concerns.
    """
    mistakes: list[str] = []
    try:
        settings = LocalSettings.load()
    except SettingsError as exc:
        mistakes += exc.mistakes
        settings = LocalSettings.model_construct()
    mistakes += _mistakes_of_services(settings)
    if mistakes:
        raise SettingsError(list(dict.fromkeys(mistakes)))
    return settings


def _mistakes_of_services(settings: LocalSettings) -> list[str]:
    # Imported here: OpenCV and the rest take a second that a wrong port need not wait for.
    from consumer.settings import ConsumerSettings
    from producer.settings import ProducerSettings
    from video.settings import VideoSettings

    mistakes: list[str] = []
    sample = (
        {}
        if settings.cameras or settings.video_link or settings.video_device
        else {"VIDEOLINK": str(plan.sample_video())}
    )
    for kind, overrides in ((ProducerSettings, sample), (ConsumerSettings, {}), (VideoSettings, {})):
        try:
            kind.load(**overrides)
        except SettingsError as exc:
            mistakes += exc.mistakes
    return mistakes
