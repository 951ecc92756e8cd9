import json
import time
from typing import Any

import pytest

from shared.errors import BadRecord
from shared.report_reader import read_entry
from shared.reports import (
    MAX_CAMERAS,
    MAX_MODELS,
    MAX_NUMBER,
    MAX_RECORD_BYTES,
    MAX_TEXT,
    CameraReport,
    Entry,
    LedgerReport,
    ModelReport,
    Report,
)
from shared.states import CameraState, ModelState

DOCUMENT: dict[str, Any] = {
    "service": "producer",
    "instance": "host-1",
    "at": 1_700_000_000_000_000,
    "ending": False,
    "cameras": {"front": {"state": "up", "since": 1, "reason": None, "title": "Front door", "tags": ["outside"]}},
    "models": {
        "imagenet_1": {"state": "down", "since": 2, "version": None, "reason": "gone"},
        "lite": {
            "state": "up",
            "since": 3,
            "version": "7",
            "reason": None,
            "kind": "classification",
            "shadow": True,
            "compare_with": "imagenet_1",
            "rate": 12.5,
            "batch": 2.5,
            "ms": 38.0,
            "compared": 8,
            "agreement": 0.75,
        },
    },
    "ledger": {"front": {"in": 3, "out": 1, "dropped": {"skipped": 2}, "lost_upstream": 4}},
    "documents": {"CAMERASFILE": "line 3: cameras.front.scale: got 9"},
}
NOT_AN_OBJECT: tuple[Any, ...] = (5, [])
NOT_A_TIME: tuple[Any, ...] = ("soon", float("inf"), None, -1, 10**400, 1.5)
NOT_A_SERVICE: tuple[Any, ...] = ("other", 5, "", ["video"])
NOT_A_NAME: tuple[Any, ...] = (5, "", {})
NOT_A_TEXT: tuple[Any, ...] = (5, [], {})
NOT_AN_AMOUNT: tuple[Any, ...] = (-0.1, 1.1e9, float("nan"), float("inf"), 10**400, "1", True, [])
NOT_A_STATE: tuple[Any, ...] = (5, None, [], "up")
REQUIRED = ("service", "instance", "at", "ending", "cameras", "models", "ledger")  # not every version has more
PARTS = ("cameras", "models", "ledger", "documents")
REPORT = Report(
    {"front": CameraReport(CameraState.UP, 1, None, "Front door", ("outside",))},
    {
        "imagenet_1": ModelReport(ModelState.DOWN, 2, None, "gone"),
        "lite": ModelReport(
            ModelState.UP,
            3,
            "7",
            kind="classification",
            shadow=True,
            compare_with="imagenet_1",
            rate=12.5,
            batch=2.5,
            ms=38.0,
            compared=8,
            agreement=0.75,
        ),
    },
    {"front": LedgerReport(3, 1, {"skipped": 2}, 4)},
    {"CAMERASFILE": "line 3: cameras.front.scale: got 9"},
)


def read(document: object) -> Entry:
    return read_entry(json.dumps(document).encode(), heard_at=100.0)


