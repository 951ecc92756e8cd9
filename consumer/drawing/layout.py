"""Places everything of an overlay on a picture of a given size."""

from collections.abc import Iterator

from consumer.drawing import caption_patch, colours
from consumer.drawing.mark import Corners, Dot, Mark, Outline, Patch
from consumer.drawing.memory import BoundedMemory
from consumer.drawing.places import Edges, Places
from consumer.overlay import Box, Line, LineState, Overlay

MOST_BOXES = 300
"""Boxes that are drawn, the first ones; a models document allows 100 of each model."""
MOST_CAPTIONS = 60
"""Boxes that have a caption, if there is a free place for it; the others have the colour of their label."""
MOST_POINTS = 64
"""Key points of a box that are drawn."""
MOST_LINES = 16
"""Lines from the top left corner downwards; as many models may be asked."""
MOST_BYTES = 16_000_000
"""Of the layouts that are kept, each of which keeps its captions."""

_CAPTION_HEIGHT = 27  # pixels in a picture 1280 wide: one and the margin fill two rows of MCUs, two of them four
_MCU_HEIGHT = 16  # pixels, at 4:2:0
_SMALLEST_CAPTION = 14  # pixels: capitals 7 pixels high can just be read
_LARGEST_CAPTION = 160  # pixels, in a picture 13,700 wide; a picture 65,500 wide would take gigabytes for its captions
_SMALL_BOX = 3  # heights of a caption; a smaller box has a caption of the smaller size
_SMALLER = 0.75
_CROWD = 25  # boxes; more have thinner outlines
_FARTHEST = 1 << 16  # pixels; no coordinate beyond that can be seen

# At 25 frames a second two frames mostly say the same.
_kept: BoundedMemory[tuple[Mark, ...]] = BoundedMemory(
    MOST_BYTES, lambda marks: sum(400 + (2 * mark.colour.nbytes if isinstance(mark, Patch) else 0) for mark in marks)
)


def layout(overlay: Overlay, width: int, height: int) -> tuple[Mark, ...]:
    """Return the marks to draw, in order, on a picture of a size in pixels; none lies outside it."""
    return _kept.get((overlay, width, height), lambda: _layout(overlay, width, height))


def used_bytes() -> int:
    """Return what the kept layouts take."""
    return _kept.used_bytes


def _layout(overlay: Overlay, width: int, height: int) -> tuple[Mark, ...]:
    size = min(max(_SMALLEST_CAPTION, round(_CAPTION_HEIGHT * (width / 1280) ** 0.75)), _LARGEST_CAPTION)
    places = Places(width, height)
    lines = list(_lines(overlay.lines[:MOST_LINES], width, size))
    for line in lines:
        places.take(line.x, line.y, line.colour.shape[1], len(line.colour))
    outlines, captions = _boxes(overlay.boxes, places, size)
    marks: list[Mark] = [*outlines, *captions, *lines]
    return tuple(mark for mark in marks if mark.top < height and mark.bottom > 0)


def _lines(lines: tuple[Line, ...], width: int, size: int) -> Iterator[Patch]:
    """Yield captions, one below the other."""
    margin, gap = max(2, round(size * 0.22)), max(1, round(size * 0.12))
    over = (margin + size) % _MCU_HEIGHT
    if over <= margin // 3:  # a row of MCUs for a pixel or two, as in 720p: decoding and encoding it is saved
        margin -= over
    for number, line in enumerate(lines):
        pixels = caption_patch.pixels(caption_patch.fitted(line, size, width - 2 * margin))
        yield Patch(margin, margin + number * (size + gap), *pixels)


def _boxes(boxes: tuple[Box, ...], places: Places, size: int) -> tuple[list[Mark], list[Mark]]:
    """Return the outlines and points of boxes, the first ones on top, and captions."""
    outlines: list[list[Mark]] = []
    captions: list[Mark] = []
    visible = [(box, edges) for box in boxes if _is_visible(edges := _edges(box), places)][:MOST_BOXES]
    thickness = max(2, round(size / 10)) if len(visible) <= _CROWD else max(1, round(size / 20))
    for box, edges in visible:
        colour = colours.of_label(box.line.text)
        outlines.append(list(_shape(box, edges, thickness, colour)))
        if (box.line.text or box.line.note) and len(captions) < MOST_CAPTIONS:
            small = min(edges[2] - edges[0], edges[3] - edges[1]) < _SMALL_BOX * size
            height = max(_SMALLEST_CAPTION, round(size * _SMALLER)) if small else size
            found = places.find(box, _within(edges, places), height, thickness)
            if found is not None:
                caption, (x, y) = found
                captions.append(Patch(x, y, *caption_patch.pixels(caption, colour)))
    return [mark for marks in reversed(outlines) for mark in marks], captions


def _shape(box: Box, edges: Edges, thickness: int, colour: colours.Colour) -> Iterator[Mark]:
    """Yield the outline of a box, of an old one its corners only, and its points."""
    left, top, right, bottom = edges
    if box.outlined and box.line.state is LineState.STALE:
        arm, rise = (right - left) // 4, (bottom - top) // 4
        yield Corners(left, top, right, top + rise, arm, thickness, colour)
        yield Corners(left, bottom, right, bottom - rise, arm, thickness, colour)
    elif box.outlined:
        yield Outline(left, top, right, bottom, thickness, colour)
    for x, y in box.points[:MOST_POINTS]:
        yield Dot(_seen(x), _seen(y), thickness + 1, colour)


def _edges(box: Box) -> Edges:
    """Return the left, upper, right and lower edge of a box; one of negative size has none."""
    right, bottom = box.x + max(box.width, 0), box.y + max(box.height, 0)
    return _seen(box.x), _seen(box.y), _seen(right), _seen(bottom)


def _within(edges: Edges, places: Places) -> Edges:
    """Return the part of a box that is in the picture."""
    left, top, right, bottom = edges
    return max(left, 0), max(top, 0), min(right, places.width), min(bottom, places.height)


def _is_visible(edges: Edges, places: Places) -> bool:
    left, top, right, bottom = edges
    return right >= 0 and bottom >= 0 and left < places.width and top < places.height


def _seen(at: int) -> int:
    return min(max(at, -_FARTHEST), _FARTHEST)
