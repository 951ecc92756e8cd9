"""The settings classes of the services.

Importing this module imports OpenCV and more, which takes a second.
"""

from consumer.settings import ConsumerSettings
from producer.settings import ProducerSettings
from shared.settings import ServiceSettings, document
from video.settings import VideoSettings

SETTINGS: dict[str, type[ServiceSettings]] = {
    "producer": ProducerSettings,
    "consumer": ConsumerSettings,
    "video": VideoSettings,
}


def variables() -> dict[str, set[str]]:
    """Return the names of the variables that each service reads."""
    return {service: {row.variable for row in document(settings)} for service, settings in SETTINGS.items()}
