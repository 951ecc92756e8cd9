"""`python -m local` as a process: it starts, supervises its parts, and leaves nothing behind."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local import wall
from local.ports import free_port
from shared.frames.frame import read_frame
from tests.end_to_end.chain import embedded_broker
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_png
from tests.models import exported
from tests.suite import LOOPBACK, Program, Tap, children_of, get_json, make_topics
from tests.waiting import wait_until

# The other engine needs a converter, which `make test-models` fetches.
ENGINE = {"MODELENGINE": "tensorflow"}
PARTS = ("broker", "tfserving", "producer", "consumer", "video")
END_WITHIN_S = 5.0


class Suite(Program):
    """A running suite."""

    def __init__(self, **variables: str) -> None:
        self.port = free_port()
        super().__init__("local", environment={"DISPLAYPORT": f"{LOOPBACK}:{self.port}", **variables})
        self._seen: dict[int, str] = {}

    @property
    def page(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def is_up(self) -> None:
        self.says("Live at")

    def labels(self) -> dict[str, set[str]]:
        """Return what is drawn on the newest frames, by camera."""
        found = {}
        for camera in get_json(f"{self.page}/cameras") or []:
            answer = get_json(f"{self.page}/cameras/{camera['id']}/predictions") or {"predictions": []}
            found[camera["id"]] = {said["label"] for said in answer["predictions"] if said.get("label")}
        return found

    def processes(self) -> dict[int, str]:
        """Return all processes that were ever seen to belong to it: id and start, and what each runs."""
        for pid in (self.process.pid, *children_of(self.process.pid)):
            began = start_of(pid)
            if began is not None:
                self._seen[pid] = began
        return self._seen

    def part(self, module: str) -> int | None:
        """Return the process id of a part, None if it does not run."""
        for pid in children_of(self.process.pid):
            arguments = arguments_of(pid)
            if "shared.child" in arguments and module in arguments:
                return pid
        return None

    def leaves_nothing(self) -> None:
        """Wait until none of its processes is there any more, and its port is free."""
        wait_until(
            lambda: not self.left(), f"nothing is left: {[arguments_of(pid) for pid in self.left()]}", within_s=20
        )
        with socket.create_server((LOOPBACK, self.port)):
            pass

    def left(self) -> list[int]:
        return [pid for pid, began in self._seen.items() if start_of(pid) == began]

    def close(self) -> None:
        for pid in self.left():
            if pid != self.process.pid:
                os.kill(pid, signal.SIGKILL)
        super().close()


def start_of(pid: int) -> str | None:
    """Return when a process was started, which distinguishes it from a later one with its id; None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def arguments_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


@pytest.fixture
def start() -> Iterator[Callable[..., Suite]]:
    with ExitStack() as stack:
        yield lambda **variables: stack.enter_context(Suite(**variables))


@pytest.fixture(scope="module")
def models() -> Path:
    """Have the models in the cache, as after a first start."""
    return exported(*wall.MODELS, "--config")


def newest(suite: Suite, camera: str = "camera") -> Any:
    """Return what is said of the camera's newest frame."""
    return get_json(f"{suite.page}/cameras/{camera}/predictions") or {"run": 0, "seq": 0}


@pytest.mark.timeout(300)
def test_it_shows_a_wall_restarts_what_dies_and_ends_at_ctrl_c(models: Path, start: Callable[..., Suite]) -> None:
    """Everything by default: the wall, embedded broker, real models; the life of `make run`."""
    suite = start(SECRET_OF_SOMEBODY_ELSE="hidden", **ENGINE)
    suite.is_up()
    assert suite.said(f"Live at {suite.page}")
    titles = {film.camera: film.title for film in wall.FILMS}
    wait_until(
        lambda: (
            {camera["id"]: camera["title"] for camera in get_json(f"{suite.page}/cameras") if camera["width"]} == titles
        ),
        "all films are shown, each named for what it shows",
    )
    wait_until(lambda: {"motorcycle", "moped"} <= _words(suite.labels()["motorcycle"]), "found and classified")
    wait_until(lambda: "happy" in suite.labels()["astronaut"], "an emotion where there is a face", within_s=60)
    sizes = {camera["id"]: (camera["width"], camera["height"]) for camera in get_json(f"{suite.page}/cameras")}
    assert sizes["cat"] == (384, 256)
    running = {name: suite.part("local.broker" if name == "broker" else name) for name in PARTS}
    assert all(running.values()), running
    assert len(suite.processes()) == 6 + len(wall.FILMS)  # the suite, its five parts, a capture per camera
    for name, pid in running.items():
        assert b"SECRET_OF_SOMEBODY_ELSE" not in Path(f"/proc/{pid}/environ").read_bytes(), name

    # A service is killed: the others continue, and it is restarted.
    producer = running.pop("producer")
    assert producer is not None
    os.kill(producer, signal.SIGKILL)
    suite.says("producer ended (killed by SIGKILL); restarting it in ")
    wait_until(lambda: suite.part("producer") not in {None, producer}, "another producer runs")
    run = newest(suite, "cat")["run"]
    wait_until(lambda: newest(suite, "cat")["run"] > run, "its frames come")
    assert running == {name: suite.part("local.broker" if name == "broker" else name) for name in running}

    # Ctrl-C.
    suite.processes()
    suite.process.send_signal(signal.SIGINT)
    assert suite.waits(END_WITHIN_S + 10) == 0, suite.log
    suite.leaves_nothing()
    assert not suite.said("killing it")
    assert "Traceback" not in suite.log
    assert "terminate called" not in suite.log
    end = suite.lines[suite.lines.index("  ending") + 1 :]
    assert end == [], "the end is quiet"


