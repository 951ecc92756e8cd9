from shared.bus.commits import Commits
from shared.bus.offsets import PartitionOffsets


def test_the_next_commit_is_due_after_the_interval() -> None:
    """The first is due at once; after a commit, one that comes every hour is not due for a while."""
    hourly, always = (Commits("frames", PartitionOffsets(), every_s=seconds) for seconds in (3600.0, 0.0))

    assert hourly.due()
    for commits in (hourly, always):
        commits.write(None, {}, {}, wait=False)

    assert not hourly.due()
    assert always.due()


def test_the_first_record_of_a_partition_is_committed_before_the_interval_ends() -> None:
    offsets = PartitionOffsets()
    commits = Commits("frames", offsets, every_s=3600.0)
    commits.write(None, {}, {}, wait=False)

    offsets.assign(0, None)
    offsets.advance(0, 10)

    assert commits.due()
