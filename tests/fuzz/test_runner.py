from random import Random

import pytest

from tests.fuzz.runner import fuzz


def test_a_failure_names_the_seed_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def check(random: Random) -> None:
        seen.append(random.random())
        assert len(seen) != 3

    with pytest.raises(AssertionError) as failed:
        fuzz(check, rounds=5)
    monkeypatch.setenv("FUZZ_SEED", "2")
    fuzz(check, rounds=5)

    assert failed.value.__notes__ == ["FUZZ_SEED=2 repeats this round"]
    assert seen[3:] == seen[2:3]


def test_a_time_replaces_the_number_of_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUZZ_SECONDS", "0.2")
    seeds: list[int] = []

    fuzz(lambda _: seeds.append(len(seeds)), rounds=1)

    assert len(seeds) > 1
