"""Settings of the video service."""

from shared.go_notation import Address
from shared.settings import (
    Duration,
    Group,
    Listen,
    Servers,
    ServiceSettings,
    Topic,
    setting,
)


class VideoSettings(ServiceSettings):
    """What the environment says to the video service."""

    topic: Topic = setting("videodisplay", "TOPICNAME", "topic read")
    servers: Servers = setting("kf1-service:19095", "KAFKAPORT", "bootstrap servers")
    group: Group = setting(
        "govideo",
        "GROUPNAME",
        "name under which lag is reported; every replica shows every camera all the same",
    )
    display_address: Listen = setting(Address("", 8080), "DISPLAYPORT", "where the page and the streams are served")
    node_address: Listen = setting(Address("", 30163), "NODEPORT", "where people open it from outside; only printed")
    frame_interval_s: Duration = setting(0.010, "FRAMEINTERVAL", "shortest time between two frames of one viewer")
    max_viewers: int = setting(500, "MAXVIEWERS", "viewers at a time; one more gets 503", ge=1)
