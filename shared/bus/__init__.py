"""The bus: reading the newest records of a topic, writing without waiting, and declaring topics.

This is the only package that imports the Kafka client. What `__all__` does not name is private to it.
"""

from shared.bus.admin import DeclaredTopic, Topics
from shared.bus.client import Bus, Properties
from shared.bus.commits import COMMIT_EVERY_S
from shared.bus.embedded import EmbeddedBroker
from shared.bus.limits import Limit, MessageTooLarge, record_bytes
from shared.bus.membership import Membership, Note
from shared.bus.reader import Reader
from shared.bus.record import Record
from shared.bus.replay import OffsetsUnknown, Replay
from shared.bus.users import DeclaredUser, Users, Verb
from shared.bus.writer import Delivery, Writer

__all__ = [
    "COMMIT_EVERY_S",
    "Bus",
    "DeclaredTopic",
    "DeclaredUser",
    "Delivery",
    "EmbeddedBroker",
    "Limit",
    "Membership",
    "MessageTooLarge",
    "Note",
    "OffsetsUnknown",
    "Properties",
    "Reader",
    "Record",
    "Replay",
    "Topics",
    "Users",
    "Verb",
    "Writer",
    "record_bytes",
]
