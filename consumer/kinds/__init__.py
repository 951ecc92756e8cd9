"""The kinds of models. Another package adds one by an entry point of the group `GROUP`; see docs/kinds.md."""

from consumer.kinds.kind import Kind, Request
from consumer.kinds.registry import GROUP, default_labels, kind_names, make_kind

__all__ = ["GROUP", "Kind", "Request", "default_labels", "kind_names", "make_kind"]
