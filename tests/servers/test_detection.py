"""A detector on real servers of the Open Inference Protocol finds what its SavedModel finds when it is run directly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from consumer.kinds import Kind, make_kind
from consumer.labels import read_labels
from consumer.model_spec import ModelEntry, ModelSpec, named
from consumer.pictures.picture import Picture
from consumer.servers import ModelServer, connect
from consumer.servers.errors import ServingRefusal
from consumer.tensors import Tensors
from shared.frames import pixels
from shared.packages import data_file
from tests.models import exported
from tests.servers.conftest import RealServer
from tests.tfserving.models.pictures import jpegs
from tfserving.layout import version_folders
from tfserving.runtime import load_tensorflow

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]  # the first run fetches, installs and converts

BATCH = 4
LOWEST = 0.3  # score of the boxes that are compared
SEEN = {"astronaut": "person", "chelsea": "cat", "coffee": "cup", "motorcycle_left": "motorcycle", "horse": "horse"}


@dataclass(frozen=True)
class Asked:
    """A model of a server, ready to ask."""

    kind: Kind
    server: ModelServer

    def about(self, pictures: list[Picture]) -> tuple[Tensors, Tensors, list[Any]]:
        """Return what was sent, what came, and the findings."""
        request = self.kind.request(pictures, [None] * len(pictures))
        outputs = self.server.infer(request.inputs, timeout_s=120)
        return request.inputs, outputs, self.kind.findings(outputs, request)


def model(server: RealServer, **values: Any) -> ModelSpec:
    """Return the model as a document describes it: kind, address and protocol, the rest comes from the server."""
    return named("things", ModelEntry(kind="detection", url=server.url, protocol="kserve", **values))


def asked(server: RealServer, **values: Any) -> Asked:
    spec = model(server, **values)
    client = connect(spec, timeout_s=60)
    labels = spec.labels or read_labels(str(data_file("consumer", "assets/cocoLabels.json")))
    assert not isinstance(labels, str)
    return Asked(make_kind(spec, client.signature(), labels), client)


@pytest.fixture(scope="session")
def direct() -> Any:
    """Return the SavedModel's function of pixels."""
    folder = list(version_folders(exported("detector")).values())[-1]
    loaded = load_tensorflow().saved_model.load(str(folder))
    loaded.signatures["tensor"].kept = loaded  # a signature does not keep its variables
    return loaded.signatures["tensor"]


@pytest.fixture(params=["MLServer, JSON", "KServe, JSON", "KServe, binary"])
def found(request: pytest.FixtureRequest) -> Asked:
    name, form = request.param.split(", ")
    return asked(request.getfixturevalue(name.lower()), binary=True if form == "binary" else None)


def overlap(a: Any, b: Any) -> float:
    """Return intersection over union of two boxes [ymin, xmin, ymax, xmax]."""
    height = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return float(height * width / (sum(areas) - height * width))


def test_boxes_and_scores_are_those_of_the_model_itself(
    found: Asked, direct: Any, record_property: Callable[[str, object], None]
) -> None:
    """On eleven pictures in batches: the same boxes and classes, IoU at least 0.99, scores within 0.01."""
    pictures = [Picture(data) for data in jpegs().values()]
    overlaps, differences = [], []
    for start in range(0, len(pictures), BATCH):
        sent, came, _ = found.about(pictures[start : start + BATCH])
        expected = {name: np.asarray(values) for name, values in direct(images=sent["images"]).items()}
        for row in range(len(sent["images"])):
            count = int((expected["detection_scores"][row] >= LOWEST).sum())
            assert int((came["detection_scores"][row] >= LOWEST).sum()) == count
            for box in range(count):
                assert came["detection_classes"][row, box] == expected["detection_classes"][row, box]
                overlaps.append(overlap(came["detection_boxes"][row, box], expected["detection_boxes"][row, box]))
                differences.append(
                    abs(float(came["detection_scores"][row, box] - expected["detection_scores"][row, box]))
                )
    record_property("figures", f"{len(overlaps)} boxes, IoU ≥ {min(overlaps)}, scores within {max(differences)}")
    assert len(pictures) >= 10
    assert len(overlaps) >= 15
    assert min(overlaps) >= 0.99
    assert max(differences) <= 0.01


