"""The suite end to end on a real Kafka, with our records and the original's raw ones."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kafka.node import Node
from tests.end_to_end.model_server import PROBABILITY, ModelServer
from tests.end_to_end.numbered import read_number, write_png, write_video
from tests.kafka.chain import MODEL, KafkaChain, settled
from tests.kafka.faults import Viewer
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka
FRAMES = 75


@pytest.fixture(scope="module")
def chain(kafka: Node) -> Iterator[KafkaChain]:
    with ModelServer() as models, KafkaChain(kafka, models, suffix="-suite") as chain:
        yield chain


def test_a_labelled_film_comes_from_the_file_to_the_client(chain: KafkaChain, tmp_path: Path) -> None:
    """Pictures arrive in order with labels, and at the end every stage accounts for every frame."""
    film = write_video(tmp_path / "film.mkv", FRAMES)
    numbers: list[int] = []
    producer = chain.produce(CAMERAS=json.dumps({"film": str(film)}))
    wait_until(lambda: chain.ask("/cameras/film/predictions"), "a first frame")
    with Viewer(chain.port, "film") as viewer:
        wait_until(lambda: (chain.predictions("film").get(MODEL) or {}).get("label"), "a label is drawn")
        film.unlink()  # it is played to its end once
        seen: set[str] = set()
        while viewer.watches and len(numbers) < 20 and producer.books("film").arrived < FRAMES:
            newest = viewer.newest
            # A picture that is repeated with a notice, as where a machine is too busy, is no new frame.
            if newest is not None and newest.headers["x-sequence"] not in seen:
                seen.add(newest.headers["x-sequence"])
                numbers.append(read_number(newest.picture))
    prediction = chain.predictions("film")[MODEL]

    assert numbers == sorted(numbers)
    assert prediction["probability"] == pytest.approx(PROBABILITY, abs=0.01)
    wait_until(lambda: producer.books("film").arrived >= FRAMES, "the film has ended")
    wait_until(lambda: settled(producer, chain.consumer, chain.video, "film"), "every frame is accounted for")
    assert producer.books("film").arrived == FRAMES  # a busy machine writes fewer, and accounts for the others
    assert not chain.consumer.books("film").lost_upstream


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_raw_json_of_the_original_comes_through(chain: KafkaChain, tmp_path: Path, width: int, height: int) -> None:
    """A record of 3.7 or 8.3 MB is read as a frame of its camera, with the pixels of its JPEG."""
    still = write_png(tmp_path / "still.png", height, width, height)
    camera = f"raw-{height}"
    producer = chain.produce(CAMERAS=json.dumps({camera: str(still)}), FRAMEFORMAT="json", FRAMEINTERVAL="250ms")
    wait_until(lambda: chain.ask(f"/cameras/{camera}/predictions"), "a first frame")
    with Viewer(chain.port, camera) as viewer:
        wait_until(lambda: viewer.newest is not None, "a picture")
        assert viewer.newest is not None
        shown = viewer.newest.picture
    (listed,) = [one for one in chain.ask("/cameras") if one["id"] == camera]

    assert read_number(shown) == height
    assert (listed["width"], listed["height"]) == (width, height)
    assert producer.ends() == 0
    assert chain.consumer.books(camera).balance
