"""Numbered pictures, followed from a file to an HTTP client, with the real model.

One run, played once; each test looks at another side of what was recorded.
"""

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from consumer.imprint import imprint
from consumer.labels import ASSETS, read_labels
from consumer.overlay import Line, LineState, Overlay
from local.ports import free_port
from shared.bus import Record
from shared.frames.frame import Frame, read_frame
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.model_server import NUMBERS, PROBABILITY, VERSION, ModelServer
from tests.end_to_end.numbered import read_number, write_video
from tests.models import efficientnet_lite0
from tests.suite import Books, Part, Program, Tap, Use, children_of, get_json, make_topics, mjpeg, use_of
from tests.waiting import becomes_true, wait_until

FRAMES = 250
# Pictures for which the model `numbers` takes so long that its last label becomes old.
# A busy machine does not ask about each of them.
SLOW = range(120, 145)
REAL, COUNTING = "imagenet_1", "imagenet_2"
BROKER_MB = 100
SAMPLE_S = 0.2


@dataclass
class Run:
    """What one run recorded; of the camera `numbers` unless stated otherwise."""

    parts: list[Part] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    chelsea: list[dict[str, Any]] = field(default_factory=list)
    taken: list[Frame] = field(default_factory=list)
    shown: list[Frame] = field(default_factory=list)
    stills: list[Frame] = field(default_factory=list)
    """What the producer wrote of the other camera."""
    predicted: list[dict[str, Any]] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)
    books: dict[str, dict[str, Books]] = field(default_factory=dict)
    """Service -> camera -> its ledger at the end."""
    written: dict[str, int] = field(default_factory=dict)
    """Topic -> records, by the broker's offsets."""
    uses: dict[str, list[Use]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)

    def source(self) -> dict[int, Frame]:
        """Return the frames that the producer wrote by their sequence."""
        return {frame.seq: frame for frame in self.taken}


def frame_of(record: Record) -> Frame | None:
    return read_frame(record.key, record.value, record.headers) if record.value else None


def document_of(record: Record) -> Any:
    return json.loads(record.value) if record.value else None


def photograph(name: str) -> Path:
    found = find_spec("skimage")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "data" / name


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("cameras")
    film = folder / "numbers.mkv"
    still = copyfile(photograph("chelsea.png"), folder / "chelsea.png")
    port = free_port()
    flags = (f"--rest_api_port={port}", "--model_name=tfModel", f"--model_base_path={efficientnet_lite0()}")
    with ExitStack() as stack:
        serving = stack.enter_context(Program("tfserving", *flags))
        broker, bus = stack.enter_context(embedded_broker())
        models = stack.enter_context(ModelServer(upstream=port, takes_s=lambda number: 1.3 if number in SLOW else 0.05))
        urls = json.dumps({REAL: models.url("tfModel"), COUNTING: models.url(NUMBERS)})
        chain = stack.enter_context(Chain(bus, MODELURLS=urls))
        taken = stack.enter_context(Tap(bus, chain.topic("videocam"), frame_of))
        shown = stack.enter_context(Tap(bus, chain.topic("videodisplay"), frame_of))
        predicted = stack.enter_context(Tap(bus, chain.topic("videopredictions"), document_of))
        # A second record beside the one that made the topic: now its partition's end is known as well.
        make_topics(bus, *(chain.topic(topic) for topic in ("videocam", "videodisplay")))
        write_video(film, FRAMES, 1280, 720)
        wait_until(lambda: get_json(f"http://127.0.0.1:{port}/v1/models/tfModel/metadata"), "the model is loaded")

        seen = Run()
        cameras = json.dumps({"numbers": str(film), "chelsea": str(still)})
        producer = chain.produce(CAMERAS=cameras)
        wait_until(lambda: chain.ask("/cameras/numbers/predictions"), "a first frame has come through")
        film.unlink()  # it plays to its end once, then the camera is down
        _watch(chain, seen, {"producer": producer, "broker": broker, "consumer": chain.consumer, "video": chain.video})

        wait_until(lambda: seen.chelsea, "the real model has said something")
        still.unlink()
        wait_until(
            lambda: not any(_up(producer, camera) for camera in ("numbers", "chelsea")), "both cameras have ended"
        )
        services = {"producer": producer, "consumer": chain.consumer, "video": chain.video}
        # Whether it does is for the tests to say.
        becomes_true(lambda: _settled(seen, services), within_s=20)
        for topic, tap in (("videocam", taken), ("videodisplay", shown)):
            out = sum(books.out for books in seen.books["producer" if topic == "videocam" else "consumer"].values())
            becomes_true(lambda tap=tap, out=out: sum(tap.ends.values()) >= out + 2, within_s=20)  # type: ignore[misc]
            seen.written[topic] = sum(tap.ends.values()) - 2
        frames = [frame for frame in taken.kept if frame is not None]
        seen.taken = [frame for frame in frames if frame.camera == "numbers"]
        seen.stills = [frame for frame in frames if frame.camera == "chelsea"]
        seen.shown = [frame for frame in shown.kept if frame is not None and frame.camera == "numbers"]
        seen.predicted = [said for said in predicted.kept if said is not None]
        seen.asked = list(models.pictures)
        seen.logs = {program.name: program.log for program in (*services.values(), serving)}
        yield seen


