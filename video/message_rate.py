"""Slows down a client that sends too many messages."""

import asyncio

MAX_MESSAGES_PER_S = 100


class MessageRate:
    """A token bucket that holds the messages of one second."""

    def __init__(self) -> None:
        self._tokens = float(MAX_MESSAGES_PER_S)
        self._filled_at: float | None = None

    async def spend(self) -> None:
        """Count one message; wait while there are too many."""
        now = asyncio.get_running_loop().time()
        if self._filled_at is not None:
            self._tokens = min(MAX_MESSAGES_PER_S, self._tokens + (now - self._filled_at) * MAX_MESSAGES_PER_S)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / MAX_MESSAGES_PER_S)
