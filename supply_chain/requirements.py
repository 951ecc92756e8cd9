"""Reads requirements/*.txt, the pinned packages of the images, and what pip has installed of them here."""

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
_PIN = re.compile(r"(?m)^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\\n]+)(?: ; (?P<marker>[^\\\n]+?))? *\\?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of an image.

    Attributes:
        name: normalised (PEP 503).
        version: the only one that is installed.
        marker: on which platforms; None: on all.
        hashes: SHA-256 of each file that may be installed, in hexadecimal.
    """

    name: str
    version: str
    marker: Marker | None
    hashes: frozenset[str]

    @property
    def here(self) -> bool:
        """Whether this platform needs it."""
        return self.marker is None or self.marker.evaluate()


def images() -> list[str]:
    """Return the names of the images that have pinned packages."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def pins(image: str) -> dict[str, Pin]:
    """Return the packages of an image by name."""
    text = (FOLDER / f"{image}.txt").read_text()
    found = list(_PIN.finditer(text))
    ends = [*(pin.start() for pin in found[1:]), len(text)]
    return {
        (name := canonicalize_name(pin["name"])): Pin(
            name=name,
            version=pin["version"],
            marker=Marker(pin["marker"]) if pin["marker"] else None,
            hashes=frozenset(_HASH.findall(text, pin.end(), end)),
        )
        for pin, end in zip(found, ends, strict=True)
    }


def licence(distribution: metadata.Distribution) -> str:
    """Return the licence that a distribution states: an SPDX expression if it has one; empty if it states none.

    By PEP 639 that is License-Expression; older ones have classifiers, or a text in License.
    """
    about = distribution.metadata
    if "License-Expression" in about:
        return str(about["License-Expression"])
    classifiers = [
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License :: ")
    ]
    named = sorted({name for name in classifiers if name != "OSI Approved"})
    text = str(about["License"]).strip() if "License" in about else ""
    return " AND ".join(named) or (text if len(text) < 60 else text.splitlines()[0].strip()[:60])
