import logging
from dataclasses import dataclass, field

import pytest

from shared.bus import Limit
from shared.frames.ledger import FORGOTTEN_AFTER_S, MAX_CAMERAS
from shared.frames.oversize import OVER_AFTER_S, OversizeBoard
from shared.reports import MAX_TEXT

ADVICE = "lower JPEGQUALITY, IMAGESCALEX or IMAGESCALEY"
LIMIT = Limit(1_048_588, "max.message.bytes of the topic videocam")


@dataclass
class Case:
    """A board with a clock and a limit that the test sets."""

    now: float = 100.0
    limit: Limit | None = LIMIT
    board: OversizeBoard = field(init=False)

    def __post_init__(self) -> None:
        self.board = OversizeBoard(lambda _: self.limit, advice=ADVICE, clock=lambda: self.now)

    def refuse(self, size_bytes: int = 2_000_000) -> None:
        self.board.refused("front", size_bytes, size_bytes + 100)

    def reason(self) -> str:
        reason = self.board.find("front")
        assert reason is not None
        return reason


def test_the_reason_names_size_limit_and_setting() -> None:
    case = Case()
    case.refuse()

    assert case.reason() == (
        "a picture of 2000000 bytes exceeds the limit of 1048588 bytes: raise max.message.bytes of the topic videocam, "
        "or lower JPEGQUALITY, IMAGESCALEX or IMAGESCALEY"
    )
    assert case.board.find("yard") is None


@pytest.mark.parametrize(
    "limit",
    [
        Limit(2_000_000, "message.max.bytes in KAFKACONFIG (the embedded broker keeps no more)"),
        Limit(104_857_600, "socket.request.max.bytes of the brokers"),
        Limit(None, "the largest request that the brokers accept"),
        LIMIT,
    ],
)
def test_the_reason_fits_into_a_status(limit: Limit) -> None:
    """A status report cuts longer texts."""
    case = Case(limit=limit)
    case.refuse(size_bytes=150_000_000)

    assert len(case.reason()) <= MAX_TEXT


def test_close_to_the_limit_what_kafka_adds_counts() -> None:
    case = Case()
    case.refuse(size_bytes=1_048_500)

    assert case.reason().startswith("a picture of 1048600 bytes exceeds the limit of 1048588 bytes")


def test_a_camera_is_logged_once_until_its_reason_changes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    case = Case()
    for size_bytes in (2_000_000, 2_500_000, 1_900_000):
        case.refuse(size_bytes)
        case.now += 1
    assert len(caplog.records) == 1

    case.limit = Limit(1_500_000, LIMIT.setting)
    case.refuse()

    assert len(caplog.records) == 2


def test_nothing_is_said_before_the_limit_is_known(caplog: pytest.LogCaptureFixture) -> None:
    """The brokers answer soon, and the camera would be logged twice."""
    case = Case(limit=None)
    case.refuse()
    assert case.board.find("front") is None
    assert not caplog.records

    case.limit = Limit(None, LIMIT.setting)

    assert (
        case.reason() == f"a picture of 2000000 bytes is too large for the broker: raise {LIMIT.setting}, or {ADVICE}"
    )
    assert len(caplog.records) == 1


def test_it_is_over_when_pictures_are_taken_for_a_while() -> None:
    """Time alone says nothing: a slow camera's next picture may come in an hour."""
    case = Case()
    case.refuse()
    case.now += 3600
    assert case.reason()

    case.board.taken("front")

    assert case.board.find("front") is None
    case.refuse()
    case.board.taken("front")
    case.now += OVER_AFTER_S - 1
    assert case.reason()
    case.now += 2
    assert case.board.find("front") is None


def test_the_number_of_cameras_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Anyone may write any name to the bus."""
    case = Case()
    for number in range(MAX_CAMERAS + 50):
        case.board.refused(f"camera-{number}", 2_000_000, 2_000_100)

    assert case.board.find(f"camera-{MAX_CAMERAS - 1}") is not None
    assert case.board.find(f"camera-{MAX_CAMERAS}") is None
    assert len(caplog.records) == MAX_CAMERAS
    case.now += FORGOTTEN_AFTER_S + 1
    case.board.refused("new", 2_000_000, 2_000_100)
    assert case.board.find("new") is not None
