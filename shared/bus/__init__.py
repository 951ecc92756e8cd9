"""The bus. Only this package imports the Kafka client."""

from shared.bus.reader import (
    COMMIT_EVERY_S,
    Bus,
    DeclaredTopic,
    Delivery,
    EmbeddedBroker,
    MessageTooLarge,
    Reader,
    Record,
    Topics,
    Writer,
)

__all__ = [
    "COMMIT_EVERY_S",
    "Bus",
    "DeclaredTopic",
    "Delivery",
    "EmbeddedBroker",
    "MessageTooLarge",
    "Reader",
    "Record",
    "Topics",
    "Writer",
]
