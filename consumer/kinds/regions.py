"""The parts of pictures that a model is asked about: the whole of each, or the boxes that another model found."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.kinds.kind import Request
from consumer.kinds.picture_input import PictureInput
from consumer.pictures.picture import Picture
from consumer.pictures.placement import Placement
from consumer.prediction import Box

MOST_REGIONS = 32
"""Parts of one picture; of more, the largest are taken."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a row of a batch is about.

    Attributes:
        box: the part of the frame, pixels; None: all of it.
        placement: where the part lies in the row.
        frame_size: width and height of the frame, pixels.
    """

    box: Box | None
    placement: Placement
    frame_size: tuple[int, int]


def make_request(
    source: PictureInput,
    pictures: Sequence[Picture],
    regions: Sequence[tuple[Box, ...] | None],
    *,
    margin: float = 0.0,
) -> Request:
    """Return a request with a row for each region of each picture; its `places` are a `Place` for each row.

    Args:
        source: what the model takes.
        pictures: the frames.
        regions: as of `Kind.request`. Parts outside the picture are cut off, and at most MOST_REGIONS are taken.
        margin: by which a region is grown on every side for the model, as a share of its width and height.

    Raises:
        BadPicture: a picture cannot be decoded.
    """
    parts: list[tuple[Picture, Box | None]] = []
    boxes: list[Box | None] = []
    rows: list[int] = []
    for picture, wanted in zip(pictures, regions, strict=True):
        shown = [None] if wanted is None else _largest(wanted, picture.size)
        parts.extend((picture, box and grown(box, margin, picture.size)) for box in shown)
        boxes.extend(shown)
        rows.append(len(shown))
    if not parts:
        return Request({}, tuple(rows))
    inputs, placements = source.tensors(parts)
    places = (
        Place(box, placement, picture.size)
        for box, placement, (picture, _) in zip(boxes, placements, parts, strict=True)
    )
    return Request(inputs, tuple(rows), tuple(places))


def grown(box: Box, margin: float, size: tuple[int, int]) -> Box:
    """Return a box grown on every side by a share of its width and height, within a picture of some size."""
    x, y, width, height = box
    across, down = round(width * margin), round(height * margin)
    left, top = max(0, x - across), max(0, y - down)
    right, bottom = min(size[0], x + width + across), min(size[1], y + height + down)
    return left, top, right - left, bottom - top


def clipped(box: Box, size: tuple[int, int]) -> Box | None:
    """Return the part of a box that lies within a picture of some size; None if there is none."""
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(size[0], box[0] + box[2]), min(size[1], box[1] + box[3])
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def _largest(boxes: Sequence[Box], size: tuple[int, int]) -> list[Box | None]:
    within = [shown for box in boxes if (shown := clipped(box, size)) is not None]
    if len(within) <= MOST_REGIONS:
        return list(within)
    return sorted(within, key=lambda box: box[2] * box[3], reverse=True)[:MOST_REGIONS]  # type: ignore[return-value]
