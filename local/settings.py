"""The settings of `make run` itself; those of the services are passed on to them."""

from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, TypeAdapter

from local.kafka.configuration import FIRST_PORT, HIGHEST_FIRST_PORT
from shared.errors import SettingsError
from shared.go_notation import Address
from shared.settings import SERVERS_FORM, Listen, LogLevel, Servers, ServiceSettings, setting
from tfserving.layout import Engine

APACHE = "apache"  # start a real Kafka as well
_SERVERS: TypeAdapter[str] = TypeAdapter(Servers)
SERVING_FORM = "http://HOST:PORT of a TensorFlow Serving that serves tfModel"


def _serving(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"not {SERVING_FORM}")
    return url.rstrip("/")


def _broker(text: str) -> str:
    return text if text == APACHE else _SERVERS.validate_python(text)


class LocalSettings(ServiceSettings):
    """The settings of the suite on one machine, read from the environment."""

    broker: Annotated[str, AfterValidator(_broker)] | None = setting(
        None,
        "BROKER",
        "an existing Kafka; `apache`: start a real one as well; default: an embedded broker in memory",
        allowed=f"apache, or {SERVERS_FORM}",
    )
    kafka_first_port: int = setting(
        FIRST_PORT,
        "KAFKAFIRSTPORT",
        "of BROKER=apache: the first of its five ports; its controller has the one before",
        ge=2,
        le=HIGHEST_FIRST_PORT,
    )
    serving: Annotated[str, AfterValidator(_serving)] | None = setting(
        None, "TFSERVING", "an existing TensorFlow Serving; default: the local stand-in", allowed=SERVING_FORM
    )
    model_engine: Engine = setting(
        Engine.ONNXRUNTIME, "MODELENGINE", "what runs the models of the local model server", allowed=" or ".join(Engine)
    )
    display_address: Listen = setting(Address("127.0.0.1", 30163), "DISPLAYPORT", "where the page is served")
    tls_cert: str = setting("", "TLSCERT", "with TLSKEY: the page is served by HTTPS", allowed="see the video service")
    video_link: str = setting(
        "", "VIDEOLINK", "the camera; default: a wall of sample films", allowed="see the producer"
    )
    video_device: str = setting("", "VIDEODEVICE", "index or path of a V4L device", allowed="see the producer")
    cameras: str = setting("", "CAMERAS", "several cameras", allowed="see the producer")
    model_urls: str = setting("", "MODELURLS", "models asked", allowed="see the consumer")
    log_level: LogLevel = setting("warning", "LOGLEVEL", "lowest severity of the services' lines")

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings from the environment.

        Raises:
            SettingsError: with a line for each mistake.
        """
        settings = super().load(**overrides)
        if settings.display_address.port == 0:
            raise SettingsError([f"DISPLAYPORT: got {str(settings.display_address)!r}; allowed: a port from 1 on"])
        return settings

    def page(self) -> str:
        """Return the address of the page on this machine."""
        host = self.display_address.host
        shown = "127.0.0.1" if host in {"", "0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104
        return f"{'https' if self.tls_cert else 'http'}://{shown}:{self.display_address.port}"
