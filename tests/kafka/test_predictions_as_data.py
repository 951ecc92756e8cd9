"""The consumers of docs/predictions.md, and the stream of events, against a real Kafka."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from local.kafka.node import Node
from shared.bus import Bus, DeclaredTopic, Topics
from shared.errors import BusError
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.kafka.chain import MODEL, KafkaChain
from tests.kafka.properties import of_client
from tests.kafka.secured import SecuredNode
from tests.requirements import need
from tests.suite import LOOPBACK, ROOT
from tests.video.events.event_stage import EventReader, Predictions, ReceivedEvent, serving
from tests.waiting import PATIENCE_S, becomes_true, wait_until

pytestmark = pytest.mark.kafka
CAMERA = "front"
ENOUGH = 10  # predictions that a consumer of the document has to get


@pytest.fixture(scope="module")
def chain(kafka: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaChain]:
    with ModelServer(takes_s=lambda _: 0.05) as models, KafkaChain(kafka, models, suffix="-data") as chain:
        film = write_video(tmp_path_factory.mktemp("films") / "numbers.mkv", 100)
        chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}), FRAMEINTERVAL="40ms")
        wait_until(lambda: (chain.predictions(CAMERA).get(MODEL) or {}).get("label"), "a label is drawn")
        yield chain


def documented(language: str, part: str) -> str:
    """Return the first block of code of a language in docs/predictions.md that contains a text."""
    text = (ROOT / "docs" / "predictions.md").read_text()
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return next(block for block in blocks if part in block)


def lines_of(chain: KafkaChain, command: list[str], enough: Callable[[list[str]], bool], **variables: str) -> list[str]:
    """Run a command until its output is enough; return the lines."""
    environment = {
        **os.environ,
        "KAFKA": chain.bus.servers,
        "TOPIC": chain.topic("videopredictions"),
        "VIDEO": f"http://{LOOPBACK}:{chain.port}",
        **variables,
    }
    lines: list[str] = []
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        ) as process,
    ):
        assert process.stdout is not None
        reading = threading.Thread(target=lines.extend, args=(process.stdout,))
        reading.start()
        becomes_true(lambda: enough(list(lines)) or process.poll() is not None)
        process.kill()
        reading.join(PATIENCE_S)
        errors.seek(0)
        output = errors.read()
    lines = [line.rstrip("\n") for line in lines]
    assert enough(lines), (lines, output)
    return lines


def test_curl_gets_events_and_continues(chain: KafkaChain) -> None:
    """As the document says: with a filter, and behind the last event of an earlier connection."""
    need("curl", present=shutil.which("curl") is not None, install="apt-get install curl")

    def run(block: str, **variables: str) -> list[tuple[str, dict[str, object]]]:
        command = ["bash", "-c", f"exec {block.strip()}"]
        lines = lines_of(chain, command, lambda lines: len(lines) > 3 * ENOUGH + 1, **variables)
        ids = [line.removeprefix("id: ") for line in lines if line.startswith("id: ")]
        data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        return list(zip(ids, data, strict=False))

    first = run(documented("sh", "min=0.5"))
    again = run(documented("sh", "Last-Event-ID"), LAST_ID=first[0][0])

    assert {event["camera"] for _, event in first} == {CAMERA}
    both = min(len(first) - 1, len(again))
    assert both >= ENOUGH - 2
    assert [event["seq"] for _, event in first[1 : both + 1]] == [event["seq"] for _, event in again[:both]]


def test_the_program_in_python_gets_predictions(chain: KafkaChain, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    # What a secured bus needs more stands beside its address.
    address = '"bootstrap.servers": '
    program.write_text(
        documented("python", "Consumer").replace(address, f"**{dict(chain.bus.properties)!r}, {address}")
    )

    lines = lines_of(chain, [sys.executable, str(program)], lambda lines: len(lines) >= ENOUGH)

    assert all(re.fullmatch(rf"{CAMERA} {MODEL} .+ [01]\.\d+", line) for line in lines[:ENOUGH]), lines


def test_kcat_shows_ten_predictions(chain: KafkaChain, tmp_path: Path) -> None:
    need("kcat", present=shutil.which("kcat") is not None, install="apt-get install kcat")

    command = ["bash", "-c", documented("sh", "kcat")]
    lines = lines_of(chain, command, lambda lines: len(lines) >= 10, KCAT_CONFIG=str(kcat_config(chain, tmp_path)))

    assert len(lines) == 10
    for line in lines:
        camera, _, text = line.partition(" ")
        assert json.loads(text)["camera"] == camera == CAMERA


def kcat_config(chain: KafkaChain, folder: Path) -> Path:
    """Write a file of properties as kcat reads it: what a secured bus needs, or nothing."""
    lines = []
    if isinstance(chain.node, SecuredNode):
        tls = chain.node.credentials.folder / "tls"
        lines = ["security.protocol=SSL", f"ssl.ca.location={tls / 'ca.pem'}"]
        lines += [f"ssl.{what}.location={tls / 'admin.pem'}" for what in ("key", "certificate")]
    path = folder / "kcat.conf"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_topic_that_is_created_again_starts_a_new_stream(kafka: Node) -> None:
    """A reader is told, now and when it comes back with an old id; then it gets what is new."""
    bus, topic = kafka.bus, "predictions-again"
    admin = Topics(bus)
    admin.apply(DeclaredTopic(topic, 3, {}))
    with Predictions(bus, topic) as predictions, serving(predictions) as stage:
        with EventReader(stage.port) as reader:
            predictions.write(1)
            old = reader.event()
            recreate(bus, topic, 3)
            assert next_named(predictions, reader, "reset").json["reason"]
        with EventReader(stage.port, last_id=old.id) as reader:
            assert reader.event().name == "reset"
            predictions.write(500)
            assert next_of(reader, 500)


def test_records_that_the_topic_keeps_no_longer_are_told(kafka: Node) -> None:
    """A reader that was away for longer than the retention learns how many records are gone, and gets the rest."""
    bus, topic = kafka.bus, "predictions-expired"
    Topics(bus).apply(DeclaredTopic(topic, 1, {}))
    with Predictions(bus, topic) as predictions:
        with serving(predictions) as stage, EventReader(stage.port) as reader:
            predictions.write(1)
            first = reader.event()
            predictions.write(*range(2, 12))
            reader.events(10)
        delete_before(bus, topic, 8)
    with (
        Predictions(bus, topic) as others,  # it writes one record, number 0
        serving(others) as stage,
        EventReader(stage.port, last_id=first.id) as reader,
    ):
        missed = reader.event()
        seqs = reader.seqs(5)

    assert (missed.name, missed.json["missed"]) == ("missed", 6)  # of offsets 2 to 11, those before 8 are gone
    assert seqs == [8, 9, 10, 11, 0]


def next_named(predictions: Predictions, reader: EventReader, name: str) -> ReceivedEvent:
    """Return the next event of a name; predictions are written until it comes."""
    written = threading.Event()

    def write() -> None:
        for seq in itertools.count(100):
            if written.wait(0.2):
                return
            with suppress(AssertionError):  # written while there is no topic
                predictions.write(seq)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        while (event := reader.event()).name != name:
            pass
    finally:
        written.set()
        writing.join()
    return event


def next_of(reader: EventReader, seq: int) -> bool:
    """Read on to the prediction of a frame."""
    while (event := reader.event()).name != "message" or event.seq != seq:
        pass
    return True


def recreate(bus: Bus, topic: str, partitions: int) -> None:
    """Delete a topic, and create it again under the same name."""
    admin = AdminClient(of_client(bus))
    admin.delete_topics([topic], operation_timeout=10)[topic].result(PATIENCE_S)
    wait_until(lambda: created(bus, topic, partitions), "the topic is there again")


def created(bus: Bus, topic: str, partitions: int) -> bool:
    with suppress(BusError):  # it may still be about to be deleted
        return bool(Topics(bus).apply(DeclaredTopic(topic, partitions, {})))
    return False


def delete_before(bus: Bus, topic: str, offset: int) -> None:
    """Let the oldest records of a partition expire at once."""
    admin = AdminClient(of_client(bus))
    (deleted,) = admin.delete_records([TopicPartition(topic, 0, offset)]).values()
    assert deleted.result(PATIENCE_S).low_watermark == offset
