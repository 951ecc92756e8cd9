"""The books of a whole suite: what each stage sent is what the next one received, for every camera."""

from collections.abc import Iterator, Mapping

from shared.reports import LedgerReport

Accounts = Mapping[str, LedgerReport]
"""The accounts of one stage by camera."""
NOTHING = LedgerReport()


def mistakes(stages: Mapping[str, Accounts]) -> Iterator[str]:
    """Yield a line for each account that does not balance.

    In a stage, in = out + Σ dropped. Between two stages, what the first one sent is what the second one received or
    missed.

    Args:
        stages: the accounts by the name of the stage, the first stage first; no frame is on its way any more.
    """
    cameras = sorted(set().union(*stages.values()))
    names = list(stages)
    for camera in cameras:
        accounts = [stages[name].get(camera, NOTHING) for name in names]
        for name, account in zip(names, accounts, strict=True):
            ended = account.out + sum(account.dropped.values())
            if account.arrived != ended:
                yield f"{camera} in {name}: in {account.arrived}, out and dropped {ended}"
        for index in range(1, len(names)):
            sent, account = accounts[index - 1].out, accounts[index]
            if sent != account.arrived + account.lost_upstream:
                yield (
                    f"{camera} from {names[index - 1]} to {names[index]}: sent {sent}, "
                    f"received {account.arrived}, lost {account.lost_upstream}"
                )


def total(accounts: Accounts) -> LedgerReport:
    """Return the sum over all cameras."""
    return sum(accounts.values(), NOTHING)


def grown(before: LedgerReport, after: LedgerReport) -> LedgerReport:
    """Return what was entered between two states of one account."""
    dropped = {reason: frames - before.dropped.get(reason, 0) for reason, frames in after.dropped.items()}
    return LedgerReport(
        after.arrived - before.arrived,
        after.out - before.out,
        {reason: frames for reason, frames in dropped.items() if frames},
        after.lost_upstream - before.lost_upstream,
    )
