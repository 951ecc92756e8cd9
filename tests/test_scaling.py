"""docs/scaling.md says what `python -m bench.scaling` computes."""

import pytest

from bench.scaling import CAMERAS, RATES, size_of, table
from tests.suite import ROOT


@pytest.mark.parametrize("rate", RATES)
def test_the_page_has_the_tables_that_the_program_prints(rate: float) -> None:
    assert table(rate) in (ROOT / "docs" / "scaling.md").read_text()


def test_more_cameras_or_frames_never_need_less() -> None:
    sizes = [size_of(cameras, rate) for cameras in CAMERAS for rate in RATES]

    for size in sizes:
        for other in sizes:
            if other.cameras >= size.cameras and other.frames >= size.frames:
                assert (other.cores, other.brokers, other.producers) >= (size.cores, size.brokers, size.producers)
                assert other.suites >= size.suites
