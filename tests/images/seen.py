"""What the tests of images and of compose measured: a line of JSON each in artefacts/images.jsonl, asserted nowhere."""

import json

from tests.suite import ROOT

FILE = ROOT / "artefacts" / "images.jsonl"


def note(what: str, **seconds: float) -> None:
    """Append what was seen of something, in seconds."""
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"what": what} | {name: round(value, 2) for name, value in seconds.items()}) + "\n")
