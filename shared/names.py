"""Names that several services share: the rule for camera ids."""

import re

CAMERA_FORM = "a DNS label: up to 63 lower-case letters, digits and inner hyphens"
_CAMERA = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def camera_id(value: str) -> str:
    """Return the id of a camera unchanged.

    Raises:
        ValueError: it is not a DNS label, which metrics, topics' keys and paths rely on.
    """
    if not _CAMERA.fullmatch(value):
        raise ValueError(f"not {CAMERA_FORM}")
    return value
