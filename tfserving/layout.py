"""A model's base path: one folder per version, named by the version's number; and the ONNX form in such a folder."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


def version_folders(base: Path) -> dict[int, Path]:
    """List the version folders of a base path, lowest version first; none if the path does not exist.

    As in TensorFlow Serving, folders whose name is not a number are ignored.
    """
    try:
        entries = list(base.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found = {
        int(entry.name): entry
        for entry in entries
        if entry.name.isascii() and entry.name.isdecimal() and entry.is_dir()
    }
    return dict(sorted(found.items()))


class Engine(StrEnum):
    """What runs the models of the local stand-in."""

    TENSORFLOW = "tensorflow"
    ONNXRUNTIME = "onnxruntime"


class Scaling(StrEnum):
    """How a model makes an encoded picture into the square that its network takes; bilinear."""

    STRETCHED = "stretched"
    """Over the whole square, half-pixel centres (`tf.image.resize`)."""
    STRETCHED_2018 = "stretched-2018"
    """Over the whole square, with the corners of `ResizeBilinear` without `half_pixel_centers`."""
    LETTERBOX = "letterbox"
    """At the top left of a black square, with its aspect kept, half-pixel centres."""


@dataclass(frozen=True, slots=True)
class OnnxCall:
    """How a call of a signature becomes one of the network; without any of these, the tensors are passed on.

    Attributes:
        encoded: the input with encoded pictures, which the server decodes and scales.
        pixels: the input with the pictures as uint8 [n, size, size, 3].
        size: of `encoded`: height and width of the square, in pixels.
        scaling: of `encoded`.
    """

    encoded: str = ""
    pixels: str = ""
    size: int = 0
    scaling: str = ""


@dataclass(frozen=True, slots=True)
class OnnxForm:
    """Where a version's ONNX form is: in `assets.extra`, which TensorFlow Serving leaves alone."""

    version: Path

    @property
    def folder(self) -> Path:
        """The folder of the form."""
        return self.version / "assets.extra" / "onnx"

    @property
    def network(self) -> Path:
        """The network; inputs `pictures` and `filled`, or those of the signature; outputs as the signature's."""
        return self.folder / "network.onnx"

    @property
    def description(self) -> Path:
        """JSON: `signature_def` of the SavedModel, `calls` by signature, or `why_not` if there is no network."""
        return self.folder / "form.json"
