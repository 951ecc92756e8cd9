"""The real model, exported once to the cache that `make run` uses too."""

import subprocess
import sys
from pathlib import Path


def efficientnet_lite0() -> Path:
    """Export EfficientNet-Lite0 to the cache unless it is there; return its base path, the parent of its versions.

    A separate process exports, so that TensorFlow (500 MB) stays out of this one. Workers may call this at
    the same time. It takes 0.2 s if the model is there.
    """
    command = [sys.executable, "-m", "tfserving.export", "efficientnet-lite0"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    return Path(done.stdout.splitlines()[-1])
