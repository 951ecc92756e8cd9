"""The colours of labels."""

import math
import subprocess
import sys
from itertools import combinations

import pytest

from consumer.drawing.colours import HUES, Colour, of_label
from consumer.drawing.mark import EDGE

TOGETHER = (
    ("person", "bicycle", "car", "motorcycle", "bus", "truck", "traffic light", "dog", "cat"),
    ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    ("person", "chair", "couch", "tv", "laptop", "bottle", "cup", "cat", "dog"),
    ("face", "person", "happy"),
)
LABELS = [f"label {number}" for number in range(1000)]


def linear(value: int) -> float:
    part = value / 255
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def luminance(colour: Colour) -> float:
    """Return the relative luminance of WCAG 2.2."""
    blue, green, red = map(linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(colour: Colour) -> tuple[float, float, float]:
    """Return OKLab of sRGB, in which a distance of 0.02 can just be seen."""
    blue, green, red = map(linear, colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def test_a_label_has_the_same_colour_in_another_process() -> None:
    """Whatever seed Python's own hashes have there."""
    labels = ["person", "猫", ""]
    program = f"from consumer.drawing.colours import of_label; print([of_label(x) for x in {labels!r}])"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONHASHSEED": "7"}, check=True
    )

    assert done.stdout.strip() == str([of_label(label) for label in labels])


def test_labels_have_many_colours() -> None:
    assert len({of_label(label) for label in LABELS}) == 2 * HUES


@pytest.mark.parametrize("labels", TOGETHER)
def test_labels_that_are_seen_together_differ(labels: tuple[str, ...]) -> None:
    """By three times what can just be seen."""
    for one, other in combinations(labels, 2):
        assert math.dist(lab(of_label(one)), lab(of_label(other))) > 0.06, (one, other)


def test_every_colour_can_be_read() -> None:
    """On the ground of captions at night, and with its dark edge on a white sky."""
    for colour in {of_label(label) for label in LABELS}:
        assert contrast(colour, (28, 22, 18)) > 4.5  # WCAG 2.2, 1.4.3
        assert contrast(EDGE, (255, 255, 255)) > 4.5
        assert contrast(colour, EDGE) > 3  # WCAG 2.2, 1.4.11
