import logging
from collections.abc import Callable

import pytest

from shared.bus import Bus, Reader, Topics, Writer
from shared.errors import SettingsError
from tests.waiting import wait_until


@pytest.mark.parametrize(
    "properties",
    [
        {"no.such.property": 1, "sasl.password": "hunter2"},
        {"linger.ms": "hunter2", "sasl.password": "hunter2"},
        {"message.max.bytes": "much"},
        {"linger.ms": "wrong", "sasl.password": ""},
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda bus: Reader.in_group(bus, "t", group="g"),
        lambda bus: Reader.of_all_partitions(bus, "t", group="g"),
        Writer,
        Topics,
    ],
    ids=["in_group", "of_all_partitions", "writer", "topics"],
)
def test_a_wrong_property_ends_in_one_line_without_secrets(
    make: Callable[[Bus], object], properties: dict[str, str | int]
) -> None:
    with pytest.raises(SettingsError) as caught:
        make(Bus("127.0.0.1:1", properties))

    [line] = caught.value.mistakes
    assert line.startswith("KAFKACONFIG: ")
    assert "hunter2" not in line
    assert "propert" in line


def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often a client retries."""
    caplog.set_level(logging.WARNING)
    with Reader.in_group(Bus("127.0.0.1:1"), "t", group="g") as reader:
        wait_until(lambda: reader.read(0.05) == [] and bool(caplog.records), "the warning")
        for _ in range(5):
            reader.read(0.05)

    assert [record.getMessage() for record in caplog.records] == ["no broker can be reached, retrying"]
