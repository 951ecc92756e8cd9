"""Reads what the page and the services' probes answer."""

import json
import ssl
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError

TIMEOUT_S = 1.0
# The certificate is for the name that viewers use, often of an authority of their own. Nothing secret is sent, and
# nothing leaves this machine.
_UNVERIFIED = ssl.create_default_context()
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE


def cameras(page: str) -> list[dict[str, Any]]:
    """Return the cameras that the video service shows; empty until it answers."""
    answer = get_json(f"{page}/cameras")
    return [camera for camera in answer if camera["width"]] if isinstance(answer, list) else []


def is_closed(page: str) -> bool:
    """Return whether the video service shows cameras to those only who prove who they are."""
    try:
        with urllib.request.urlopen(f"{page}/cameras", timeout=TIMEOUT_S, context=_UNVERIFIED):  # noqa: S310 - a service of the suite
            return False
    except HTTPError as exc:
        with exc:
            return exc.code == HTTPStatus.UNAUTHORIZED
    except (URLError, OSError):
        return False


def has_label(page: str, camera: str) -> bool:
    """Return whether the newest frame of a camera has a label."""
    answer = get_json(f"{page}/cameras/{camera}/predictions")
    return isinstance(answer, dict) and any(one.get("label") for one in answer.get("predictions") or [])


def not_ready(address: str) -> str:
    """Return the first part that a service's /readyz reports as not `ok`, with its state; empty if there is none."""
    for part, state in (get_json(f"http://{address}/readyz") or {}).items():
        if part != "status" and state != "ok":
            return f"{part}: {state}"
    return ""


def get_json(url: str) -> Any:
    """Return the JSON of an answer of any status, None if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=_UNVERIFIED) as response:  # noqa: S310 - a service of the suite
            return json.load(response)
    except HTTPError as exc:  # a service that is not ready answers 503 and names what is missing
        with exc:
            return _parsed(exc.read())
    except (URLError, OSError, ValueError):
        return None


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
