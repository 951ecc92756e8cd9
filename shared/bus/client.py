"""Where the brokers are, and how every Kafka client of this package is made and closed.

Properties: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from shared.errors import SettingsError
from shared.redact import is_secret_property

log = logging.getLogger(__name__)

Properties = Mapping[str, str | int | float | bool]

LARGEST_MESSAGE_BYTES = 100_000_000  # the original's brokers take as much, and raw 4K in JSON needs 33 MB
METADATA_TIMEOUT_S = 2.0
CLOSE_TIMEOUT_S = 1.0  # to leave a group; librdkafka would wait for a frozen broker for ever
OUTAGE_LOG_INTERVAL_S = 60.0

_COMMON: Properties = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "socket.connection.setup.timeout.ms": 3000,
    "socket.keepalive.enable": True,
    "socket.nagle.disable": True,
    "socket.timeout.ms": 6000,
    # A topic that was missing or recreated is noticed within this time.
    "topic.metadata.refresh.interval.ms": 2000,
    # While a partition has no leader, clients ask for it at intervals that double from 100 ms up to this.
    "retry.backoff.max.ms": 300,
    "log_level": 2,  # librdkafka repeats itself every second of an outage; OutageLog reports each outage once
}


_REFUSALS = {
    KafkaError._AUTHENTICATION: "authentication refused",
    KafkaError.SASL_AUTHENTICATION_FAILED: "authentication refused",
    KafkaError._SSL: "TLS refused",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "not authorized for a topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "not authorized for its group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "not authorized for the cluster",
}


@dataclass(frozen=True, slots=True)
class Bus:
    """The address of the brokers and the properties of every client that talks to them.

    Attributes:
        servers: `host:port`, several separated by commas.
        properties: librdkafka's; they override the defaults of this package.
    """

    servers: str
    properties: Properties = field(default_factory=dict)

    def client_properties(self, defaults: Properties, fixed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults, overridden by the user's properties, overridden by the fixed ones."""
        return {**_COMMON, **defaults, **self.properties, **fixed, "bootstrap.servers": self.servers}


class OutageLog:
    """Callback for a client's errors: reports an outage or a refusal once, however often librdkafka does.

    Attributes:
        refusal: why the brokers refuse this client, in words without secrets; None if they have not.
        refused_at: when they last did, monotonic seconds.
    """

    def __init__(self, client: str, topic: str = "") -> None:
        self._extra = {"client": client, "topic": topic}
        self._reported_at = float("-inf")
        self.refusal: str | None = None
        self.refused_at = float("-inf")

    def __call__(self, error: KafkaError) -> None:
        """Log an error: as a warning if no broker can be reached or one refuses this client, else for debugging."""
        if error.code() in _REFUSALS:
            self.refused(_REFUSALS[error.code()], error.str())
        elif error.code() == KafkaError._ALL_BROKERS_DOWN or error.fatal():
            self._warn("no broker can be reached, retrying", error.str())
        else:
            log.debug("broker", extra={**self._extra, "error": error.str()})

    def refused(self, reason: str, error: str) -> None:
        """Note, and log once in a while, that the brokers refuse this client."""
        if reason != self.refusal:
            self._reported_at = float("-inf")
        self.refusal, self.refused_at = reason, time.monotonic()
        self._warn(f"the broker refuses this client: {reason}", error)

    def _warn(self, message: str, error: str) -> None:
        if time.monotonic() - self._reported_at > OUTAGE_LOG_INTERVAL_S:
            log.warning(message, extra={**self._extra, "error": error})
        self._reported_at = time.monotonic()


def make_client(client: Any, properties: dict[str, Any]) -> Any:
    """Return a new client of a class of the Kafka library.

    Raises:
        SettingsError: librdkafka rejects a property or its value; the message contains no secret.
    """
    try:
        return client(properties)
    except (KafkaException, TypeError, ValueError) as exc:
        text = exc.args[0].str() if isinstance(exc, KafkaException) else str(exc)
        for name, value in properties.items():
            if is_secret_property(name) and str(value):
                text = text.replace(str(value), "***")
        raise SettingsError([f"KAFKACONFIG: {text}"]) from exc


def broker_answers(client: Any, timeout_s: float) -> bool:
    """Return whether a broker answers a client within this time."""
    try:
        return bool(client.list_topics(timeout=timeout_s).brokers)
    except KafkaException:
        return False


def close_in_time(*steps: Callable[[], None], topic: str) -> None:
    """Run steps one after the other; stop waiting for them after CLOSE_TIMEOUT_S."""

    def run() -> None:
        for step in steps:
            step()

    closing = threading.Thread(target=run, name=f"close-{topic}", daemon=True)
    closing.start()
    closing.join(CLOSE_TIMEOUT_S)
    if closing.is_alive():
        log.info("the broker does not answer, not waiting for it", extra={"topic": topic})
