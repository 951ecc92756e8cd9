"""Reads the labels of a model: JSON {"0": "tench, Tinca tinca", …} from a file or an http URL."""

import json
from pathlib import Path

import requests

from consumer.deadline import session
from shared.errors import SuiteError

TIMEOUT_S = 5.0


class LabelsUnavailable(SuiteError):
    """The labels cannot be had, or are not labels; the message says where and why."""


def read_labels(where: str) -> dict[int, str]:
    """Return the label of each class.

    Args:
        where: a path or an http(s) URL.

    Raises:
        LabelsUnavailable: it cannot be read, or is not a JSON object of class numbers and texts.
    """
    try:
        document = json.loads(_fetch(where))
        return {int(number): str(label) for number, label in document.items()}
    except (OSError, requests.RequestException) as exc:
        raise LabelsUnavailable(f"{where}: {getattr(exc, 'strerror', None) or type(exc).__name__}") from exc
    except (ValueError, AttributeError, RecursionError) as exc:
        raise LabelsUnavailable(f'{where}: not JSON of the form {{"0": "label", …}}') from exc


def is_remote(where: str) -> bool:
    """Tell whether the labels come over the network, and so may come later."""
    return where.startswith(("http://", "https://"))


def _fetch(where: str) -> bytes:
    if not is_remote(where):
        return Path(where).read_bytes()
    with session() as opened, opened.get(where, timeout=TIMEOUT_S, stream=True) as response:
        response.raise_for_status()
        return response.content
