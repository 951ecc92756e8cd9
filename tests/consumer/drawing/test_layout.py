"""Where captions, boxes and points are put."""

import random
from itertools import combinations

import cv2
import numpy as np
import pytest

from consumer.drawing import caption_patch
from consumer.drawing import layout as module
from consumer.drawing.colours import of_label
from consumer.drawing.layout import MOST_BOXES, MOST_CAPTIONS, MOST_POINTS, layout, used_bytes
from consumer.drawing.mark import Corners, Dot, Mark, Outline, Patch
from consumer.drawing.memory import BoundedMemory
from consumer.drawing.places import Places
from consumer.overlay import Box, Line, LineState, Overlay
from shared.frames.pixels import Image

SIZES = [(240, 160), (640, 360), (1280, 720), (3840, 2160)]


def box(x: int, y: int, width: int, height: int, label: str = "person", **options: object) -> Box:
    return Box(x, y, width, height, Line(label, "87%"), **options)  # type: ignore[arg-type]


def crowd(width: int, height: int, count: int, seed: int = 1) -> tuple[Box, ...]:
    choose = random.Random(seed)
    return tuple(
        box(
            *(choose.randrange(-width // 8, width), choose.randrange(-height // 8, height)),
            *(choose.randrange(width // 3), choose.randrange(height // 3)),
            label=choose.choice(("person", "traffic light", "自転車", "سيارة", "hair dryer " * 9)),
        )
        for _ in range(count)
    )


def drawn(marks: tuple[Mark, ...], width: int, height: int, ground: int = 128) -> Image:
    image = np.full((height, width, 3), ground, np.uint8)
    for mark in marks:
        mark.draw(image, 0)
    return image


def patches(marks: tuple[Mark, ...]) -> list[tuple[int, int, int, int]]:
    """Return the rectangles of captions."""
    found = (mark for mark in marks if isinstance(mark, Patch))
    return [(one.x, one.y, one.x + one.colour.shape[1], one.bottom) for one in found]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("count", [1, 5, 40, 300, 2000])
def test_captions_cover_no_other_caption(width: int, height: int, count: int) -> None:
    """None is cut by the edge, and none covers another one or a line at the top, however many boxes there are."""
    lines = (Line("Egyptian cat", "87%"), Line("MODEL DOWN emotion", "12 s", LineState.DOWN))

    marks = layout(Overlay(lines, crowd(width, height, count)), width, height)

    captions = patches(marks)
    for (left, top, right, bottom), (l2, t2, r2, b2) in combinations(captions, 2):
        assert left >= r2 or l2 >= right or top >= b2 or t2 >= bottom
    assert all(left >= 0 and right <= width and top >= 0 and bottom <= height for left, top, right, bottom in captions)
    assert len(lines) < len(captions) <= len(lines) + MOST_CAPTIONS
    assert sum(isinstance(mark, Outline) for mark in marks) <= MOST_BOXES


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_caption_of_one_box_is_complete_and_beside_it(width: int, height: int) -> None:
    """Above it; below it at the upper edge of the picture; inside if it fills the picture."""
    middle = box(width // 3, height // 2, width // 4, height // 4)
    for one, place in (
        (middle, "above"),
        (box(width // 3, 0, width // 4, 10), "below"),
        (box(0, 0, width, height), "inside"),
    ):
        marks = layout(Overlay(boxes=(one,)), width, height)
        (outline,) = (mark for mark in marks if isinstance(mark, Outline))
        ((left, top, right, bottom),) = patches(marks)
        assert right - left >= (bottom - top) * 3
        assert abs(left - one.x) <= outline.thickness
        match place:
            case "above":
                assert bottom <= outline.top + outline.thickness
            case "below":
                assert top >= outline.below
            case _:
                assert outline.y < top < bottom < outline.below


def test_a_small_box_has_a_smaller_caption() -> None:
    large = patches(layout(Overlay(boxes=(box(600, 300, 300, 300),)), 1280, 720))[0]
    small = patches(layout(Overlay(boxes=(box(600, 300, 30, 30),)), 1280, 720))[0]

    assert small[3] - small[1] < large[3] - large[1]
    assert small[2] - small[0] < large[2] - large[0]


def test_of_crowded_boxes_the_first_ones_have_captions() -> None:
    """They are the surest; all have an outline."""
    boxes = tuple(box(400 + 30 * (i % 6), 300 + 20 * (i // 6), 60, 60) for i in range(30))

    marks = layout(Overlay(boxes=boxes), 1280, 720)

    first, alone = patches(marks)[0], patches(layout(Overlay(boxes=boxes[:1]), 1280, 720))[0]
    assert np.abs(np.subtract(first, alone)).max() <= 2  # of many boxes, outlines are thinner
    assert 5 < len(patches(marks)) < 30
    assert sum(isinstance(mark, Outline) for mark in marks) == 30


@pytest.mark.parametrize(
    ("gap", "text", "note"), [(300, "traffic light", "87%"), (90, "tr…", "87%"), (58, "traf…", "")]
)
def test_where_there_is_little_room_a_caption_is_shortened(gap: int, text: str, note: str) -> None:
    """The probability stays longer than the end of the label."""
    places = Places(800, 100)
    places.take(0, 0, 400, 100)
    places.take(400 + gap, 0, 400, 100)
    small = box(402, 40, gap - 6, 30, "traffic light")

    found = places.find(small, (402, 40, 396 + gap, 70), 20, 2)

    assert found is not None
    assert (found[0].text, found[0].note) == (text, note)
    assert 400 <= found[1][0] <= 400 + gap - found[0].width
    full = Places(800, 100)
    full.take(0, 0, 800, 100)
    assert full.find(small, (402, 40, 396 + gap, 70), 20, 2) is None


def test_boxes_have_the_colour_of_their_label() -> None:
    """The outline, the bar of the caption and the points; the first box is drawn last, on top."""
    boxes = (box(100, 100, 60, 60, "person", points=((110, 120), (130, 140))), box(300, 100, 60, 60, "car"))

    marks = layout(Overlay(boxes=boxes), 640, 360)

    outlines = [mark for mark in marks if isinstance(mark, Outline)]
    assert [mark.colour for mark in outlines] == [of_label("car"), of_label("person")]
    assert {mark.colour for mark in marks if isinstance(mark, Dot)} == {of_label("person")}
    image = drawn(marks, 640, 360)
    for one in boxes:
        assert tuple(image[one.y, one.x + one.width // 2]) == of_label(one.line.text)
        assert tuple(image[one.y + one.height, one.x + one.width // 2]) == of_label(one.line.text)
        assert tuple(image[one.y + one.height // 2, one.x]) == of_label(one.line.text)
        assert tuple(image[one.y + one.height // 2, one.x + one.width]) == of_label(one.line.text)
    assert tuple(image[120, 110]) == of_label("person")


@pytest.mark.parametrize("ground", [0, 255])
def test_an_old_box_shows_its_corners_only(ground: int) -> None:
    """And its age in the caption; nothing is drawn at the middle of its sides."""
    old = Box(200, 120, 120, 120, Line("person", "87% 1.4 s ago", LineState.STALE))

    marks = layout(Overlay(boxes=(old,)), 640, 360)

    assert sum(isinstance(mark, Corners) for mark in marks) == 2
    image = drawn(marks, 640, 360, ground)
    assert tuple(image[130, 200]) == of_label("person")
    assert tuple(image[240, 310]) == of_label("person")
    assert (image[180, 190:330] == ground).all()
    assert (image[240, 240:280] == ground).all()


def test_points_without_a_box_are_drawn_with_a_caption() -> None:
    pose = box(100, 100, 80, 120, points=tuple((100 + i, 100 + i) for i in range(1000)), outlined=False)

    marks = layout(Overlay(boxes=(pose,)), 640, 360)

    assert sum(isinstance(mark, Dot) for mark in marks) == MOST_POINTS
    assert len(patches(marks)) == 1
    assert not any(isinstance(mark, Outline) for mark in marks)


@pytest.mark.parametrize(
    "odd",
    [
        box(-(10**12), 10, 5, 5),
        box(10**12, 10, 5, 5),
        box(10, -(10**9), 10, 2 * 10**9),
        box(50, 50, 0, 0),
        box(50, 50, -30, -30),
        box(-(2**40), -(2**40), 2**50, 2**50),
        Box(50, 50, 20, 20, Line("")),
        Box(50, 50, 20, 20, Line("", "87%")),
        Box(50, 50, 20, 20, Line("?\x00\n\u202e" * 300, "9" * 1000)),
        box(50, 50, 20, 20, points=((-(10**15), 10**15), (60, 60))),
    ],
)
def test_odd_boxes_are_drawn_as_far_as_they_can_be_seen(odd: Box) -> None:
    """Outside, of no or negative size, with coordinates of any size, without a label, with any characters."""
    marks = layout(Overlay(boxes=(odd,)), 160, 120)

    image = drawn(marks, 160, 120)
    visible = odd.x < 160 and odd.x + odd.width >= 0
    assert bool((image != 128).any()) == visible or odd.width < -100


def test_marks_stay_in_their_rows_and_are_the_same_in_strips() -> None:
    """Every kind of mark: drawn on strips of 16 rows or on the whole, within the rows that it names."""
    choose = random.Random(5)
    for seed in range(15):
        width, height = choose.randrange(64, 500), choose.randrange(48, 300)
        state = choose.choice(list(LineState))
        boxes = tuple(
            Box(one.x, one.y, one.width, one.height, Line(one.line.text, "5%", state), ((one.x + 3, one.y + 9),))
            for one in crowd(width, height, 6, seed)
        )
        for mark in layout(Overlay((Line("cat"),), boxes), width, height):
            whole = np.full((height, width, 3), 128, np.uint8)
            strips = whole.copy()
            mark.draw(whole, 0)
            for row in range(0, height, 16):
                mark.draw(strips[row : row + 16], row)
            assert np.array_equal(whole, strips)
            rows = np.flatnonzero((whole != 128).any(axis=(1, 2)))
            assert not len(rows) or (mark.top <= rows[0] and rows[-1] < mark.bottom)


def test_what_is_kept_is_bounded() -> None:
    """Layouts of 4K with new captions in each frame take no more than they may."""
    for number in range(60):
        lines = (Line(f"label {number}" * 9, f"{number}%"),)
        layout(Overlay(lines, crowd(3840, 2160, 40, number)), 3840, 2160)

    assert 0 < used_bytes() <= module.MOST_BYTES
    assert 0 < caption_patch.used_bytes() <= caption_patch.MOST_BYTES


def test_a_memory_keeps_what_was_used_last() -> None:
    """Within its bytes; what is larger than all of them is made each time."""
    made: list[str] = []

    def make(value: str) -> str:
        made.append(value)
        return value

    memory: BoundedMemory[str] = BoundedMemory(10, len)
    for value in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb", "d" * 11, "d" * 11):
        assert memory.get(value, lambda value=value: make(value)) == value  # type: ignore[misc]

    assert made == ["aaaa", "bbbb", "cccc", "bbbb", "d" * 11, "d" * 11]
    assert memory.used_bytes == 8


def test_a_caption_is_cut_off_by_no_odd_size() -> None:
    """Even where there is room for nothing."""
    for width in range(1, 40):
        for height in (1, 14, 160):
            fit = caption_patch.fitted(Line("label " * 9, "87% 1.2 s ago"), height, width)
            colour, through = caption_patch.pixels(fit, (1, 2, 3))
            assert colour.shape == through.shape == (height, fit.width, 3)
            assert 1 <= fit.width <= width
            cv2.add(colour, through)
