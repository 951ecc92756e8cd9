"""Declares and reads settings; the ones of all services. Names of the original, Go's notation, one line per mistake.

What a variable may hold is stated once, in the setting's type; `--help`, the README's table and the errors derive the
words from it. A settings class is read from the environment in `main()` and passed on; nothing reads it at import.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from shared.errors import SettingsError
from shared.go_notation import (
    ADDRESS_FORM,
    DURATION_FORM,
    Address,
    parse_address,
    parse_duration,
)
from shared.names import CAMERA_FORM, camera_id
from shared.redact import redact
from shared.setting_words import Form as Form
from shared.setting_words import allowed_by, default_of, extra_of, variable_of

TOPIC_FORM = "1 to 249 letters, digits, dots, underscores and hyphens"
SERVERS_FORM = "host:port, several separated by commas"
GROUP_FORM = "any name of 1 to 255 characters"
LONGEST_KEY = 40  # of a document, as far as it is quoted
MISTAKEN = 2  # exit status of a process whose settings are wrong
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_SERVER = re.compile(r"([A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})")


class _KeyTwiceError(ValueError):
    """A JSON object has two entries of the same name."""


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _address(value: object) -> object:
    return parse_address(value) if isinstance(value, str) else value


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value) or value in {".", ".."}:
        raise ValueError(f"not a topic's name: {TOPIC_FORM}")
    return value


def _optional_topic(value: str) -> str:
    return _topic(value) if value else value


def _servers(value: str) -> str:
    servers = [server.strip() for server in value.split(",")]
    for server in servers:
        parts = _SERVER.fullmatch(server)
        if parts is None or not 0 < int(parts["port"]) < 65536:
            raise ValueError(f"not {SERVERS_FORM}")
    return ",".join(servers)


def _json(value: object) -> object:
    try:
        return json.loads(value, object_pairs_hook=_unique) if isinstance(value, str) else value
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _KeyTwiceError(f"the key {twice[:LONGEST_KEY]!r} twice")
    return dict(pairs)


Duration = Annotated[float, BeforeValidator(_duration), Field(ge=0), Form(DURATION_FORM)]
Listen = Annotated[Address, NoDecode, BeforeValidator(_address), Form(ADDRESS_FORM)]
Topic = Annotated[str, AfterValidator(_topic), Form(TOPIC_FORM)]
OptionalTopic = Annotated[str, AfterValidator(_optional_topic), Form(f"{TOPIC_FORM}, or empty")]
Servers = Annotated[str, AfterValidator(_servers), Form(SERVERS_FORM)]
Group = Annotated[str, Field(min_length=1, max_length=255), Form(GROUP_FORM)]
OptionalGroup = Annotated[str, Field(max_length=255), Form(f"{GROUP_FORM}, or empty")]
Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]
CameraId = Annotated[str, AfterValidator(camera_id), Form(CAMERA_FORM)]
# NoDecode: pydantic-settings would decode JSON itself and name neither the variable's value nor what is allowed.
KafkaConfig = Annotated[
    dict[str, str | int | float | bool], NoDecode, BeforeValidator(_json), Form("a JSON object of properties")
]
JsonOfStrings = Annotated[dict[str, str], NoDecode, BeforeValidator(_json)]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
ProfileKind = Literal["cpu", "mem", ""]


def setting(
    default: Any,
    variable: str,
    meaning: str,
    *,
    allowed: str = "",
    secret: bool = False,
    empty: bool = False,
    **bounds: Any,
) -> Any:
    """Declare one setting.

    Args:
        default: the value when the variable is not there.
        variable: name in the environment.
        meaning: one sentence for `--help` and the README.
        allowed: what it may hold, in words; by default the type tells (see `Form`).
        secret: never print the value.
        empty: an empty variable means the empty string; otherwise it counts as not set.
        bounds: passed on to pydantic's Field (`ge`, `le`, …).
    """
    extra: dict[str, Any] = {"allowed": allowed, "secret": secret, "empty": empty}
    return Field(default, validation_alias=variable, description=meaning, json_schema_extra=extra, **bounds)


class ServiceSettings(BaseSettings):
    """The settings that all services share."""

    model_config = SettingsConfigDict(
        case_sensitive=True, frozen=True, populate_by_name=True, extra="ignore", hide_input_in_errors=True
    )

    topic_status: Topic = setting("videostatus", "TOPICNAMESTATUS", "topic of the services' status records")
    probe_address: Listen = setting(
        Address("", 8081),
        "PROBEPORT",
        "where /healthz, /readyz and /metrics are served",
    )
    log_level: LogLevel = setting("info", "LOGLEVEL", "lowest severity that is logged")
    log_format: LogFormat = setting("text", "LOGFORMAT", "format of the log lines")
    kafka_config: KafkaConfig = setting({}, "KAFKACONFIG", "further librdkafka properties", secret=True)
    profile: ProfileKind = setting("", "PROFILE", "writes a profile of CPU or memory at exit")

    @classmethod
    def settings_customise_sources(  # the signature is pydantic-settings'
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments of the constructor, then the environment; no files."""
        return init_settings, env_settings

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, values: dict[str, Any]) -> dict[str, Any]:
        # Manifests keep unused variables with an empty value (`VIDEODEVICE: ""`).
        kept = {name for name, field in cls.model_fields.items() if extra_of(field)["empty"]}
        kept |= {variable_of(cls.model_fields[name]) for name in kept}
        # A Secret made by `echo … | base64` ends with a line end.
        values = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in values.items() if value != "" or name in kept}

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings from the environment.

        Raises:
            SettingsError: with a line for each mistake: the variable, what came, what is allowed.
        """
        try:
            return cls(**overrides)
        except ValidationError as exc:
            # A value of several types has an error for each of them: the user needs the line once.
            lines = dict.fromkeys(cls._mistake(dict(error)) for error in exc.errors())
            raise SettingsError(list(lines)) from exc

    @classmethod
    def _mistake(cls, error: dict[str, Any]) -> str:
        location = [str(part) for part in error["loc"]]
        if not location:  # a rule about several settings says everything itself
            return redact(str(error["msg"]).removeprefix("Value error, "))
        field = next((f for name, f in cls.model_fields.items() if location[0] in {name, variable_of(f)}), None)
        if field is None:
            return f"{location[0]}: {error['msg']}"
        inner = "".join(f"[{part}]" for part in location[1:] if part not in {"str", "int", "float", "bool"})
        came = "***" if extra_of(field)["secret"] else repr(redact(str(error.get("input"))))
        cause = (error.get("ctx") or {}).get("error")
        if isinstance(cause, _KeyTwiceError):  # its last value would silently count
            came = redact(str(cause))
        return f"{variable_of(field)}{inner}: got {came}; allowed: {allowed_by(field)}"


class SettingDoc(NamedTuple):
    """One row of the settings table."""

    variable: str
    default: str
    meaning: str
    allowed: str


def document(settings: type[ServiceSettings]) -> list[SettingDoc]:
    """Return a row for each setting of the class, in the order of their declaration, the common ones last."""
    common = list(ServiceSettings.model_fields)
    own = [name for name in settings.model_fields if name not in common]
    rows = []
    for name in [*own, *common]:
        field = settings.model_fields[name]
        rows.append(SettingDoc(variable_of(field), default_of(field), field.description or "", allowed_by(field)))
    return rows


_Settings = TypeVar("_Settings", bound=ServiceSettings)


def from_command_line(settings: type[_Settings], program: str, purpose: str, argv: Sequence[str]) -> _Settings:
    """Return the settings of a service started as a program; `--help` prints all of them.

    Ends the process with status 2 and one line per mistake when a setting is wrong.
    """
    rows = [
        f"  {row.variable:<22} {row.meaning} [{row.default or 'none'}]\n{'':25}{row.allowed}"
        for row in document(settings)
    ]
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=purpose,
        epilog="settings, from the environment [default]:\n" + "\n".join(rows),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(list(argv))
    try:
        return settings.load()
    except SettingsError as exc:
        raise SystemExit(end_with(program, exc)) from exc


def end_with(program: str, exc: SettingsError) -> int:
    """Print a line for each mistake, and return the status to exit with."""
    for mistake in exc.mistakes:
        sys.stderr.write(f"{program}: {mistake}\n")
    return MISTAKEN
