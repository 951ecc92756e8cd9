"""TensorFlow, imported late and without its start-up messages.

The import takes three seconds; a module that imports it at the top makes `--help` that slow.
"""

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_importing = threading.Lock()


def load_tensorflow() -> Any:
    """Import TensorFlow on its first call (3 s) and return the module.

    Sets `TF_CPP_MIN_LOG_LEVEL` to errors only, unless the environment has it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Keras prints its choice of backend if it has to make one.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with _importing:
        if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0":
            import tensorflow as tf
        else:
            # oneDNN writes a note to file descriptor 2 before any log level applies.
            with _stderr_closed():
                import tensorflow as tf
        tf.get_logger().setLevel("ERROR")  # `Instructions for updating`
    return tf


@contextmanager
def _stderr_closed() -> Iterator[None]:
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def release_memory() -> None:
    """Return memory that loading needed and serving does not: 150 MB for EfficientNet-Lite0 (glibc only)."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim:
            trim(0)
