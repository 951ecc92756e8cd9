"""Writes the licences of the packages in the images into NOTICES.md: `python -m supply_chain notices`."""

from importlib import metadata
from pathlib import Path

from supply_chain import requirements

NOTICES = Path(__file__).resolve().parent.parent / "NOTICES.md"
BEGIN, END = "<!-- packages: begin -->\n", "<!-- packages: end -->\n"
BUILT_WITH = frozenset({"tfserving"})
"""Images in which these packages only made something: TensorFlow writes the models, and is not in the image."""
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache Software License",
        "Apache-2.0",
        "BSD License",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT License",
        "MIT-0",
        "MIT-CMU",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "PSF-2.0",
        "Python Software Foundation License",
        "Zlib",
    }
)
"""Licences that a package of an image may state; any other one is a decision, to be made by people."""
BUNDLED = {
    "av": "its files contain FFmpeg (LGPL-3.0-or-later), x264 and x265 (GPL-2.0-or-later) and their dependencies",
    "opencv-python-headless": "its files contain FFmpeg (LGPL-2.1-or-later), OpenSSL and others: its LICENSE-3RD-PARTY",
    "numpy": "its files contain OpenBLAS (BSD-3-Clause) and libgfortran (GPL-3.0-or-later with the runtime exception)",
    "confluent-kafka": "its files contain librdkafka (BSD-2-Clause), OpenSSL (Apache-2.0) and others",
    "pillow": "its files contain libjpeg-turbo, FreeType, HarfBuzz and others: its LICENSE",
}
"""What the wheels contain besides the package, where that has another licence."""


def licences() -> dict[str, tuple[str, list[str]]]:
    """Return the licence of each package, and the images that it is in; packages that this platform needs.

    Raises:
        PackageNotFoundError: one is not installed here.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for image in requirements.images():
        if image in BUILT_WITH:
            continue
        for name, pin in requirements.pins(image).items():
            if pin.here:
                stated = requirements.licence(metadata.distribution(name))
                found.setdefault(name, (stated, []))[1].append(image)
    return dict(sorted(found.items()))


def parts(expression: str) -> set[str]:
    """Return the licences in an expression, of which those joined by OR are alternatives.

    >>> sorted(parts("MIT AND (Apache-2.0 OR GPL-3.0-only)"))
    ['Apache-2.0', 'GPL-3.0-only', 'MIT']
    """
    words = expression.replace("(", " ( ").replace(" AND ", "\n").replace(" OR ", "\n")
    if "MPL" in expression:  # a classifier, which has parentheses of its own
        return {expression}
    return {word.strip(" ()") for word in words.splitlines()}


def section() -> str:
    """Return the table, with its markers."""
    rows = [
        f"| {name} | {stated}{'; ' + BUNDLED[name] if name in BUNDLED else ''} | {', '.join(images)} |\n"
        for name, (stated, images) in licences().items()
    ]
    return f"{BEGIN}\n| package | licence | images |\n| --- | --- | --- |\n{''.join(rows)}\n{END}"


def write() -> None:
    """Replace the table in NOTICES.md."""
    text = NOTICES.read_text()
    before, _, rest = text.partition(BEGIN)
    NOTICES.write_text(before + section() + rest.partition(END)[2])
