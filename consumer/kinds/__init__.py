"""The kinds of models. Another package adds one by an entry point of the group `GROUP`; see docs/kinds.md."""

from consumer.kinds.findings import per_picture
from consumer.kinds.kind import Kind, Request
from consumer.kinds.picture_input import InputDefaults, PictureInput, picture_input
from consumer.kinds.regions import Place, make_request
from consumer.kinds.registry import GROUP, default_labels, kind_names, make_kind

__all__ = [
    "GROUP",
    "InputDefaults",
    "Kind",
    "PictureInput",
    "Place",
    "Request",
    "default_labels",
    "kind_names",
    "make_kind",
    "make_request",
    "per_picture",
    "picture_input",
]
