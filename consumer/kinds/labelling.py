"""The text of a class."""

from collections.abc import Mapping

UNKNOWN = "Nothing"
"""The original's text for a class of ImageNet that has no label."""


def label_of(labels: Mapping[int, str], class_: int) -> str:
    """Return the label of a class; `class 17` if there is none, which tells what to add to the labels."""
    return labels.get(class_) or f"class {class_}"
