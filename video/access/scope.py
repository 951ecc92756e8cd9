"""Where the viewer of a request is found."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from video.access.access import Viewer

_KEY = "video.viewer"


def viewer_of(scope: Mapping[str, Any]) -> Viewer:
    """Return the sender of a request, from its ASGI scope; `gate.py` has put it there."""
    viewer: Viewer = scope[_KEY]
    return viewer


def put_viewer(scope: MutableMapping[str, Any], viewer: Viewer) -> None:
    """Note the sender of a request in its scope."""
    scope[_KEY] = viewer
