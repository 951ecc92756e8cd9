"""Parses the records of `videostatus`, once, where they enter.

Anyone who reaches the bus can write to the topic. A record that is not a status is refused; an entry in it that makes
no sense (a state that does not exist, a number out of bounds, an id that is not a camera's) is left out and counted,
and the rest of the record is used. Nothing is searched, logged or compared before it has been cut to its bound.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from shared.errors import BadRecord
from shared.names import camera_id
from shared.reports import (
    MAX_CAMERAS,
    MAX_DOCUMENTS,
    MAX_MODELS,
    MAX_NAME,
    MAX_RECORD_BYTES,
    CameraReport,
    Entry,
    Json,
    LedgerReport,
    ModelReport,
    Number,
    Report,
    ServiceName,
    Text,
)


@dataclass(frozen=True, slots=True)
class _Head:
    """Who wrote a record, and when."""

    service: ServiceName
    instance: Text
    at: Number
    ending: Annotated[bool, Field(strict=True)]


_HEAD = TypeAdapter(_Head)
_CAMERA = TypeAdapter(CameraReport)
_MODEL = TypeAdapter(ModelReport)
_ACCOUNT = TypeAdapter(LedgerReport)
_MISTAKE: TypeAdapter[str] = TypeAdapter(Text)
_Part = TypeVar("_Part")


def read_entry(value: bytes | None, *, heard_at: float) -> Entry:
    """Return the entry in the value of a record of `videostatus`.

    Args:
        value: JSON in the form that docs/reference.md specifies.
        heard_at: when it was read, monotonic seconds.

    Raises:
        BadRecord: it is not JSON of that form, or is larger than MAX_RECORD_BYTES.
    """
    document = _document(value)
    try:
        head = _HEAD.validate_python({name: document.get(name) for name in ("service", "instance", "at", "ending")})
    except ValidationError as exc:
        raise BadRecord(f"{exc.error_count()} mistakes in service, instance, at or ending") from exc
    if not head.instance:
        raise BadRecord("the instance has no name")
    cameras, bad_cameras = _entries(_since_at(document.get("cameras"), head.at), _CAMERA, MAX_CAMERAS, camera_id)
    models, bad_models = _entries(_since_at(document.get("models"), head.at), _MODEL, MAX_MODELS, _name)
    accounts, bad_accounts = _entries(_arrived(document.get("ledger")), _ACCOUNT, MAX_CAMERAS + 1, camera_id)
    documents, bad_documents = _entries(document.get("documents", {}), _MISTAKE, MAX_DOCUMENTS, _name)
    return Entry(
        service=head.service,
        instance=head.instance,
        heard_at=heard_at,
        at=head.at,
        ending=head.ending,
        report=Report(cameras, models, accounts, documents),
        ignored=bad_cameras + bad_models + bad_accounts + bad_documents,
    )


def _document(value: bytes | None) -> Json:
    if not value or len(value) > MAX_RECORD_BYTES:
        raise BadRecord(f"{len(value or b'')} bytes; a status has 1 to {MAX_RECORD_BYTES}")
    try:
        document = json.loads(value)
    except (ValueError, RecursionError) as exc:
        raise BadRecord("not JSON") from exc
    if not isinstance(document, dict):
        raise BadRecord(f"JSON {type(document).__name__} instead of an object")
    return document


def _name(name: str) -> str:
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ValueError(f"not a name of 1 to {MAX_NAME} printable characters")
    return name


def _entries(
    part: object, adapter: TypeAdapter[_Part], most: int, check_name: Callable[[str], str]
) -> tuple[dict[str, _Part], int]:
    """Return the entries of one part of a record that make sense, and the number of those that do not."""
    if not isinstance(part, dict):
        raise BadRecord(f"{type(part).__name__} where an object should be")
    read: dict[str, _Part] = {}
    for name, said in islice(part.items(), most):
        try:
            read[check_name(name)] = adapter.validate_python(said)
        except ValueError:  # pydantic's ValidationError is one
            continue
    return read, len(part) - len(read)


def _since_at(part: object, at: int) -> object:
    """Give each state that lacks its beginning the time of the record."""
    if not isinstance(part, dict):
        return part
    return {
        name: {**said, "since": at} if isinstance(said, dict) and said.get("since") is None else said
        for name, said in part.items()
    }


def _arrived(part: object) -> object:
    """Rename `in`, which is a keyword of Python, in every account."""
    if not isinstance(part, dict):
        return part
    return {
        name: {("arrived" if key == "in" else key): number for key, number in said.items()}
        if isinstance(said, dict)
        else said
        for name, said in part.items()
    }