def _up(producer: Any, camera: str) -> bool:
    return bool(producer.metrics().get(("producer_camera_up", f"camera={camera}")))


def _settled(seen: Run, services: dict[str, Any]) -> bool:
    """Read the ledgers, and return whether every frame is accounted for."""
    seen.books = {
        name: {camera: service.books(camera) for camera in ("numbers", "chelsea")} for name, service in services.items()
    }
    first, second, third = (seen.books[name] for name in ("producer", "consumer", "video"))
    return first["numbers"].arrived >= FRAMES and all(
        first[camera].out == second[camera].arrived + second[camera].lost_upstream
        and second[camera].out == third[camera].arrived + third[camera].lost_upstream
        for camera in first
    )


def _watch(chain: Chain, seen: Run, programs: dict[str, Program]) -> None:
    """Watch until the last picture of the film has been shown, or no new one arrives."""
    stop = threading.Event()

    def view() -> None:
        seen.parts.extend(mjpeg(chain.port, "/cameras/numbers/stream", stop))

    def ask() -> None:
        while not stop.is_set():
            for camera, answers in (("numbers", seen.answers), ("chelsea", seen.chelsea)):
                answer = chain.ask(f"/cameras/{camera}/predictions")
                if answer is not None:
                    answers.append(answer)
            stop.wait(0.05)

    threads = [threading.Thread(target=target, daemon=True) for target in (view, ask)]
    for thread in threads:
        thread.start()
    producer = programs["producer"]
    pids = {name: program.process.pid for name, program in programs.items()}
    pids |= {f"capture {number}": pid for number, pid in enumerate(children_of(producer.process.pid))}
    while producer.process.poll() is None and _up(producer, "numbers"):
        for name, pid in pids.items():
            use = use_of(pid)
            if use is not None:
                seen.uses.setdefault(name, []).append(use)
        time.sleep(SAMPLE_S)
    stop.set()
    for thread in threads:
        thread.join(10)  # the still picture repeats every second, so the viewer notices the stop


def live_parts(run: Run) -> list[Part]:
    """Return what the viewer got up to the film's last frame; after it come pictures that say CAMERA DOWN."""
    numbers = [part.sequence for part in run.parts]
    return run.parts[: numbers.index(numbers[-1]) + 1]


def test_frames_come_in_order_and_none_twice(run: Run) -> None:
    """A viewer's frames only ever get newer; one that comes again is the same still, and says so by its number."""
    parts = live_parts(run)

    assert len({part.sequence for part in parts}) > FRAMES / 3
    for before, after in pairwise(parts):
        if after.sequence == before.sequence:
            assert after.headers["x-timestamp"] == before.headers["x-timestamp"]
            assert after.picture == before.picture
        else:
            assert after.sequence > before.sequence
    assert parts[-1].sequence == run.shown[-1].seq, "the film's last frame was shown"


