"""Which engine runs a version of a model."""

import logging
from pathlib import Path

from tfserving.layout import Engine
from tfserving.standin.flags import Flags
from tfserving.standin.onnx_servable import NoOnnxForm, OnnxServable
from tfserving.standin.servable import Servable
from tfserving.standin.versions import Load, Loaded

log = logging.getLogger(__name__)


def servable_loader(flags: Flags) -> Load:
    """Return the function that loads a version's folder, into the engine and with the threads that the flags name.

    What ONNX Runtime cannot serve is loaded into TensorFlow, and a line in the log says why.
    """

    def load(path: Path) -> Loaded:
        if flags.engine is Engine.ONNXRUNTIME:
            try:
                return OnnxServable(path, threads=flags.intra_op_threads)
            except NoOnnxForm as exc:
                log.warning("TensorFlow runs %s, which has no ONNX form: %s", path, exc)
        return Servable(path, intra_op_threads=flags.intra_op_threads, inter_op_threads=flags.inter_op_threads)

    return load
