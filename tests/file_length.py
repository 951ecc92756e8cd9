"""Checks that no source file of the product is longer than 300 lines: `make lint` runs it.

Tests may be longer, and so may data that a program writes.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_LINES = 300
FOLDERS = ("shared", "producer", "consumer", "video", "tfserving", "local", "monitoring", "bench")
SUFFIXES = {".css", ".html", ".js", ".py"}


def too_long(root: Path = ROOT) -> Iterator[str]:
    """Yield a line for each file that is too long, in the order of their names."""
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*") if path.suffix in SUFFIXES):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            yield f"{path.relative_to(root)}: {lines} lines, at most {MOST_LINES} are allowed"


def main() -> int:
    """Print the files that are too long; return the status to exit with."""
    found = list(too_long())
    sys.stdout.writelines(f"{line}\n" for line in found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
