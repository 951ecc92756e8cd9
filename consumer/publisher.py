"""Writes every prediction to `videopredictions`."""

import json
import logging

from consumer.prediction import Prediction
from shared.bus import Writer
from shared.errors import BusError

log = logging.getLogger(__name__)


class PredictionPublisher:
    """Sends predictions to a topic, keyed by camera; what the brokers do not accept is lost, like frames."""

    def __init__(self, writer: Writer, topic: str) -> None:
        self._writer, self._topic = writer, topic

    def publish(self, prediction: Prediction) -> None:
        """Send one prediction; do nothing if the topic's name is empty."""
        if not self._topic:
            return
        try:
            self._writer.send(
                self._topic,
                key=prediction.camera,
                value=json.dumps(prediction.as_json()).encode(),
                headers=[("content-type", b"application/json")],
                on_delivery=lambda _: None,
            )
        except BusError as exc:
            log.debug("prediction not written", extra={"error": str(exc)})