def test_the_number_in_the_picture_is_that_of_its_sequence(run: Run) -> None:
    """From the film through both topics to the viewer: each sequence stands for one picture, with its capture time."""
    numbers = {seq: read_number(frame.jpeg) for seq, frame in run.source().items()}

    # The producer gives numbers to what it sends: each one that it dropped before makes the difference one larger.
    differences = [numbers[seq] - (seq - 1) for seq in sorted(numbers)]
    assert differences == sorted(differences)
    assert 0 <= differences[0] <= differences[-1] == sum(run.books["producer"]["numbers"].dropped.values())
    compared = 0
    for part in live_parts(run):
        frame = run.source().get(part.sequence)
        if frame is None:
            continue  # the broker forgets after two seconds: this test was late, not the suite
        compared += 1
        assert read_number(part.picture) == numbers[part.sequence]
        assert round(float(part.headers["x-timestamp"]) * 1e6) == pytest.approx(frame.captured_at, abs=1)
    assert compared > FRAMES / 3


def test_the_film_is_in_the_books_to_the_last_frame(run: Run) -> None:
    """The camera gave as many as the film has; the broker holds what producer and consumer say went out."""
    books = run.books

    assert books["producer"]["numbers"].arrived == FRAMES
    assert run.written["videocam"] == sum(one.out for one in books["producer"].values())
    assert run.written["videodisplay"] == sum(one.out for one in books["consumer"].values())


@pytest.mark.parametrize("camera", ["numbers", "chelsea"])
def test_the_ledger_balances_at_every_stage_and_between_them(run: Run, camera: str) -> None:
    """in = out + Σ dropped in each of three processes, and what one sent the next has, or calls lost."""
    producer, consumer, video = (run.books[service][camera] for service in ("producer", "consumer", "video"))

    assert producer.balance
    assert consumer.balance
    assert video.balance
    assert producer.out == consumer.arrived + consumer.lost_upstream
    assert consumer.out == video.arrived + video.lost_upstream
    assert video.out > 0


def test_nothing_grows_over_the_run(run: Run) -> None:
    """Memory, files and threads of each process; who kept every second frame would be found."""
    mean_size = statistics.mean(len(frame.jpeg) for frame in run.taken)
    assert {"producer", "consumer", "video", "broker", "capture 0", "capture 1"} <= set(run.uses)
    for name, uses in run.uses.items():
        quarter = len(uses) // 4
        early, late = uses[quarter : 2 * quarter], uses[-quarter:]
        frames = FRAMES * 0.6  # between the middles of the second and the last quarter

        grown = statistics.median(use.rss for use in late) - statistics.median(use.rss for use in early)
        if name != "broker":  # it fills 5 MB per partition
            assert grown < frames * mean_size / 2, f"{name} has grown by {grown / 1e6:.1f} MB"
        assert max(use.files for use in late) <= max(use.files for use in early) + 4, name
        assert max(use.threads for use in late) <= max(use.threads for use in early) + 4, name
    assert max(use.rss for use in run.uses["broker"]) < BROKER_MB * 1e6


def test_models_never_see_a_picture_that_was_drawn_on(run: Run) -> None:
    """Each picture that they were asked about is one of the producer's, byte by byte."""
    known = {sha256(frame.jpeg).digest() for frame in (*run.taken, *run.stills)}
    drawn = {sha256(frame.jpeg).digest() for frame in run.shown} - known
    asked = [sha256(picture).digest() for picture in run.asked]
    unread = run.written["videocam"] - len(run.taken) - len(run.stills)

    assert len(asked) > 50
    assert len(drawn) > FRAMES / 3
    assert not drawn & set(asked)
    assert sum(picture not in known for picture in asked) <= 2 * unread


def test_a_prediction_is_about_the_frame_that_it_names(run: Run) -> None:
    """The class that the counting model gave is the number in the picture of that sequence; the record is whole."""
    labels = read_labels(str(ASSETS / "imagenetLabels.json"))
    source = run.source()
    compared = 0

    for said in run.predicted:
        assert set(said) == {
            *("camera", "run", "seq", "captured_at", "model", "kind", "version", "shadow"),
            *("requested_at", "answered_at", "predictions"),
        }
        assert said["model"] in {REAL, COUNTING}
        assert said["captured_at"] <= said["requested_at"] <= said["answered_at"]
        probabilities = [one["probability"] for one in said["predictions"]]
        assert probabilities == sorted(probabilities, reverse=True)
        for one in said["predictions"]:
            assert one["label"] == labels.get(one["class"], "background")
        if said["camera"] != "numbers" or said["seq"] not in source:
            continue
        assert said["captured_at"] == source[said["seq"]].captured_at
        if said["model"] == COUNTING:
            compared += 1
            best = said["predictions"][0]
            assert best["class"] == read_number(source[said["seq"]].jpeg) % 1000
            assert best["probability"] == PROBABILITY
    assert compared > 20
    assert {said["version"] for said in run.predicted if said["model"] == COUNTING} <= {VERSION, None}
    assert VERSION in {said["version"] for said in run.predicted}