def test_a_suite_that_is_killed_leaves_nothing(models: Path, start: Callable[..., Suite]) -> None:
    """Nothing ends its parts: each notices by itself."""
    suite = start(**ENGINE)
    suite.says("  video ")
    wait_until(lambda: suite.part("video") and len(suite.processes()) >= 6 + len(wall.FILMS), "all parts run")

    suite.process.kill()
    suite.process.wait()

    suite.leaves_nothing()


def test_an_existing_kafka_and_model_server_are_used(start: Callable[..., Suite], tmp_path: Path) -> None:
    """BROKER, TFSERVING, VIDEOLINK, DISPLAYPORT=:PORT: none of these is started, and the suite ends as well."""
    still = write_png(tmp_path / "still.png", 417)
    with embedded_broker() as (_, bus), ModelServer(name="tfModel") as models:
        # Readers of an existing Kafka need no hint that this one is slow to wake them; a real one would not be either.
        make_topics(bus, "videocam", "videodisplay", "videostatus", "videopredictions")
        suite = start(
            BROKER=bus.servers, TFSERVING=f"http://{LOOPBACK}:{models.port}", VIDEOLINK=str(still), CAMERA="yard"
        )
        with Tap(bus, "videocam", lambda record: read_frame(record.key, record.value, record.headers)) as tap:
            suite.is_up()
            wait_until(lambda: tap.kept, "frames are on that broker")
            wait_until(lambda: answer(suite) == 417, "that server has said something")
        assert suite.part("local.broker") is None
        assert suite.part("tfserving") is None
        assert {frame.camera for frame in tap.kept} == {"yard"}

        suite.processes()
        assert suite.ends(signal.SIGTERM) == 0
        suite.leaves_nothing()


def _words(labels: set[str]) -> set[str]:
    """Return the first name of each label."""
    return {label.partition(",")[0] for label in labels}


def answer(suite: Suite) -> Any:
    found = get_json(f"{suite.page}/cameras/yard/predictions") or {"predictions": []}
    return next((said["class"] for said in found["predictions"]), None)


def test_the_page_is_where_displayport_says(start: Callable[..., Suite], tmp_path: Path) -> None:
    """A port alone means every address of this machine, as in Go; Ctrl-C in the middle of the start is no error."""
    port = free_port()
    suite = start(DISPLAYPORT=f":{port}", VIDEOLINK=str(write_png(tmp_path / "still.png", 1)), **NO_MODEL)
    suite.port = port
    wait_until(lambda: get_json(f"{suite.page}/cameras") is not None, "the page is there")

    suite.processes()
    suite.process.send_signal(signal.SIGINT)

    assert suite.waits(END_WITHIN_S + 10) == 0
    suite.leaves_nothing()
    assert "Traceback" not in suite.log


NO_MODEL = {"TFSERVING": f"http://{LOOPBACK}:9"}


@pytest.mark.parametrize("line", ["", "starting the embedded broker"])
def test_ctrl_c_while_it_starts_ends_it_without_a_word(start: Callable[..., Suite], line: str) -> None:
    """Before anything has been started, and while the first part starts."""
    suite = start(**NO_MODEL)
    wait_until(lambda: suite.processes() and "local" in arguments_of(suite.process.pid), "it runs")
    if line:
        suite.says(line)
    else:
        wait_until(lambda: "pydantic_core" in maps_of(suite.process.pid), "it imports what it needs")

    suite.processes()
    suite.process.send_signal(signal.SIGINT)
    status = suite.waits(END_WITHIN_S + 10)

    assert "Traceback" not in suite.log
    assert status in {0, -signal.SIGINT}
    suite.leaves_nothing()


