"""Odd values: what JSON, headers and pictures contain when they come from a stranger."""

import json
from io import BytesIO
from random import Random
from typing import Any

from PIL import Image

TEXTS = (
    "",
    "front",
    "a" * 300,
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "rtsp://user:password@host/path",
    "\x1b]0;title\x07\x1b[2J",
    "line\r\nX-Injected: 1",
    "\ud800",
    "\u202e\u0000",
    "__proto__",
    "٣",
)
NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**64, 10**400, -(10**400), 0.5, 1e308, float("nan"), float("inf"))


def value(random: Random, depth: int = 3) -> Any:
    """Return a value of JSON that nobody expects; NaN and infinite numbers are among them."""
    match random.randrange(8 if depth else 6):
        case 0:
            return random.choice(TEXTS)
        case 1 | 2:
            return random.choice(NUMBERS)
        case 3:
            return random.choice((None, True, False))
        case 4:
            return []
        case 5:
            return {}
        case 6:
            return [value(random, depth - 1) for _ in range(random.randrange(4))]
        case _:
            return {random.choice(TEXTS): value(random, depth - 1) for _ in range(random.randrange(4))}


def altered(random: Random, document: Any) -> Any:
    """Return a document with one of its values, wherever it is, replaced or removed, or with another added."""
    if not document or not isinstance(document, dict | list) or random.random() < 0.25:
        return value(random)
    if isinstance(document, list):
        at = random.randrange(len(document))
        return [*document[:at], altered(random, document[at]), *document[at + 1 :]]
    key = random.choice(list(document))
    match random.randrange(4):
        case 0:
            return {name: held for name, held in document.items() if name != key}
        case 1:
            return {**document, random.choice(TEXTS): value(random)}
        case _:
            return {**document, key: altered(random, document[key])}


def text(document: Any) -> bytes:
    """Return a document as JSON; numbers may be NaN, and texts may contain lone surrogates."""
    return json.dumps(document, ensure_ascii=True).encode()


def pictures() -> list[bytes]:
    """Return small JPEGs of every form that a camera sends: baseline, progressive, grey, with restart markers."""
    colours = Image.effect_mandelbrot((64, 48), (-2, -1.5, 1, 1.5), 20).convert("RGB")
    forms: list[dict[str, Any]] = [
        {"quality": 80},
        {"quality": 80, "progressive": True},
        {"quality": 30, "subsampling": 0},
        {"quality": 80, "restart_marker_rows": 1},
        {"quality": 80, "optimize": True},
    ]
    return [_coded(colours, **form) for form in forms] + [_coded(colours.convert("L"), quality=80)]


def _coded(image: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()
