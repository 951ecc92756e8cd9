"""Reads the labels of a model: JSON {"0": "tench, Tinca tinca", …} from a file or an http(s) URL, or a packaged set."""

import json
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from urllib3.exceptions import HTTPError

from consumer.deadline import HttpSession
from shared.errors import SuiteError
from shared.redact import redact

TIMEOUT_S = 5.0
LARGEST_FILE = 1_000_000
"""Bytes; the thousand labels of ImageNet have 32,000."""
LONGEST_LABEL = 200
"""Characters; more do not fit on a picture."""

ASSETS = Path(str(files("consumer"))) / "assets"
PACKAGED = {"imagenet": "imagenetLabels.json", "emotions": "emonetLabels.json", "coco": "cocoLabels.json"}
"""Files of the packaged sets: ImageNet's 1000 classes, the original's 7 emotions, COCO's 80 objects."""


class LabelsUnavailable(SuiteError):
    """The labels cannot be read, or are not labels; the message says where and why, without credentials."""


def read_labels(where: str) -> dict[int, str]:
    """Return the label of each class, cut to `LONGEST_LABEL`.

    Args:
        where: a path or an http(s) URL. A redirection is not followed.

    Raises:
        LabelsUnavailable: the labels cannot be read within `TIMEOUT_S`, are larger than `LARGEST_FILE`, or are not a
            JSON object of class numbers and texts.
    """
    try:
        text = _fetch(where) if is_remote(where) else _read(where)
    except OSError as exc:
        raise LabelsUnavailable(f"{_shown(where)}: {exc.strerror or type(exc).__name__}") from exc
    except LabelsUnavailable:
        raise
    except Exception as exc:  # whatever an answer makes the HTTP client raise
        raise LabelsUnavailable(f"{_shown(where)}: {type(exc).__name__}") from exc
    if len(text) > LARGEST_FILE:
        raise LabelsUnavailable(f"{_shown(where)}: larger than {LARGEST_FILE} bytes")
    try:
        return {int(number): _label(label) for number, label in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError, RecursionError) as exc:
        raise LabelsUnavailable(f'{_shown(where)}: not JSON of the form {{"0": "label", …}}') from exc


def place_of(labels: str) -> str:
    """Return where labels are: a path or an http(s) URL, also for the name of a packaged set."""
    return str(ASSETS / PACKAGED[labels]) if labels in PACKAGED else labels


def is_remote(where: str) -> bool:
    """Return whether the labels are on the network, where they may be available later."""
    return where.startswith(("http://", "https://"))


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(LARGEST_FILE + 1)


def _fetch(url: str) -> bytes:
    try:
        with HttpSession() as session, closing(session.request("GET", url, timeout_s=TIMEOUT_S)) as response:
            if response.status != 200:
                raise LabelsUnavailable(f"{_shown(url)}: HTTP {response.status}")
            return response.read(LARGEST_FILE + 1, decode_content=True)
    except HTTPError as exc:
        raise LabelsUnavailable(f"{_shown(url)}: {type(exc).__name__}") from exc


def _label(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a label is a text")
    return "".join(character if character.isprintable() else " " for character in value[:LONGEST_LABEL])


def _shown(where: str) -> str:
    """Return where the labels are, without credentials, even if the scheme of the address is wrong."""
    if "://" in where or "@" not in where or where.startswith(("/", ".")):
        return redact(where)
    return "***@" + where.rpartition("@")[2].partition("?")[0]
