import pytest

from shared.expiring import ExpiringNames


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_known_names_keep_their_places_and_further_ones_find_none(clock: Clock) -> None:
    forgotten: list[str] = []
    names = ExpiringNames(3, after_s=600, forget=forgotten.append, now_s=clock)

    assert [names.admit(name) for name in "abcdab"] == [True, True, True, False, True, True]
    assert forgotten == []


def test_the_name_used_longest_ago_gives_its_place_away(clock: Clock) -> None:
    forgotten: list[str] = []
    names = ExpiringNames(2, after_s=600, forget=forgotten.append, now_s=clock)
    names.admit("a")
    names.admit("b")
    clock.now = 400
    names.admit("a")

    clock.now = 599
    assert not names.admit("c")
    clock.now = 600
    assert names.admit("c")
    assert not names.admit("d")
    assert names.admit("a")
    assert forgotten == ["b"]
