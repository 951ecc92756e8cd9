"""Runs fuzzers: checks that get random input, seeded so that a failure can be repeated.

`make test` runs each of them for a fixed number of rounds, `make fuzz` for FUZZ_SECONDS. A failure names its seed;
FUZZ_SEED repeats that round alone.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from random import Random

INTERESTING = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\r\n",
    b"\r\n\r\n",
    b"--",
    b'"',
    b"-1",
    b"9" * 30,
    b"\xff\xda",
    b"NaN",
)
"""What readers tend to stumble over: signs, ends of lines, large numbers, JPEG's start of a scan."""


def fuzz(check: Callable[[Random], object], *, rounds: int) -> None:
    """Call a check once per round with a generator seeded by the round's number.

    Args:
        check: makes its input with the generator and raises if the code under test does what it must not.
        rounds: how many rounds `make test` runs; FUZZ_SECONDS replaces the number by a time.
    """
    for seed in _seeds(rounds):
        try:
            check(Random(seed))
        except BaseException as exc:
            exc.add_note(f"FUZZ_SEED={seed} repeats this round")
            raise


def mutated(random: Random, data: bytes, *, most_changes: int = 8) -> bytes:
    """Return the bytes after a few random changes: bits flipped, bytes removed, repeated, inserted or replaced."""
    out = bytearray(data)
    for _ in range(random.randint(1, most_changes)):
        at, size = random.randint(0, len(out)), random.choice((1, 1, 2, 4, 16, 256))
        match random.randrange(6):
            case 0 if at < len(out):
                out[at] ^= 1 << random.randrange(8)
            case 1:
                out[at : at + size] = b""
            case 2:
                out[at:at] = out[at : at + size]
            case 3:
                out[at:at] = random.choice(INTERESTING)
            case 4:
                out[at : at + size] = random.randbytes(size)
            case _:
                del out[at:]
    return bytes(out)


def any_of(random: Random, samples: Sequence[bytes]) -> bytes:
    """Return one of the samples mutated, two of them spliced, or bytes at random."""
    match random.randrange(8):
        case 0:
            return random.randbytes(random.randrange(512))
        case 1:
            first, second = random.choice(samples), random.choice(samples)
            return first[: random.randint(0, len(first))] + second[random.randint(0, len(second)) :]
        case _:
            return mutated(random, random.choice(samples))


def _seeds(rounds: int) -> Iterable[int]:
    if "FUZZ_SEED" in os.environ:
        return [int(os.environ["FUZZ_SEED"])]
    if "FUZZ_SECONDS" in os.environ:
        return _until(time.monotonic() + float(os.environ["FUZZ_SECONDS"]))
    return range(rounds)


def _until(deadline: float) -> Iterable[int]:
    return itertools.takewhile(lambda _: time.monotonic() < deadline, itertools.count())
