"""Settings of the video service; add one here (those of all services: shared/settings.py), then run `make readme`."""

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from shared.go_notation import Address
from shared.setting_words import Form
from shared.settings import (
    Duration,
    Group,
    Listen,
    OptionalTopic,
    Servers,
    ServiceSettings,
    Topic,
    setting,
)
from video.browser_guard import origin_of

ORIGINS_FORM = "origins as https://host or http://host:port, several separated by commas"


def _origins(value: str) -> str:
    origins = [origin_of(text) for text in value.split(",") if text.strip()]
    if None in origins:
        raise ValueError(f"not {ORIGINS_FORM}")
    return ",".join(origin for origin in origins if origin is not None)


Origins = Annotated[str, AfterValidator(_origins), Form(ORIGINS_FORM)]


class VideoSettings(ServiceSettings):
    """The settings of the video service."""

    @model_validator(mode="after")
    def _certificate_has_a_key(self) -> Self:
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("TLSCERT, TLSKEY: one of them is set; allowed: both, or none")
        return self

    topic: Topic = setting("videodisplay", "TOPICNAME", "topic read")
    topic_predictions: OptionalTopic = setting(
        "videopredictions", "TOPICNAMEPREDICTIONS", "topic of /predictions/stream; empty: none", empty=True
    )
    servers: Servers = setting("kf1-service:19095", "KAFKAPORT", "bootstrap servers")
    group: Group = setting(
        "govideo",
        "GROUPNAME",
        "name under which lag is reported; every replica still shows every camera",
    )
    display_address: Listen = setting(Address("", 8080), "DISPLAYPORT", "where the page and the streams are served")
    node_address: Listen = setting(Address("", 30163), "NODEPORT", "where users open the page; printed only")
    frame_interval_s: Duration = setting(0.010, "FRAMEINTERVAL", "shortest time between two frames of one viewer")
    max_viewers: int = setting(500, "MAXVIEWERS", "viewers at a time; the next one gets 503", ge=1)
    allowed_origins: Origins = setting(
        "",
        "ALLOWEDORIGINS",
        "further origins whose pages may embed the page, connect to /ws and read answers",
    )
    topic_audit: OptionalTopic = setting(
        "videoaudit", "TOPICNAMEAUDIT", "topic of the records of who watched what; empty: none", empty=True
    )
    tls_cert: str = setting(
        "", "TLSCERT", "PEM file of the certificate; with TLSKEY: HTTPS; read again when it changes", allowed="a path"
    )
    tls_key: str = setting("", "TLSKEY", "PEM file of the certificate's key", allowed="a path")
    access_file: str = setting(
        "",
        "ACCESSFILE",
        "access document: who may see which cameras; watched; without it, everyone sees everything",
        allowed="a path",
    )
