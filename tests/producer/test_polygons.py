"""The polygons of masks, as the cameras document states them."""

import pytest
from pydantic import TypeAdapter, ValidationError

from producer.polygons import MAX_POINTS, MAX_POLYGONS, Masks

READ = TypeAdapter(Masks)
CORNER = [[0, 0], [0.3, 0], [0.3, 0.2]]


def mistakes(document: object) -> list[tuple[tuple[int | str, ...], str]]:
    """Return place and message of each mistake."""
    with pytest.raises(ValidationError) as caught:
        READ.validate_python(document)
    return [(mistake["loc"], mistake["msg"]) for mistake in caught.value.errors()]


def test_polygons_are_read_as_the_design_states_them() -> None:
    assert READ.validate_python([CORNER]) == (((0, 0), (0.3, 0), (0.3, 0.2)),)
    assert READ.validate_python([]) == ()


def test_a_closing_point_is_left_out() -> None:
    """GeoJSON repeats the first point at the end."""
    assert READ.validate_python([[*CORNER, [0, 0]]]) == READ.validate_python([CORNER])


@pytest.mark.parametrize(
    ("polygon", "place", "message"),
    [
        ([[0, 0], [1, 1]], (0,), "2 different points"),
        ([], (0,), "0 different points"),
        ([[0, 0], [1, 1], [0, 0]], (0,), "2 different points"),
        ([[0, 0], [0.5, 0.5], [1, 1]], (0,), "on one line"),
        ([[0, 0], [0, 0], [1, 1]], (0,), "on one line"),
        ([[0, 0], [1, 1], [1, 0], [0, 1]], (0,), "points 0 and 2 cross"),
        ([[0, 0], [1, 0], [0.5, 0], [0.5, 1]], (0,), "points 0 and 1 cross or touch"),
        ([[0, 0], [1, 0], [1, 1], [0.5, 0], [0, 1]], (0,), "points 0 and 2 cross or touch"),
        ([[0, 0], [1, 0], [1, 1], [0, 0], [0, 1]], (0,), "cross or touch"),
        ([[0, 0], [1.2, 0], [1, 1]], (0, 1, 0), "less than or equal to 1"),
        ([[0, 0], [1, -0.1], [1, 1]], (0, 1, 1), "greater than or equal to 0"),
        ([[0, 0], [1, float("nan")], [1, 1]], (0, 1, 1), "finite"),
        ([[0, 0], [1, "0.5"], [1, 1]], (0, 1, 1), "valid number"),
        ([[0, 0], [1, True], [1, 1]], (0, 1, 1), "valid number"),
        ([[0, 0], [1], [1, 1]], (0, 1, 1), "required"),
        ([[0, 0], [1, 0, 1], [1, 1]], (0, 1), "at most 2 items"),
    ],
)
def test_wrong_polygons_are_refused_with_their_place(polygon: object, place: tuple[int, ...], message: str) -> None:
    """The place names the polygon, the point and the number."""
    (found,) = mistakes([polygon])

    assert found[0] == place
    assert message in found[1]


def test_there_are_bounds() -> None:
    """So that no document makes a camera spend its time on masks."""
    comb = [[i / 100, i % 2 / 10] for i in range(MAX_POINTS + 1)]

    assert "65 different points" in mistakes([[*comb, [1, 1]][1:]])[0][1]
    assert "at most 64 items" in mistakes([CORNER] * (MAX_POLYGONS + 1))[0][1]


def test_polygons_of_many_points_are_accepted() -> None:
    """A window seen through leaves has many corners."""
    upper = [[i / 62, 0.5 + (i % 2) / 10] for i in range(MAX_POINTS - 1)]

    assert len(READ.validate_python([[*upper, [0.5, 0]]])[0]) == MAX_POINTS