def test_a_record_becomes_types_and_types_become_the_same_record() -> None:
    entry = read(DOCUMENT)

    assert entry == Entry("producer", "host-1", 100.0, DOCUMENT["at"], False, REPORT)
    assert {**{k: DOCUMENT[k] for k in ("service", "instance", "at", "ending")}, **REPORT.as_json()} == DOCUMENT
    assert entry.silent_s(106.5) == 6.5


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"junk",
        b"[]",
        b"null",
        b"5",
        b"\xff",
        b"[" * 100_000,
        b" " * MAX_RECORD_BYTES + b"{}",
        b'{"at": ' + b"9" * 5000 + b"}",
        *(json.dumps({k: v for k, v in DOCUMENT.items() if k != name}).encode() for name in REQUIRED),
        *(json.dumps(DOCUMENT | {name: wrong}).encode() for name in PARTS for wrong in NOT_AN_OBJECT),
        *(json.dumps(DOCUMENT | {"at": wrong}).encode() for wrong in NOT_A_TIME),
        *(json.dumps(DOCUMENT | {"service": wrong}).encode() for wrong in NOT_A_SERVICE),
        *(json.dumps(DOCUMENT | {"instance": wrong}).encode() for wrong in NOT_A_NAME),
        json.dumps(DOCUMENT | {"ending": "yes"}).encode(),
    ],
)
def test_a_record_that_is_not_a_status_is_refused(value: bytes | None) -> None:
    with pytest.raises(BadRecord):
        read_entry(value, heard_at=0.0)


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        *(("cameras", {"yard": {"state": state, "since": 1}}) for state in ("sideways", 5, None, ["up"], "up ")),
        *(
            (part, {"m": {"state": "down", "since": since}})
            for part in ("cameras", "models")
            for since in (-1, -(10**400), MAX_NUMBER + 1, float("nan"), float("inf"), "1", True, 1.0)
        ),
        *(("cameras", {id_: {"state": "up", "since": 1}}) for id_ in ("", "Yard", "a b", "../etc", "\ud800", "y" * 64)),
        *(("models", {name: {"state": "up", "since": 1}}) for name in ("", "m" * 101, "\x1b[2J", "\ud800")),
        *(("cameras", {"yard": {"state": "up", "since": 1, "reason": reason}}) for reason in NOT_A_TEXT),
        *(("cameras", {"yard": said}) for said in NOT_A_STATE),
        *(
            ("models", {"m": {"state": "up", "since": 1, name: amount}})
            for name in ("rate", "batch", "ms", "agreement")
            for amount in NOT_AN_AMOUNT
        ),
        ("models", {"m": {"state": "up", "since": 1, "agreement": 1.1}}),
        *(("models", {"m": {"state": "up", "since": 1, "compared": number}}) for number in (-1, 0.5, True, None, "1")),
        *(("models", {"m": {"state": "up", "since": 1, "shadow": shadow}}) for shadow in (1, "true", None)),
        *(("ledger", {"yard": {"in": frames}}) for frames in (-1, "5", None, 0.5, float("nan"), 10**400, True)),
        *(
            ("ledger", {"yard": {"dropped": dropped}})
            for dropped in (5, {"x": -1}, {"x": "1"}, {"x" * 101: 1}, {"\ud800": 1})
        ),
        ("ledger", {"yard": {"dropped": {f"reason_{number}": 1 for number in range(51)}}}),
    ],
)
def test_an_entry_that_makes_no_sense_is_left_out_and_counted(part: str, wrong: dict[str, Any]) -> None:
    """The rest of the record is used."""
    entry = read(DOCUMENT | {part: DOCUMENT[part] | wrong})

    assert (entry.report, entry.ignored) == (REPORT, 1)


def test_a_state_without_its_beginning_holds_since_the_record() -> None:
    entry = read(DOCUMENT | {"cameras": {"front": {"state": "down"}, "yard": {"state": "up", "since": None}}})

    assert {camera.since for camera in entry.report.cameras.values()} == {DOCUMENT["at"]}


def test_texts_are_cut_and_can_be_shown() -> None:
    said = {"state": "down", "since": 1, "reason": "\x1b]0;x\x07 \ud800 ü" + "a" * 1_000_000}
    entry = read(DOCUMENT | {"instance": "h" * 1000, "cameras": {"front": said}})

    reason = entry.report.cameras["front"].reason
    assert reason is not None
    assert reason.startswith("?]0;x? ? ü")
    assert reason.isprintable()
    assert (len(reason), len(entry.instance)) == (MAX_TEXT, MAX_TEXT)


def test_the_number_of_entries_is_bounded_and_so_is_the_time() -> None:
    """A record of the largest size costs a fraction of a second."""
    cameras = {f"camera-{number}": {"state": "up", "since": 1} for number in range(MAX_CAMERAS + 7)}
    models = {f"m{number}": {"state": "up", "since": 1} for number in range(MAX_MODELS + 5)}
    began = time.process_time()
    entry = read(DOCUMENT | {"cameras": cameras, "models": models})

    assert (len(entry.report.cameras), len(entry.report.models), entry.ignored) == (MAX_CAMERAS, MAX_MODELS, 12)
    assert time.process_time() - began < 5


def test_accounts_add_up_and_stay_exact_in_javascript() -> None:
    one, other = LedgerReport(3, 1, {"skipped": 2}, 4), LedgerReport(5, 3, {"skipped": 1, "thinned": 1}, 0)

    assert one + other == LedgerReport(8, 4, {"skipped": 3, "thinned": 1}, 4)
    assert (LedgerReport(MAX_NUMBER) + one).arrived == MAX_NUMBER
