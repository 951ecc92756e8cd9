"""Settings of the consumer; add one here (those of all services: shared/settings.py), then run `make readme`."""

from typing import Literal, Self

from pydantic import ValidationError, model_validator

from consumer.model_spec import ADDRESS_FORMS, LONGEST_TEXT, ModelSpec
from shared.redact import redact
from shared.reports import MAX_NAME
from shared.settings import (
    Compression,
    Duration,
    JsonOfStrings,
    OptionalGroup,
    OptionalTopic,
    Servers,
    ServiceSettings,
    Topic,
    setting,
)

SHORT_KINDS = {
    "imagenet": "classification",
    "emonet": "emotion",
    "classification": "classification",
    "detection": "detection",
    "emotion": "emotion",
}
"""Kind of a model in MODELURLS by the part of its name before `_`; the first two are the original's."""
SHORT_FORM = f"named KIND or KIND_SUFFIX, KIND being one of {', '.join(SHORT_KINDS)}"
DEFAULT_GROUP = "goconsumer"
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
    group: OptionalGroup = setting(
        DEFAULT_GROUP,
        "GROUPNAME",
        "consumer group: replicas share the cameras; empty: this one handles all of them",
        empty=True,
    )
    models_file: str = setting(
        "",
        "MODELSFILE",
        "a document of models, read again when it changes (docs/models.md); overrides MODELURLS and LABELURLS",
        allowed="the path of a YAML or JSON file",
    )
    model_urls: JsonOfStrings = setting(
        {"imagenet_1": "http://tfserving-service:8501/v1/models/tfModel:predict"},
        "MODELURLS",
        "models to query: name to address; the part of the name before `_` is the kind",
        allowed=f'a JSON object such as {{"imagenet_1": "http://host:8501/v1/models/tfModel:predict"}}, {SHORT_FORM}',
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
        if not self.models_file:  # which takes precedence
            self.specs()
            for name in self.label_urls.keys() - self.model_urls.keys():
                raise ValueError(f"LABELURLS[{name}]: got the name {name!r}; allowed: the names in MODELURLS")
        if self.topic_in == self.topic_out and self.servers_in == self.servers_out:
            raise ValueError(f"TOPICNAMEOUT: got {self.topic_out!r}; allowed: another topic than TOPICNAMEIN")
        return self

    def specs(self) -> dict[str, ModelSpec]:
        """Return the models of MODELURLS and LABELURLS by name.

        Raises:
            ValueError: a name or an address is wrong; the message names it and what is allowed.
        """
        return {name: self._spec(name, url) for name, url in self.model_urls.items()}

    def _spec(self, name: str, url: str) -> ModelSpec:
        prefix = name.partition("_")[0]
        kind = SHORT_KINDS.get(prefix, prefix)
        if kind not in SHORT_KINDS.values() or len(name) > MAX_NAME or not name.isprintable():
            raise ValueError(f"MODELURLS[{name[:MAX_NAME]}]: got the name {name[:MAX_NAME]!r}; allowed: {SHORT_FORM}")
        try:
            return ModelSpec(name=name, kind=kind, url=url, labels=self.label_urls.get(name))
        except ValidationError as exc:
            address = ADDRESS_FORMS["tfserving"]
            raise ValueError(f"MODELURLS[{name}]: got {redact(url[:LONGEST_TEXT])!r}; allowed: {address}") from exc
