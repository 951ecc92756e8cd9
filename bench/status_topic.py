"""What the services write to `videostatus`: read from the broker, as `video` reads it."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Self

from shared.bus import Bus, Record
from shared.report_reader import read_entry
from shared.reports import Entry
from tests.suite import Tap

TOPIC = "videostatus"


@dataclass(frozen=True)
class Traffic:
    """Records of one service, and their keys' and values' bytes."""

    records: int
    bytes: int


class StatusTopic:
    """Reads the topic from now on while the block runs; of one instance of each service."""

    def __init__(self, bus: Bus) -> None:
        self._lock = threading.Lock()
        self._records, self._bytes = Counter[str](), Counter[str]()
        self._newest: dict[str, bytes] = {}
        self._tap = Tap(bus, TOPIC, self._keep)

    def traffic(self) -> dict[str, Traffic]:
        """Return what has come since the last call, by service."""
        with self._lock:
            records, self._records = self._records, Counter()
            sizes, self._bytes = self._bytes, Counter()
        return {service: Traffic(records[service], size) for service, size in sorted(sizes.items())}

    def newest(self, service: str) -> Entry:
        """Return the newest report of a service, which has written one."""
        return read_entry(self._newest[service], heard_at=time.monotonic())

    def __enter__(self) -> Self:
        self._tap.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._tap.__exit__()

    def _keep(self, record: Record) -> None:
        key, value = record.key or b"", record.value or b""
        service = key.decode().partition("/")[0]
        with self._lock:
            self._newest[service] = value
            self._records[service] += 1
            self._bytes[service] += len(key) + len(value)