def test_the_server_describes_the_model(mlserver: RealServer, kserve: RealServer) -> None:
    """Name, type and shapes; KServe tells no version."""
    of_mlserver, of_kserve = (connect(model(server), timeout_s=60) for server in (mlserver, kserve))

    assert of_mlserver.signature() == of_kserve.signature()
    assert str(of_mlserver.signature().inputs["images"]) == "images uint8 [-1, 300, 300, 3]"
    assert str(of_mlserver.signature().outputs["num_detections"]) == "num_detections float32 [-1]"
    assert (of_mlserver.version(), of_kserve.version()) == ("1", None)


def test_outputs_have_their_shapes_for_one_picture_too(found: Asked) -> None:
    """MLServer sends [1, 1] for [1]."""
    _, came, _ = found.about([Picture(jpegs()["coffee"])])

    assert {name: values.shape for name, values in came.items()} == {
        "detection_boxes": (1, 100, 4),
        "detection_classes": (1, 100),
        "detection_scores": (1, 100),
        "num_detections": (1,),
    }


def test_a_runtime_that_decodes_pictures_gets_the_frame_as_it_is(mlserver_encoded: RealServer) -> None:
    """The metadata say so; a request is a tenth as long as one of pixels, and the objects are the same."""
    decoding = asked(mlserver_encoded)
    pictures = {name: Picture(jpegs()[name]) for name in SEEN}

    sent, _, findings = decoding.about(list(pictures.values()))

    assert sent["image_bytes"].tolist() == [picture.jpeg for picture in pictures.values()]
    assert [of_one[0].label for of_one in findings] == list(SEEN.values())


def test_a_model_that_takes_one_picture_is_asked_about_each(yolo: RealServer) -> None:
    """YOLO's form, float32 [1, 3, 64, 64]: two frames are two requests; the letterbox is led back into the frame."""
    colours = {"red": (0, 0, 255), "green": (0, 255, 0)}  # BGR
    frames = [Picture(pixels.encode(np.full((60, 120, 3), colour, np.uint8), 95)) for colour in colours.values()]

    _, came, findings = asked(yolo, labels={0: "red", 1: "green", 2: "blue"}).about(frames)

    assert came["output0"].shape == (2, 7, 3)
    assert [[finding.label for finding in of_one] for of_one in findings] == [["red"], ["green"]]
    # 120×60 in 64×64: 64/120 of the size, bars of 16 above and below; the mean has the bars' grey in it.
    assert [of_one[0].box for of_one in findings] == [(15, 22, 30, 16), (45, 22, 30, 16)]
    assert all(0.6 < of_one[0].probability < 0.8 for of_one in findings)


def test_what_a_server_refuses_is_told_with_its_reason(mlserver: RealServer, kserve: RealServer) -> None:
    """An unknown model, and pixels of another size: each server has a text of its own."""
    for server, text in ((mlserver, "not found"), (kserve, "does not exist")):
        nix = RealServer(server.url.replace("detector", "nix"), server.log, server.process)
        with pytest.raises(ServingRefusal, match=f"HTTP 404: .*nix.*{text}"):
            connect(model(nix), timeout_s=60).signature()
        with pytest.raises(ServingRefusal) as caught:
            connect(model(server), timeout_s=60).infer({"images": np.zeros((1, 3, 3, 3), np.uint8)}, timeout_s=60)
        assert caught.value.status in {400, 500}


def test_bytes_that_a_server_does_not_understand_are_a_refusal(mlserver: RealServer) -> None:
    """MLServer has no binary extension over HTTP: a document that says `binary: true` is answered with a bare text."""
    with pytest.raises(ServingRefusal, match=r"HTTP (500|4\d\d)"):
        asked(mlserver, binary=True).about([Picture(jpegs()["coffee"])])
