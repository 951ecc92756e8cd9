"""Creates and alters topics."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import confluent_kafka.admin
from confluent_kafka import KafkaError, KafkaException

from shared.bus.client import Bus, OutageLog, broker_answers, make_client
from shared.errors import BusError

REQUEST_TIMEOUT_S = 10.0
RETRY_S = 0.1

_admin: Any = confluent_kafka.admin  # it re-exports its names without declaring so to type checkers
# Errors of a cluster that has only just started: the client learns of its brokers one by one, and must repeat what it
# asked a broker that is not named any more.
_TRANSIENT = {KafkaError._DESTROY_BROKER, KafkaError._TRANSPORT, KafkaError.NOT_CONTROLLER}


@dataclass(frozen=True, slots=True)
class DeclaredTopic:
    """What a topic must be like; properties that `config` does not name stay as they are."""

    name: str
    partitions: int
    config: Mapping[str, str]


class Topics:
    """Makes topics as they are declared; never deletes a topic or a partition."""

    def __init__(self, bus: Bus) -> None:
        """Prepare; nothing is asked of a broker yet.

        Raises:
            SettingsError: librdkafka rejects a property or its value.
        """
        self._client = make_client(_admin.AdminClient, bus.client_properties({}, {"error_cb": OutageLog("topics")}))

    def broker_answers(self, timeout_s: float) -> bool:
        """Return whether a broker answers within this time."""
        return broker_answers(self._client, timeout_s)

    def apply(self, topic: DeclaredTopic) -> list[str]:
        """Create the topic or alter what differs; return what was done, an empty list if it was as declared.

        Raises:
            BusError: the brokers refuse, or do not answer any more.
        """
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while True:
            try:
                done = self._apply(topic)
            except KafkaException as exc:
                if exc.args[0].code() not in _TRANSIENT or time.monotonic() > deadline:
                    raise BusError(f"{topic.name}: {exc.args[0].str()}") from exc
            else:
                if done is not None:
                    return done
                if time.monotonic() > deadline:
                    raise BusError(f"{topic.name}: it exists, but the broker that answers does not know it")
            time.sleep(RETRY_S)

    def _apply(self, topic: DeclaredTopic) -> list[str] | None:
        partitions = self._partitions_of(topic.name)
        if partitions is not None:
            return [*self._alter(topic), *self._extend(topic, partitions)]
        if self._create(topic):
            return [f"created with {topic.partitions} partitions"]
        # It exists nevertheless: another process that applies the list was faster, or the broker has only just started
        # and does not know all its topics yet.
        return None

    def _partitions_of(self, name: str) -> int | None:
        # All topics: asking for one that is missing makes some brokers create it.
        topic = self._client.list_topics(timeout=REQUEST_TIMEOUT_S).topics.get(name)
        return (len(topic.partitions) or None) if topic else None

    def _create(self, topic: DeclaredTopic) -> bool:
        new = _admin.NewTopic(topic.name, num_partitions=topic.partitions, config=dict(topic.config))
        timeouts = {"operation_timeout": REQUEST_TIMEOUT_S, "request_timeout": REQUEST_TIMEOUT_S}
        try:
            _result(self._client.create_topics([new], **timeouts))
        except KafkaException as exc:
            if exc.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            raise
        return True

    def _alter(self, topic: DeclaredTopic) -> list[str]:
        resource = _admin.ConfigResource(_admin.ConfigResource.Type.TOPIC, topic.name)
        current = _result(self._client.describe_configs([resource], request_timeout=REQUEST_TIMEOUT_S))
        values = {name: current[name].value if name in current else None for name in topic.config}
        differing = {name: value for name, value in topic.config.items() if values[name] != value}
        if differing:
            entries = [
                _admin.ConfigEntry(name, value, incremental_operation=_admin.AlterConfigOpType.SET)
                for name, value in differing.items()
            ]
            changed = _admin.ConfigResource(_admin.ConfigResource.Type.TOPIC, topic.name, incremental_configs=entries)
            _result(self._client.incremental_alter_configs([changed], request_timeout=REQUEST_TIMEOUT_S))
        return [f"{name} {values[name]} → {value}" for name, value in differing.items()]

    def _extend(self, topic: DeclaredTopic, partitions: int) -> list[str]:
        if partitions > topic.partitions:
            return [f"keeps its {partitions} partitions, {topic.partitions} are declared"]
        if partitions == topic.partitions:
            return []
        more = _admin.NewPartitions(topic.name, topic.partitions)
        _result(self._client.create_partitions([more], request_timeout=REQUEST_TIMEOUT_S))
        return [f"partitions {partitions} → {topic.partitions}"]


def _result(futures: Mapping[Any, Any]) -> Any:
    """Wait for the single answer of an admin request and return it.

    Raises:
        KafkaException: the broker refused, or did not answer.
    """
    (future,) = futures.values()
    return future.result(REQUEST_TIMEOUT_S + 1)
