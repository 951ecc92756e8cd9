"""Settings of the video service."""

from shared.go_notation import ADDRESS_FORM, DURATION_FORM, Address
from shared.settings import (
    GROUP_FORM,
    SERVERS_FORM,
    TOPIC_FORM,
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

    topic: Topic = setting("videodisplay", "TOPICNAME", "topic read", allowed=TOPIC_FORM)
    servers: Servers = setting("kf1-service:19095", "KAFKAPORT", "bootstrap servers", allowed=SERVERS_FORM)
    group: Group = setting(
        "govideo",
        "GROUPNAME",
        "name under which lag is reported; every replica shows every camera all the same",
        allowed=GROUP_FORM,
    )
    display_address: Listen = setting(
        Address("", 8080), "DISPLAYPORT", "where the page and the streams are served", allowed=ADDRESS_FORM
    )
    node_address: Listen = setting(
        Address("", 30163), "NODEPORT", "where people open it from outside; only printed", allowed=ADDRESS_FORM
    )
    frame_interval_s: Duration = setting(
        0.010, "FRAMEINTERVAL", "shortest time between two frames of one viewer", allowed=DURATION_FORM
    )
    max_viewers: int = setting(
        500, "MAXVIEWERS", "viewers at a time; one more gets 503", allowed="a whole number from 1 on", ge=1
    )
