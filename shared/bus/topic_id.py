"""Detects that a topic was deleted and created again, by its id."""

import time
from contextlib import suppress
from typing import Any

import confluent_kafka
import confluent_kafka.admin
from confluent_kafka import KafkaException

from shared.bus.client import METADATA_TIMEOUT_S, Bus, OutageLog, Properties, make_client

ASK_EVERY_S = 1.0

_admin_client: Any = confluent_kafka.admin.AdminClient
_PROPERTIES: Properties = {
    # While the broker that it waits for is away, a client that connects only on demand (librdkafka 2.16) connects ten
    # thousand times a second: each failure wakes the waiting request, which asks for another attempt at once.
    "enable.sparse.connections": False,
}


class TopicId:
    """Follows the id of a topic; a topic that is deleted and created again has another one.

    Never waits. Not thread-safe: use from one thread.
    """

    def __init__(self, bus: Bus, topic: str) -> None:
        self._admin = make_client(
            _admin_client, bus.client_properties(_PROPERTIES, {"error_cb": OutageLog("topic id")})
        )
        self._topic = confluent_kafka.TopicCollection([topic])
        self._id: str | None = None
        self._answer: Any = None
        self._ask_at = float("-inf")

    @property
    def id(self) -> str | None:
        """The topic's id when it last existed; None if no broker has said it yet."""
        return self._id

    def has_changed(self) -> bool:
        """Return, once for each change, whether the topic has another id than when it last existed."""
        if self._answer is not None and self._answer.done():
            answer, self._answer = self._answer, None
            with suppress(KafkaException):  # no broker or no such topic at the moment
                before, self._id = self._id, str(answer.result().topic_id)
                return before not in {None, self._id}
        if self._answer is None and time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + ASK_EVERY_S
            with suppress(KafkaException):
                (self._answer,) = self._admin.describe_topics(self._topic, request_timeout=METADATA_TIMEOUT_S).values()
        return False
