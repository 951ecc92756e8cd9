"""Writes the records of the audit to the bus."""

import json
import logging
import time
from typing import Any

from prometheus_client import Counter

from shared.bus import Delivery, Writer
from shared.errors import BusError

log = logging.getLogger(__name__)

LOG_EVERY_S = 60.0
MAX_RECORDS_S = 500  # a viewer that begins and ends viewings as fast as it can must not fill the queue to the brokers
HEADERS = [("content-type", b"application/json")]


class AuditWriter:
    """Hands records to the brokers without waiting for them; those that are lost are counted."""

    def __init__(self, writer: Writer, topic: str, records: Counter) -> None:
        """Prepare.

        Args:
            writer: of small records.
            topic: that is written.
            records: counts by `outcome`, `written` or `lost`.
        """
        self._writer, self._topic = writer, topic
        self._written, self._lost = records.labels("written"), records.labels("lost")
        self._logged_at = float("-inf")
        self._second, self._in_second = 0, 0

    def write(self, record: dict[str, Any]) -> None:
        """Write one record; its camera is the key."""
        second = int(time.monotonic())
        self._in_second = self._in_second + 1 if second == self._second else 1
        self._second = second
        if self._in_second > MAX_RECORDS_S:
            self._lose("more than are written in a second")
            return
        value = json.dumps(record, allow_nan=False).encode()
        try:
            self._writer.send(
                self._topic, key=record["camera"], value=value, headers=HEADERS, on_delivery=self._delivered
            )
        except BusError as exc:
            self._lose(str(exc))

    def _delivered(self, delivery: Delivery) -> None:
        if delivery is Delivery.ACKNOWLEDGED:
            self._written.inc()
        else:
            self._lose(delivery.value)

    def _lose(self, reason: str) -> None:
        self._lost.inc()
        now = time.monotonic()
        if now - self._logged_at > LOG_EVERY_S:
            self._logged_at = now
            log.warning("records of the audit are lost: %s", reason, extra={"topic": self._topic})
