import pytest

from shared.bus.offsets import PartitionOffsets


def test_consecutive_records_leave_nothing_out() -> None:
    """Where no reader has counted before, accounting starts with the first record."""
    offsets = PartitionOffsets()
    offsets.assign(0, None)

    assert [offsets.advance(0, offset) for offset in (70, 71, 72)] == [0, 0, 0]


def test_offsets_that_are_left_out_are_reported_with_the_next_record() -> None:
    """Whether by a seek or between the accounted offset and the start of reading."""
    offsets = PartitionOffsets()
    offsets.assign(0, 100)

    assert offsets.advance(0, 130) == 30
    assert offsets.advance(0, 131) == 0
    assert offsets.advance(0, 141) == 9


def test_a_record_of_a_revoked_partition_is_not_accounted_for() -> None:
    """The next reader counts it, and our own offset stays where it was."""
    offsets = PartitionOffsets()
    offsets.assign(0, 10)
    offsets.advance(0, 10)
    offsets.revoke(0)

    assert offsets.advance(0, 11) is None
    assert offsets.remembered(0) == 11
    assert offsets.uncommitted() == {}


def test_a_truncated_log_leaves_nothing_out() -> None:
    """Offsets go back where a broker lost the end of its log."""
    offsets = PartitionOffsets()
    offsets.assign(0, 100)

    assert offsets.advance(0, 60) == 0
    assert offsets.advance(0, 63) == 2


def test_no_record_of_a_recreated_topic_is_accounted_for() -> None:
    offsets = PartitionOffsets()
    offsets.assign(0, 100)
    offsets.assign(1, 200)
    offsets.mark_committed({0: 100, 1: 200})
    offsets.revoke(1)

    offsets.topic_recreated()

    assert offsets.uncommitted() == {0: 0}
    assert not offsets.remembers(1), "other readers have had it since"
    assert offsets.advance(0, 5) == 5


def test_the_first_record_is_to_be_committed_at_once() -> None:
    """Many records may lie before it, and no other reader knows that they are accounted for."""
    offsets = PartitionOffsets()
    offsets.assign(0, 10)
    offsets.mark_committed({0: 10})
    assert not offsets.start_is_uncommitted

    offsets.advance(0, 500)
    assert offsets.start_is_uncommitted
    offsets.mark_committed({0: 501})
    offsets.advance(0, 501)

    assert not offsets.start_is_uncommitted


def test_the_accounted_offsets_include_those_that_were_committed() -> None:
    """They are committed again before a partition is revoked: the broker may have refused the commit."""
    offsets = PartitionOffsets()
    offsets.assign(0, 10)
    offsets.assign(1, None)
    offsets.mark_committed({0: 10})

    assert offsets.accounted([0, 1, 2]) == {0: 10}


def test_forgetting_keeps_the_assigned_partitions() -> None:
    offsets = PartitionOffsets()
    offsets.assign(0, 10)
    offsets.assign(1, 20)
    offsets.revoke(1)

    offsets.forget()

    assert not offsets.remembers(1)
    with pytest.raises(KeyError):
        offsets.remembered(1)
    assert offsets.advance(0, 10) == 0


def test_a_committed_offset_is_not_committed_again() -> None:
    offsets = PartitionOffsets()
    offsets.assign(0, 10)
    offsets.assign(1, None)
    assert offsets.uncommitted() == {0: 10}

    offsets.mark_committed({0: 10})
    assert offsets.uncommitted() == {}

    offsets.advance(0, 10)
    offsets.advance(1, 5)
    assert offsets.uncommitted() == {0: 11, 1: 6}
