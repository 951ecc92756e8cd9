import pytest

from video.places import NoPlace, Place, Places


class House:
    """Places, and who was asked to give one up."""

    def __init__(self, limit: int) -> None:
        self.places = Places(limit)
        self.gone: list[str] = []

    def come(self, address: str | None, name: str = "", *, idle: bool = False) -> Place:
        return self.places.take(address, is_idle=lambda: idle, give_up=lambda: self.gone.append(name or str(address)))


def test_a_place_is_free_again_once() -> None:
    """A holder may release it twice: when it is told to give up, and when it ends."""
    house = House(1)
    place = house.come("a")

    house.places.release(place)
    house.places.release(place)

    assert house.places.taken == 0
    house.come("b")
    with pytest.raises(NoPlace):
        house.come("c")


def test_the_address_that_holds_most_gives_one_up_to_a_newcomer() -> None:
    """It gives up the one it took last: long-time viewers stay."""
    house = House(4)
    for number in range(3):
        house.come("greedy", f"greedy-{number}")
    house.come("modest")

    house.come("newcomer")

    assert house.gone == ["greedy-2"]
    assert house.places.taken == 4


def test_idle_places_go_first_and_the_oldest_of_them_before_the_others() -> None:
    """Idle places are not missed."""
    house = House(4)
    house.come("greedy", "works")
    house.come("greedy", "idle", idle=True)
    house.come("greedy", "idles too", idle=True)
    house.come("greedy", "works too")

    house.come("newcomer")

    assert house.gone == ["idle"]


def test_places_are_shared_evenly_and_then_nobody_is_sent_away() -> None:
    """Two addresses that both want everything do not push each other out for ever."""
    house = House(6)
    for _ in range(6):
        house.come("a")
    for _ in range(3):
        house.come("b")

    assert house.gone == ["a", "a", "a"]
    with pytest.raises(NoPlace):
        house.come("b")
    with pytest.raises(NoPlace):
        house.come("a")


def test_a_client_does_not_push_itself_out() -> None:
    """One more from the same address is refused, as before."""
    house = House(2)
    house.come("a")
    house.come("a")

    with pytest.raises(NoPlace):
        house.come("a")
    assert house.gone == []


def test_a_full_house_of_single_viewers_refuses_one_more() -> None:
    """Nobody holds more than one, hence nobody has one to give up."""
    house = House(3)
    for address in "abc":
        house.come(address)

    with pytest.raises(NoPlace):
        house.come("d")


def test_a_trusted_proxy_gives_nothing_up() -> None:
    """It carries many clients, which are told apart elsewhere."""
    house = House(3)
    for _ in range(3):
        house.come(None)

    with pytest.raises(NoPlace):
        house.come("a")
