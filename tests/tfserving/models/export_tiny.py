"""Export a tiny model to the cache and print its versions: `python -m tests.tfserving.models.export_tiny LOG`.

Each build appends a line to LOG, so that a test can count the builds of several processes.
"""

import sys
from pathlib import Path
from typing import Any

from tfserving.layout import version_folders
from tfserving.models.export import export_to_cache
from tfserving.models.recipes import Recipe
from tfserving.runtime import load_tensorflow


def build(log: Path) -> Any:
    with log.open("a") as file:
        file.write("built\n")
    tf = load_tensorflow()
    module = tf.Module()
    spec = tf.TensorSpec([None], tf.float32, name="x")
    module.serve = tf.function(lambda x: {"y": x * 2}, input_signature=[spec])
    return module


if __name__ == "__main__":
    base = export_to_cache(Recipe("tiny", "abc", lambda: build(Path(sys.argv[1]))))
    sys.stdout.write(" ".join(map(str, version_folders(base))) + "\n")
