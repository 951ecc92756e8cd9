"""Emotions: faces found, cut out and labelled as the original does."""

import cv2
import numpy as np
import pytest

from consumer.kinds import Kind
from consumer.pictures.picture import Picture
from consumer.prediction import Finding
from consumer.servers.tfserving import row_format
from consumer.tensors import Signature
from tests.consumer.kinds.models import boxes_of, made, picture, signature
from tests.consumer.kinds.real_pictures import photograph

EMOTIONS = {0: "angry", 1: "disgust", 2: "fear", 3: "happy", 4: "sad", 5: "surprise", 6: "neutral"}
FER = signature({"faces": ("float32", (-1, 64, 64, 1))}, {"emotions": (-1, 7)})
HAPPY = [0.0, 0.0, 0.1, 0.75, 0.05, 0.0, 0.1]


def emotion(of: Signature = FER, **values: object) -> Kind:
    return made("emotion", of, EMOTIONS, **values)


def astronaut() -> Picture:
    """Return a photograph with one face, as a JPEG that loses little."""
    return Picture(photograph("astronaut.png"))


def expected_face(of: Picture, side: int) -> tuple[tuple[int, int, int, int], np.ndarray]:
    """Return the face and its pixels as the original's calls of OpenCV give them."""
    grey = cv2.cvtColor(cv2.imdecode(np.frombuffer(of.jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2GRAY)  # type: ignore[arg-type]
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")  # type: ignore[attr-defined]
    ((x, y, width, height),) = cascade.detectMultiScale(grey, 1.3, 5, 0, (48, 48))
    face = cv2.resize(grey[y : y + height, x : x + width], (side, side), interpolation=cv2.INTER_LINEAR)
    return (int(x), int(y), int(width), int(height)), face.astype(np.float32) / np.float32(255)


@pytest.mark.parametrize(("of", "name", "side"), [(FER, "faces", 64), (Signature(), "faces", 48)])
def test_a_face_is_cut_out_in_grey_as_the_original_does(of: Signature, name: str, side: int) -> None:
    """float32 [n, h, w, 1] from 0 to 1, of the model's size; the original's is 48×48."""
    kind, shown = emotion(of), astronaut()
    box, face = expected_face(shown, side)

    request = kind.request([shown], [None])

    assert request.rows == (1,)
    (values,) = request.inputs.values()
    assert list(request.inputs) == [name]
    assert (values.shape, values.dtype.name) == ((1, side, side, 1), "float32")
    np.testing.assert_array_equal(values[0, :, :, 0], face)
    assert row_format(request.inputs).startswith(b'{"instances":[[[[')
    assert kind.findings({"emotions": np.array([HAPPY])}, request) == [(Finding(3, "happy", 0.75, box),)]


def test_several_faces_are_one_request() -> None:
    """Of one picture, or of several; each has a row."""
    kind = emotion()
    one = photograph("astronaut.png")
    image = cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    two = Picture(cv2.imencode(".jpg", np.hstack([image, image]), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())

    request = kind.request([two, picture(), Picture(one)], [None, None, None])
    rows = np.array([HAPPY, [0.9, 0, 0, 0, 0, 0, 0.1], HAPPY])
    found = kind.findings({"emotions": rows}, request)

    assert request.rows == (2, 0, 1)
    assert [[finding.label for finding in of_one] for of_one in found] == [["angry", "happy"], [], ["happy"]]
    left, right = sorted(box[0] for box in boxes_of(found[0]) if box)
    assert right - left == pytest.approx(512, abs=8)


def test_without_a_face_there_is_nothing_to_ask() -> None:
    """And a face smaller than 48×48 is none."""
    small = cv2.resize(cv2.imdecode(np.frombuffer(astronaut().jpeg, np.uint8), cv2.IMREAD_COLOR), (160, 160))  # type: ignore[arg-type]
    kind = emotion()

    request = kind.request([picture(), Picture(cv2.imencode(".jpg", small)[1].tobytes())], [None, None])

    assert (request.rows, dict(request.inputs)) == ((0, 0), {})


def test_faces_of_another_model_are_taken_as_they_are() -> None:
    """`crops` names it; OpenCV looks for none then."""
    request = emotion().request([picture(), picture()], [((10, 20, 100, 120),), ()])

    assert request.rows == (1, 0)
    assert request.places[0].box == (10, 20, 100, 120)


def test_every_face_has_its_likeliest_emotion() -> None:
    """A threshold is for what is drawn."""
    kind = emotion(threshold=0.8)
    request = kind.request([picture()], [((10, 20, 100, 120),)])

    ((finding,),) = kind.findings({"emotions": np.array([HAPPY])}, request)
    assert (finding.label, finding.probability) == ("happy", 0.75)
