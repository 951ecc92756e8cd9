"""A cache that is bounded by what its entries take, for pictures of text of any size."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedMemory(Generic[Value]):
    """Keeps the entries that were used last, as many as there is room for. Thread-safe."""

    def __init__(self, most_bytes: int, size_of: Callable[[Value], int]) -> None:
        """Start empty.

        Args:
            most_bytes: of all entries; a larger one is not kept.
            size_of: returns the bytes that an entry takes.
        """
        self._most_bytes, self._size_of = most_bytes, size_of
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()
        self.used_bytes = 0

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the entry of a key; if there is none, make it."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        value = make()
        size = self._size_of(value)
        if size > self._most_bytes:
            return value
        with self._lock:
            if key not in self._entries:
                self._entries[key] = value
                self.used_bytes += size
            while self.used_bytes > self._most_bytes:
                _, oldest = self._entries.popitem(last=False)
                self.used_bytes -= self._size_of(oldest)
        return value
