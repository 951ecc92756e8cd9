"""Records of `videopredictions`, and events made of them."""

import json
from typing import Any

from shared.bus import Record
from video.access.rights import EVERYTHING, Rights
from video.events.event import Event, EventEncoder
from video.events.position import Position, token_of

LOG = token_of("a topic")


class Anyone:
    """A reader that may see everything, or what it is told."""

    def __init__(self) -> None:
        self.rights: Rights = EVERYTHING
        self.asked = 0

    def may_see_predictions(self, camera: str) -> bool:
        self.asked += 1
        return self.rights.may_see_predictions(camera)


def document(seq: int = 1, camera: str = "front", model: str = "things", **changes: Any) -> dict[str, Any]:
    """Return what a consumer writes."""
    finding = {"class": 2, "label": "car", "probability": 0.87, "box": [1, 2, 30, 40]}
    return {
        "camera": camera,
        "run": 1_700_000_000_000_000,
        "seq": seq,
        "captured_at": 1_700_000_000_000_000 + seq,
        "model": model,
        "kind": "detection",
        "version": "3",
        "shadow": False,
        "requested_at": 1_700_000_000_000_010 + seq,
        "answered_at": 1_700_000_000_000_020 + seq,
        "predictions": [finding],
    } | changes


def record(
    value: bytes | dict[str, Any] | None, *, key: bytes | None = b"front", partition: int = 0, offset: int = 0
) -> Record:
    """Return a record of the bus."""
    text = json.dumps(value).encode() if isinstance(value, dict) else value
    return Record(partition, offset, 0, key, text, {})


def events(*offsets: int, partition: int = 0, camera: str = "front", **changes: Any) -> list[Event]:
    """Return events of one partition."""
    made = []
    for offset in offsets:
        encoder = EventEncoder(Position(LOG, {partition: offset}))
        value = document(offset, camera, **changes)
        made.append(encoder.encode(record(value, key=camera.encode(), partition=partition, offset=offset)))
    return made
