"""A limited number of places, shared fairly: when none is free, the client that holds most gives one up.

For the event loop only.
"""

from collections.abc import Callable
from dataclasses import dataclass


class NoPlace(Exception):
    """Every place is taken, and no client holds enough of them to give one up."""


@dataclass(slots=True, eq=False)
class Place:
    """One place that a client holds.

    Attributes:
        address: that the place counts under; None if it is never given up to a newcomer.
        is_idle: returns whether its holder does nothing with it.
        give_up: ends what holds the place.
    """

    address: str | None
    is_idle: Callable[[], bool]
    give_up: Callable[[], None]


class Places:
    """Hands out places and takes them back."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._by_address: dict[str | None, dict[Place, None]] = {}  # in the order of arrival

    @property
    def taken(self) -> int:
        """The number of places that are taken."""
        return self._taken

    def take(self, address: str | None, *, is_idle: Callable[[], bool], give_up: Callable[[], None]) -> Place:
        """Return a place for a newcomer.

        When none is free, the address that holds most gives one up, provided that it still holds at least as many as
        the newcomer afterwards. Its idle places go first, the oldest of them before the others, then the place it
        took last: long-time viewers stay.

        Raises:
            NoPlace: none is free, and no other address holds enough to give one up.
        """
        if self._taken >= self._limit:
            self._make_room(address)
        place = Place(address, is_idle, give_up)
        self._by_address.setdefault(address, {})[place] = None
        self._taken += 1
        return place

    def release(self, place: Place) -> None:
        """Take a place back; one that was given up or released before is ignored."""
        held = self._by_address.get(place.address, {})
        if place not in held:
            return
        del held[place]
        self._taken -= 1
        if not held:
            del self._by_address[place.address]

    def _make_room(self, newcomer: str | None) -> None:
        others = (address for address in self._by_address if address is not None and address != newcomer)
        most = max(others, key=lambda address: len(self._by_address[address]), default=None)
        if most is None:
            raise NoPlace
        held = self._by_address[most]
        if len(held) <= len(self._by_address.get(newcomer, ())) + 1:
            raise NoPlace
        place = next((place for place in held if place.is_idle()), next(reversed(held)))
        self.release(place)
        place.give_up()