def maps_of(pid: int) -> str:
    """Return the libraries that a process has loaded."""
    try:
        return Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return ""


def test_a_broker_that_dies_is_replaced(start: Callable[..., Suite], tmp_path: Path) -> None:
    """The services restart with the other one, because its address is new."""
    suite = start(VIDEOLINK=str(write_png(tmp_path / "still.png", 1)), **NO_MODEL)
    suite.is_up()
    run, broker = newest(suite)["run"], suite.part("local.broker")
    assert broker is not None

    os.kill(broker, signal.SIGKILL)

    suite.says("the broker ended (killed by SIGKILL); starting another")
    wait_until(lambda: newest(suite)["run"] > run, "frames come again")
    suite.processes()
    assert suite.ends(signal.SIGINT) == 0
    suite.leaves_nothing()


def test_a_taken_port_is_one_line(start: Callable[..., Suite]) -> None:
    """It names the variable and the address."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        address = f"{LOOPBACK}:{taken.getsockname()[1]}"
        suite = start(DISPLAYPORT=address)
        refuses(suite, [f"DISPLAYPORT: cannot listen on {address}: Address already in use; set DISPLAYPORT to another"])


@pytest.mark.parametrize(
    ("variables", "beginnings"),
    [
        ({"VIDEOLINK": "/nowhere/film.mp4"}, ["VIDEOLINK: got '/nowhere/film.mp4', no such file; allowed: "]),
        ({"DISPLAYPORT": "thirty"}, ["DISPLAYPORT: got 'thirty'; allowed: "]),
        ({"DISPLAYPORT": ":0"}, ["DISPLAYPORT: got ':0'; allowed: "]),
        ({"BROKER": "localhost"}, ["BROKER: got 'localhost'; allowed: "]),
        ({"MODELENGINE": "jax"}, ["MODELENGINE: got 'jax'; allowed: tensorflow or onnxruntime"]),
        ({"TFSERVING": "localhost:8501"}, ["TFSERVING: got 'localhost:8501'; allowed: "]),
        ({"JPEGQUALITY": "best"}, ["JPEGQUALITY: got 'best'; allowed: "]),
        ({"PREDICTIONMODE": "x", "MAXVIEWERS": "0"}, ["PREDICTIONMODE: got 'x'", "MAXVIEWERS: got '0'"]),
        ({"CAMERAS": '{"Front": "/nowhere"}'}, ["CAMERAS: got the id 'Front'; allowed: "]),
        ({"MODELURLS": "{"}, ["MODELURLS: got '{'; allowed: "]),
    ],
)
def test_a_wrong_variable_is_one_line_each(
    start: Callable[..., Suite], variables: dict[str, str], beginnings: list[str]
) -> None:
    """Whichever program it is for, before anything is started."""
    refuses(start(**variables), beginnings)


@pytest.mark.parametrize(
    ("variables", "beginning"),
    [
        ({"LABELURLS": '{"imagenet_1": "/nowhere/labels.json"}'}, "consumer: LABELURLS[imagenet_1]: "),
        ({"KAFKACONFIG": '{"no.such.property": "1"}'}, "KAFKACONFIG: "),
    ],
)
def test_what_only_a_service_finds_wrong_ends_the_suite(
    start: Callable[..., Suite], variables: dict[str, str], beginning: str
) -> None:
    """Its line is shown, and what had been started ends."""
    suite = start(**variables, **NO_MODEL)
    wait_until(lambda: suite.processes() and suite.process.poll() is not None, "it has ended")

    assert suite.waits() not in {0, -signal.SIGKILL}
    assert any(beginning in line for line in suite.lines), suite.log
    assert "Traceback" not in suite.log
    suite.leaves_nothing()


def refuses(suite: Suite, beginnings: list[str]) -> None:
    """Check that a suite ends at once with one line per mistake, and that nothing was started."""
    suite.processes()
    assert suite.waits() == 2, suite.log
    assert len(suite.lines) == len(beginnings), suite.log
    for line, beginning in zip(sorted(suite.lines), sorted(beginnings), strict=True):
        assert line.startswith(f"make run: {beginning}"), suite.log
    assert suite.left() == []
