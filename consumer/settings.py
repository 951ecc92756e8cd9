"""Settings of the consumer; add one here (those of all services: shared/settings.py), then run `make readme`."""

from importlib.resources import files
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import model_validator

from consumer.models import HANDLERS, handler_name
from shared.settings import (
    Compression,
    Duration,
    Group,
    JsonOfStrings,
    OptionalTopic,
    Servers,
    ServiceSettings,
    Topic,
    setting,
)

ASSETS = files("consumer") / "assets"
HANDLER_FORM = f"named HANDLER or HANDLER_SUFFIX, HANDLER being one of {', '.join(sorted(HANDLERS))}"
PredictionMode = Literal["latest", "sync"]


class ConsumerSettings(ServiceSettings):
    """The settings of the consumer."""

    topic_in: Topic = setting("videocam", "TOPICNAMEIN", "topic read")
    topic_out: Topic = setting("videodisplay", "TOPICNAMEOUT", "topic written")
    topic_predictions: OptionalTopic = setting(
        "videopredictions", "TOPICNAMEPREDICTIONS", "topic of the predictions; empty: none", empty=True
    )
    servers_in: Servers = setting("kf1-service:19094", "KAFKAPORTIN", "bootstrap servers of the topic read")
    servers_out: Servers = setting("kf1-service:19093", "KAFKAPORTOUT", "bootstrap servers of the topics written")
    compression: Compression = setting(
        "none", "COMPRESSIONTYPE", "compression of what is written; JPEG does not shrink"
    )
    group: Group = setting("goconsumer", "GROUPNAME", "consumer group: replicas share the cameras")
    model_urls: JsonOfStrings = setting(
        {"imagenet_1": "http://tfserving-service:8501/v1/models/tfModel:predict"},
        "MODELURLS",
        "models to query: name to address; the part of the name before `_` is the handler",
        allowed=f'a JSON object such as {{"imagenet_1": "http://host:8501/v1/models/tfModel:predict"}}, {HANDLER_FORM}',
    )
    label_urls: JsonOfStrings = setting(
        {},
        "LABELURLS",
        'labels of a model: name to file path or http URL of JSON {"0": "tench, Tinca tinca", …}; '
        "default: the labels packaged in `consumer/assets/`",
        allowed='a JSON object such as {"imagenet_1": "/src/assets/imagenetLabels.json"}',
    )
    model_timeout_s: Duration = setting(5.0, "MODELTIMEOUT", "longest wait for an answer of a model", gt=0)
    prediction_mode: PredictionMode = setting(
        "latest",
        "PREDICTIONMODE",
        "`latest`: every frame goes out at once with the newest prediction; `sync`: a frame waits for its own",
    )
    max_lag_s: Duration = setting(
        1.0,
        "MAXLAG",
        "skip to the end of a partition when more records are unread than arrive in this time",
    )

    @model_validator(mode="after")
    def _models_are_known(self) -> Self:
        for name, url in self.model_urls.items():
            if handler_name(name) not in HANDLERS:
                raise ValueError(f"MODELURLS[{name}]: got the name {name!r}; allowed: {HANDLER_FORM}")
            if urlsplit(url).scheme not in {"http", "https"} or not url.endswith(":predict"):
                raise ValueError(f"MODELURLS[{name}]: got {url!r}; allowed: http://HOST:PORT/v1/models/NAME:predict")
        for name in self.label_urls.keys() - self.model_urls.keys():
            raise ValueError(f"LABELURLS[{name}]: got the name {name!r}; allowed: the names in MODELURLS")
        if self.topic_in == self.topic_out and self.servers_in == self.servers_out:
            raise ValueError(f"TOPICNAMEOUT: got {self.topic_out!r}; allowed: another topic than TOPICNAMEIN")
        return self

    def labels_of(self, model: str) -> str:
        """Return where the labels of a model are: what LABELURLS says, else the packaged file of its handler."""
        return self.label_urls.get(model) or str(ASSETS / HANDLERS[handler_name(model)].labels_file)
