"""Detectors: boxes with labels, in one of the forms of `output.format`."""

from collections.abc import Mapping, Sequence

from consumer.kinds.detections import Detections
from consumer.kinds.findings import per_picture
from consumer.kinds.kind import Request
from consumer.kinds.picture_input import InputDefaults, picture_input
from consumer.kinds.regions import make_request
from consumer.kinds.tf_boxes import has_boxes, read_boxes
from consumer.kinds.yolo import read_yolo, yolo_output
from consumer.model_spec import ModelSpec
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding
from consumer.servers.errors import Contradiction
from consumer.tensors import Signature, Tensors


class Detection:
    """Asks about whole pictures, or about boxes that another model found; every finding has a box."""

    def __init__(self, spec: ModelSpec, signature: Signature, labels: Mapping[int, str]) -> None:
        """Prepare.

        Raises:
            Contradiction: document and metadata do not fit each other.
        """
        self._lowest = spec.lowest
        self._margin = spec.crops.margin if spec.crops else 0.0
        self._format = _format(spec.output.format, signature)
        self._yolo = yolo_output(signature) if self._format == "yolo" else None
        # TensorFlow's models with a fixed size stretch the picture to it; YOLO's are trained on letterboxes.
        defaults = InputDefaults(resize="letterbox" if self._format == "yolo" else None)
        self._input = picture_input(spec, signature, defaults)
        self._labels = labels
        self._in_order = labels if 0 in labels else dict(enumerate(labels[number] for number in sorted(labels)))

    def request(self, pictures: Sequence[Picture], regions: Sequence[tuple[Box, ...] | None]) -> Request:
        """Return what to ask."""
        return make_request(self._input, pictures, regions, margin=self._margin)

    def findings(self, outputs: Tensors, request: Request) -> list[tuple[Finding, ...]]:
        """Return the boxes in each picture."""
        sizes = [place.placement.input_size for place in request.places]
        labels = self._labels
        if self._format == "boxes" or (self._format is None and has_boxes(outputs)):
            only_class = min(labels, default=0)
            rows: list[Detections] = [row.at_least(self._lowest) for row in read_boxes(outputs, sizes, only_class)]
        else:
            # YOLO counts classes from 0 without gaps; COCO's own numbers are 1 to 90 with gaps.
            labels = self._in_order
            rows = read_yolo(outputs, self._yolo, sizes, classes=max(labels, default=-1) + 1, lowest=self._lowest)
        found = (row.findings(place, labels) for row, place in zip(rows, request.places, strict=True))
        return per_picture(found, request)


def _format(asked: str, signature: Signature) -> str | None:
    """Return `boxes` or `yolo`; None if only the answer can tell.

    Raises:
        Contradiction: the document says `boxes`, and the server's model gives none.
    """
    if not signature.outputs:
        return None if asked == "auto" else asked
    described = "boxes" if has_boxes(signature.outputs) else "yolo"
    if asked == "boxes" and described != "boxes":
        found = ", ".join(map(str, list(signature.outputs.values())[:5]))
        raise Contradiction(
            "the document says output.format: boxes, which are detection_boxes and detection_scores; "
            f"the server's model gives {found}"
        )
    return described if asked == "auto" else asked
