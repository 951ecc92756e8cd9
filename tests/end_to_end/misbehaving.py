"""A service with one method that crashes or hangs on demand.

`python -m tests.end_to_end.misbehaving SERVICE MODULE:CLASS.METHOD TRIGGER WAY`; the method misbehaves as soon as the
file TRIGGER exists. WAY: `once` (the file is removed), `always`, or `hang`.
"""

import importlib
import sys
import time
from functools import wraps
from pathlib import Path
from typing import Any

from shared.process.startup import start

WORDS = "this was done on purpose"


def spoil(place: str, trigger: Path, way: str) -> None:
    """Wrap the method."""
    module, _, path = place.partition(":")
    owner_name, _, name = path.partition(".")
    owner = getattr(importlib.import_module(module), owner_name)
    method = getattr(owner, name)

    @wraps(method)
    def spoiled(*args: Any, **options: Any) -> Any:
        if trigger.exists():
            if way == "hang":
                time.sleep(3600)
            if way == "once":
                trigger.unlink()
            raise RuntimeError(WORDS)
        return method(*args, **options)

    setattr(owner, name, spoiled)


if __name__ == "__main__":
    service, place, trigger, way = sys.argv[1:]
    spoil(place, Path(trigger), way)
    sys.argv = [service]
    start(f"{service}.service")
