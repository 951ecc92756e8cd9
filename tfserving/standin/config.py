"""Which models to serve: TensorFlow Serving's configuration file, read into plain values.

The file is a `ModelServerConfig` in protocol-buffer text format. The parts of its messages that are used are declared
here, after tensorflow_serving/config/model_server_config.proto and
file_system_storage_path_source.proto.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from tfserving.errors import SettingsError

_PLATFORM = "tensorflow"


@dataclass(frozen=True)
class VersionPolicy:
    """Which versions of a model are served: the `latest` ones, those in `specific`, or all of them."""

    latest: int = 1
    specific: frozenset[int] = frozenset()
    every: bool = False

    def choose(self, existing: list[int]) -> set[int]:
        """Return the versions to serve out of those that exist."""
        if self.every:
            return set(existing)
        if self.specific:
            return set(self.specific) & set(existing)
        return set(sorted(existing)[-self.latest :])


@dataclass(frozen=True)
class ModelConfig:
    """A model to serve."""

    name: str
    base_path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: dict[str, int] = field(default_factory=dict)


def read_model_config(path: Path) -> list[ModelConfig]:
    """Read a `--model_config_file`.

    Raises:
        SettingsError: a line with the position and the mistake.
    """
    message = _parse(path, "ModelServerConfig")
    if message.HasField("custom_model_config"):
        raise SettingsError(f"{path}: custom_model_config is not supported")
    models = [_model(path, item) for item in message.model_config_list.config]
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"{path}: Illegal to list model {name} multiple times in config list")
    return models


def read_max_batch_size(path: Path) -> int | None:
    """Read `max_batch_size` from a `--batching_parameters_file`; None if it is not set.

    Raises:
        SettingsError: as in `read_model_config`.
    """
    message = _parse(path, "BatchingParameters")
    if not message.HasField("max_batch_size"):
        return None
    size = int(message.max_batch_size.value)
    if size < 1:
        raise SettingsError(f"{path}: max_batch_size is {size}, must be at least 1")
    return size


def _model(path: Path, message: Any) -> ModelConfig:
    # ValidateModelConfigList and GetPlatform in tensorflow_serving/model_servers/server_core.cc
    base = Path(message.base_path)
    if not base.is_absolute():
        raise SettingsError(
            f"{path}: Expected model {message.name} to have an absolute path or URI; "
            f"got base_path()={message.base_path}"
        )
    if message.model_platform not in ("", _PLATFORM):
        raise SettingsError(
            f"{path}: model {message.name} has model_platform {message.model_platform!r}, must be {_PLATFORM!r}"
        )
    if not message.model_platform and not message.model_type:
        raise SettingsError(
            f"{path}: model {message.name}: Illegal setting neither ModelServerConfig::model_type (deprecated) "
            "nor ModelServerConfig::model_platform."
        )
    return ModelConfig(message.name, base, _policy(path, message), dict(message.version_labels))


def _policy(path: Path, message: Any) -> VersionPolicy:
    policy = message.model_version_policy
    match policy.WhichOneof("policy_choice"):
        case "all":
            return VersionPolicy(every=True)
        case "specific":
            if not policy.specific.versions:
                raise SettingsError(f"{path}: model {message.name}: specific without any versions")
            return VersionPolicy(specific=frozenset(policy.specific.versions))
        case "latest":
            # In the real server zero means the default.
            return VersionPolicy(latest=policy.latest.num_versions or 1)
    return VersionPolicy()


def _parse(path: Path, name: str) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"cannot read {path}: {exc}") from exc
    message = _messages()[f"tensorflow.serving.{name}"]()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as exc:
        raise SettingsError(f"{path}: {exc}") from exc
    return message


_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _FIELD.TYPE_BOOL,
    "double": _FIELD.TYPE_DOUBLE,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32,
    "string": _FIELD.TYPE_STRING,
}

# Message → its fields, as in the .proto files; `*` is repeated, `|name` belongs to that oneof.
_DECLARATIONS: dict[str, dict[str, tuple[int, str]]] = {
    "ModelServerConfig": {
        "model_config_list": (1, "ModelConfigList|config"),
        "custom_model_config": (2, "Ignored|config"),
    },
    "ModelConfigList": {"config": (1, "*ModelConfig")},
    "ModelConfig": {
        "name": (1, "string"),
        "base_path": (2, "string"),
        "model_type": (3, "ModelType"),
        "model_platform": (4, "string"),
        "logging_config": (6, "LoggingConfig"),
        "model_version_policy": (7, "ServableVersionPolicy"),
        "version_labels": (8, "*VersionLabelsEntry"),
        "logging_configs": (9, "*LoggingConfig"),
    },
    "VersionLabelsEntry": {"key": (1, "string"), "value": (2, "int64")},
    "ServableVersionPolicy": {
        "latest": (100, "Latest|policy_choice"),
        "all": (101, "Ignored|policy_choice"),
        "specific": (102, "Specific|policy_choice"),
    },
    "Latest": {"num_versions": (1, "uint32")},
    "Specific": {"versions": (1, "*int64")},
    "Ignored": {},
    "LoggingConfig": {"log_collector_config": (1, "LogCollectorConfig"), "sampling_config": (2, "SamplingConfig")},
    "LogCollectorConfig": {"type": (1, "string"), "filename_prefix": (2, "string")},
    "SamplingConfig": {"sampling_rate": (1, "double")},
    "BatchingParameters": {
        "max_batch_size": (1, "Int64Value"),
        "batch_timeout_micros": (2, "Int64Value"),
        "max_enqueued_batches": (3, "Int64Value"),
        "num_batch_threads": (4, "Int64Value"),
        "thread_pool_name": (5, "StringValue"),
        "allowed_batch_sizes": (6, "*int64"),
        "pad_variable_length_inputs": (7, "bool"),
    },
    "Int64Value": {"value": (1, "int64")},
    "StringValue": {"value": (1, "string")},
}


@cache
def _messages() -> dict[str, Any]:
    package = "tensorflow.serving"
    file = descriptor_pb2.FileDescriptorProto(name="model_server_config", package=package, syntax="proto3")
    kinds = file.enum_type.add(name="ModelType")
    for number, name in enumerate(("MODEL_TYPE_UNSPECIFIED", "TENSORFLOW", "OTHER")):
        kinds.value.add(name=name, number=number)
    for name, fields in _DECLARATIONS.items():
        _declare(file.message_type.add(name=name), fields)
    # A map is a repeated message nested in its owner.
    owner = next(item for item in file.message_type if item.name == "ModelConfig")
    entry = next(item for item in file.message_type if item.name == "VersionLabelsEntry")
    owner.nested_type.add().CopyFrom(entry)
    owner.nested_type[0].options.map_entry = True
    file.message_type.remove(entry)
    messages: dict[str, Any] = message_factory.GetMessages([file], pool=descriptor_pool.DescriptorPool())
    return messages


def _declare(message: Any, fields: dict[str, tuple[int, str]]) -> None:
    for name, (number, declared) in fields.items():
        kind, _, choice = declared.lstrip("*").partition("|")
        added = message.field.add(name=name, number=number)
        added.label = _FIELD.LABEL_REPEATED if declared.startswith("*") else _FIELD.LABEL_OPTIONAL
        if kind in _SCALARS:
            added.type = _SCALARS[kind]
        elif kind == "VersionLabelsEntry":
            added.type_name = f".tensorflow.serving.ModelConfig.{kind}"
        else:
            added.type_name = f".tensorflow.serving.{kind}"
        if choice:
            if choice not in [item.name for item in message.oneof_decl]:
                message.oneof_decl.add(name=choice)
            added.oneof_index = [item.name for item in message.oneof_decl].index(choice)
