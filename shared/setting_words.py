"""Describes what a setting allows and its default, in text derived from its type."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from shared.go_notation import DURATION_FORM, Address, format_duration


@dataclass(frozen=True, slots=True)
class Form:
    """Describes the values that a type allows, if its bounds do not; used in Annotated."""

    words: str


def variable_of(field: FieldInfo) -> str:
    """Return the name of a setting's variable."""
    return str(field.validation_alias)


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """Return what `setting` noted about a setting: `allowed`, `secret` and `empty`."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def allowed_by(field: FieldInfo) -> str:
    """Return in words what a setting may hold: what it says itself, else what its type says."""
    stated = str(extra_of(field)["allowed"])
    if stated:
        return stated
    if get_origin(field.annotation) is Literal:
        return _listed(get_args(field.annotation))
    form = next((part.words for part in field.metadata if isinstance(part, Form)), "")
    bounds = _bounds(field)
    if form:
        return f"{form}, more than {bounds['gt']:g}" if "gt" in bounds else form
    if field.annotation is int:
        return f"{bounds['ge']} to {bounds['le']}" if "le" in bounds else f"a whole number from {bounds['ge']} on"
    if field.annotation is float:
        return f"a number more than {bounds['gt']:g}, at most {bounds['le']:g}"
    raise TypeError(f"{variable_of(field)}: its type does not tell what is allowed; state it")


def _listed(values: Sequence[str]) -> str:
    words = ", ".join(value for value in values if value)
    return f"{words}, or empty" if "" in values else words


def _bounds(field: FieldInfo) -> dict[str, Any]:
    """Return the bounds of a field by pydantic's names: ge, gt, le, lt."""
    return {
        name: getattr(part, name)
        for part in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(part, name, None) is not None
    }


def default_of(field: FieldInfo) -> str:
    """Return a setting's default as it would stand in the environment."""
    default = field.get_default(call_default_factory=False)
    if default is None:
        return ""
    if isinstance(default, Address):
        return str(default)
    if isinstance(default, float) and Form(DURATION_FORM) in field.metadata:
        return format_duration(default)
    return json.dumps(default) if isinstance(default, dict) else str(default)
