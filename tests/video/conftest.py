from collections.abc import Iterator

import pytest

from tests.video.stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as running:
        yield running
