"""Properties of clients that a test needs beside those of the broker."""

from typing import Any

from shared.bus import Bus, Properties


def with_properties(bus: Bus, more: Properties) -> Bus:
    """Return a bus with more properties."""
    return Bus(bus.servers, {**bus.properties, **more})


def of_client(bus: Bus, **more: Any) -> dict[str, Any]:
    """Return the properties of a client of librdkafka's own."""
    return {**bus.properties, "bootstrap.servers": bus.servers, **more}
