"""A clock that stands until a test moves it."""

import pytest

from tests.consumer.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