def test_what_a_frame_says_of_itself_is_what_the_models_said(run: Run) -> None:
    """Label, probability, sequence and age in the header are those of the record on `videopredictions`."""
    records = {(said["model"], said["seq"]): said for said in run.predicted if said["camera"] == "numbers"}
    states = set()

    for frame in run.shown:
        for said in json.loads(frame.predictions):
            states.add(said["state"])
            if said["state"] not in {"ok", "stale"}:
                assert said["label"] is None
                continue
            record = records[said["model"], said["seq"]]
            best = record["predictions"][0]
            assert (said["label"], said["probability"], said["class"]) == (
                *(best["label"], best["probability"], best["class"]),
            )
            assert said["captured_at"] == record["captured_at"]
            assert said["run"] == frame.run
            assert said["age_ms"] == pytest.approx((frame.captured_at - record["captured_at"]) / 1000, abs=0.06)
            assert (said["state"] == "stale") == (frame.captured_at - record["captured_at"] > 1_000_000)
            assert said["version"] == record["version"]
    assert {"ok", "stale"} <= states


def test_the_picture_shows_what_its_header_says(run: Run) -> None:
    """Drawing the header's text on the producer's JPEG again gives the viewers' picture, byte for byte."""
    source = run.source()
    compared = 0
    for frame in run.shown:
        if frame.seq not in source or any(said["state"] == "down" for said in json.loads(frame.predictions)):
            continue
        compared += 1
        assert imprint(source[frame.seq].jpeg, overlay_of(frame), quality=80) == frame.jpeg
    assert compared > FRAMES / 3
    pictures = {frame.seq: frame.jpeg for frame in run.shown}
    for part in live_parts(run):
        assert part.picture == pictures.get(part.sequence, part.picture)


def overlay_of(frame: Frame) -> Overlay:
    """Return what the header says is drawn."""
    lines = []
    for said in json.loads(frame.predictions):
        if said["label"] is not None:
            note = f"{said['probability']:.0%}"
            if said["state"] == "stale":
                note += f" {(frame.captured_at - said['captured_at']) / 1e6:.1f} s ago"
            lines.append(Line(said["label"], note, LineState.STALE if said["state"] == "stale" else LineState.NORMAL))
    return Overlay(tuple(lines))


def test_the_predictions_over_http_are_those_of_the_newest_frame(run: Run) -> None:
    """What /cameras/{id}/predictions answers for a sequence is what stands in that frame's header."""
    headers = {frame.seq: frame for frame in run.shown}
    compared = 0

    for answer in run.answers:
        frame = headers.get(answer["seq"])
        if frame is None:
            continue
        compared += 1
        assert answer["predictions"] == json.loads(frame.predictions)
        assert (answer["camera"], answer["run"]) == ("numbers", frame.run)
        assert (answer["captured_at"], answer["imprinted_at"]) == (frame.captured_at, frame.imprinted_at)
    assert compared > 20
    sequences = [answer["seq"] for answer in run.answers]
    assert sequences == sorted(sequences)


def test_the_real_model_knows_the_cat(run: Run) -> None:
    """Chelsea is an Egyptian cat, 0.785 with the original weights; JPEG moves that a little."""
    said = next(one for one in run.chelsea[-1]["predictions"] if one["model"] == REAL)

    assert said["state"] == "ok"
    assert said["label"] == "Egyptian cat"
    assert said["probability"] == pytest.approx(0.785, abs=0.06)


def test_services_that_run_well_say_little(run: Run) -> None:
    """No traceback, no error, and no line per frame."""
    for name, log in run.logs.items():
        assert "Traceback" not in log, log
        assert "ERROR" not in log, log
        assert len(log.splitlines()) < FRAMES / 3, name
