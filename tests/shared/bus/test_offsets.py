from shared.bus.offsets import PartitionOffsets


def test_records_that_follow_each_other_leave_nothing_out() -> None:
    """Books that nobody has begun begin with the first record."""
    places = PartitionOffsets()
    places.take(0, None)

    assert [places.came(0, offset) for offset in (70, 71, 72)] == [0, 0, 0]


def test_offsets_that_are_left_out_are_told_with_the_next_record() -> None:
    """By a seek, or between where the books stand and where reading starts."""
    places = PartitionOffsets()
    places.take(0, 100)

    assert places.came(0, 130) == 30
    assert places.came(0, 131) == 0
    assert places.came(0, 141) == 9


def test_a_record_of_a_partition_that_was_given_away_is_not_ours() -> None:
    """The next reader counts it, and our own memory stays where it was."""
    places = PartitionOffsets()
    places.take(0, 10)
    places.came(0, 10)
    places.give(0)

    assert places.came(0, 11) is None
    assert places.remembered(0) == 11
    assert places.uncommitted() == {}


def test_a_log_that_was_cut_leaves_nothing_out() -> None:
    """Offsets fall back where a broker lost the end of its log."""
    places = PartitionOffsets()
    places.take(0, 100)

    assert places.came(0, 60) == 0
    assert places.came(0, 63) == 2


def test_of_a_topic_created_anew_nothing_is_counted() -> None:
    """Of a partition that is ours; of one that was before nothing is known."""
    places = PartitionOffsets()
    places.take(0, 100)
    places.take(1, 200)
    places.committed({0: 100, 1: 200})
    places.give(1)

    places.begin_anew()

    assert places.uncommitted() == {0: 0}
    assert not places.remembers(1), "others have had it since"
    assert places.came(0, 5) == 5


def test_the_first_record_is_to_be_committed_at_once() -> None:
    """What lies before it may be long, and nobody else knows that it was counted."""
    places = PartitionOffsets()
    places.take(0, 10)
    places.committed({0: 10})
    assert not places.have_begun

    places.came(0, 500)
    assert places.have_begun
    places.committed({0: 501})
    places.came(0, 501)

    assert not places.have_begun


def test_who_gives_partitions_away_says_where_they_stand_once_more() -> None:
    """Whether that was committed or not: a commit may have been refused."""
    places = PartitionOffsets()
    places.take(0, 10)
    places.take(1, None)
    places.committed({0: 10})

    assert places.counted([0, 1, 2]) == {0: 10}


def test_partitions_that_others_have_are_forgotten() -> None:
    """Those that are ours stay as they are."""
    places = PartitionOffsets()
    places.take(0, 10)
    places.take(1, 20)
    places.give(1)

    places.forget()

    assert not places.remembers(1)
    assert places.came(0, 10) == 0


def test_what_was_committed_is_not_committed_again() -> None:
    """Only what has changed since."""
    places = PartitionOffsets()
    places.take(0, 10)
    places.take(1, None)
    assert places.uncommitted() == {0: 10}

    places.committed({0: 10})
    assert places.uncommitted() == {}

    places.came(0, 10)
    places.came(1, 5)
    assert places.uncommitted() == {0: 11, 1: 6}
