"""The ids of events."""

import pytest

from video.events.position import MAX_ID, MAX_OFFSET, MAX_PARTITIONS, Position, PositionWriter, read_position, token_of

LOG = token_of("5hq2L0xnRjyq0b9uV8yqBA")
FOREIGN = [
    "",
    "junk",
    LOG,
    f"{LOG}.1.2\n",
    f"{LOG}.1.-2",
    f"{LOG}.1.A",
    f"{LOG}.٣",  # a digit, and not one of ours
    f"{LOG}:1.2",
    f"x{LOG}.1",
    f"{LOG}.{'z' * 13}",  # no offset of Kafka's is as large
    f"{LOG}.{'0' * 14}",
    LOG + ".1" * (MAX_PARTITIONS + 1),
    "9" * 10_000,
]


@pytest.mark.parametrize(
    "offsets",
    [{0: 0}, {0: 35, 1: 36, 2: 1295}, {1: 7}, {0: MAX_OFFSET}, dict.fromkeys(range(MAX_PARTITIONS), MAX_OFFSET)],
)
def test_an_id_names_its_position(offsets: dict[int, int]) -> None:
    """It survives being written and read, whichever partitions are known."""
    position = Position(LOG, offsets)

    text = PositionWriter(position).text()

    assert read_position(text) == position
    assert len(text) <= MAX_ID


def test_an_id_is_short() -> None:
    """After a year of a hundred predictions a second on twelve partitions it is shorter than a line."""
    a_year = 365 * 86_400 * 100 // 12

    assert len(PositionWriter(Position(LOG, dict.fromkeys(range(12), a_year))).text()) < 100


def test_a_writer_follows_its_partitions() -> None:
    """Each id is the one before with one offset changed; a partition may be added."""
    writer = PositionWriter(Position(LOG, {0: 5, 2: 40}))
    ids = [writer.text()]
    for partition, offset in ((2, 41), (0, 6), (4, 1)):
        writer.advance(partition, offset)
        ids.append(writer.text())

    assert ids == [f"{LOG}.5..14", f"{LOG}.5..15", f"{LOG}.6..15", f"{LOG}.6..15..1"]
    assert read_position(ids[-1]) == writer.position == Position(LOG, {0: 6, 2: 41, 4: 1})


def test_events_of_a_topic_with_too_many_partitions_have_no_id() -> None:
    """It would be longer than most events, and than what some servers take in a header."""
    writer = PositionWriter(Position(LOG, {0: 1}))
    writer.advance(MAX_PARTITIONS, 5)

    assert writer.text() == ""
    assert PositionWriter(Position(LOG, {})).text() == ""


@pytest.mark.parametrize("text", FOREIGN)
def test_what_is_not_an_id_is_refused(text: str) -> None:
    assert read_position(text) is None


def test_topics_are_told_apart() -> None:
    assert token_of("a") != token_of("b")
    assert token_of("a") == token_of("a")
